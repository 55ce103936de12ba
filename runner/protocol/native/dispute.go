package native

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"frostkit/runner/protocol"
)

// compareTranscript finds out why a member signed another transcript ("Resolving Disputes"): all say
// what they have of each other.
func (g *generation) compareTranscript(ctx context.Context, m protocol.Member) error {
	if _, has := g.kept[slot{m.Key, kindSignature}]; g.round3 == nil || !has || g.signedSame(m) {
		return nil
	}
	if g.views == nil {
		g.views = g.ownViews()
		if err := g.broadcast(ctx, kindViews, encodeViews(g.views)); err != nil {
			return err
		}
	}
	t, has := g.kept[slot{m.Key, kindViews}]
	if !has {
		return nil
	}
	theirs, err := decodeViews(t.body, len(g.members))
	switch {
	case err != nil:
		return protocol.Culprit(protocol.PhaseCertificate, m, "sent a list of round 1 messages that does not decode", err)
	case slices.Equal(theirs, g.views):
		return protocol.Culprit(protocol.PhaseCertificate, m, "signed another transcript than that of the round 1 messages it says it has", nil)
	case g.resumed():
		return g.compareParts(t, theirs)
	}
	return g.compareMessages(ctx, t, theirs)
}

// resumed reports whether this attempt goes on with the record of an earlier one, whose round 1 messages
// are gone.
func (g *generation) resumed() bool { return g.record.Attempt != g.id }

// ownViews are the digests of all members' round 1 messages or, in an attempt that was resumed, of their parts
// of the transcript.
func (g *generation) ownViews() [][sha256.Size]byte {
	views := make([][sha256.Size]byte, len(g.members))
	for i, m := range g.members {
		views[i] = g.round1Digest(m)
		if g.resumed() {
			part, _ := g.round3.Transcript().Contribution(m.Identifier)
			views[i] = sha256.Sum256(part)
		}
	}
	return views
}

// compareMessages shows a member the round 1 messages of which it has others.
func (g *generation) compareMessages(ctx context.Context, t taken, theirs [][sha256.Size]byte) error {
	for i, m := range g.members {
		if theirs[i] == g.views[i] {
			continue
		}
		shown := g.round1Of(m)
		if m.Key == t.from.Key {
			return sentAnother(t, shown.envelope)
		}
		if err := g.forward(ctx, t.from, shown); err != nil {
			return err
		}
	}
	return nil
}

// sentAnother names a member that lists another message of its own than it sent here.
func sentAnother(views taken, envelope []byte) error {
	err := protocol.Culprit(protocol.PhaseCertificate, views.from, "sent this member another round 1 message than it says", nil)
	if err.Evidence = []protocol.Evidence{{From: views.from, Payload: views.envelope}}; envelope != nil {
		err.Evidence = append(err.Evidence, protocol.Evidence{From: views.from, Payload: envelope})
	}
	return err
}

// compareParts names who may be why a member has another transcript of the attempt that was resumed: each whose
// part of it differs, and that member itself, which may have made it up. Only of its own part, and of this
// member's, both know what was sent.
func (g *generation) compareParts(t taken, theirs [][sha256.Size]byte) error {
	for i, m := range g.members {
		switch {
		case theirs[i] == g.views[i]:
		case m.Key == t.from.Key:
			return sentAnother(t, nil)
		case m.Key == g.self.Key:
			return protocol.Culprit(protocol.PhaseCertificate, t.from, "says that this member sent another round 1 message than it did", nil)
		default:
			found := contradiction(protocol.PhaseCertificate, t.from, m, "%[1]s signed a transcript with another round 1 message of %[2]s than this member has")
			g.found = append(g.found, found)
		}
	}
	return nil
}

// takeForward takes another member's signed message. A round 1 message that differs from the one that
// came here proves that its author signed both.
func (g *generation) takeForward(ctx context.Context, t taken) error {
	f, err := decodeForwarded(t.body)
	if err != nil || f.origin == 0 || int(f.origin) > len(g.members) || t.number != g.number32 {
		return nil
	}
	origin := g.members[f.origin-1]
	payload, err := openSigned(g.cfg.Session, origin.Key, f.envelope[1:])
	if err != nil {
		g.drop(t.from.Key, fmt.Sprintf("it forwards what %s did not sign", origin))
		return nil
	}
	m, err := decodeMessage(payload)
	if err != nil || origin.Key == g.self.Key {
		return nil
	}
	shown := taken{from: origin, message: m, envelope: f.envelope}
	switch {
	case m.kind == kindGreeting:
		return g.takeGreeting(ctx, shown)
	case m.kind == kindRound1, m.kind == kindSignature, m.kind == kindViews:
		return g.takeBound(ctx, shown)
	}
	return nil
}
