package runner

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"frostkit/ceremony"
	"frostkit/frost/cocktail"
	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/access"
	"frostkit/runner/protocol"
	"frostkit/runner/rehearsal"
	"frostkit/runner/report"
	"frostkit/runner/steps"
)

// rehearsalFolder is where a rehearsal leaves its report: not where a run does.
const rehearsalFolder = "rehearsal"

type rehearseCommand struct {
	File    string        `arg:"" placeholder:"FILE" help:"The ceremony file."`
	Fault   []string      `sep:"none" placeholder:"KIND:MEMBER[@PHASE][=ARG]" help:"Something to go wrong, beside the faults in the file; may be given several times."`
	Dir     string        `placeholder:"DIR" help:"Folder below which the report is written, as rehearsal/; by default the ceremony file's."`
	Timeout time.Duration `placeholder:"DURATION" help:"How long each step may take; by default 10s, 10ms for each pair of members, and what the faults delay."`
	localFlag
	jsonFlag
	eventsFlag
}

// rehearsed is a rehearsal that goes on.
type rehearsed struct {
	*rehearsal.Rehearsal
	env     *Env
	file    *ceremony.File
	dir     string
	gate    *access.Gate
	display *display
	report  *report.Report
	writer  reportWriter
	rows    map[string]func(steps.Notice) // of members, and of coordinators with their suffix
	signed  map[int]*rehearsal.Signing    // by the signing's number, from 1
	absent  map[int][]report.Absence      // likewise, of signings that failed
	history *history
}

// Run carries the ceremony out among members in this process alone.
func (c *rehearseCommand) Run(e *Env) error {
	r, err := c.prepare(e)
	if err != nil {
		return err
	}
	defer r.Destroy()
	events, closeEvents, err := c.open(e, c.JSON, true)
	if err != nil {
		return err
	}
	line := &timeline{Recorder: report.NewRecorder()}
	r.display.watch = watchers{events, line, r.history}
	failed := r.perform(e.Context)
	r.display.close()
	r.report.Started, r.report.Ended, r.report.Timeline = line.Started(), time.Now(), line.Timeline()
	if err := r.conclude(failed); err != nil {
		failed = errors.Join(failed, err)
	}
	if c.JSON {
		failed = errors.Join(failed, r.print())
	}
	return errors.Join(events.end(failed), closeEvents())
}

// print prints what report.json has.
func (r *rehearsed) print() error {
	data, err := r.report.Encode()
	if err != nil {
		return err
	}
	_, err = r.env.Stdout.Write(data)
	return err
}

// prepare reads the file, in which everybody is run here.
func (c *rehearseCommand) prepare(e *Env) (*rehearsed, error) {
	file, granted, err := e.loadCeremony(c.File, c.localFlag)
	if err != nil {
		return nil, err
	}
	faults := slices.Clone(file.Faults)
	for _, text := range c.Fault {
		f, err := file.ParseFault(text)
		if err != nil {
			return nil, &Failure{Code: ExitUsage, Err: err}
		}
		faults = append(faults, f)
	}
	r := &rehearsed{
		env: e, file: file, dir: c.Dir, display: newDisplay(e), report: newReport(file),
		rows: map[string]func(steps.Notice){}, signed: map[int]*rehearsal.Signing{},
		absent: map[int][]report.Absence{}, history: newHistory(),
	}
	if r.dir == "" {
		r.dir = file.Dir()
	}
	r.gate = access.Open(file, c.Dir, granted)
	if refused := r.gate.Refused(file.Names(), access.Reads); len(refused) > 0 {
		return nil, refusedFailure(refused)
	}
	r.writer.folder = r.gate.Beside(rehearsalFolder)
	r.report.Rehearsal = true
	for _, f := range faults {
		r.report.Faults = append(r.report.Faults, shown.Words(f.Text))
	}
	for _, name := range file.Names() {
		r.rows[name], r.rows[name+coordinatorSuffix] = r.display.member(name), r.display.coordinator(name)
	}
	r.Rehearsal, err = rehearsal.New(rehearsal.Config{
		File: file, Faults: faults, Timeout: c.Timeout, Tool: "frostkit " + Version, Notify: r.notify,
	})
	if err != nil {
		return nil, &Failure{Code: ExitInput, Err: err}
	}
	return r, nil
}

// notify shows what a member does.
func (r *rehearsed) notify(member string, coordinator bool, e protocol.Event) {
	if coordinator {
		member += coordinatorSuffix
	}
	r.rows[member](steps.Notice{Kind: steps.Progress, Event: e})
}

// perform goes through the steps that a run in an empty folder would take.
func (r *rehearsed) perform(ctx context.Context) error {
	plan, err := r.everybody().Plan(ceremony.State{}, ceremony.PlanOptions{Dir: r.dir, MessageDir: r.file.Dir()})
	if err != nil {
		return err
	}
	plan.Digest = digestText(r.file)
	r.env.say("REHEARSAL: every member is run here, with keys that no real run accepts")
	r.display.begin(plan)
	for _, step := range plan.Steps {
		r.display.start(step)
		if err := r.carryOut(ctx, step); err != nil {
			r.display.fail()
			return unreminded(err)
		}
		r.display.done()
	}
	if idle := r.Idle(); len(idle) > 0 {
		return failf(ExitInput, "rehearsing: %s never happened", strings.Join(idle, ", ")).
			hint("the member takes no such part, or the protocol has no such phase: frostkit help rehearse says which there are")
	}
	return nil
}

// unreminded is what a rehearsal fails with: nobody is to run anything for it.
func unreminded(err error) error {
	failure := roll{command: func(string) string { return "" }}.remind(err)
	var missing *Failure
	if errors.As(failure, &missing) && missing.Code == ExitMissing {
		missing.Hint = "nobody is asked to do anything: this was a rehearsal, in which no member beside this process took part"
	}
	return failure
}

// everybody returns the file with all members run here, at a relay of their own.
func (r *rehearsed) everybody() *ceremony.File {
	file := *r.file
	file.Server = ceremony.Server{}
	file.Members = slices.Clone(file.Members)
	for i := range file.Members {
		file.Members[i].Contact = ""
	}
	return &file
}

func (r *rehearsed) carryOut(ctx context.Context, step ceremony.Step) error {
	switch step.Kind {
	case ceremony.DKG:
		group, _ := r.file.Group(step.Group)
		found, err := r.DKG(ctx, group)
		r.found(step, found)
		return err
	case ceremony.Sign:
		return r.sign(ctx, step)
	}
	return nil // members are made with keys and know each other, and Sign verifies
}

func (r *rehearsed) sign(ctx context.Context, step ceremony.Step) error {
	signing := r.file.Sign[step.Signing-1]
	message, err := r.message(signing)
	if err != nil {
		return err
	}
	signed, found, err := r.Sign(ctx, signing, message)
	r.found(step, found)
	r.signed[step.Signing], r.absent[step.Signing] = signed, absences(err)
	return err
}

// message reads a message or, where it is not there yet, makes one up.
func (r *rehearsed) message(signing ceremony.Signing) ([]byte, error) {
	s := &scene{env: r.env, file: r.file, dir: r.dir, gate: r.gate}
	message, err := s.message(signing)
	if errors.Is(err, fs.ErrNotExist) {
		return []byte("REHEARSAL of signing " + filepath.Base(signing.Message) + ", which is not here\n"), nil
	}
	return message, err
}

// found notes how a step ended for those for whom it did not end well.
func (r *rehearsed) found(step ceremony.Step, list []rehearsal.Finding) {
	for _, f := range list {
		r.report.Findings = append(r.report.Findings, report.Finding{Step: step.Title, Member: f.Member, What: shown.Line(f.Err.Error(), shown.MaxLine)})
	}
}

// conclude writes the report and says what came out.
func (r *rehearsed) conclude(failed error) error {
	if failed != nil {
		r.report.Outcome, r.report.Failure = report.Failed, errorText(failed)
	}
	for _, g := range r.file.Groups {
		if err := r.reportGroup(g); err != nil {
			return err
		}
	}
	for _, signing := range r.file.Sign {
		if err := r.reportSigning(signing); err != nil {
			return err
		}
	}
	for _, g := range r.file.Groups { // of the rehearsal before
		if err := r.writer.folder.Sub(certificateName(r.file, g)).Remove(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return &Failure{Code: ExitStorage, Err: err}
		}
	}
	if err := r.writer.finish(r.report); err != nil {
		return err
	}
	for _, f := range r.report.Findings {
		r.env.say("found      %s: %s", keyring.EscapeName(f.Member), f.What)
	}
	r.env.say("report     %s", r.writer.folder.Sub(report.HTMLFile))
	if failed == nil && r.report.Rehearsal {
		r.env.say("REHEARSAL complete: nothing of it is of use for anything else")
	}
	return nil
}

func (r *rehearsed) reportGroup(g ceremony.Group) error {
	group := newGroup(g, r.Ciphersuite())
	attempted := r.history.of(stepOf{group: g.Name})
	group.Attempts, group.Restarts = attempted.latest, attempted.restarts
	for _, name := range g.Members {
		group.Members = append(group.Members, newReportMember(name, r.Key(name), true, r.history))
	}
	if made, ok := r.Group(g.Name); ok {
		group.VerifyingKey = made.Public.VerifyingKey().String()
		group.Fingerprint = fingerprintOf(group.VerifyingKey)
		if made.Certificate != nil {
			if err := r.prove(g, group, made.Certificate); err != nil {
				return err
			}
		} else {
			r.report.Notes = append(r.report.Notes, unconfirmedNote(g))
		}
	}
	r.report.Groups = append(r.report.Groups, *group)
	return nil
}

// prove writes a group's certificate, marked as a rehearsal's.
func (r *rehearsed) prove(g ceremony.Group, group *report.Group, encoded []byte) error {
	certificate, err := cocktail.DecodeCertificate(r.Ciphersuite(), encoded)
	if err != nil {
		return err
	}
	data, err := groupProof{file: r.file, group: g, certificate: certificate, rehearsal: true}.encode(group)
	if err != nil {
		return err
	}
	parsed, err := report.ParseCertificate(data)
	if err != nil {
		return err
	}
	statement, err := parsed.Verify()
	if err != nil {
		return err
	}
	name := certificateName(r.file, g)
	r.writer.add(name, data, 0o644)
	confirmed(r.report, group, name, statement)
	return nil
}

func (r *rehearsed) reportSigning(signing ceremony.Signing) error {
	message, err := r.message(signing)
	if err != nil {
		return err
	}
	s := newSigning(signing)
	describeMessage(&s, message)
	attempted := r.history.of(stepOf{signing: signing.Number})
	s.Attempts, s.Restarts, s.Absent = attempted.latest, attempted.restarts, r.absent[signing.Number]
	if made := r.signed[signing.Number]; made != nil {
		s.Signature, s.Valid, s.Signers = hex.EncodeToString(made.Signature.Bytes()), true, made.Signers
		s.Absent = excluded(made.Excluded)
		group, _ := r.Group(signing.Group)
		r.report.Checks = append(r.report.Checks, signatureCheck(s, group.Public.VerifyingKey().String()))
	}
	r.report.Signings = append(r.report.Signings, s)
	return nil
}
