package native

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// Limits of what a member keeps for another one.
const (
	maxEarly     = 32          // messages of attempts that are not agreed on yet, from each
	answerEvery  = time.Second // how often a member is sent the same again, at most
	longestPause = time.Minute // between asking again
	maxAttempts  = 1000        // that a run begins
	maxAhead     = 16          // attempts by which a member follows another one alone
)

// phaseOf names the phase that a kind of message belongs to.
var phaseOf = map[kind]string{
	kindGreeting:  protocol.PhaseGreeting,
	kindFacts:     protocol.PhaseGreeting,
	kindLost:      protocol.PhaseGreeting,
	kindFinished:  protocol.PhaseCertificate,
	kindRound1:    protocol.PhaseRound1,
	kindSignature: protocol.PhaseCertificate,
	kindViews:     protocol.PhaseCertificate,
	kindForward:   protocol.PhaseCertificate,
	kindStored:    protocol.PhaseConfirm,
	kindAbort:     "giving up",
	kindWant:      "asking again",

	kindChunk:       "part of a message",
	kindCertificate: protocol.PhaseCertificate,
}

func (g *generation) progress(e protocol.Event) {
	e.Attempt = int(g.number32)
	g.cfg.Progress(e)
}

// broadcast sends a message of the attempt to all others.
func (g *generation) broadcast(ctx context.Context, k kind, body []byte) error {
	m := message{k, g.number32, g.id, body}
	envelope, err := g.mail.broadcast(ctx, g.others, m)
	if err != nil {
		return fmt.Errorf("sending %s: %w", phaseOf[k], err)
	}
	g.own[k] = taken{from: g.self, message: m, envelope: envelope}
	g.progress(protocol.Event{Kind: protocol.Sent, Phase: phaseOf[k]})
	return nil
}

// hasOne tells who has sent a message of a kind.
func (g *generation) hasOne(k kind) func(protocol.Member) bool {
	return func(m protocol.Member) bool { _, has := g.kept[slot{m.Key, k}]; return has }
}

// await receives until complete holds for all others. It asks again for what does not come.
func (g *generation) await(ctx context.Context, phase string, k kind, complete func(protocol.Member) bool) error {
	g.phase = phase
	g.awaited = slices.DeleteFunc(slices.Clone(g.others), complete)
	g.progress(protocol.Event{Kind: protocol.Waiting, Phase: phase, Awaited: slices.Clone(g.awaited)})
	timer := newBackoff(g.cfg.Resend, longestPause)
	defer timer.Stop()
	for len(g.awaited) > 0 {
		if g.accused() {
			return g.judge(ctx)
		}
		select {
		case a := <-g.mail.arrived:
			if err := g.take(ctx, a); err != nil {
				return err
			}
			g.awaited = slices.DeleteFunc(g.awaited, complete)
		case <-timer.C:
			if err := g.ask(ctx, k); err != nil {
				return err
			}
			timer.again()
		case <-g.served:
			return errServed
		case <-ctx.Done():
			return g.interrupted(ctx)
		}
	}
	g.progress(protocol.Event{Kind: protocol.Complete, Phase: phase})
	return nil
}

// ask asks those who are awaited for their messages once more.
func (g *generation) ask(ctx context.Context, k kind) error {
	w := want{kind: k}
	for _, m := range g.awaited {
		w.awaited = append(w.awaited, uint16(g.number[m.Key]))
	}
	// To everybody: those who are not awaited learn for whom this member waits.
	_, err := g.mail.broadcast(ctx, g.others, message{kindWant, g.number32, g.id, w.encode()})
	if err != nil {
		return fmt.Errorf("asking again for %s: %w", phaseOf[k], err)
	}
	return nil
}

// interrupted is the error of a wait that ctx ended.
func (g *generation) interrupted(ctx context.Context) error {
	if ctx.Err() != context.DeadlineExceeded {
		return fmt.Errorf("waiting for %s of %s: %w", g.phase, protocol.Names(g.awaited), context.Cause(ctx))
	}
	return &protocol.MissingError{Phase: g.phase, Missing: g.awaited, Last: maps.Clone(g.last), Dropped: maps.Clone(g.dropped)}
}

// take lets one message through the gate, or drops it.
func (g *generation) take(ctx context.Context, a arrival) error {
	if a.ended != nil {
		if ctx.Err() != nil {
			return g.interrupted(ctx)
		}
		return fmt.Errorf("waiting for %s of %s: %w", g.phase, protocol.Names(g.awaited), a.ended)
	}
	number, known := g.number[a.from]
	switch {
	case !known || a.from == g.self.Key:
		g.drop(a.from, "it is from nobody else who has a part in this run")
		return nil
	case a.dropped != nil:
		g.drop(a.from, a.dropped.Error())
		return nil
	}
	m, err := decodeMessage(a.payload)
	if err != nil {
		g.drop(a.from, err.Error())
		return nil
	}
	return g.takeMessage(ctx, taken{from: g.members[number-1], message: m, envelope: a.envelope})
}

func (g *generation) takeMessage(ctx context.Context, t taken) error {
	if t.envelope == nil && t.kind != kindFacts && t.kind != kindChunk {
		g.drop(t.from.Key, "it is sealed, and should be signed")
		return nil
	}
	switch t.kind {
	case kindGreeting:
		return g.takeGreeting(ctx, t)
	case kindWant:
		return g.takeWant(ctx, t)
	case kindFacts:
		return g.takeFacts(ctx, t)
	case kindChunk:
		return g.takeChunk(ctx, t)
	case kindForward:
		return g.takeForward(ctx, t)
	case kindFinished:
		return g.takeFinished(t)
	case kindCertificate:
		return g.takeCertificate(t)
	case kindRound1, kindSignature, kindStored, kindAbort, kindViews, kindLost:
		return g.takeBound(ctx, t)
	}
	g.drop(t.from.Key, fmt.Sprintf("its kind %d is not known", t.kind))
	return nil
}

// takeGreeting takes a greeting that has not come before.
func (g *generation) takeGreeting(ctx context.Context, t taken) error {
	digest := sha256.Sum256(t.envelope)
	if g.seen[digest] {
		g.progress(protocol.Event{Kind: protocol.Repeated, Phase: protocol.PhaseGreeting, Member: t.from})
		return nil
	}
	if err := g.checkGreeting(&t); err != nil {
		g.drop(t.from.Key, err.Error())
		return nil
	}
	g.seen[digest] = true
	if g.differs(t.greeting) {
		return g.takeStranger(ctx, t.from, t.greeting)
	}
	delete(g.strange.greetings, t.from.Key)
	g.runs[t.from.Key] = t.greeting.run
	if err := g.help(ctx, t); err != nil {
		return err
	}
	return g.placeGreeting(ctx, t)
}

// checkGreeting decodes a greeting, and says why it is none.
func (g *generation) checkGreeting(t *taken) (err error) {
	if t.greeting, err = decodeGreeting(t.body); err != nil || t.number == 0 || t.number > maxAttempt {
		return errGreeting
	}
	_, heard := g.runs[t.from.Key]
	if t.greeting.version <= unprovable && heard {
		return errOlder
	}
	return g.checkAttemptKey(t.from, t.greeting)
}

// placeGreeting keeps a greeting of this attempt, or of a later one. That of a member that was started again begins
// the next attempt here.
func (g *generation) placeGreeting(ctx context.Context, t taken) error {
	before, greeted := g.greetings[t.from.Key]
	sameRun := greeted && before.greeting.run == t.greeting.run
	switch {
	case t.number > g.number32:
		return g.takeAhead(t)
	case greeted && !sameRun:
		return &newAttempt{number: g.number32 + 1, cause: t.from, why: restarted}
	case greeted && t.number == g.number32:
		return equivocation(before, t)
	case greeted:
		return nil // overtaken by a later one
	case t.number < g.number32:
		return g.answer(ctx, t.from, kindGreeting) // it learns from it which attempt this is
	}
	g.greetings[t.from.Key] = t
	g.received(t)
	return nil
}

// takeAhead keeps a greeting of a later attempt, and goes to one that this member is to follow to.
func (g *generation) takeAhead(t taken) error {
	before, has := g.ahead[t.from.Key]
	sameRun := has && before.greeting.run == t.greeting.run
	switch {
	case sameRun && before.number == t.number:
		return equivocation(before, t)
	case sameRun && before.number > t.number:
		return nil // overtaken by a later one
	}
	g.ahead[t.from.Key] = t
	if next := g.reachable(t.number); next > g.number32 {
		return &newAttempt{number: next, cause: t.from, why: Ahead}
	}
	return nil
}

// reachable is to which attempt this member follows others of whom one is in the attempt number: to one that is not
// far, and else to where more than half of them are. So nobody alone takes others far away, where no number
// is left, and who was started again gets to where they are.
func (g *generation) reachable(number uint32) uint32 {
	if number <= g.number32+maxAhead {
		return number
	}
	numbers := make([]uint32, len(g.others))
	for i, m := range g.others {
		numbers[i] = g.ahead[m.Key].number
	}
	slices.Sort(numbers)
	return numbers[(len(numbers)-1)/2]
}

// tooManyAttempts says that members began too many attempts, and whom this one followed most often.
func (g *generation) tooManyAttempts() error {
	most := slices.MaxFunc(g.members, func(a, b protocol.Member) int { return g.followed[a.Key] - g.followed[b.Key] })
	return fmt.Errorf("going from attempt to attempt: members began more than %d in this run, or one numbered beyond %d; most of them were heard of first from %s",
		maxAttempts, maxAttempt, most)
}

func (g *generation) received(t taken) {
	g.last[t.from.Key] = phaseOf[t.kind]
	awaited := slices.DeleteFunc(slices.Clone(g.awaited), func(m protocol.Member) bool { return m.Key == t.from.Key })
	g.progress(protocol.Event{Kind: protocol.Received, Phase: phaseOf[t.kind], Member: t.from, Awaited: awaited, Tool: t.greeting.tool})
}

// takeBound takes a message that belongs to one attempt.
func (g *generation) takeBound(ctx context.Context, t taken) error {
	switch {
	case t.kind == kindAbort && t.id == (AttemptID{}):
		return g.takeEarlyAbort(t)
	case t.number < g.number32:
		return nil // of an attempt that is over
	case t.number > g.number32, !g.agreed:
		g.keepEarly(t)
		return nil
	case t.id != g.id:
		return g.forwardGreetings(ctx, t.from)
	}
	place := slot{t.from.Key, t.kind}
	if before, taken := g.kept[place]; taken {
		return g.again(before, t)
	}
	g.kept[place] = t
	g.received(t)
	switch t.kind {
	case kindAbort:
		return g.takeAbort(t)
	case kindSignature, kindViews:
		return g.compareTranscript(ctx, t.from)
	}
	return nil
}

// again handles a second message for a place that is taken. An envelope is signed anew each time it is
// made, so that the bodies are what is compared.
func (g *generation) again(before, t taken) error {
	if bytes.Equal(before.body, t.body) {
		g.progress(protocol.Event{Kind: protocol.Repeated, Phase: phaseOf[t.kind], Member: t.from})
		return nil
	}
	if t.kind == kindAbort {
		return nil
	}
	return equivocation(before, t)
}

// equivocation names a member that signed two different messages for one place.
func equivocation(a, b taken) error {
	err := protocol.Culprit(phaseOf[a.kind], a.from, "signed two different messages for one place", nil)
	err.Evidence = []protocol.Evidence{{From: a.from, Payload: a.envelope}, {From: a.from, Payload: b.envelope}}
	return err
}

func (g *generation) drop(key commkey.PublicKey, reason string) {
	from := protocol.Member{Key: key}
	if number, known := g.number[key]; known {
		from = g.members[number-1]
	}
	g.dropped[key]++
	g.progress(protocol.Event{Kind: protocol.Dropped, Phase: g.phase, Member: from, Reason: reason, Count: g.dropped[key]})
}

// keepEarly keeps a message for when its attempt is agreed on.
func (g *generation) keepEarly(t taken) {
	count := 0
	for _, e := range g.early {
		if e.from.Key == t.from.Key {
			count++
		}
	}
	if count >= maxEarly {
		i := slices.IndexFunc(g.early, func(e taken) bool { return e.from.Key == t.from.Key })
		g.early = slices.Delete(g.early, i, i+1)
	}
	g.early = append(g.early, t)
}

// takeEarly takes what was kept for the attempt that was agreed on.
func (g *generation) takeEarly(ctx context.Context) error {
	waiting := g.early
	g.early = nil
	for i, t := range waiting {
		if err := g.takeBound(ctx, t); err != nil {
			g.early = append(g.early, waiting[i+1:]...)
			return err
		}
	}
	return nil
}

// takeWant sends a member what it asks for.
func (g *generation) takeWant(ctx context.Context, t taken) error {
	w, err := decodeWant(t.body)
	if err != nil {
		g.drop(t.from.Key, err.Error())
		return nil
	}
	e := protocol.Event{Kind: protocol.Asked, Phase: phaseOf[w.kind], Member: t.from}
	wanted := false
	for _, number := range w.awaited {
		if number >= 1 && int(number) <= len(g.members) {
			e.Awaited = append(e.Awaited, g.members[number-1])
			wanted = wanted || int(number) == g.number[g.self.Key]
		}
	}
	g.progress(e)
	if err := g.helpAgain(ctx, t.from); err != nil {
		return err
	}
	switch {
	case !wanted:
		return nil
	case t.number != g.number32:
		return g.answer(ctx, t.from, kindGreeting)
	}
	return g.answer(ctx, t.from, w.kind)
}

// helpAgain tells a member what it was told unasked, and may have been lost.
func (g *generation) helpAgain(ctx context.Context, m protocol.Member) error {
	if x, differs := g.strange.greetings[m.Key]; differs {
		return g.tellFacts(ctx, m, x.run)
	}
	if greeted, has := g.greetings[m.Key]; has {
		return g.help(ctx, greeted)
	}
	return nil
}

// answer sends a member this attempt's greeting, by which it learns of the attempt, and the message
// of a kind once more.
func (g *generation) answer(ctx context.Context, to protocol.Member, k kind) error {
	now := time.Now()
	if last, before := g.answered[to.Key]; before && now.Sub(last) < answerEvery {
		return nil
	}
	g.answered[to.Key] = now
	kinds := []kind{kindGreeting, k}
	if k == kindSignature {
		kinds = append(kinds, kindViews)
	}
	for _, k := range slices.Compact(kinds) {
		if own, sent := g.own[k]; sent {
			if err := g.mail.post(ctx, []protocol.Member{to}, own.envelope); err != nil {
				return fmt.Errorf("sending %s again: %w", phaseOf[k], err)
			}
		}
	}
	return nil
}

// forwardGreetings shows a member all greetings that this one has, once in an attempt: theirs differ,
// so that somebody has greeted twice.
func (g *generation) forwardGreetings(ctx context.Context, to protocol.Member) error {
	if g.forwarded[to.Key] {
		return nil
	}
	g.forwarded[to.Key] = true
	for _, m := range g.others {
		if m.Key == to.Key {
			continue
		}
		if err := g.forward(ctx, to, g.greetings[m.Key]); err != nil {
			return err
		}
	}
	return g.answer(ctx, to, kindGreeting)
}

// forward shows a member the envelope of another one.
func (g *generation) forward(ctx context.Context, to protocol.Member, t taken) error {
	body := forwarded{uint16(g.number[t.from.Key]), t.envelope}.encode()
	if _, err := g.mail.broadcast(ctx, []protocol.Member{to}, message{kindForward, g.number32, g.id, body}); err != nil {
		return fmt.Errorf("forwarding a message of %s: %w", t.from, err)
	}
	return nil
}
