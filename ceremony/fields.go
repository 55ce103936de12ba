package ceremony

import (
	"encoding/json"
	"fmt"
	"time"

	"gopkg.in/yaml.v3"
)

// ceremony reads the whole file.
func (r *reader) ceremony(root *yaml.Node) {
	fields, ok := r.fields(root, "the file", fileObject)
	if !ok || !r.version(fields) {
		return
	}
	r.name(fields)
	r.suiteAndProtocol(fields)
	r.timeouts(fields)
	r.members(fields)
	r.threshold(fields)
	r.server(fields)
	r.recovery(fields, &r.file.Recovery, "recovery")
	r.groups(fields)
	r.signings(fields)
	r.faults(fields)
	r.ownIsKnown()
	r.files()
	r.ordered()
}

// version reads the version. Of another version nothing else can be said: what
// its keys mean is not known.
func (r *reader) version(fields map[string]entry) bool {
	e, ok := fields["version"]
	if !ok {
		return true
	}
	if r.file.Version, ok = r.number(e.value, "version"); !ok || r.file.Version == Version {
		return true
	}
	r.problems = nil
	r.report(position(e.value), fmt.Sprintf(`write "version: %d", or use a frostkit that knows the other`, Version),
		"version %d of the ceremony file is not known", r.file.Version)
	return false
}

func (r *reader) name(fields map[string]entry) {
	e, ok := fields["ceremony"]
	if !ok {
		return
	}
	if r.file.Name, ok = r.value(e.value, "ceremony"); !ok {
		return
	}
	r.file.NamePos = position(e.value)
	if !ceremonyName.MatchString(r.file.Name) {
		r.report(r.file.NamePos, nameHint, "ceremony %s is not a name for a ceremony", quote(r.file.Name))
	}
}

const nameHint = "use 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"

func (r *reader) suiteAndProtocol(fields map[string]entry) {
	r.file.Ciphersuite, r.file.Protocol = suites[0].name, DefaultProtocol
	if e, ok := fields["ciphersuite"]; ok {
		r.file.CiphersuitePos = position(e.value)
		r.file.Ciphersuite, _ = r.word(e.value, "ciphersuite", fileObject.key("ciphersuite").value)
	}
	if e, ok := fields["protocol"]; ok {
		r.file.ProtocolPos = position(e.value)
		word, _ := r.word(e.value, "protocol", fileObject.key("protocol").value)
		r.file.Protocol = Protocol(word)
	}
}

// timeouts reads the timeouts that are given, and takes the others from the
// table.
func (r *reader) timeouts(fields map[string]entry) {
	given := map[string]entry{}
	if e, ok := fields["timeouts"]; ok {
		given, _ = r.fields(e.value, "timeouts", timeoutsObject)
	}
	given = replaced(given, r.own.timeouts)
	t := &r.file.Timeouts
	for name, timeout := range map[string]*time.Duration{"session": &t.Session, "dkg": &t.DKG, "sign": &t.Sign, "approve": &t.Approve} {
		*timeout = timeoutsObject.key(name).standardDuration()
		if e, ok := given[name]; ok {
			*timeout, _ = r.duration(e.value, name+" of timeouts")
		}
	}
}

// standardDuration returns what holds where the key, a duration, is absent.
func (k *key) standardDuration() time.Duration {
	var text string
	if err := json.Unmarshal([]byte(k.standard), &text); err != nil {
		panic("ceremony: the default of " + k.name + " is no duration")
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		panic("ceremony: the default of " + k.name + " is no duration")
	}
	return d
}

func (r *reader) members(fields map[string]entry) {
	e, ok := fields["members"]
	if !ok {
		return
	}
	entries, ok := r.mapping(e.value, "members")
	if !ok {
		return
	}
	if n := len(e.value.Content) / 2; n < MinThreshold || n > MaxMembers {
		r.report(e.pos, fmt.Sprintf("name %d to %d members", MinThreshold, MaxMembers), "members has %s", count(n, "member"))
	}
	for i := 0; i < len(e.value.Content); i += 2 {
		r.named = append(r.named, e.value.Content[i].Value)
	}
	for _, e := range entries {
		r.member(e)
	}
	r.sameNames()
	r.sameContacts()
}

func (r *reader) member(e entry) {
	m := Member{Name: e.key, Pos: e.pos, Config: e.key + ".toml", ConfigPos: e.pos}
	what := "member " + quote(m.Name)
	if fault, hint := nameFault(m.Name); fault != "" {
		r.report(m.Pos, hint, "%s %s", what, fault)
	}
	fields, _ := r.fields(e.value, what, memberObject)
	fields = replaced(fields, r.own.members[m.Name])
	if e, ok := fields["config"]; ok {
		m.Config, m.ConfigPos = r.path(e.value, "config of "+what), position(e.value)
	}
	if e, ok := fields["contact"]; ok {
		m.Contact, m.ContactPos = r.contact(e.value, "contact of "+what), position(e.value)
	}
	if e, ok := fields["approve"]; ok {
		m.Approve = r.approval(e.value, "approve of "+what)
	}
	r.file.Members = append(r.file.Members, m)
}

// contact reads a contact string. Its checksum and key are checked by who
// decodes it; here is enough to catch a name or a key in its place.
func (r *reader) contact(node *yaml.Node, what string) string {
	contact, ok := r.ownValue(node, what)
	if ok && (len(contact) > maxContact || !contactString.MatchString(contact)) {
		r.report(position(node), `paste what "frostkit export" printed at that member's, all of it`,
			"%s is %s, not a contact string (zffrost1…)", what, quote(contact))
	}
	return contact
}

// approval reads how a member agrees to sign: a word, or a command.
func (r *reader) approval(node *yaml.Node, what string) Approval {
	a := Approval{Pos: position(node)}
	if node.Kind != yaml.MappingNode {
		word, _ := r.word(node, what, memberObject.key("approve").value.either[0])
		a.By = Approver(word)
		return a
	}
	fields, _ := r.fields(node, what, commandObject)
	e, ok := fields["command"]
	if !ok {
		return a
	}
	a.By = ByCommand
	nodes, ok := r.list(e.value, "command of "+what)
	if limit := commandObject.key("command").value.max; ok && (len(nodes) == 0 || len(nodes) > limit) {
		r.report(e.pos, "write the program, then its arguments", "command of %s has %s", what, count(len(nodes), "element"))
	}
	for i, node := range nodes {
		word, ok := r.ownValue(node, fmt.Sprintf("element %d of command of %s", i+1, what))
		if ok && i == 0 && word == "" {
			r.report(position(node), "write the program, then its arguments", "command of %s names no program", what)
		}
		a.Command = append(a.Command, word)
	}
	return a
}

func (r *reader) threshold(fields map[string]entry) {
	if e, ok := fields["threshold"]; ok {
		r.file.Threshold, r.file.ThresholdPos = r.thresholdOf(e.value, "threshold", len(r.file.Members))
	}
}

// thresholdOf reads the threshold of a group of so many members; 0 stands for
// what was reported.
func (r *reader) thresholdOf(node *yaml.Node, what string, members int) (int, Position) {
	t, ok := r.number(node, what)
	pos := position(node)
	switch {
	case !ok:
		return 0, pos
	case t < MinThreshold:
		r.report(pos, fmt.Sprintf("choose at least %d", MinThreshold), "%s %d would let one member sign alone", what, t)
	case members >= MinThreshold && t > members:
		r.report(pos, choose(members), "%s %d exceeds the %d members", what, t, members)
	}
	return t, pos
}

func choose(members int) string {
	if members == MinThreshold {
		return fmt.Sprintf("choose %d", members)
	}
	return fmt.Sprintf("choose %d to %d", MinThreshold, members)
}

func (r *reader) server(fields map[string]entry) {
	var given map[string]entry
	s := &r.file.Server
	if e, ok := fields["server"]; ok {
		s.Pos = e.pos
		given, _ = r.fields(e.value, "server", serverObject)
	}
	fields = replaced(given, r.own.server)
	if e, ok := fields["url"]; ok {
		s.URLPos = position(e.value)
		if s.URL, ok = r.ownValue(e.value, "url of server"); ok {
			r.serverURL()
		}
	}
	if e, ok := fields["ca"]; ok {
		s.CA, s.CAPos = r.path(e.value, "ca of server"), position(e.value)
		if _, given := fields["url"]; !given {
			r.report(e.pos, "add url:, or leave ca: out", "server has ca without url; the built-in relay has an authority of its own")
		}
	}
}

func (r *reader) serverURL() {
	s := r.file.Server
	if fault, hint := serverFault(s.URL); fault != "" {
		r.report(s.URLPos, hint, "url of server %s %s", quote(s.URL), fault)
	}
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
