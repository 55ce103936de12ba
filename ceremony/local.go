package ceremony

import (
	"path/filepath"
	"slices"
	"strconv"

	"gopkg.in/yaml.v3"
)

// Local merges a file of one's own values into the ceremony: paths, contacts, how
// members approve, the relay and timeouts, in the same form as in the ceremony
// file, whose values they replace. None of it is part of [File.Agreed]. Paths are relative to the
// file's folder, and ${NAME} stands for what variable gives. What is wrong with it is among the
// [Problems]; positions in it have Own set.
func Local(path string, data []byte, variable func(name string) (value string, found bool)) Option {
	return func(r *reader) {
		r.file.Local = path
		r.own = own{data: data, variable: variable, folder: filepath.Dir(path)}
		if folder, err := filepath.Abs(r.own.folder); err == nil {
			r.own.folder = folder
		}
	}
}

// own is what a file of one's own values has.
type own struct {
	data     []byte
	variable func(name string) (string, bool)
	folder   string // absolute
	reading  bool   // problems are those of this file

	server, timeouts map[string]entry
	members          map[string]map[string]entry
	names            []entry // of members, as they stand
	signings         []*ownSigning
}

// ownSigning has one's own values for a signing.
type ownSigning struct {
	name   string // its name, or its number in decimal
	pos    Position
	fields map[string]entry
	found  bool // in the ceremony file
}

// readOwn reads one's own values, if there are any.
func (r *reader) readOwn() {
	if r.own.data == nil {
		return
	}
	r.own.reading = true
	defer func() { r.own.reading = false }()
	if !r.readable(r.own.data) {
		return
	}
	root := r.document(r.own.data)
	if root == nil {
		return
	}
	markOwn(root)
	fields, ok := r.fields(root, "the file", localObject)
	if !ok || !r.version(fields) {
		return
	}
	if e, ok := fields["server"]; ok {
		r.own.server, _ = r.fields(e.value, "server", serverObject)
	}
	if e, ok := fields["timeouts"]; ok {
		r.own.timeouts, _ = r.fields(e.value, "timeouts", timeoutsObject)
	}
	r.ownMembers(fields)
	r.ownSignings(fields)
}

// markOwn makes the positions of a node and of all in it one's own.
func markOwn(node *yaml.Node) {
	node.Column += ownColumns
	for _, n := range node.Content {
		markOwn(n)
	}
}

func (r *reader) ownMembers(fields map[string]entry) {
	e, ok := fields["members"]
	if !ok {
		return
	}
	r.own.members = map[string]map[string]entry{}
	r.own.names, _ = r.mapping(e.value, "members")
	for _, e := range r.own.names {
		r.own.members[e.key], _ = r.fields(e.value, "member "+quote(e.key), memberObject)
	}
}

func (r *reader) ownSignings(fields map[string]entry) {
	e, ok := fields["sign"]
	if !ok {
		return
	}
	nodes, _ := r.list(e.value, "sign")
	for _, node := range nodes {
		fields, ok := r.fields(node, "an element of sign", localSigningObject)
		e, named := fields["signing"]
		if !ok || !named {
			continue
		}
		s := &ownSigning{pos: position(e.value), fields: fields}
		if e.value.Tag == "!!int" {
			n, _ := r.number(e.value, "signing")
			s.name = strconv.Itoa(n)
		} else {
			s.name = r.nameOf(e.value, "signing")
		}
		if slices.ContainsFunc(r.own.signings, func(o *ownSigning) bool { return o.name == s.name }) {
			r.report(s.pos, "keep one of the two", "sign has the signing %s twice", quote(s.name))
		}
		r.own.signings = append(r.own.signings, s)
	}
}

// replaced returns the fields of the ceremony file with one's own in their place.
func replaced(fields, own map[string]entry) map[string]entry {
	all := map[string]entry{}
	for _, given := range []map[string]entry{fields, own} {
		for key, e := range given {
			all[key] = e
		}
	}
	return all
}

// ownSigning puts one's own values into a signing, and returns its fields with them.
func (r *reader) ownSigning(fields map[string]entry, s *Signing, what string) map[string]entry {
	i := slices.IndexFunc(r.own.signings, func(o *ownSigning) bool {
		return o.name == strconv.Itoa(s.Number) || s.Name != "" && o.name == s.Name
	})
	if i < 0 {
		return fields
	}
	o := r.own.signings[i]
	o.found = true
	if e, ok := o.fields["message"]; ok {
		s.Message, s.MessagePos = r.path(e.value, "message of "+what), position(e.value)
	}
	if e, ok := o.fields["sha256"]; ok {
		digest := r.sha256(e.value, "sha256 of "+what)
		if s.SHA256 != "" && digest != s.SHA256 {
			r.report(position(e.value), "find out which is right", "sha256 of %s is %s, and the ceremony file has %s", what, digest, s.SHA256)
		}
		s.SHA256, s.SHA256Pos = digest, position(e.value)
	}
	return replaced(fields, o.fields)
}

// ownIsKnown reports one's own values for members and signings that the ceremony has not.
func (r *reader) ownIsKnown() {
	for _, e := range r.own.names {
		if !slices.Contains(r.named, e.key) {
			r.report(e.pos, r.suggest(e.key, r.named), "the ceremony has no member %s", quote(e.key))
		}
	}
	for _, s := range r.own.signings {
		if !s.found {
			r.report(s.pos, "write the name of a signing, or its number in the ceremony file, from 1", "the ceremony has no signing %s", quote(s.name))
		}
	}
}
