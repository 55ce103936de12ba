package runner

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/internal/durable"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/runner/protocol/native"
	"frostkit/runner/report"
)

// reportFolder is where a run leaves its report, beside credentials and outputs.
const reportFolder = "report"

// record is what a run tells beside the screen while it goes on: the stream of
// events, and the timeline of the report.
type record struct {
	events      *eventLog
	closeEvents func() error
	timeline    *timeline
	history     *history
}

// openRecord begins to watch a run.
func (r *run) openRecord() (*record, error) {
	events, closeEvents, err := r.options.open(r.env, r.options.JSON, false)
	if err != nil {
		return nil, err
	}
	rec := &record{events: events, closeEvents: closeEvents, timeline: &timeline{Recorder: report.NewRecorder()}, history: newHistory()}
	r.display.watch = watchers{events, rec.timeline, rec.history}
	return rec, nil
}

// conclude writes the report of a run that did something, and ends the stream.
func (r *run) conclude(rec *record, changed bool, failed error) error {
	if changed {
		if err := r.writeReport(rec, failed); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(rec.events.end(failed), rec.closeEvents())
}

// writeReport writes the report's folder, with what else proves the groups.
func (r *run) writeReport(rec *record, failed error) error {
	plan, err := r.plan()
	if err != nil {
		return err
	}
	rings, err := r.rings()
	if err != nil {
		return err
	}
	defer destroy(rings)
	out := newReport(r.file)
	out.Started, out.Ended, out.Timeline = rec.timeline.Started(), time.Now(), rec.timeline.Timeline()
	if failed != nil {
		out.Outcome, out.Failure = report.Failed, errorText(failed)
		for _, missing := range classify(failed).Reminders {
			out.Notes = append(out.Notes, fmt.Sprintf("%s was missing. To be run for this part: %s", missing.Member, missing.Command))
		}
	}
	w := reportWriter{folder: r.gate.Beside(reportFolder)}
	w.avoidOthers(out)
	for _, g := range r.file.Groups {
		if err := r.reportGroup(&w, out, g, plan.Key(g.Name), rings, rec.history); err != nil {
			return err
		}
	}
	out.Notes = append(out.Notes, otherKeys(plan)...)
	if err := r.reportSignings(out, plan, rings, rec.history); err != nil {
		return err
	}
	if unknown := out.Unknown(); failed == nil && len(unknown) > 0 {
		out.Notes = append(out.Notes, fmt.Sprintf("The part of %s is complete. Whether this is signed is not known here: %s.",
			strings.Join(r.namesHere(), ", "), strings.Join(unknown, ", ")))
	}
	if err := w.finish(out); err != nil {
		return err
	}
	r.env.say("report     %s", w.folder.Sub(w.named(report.HTMLFile)))
	return nil
}

// otherKeys says which groups have another key besides the one that is theirs.
func otherKeys(plan *ceremony.Plan) []string {
	var notes []string
	for _, g := range plan.Groups {
		for _, other := range g.Others {
			notes = append(notes, fmt.Sprintf("The group %q has another key here besides its own: %s, of %s, described as %q. Both exist.",
				g.Description, other.Key, other, other.Description))
		}
	}
	return notes
}

// newReport is what a report says of the file alone.
func newReport(file *ceremony.File) *report.Report {
	return &report.Report{
		Version: report.Version, Tool: "frostkit " + Version, Ceremony: file.Name, File: filepath.Base(file.Path),
		Digest: digestText(file), Protocol: string(file.Protocol), Outcome: report.Complete,
	}
}

func digestText(file *ceremony.File) string {
	digest := file.Digest()
	return hex.EncodeToString(digest[:])
}

// reportGroup reports a group, and verifies and writes its certificate where
// there is one.
func (r *run) reportGroup(w *reportWriter, out *report.Report, g ceremony.Group, key string, rings map[string]*keyring.Keyring, h *history) error {
	group := newGroup(g, r.suite)
	made := h.of(stepOf{group: g.Name})
	group.Attempts, group.Restarts = made.latest, made.restarts
	if key != "" {
		group.VerifyingKey, group.Fingerprint = key, fingerprintOf(key)
	}
	viewer := rings[r.here[0].Name]
	for _, name := range g.Members {
		m, _ := r.file.Member(name)
		public, _ := r.keyOf(m, rings, viewer)
		group.Members = append(group.Members, newReportMember(name, public, r.isHere(name), h))
	}
	var err error
	if group.Unconfirmed, err = r.awaited(g); err != nil {
		return err
	}
	if len(group.Unconfirmed) > 0 {
		out.Notes = append(out.Notes, r.unsavedNote(g, group.Unconfirmed))
	}
	if key != "" {
		if err := r.prove(w, out, g, group); err != nil {
			return err
		}
		if !group.Confirmed {
			out.Notes = append(out.Notes, unconfirmedNote(g))
		}
	}
	out.Groups = append(out.Groups, *group)
	return nil
}

func newGroup(g ceremony.Group, suite frost.Ciphersuite) *report.Group {
	return &report.Group{Description: g.Description, Ciphersuite: suite.ID(), Threshold: g.Threshold}
}

// newReportMember reports a member; of one who is run elsewhere the version is
// what it said.
func newReportMember(name string, key commkey.PublicKey, here bool, h *history) report.Member {
	m := report.Member{Name: name, Here: here, Version: h.tool(name)}
	if !key.IsZero() {
		m.PublicKey, m.Fingerprint = key.String(), report.Fingerprint(key.Bytes())
	}
	if here {
		m.Version = "frostkit " + Version
	}
	return m
}

// unsavedNote says what to do where members have not said that they saved a
// group.
func (r *run) unsavedNote(g ceremony.Group, unconfirmed []string) string {
	commands := make([]string, len(unconfirmed))
	for i, name := range unconfirmed {
		commands[i] = r.partOf(name)
	}
	return fmt.Sprintf("The group %q is made and saved here, and %s have not said that they saved it. They complete it by running their part, "+
		"and this run again tells that they have: %s", g.Description, strings.Join(unconfirmed, ", "), strings.Join(commands, "; "))
}

// unconfirmedNote says what to do about a group without a certificate (with
// frost-client's protocol nobody says that it has the group).
func unconfirmedNote(g ceremony.Group) string {
	return fmt.Sprintf("The group %q is unconfirmed: its members have not signed that they made the same one. "+
		"Compare the fingerprint of its key with every member, and let all %d of them sign a test message.", g.Description, len(g.Members))
}

func fingerprintOf(key string) string {
	raw, err := hex.DecodeString(key)
	if err != nil {
		return ""
	}
	return report.Fingerprint(raw)
}

// keepProof writes the certificate of a group that was made, and what the member
// needs beside its key to recover its share.
func (r *run) keepProof(g ceremony.Group, m ceremony.Member, made *native.Outcome) error {
	group := newGroup(g, r.suite)
	group.VerifyingKey = made.PublicKeyPackage.VerifyingKey().String()
	for _, member := range made.Members {
		group.Members = append(group.Members, newReportMember(member.Name, member.Key, false, newHistory()))
	}
	proof := groupProof{file: r.file, group: g, certificate: made.Certificate}
	data, err := proof.encode(group)
	if err != nil {
		return err
	}
	w := reportWriter{folder: r.gate.Beside(reportFolder)}
	if made.Bundle != nil {
		place := r.keptBundle(group.VerifyingKey, m)
		if err := keepFile(place.Beside(".gitignore"), []byte("*\n"), 0o700, 0o644); err != nil {
			return err
		}
		if err := keepFile(place, made.Bundle.Encode(), 0o700, 0o600); err != nil {
			return err
		}
	}
	if err := keepFile(w.folder.Sub(keptCertificate(group.VerifyingKey)), data, 0o755, 0o644); err != nil {
		return err
	}
	name := certificateName(r.file, g)
	free, err := makeRoom(w.folder, name, group.VerifyingKey)
	if err != nil || !free {
		return err
	}
	w.add(name, data, 0o644)
	return w.flush()
}

// prove verifies the certificate of a group that is in the report's folder, and
// notes it if it is that of this group.
func (r *run) prove(w *reportWriter, out *report.Report, g ceremony.Group, group *report.Group) error {
	name, statement, err := certificateOf(w.folder, certificateName(r.file, g), group.VerifyingKey)
	if err != nil || statement == nil || statement.Rehearsal || !certifies(statement, group) {
		return err
	}
	confirmed(out, group, name, statement)
	if statement.Digest != out.Digest {
		out.Notes = append(out.Notes, fmt.Sprintf("The members of %q signed for an earlier version of the ceremony file, with the digest %s.",
			group.Description, statement.Digest))
	}
	return nil
}

// certifies reports whether a certificate that was verified is of this very
// group: what its members agreed on beside may have changed since.
func certifies(s *report.Statement, group *report.Group) bool {
	stranger := func(m report.CertificateMember) bool {
		return !slices.ContainsFunc(group.Members, func(known report.Member) bool { return known.PublicKey == m.PublicKey.String() })
	}
	return s.VerifyingKey == group.VerifyingKey && s.Threshold == group.Threshold &&
		len(s.Members) == len(group.Members) && !slices.ContainsFunc(s.Members, stranger)
}

// confirmed notes that a group has a certificate.
func confirmed(out *report.Report, group *report.Group, name string, s *report.Statement) {
	group.Certificate, group.Confirmed = name, true
	out.Checks = append(out.Checks, report.Check{
		What:   fmt.Sprintf("the certificate of the group %q: the signatures of all %d members over one transcript", group.Description, len(s.Members)),
		Passed: true, Detail: "transcript " + s.Transcript,
	})
}

// groupFileName begins the name of a file of a group: with the group's name where
// the ceremony has several.
func groupFileName(file *ceremony.File, kind string, g ceremony.Group) string {
	if len(file.Groups) > 1 {
		return kind + "-" + g.Name
	}
	return kind
}

func certificateName(file *ceremony.File, g ceremony.Group) string {
	return groupFileName(file, "certificate", g) + ".json"
}

// groupProof is the certificate of a group as the protocol made it.
type groupProof struct {
	file        *ceremony.File
	group       ceremony.Group
	certificate *cocktail.Certificate
	rehearsal   bool
}

// encode returns certificate.json.
func (p groupProof) encode(group *report.Group) ([]byte, error) {
	members := make([]report.CertificateMember, len(group.Members))
	for i, m := range group.Members {
		key, err := commkey.ParsePublicKey(m.PublicKey)
		if err != nil {
			return nil, err
		}
		members[i] = report.CertificateMember{Name: m.Name, PublicKey: key}
	}
	made, err := report.NewCertificate(p.certificate, p.file.Name, p.file.Digest(), p.group.StepName(), p.rehearsal, members)
	if err != nil {
		return nil, err
	}
	return made.Encode()
}

// reportSignings reports every signing of the file as it is now.
func (r *run) reportSignings(out *report.Report, plan *ceremony.Plan, rings map[string]*keyring.Keyring, h *history) error {
	state, err := r.observe(rings)
	if err != nil {
		return err
	}
	for i, signing := range r.file.Sign {
		s := r.reportSigning(signing, h)
		if state.Signatures[i] == ceremony.ValidSignature {
			raw, _, err := r.output(signing).Read(maxSpared)
			if err != nil {
				return err
			}
			s.Signature, s.Valid = hex.EncodeToString(raw), true
			if len(s.Signers) == 0 && s.Need == len(s.Candidates) { // in an earlier run
				s.Signers = s.Candidates
			}
		}
		if s.Valid {
			out.Checks = append(out.Checks, signatureCheck(s, plan.Key(signing.Group)))
		}
		out.Signings = append(out.Signings, s)
	}
	return nil
}

// reportSigning reports what this run knows of a signing.
func (r *run) reportSigning(signing ceremony.Signing, h *history) report.Signing {
	s := newSigning(signing)
	if message, err := r.message(signing); err == nil {
		describeMessage(&s, message)
	}
	made := h.of(stepOf{signing: signing.Number})
	s.Attempts, s.Restarts = made.latest, made.restarts
	if known, told := r.signings[signing.Number]; told {
		s.Signers, s.Absent = known.signers, known.absent
		if known.signature != nil {
			s.Signature, s.Valid = known.signature.String(), true
		}
	}
	for _, refused := range r.refused {
		told := func(a report.Absence) bool { return a.Member == refused.Member }
		if refused.Signing == signing.Number && !slices.ContainsFunc(s.Absent, told) {
			s.Absent = append(s.Absent, report.Absence{Member: refused.Member, Why: native.WhyDeclined, Reason: refused.Reason})
		}
	}
	return s
}

// newSigning is what a report says of a signing by the file alone.
func newSigning(signing ceremony.Signing) report.Signing {
	return report.Signing{
		Message: filepath.Base(signing.Message), Output: filepath.Base(signing.Output),
		Coordinator: signing.Coordinator(), Candidates: signing.Signers, Need: orAll(signing),
	}
}

func describeMessage(s *report.Signing, message []byte) {
	s.Size, s.SHA256 = len(message), digestOf(message)
	if isText(message) {
		s.Text = string(message)
	}
}

func signatureCheck(s report.Signing, key string) report.Check {
	return report.Check{
		What:   fmt.Sprintf("the signature %s of %s under the group's key", s.Output, s.Message),
		Passed: s.Valid, Detail: "key " + fingerprintOf(key),
	}
}

// reportWriter collects the files of a report, to write them together.
type reportWriter struct {
	folder files.Place
	of     string // name of the ceremony file, where another ceremony's report has the usual names
	files  []reportFile
}

// avoidOthers has the report named by its ceremony file where the folder has another ceremony's.
func (w *reportWriter) avoidOthers(out *report.Report) {
	data, _, err := w.folder.Sub(report.JSONFile).Read(maxCertificateFile)
	if err != nil {
		return
	}
	var there report.Report
	if json.Unmarshal(data, &there) != nil || there.Ceremony != out.Ceremony {
		w.of = out.File
	}
}

// named is what a file of the report is called.
func (w *reportWriter) named(usual string) string {
	if w.of == "" {
		return usual
	}
	ext := filepath.Ext(usual)
	return strings.TrimSuffix(usual, ext) + "-" + strings.TrimSuffix(w.of, filepath.Ext(w.of)) + ext
}

type reportFile struct {
	name string
	data []byte
	mode fs.FileMode
}

func (w *reportWriter) add(name string, data []byte, mode fs.FileMode) {
	w.files = append(w.files, reportFile{name, data, mode})
}

// finish writes the files, the report itself last.
func (w *reportWriter) finish(out *report.Report) error {
	data, err := out.Encode()
	if err != nil {
		return err
	}
	page, err := out.HTML()
	if err != nil {
		return err
	}
	w.add(w.named(report.JSONFile), data, 0o600) // messages are quoted in it
	w.add(w.named(report.HTMLFile), page, 0o600)
	return w.flush()
}

func (w *reportWriter) flush() error {
	if err := w.folder.MakeFolder(0o755); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("making the report's folder: %w", err)}
	}
	for _, f := range w.files {
		place := w.folder.Sub(f.name)
		if err := durable.Write(place, f.data, f.mode); err != nil {
			return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", place, err)}
		}
	}
	return nil
}
