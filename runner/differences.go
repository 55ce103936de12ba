package runner

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/runner/report"
)

// newGroups are the groups whose key is made though one is there, by their steps' names, with the keys that
// were there before.
type newGroups map[string][]string

// askNew notes that a key is to be made for these groups though they have one. A group that is being made is gone on
// with, and not begun once more.
func (s *scene) askNew(names []string) error {
	for _, name := range names {
		at := slices.IndexFunc(s.file.Groups, func(g ceremony.Group) bool { return g.StepName() == name })
		if at < 0 {
			return failf(ExitUsage, "--new-group: the file %q has no group %q", s.file.Path, name).
				hint("the groups are %s", quotedList(stepNames(s.file)))
		}
		if err := s.askNewGroup(s.file.Groups[at]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) askNewGroup(g ceremony.Group) error {
	if begun, err := s.outstanding(g); begun || err != nil {
		return err
	}
	rings, err := s.rings()
	if err != nil {
		return err
	}
	defer destroy(rings)
	there, err := s.there(g, rings)
	if err != nil {
		return err
	}
	if s.asked == nil {
		s.asked = newGroups{}
	}
	s.asked[g.StepName()] = []string{}
	for _, found := range there {
		s.asked[g.StepName()] = append(s.asked[g.StepName()], found.Key)
	}
	return nil
}

func stepNames(file *ceremony.File) []string {
	names := make([]string, len(file.Groups))
	for i, g := range file.Groups {
		names[i] = g.StepName()
	}
	return names
}

// wantedNew returns the groups that are made whatever is there: those asked for, and those that are being made.
func (s *scene) wantedNew(there map[string][]ceremony.Found) ([]string, error) {
	var names []string
	for _, g := range s.file.Groups {
		_, asked := s.asked[g.StepName()]
		if !asked && len(there[g.Name]) > 0 {
			var err error
			if asked, err = s.outstanding(g); err != nil {
				return nil, err
			}
		}
		if asked {
			names = append(names, g.StepName())
		}
	}
	return names, nil
}

// differing is what a run fails with whose file describes groups otherwise than they are.
func differing(plan *ceremony.Plan) error {
	if err := plan.Differing(); err != nil {
		return failf(ExitDisagreed, "%w", err)
	}
	return nil
}

// wanted is a group of the file, as it is compared with those that are there.
func (s *scene) wanted(g ceremony.Group) ceremony.Found {
	return ceremony.Found{
		Key: g.Key, Description: g.Description, Ciphersuite: s.suite.ID(), Threshold: g.Threshold, Members: g.Members, Ordered: true,
	}
}

// groupIn finds a group of this ceremony in a keyring: the one that has the file's description, ciphersuite,
// threshold and members, or that this ceremony made and whose description alone has changed.
func (s *scene) groupIn(g ceremony.Group, k *keyring.Keyring, rings map[string]*keyring.Keyring) *keyring.Group {
	var first *keyring.Group
	for _, group := range s.candidates(g, k) {
		differences := s.found(g, group, k, rings).Compare(s.wanted(g))
		switch made := s.recorded(g); {
		case !ceremony.OnlyLabel(differences) || slices.Contains(s.asked[g.StepName()], group.ID()):
		case made != nil && made.Key == group.ID(), g.Key != "":
			return group
		case first == nil && len(differences) == 0:
			first = group
		}
	}
	return first
}

// candidates are the groups of a keyring that may be g: those with its description, the one that this
// ceremony made, and the one whose key the file has.
func (s *scene) candidates(g ceremony.Group, k *keyring.Keyring) []*keyring.Group {
	made := s.recorded(g)
	return slices.DeleteFunc(k.Groups(), func(group *keyring.Group) bool {
		return group.Description != g.Description && group.ID() != g.Key && (made == nil || made.Key != group.ID())
	})
}

// there returns the groups that may be g, in the credentials of the members here and by the certificate, the
// one that this ceremony made first.
func (s *scene) there(g ceremony.Group, rings map[string]*keyring.Keyring) ([]ceremony.Found, error) {
	var all []ceremony.Found
	for _, m := range s.here {
		k := rings[m.Name]
		for _, group := range s.candidates(g, k) {
			if !slices.ContainsFunc(all, func(f ceremony.Found) bool { return f.Key == group.ID() }) {
				all = append(all, s.found(g, group, k, rings))
			}
		}
	}
	made := s.recorded(g)
	if made == nil {
		return all, nil
	}
	at := slices.IndexFunc(all, func(f ceremony.Found) bool { return f.Key == made.Key })
	switch {
	case at > 0:
		first := all[at]
		all = slices.Insert(slices.Delete(all, at, at+1), 0, first)
	case at < 0 && made.certified:
		lost := made.Found
		lost.Description, lost.Members = g.Description, s.namesOf(made.keys, rings[s.here[0].Name], rings)
		if !ceremony.OnlyLabel(lost.Compare(s.wanted(g))) {
			all = append(all, lost)
		}
	}
	return all, nil
}

// found is a group of a keyring, as it is compared with one of the file. Frostkit's own protocol numbers members
// in their order; with the other one it is known from the report alone.
func (s *scene) found(g ceremony.Group, group *keyring.Group, k *keyring.Keyring, rings map[string]*keyring.Keyring) ceremony.Found {
	found := ceremony.Found{
		Key: group.ID(), Description: group.Description, Ciphersuite: group.Ciphersuite, Threshold: group.MinSigners(), Ordered: true,
	}
	keys := make([]commkey.PublicKey, len(group.Participants))
	for i, p := range group.Participants {
		keys[i] = p.Key
		found.Ordered = found.Ordered && isNumber(p.Identifier, i+1)
	}
	if made := s.recorded(g); !found.Ordered && made != nil && made.Key == found.Key {
		keys, found.Ordered = made.keys, true
	}
	found.Members = s.namesOf(keys, k, rings)
	return found
}

// isNumber reports whether an identifier is the number n.
func isNumber(id frost.Identifier, n int) bool {
	if id.IsZero() {
		return false
	}
	want, err := frost.NewIdentifier(id.Ciphersuite(), uint16(n))
	return err == nil && id.Compare(want) == 0
}

// namesOf names who has communication keys: as the file does, else as the contacts do, else by the key. A
// name that the file gives to another key is followed by the key.
func (s *scene) namesOf(keys []commkey.PublicKey, k *keyring.Keyring, rings map[string]*keyring.Keyring) []string {
	known := map[commkey.PublicKey]string{}
	for _, contact := range k.Contacts() {
		known[contact.Key] = keyring.EscapeName(contact.Name)
		if _, taken := s.file.Member(contact.Name); taken {
			known[contact.Key] += fmt.Sprintf(" (%s)", contact.Key)
		}
	}
	for _, m := range s.file.Members {
		if key, ok := s.keyOf(m, rings, k); ok {
			known[key] = m.Name
		}
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		if names[i] = known[key]; names[i] == "" {
			names[i] = key.String()
		}
	}
	return names
}

// recordedGroup is a group that this ceremony made, by what an earlier run left here.
type recordedGroup struct {
	ceremony.Found // without names
	keys           []commkey.PublicKey
	certified      bool
}

// recorded returns the group that this ceremony made for g, by its certificate or else by the report, nil where
// neither says so.
func (s *scene) recorded(g ceremony.Group) *recordedGroup {
	if made, known := s.earlier[g.Name]; known {
		return made
	}
	made := s.certified(g)
	if made == nil {
		made = s.reported(g)
	}
	if s.earlier == nil {
		s.earlier = map[string]*recordedGroup{}
	}
	s.earlier[g.Name] = made
	return made
}

// certified finds the certificate of g, of this ceremony: that of the latest group first.
func (s *scene) certified(g ceremony.Group) *recordedGroup {
	_, statement := s.findCertificate(g, func(c *report.Certificate) bool { return c.Ceremony == s.file.Name })
	if statement == nil {
		return nil
	}
	made := &recordedGroup{certified: true, Found: ceremony.Found{
		Key: statement.VerifyingKey, Ciphersuite: statement.Ciphersuite, Threshold: statement.Threshold, Ordered: true,
	}}
	for _, m := range statement.Members {
		made.keys = append(made.keys, m.PublicKey)
	}
	return made
}

// reported finds g in the report of an earlier run of this ceremony.
func (s *scene) reported(g ceremony.Group) *recordedGroup {
	last, err := s.lastReport()
	if err != nil || len(last.Groups) != len(s.file.Groups) {
		return nil
	}
	at := slices.IndexFunc(s.file.Groups, func(other ceremony.Group) bool { return other.Name == g.Name })
	group := last.Groups[at]
	if group.VerifyingKey == "" {
		return nil
	}
	made := &recordedGroup{Found: ceremony.Found{Key: group.VerifyingKey, Ciphersuite: group.Ciphersuite, Threshold: group.Threshold, Ordered: true}}
	for _, m := range group.Members {
		key, err := commkey.ParsePublicKey(m.PublicKey)
		if err != nil {
			return nil
		}
		made.keys = append(made.keys, key)
	}
	return made
}

// maxReportFile is how much is read of a report, in bytes.
const maxReportFile = 64 << 20

var errOtherReport = errors.New("the report is of something else")

// lastReport reads the report of an earlier run of this ceremony.
func (s *scene) lastReport() (*report.Report, error) {
	var last *report.Report
	err := errOtherReport
	for _, of := range []string{"", filepath.Base(s.file.Path)} { // named by the file beside another ceremony's
		w := reportWriter{folder: s.gate.Beside(reportFolder), of: of}
		if last, err = s.readReport(w.folder.Sub(w.named(report.JSONFile))); err == nil {
			break
		}
	}
	return last, err
}

func (s *scene) readReport(place files.Place) (*report.Report, error) {
	data, _, err := place.Read(maxReportFile)
	if err != nil {
		return nil, err
	}
	last := &report.Report{}
	if err := json.Unmarshal(data, last); err != nil {
		return nil, err
	}
	if last.Version != report.Version || last.Rehearsal || last.Ceremony != s.file.Name {
		return nil, errOtherReport
	}
	return last, nil
}

// changed reports whether the message of a signing was changed since it was signed, as the report of
// an earlier run knows: its signature is the one that is at the output.
func (s *scene) changed(g ceremony.Signing) (ceremony.Change, bool) {
	last, err := s.lastReport()
	if err != nil {
		return ceremony.Change{}, false
	}
	raw, _, err := s.output(g).Read(maxSpared)
	if err != nil {
		return ceremony.Change{}, false
	}
	at := slices.IndexFunc(last.Signings, func(signed report.Signing) bool {
		return signed.Valid && signed.Signature == hex.EncodeToString(raw)
	})
	message, err := s.message(g)
	if err != nil || at < 0 || last.Signings[at].SHA256 == digestOf(message) {
		return ceremony.Change{}, false
	}
	return ceremony.Change{Signed: last.Signings[at].SHA256, Now: digestOf(message)}, true
}
