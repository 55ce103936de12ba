package ceremony

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// planner makes one plan.
type planner struct {
	*File
	state   State
	options PlanOptions
	here    []Member
	plan    *Plan
	split   bool // the members here do not all have the same group, or some lack it
}

func (p *planner) isHere(name string) bool {
	return slices.ContainsFunc(p.here, func(m Member) bool { return m.Name == name })
}

// findGroup looks for the one group that all members here have.
func (p *planner) findGroup() {
	first := p.state.Groups[p.here[0].Name]
	for _, m := range p.here {
		if p.state.Groups[m.Name] != first {
			p.split = true
		}
	}
	if !p.split {
		p.plan.Group = first
	}
}

// add adds a step.
func (p *planner) add(s Step) {
	if s.Done {
		s.Blocked = ""
	}
	p.plan.Steps = append(p.plan.Steps, s.filled())
}

// filled returns the step with lists that are empty rather than nil: JSON tells
// the two apart.
func (s Step) filled() Step {
	s.Members = append([]string{}, s.Members...)
	s.Commands = append([]Command{}, s.Commands...)
	s.Writes = append([]string{}, s.Writes...)
	return s
}

func (p *planner) keygen() {
	s := Step{
		Kind: Keygen, Members: namesOf(p.here), Writes: p.configs(), Why: "every one of them has a key",
		Title: "Make the communication key of each: " + enumerate(namesOf(p.here)),
	}
	var without []string
	for _, m := range p.here {
		made := p.state.Keys[m.Name]
		if !made {
			without = append(without, m.Name)
		}
		s.Commands = append(s.Commands, Command{m.Name, command("init").flag("--name", m.Name).flag("-c", p.config(m)).String(), made})
	}
	if s.Done = len(without) == 0; !s.Done {
		s.Why = "without a key: " + enumerate(without)
	}
	p.add(s)
}

func (p *planner) contacts() {
	s := Step{
		Kind: Contacts, Members: namesOf(p.here), Writes: p.configs(), Done: true,
		Title: "Exchange the contacts of " + enumerate(p.Names()), Why: "everyone here knows the others",
	}
	var unknown []string
	for _, m := range p.here {
		for _, other := range p.Members {
			known := other.Name == m.Name || p.state.Contacts[m.Name][other.Name]
			s.Done = s.Done && known
			if c := p.importing(m, other); c != "" {
				s.Commands = append(s.Commands, Command{m.Name, c, known})
			} else if !known {
				unknown = append(unknown, other.Name)
			}
		}
	}
	if !s.Done {
		s.Why = "somebody here does not know all the others"
		s.Commands = append(p.exporting(), s.Commands...)
	}
	if len(unknown) > 0 {
		s.Blocked = fmt.Sprintf("the contacts of these are not known here: %s; ask each for what \"frostkit export\" prints, "+
			"and write it into the file as contact: or import it", enumerate(unknown))
	}
	p.add(s)
}

// exporting returns the commands that print what the members elsewhere have to
// be given.
func (p *planner) exporting() []Command {
	if len(p.away()) == 0 {
		return nil
	}
	var commands []Command
	for _, m := range p.here {
		commands = append(commands, Command{m.Name, p.export(m).String(), p.state.Keys[m.Name]})
	}
	return commands
}

func (p *planner) export(m Member) shellCommand {
	return command("export").flag("--name", m.Name).flag("-c", p.config(m))
}

// importing returns the command by which m gets to know other, or "" when there
// is none: m itself, and a member elsewhere of whom no contact was given.
func (p *planner) importing(m, other Member) string {
	c := command("import")
	switch {
	case m.Name == other.Name:
		return ""
	case p.isHere(other.Name):
		c = append(c, p.export(other).substituted())
	case other.Contact != "":
		c = c.arg(other.Contact)
	default:
		return ""
	}
	return c.flag("-c", p.config(m)).String()
}

// relay inserts the step that the ones from position at on need.
func (p *planner) relay(at int) {
	needed := slices.ContainsFunc(p.plan.Steps[at:], func(s Step) bool { return !s.Done })
	creator, s := p.Creator().Name, Step{Kind: Relay, Done: true}
	switch {
	case !p.Server.BuiltIn():
		s.Title, s.Why = "Use the relay "+p.Server.BaseURL(), "somebody else runs it"
	case !p.isHere(creator):
		s.Title, s.Why = "Use the built-in relay that "+creator+" starts", creator+" is not run here"
	default:
		s.Title, s.Why = "Start the built-in relay", "it runs until the last step is done"
		s.Members, s.Done = []string{creator}, !needed
		s.Commands = []Command{{Shell: append(command("relay"), "--dev").String(), Done: !needed}}
	}
	if !needed {
		s.Why = "nothing is left that needs it"
	}
	if away := p.away(); needed && p.Server.BuiltIn() && len(away) > 0 {
		p.warn("the built-in relay listens on one machine alone, and these are run elsewhere: %s; "+
			"unless that is this machine, give server: a url:", enumerate(away))
	}
	p.plan.Steps = slices.Insert(p.plan.Steps, at, s.filled())
}

// away returns the members who are not run here.
func (p *planner) away() []string {
	return slices.DeleteFunc(p.Names(), p.isHere)
}

func (p *planner) dkg() {
	s := Step{
		Kind: DKG, Members: namesOf(p.here), Together: true, Writes: p.configs(), Done: p.plan.Group != "",
		Title: fmt.Sprintf("Make the key of the group %q: any %d of %d can sign", p.Group.Description, p.Threshold, len(p.Members)),
	}
	for _, m := range p.here {
		s.Commands = append(s.Commands, Command{m.Name, p.joining(m), s.Done})
	}
	switch {
	case s.Done:
		s.Why = "the group is " + p.plan.Group
	case p.split:
		s.Why = "the members here do not have the same group"
		s.Blocked = p.groupsByMember() + "; remove the groups that are not wanted (frostkit remove-group), then run again"
	default:
		s.Why = "the group is not made yet"
	}
	p.add(s)
}

func (p *planner) groupsByMember() string {
	var found []string
	for _, m := range p.here {
		if group := p.state.Groups[m.Name]; group != "" {
			found = append(found, m.Name+" has the group "+group)
			continue
		}
		found = append(found, m.Name+" has none")
	}
	return strings.Join(found, ", ")
}

// joining returns the command for a member's part of the DKG. The creator names
// the others.
func (p *planner) joining(m Member) string {
	c := command("dkg").longFlag("-d", "--description", p.Group.Description).flag("-s", p.Server.Address())
	if m.Name == p.Creator().Name {
		c = c.flag("-S", strings.Join(p.Names()[1:], ","))
	}
	if p.Ciphersuite != suites[0].name {
		c = c.flag("-C", p.Ciphersuite)
	}
	return p.trusting(c.flag("-t", fmt.Sprint(p.Threshold))).flag("-c", p.config(m)).String()
}

// signing adds the steps of one signing, as far as they are taken here.
func (p *planner) signing(i int, signing Signing) {
	signers := p.inOrder(signing.Signers)
	here := slices.DeleteFunc(slices.Clone(signers), func(name string) bool { return !p.isHere(name) })
	if len(here) == 0 {
		return
	}
	found, output := p.found(i), p.output(signing)
	s := Step{
		Kind: Sign, Signing: i + 1, Members: here, Together: true, Done: found == ValidSignature,
		Title: fmt.Sprintf("Sign %q by %s", signing.Message, enumerate(signers)),
		Why:   "there is no signature yet",
	}
	coordinator, _ := p.Member(signers[0])
	coordinated := p.isHere(coordinator.Name)
	if coordinated {
		s.Writes = []string{output}
		s.Commands = append(s.Commands, Command{coordinator.Name, p.coordinating(signing), s.Done})
	}
	for _, name := range here {
		m, _ := p.Member(name)
		s.Commands = append(s.Commands, Command{name, p.participating(m), s.Done})
	}
	switch {
	case s.Done:
		s.Why = output + " is a signature of it"
	case found == OtherFile && coordinated:
		s.Why = output + " is there already"
		s.Blocked = output + " is no signature of the message by this group, and is not overwritten; move it away, or name another output"
	}
	p.add(s)
	if coordinated {
		p.verify(s, coordinator, signing)
	}
}

// found returns what is at the output of signing i. Without a group nothing
// there can be its signature.
func (p *planner) found(i int) SignatureState {
	if i >= len(p.state.Signatures) {
		return NoSignature
	}
	if found := p.state.Signatures[i]; found == NoSignature || p.plan.Group != "" {
		return found
	}
	return OtherFile
}

// verify adds the step that follows a signing whose coordinator is run here.
func (p *planner) verify(signed Step, coordinator Member, signing Signing) {
	c := command("verify").flag("-m", p.message(signing)).flag("-s", p.output(signing)).flag("-C", p.config(coordinator))
	if p.plan.Group != "" {
		c = c.flag("-g", p.plan.Group)
	}
	s := Step{
		Kind: Verify, Signing: signed.Signing, Members: []string{coordinator.Name}, Done: signed.Done,
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
	c := command("coordinator").longFlag("-g", "--group", p.group()).flag("-s", p.Server.Address())
	c = c.flag("-S", strings.Join(p.inOrder(s.Signers), ",")).flag("-m", p.message(s)).flag("-o", p.output(s))
	return p.trusting(c).flag("-c", p.config(m)).String()
}

func (p *planner) participating(m Member) string {
	c := command("participant").longFlag("-g", "--group", p.group()).flag("-s", p.Server.Address())
	return p.trusting(c).flag("-c", p.config(m)).String()
}

// group returns what commands call the group: its key, or its description until
// that is known.
func (p *planner) group() string {
	if p.plan.Group != "" {
		return p.plan.Group
	}
	return p.Group.Description
}

// trusting adds the authority that the file names to a command that connects.
func (p *planner) trusting(c shellCommand) shellCommand {
	if p.Server.CA == "" {
		return c
	}
	return c.flag("--ca", shown(p.options.MessageDir, p.Server.CA))
}

func (p *planner) config(m Member) string   { return shown(p.options.Dir, m.Config) }
func (p *planner) output(s Signing) string  { return shown(p.options.Dir, s.Output) }
func (p *planner) message(s Signing) string { return shown(p.options.MessageDir, s.Message) }

// shown returns a path as a command takes it: one that begins with a dash would
// be a flag.
func shown(dir, path string) string {
	if path = Resolve(dir, path); strings.HasPrefix(path, "-") {
		return "." + string(filepath.Separator) + path
	}
	return path
}

func (p *planner) warn(format string, args ...any) {
	p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf(format, args...))
}

func (p *planner) configs() []string {
	paths := make([]string, len(p.here))
	for i, m := range p.here {
		paths[i] = p.config(m)
	}
	return paths
}

// warnOfPaths names what would be written outside of the ceremony's folder.
func (p *planner) warnOfPaths() {
	for _, m := range p.here {
		p.warnOfPath("the credentials of "+m.Name, m.Config)
	}
	for i, s := range p.Sign {
		if p.isHere(s.Coordinator()) {
			p.warnOfPath(fmt.Sprintf("the output of signing %d", i+1), s.Output)
		}
	}
}

func (p *planner) warnOfPath(what, path string) {
	if !filepath.IsLocal(path) {
		p.warn("%s, %s, is outside of the ceremony's folder", what, path)
	}
}

// enumerate joins names as a sentence does.
func enumerate(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
