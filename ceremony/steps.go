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
}

func (p *planner) isHere(name string) bool {
	return slices.ContainsFunc(p.here, func(m Member) bool { return m.Name == name })
}

// groups returns the groups, each with the one key that all its members here
// have, if there is one.
func (p *planner) groups() []Made {
	made := make([]Made, len(p.Groups))
	for i, g := range p.Groups {
		made[i] = Made{Name: g.Name, Description: g.Description, Threshold: g.Threshold, Members: g.Members}
		if keys := p.keysOf(g); len(keys) == 1 {
			made[i].Key = keys[0]
		}
		p.compare(g, &made[i])
	}
	return made
}

// compare says what is done about a group, by what is there.
func (p *planner) compare(g Group, made *Made) {
	made.Action, made.Differences, made.Others = Nothing, []Difference{}, []Found{}
	asked := g.Key == "" && slices.Contains(p.options.NewGroups, g.StepName())
	there := slices.Clone(p.state.There[g.Name])
	slices.SortStableFunc(there, func(a, b Found) int { return compareBool(b.Key == g.Key, a.Key == g.Key) })
	for _, found := range there {
		switch differences := found.Compare(p.state.Wanted[g.Name]); {
		case found.Key == made.Key:
			made.Differences = append(made.Differences, differences...)
		case slices.Contains(p.keysOf(g), found.Key): // not all members here have it
		case made.Key == "" && !asked && len(made.Differences) == 0 && len(differences) > 0:
			made.Action, made.Differences = Differs, differences
			made.Others = append([]Found{found}, made.Others...)
		default:
			made.Others = append(made.Others, found)
		}
	}
	if made.Action == Nothing && made.Key == "" && len(p.onlyHere(g.Members)) > 0 {
		made.Action = Make
	}
	if made.Action == Make && g.Key != "" && len(p.keysOf(g)) == 1 {
		made.Action, made.Differences = Differs, []Difference{{"key", "", g.Key}}
	}
}

// made returns the group of the plan with this name.
func (p *planner) made(group string) Made {
	at := slices.IndexFunc(p.plan.Groups, func(m Made) bool { return m.Name == group })
	return p.plan.Groups[at]
}

// keysOf returns the keys of a group that its members here have, each once, ""
// standing for none.
func (p *planner) keysOf(g Group) []string {
	var keys []string
	for _, name := range p.onlyHere(g.Members) {
		if key := p.state.Groups[g.Name][name]; !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// onlyHere returns those of the members who are run here.
func (p *planner) onlyHere(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !p.isHere(name) })
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
		Kind: Keygen, Members: namesOf(p.here), Writes: p.configs(namesOf(p.here)...), Why: "every one of them has a key",
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
		s.Why, s.Blocked = "without a key: "+enumerate(without), p.apart(without)
	}
	p.add(s)
}

// apart says why no keys are made: over a relay each member is run where its key is, and a key that is made
// here for somebody elsewhere takes that member's place, and its share.
func (p *planner) apart(without []string) string {
	if p.Server.BuiltIn() || len(p.here) == 1 || p.options.All {
		return ""
	}
	with := slices.DeleteFunc(namesOf(p.here), func(name string) bool { return slices.Contains(without, name) })
	found, as := "no member has a key here", "MEMBER"
	if len(with) > 0 {
		found, as = "only "+enumerate(with)+" has a key here", with[0]
	}
	if len(with) > 1 {
		found, as = "only "+enumerate(with)+" have keys here", "MEMBER"
	}
	return fmt.Sprintf("%s; did you mean --as %s, for one member's part? --all makes keys for all, if %s are to be run here",
		found, Quote(as), enumerate(namesOf(p.here)))
}

func (p *planner) contacts() {
	s := Step{
		Kind: Contacts, Members: namesOf(p.here), Writes: p.configs(namesOf(p.here)...), Done: true,
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
	s, away := Step{Kind: Relay, Done: true}, p.away()
	switch {
	case !p.Server.BuiltIn():
		s.Title, s.Why = "Use the relay "+p.Server.BaseURL(), "somebody else runs it"
	case len(away) > 0:
		s.Title, s.Why, s.Done = "Use a relay", "the file names none", !needed
		s.Blocked = fmt.Sprintf("the built-in relay serves a run with all members here, and these are elsewhere: %s; "+
			`start one with "frostkit relay --dev" and write its address as server: {url: HOST:2744}`, enumerate(away))
	default:
		s.Title, s.Why = "Start the built-in relay", "it runs until the last step is done"
		s.Members, s.Done = p.Names()[:1], !needed
		if !p.isOneRun() {
			s.Commands = []Command{{Shell: append(command("relay"), "--dev").String(), Done: !needed}}
		}
	}
	if !needed {
		s.Why = "nothing is left that needs it"
	}
	if s.Done {
		s.Blocked = ""
	}
	p.plan.Steps = slices.Insert(p.plan.Steps, at, s.filled())
}

// away returns the members who are not run here.
func (p *planner) away() []string {
	return slices.DeleteFunc(p.Names(), p.isHere)
}

// dkg adds the step that makes a group, as far as it is taken here.
func (p *planner) dkg(g Group) {
	here, key := p.onlyHere(g.Members), p.plan.Key(g.Name)
	if len(here) == 0 {
		return
	}
	s := Step{
		Kind: DKG, Group: g.Name, Members: here, Together: true, Writes: p.configs(here...), Done: key != "",
		Title: fmt.Sprintf("Make the key of the group %q: any %d of %d can sign", g.Description, g.Threshold, len(g.Members)),
	}
	s.Commands = p.joiningCommands(g, here, s.Done)
	switch {
	case s.Done:
		s.Why = "the group is " + key
	case p.made(g.Name).Action == Differs:
		s.Why, s.Blocked = p.differing(g)
	case len(p.keysOf(g)) > 1:
		s.Why = "the members here do not have the same group"
		s.Blocked = p.groupsByMember(g, here) + "; remove the groups that are not wanted (frostkit remove-group), then run again"
	default:
		s.Why = "the group is not made yet"
	}
	p.add(s)
}

// differing says what is there instead of the group of the file, and what to do.
func (p *planner) differing(g Group) (why, blocked string) {
	made := p.made(g.Name)
	if len(made.Others) == 0 {
		return fmt.Sprintf("the file says that the group has the key %s, and no member here has that key", g.Key),
			"no other key is made; put back credentials that have it, recover the share (frostkit recover), or take key: out of the file"
	}
	why = fmt.Sprintf("the group %s is %s; the file says %s", made.Others[0].Key, made.Others[0], p.state.Wanted[g.Name])
	for _, d := range made.Differences {
		why += "; " + d.String()
	}
	if g.Key != "" {
		return why, "the group differs from the file, and nothing is made or signed; write the file as it was, or take key: out of it"
	}
	again := p.running().longFlag("--new-group", "--new-group", g.StepName()).String()
	return why, "the group differs from the file, and nothing is made or signed; write the file as it was, or make a second key with: " + again
}

func (p *planner) groupsByMember(g Group, here []string) string {
	var found []string
	for _, name := range here {
		if key := p.state.Groups[g.Name][name]; key != "" {
			found = append(found, name+" has the group "+key)
			continue
		}
		found = append(found, name+" has none")
	}
	return strings.Join(found, ", ")
}

func (p *planner) joiningCommands(g Group, here []string, done bool) []Command {
	if p.Protocol == Frostkit {
		return p.runCommands(here, done)
	}
	var commands []Command
	for _, name := range here {
		commands = append(commands, Command{name, p.joining(g, name), done})
	}
	return commands
}

// joining returns the command for a member's part of the DKG by frost-client's
// protocol. The creator names the others.
func (p *planner) joining(g Group, name string) string {
	m, _ := p.Member(name)
	c := command("dkg").longFlag("-d", "--description", g.Description).flag("-s", p.Server.Address())
	if name == g.Creator() {
		c = c.flag("-S", strings.Join(g.Members[1:], ","))
	}
	if p.Ciphersuite != suites[0].name {
		c = c.flag("-C", p.Ciphersuite)
	}
	return p.trusting(c.flag("-t", fmt.Sprint(g.Threshold))).flag("-c", p.config(m)).String()
}

// runCommands returns the commands for what single commands cannot do: the
// protocol frostkit ties every message to the file.
func (p *planner) runCommands(here []string, done bool) []Command {
	if p.isOneRun() {
		return []Command{{Shell: p.running().String(), Done: done}}
	}
	var commands []Command
	for _, name := range here {
		commands = append(commands, Command{name, p.running().flag("--as", name).String(), done})
	}
	return commands
}

// isOneRun reports whether the members can meet in one run alone: the built-in
// relay serves nobody outside of it.
func (p *planner) isOneRun() bool {
	return p.Protocol == Frostkit && p.Server.BuiltIn() && len(p.away()) == 0
}

func (p *planner) running() shellCommand {
	c := command("run").arg(asArgument("", p.Path))
	if dir := p.options.Dir; dir != "" && dir != p.Dir() {
		c = c.longFlag("--dir", "--dir", dir)
	}
	if p.Local != "" {
		c = c.longFlag("--local", "--local", p.Local)
	}
	return c
}

// trusting adds the authority that the file names to a command that connects.
func (p *planner) trusting(c shellCommand) shellCommand {
	if p.Server.CA == "" {
		return c
	}
	return c.flag("--ca", asArgument(p.options.MessageDir, p.Server.CA))
}

func (p *planner) config(m Member) string   { return asArgument(p.options.Dir, m.Config) }
func (p *planner) output(s Signing) string  { return asArgument(p.options.Dir, s.Output) }
func (p *planner) message(s Signing) string { return asArgument(p.options.MessageDir, s.Message) }

// asArgument returns a path as a command takes it: one that begins with a dash would
// be a flag.
func asArgument(dir, path string) string {
	if path = Resolve(dir, path); strings.HasPrefix(path, "-") {
		return "." + string(filepath.Separator) + path
	}
	return path
}

func (p *planner) warn(format string, args ...any) {
	p.plan.Warnings = append(p.plan.Warnings, fmt.Sprintf(format, args...))
}

func (p *planner) configs(names ...string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		m, _ := p.Member(name)
		paths[i] = p.config(m)
	}
	return paths
}

// warnOfPaths names what would be written outside of the ceremony's folder.
func (p *planner) warnOfPaths() {
	for _, m := range p.here {
		if !m.ConfigPos.Own {
			p.warnOfPath("the credentials of "+m.Name, m.Config)
		}
	}
	for i, s := range p.Sign {
		if p.isHere(s.Coordinator()) && !s.OutputPos.Own {
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
