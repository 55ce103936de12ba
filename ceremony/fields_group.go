package ceremony

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// groups reads the groups: those of groups:, or the one of the short form.
func (r *reader) groups(fields map[string]entry) {
	e, ok := fields["groups"]
	if !ok {
		r.group(fields)
		return
	}
	entries, ok := r.mapping(e.value, "groups")
	if n := len(entries); ok && (n == 0 || n > MaxMembers) {
		r.report(e.pos, fmt.Sprintf("describe 1 to %d groups, or leave the key out", MaxMembers), "groups has %s", count(n, "group"))
	}
	for _, e := range entries[:min(len(entries), MaxMembers)] {
		r.namedGroup(e)
	}
	r.sameDescriptions()
}

func (r *reader) group(fields map[string]entry) {
	g := Group{Description: r.file.Name, DescriptionPos: r.file.NamePos, Threshold: r.file.Threshold, Members: r.file.Names(), Recovery: r.file.Recovery}
	if e, ok := fields["group"]; ok {
		g.Pos = e.pos
		fields, _ = r.fields(e.value, "group", groupObject)
		r.description(fields, &g, "description of group")
		r.recovery(fields, &g.Recovery, "recovery of group")
		r.groupKey(fields, &g, "key of group")
	}
	r.file.Groups = []Group{g}
}

// recovery reads how a lost share is recovered.
func (r *reader) recovery(fields map[string]entry, to *Recovery, what string) {
	e, ok := fields["recovery"]
	if !ok {
		return
	}
	word, ok := r.word(e.value, what, recoveryShape)
	*to = Recovery(word)
	if ok && r.file.Protocol == FrostClient {
		r.report(position(e.value), "leave the key out, or write \"protocol: frostkit\"", "%s needs frostkit's protocol", what)
	}
}

// groupKey reads the key that a group has.
func (r *reader) groupKey(fields map[string]entry, g *Group, what string) {
	e, ok := fields["key"]
	if !ok {
		return
	}
	key, ok := r.value(e.value, what)
	if ok && !hexDigest.MatchString(key) {
		r.report(position(e.value), `paste what "frostkit run" prints as the group, or leave the key out`, "%s %s is not 64 hexadecimal digits", what, quote(key))
	}
	g.Key = strings.ToLower(key)
}

func (r *reader) description(fields map[string]entry, g *Group, what string) {
	e, ok := fields["description"]
	if !ok {
		return
	}
	g.DescriptionPos = position(e.value)
	if g.Description, ok = r.value(e.value, what); ok && g.Description == "" {
		r.report(g.DescriptionPos, "give it a value, or leave the key out", "%s is empty", what)
	}
}

func (r *reader) namedGroup(e entry) {
	g := Group{Name: e.key, Description: e.key, DescriptionPos: e.pos, Threshold: r.file.Threshold, Members: r.file.Names(), Recovery: r.file.Recovery, Pos: e.pos}
	what := "group " + quote(g.Name)
	if !stepName.MatchString(g.Name) {
		r.report(e.pos, nameHint, "%s has no name for a group", what)
	}
	fields, _ := r.fields(e.value, what, namedGroupObject)
	r.description(fields, &g, "description of "+what)
	r.recovery(fields, &g.Recovery, "recovery of "+what)
	r.groupKey(fields, &g, "key of "+what)
	if e, ok := fields["members"]; ok {
		g.Members = r.groupMembers(e, what)
	}
	if e, ok := fields["threshold"]; ok {
		g.Threshold, _ = r.thresholdOf(e.value, "threshold of "+what, len(g.Members))
	} else if n := len(g.Members); n >= MinThreshold && g.Threshold > n && n < len(r.file.Members) {
		r.report(g.Pos, "give the group a threshold of its own", "%s has the file's threshold %d, which exceeds its %d members", what, g.Threshold, n)
	}
	if e, ok := fields["after"]; ok {
		g.After, g.AfterPos = r.after(e, "after of "+what)
	}
	r.file.Groups = append(r.file.Groups, g)
}

// groupMembers reads the members of a group into the order of the file's.
func (r *reader) groupMembers(e entry, what string) []string {
	names, _, n, ok := r.nameList(e, what, "member", r.named, "")
	if ok && (n < MinThreshold || n > MaxMembers) {
		r.report(e.pos, fmt.Sprintf("name %d to %d", MinThreshold, MaxMembers), "%s has %s", what, count(n, "member"))
	}
	return r.file.inFileOrder(names)
}

// inFileOrder returns names of members in the order in which the file has them.
func (f *File) inFileOrder(names []string) []string {
	var ordered []string
	for _, m := range f.Members {
		if slices.Contains(names, m.Name) {
			ordered = append(ordered, m.Name)
		}
	}
	return ordered
}

// nameList reads a list of names of members of somebody, without those that are
// not or come twice. n is how many there are in the file.
func (r *reader) nameList(e entry, what, noun string, members []string, of string) (names []string, positions []Position, n int, ok bool) {
	nodes, ok := r.list(e.value, noun+"s of "+what)
	for _, node := range nodes {
		name, ok := r.value(node, "a "+noun+" of "+what)
		if ok && r.listed(name, position(node), names, what, noun, members, of) {
			names, positions = append(names, name), append(positions, position(node))
		}
	}
	return names, positions, len(nodes), ok
}

func (r *reader) listed(name string, pos Position, earlier []string, what, noun string, members []string, of string) bool {
	switch {
	case len(members) > 0 && !slices.Contains(members, name):
		r.report(pos, r.suggest(name, members), "%s %s of %s is not a member%s", noun, quote(name), what, ofWhom(of))
		return false
	case slices.Contains(earlier, name):
		r.report(pos, "name each "+noun+" once", "%s has the %s %s twice", what, noun, quote(name))
		return false
	}
	return true
}

func ofWhom(of string) string {
	if of == "" {
		return ""
	}
	return " of " + of
}

// sameDescriptions reports groups that could not be told apart in credentials.
func (r *reader) sameDescriptions() {
	first := map[string]string{}
	for _, g := range r.file.Groups {
		if earlier, ok := first[g.Description]; ok && g.Description != "" {
			r.report(g.DescriptionPos, "describe each group in other words", "group %s has the description of group %s", quote(g.Name), quote(earlier))
			continue
		}
		first[g.Description] = g.Name
	}
}

// after reads names of steps; whether they are known is seen once all are read.
func (r *reader) after(e entry, what string) (names []string, positions []Position) {
	nodes, _ := r.list(e.value, what)
	if len(nodes) > maxAfter {
		r.report(e.pos, fmt.Sprintf("name at most %d; what those come after need not be named", maxAfter), "%s has %s", what, count(len(nodes), "name"))
		return nil, nil
	}
	for _, node := range nodes {
		name, ok := r.value(node, "an element of "+what)
		switch {
		case !ok:
		case slices.Contains(names, name):
			r.report(position(node), "name each step once", "%s has %s twice", what, quote(name))
		default:
			names, positions = append(names, name), append(positions, position(node))
		}
	}
	return names, positions
}

// nameOf reads a name that after: can have.
func (r *reader) nameOf(node *yaml.Node, what string) string {
	name, ok := r.value(node, what)
	if ok && !stepName.MatchString(name) {
		r.report(position(node), nameHint, "%s %s is not a name", what, quote(name))
	}
	return name
}
