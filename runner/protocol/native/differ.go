package native

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// strangers are the members whose greeting differs from this member's in what all have to agree on. A greeting may be
// one that the relay says again. So it counts only when its sender has told facts that name this run.
type strangers struct {
	greetings  map[commkey.PublicKey]greeting
	facts      map[commkey.PublicKey]toldFacts // that name this run, of strangers and others
	answered   map[runID]time.Time             // when a run was told this member's facts
	explaining bool
}

func newStrangers() strangers {
	return strangers{
		greetings: make(map[commkey.PublicKey]greeting), facts: make(map[commkey.PublicKey]toldFacts),
		answered: make(map[runID]time.Time),
	}
}

// unprovable is the latest version whose members name no run of others.
const unprovable = 1

// proven reports whether a member is known to differ.
func (s *strangers) proven(m protocol.Member) bool {
	x, differs := s.greetings[m.Key]
	facts, told := s.facts[m.Key]
	return differs && (x.version <= unprovable || told && facts.run() == x.run)
}

// run is that of the sender.
func (f toldFacts) run() runID {
	x, _ := decodeGreeting(f.greeting)
	return x.run
}

// due reports whether a run is to be told this member's facts, and notes that it is.
func (s *strangers) due(run runID) bool {
	now := time.Now()
	if last, before := s.answered[run]; before && now.Sub(last) < answerEvery {
		return false
	}
	s.answered[run] = now
	return true
}

// differs reports whether a greeting is that of a stranger.
func (g *generation) differs(x greeting) bool {
	own := g.agreedOn()
	return x.version != own.version || x.digest != own.digest || x.members != own.members || x.step != own.step ||
		len(unknownTo(own.extensions, x.extensions))+len(unknownTo(x.extensions, own.extensions)) > 0
}

// takeStranger keeps a greeting that differs, and has its sender prove that it is of this run.
func (g *generation) takeStranger(ctx context.Context, m protocol.Member, x greeting) error {
	g.strange.greetings[m.Key] = x
	g.last[m.Key] = "a greeting that differs"
	if err := g.tellFacts(ctx, m, x.run); err != nil {
		return err
	}
	return g.disagree(ctx)
}

// tellFacts tells a run of another member what this member's digest is over.
func (g *generation) tellFacts(ctx context.Context, m protocol.Member, run runID) error {
	if !g.strange.due(run) {
		return nil
	}
	body := toldFacts{run, g.own[kindGreeting].body, g.facts()}.encode()
	if err := g.mail.seal(ctx, m.Key, m.Key, message{kind: kindFacts, number: g.number32, body: body}); err != nil {
		return fmt.Errorf("sending facts to %s: %w", m, err)
	}
	return nil
}

// takeFacts keeps what a member says that differs.
func (g *generation) takeFacts(ctx context.Context, t taken) error {
	facts, x, err := decodeFacts(t.body)
	switch {
	case err != nil:
		g.drop(t.from.Key, err.Error())
		return nil
	case facts.to != g.run:
		g.drop(t.from.Key, "its facts answer another run of this member")
		return nil
	}
	g.strange.facts[t.from.Key], g.runs[t.from.Key] = facts, x.run
	if !g.differs(x) {
		return nil
	}
	return g.takeStranger(ctx, t.from, x)
}

// disagree ends the run where a member is known to differ.
func (g *generation) disagree(ctx context.Context) error {
	if g.strange.explaining || !slices.ContainsFunc(g.others, g.strange.proven) {
		return nil
	}
	return g.explain(ctx)
}

// explain tells the others what the digest is over, hears it of them, and says what differs. It waits
// for what is missing as long as for what others found.
func (g *generation) explain(ctx context.Context) error {
	g.strange.explaining = true
	defer func() { g.strange.explaining = false }()
	g.tellAll(ctx)
	g.settle(ctx, func(m protocol.Member) bool { _, told := g.strange.facts[m.Key]; return told })
	clear(g.strange.answered)
	g.tellAll(ctx) // the first may have been lost, and nobody is here to ask afterwards
	if !slices.ContainsFunc(g.others, g.strange.proven) {
		return &newAttempt{number: g.number32 + 1, cause: g.self, why: "heard nobody of version 1 any more"}
	}
	return &AgreementError{append(g.differences(), g.compareFacts()...)}
}

// tellAll tells everybody who was heard of this member's facts.
func (g *generation) tellAll(ctx context.Context) {
	for _, m := range g.others {
		if run, heard := g.runs[m.Key]; heard && g.tellFacts(ctx, m, run) != nil {
			return // the others have left: that members differ is what there is to say
		}
	}
}

// compared returns the greeting of a member that is to be compared.
func (g *generation) compared(m protocol.Member) (greeting, bool) {
	if m.Key == g.self.Key {
		return g.agreedOn(), true
	}
	if x, differs := g.strange.greetings[m.Key]; differs {
		return x, g.strange.proven(m)
	}
	t, has := g.greetings[m.Key]
	return t.greeting, has
}

// differences compares the greetings that there are, nil if they agree.
func (g *generation) differences() []Difference {
	fields := []comparison{
		{"protocol version", func(x greeting) string { return fmt.Sprintf("%d (%q)", x.version, x.tool) }},
		{"step", func(x greeting) string { return fmt.Sprintf("%q", x.step) }},
		{"ceremony file", func(x greeting) string { return fmt.Sprintf("digest %x", x.digest[:8]) }},
		{"threshold, or keys and order of the members", func(x greeting) string { return fmt.Sprintf("digest %x", x.members[:8]) }},
	}
	for _, kind := range g.unknownTypes() {
		fields = append(fields, comparison{extensionField(kind), func(x greeting) string { return standing(x.extensions, kind) }})
	}
	var all []Difference
	for i, field := range fields {
		if d, differs := g.compare(field, i == 0); differs {
			all = append(all, d)
		}
	}
	return all
}

// comparison is a field of greetings, and how its values are shown.
type comparison struct {
	name string
	of   func(greeting) string
}

// compare compares a field of the greetings that there are. Other versions have no field but that.
func (g *generation) compare(field comparison, version bool) (Difference, bool) {
	d := Difference{Field: field.name}
	differs := false
	own := g.agreedOn()
	for _, m := range g.members {
		x, has := g.compared(m)
		if !has || !version && x.version != Version {
			continue
		}
		d.Values = append(d.Values, Value{m, field.of(x)})
		differs = differs || version && x.version != Version || !version && field.of(x) != field.of(own)
	}
	return d, differs
}

// unknownTypes lists the types of extensions that one of two members needs and the other does not know, one of them
// this one.
func (g *generation) unknownTypes() (types []uint16) {
	for _, m := range g.others {
		x, has := g.compared(m)
		if !has || x.version != Version {
			continue
		}
		types = append(types, unknownTo(g.cfg.Extensions, x.extensions)...)
		types = append(types, unknownTo(x.extensions, g.cfg.Extensions)...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// facts are those of the configuration, the threshold, and whose key is which.
func (g *generation) facts() []Fact {
	facts := slices.Clone(g.cfg.Facts)
	for i, m := range g.members {
		facts = append(facts, Fact{fmt.Sprintf("key of member %d", i+1), fmt.Sprintf("%s (%s)", m.Key, m.Name)})
	}
	facts = append(facts, Fact{"members needed to sign", fmt.Sprint(g.cfg.Threshold)})
	for i := range facts {
		facts[i].Label = clip(facts[i].Label, maxText)
		facts[i].Value = clip(facts[i].Value, maxText)
	}
	return facts
}

// clip shortens a text that would not fit.
func clip(text string, most int) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most-3], "") + "..."
}

// compareFacts lists the labels under which members have different values, in the order in which they
// come.
func (g *generation) compareFacts() []Difference {
	values := make(map[commkey.PublicKey]map[string][]string)
	var labels []string
	seen := make(map[string]bool)
	for _, m := range g.members {
		facts, told := g.factsOf(m)
		if !told {
			continue
		}
		values[m.Key] = make(map[string][]string)
		for _, f := range facts {
			values[m.Key][f.Label] = append(values[m.Key][f.Label], f.Value)
			if !seen[f.Label] {
				seen[f.Label], labels = true, append(labels, f.Label)
			}
		}
	}
	var all []Difference
	for _, label := range labels {
		if d := g.difference(label, values); len(d.grouped()) > 1 {
			all = append(all, d)
		}
	}
	return all
}

// factsOf returns the facts of a member that has told them.
func (g *generation) factsOf(m protocol.Member) ([]Fact, bool) {
	if m.Key == g.self.Key {
		return g.facts(), true
	}
	told, has := g.strange.facts[m.Key]
	return told.facts, has
}

// difference is what the members who told their facts have under a label. One that only others know may
// be any text.
func (g *generation) difference(label string, values map[commkey.PublicKey]map[string][]string) Difference {
	d := Difference{Field: label}
	if _, known := values[g.self.Key][label]; !known {
		d.Field = fmt.Sprintf("%q", label)
	}
	for _, m := range g.members {
		facts, told := values[m.Key]
		switch list, has := facts[label]; {
		case has:
			d.Values = append(d.Values, Value{m, fmt.Sprintf("%q", strings.Join(list, ", "))})
		case told:
			d.Values = append(d.Values, Value{m, "(nothing)"})
		}
	}
	return d
}
