package native

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

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
	g.greetings[g.self.Key] = g.own[kindGreeting]
	g.progress(protocol.Event{Kind: protocol.Sent, Phase: protocol.PhaseGreeting})
	greeted := func(m protocol.Member) bool { _, has := g.greetings[m.Key]; return has }
	if err := g.await(ctx, protocol.PhaseGreeting, kindGreeting, greeted); err != nil {
		return err
	}
	return g.agree(ctx)
}

// agreedOn is what this member's greetings have in common.
func (g *generation) agreedOn() greeting {
	return greeting{
		version: Version, run: g.run, digest: g.cfg.Digest, members: g.membersDigest(), step: g.cfg.Step, tool: g.cfg.Tool,
		extensions: g.cfg.Extensions,
	}
}

func (g *generation) newGreeting() (greeting, error) {
	own := g.agreedOn()
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

// goOnWith is common once those who list a finished record have had the time to prove it.
func (g *generation) goOnWith(ctx context.Context) (record Record, found bool, err error) {
	record, found, err = g.common()
	if !found && err == nil {
		if err := g.awaitProofs(ctx); err != nil {
			return Record{}, false, err
		}
		record, found, err = g.common()
	}
	if err != nil {
		err = g.lost(ctx, err)
	}
	return record, found, err
}

// common finds the record that all members hold: of several the one that comes last at the first
// member. If there is none, a new key may only be made if no record is known to be finished.
func (g *generation) common() (record Record, found bool, err error) {
	for _, h := range slices.Backward(g.greetings[g.members[0].Key].greeting.held) {
		if r, here := g.recordOf(h.attempt); here && len(g.without(h.attempt)) == 0 {
			return r, true, nil
		}
	}
	for _, m := range g.members {
		for _, h := range g.greetings[m.Key].greeting.held {
			if g.isProven(h.attempt) {
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
