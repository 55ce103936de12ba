package native

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// errServed ends the run of a member that finished before, and was there for others for a while.
var errServed = errors.New("the group was made before")

// Complete saves the group of a key generation that was finished and maybe not saved before. Without
// such a record there is no outcome. It talks to nobody: all others are unconfirmed.
func Complete(cfg DKGConfig) (*Outcome, error) {
	g, err := newGeneration(cfg)
	if err == nil {
		defer g.destroy()
		err = g.complete()
	}
	if err != nil {
		return nil, fmt.Errorf("going on with a finished key generation: %w", err)
	}
	if g.finished != nil {
		g.finished.Unconfirmed = slices.Clone(g.others)
	}
	return g.finished, nil
}

// complete is Complete for a run.
func (g *generation) complete() error {
	i := slices.IndexFunc(g.records, Record.Finished)
	if i < 0 {
		return nil
	}
	record := g.records[i]
	outcome, err := Restore(g.cfg.Ciphersuite, g.cfg.Key, record)
	if err != nil {
		return err
	}
	outcome.Members = slices.Clone(g.members)
	err = g.checkTranscript(outcome.Certificate.Transcript(), record.Attempt)
	if err == nil {
		err = g.cfg.Save(outcome)
	}
	if err != nil {
		outcome.KeyPackage.Destroy()
		return err
	}
	g.finished = outcome
	g.saved[record.Attempt] = true
	g.served = time.After(g.cfg.Serve)
	return nil
}

// help shows a member the certificates of finished key generations that it has not: of a pending share the
// signatures, with which it needs nobody else, and of a record that it does not list the whole, as proof.
func (g *generation) help(ctx context.Context, t taken) error {
	own := g.own[kindGreeting].greeting.held
	for _, r := range g.records {
		k, certificate := kindFinished, r.Signatures
		switch has := standingOf(r.Attempt, t.greeting.held); {
		case !r.Finished(), has == finished, has == unlisted && standingOf(r.Attempt, own) != finished:
			continue
		case has == unlisted:
			k, certificate = kindCertificate, r.Certificate()
		}
		if !g.helped.due(help{t.from.Key, t.greeting.run, r.Attempt}) {
			continue
		}
		body := slices.Concat(r.Attempt[:], certificate)
		if _, err := g.mail.broadcast(ctx, []protocol.Member{t.from}, message{kind: k, number: g.number32, body: body}); err != nil {
			return fmt.Errorf("sending the certificate to %s: %w", t.from, err)
		}
	}
	return nil
}

// What a greeting says of a record.
const (
	unlisted = iota
	pending
	finished
)

func standingOf(id AttemptID, list []held) int {
	i := slices.IndexFunc(list, func(h held) bool { return h.attempt == id })
	switch {
	case i < 0:
		return unlisted
	case list[i].finished:
		return finished
	}
	return pending
}

// help is a certificate that a run of a member is shown.
type help struct {
	to      commkey.PublicKey
	run     runID
	attempt AttemptID
}

// helped is when which help was given last.
type helped map[help]time.Time

// due reports whether help is to be given, and notes that it is.
func (h helped) due(x help) bool {
	now := time.Now()
	if last, before := h[x]; before && now.Sub(last) < answerEvery {
		return false
	}
	h[x] = now
	return true
}

// takeCertificate takes the proof that a key generation is finished of which this member lists no record, or completes
// a pending share with it. What does not verify is dropped.
func (g *generation) takeCertificate(t taken) error {
	certificate, id, err := g.decodeCertificate(t.body)
	if err != nil {
		g.drop(t.from.Key, err.Error())
		return nil
	}
	if _, here := g.recordOf(id); here {
		t.body = slices.Concat(id[:], certificate.EncodeSignatures())
		return g.takeFinished(t)
	}
	g.proven[id] = true
	if g.first == nil || g.round3 != nil {
		return nil
	}
	return &newAttempt{number: g.number32 + 1, cause: t.from, why: certified}
}

// decodeCertificate verifies a certificate of an attempt at this step, with these members: all have signed it.
func (g *generation) decodeCertificate(body []byte) (*cocktail.Certificate, AttemptID, error) {
	var id AttemptID
	if len(body) < len(id) {
		return nil, id, errMalformed
	}
	copy(id[:], body)
	certificate, err := cocktail.DecodeCertificate(g.cfg.Ciphersuite, body[len(id):])
	if err != nil {
		return nil, id, err
	}
	return certificate, id, g.checkTranscript(certificate.Transcript(), id)
}

// isProven reports whether a key generation is finished as this member knows itself: it has seen the certificate.
func (g *generation) isProven(id AttemptID) bool {
	r, _ := g.recordOf(id)
	return g.proven[id] || r.Finished()
}

// claimed reports whether a member lists a record as finished that this one does not know to be.
func (g *generation) claimed(m protocol.Member) bool {
	return slices.ContainsFunc(g.greetings[m.Key].greeting.held, func(h held) bool { return h.finished && !g.isProven(h.attempt) })
}

// awaitProofs waits a while for the certificates of records that others list as finished. It goes on without
// those that do not come: who has one makes no other key, and without that member nobody does.
func (g *generation) awaitProofs(ctx context.Context) error {
	timer := time.NewTimer(g.cfg.Settle)
	defer timer.Stop()
	for slices.ContainsFunc(g.others, g.claimed) {
		select {
		case a := <-g.mail.arrived:
			if err := g.take(ctx, a); err != nil {
				return err
			}
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return g.interrupted(ctx)
		}
	}
	return nil
}

// takeFinished completes a pending share with a certificate. What does not verify is dropped.
func (g *generation) takeFinished(t taken) error {
	id := AttemptID{}
	if len(t.body) < len(id) {
		g.drop(t.from.Key, errMalformed.Error())
		return nil
	}
	id = AttemptID(t.body[:len(id)])
	record, here := g.recordOf(id)
	if !here || g.finished != nil {
		return nil
	}
	record.Signatures = slices.Clone(t.body[len(id):])
	if _, err := cocktail.DecodeCertificate(g.cfg.Ciphersuite, record.Certificate()); err != nil {
		g.drop(t.from.Key, err.Error())
		return nil
	}
	phase, before := g.phase, g.record
	if err := g.store(record); err != nil {
		return err
	}
	g.phase, g.record = phase, before
	if err := g.complete(); err != nil || g.first == nil {
		return err
	}
	// This attempt would make a second group. In the next one all hear that there is one.
	return &newAttempt{number: g.number32 + 1, cause: t.from, why: certified}
}
