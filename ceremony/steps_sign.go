package ceremony

import (
	"fmt"
	"strings"
)

// signing adds the steps of one signing, as far as they are taken here.
func (p *planner) signing(i int, signing Signing) {
	signers := p.coordinatorFirst(signing.Signers)
	here := p.onlyHere(signers)
	if len(here) == 0 {
		return
	}
	found, output := p.found(i), p.output(signing)
	s := Step{
		Kind: Sign, Group: signing.Group, Signing: i + 1, Members: here, Together: true, Done: found == ValidSignature,
		Title: fmt.Sprintf("Sign %q by %s", signing.Message, whoSigns(signing, signers)),
		Why:   "there is no signature yet",
	}
	coordinator, _ := p.Member(signers[0])
	coordinated := p.isHere(coordinator.Name)
	if coordinated {
		s.Writes = []string{output}
	}
	s.Commands = p.signingCommands(signing, here, s.Done)
	switch {
	case s.Done:
		s.Why = output + " is a signature of it"
	case p.made(signing.Group).Action == Differs:
		s.Why, s.Blocked = "its group differs from the file", "nothing is signed before the file and the group are the same"
	case found == OtherFile && coordinated:
		s.Why = output + " is there already"
		s.Blocked = p.blocked(i+1, output)
	}
	p.add(s)
	if coordinated {
		p.verify(s, coordinator, signing)
	}
}

// blocked says why what is at an output stands in the way of a signing.
func (p *planner) blocked(signing int, output string) string {
	const way = "; move it away, or name another output"
	if change, changed := p.state.Changed[signing]; changed {
		return fmt.Sprintf("the message changed since it was signed (was sha256 %s, is %s), and its signature %s is not overwritten%s",
			change.Signed, change.Now, output, way)
	}
	return output + " is no signature of the message by this group, and is not overwritten" + way
}

func whoSigns(s Signing, signers []string) string {
	if s.Need == 0 {
		return enumerate(signers)
	}
	return fmt.Sprintf("the first %d to answer of %s", s.Need, enumerate(signers))
}

func (p *planner) signingCommands(signing Signing, here []string, done bool) []Command {
	if p.Protocol == Frostkit {
		return p.runCommands(here, done)
	}
	var commands []Command
	if here[0] == signing.Coordinator() {
		commands = append(commands, Command{here[0], p.coordinating(signing), done})
	}
	for _, name := range here {
		commands = append(commands, Command{name, p.participating(signing, name), done})
	}
	return commands
}

// found returns what is at the output of signing i. Without a group nothing
// there can be its signature.
func (p *planner) found(i int) SignatureState {
	if i >= len(p.state.Signatures) {
		return NoSignature
	}
	if found := p.state.Signatures[i]; found == NoSignature || p.plan.Key(p.Sign[i].Group) != "" {
		return found
	}
	return OtherFile
}

// verify adds the step that follows a signing whose coordinator is run here.
func (p *planner) verify(signed Step, coordinator Member, signing Signing) {
	key := p.plan.Key(signing.Group)
	c := command("verify").flag("-m", p.message(signing)).flag("-s", p.output(signing)).flag("-C", p.config(coordinator))
	if key != "" {
		c = c.flag("-g", key)
	}
	s := Step{
		Kind: Verify, Group: signing.Group, Signing: signed.Signing, Members: []string{coordinator.Name}, Done: signed.Done,
		Title: fmt.Sprintf("Verify %q", signing.Output), Why: "there is no signature yet",
		Commands: []Command{{coordinator.Name, c.String(), signed.Done}},
	}
	if s.Done {
		s.Why = "it is valid under the group's key"
	}
	p.add(s)
}

func (p *planner) coordinating(s Signing) string {
	m, _ := p.Member(s.Coordinator())
	c := command("coordinator").longFlag("-g", "--group", p.group(s)).flag("-s", p.Server.Address())
	c = c.flag("-S", strings.Join(p.coordinatorFirst(s.Signers), ",")).flag("-m", p.message(s)).flag("-o", p.output(s))
	return p.trusting(c).flag("-c", p.config(m)).String()
}

func (p *planner) participating(s Signing, name string) string {
	m, _ := p.Member(name)
	c := command("participant").longFlag("-g", "--group", p.group(s)).flag("-s", p.Server.Address())
	return p.trusting(c).flag("-c", p.config(m)).String()
}

// group returns what commands call the group that signs: its key, or its
// description until that is known.
func (p *planner) group(s Signing) string {
	if key := p.plan.Key(s.Group); key != "" {
		return key
	}
	g, _ := p.Group(s.Group)
	return g.Description
}
