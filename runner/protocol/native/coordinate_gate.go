package native

import (
	"context"
	"fmt"
	"slices"

	"frostkit/frost"
	"frostkit/internal/shown"
	"frostkit/runner/protocol"
)

// take lets one message through the gate, or drops it.
func (c *coordination) take(ctx context.Context, a arrival) error {
	if a.ended != nil {
		if ctx.Err() != nil {
			return c.interrupted(ctx, c.uncommitted())
		}
		return fmt.Errorf("waiting for %s: %w", c.phase, a.ended)
	}
	i := slices.IndexFunc(c.candidates, func(m *candidate) bool { return m.Key == a.from })
	if i < 0 {
		c.drop(protocol.Member{Key: a.from}, "it is from nobody who has a part in this run")
		return nil
	}
	m, err := decodeMessage(a.payload)
	switch {
	case a.dropped != nil:
		c.drop(c.candidates[i].Member, a.dropped.Error())
		return nil
	case err != nil || a.envelope != nil:
		c.drop(c.candidates[i].Member, "it is not a sealed message of a signing")
		return nil
	}
	return c.takeMessage(ctx, c.candidates[i], m)
}

func (c *coordination) drop(m protocol.Member, reason string) {
	c.dropped[m.Key]++
	c.progress(protocol.Event{Kind: protocol.Dropped, Phase: c.phase, Member: m, Reason: reason, Count: c.dropped[m.Key]})
}

func (c *coordination) takeMessage(ctx context.Context, from *candidate, m message) error {
	if m.kind != kindHello && m.id != c.proposal.id {
		c.drop(from.Member, "it is of another signing")
		return nil
	}
	if c.told != nil {
		return c.tellAgain(ctx, from, m)
	}
	if from.out != nil && from.out.silent() {
		from.out = nil // there it is again
	}
	c.last[from.Key] = phaseOfSigning[m.kind]
	switch m.kind {
	case kindHello:
		said, err := decodeHello(m.body)
		if err != nil {
			c.drop(from.Member, err.Error())
			return nil
		}
		return c.takeHello(ctx, from, said)
	case kindCommitments, kindShares:
		return c.takeItems(ctx, from, m)
	case kindDecline:
		said := clip(string(m.body), maxReason)
		c.exclude(from, Exclusion{Reason: "declined: " + shown.Quote(said), Declined: true, Said: said})
		return nil
	}
	c.drop(from.Member, fmt.Sprintf("its kind %d is not known", m.kind))
	return nil
}

// takeHello answers a signer that is there, and maybe was started again.
func (c *coordination) takeHello(ctx context.Context, from *candidate, said hello) error {
	if from.out != nil && from.out.Culprit {
		return nil
	}
	if !from.here || from.run != said.run {
		c.progress(protocol.Event{Kind: protocol.Received, Phase: protocol.PhaseGreeting, Member: from.Member, Tool: said.tool})
	}
	c.seeRun(from, said.run)
	from.out = nil // who declined and comes again may have thought better of it
	return c.propose(ctx, from)
}

// seeRun notices a signer that was started again: its nonces are gone.
func (c *coordination) seeRun(from *candidate, run runID) {
	if from.here && from.run == run {
		return
	}
	if from.here && slices.Contains(c.signers, from) && from.shares == nil {
		c.late = true
		c.anew(from, restarted)
	}
	if c.signers == nil {
		from.commitments = nil
		c.order = slices.DeleteFunc(c.order, func(o *candidate) bool { return o == from })
	}
	from.run, from.here = run, true
}

// takeItems takes a signer's commitments or shares.
func (c *coordination) takeItems(ctx context.Context, from *candidate, m message) error {
	list, err := decodeItems(m.body)
	switch {
	case from.out != nil:
		return nil
	case err != nil:
		c.drop(from.Member, err.Error())
		return nil
	case m.number > c.number:
		c.drop(from.Member, "it is of an attempt that has not begun")
		return nil
	}
	c.seeRun(from, list.run)
	if m.number < c.number {
		return c.send(ctx, from, kindAgain, nil) // it has not heard of this attempt
	}
	if m.kind == kindCommitments {
		return c.takeCommitments(ctx, from, list)
	}
	if from.shares != nil && equalItems(from.shares, list.list) {
		c.progress(protocol.Event{Kind: protocol.Repeated, Phase: protocol.PhaseShares, Member: from.Member})
		return c.send(ctx, from, kindAgain, nil) // so that it knows that the others are still waited for
	}
	c.takeShares(from, list.list)
	return nil
}

func (c *coordination) takeCommitments(ctx context.Context, from *candidate, x items) error {
	list, signs := x.list, slices.Contains(c.signers, from)
	switch {
	case from.commitments == nil:
	case from.committed != x.run && signs:
		return nil // it was started again after it had sent its shares, or another attempt is due
	case from.committed != x.run:
	case !equalItems(from.commitments, list):
		c.blame(from, "sent two different commitments for one attempt")
		return nil
	case signs: // it has not got the package
		return c.sendPackage(ctx, from)
	default:
		return nil
	}
	if err := c.decodes(list, func(b []byte) error {
		_, err := frost.DecodeSigningCommitmentsPostcard(c.cfg.PublicKeyPackage.Ciphersuite(), b)
		return err
	}); err != nil {
		c.blame(from, fmt.Sprintf("sent commitments that do not decode: %v", err))
		return nil
	}
	from.commitments, from.committed = list, x.run
	c.order = append(slices.DeleteFunc(c.order, func(o *candidate) bool { return o == from }), from)
	c.progress(protocol.Event{Kind: protocol.Received, Phase: protocol.PhaseCommitments, Member: from.Member, Awaited: c.uncommitted()})
	return nil
}

func (c *coordination) takeShares(from *candidate, list [][]byte) {
	err := c.decodes(list, func(b []byte) error {
		_, err := frost.DecodeSignatureSharePostcard(c.cfg.PublicKeyPackage.Ciphersuite(), b)
		return err
	})
	switch {
	case !slices.Contains(c.signers, from):
		c.drop(from.Member, "it holds signature shares of somebody who was not asked for them")
	case from.shares != nil:
		c.blame(from, "sent two different signature shares for one attempt")
	case err != nil:
		c.blame(from, fmt.Sprintf("sent signature shares that do not decode: %v", err))
	default:
		from.shares = list
		c.progress(protocol.Event{Kind: protocol.Received, Phase: protocol.PhaseShares, Member: from.Member, Awaited: c.unshared()})
	}
}

// decodes checks that there is an item for each message, and each decodes.
func (c *coordination) decodes(list [][]byte, decode func([]byte) error) error {
	if len(list) != len(c.cfg.Messages) {
		return fmt.Errorf("there are %d, for %d messages", len(list), len(c.cfg.Messages))
	}
	for _, item := range list {
		if err := decode(item); err != nil {
			return err
		}
	}
	return nil
}

func equalItems(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(x, y []byte) bool { return string(x) == string(y) })
}
