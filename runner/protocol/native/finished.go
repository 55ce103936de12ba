package native

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

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

// help sends a member that holds a pending share the certificate of it, if this member has that: it
// then needs nobody else. The body is the attempt's ID || sig_1 || ... || sig_n.
func (g *generation) help(ctx context.Context, t taken) error {
	for _, h := range t.greeting.held {
		r, _ := g.recordOf(h.attempt)
		if h.finished || !r.Finished() {
			continue
		}
		body := slices.Concat(h.attempt[:], r.Signatures)
		if _, err := g.mail.broadcast(ctx, []protocol.Member{t.from}, message{kind: kindFinished, number: g.number32, body: body}); err != nil {
			return fmt.Errorf("sending the certificate to %s: %w", t.from, err)
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
