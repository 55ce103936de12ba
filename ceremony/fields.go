package ceremony

import (
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// ceremony reads the whole file.
func (r *reader) ceremony(root *yaml.Node) {
	fields, ok := r.fields(root, "the file",
		[]string{"version", "ceremony", "threshold", "members"},
		[]string{"ciphersuite", "server", "group", "sign"})
	if !ok || !r.version(fields) {
		return
	}
	r.name(fields)
	r.ciphersuite(fields)
	r.members(fields)
	r.threshold(fields)
	r.server(fields)
	r.group(fields)
	r.signings(fields)
	r.files()
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
	if r.file.Name, ok = r.text(e.value, "ceremony"); !ok {
		return
	}
	r.file.NamePos = position(e.value)
	if !ceremonyName.MatchString(r.file.Name) {
		r.report(r.file.NamePos, "use 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', beginning with a letter or digit",
			"ceremony %s is not a name for a ceremony", quote(r.file.Name))
	}
}

func (r *reader) ciphersuite(fields map[string]entry) {
	r.file.Ciphersuite = suites[0].name
	e, ok := fields["ciphersuite"]
	if !ok {
		return
	}
	name, ok := r.text(e.value, "ciphersuite")
	if !ok {
		return
	}
	r.file.Ciphersuite, r.file.CiphersuitePos = name, position(e.value)
	if suiteID(name) == "" {
		r.report(r.file.CiphersuitePos, "write one of: "+suiteNames(), "ciphersuite %s is not supported", quote(name))
	}
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
	fields, _ := r.fields(e.value, what, nil, []string{"config", "contact"})
	if e, ok := fields["config"]; ok {
		m.Config, m.ConfigPos = r.path(e.value, "config of "+what), position(e.value)
	}
	if e, ok := fields["contact"]; ok {
		m.Contact, m.ContactPos = r.contact(e.value, "contact of "+what), position(e.value)
	}
	r.file.Members = append(r.file.Members, m)
}

// contact reads a contact string. Its checksum and key are checked by who
// decodes it; here is enough to catch a name or a key in its place.
func (r *reader) contact(node *yaml.Node, what string) string {
	contact, ok := r.text(node, what)
	if ok && (len(contact) > maxContact || !contactString.MatchString(contact)) {
		r.report(position(node), `paste what "frostkit export" printed at that member's, all of it`,
			"%s is %s, not a contact string (zffrost1…)", what, quote(contact))
	}
	return contact
}

func (r *reader) threshold(fields map[string]entry) {
	e, ok := fields["threshold"]
	if !ok {
		return
	}
	if r.file.Threshold, ok = r.number(e.value, "threshold"); !ok {
		return
	}
	r.file.ThresholdPos = position(e.value)
	t, n := r.file.Threshold, len(r.file.Members)
	switch {
	case t < MinThreshold:
		r.report(r.file.ThresholdPos, fmt.Sprintf("choose at least %d", MinThreshold), "threshold %d would let one member sign alone", t)
	case n >= MinThreshold && t > n:
		r.report(r.file.ThresholdPos, choose(n), "threshold %d exceeds the %d members", t, n)
	}
}

func choose(members int) string {
	if members == MinThreshold {
		return fmt.Sprintf("choose %d", members)
	}
	return fmt.Sprintf("choose %d to %d", MinThreshold, members)
}

func (r *reader) server(fields map[string]entry) {
	e, ok := fields["server"]
	if !ok {
		return
	}
	s := &r.file.Server
	s.Pos = e.pos
	fields, _ = r.fields(e.value, "server", nil, []string{"url", "ca"})
	if e, ok := fields["url"]; ok {
		s.URLPos = position(e.value)
		if s.URL, ok = r.text(e.value, "url of server"); ok {
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

func (r *reader) group(fields map[string]entry) {
	g := &r.file.Group
	g.Description, g.DescriptionPos = r.file.Name, r.file.NamePos
	e, ok := fields["group"]
	if !ok {
		return
	}
	g.Pos = e.pos
	fields, _ = r.fields(e.value, "group", nil, []string{"description"})
	if e, ok = fields["description"]; !ok {
		return
	}
	g.DescriptionPos = position(e.value)
	if g.Description, ok = r.text(e.value, "description of group"); ok && g.Description == "" {
		r.report(g.DescriptionPos, "give it a value, or leave the key out", "description of group is empty")
	}
}

func (r *reader) signings(fields map[string]entry) {
	e, ok := fields["sign"]
	if !ok {
		return
	}
	nodes, _ := r.list(e.value, "sign")
	for i, node := range nodes {
		r.signing(node, fmt.Sprintf("signing %d", i+1))
	}
}

func (r *reader) signing(node *yaml.Node, what string) {
	fields, ok := r.fields(node, what, []string{"message", "signers", "output"}, nil)
	if !ok {
		return
	}
	s := Signing{Pos: position(node)}
	if e, ok := fields["message"]; ok {
		s.Message, s.MessagePos = r.path(e.value, "message of "+what), position(e.value)
	}
	if e, ok := fields["output"]; ok {
		s.Output, s.OutputPos = r.path(e.value, "output of "+what), position(e.value)
	}
	if e, ok := fields["signers"]; ok {
		r.signers(e, &s, what)
	}
	r.file.Sign = append(r.file.Sign, s)
}

func (r *reader) signers(e entry, s *Signing, what string) {
	nodes, ok := r.list(e.value, "signers of "+what)
	if !ok {
		return
	}
	for _, node := range nodes {
		name, ok := r.text(node, "a signer of "+what)
		if ok && r.signer(name, position(node), s.Signers, what) {
			s.Signers, s.SignerPos = append(s.Signers, name), append(s.SignerPos, position(node))
		}
	}
	if n, t := len(nodes), r.file.Threshold; t >= MinThreshold && n < t {
		r.report(e.pos, fmt.Sprintf("name at least %d", t), "%s has %s, fewer than the threshold %d", what, count(n, "signer"), t)
	}
}

// signer checks one signer against the members and the signers before it.
func (r *reader) signer(name string, pos Position, earlier []string, what string) bool {
	switch {
	case len(r.named) > 0 && !slices.Contains(r.named, name):
		r.report(pos, suggest(name, r.named), "signer %s of %s is not a member", quote(name), what)
		return false
	case slices.Contains(earlier, name):
		r.report(pos, "name each signer once", "%s has the signer %s twice", what, quote(name))
		return false
	}
	return true
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
