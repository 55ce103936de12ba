package native

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"frostkit/commkey"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// attemptLabel begins the input of the hash that is an attempt's ID.
const attemptLabel = "frostkit attempt"

// greet says what this member is here for, hears it of the others, and compares.
func (g *generation) greet(ctx context.Context) error {
	own, err := g.newGreeting()
	if err != nil {
		return err
	}
	message := message{kind: kindGreeting, number: g.number32, body: own.encode()}
	envelope, err := g.mail.broadcast(ctx, g.others, message)
	if err != nil {
		return fmt.Errorf("sending the greeting: %w", err)
	}
	g.own[kindGreeting] = taken{from: g.self, message: message, envelope: envelope, greeting: own}
	g.greeted(g.own[kindGreeting])
	g.progress(protocol.Event{Kind: protocol.Sent, Phase: protocol.PhaseGreeting})
	greeted := func(m protocol.Member) bool { _, has := g.greetings[m.Key]; return has }
	differ := func() bool { return g.differ }
	if err := g.awaitUnless(ctx, protocol.PhaseGreeting, kindGreeting, greeted, differ); err != nil {
		return err
	}
	if g.differ {
		return g.explain(ctx)
	}
	return g.agree(ctx)
}

func (g *generation) newGreeting() (greeting, error) {
	own := greeting{version: Version, run: g.run, digest: g.cfg.Digest, members: g.membersDigest(), step: g.cfg.Step, tool: g.cfg.Tool}
	for _, r := range g.records[max(len(g.records)-maxHeld, 0):] {
		own.held = append(own.held, held{r.Attempt, r.Finished()})
	}
	if _, err := io.ReadFull(g.cfg.Random, own.nonce[:]); err != nil {
		return greeting{}, fmt.Errorf("reading the random part of the greeting: %w", err)
	}
	return own, g.addAttemptKey(&own)
}

// membersDigest is SHA-256 over u32 threshold and the members' keys in their order.
func (g *generation) membersDigest() [sha256.Size]byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(g.cfg.Threshold))
	for _, m := range g.members {
		b = append(b, m.Key.Bytes()...)
	}
	return sha256.Sum256(b)
}

// agree makes the attempt's ID of all greetings:
// SHA-256(label || session || u32 attempt || SHA-256(body) of each greeting in the members' order).
func (g *generation) agree(ctx context.Context) error {
	h := sha256.New()
	h.Write([]byte(attemptLabel))
	h.Write(g.cfg.Session[:])
	h.Write(binary.BigEndian.AppendUint32(nil, g.number32))
	for _, m := range g.members {
		digest := sha256.Sum256(g.greetings[m.Key].body)
		h.Write(digest[:])
	}
	h.Sum(g.id[:0])
	g.agreed = true
	return g.agreeOn(ctx)
}

// common finds the record that all members hold: of several the one that comes last at the first
// member. If there is none, a new key may only be made if no record is finished, here or elsewhere.
func (g *generation) common() (record Record, found bool, err error) {
	for _, h := range slices.Backward(g.greetings[g.members[0].Key].greeting.held) {
		if r, here := g.recordOf(h.attempt); here && len(g.without(h.attempt)) == 0 {
			return r, true, nil
		}
	}
	for _, m := range g.members {
		for _, h := range g.greetings[m.Key].greeting.held {
			if r, _ := g.recordOf(h.attempt); h.finished || r.Finished() {
				return Record{}, false, &LostRecordError{Members: g.without(h.attempt)}
			}
		}
	}
	return Record{}, false, nil
}

// recordOf returns this member's record of an attempt.
func (g *generation) recordOf(id AttemptID) (Record, bool) {
	i := slices.IndexFunc(g.records, func(r Record) bool { return r.Attempt == id })
	if i < 0 {
		return Record{}, false
	}
	return g.records[i], true
}

// lost fails when a record of a finished key generation is not held by all. First all say so: else it
// may be that the greetings which this member has are not the latest.
func (g *generation) lost(ctx context.Context, lost error) error {
	if err := g.broadcast(ctx, kindLost, nil); err != nil {
		return err
	}
	if err := g.await(ctx, protocol.PhaseGreeting, kindLost, g.hasOne(kindLost)); err != nil {
		return err
	}
	return lost
}

// without returns the members who do not hold a record.
func (g *generation) without(id AttemptID) []protocol.Member {
	return slices.DeleteFunc(slices.Clone(g.members), func(m protocol.Member) bool {
		return slices.ContainsFunc(g.greetings[m.Key].greeting.held, func(h held) bool { return h.attempt == id })
	})
}

// resume takes this member back to where it had stored a record.
func (g *generation) resume(r Record) error {
	const doing = "going on with the share that was stored before: %w"
	transcript, err := cocktail.DecodeTranscript(g.cfg.Ciphersuite, r.Transcript)
	if err != nil {
		return fmt.Errorf(doing, err)
	}
	if err := g.checkTranscript(transcript, r.Attempt); err != nil {
		return fmt.Errorf(doing, err)
	}
	round, keys, err := resumeRecord(g.static, transcript, r)
	if err != nil {
		return fmt.Errorf(doing, err)
	}
	keys.Members = slices.Clone(g.members)
	g.round3, g.record, g.hash, g.keys = round, r, transcript.Hash(), keys
	g.dropAttemptKey()
	return nil
}

// checkTranscript checks that a transcript is one of an attempt at this step, with these members.
func (g *generation) checkTranscript(t *cocktail.Transcript, id AttemptID) error {
	setup := t.Setup()
	same := setup.Threshold() == g.cfg.Threshold && len(setup.Identifiers()) == len(g.members) &&
		string(t.Extension()) == string(g.extension())
	for i, m := range g.members {
		key, has := setup.Member(m.Identifier)
		same = same && has && key.Equal(g.publics[i])
	}
	if !same || !t.HasSessionID(id[:]) {
		return errors.New("it is of another attempt, of other members, or of another ceremony file")
	}
	return nil
}

// differences compares the greetings that there are, nil if they agree.
func (g *generation) differences() []Difference {
	fields := []struct {
		name string
		of   func(greeting) string
	}{
		{"protocol version", func(x greeting) string { return fmt.Sprintf("%d (%q)", x.version, x.tool) }},
		{"step", func(x greeting) string { return fmt.Sprintf("%q", x.step) }},
		{"ceremony file", func(x greeting) string { return fmt.Sprintf("digest %x", x.digest[:8]) }},
		{"threshold, or keys and order of the members", func(x greeting) string { return fmt.Sprintf("digest %x", x.members[:8]) }},
	}
	var all []Difference
	own := g.greetings[g.self.Key].greeting
	for i, field := range fields {
		d := Difference{Field: field.name}
		differs := false
		for _, m := range g.members {
			t, has := g.greetings[m.Key]
			if !has || i > 0 && t.greeting.version != Version {
				continue
			}
			d.Values = append(d.Values, Value{m, field.of(t.greeting)})
			differs = differs || i == 0 && t.greeting.version != Version || i > 0 && field.of(t.greeting) != field.of(own)
		}
		if differs {
			all = append(all, d)
		}
	}
	return all
}

// explain tells the others what the digest is over, hears it of them, and says what differs. It waits
// for what is missing as long as for what others found.
func (g *generation) explain(ctx context.Context) error {
	body := encodeFacts(g.facts())
	told := message{kind: kindFacts, number: g.number32, body: body}
	for _, m := range g.others {
		if g.mail.seal(ctx, m.Key, m.Key, told) != nil {
			break // the others have left: that members differ is what there is to say
		}
	}
	g.settle(ctx, g.hasOne(kindFacts))
	return &AgreementError{append(g.differences(), g.compareFacts()...)}
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
	t, told := g.kept[slot{m.Key, kindFacts}]
	return t.facts, told
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

// settle takes messages for a while, until done holds for all others. What goes wrong meanwhile is of
// no interest any more, but for faults that others found.
func (g *generation) settle(ctx context.Context, done func(protocol.Member) bool) (found []*protocol.CulpritError) {
	timer := time.NewTimer(g.cfg.Settle)
	defer timer.Stop()
	for slices.ContainsFunc(g.others, func(m protocol.Member) bool { return !done(m) }) {
		select {
		case a := <-g.mail.arrived:
			var blamed *protocol.CulpritError
			if err := g.take(ctx, a); errors.As(err, &blamed) {
				found = append(found, blamed)
			}
			if a.ended != nil {
				return found
			}
		case <-timer.C:
			return found
		case <-ctx.Done():
			return found
		}
	}
	return found
}
