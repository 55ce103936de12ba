package ceremony

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

func (r *reader) signings(fields map[string]entry) {
	e, ok := fields["sign"]
	if !ok {
		return
	}
	nodes, _ := r.list(e.value, "sign")
	if len(nodes) > MaxSignings {
		r.report(e.pos, fmt.Sprintf("describe at most %d in one file", MaxSignings), "sign has %s", count(len(nodes), "signing"))
		return
	}
	for i, node := range nodes {
		r.signing(node, Signing{Number: i + 1, Pos: position(node)})
	}
}

func (r *reader) signing(node *yaml.Node, s Signing) {
	what := s.StepName()
	fields, ok := r.fields(node, what, signingObject)
	if !ok {
		return
	}
	if e, ok := fields["name"]; ok {
		s.Name = r.nameOf(e.value, "name of "+what)
	}
	if e, ok := fields["message"]; ok {
		s.Message, s.MessagePos = r.agreedPath(e.value, "message of "+what), position(e.value)
	}
	if e, ok := fields["sha256"]; ok {
		s.SHA256, s.SHA256Pos = r.sha256(e.value, "sha256 of "+what), position(e.value)
	}
	s.agreed = agreedMessage{s.Message, s.SHA256}
	fields = r.ownSigning(fields, &s, what)
	if e, ok := fields["output"]; ok {
		s.Output, s.OutputPos = r.path(e.value, "output of "+what), position(e.value)
	}
	if e, ok := fields["after"]; ok {
		s.After, s.AfterPos = r.after(e, "after of "+what)
	}
	group := r.groupOf(fields, &s, what)
	if e, ok := fields["signers"]; ok {
		s.SignersPos = e.pos
		r.signers(e, &s, group, what)
		r.digestApprovals(s, fields, what)
	}
	r.file.Sign = append(r.file.Sign, s)
}

func (r *reader) sha256(node *yaml.Node, what string) string {
	read := r.value
	if position(node).Own {
		read = r.ownValue
	}
	digest, ok := read(node, what)
	if ok && !hexDigest.MatchString(digest) {
		r.report(position(node), `paste what "sha256sum" prints before the file's name`, "%s %s is not 64 hexadecimal digits", what, quote(digest))
	}
	return strings.ToLower(digest)
}

// groupOf finds the group that signs. One that nobody can belong to stands for
// what was reported.
func (r *reader) groupOf(fields map[string]entry, s *Signing, what string) Group {
	groups := r.file.Groups
	short := len(groups) == 1 && groups[0].Name == ""
	e, given := fields["group"]
	switch {
	case !given && len(groups) == 1:
		s.Group = groups[0].Name
		return groups[0]
	case !given && len(groups) > 1:
		r.report(s.Pos, `add "group: …"`, "%s does not say which group signs", what)
	case given && short:
		r.report(e.pos, "leave it out, or describe the group in groups:", "%s names a group, and the file has no groups:", what)
	case given:
		name, ok := r.value(e.value, "group of "+what)
		s.Group, s.GroupPos = name, position(e.value)
		if g, found := r.file.Group(name); found {
			return g
		}
		if ok {
			r.report(s.GroupPos, r.suggest(name, r.groupNames()), "group %s of %s is not among the groups", quote(name), what)
		}
	}
	return Group{}
}

func (r *reader) groupNames() []string {
	names := make([]string, len(r.file.Groups))
	for i, g := range r.file.Groups {
		names[i] = g.Name
	}
	return names
}

// signers reads who signs: a list, or candidates.
func (r *reader) signers(e entry, s *Signing, g Group, what string) {
	if e.value.Kind != yaml.MappingNode {
		r.signerList(e, s, g, what)
		return
	}
	fields, ok := r.fields(e.value, "signers of "+what, candidatesObject)
	if !ok {
		return
	}
	if r.file.Protocol == FrostClient {
		r.report(e.pos, `add "protocol: frostkit", or list the signers`, "%s has candidates, which the protocol frost-client cannot choose among", what)
	}
	s.Need, s.ShareWait = g.Threshold, candidatesObject.key("wait").standardDuration()
	if e, ok := fields["wait"]; ok {
		s.ShareWait, _ = r.duration(e.value, "wait of "+what)
	}
	candidates, ok := fields["candidates"]
	if !ok {
		return
	}
	r.signerList(candidates, s, g, what)
	if e, ok := fields["need"]; ok {
		r.need(e, s, g, what)
	}
}

func (r *reader) need(e entry, s *Signing, g Group, what string) {
	need, ok := r.number(e.value, "need of "+what)
	if !ok {
		return
	}
	s.Need = need
	switch {
	case g.Threshold >= MinThreshold && need < g.Threshold:
		r.report(position(e.value), fmt.Sprintf("choose at least %d", g.Threshold), "need of %s is %d, less than the threshold %d", what, need, g.Threshold)
	case len(s.Signers) >= MinThreshold && need > len(s.Signers):
		r.report(position(e.value), fmt.Sprintf("choose at most %d", len(s.Signers)), "need of %s is %d, of %s", what, need, count(len(s.Signers), "candidate"))
	case need < MinThreshold || need > MaxMembers:
		r.report(position(e.value), fmt.Sprintf("choose %d to %d", MinThreshold, MaxMembers), "need of %s is %d", what, need)
	}
}

func (r *reader) signerList(e entry, s *Signing, g Group, what string) {
	members, of := r.named, ""
	if g.Name != "" {
		members, of = g.Members, "group "+quote(g.Name)
	}
	var n int
	var ok bool
	s.Signers, s.SignerPos, n, ok = r.nameList(e, what, "signer", members, of)
	if t := g.Threshold; ok && t >= MinThreshold && n < t {
		r.report(e.pos, fmt.Sprintf("name at least %d", t), "%s has %s, fewer than the threshold %d", what, count(n, "signer"), t)
	}
}

// digestApprovals reports members who would sign by a digest that is not there.
func (r *reader) digestApprovals(s Signing, fields map[string]entry, what string) {
	if _, given := fields["sha256"]; given {
		return
	}
	for _, m := range r.file.Members {
		if m.Approve.By == ByDigest && slices.Contains(s.Signers, m.Name) {
			r.report(m.Approve.Pos, fmt.Sprintf("add \"sha256: …\" to %s, or let the member approve otherwise", what),
				"member %s approves by digest, and %s has none", quote(m.Name), what)
		}
	}
}
