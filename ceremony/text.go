package ceremony

import (
	"fmt"
	"strings"
)

// Text returns the plan for people to read: the ceremony, then each step with a
// mark ([x] done, [ ] to do, [!] cannot be done), its commands and the files it
// writes. Commands of a step that is partly done are marked one by one.
func (p *Plan) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s\n", p.Ceremony, p.summary(), p.Ciphersuite)
	fmt.Fprintf(&b, "members: %s\n", strings.Join(p.Members, ", "))
	if p.Groups[0].Name != "" {
		for _, g := range p.Groups {
			fmt.Fprintf(&b, "group:   %s, any %d of %s\n", g.Name, g.Threshold, enumerate(g.Members))
		}
	}
	if len(p.Here) < len(p.Members) {
		fmt.Fprintf(&b, "here:    %s\n", strings.Join(p.Here, ", "))
	}
	fmt.Fprintf(&b, "digest:  %s\n", p.Digest)
	if p.Protocol == Frostkit {
		b.WriteString("speaks:  frostkit, which ties keys and signatures to this file: \"frostkit run\" makes them, no single command does\n")
	}
	for _, warning := range p.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", warning)
	}
	for _, g := range p.Groups {
		g.text(&b)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "\n%s %d. %s\n", s.mark(), i+1, s.Title)
		s.details(&b)
	}
	return b.String()
}

// text says of a group what differs, and which others are there.
func (m Made) text(b *strings.Builder) {
	for _, d := range m.Differences {
		fmt.Fprintf(b, "differs: group %s, %s\n", quote(m.Description), d)
	}
	for _, other := range m.Others {
		fmt.Fprintf(b, "there:   group %s, %s, key %s\n", quote(other.Description), other, other.Key)
	}
}

func (p *Plan) summary() string {
	if p.Groups[0].Name != "" {
		return fmt.Sprintf("%s of %d members", count(len(p.Groups), "group"), len(p.Members))
	}
	return fmt.Sprintf("any %d of %d members sign", p.Threshold, len(p.Members))
}

func (s Step) mark() string {
	switch {
	case s.Done:
		return "[x]"
	case s.Blocked != "":
		return "[!]"
	default:
		return "[ ]"
	}
}

func (s Step) details(b *strings.Builder) {
	const indent = "       "
	fmt.Fprintf(b, "%s%s\n", indent, s.Why)
	if s.Blocked != "" {
		fmt.Fprintf(b, "%sblocked: %s\n", indent, s.Blocked)
	}
	if s.Together && len(s.Commands) > 1 && !s.Done {
		fmt.Fprintf(b, "%sat the same time, each in a terminal of its own:\n", indent)
	}
	for _, c := range s.Commands {
		note := ""
		if c.Done && !s.Done {
			note = "   # done"
		}
		fmt.Fprintf(b, "%s$ %s%s\n", indent, c.Shell, note)
	}
	if len(s.Writes) > 0 && !s.Done {
		fmt.Fprintf(b, "%swrites: %s\n", indent, strings.Join(s.Writes, ", "))
	}
}
