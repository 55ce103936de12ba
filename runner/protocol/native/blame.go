package native

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// tellTimeout bounds the telling of the others that a run has failed.
const tellTimeout = 3 * time.Second

// tell tells the others why this member gives up, where they cannot find it out themselves.
func (g *generation) tell(ctx context.Context, err error) {
	a := abort{why: whyFailed, reason: "it could not go on"}
	var blamed *protocol.CulpritError
	var missing *protocol.MissingError
	var differ *AgreementError
	var ended *EndedError
	var lost *LostRecordError
	switch {
	case errors.As(err, &missing), errors.As(err, &differ), errors.As(err, &ended), errors.As(err, &lost):
		return
	case errors.As(err, &blamed):
		a = abort{why: whyBlame, reason: blamed.Error()}
	case errors.Is(err, protocol.ErrDeclined):
		a = abort{why: whyDeclined, reason: strings.TrimPrefix(err.Error(), protocol.ErrDeclined.Error()+": ")}
	case ctx.Err() != nil:
		a = abort{why: whyStopped, reason: "it was stopped"}
	case g.phase == protocol.PhasePending, g.phase == protocol.PhaseSave:
		a.reason = g.phase + " failed"
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer cancel()
	if blamed != nil {
		g.show(ctx, blamed.Evidence)
	}
	g.abort(ctx, a)
}

// abort broadcasts that this member gives up, once in an attempt.
func (g *generation) abort(ctx context.Context, a abort) {
	if _, sent := g.own[kindAbort]; sent {
		return
	}
	a.reason = clip(a.reason, maxReason)
	body := a.encode()
	if !g.agreed {
		body = earlyAbort{g.run, slices.Collect(maps.Values(g.runs)), body}.encode()
	}
	_ = g.broadcast(ctx, kindAbort, body) // who does not get it waits for this member, and finds it missing
}

// show forwards signed messages that contradict each other to all.
func (g *generation) show(ctx context.Context, evidence []protocol.Evidence) {
	for _, e := range evidence {
		for _, m := range g.others {
			_ = g.forward(ctx, m, taken{from: e.From, envelope: e.Payload})
		}
	}
}

// blame tells the others of failed checks, hears what they found, and names all culprits
// ("Blame-Finding and Reporting").
func (g *generation) blame(ctx context.Context, phase string, err error) error {
	var blamed *frost.BlameError
	if !errors.As(err, &blamed) {
		return fmt.Errorf("checking %s: %w", phase, err)
	}
	a := abort{why: whyBlame}
	for _, fault := range cocktail.Faults(err) {
		m := g.byIdentifier(fault.Culprit)
		g.found = append(g.found, protocol.Culprit(phase, m, g.describe(fault), fault))
		a.blames = append(a.blames, accusation{fault.BlameMessage().Encode(), g.round1Digest(m)})
	}
	if len(g.found) == 0 {
		return protocol.Culprit(phase, g.byIdentifier(blamed.Culprits[0]), blamed.Check, err)
	}
	a.reason = joinCulprits(g.found).Error()
	g.abort(ctx, a)
	return g.judge(ctx)
}

func (g *generation) describe(f *cocktail.Fault) string {
	if f.Err != nil {
		return fmt.Sprintf("%s: %v", f.Check, f.Err)
	}
	return f.Check.String()
}

func (g *generation) byIdentifier(id frost.Identifier) protocol.Member {
	i := slices.IndexFunc(g.members, func(m protocol.Member) bool { return m.Identifier == id })
	if i < 0 {
		return protocol.Member{Name: "identifier " + id.String(), Identifier: id}
	}
	return g.members[i]
}

// takeEarlyAbort takes the last word of a member that had not agreed on an attempt, where it is between this run of
// that member and this run here.
func (g *generation) takeEarlyAbort(t taken) error {
	early, err := decodeEarlyAbort(t.body, len(g.members))
	switch place := (slot{t.from.Key, kindAbort}); {
	case err != nil:
		g.drop(t.from.Key, err.Error())
		return nil
	case !early.between(g.runs[t.from.Key], g.run):
		g.drop(t.from.Key, "it gave up in another run than this")
		return nil
	case g.hasOne(kindAbort)(t.from):
		return nil
	default:
		t.body = early.body
		g.kept[place] = t
	}
	g.received(t)
	return g.takeAbort(t)
}

// takeAbort takes the last word of a member. One that blames others is judged when more is known.
func (g *generation) takeAbort(t taken) error {
	a, err := decodeAbort(t.body, len(g.members))
	if err != nil {
		g.drop(t.from.Key, err.Error())
		return nil
	}
	switch a.why {
	case whyBlame:
		g.accusers = append(g.accusers, accuser{t.from, a})
		return nil
	case whyStopped: // it may be run again
		g.last[t.from.Key] = "that it was stopped"
		g.progress(protocol.Event{Kind: protocol.Stopped, Phase: g.phase, Member: t.from})
		return nil
	}
	return &EndedError{Member: t.from, Declined: a.why == whyDeclined, Reason: a.reason}
}

// accuser is a member that gave up and blames others.
type accuser struct {
	protocol.Member
	abort
}

// accused reports whether somebody gave up and blames others, or members contradict each other.
func (g *generation) accused() bool { return len(g.accusers)+len(g.found) > 0 }

// judge waits to hear of all what they found, and makes one error of it. What this member can check
// itself it does: the word of others proves less.
func (g *generation) judge(ctx context.Context) error {
	found := g.settle(ctx, g.heardOut) // which adds contradictions itself
	g.found = append(g.found, found...)
	switch {
	case len(g.found) > 0:
	case g.round3 == nil:
		g.checkRound1()
	default:
		g.checkSignatures()
	}
	for _, a := range g.accusers {
		for _, blame := range a.blames {
			found := g.weigh(a.Member, blame)
			if found != nil && !g.foundBefore(found.Culprits[0]) {
				g.found = append(g.found, found)
			}
		}
	}
	if len(g.found) == 0 {
		return &EndedError{Member: g.accusers[0].Member, Reason: g.accusers[0].reason}
	}
	return joinCulprits(g.distinct())
}

// heardOut tells who has said all that is to be heard of it: that it gives up, or that it has signed,
// and why another transcript than this member's.
func (g *generation) heardOut(m protocol.Member) bool {
	switch {
	case g.hasOne(kindAbort)(m):
		return true
	case !g.hasOne(kindSignature)(m):
		return false
	}
	return g.round3 == nil || g.signedSame(m) || g.hasOne(kindViews)(m)
}

// foundBefore reports whether a member is a culprit by what this member knows itself, so that the word
// of others adds nothing.
func (g *generation) foundBefore(m protocol.Member) bool {
	return slices.ContainsFunc(g.found, func(e *protocol.CulpritError) bool {
		return len(e.Culprits) == 1 && e.Culprits[0].Key == m.Key
	})
}

// checkRound1 looks for faults in the messages that there are: in all of them, if all are there, and
// else for those that everybody can see.
func (g *generation) checkRound1() {
	if g.setup == nil {
		return
	}
	messages := make(map[frost.Identifier]*cocktail.Round1Message, len(g.others))
	for _, m := range g.others {
		t, has := g.kept[slot{m.Key, kindRound1}]
		if !has {
			continue
		}
		message, err := cocktail.DecodeRound1Message(g.setup, m.Identifier, t.body)
		g.addFaults(protocol.PhaseRound1, err)
		messages[m.Identifier] = message
	}
	if len(g.found) > 0 || len(messages) < len(g.others) || g.first == nil {
		return
	}
	second, err := g.first.Next(messages)
	if err == nil {
		second.Destroy()
	}
	g.addFaults(protocol.PhaseRound1, err)
}

// checkSignatures looks for faults in the signatures that there are over this member's transcript.
func (g *generation) checkSignatures() {
	for _, m := range g.others {
		if !g.signedSame(m) {
			continue
		}
		if err := g.checkSignature(m); err != nil {
			g.found = append(g.found, protocol.Culprit(protocol.PhaseCertificate, m, cocktail.CheckSignature.String(), err))
		}
	}
}

func (g *generation) checkSignature(m protocol.Member) error {
	_, encoded := splitSignature(g.kept[slot{m.Key, kindSignature}].body)
	signature, err := cocktail.DecodeSignature(g.cfg.Ciphersuite, encoded)
	if err != nil {
		return err
	}
	return g.round3.Transcript().Verify(m.Identifier, signature)
}

func (g *generation) addFaults(phase string, err error) {
	for _, fault := range cocktail.Faults(err) {
		g.found = append(g.found, protocol.Culprit(phase, g.byIdentifier(fault.Culprit), g.describe(fault), fault))
	}
}

// distinct is what was found without what is said twice of the same members, and without contradictions that
// have a culprit by what this member knows itself.
func (g *generation) distinct() []*protocol.CulpritError {
	seen := make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(g.found), func(e *protocol.CulpritError) bool {
		text := e.Error()
		before := seen[text]
		seen[text] = true
		return before || len(e.Culprits) > 1 && slices.ContainsFunc(e.Culprits, g.foundBefore)
	})
}

// weigh says what an accusation proves, nil if nothing is to add.
func (g *generation) weigh(from protocol.Member, a accusation) *protocol.CulpritError {
	if g.setup == nil {
		return nil
	}
	phase := protocol.PhaseRound1
	if g.round3 != nil { // this member has stored its share
		phase = protocol.PhaseCertificate
	}
	blame, err := cocktail.DecodeBlameMessage(g.setup, a.blame)
	if err != nil {
		return protocol.Culprit(phase, from, "sent a blame message that does not decode", err)
	}
	accused := g.byIdentifier(blame.Culprit())
	switch accused.Key {
	case g.self.Key:
		return protocol.Culprit(phase, from, "blamed this member, which has done nothing wrong", nil)
	case from.Key:
		return protocol.Culprit(phase, from, "blamed itself", nil)
	}
	message, err := cocktail.DecodeRound1Message(g.setup, accused.Identifier, g.round1Of(accused).body)
	switch check := blame.Check(); {
	case err != nil:
		return nil // no message of the accused, or one that is at fault for all to see
	case a.digest != g.round1Digest(accused):
		return contradiction(phase, from, accused, "%[1]s has another round 1 message of %[2]s than this member")
	case check == cocktail.CheckSignature:
		return contradiction(phase, from, accused, "%[1]s says that %[2]s "+check.String()+", which nobody else can check")
	case blame.Verify(from.Identifier, message) == nil:
		return protocol.Culprit(phase, accused, fmt.Sprintf("%s (to %s)", check, from), nil)
	}
	return protocol.Culprit(phase, from, fmt.Sprintf("blamed %s for nothing: what it says %[1]s sent passes the check", accused), nil)
}

func contradiction(phase string, from, accused protocol.Member, format string) *protocol.CulpritError {
	return &protocol.CulpritError{
		Phase: phase, Culprits: []protocol.Member{accused, from},
		Check: "contradict each other: " + fmt.Sprintf(format, from, accused),
	}
}

// round1Of returns a member's round 1 message, this one's too; the zero value if there is none.
func (g *generation) round1Of(m protocol.Member) taken {
	if m.Key == g.self.Key {
		return g.own[kindRound1]
	}
	return g.kept[slot{m.Key, kindRound1}]
}

// round1Digest is SHA-256 of the body of a member's round 1 message.
func (g *generation) round1Digest(m protocol.Member) [sha256.Size]byte {
	return sha256.Sum256(g.round1Of(m).body)
}

// splitSignature splits the body of a signature: SHA-512 of the transcript || signature.
func splitSignature(body []byte) (hash, signature []byte) {
	if len(body) < sha512.Size {
		return nil, body
	}
	return body[:sha512.Size], body[sha512.Size:]
}

// signedSame tells who has signed this member's transcript.
func (g *generation) signedSame(m protocol.Member) bool {
	t, has := g.kept[slot{m.Key, kindSignature}]
	if !has {
		return false
	}
	hash, _ := splitSignature(t.body)
	return bytes.Equal(hash, g.hash)
}
