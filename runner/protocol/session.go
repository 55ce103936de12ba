package protocol

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay/sealed"
)

// session is one member's end of a run: the way out for its messages, and the
// gate that every message to it passes.
type session struct {
	transport Transport
	suite     frost.Ciphersuite
	senders   *roster  // who may speak
	phases    []string // what they may speak of, in its order
	// admit checks a message of a sender against what this run knows.
	admit    func(from Member, m message) error
	progress func(Event)

	phase   string // the phase that the run is in
	awaited []Member
	kept    map[slot]message
	last    map[commkey.PublicKey]string
	dropped map[commkey.PublicKey]int
}

// slot is the place of a message: there is one for each sender, phase and, in
// echoes, member that it is about.
type slot struct {
	from  commkey.PublicKey
	phase string
	about frost.Identifier
}

// unusable is the reason for which a message is dropped.
type unusable string

func (u unusable) Error() string { return string(u) }

func newSession(t Transport, cs frost.Ciphersuite, senders []Member, progress func(Event), phases ...string) (*session, error) {
	r, err := newRoster(senders)
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = func(Event) {}
	}
	return &session{
		transport: t,
		suite:     cs,
		senders:   r,
		phases:    phases,
		admit:     func(Member, message) error { return nil },
		progress:  progress,
		kept:      make(map[slot]message),
		last:      make(map[commkey.PublicKey]string),
		dropped:   make(map[commkey.PublicKey]int),
	}, nil
}

// send encodes a message, hands it to the transport and wipes the encoding. The
// key is the member's, or zero for the coordinator's mailbox.
func (s *session) send(ctx context.Context, key commkey.PublicKey, to Member, m message) error {
	payload := m.encode()
	defer clear(payload)
	if most := MaxMessageSize - sealed.FirstOverhead; len(payload) > most {
		return fmt.Errorf("sending %s to %s: the message has %d bytes, at most %d can be sent", m.phase(), to, len(payload), most)
	}
	if err := s.transport.Send(ctx, key, payload); err != nil {
		return fmt.Errorf("sending %s to %s: %w", m.phase(), to, err)
	}
	s.progress(Event{Kind: Sent, Phase: m.phase(), Member: to})
	return nil
}

// await receives until complete holds for all of the members, or fails with a
// [*MissingError] when the deadline passes before.
func (s *session) await(ctx context.Context, phase string, from []Member, complete func(Member) bool) error {
	s.phase = phase
	s.awaited = slices.DeleteFunc(slices.Clone(from), complete)
	s.progress(Event{Kind: Waiting, Phase: phase, Awaited: slices.Clone(s.awaited)})
	for len(s.awaited) > 0 {
		if err := s.receive(ctx, complete); err != nil {
			return err
		}
	}
	s.progress(Event{Kind: Complete, Phase: phase})
	return nil
}

// receive lets one message through the gate.
func (s *session) receive(ctx context.Context, complete func(Member) bool) error {
	if ctx.Err() != nil {
		return s.interrupted(ctx)
	}
	in, err := s.transport.Receive(ctx)
	var unreadable *UnreadableError
	switch {
	case errors.As(err, &unreadable):
		s.drop(unreadable.From, unreadable.Err.Error())
		return nil
	case err != nil && ctx.Err() != nil:
		return s.interrupted(ctx)
	case err != nil:
		return fmt.Errorf("waiting for %s of %s: %w", s.phase, Names(s.awaited), err)
	}
	return s.take(in, complete)
}

// interrupted is the error of a wait that ctx ended.
func (s *session) interrupted(ctx context.Context) error {
	if ctx.Err() != context.DeadlineExceeded {
		return fmt.Errorf("waiting for %s of %s: %w", s.phase, Names(s.awaited), context.Cause(ctx))
	}
	missing := &MissingError{
		Phase:   s.phase,
		Missing: s.awaited,
		Last:    make(map[commkey.PublicKey]string),
		Dropped: make(map[commkey.PublicKey]int),
	}
	for _, m := range s.awaited {
		if phase, seen := s.last[m.Key]; seen {
			missing.Last[m.Key] = phase
		}
		if n := s.dropped[m.Key]; n > 0 {
			missing.Dropped[m.Key] = n
		}
	}
	return missing
}

// take keeps a message that passes all checks, drops what cannot be used, and
// fails with a [*CulpritError] on what proves its sender wrong.
func (s *session) take(in Message, complete func(Member) bool) error {
	defer clear(in.Payload)
	from, m, err := s.check(in)
	var reason unusable
	switch {
	case errors.As(err, &reason):
		s.drop(in.From, string(reason))
		return nil
	case err != nil:
		return err
	}
	place := slot{from.Key, m.phase(), m.about()}
	if before, taken := s.kept[place]; taken {
		return s.again(from, before, m)
	}
	s.kept[place] = m
	s.last[from.Key] = m.phase()
	if complete(from) {
		s.awaited = slices.DeleteFunc(slices.Clone(s.awaited), func(a Member) bool { return a.Key == from.Key })
	}
	s.progress(Event{Kind: Received, Phase: m.phase(), Member: from, Awaited: slices.Clone(s.awaited)})
	return nil
}

// check is the gate: sender, size, shape, content, and what the run knows.
func (s *session) check(in Message) (Member, message, error) {
	from, known := s.senders.byKey[in.From]
	switch {
	case !known:
		return from, nil, unusable("it is from nobody who has a part in this run")
	case len(in.Payload) > MaxMessageSize:
		return from, nil, unusable(fmt.Sprintf("it has %d bytes, at most %d are allowed", len(in.Payload), MaxMessageSize))
	}
	phase := PhaseOf(in.Payload)
	if !slices.Contains(s.phases, phase) {
		return from, nil, unusable("it has the form of no message of this run")
	}
	m, err := decode(s.suite, phase, in.Payload)
	if err != nil {
		return from, nil, Culprit(phase, from, fmt.Sprintf("sent a message that does not decode: %v", err), err)
	}
	return from, m, s.admit(from, m)
}

// again handles a second message for a place that is taken.
func (s *session) again(from Member, before, m message) error {
	defer m.wipe()
	if before.equal(m) {
		s.progress(Event{Kind: Repeated, Phase: m.phase(), Member: from})
		return nil
	}
	err := Culprit(m.phase(), from, "sent two different messages for one place", nil)
	if m.phase() != PhaseRound2 {
		err.Evidence = []Evidence{{from, before.encode()}, {from, m.encode()}}
	}
	return err
}

func (s *session) drop(key commkey.PublicKey, reason string) {
	from, known := s.senders.byKey[key]
	if !known {
		from = Member{Key: key}
	}
	s.dropped[key]++
	s.progress(Event{Kind: Dropped, Phase: s.phase, Member: from, Reason: reason, Count: s.dropped[key]})
}

// has reports whether there is a message in a place.
func (s *session) has(from Member, phase string, about frost.Identifier) bool {
	_, has := s.kept[slot{from.Key, phase, about}]
	return has
}

// hasOne is has for the phases in which a sender has one message.
func (s *session) hasOne(phase string) func(Member) bool {
	return func(from Member) bool { return s.has(from, phase, frost.Identifier{}) }
}

// wipe destroys the secrets among the messages.
func (s *session) wipe() {
	for _, m := range s.kept {
		m.wipe()
	}
}

// collected returns each sender's one message of a phase by identifier.
func collected[M message](s *session, phase string) map[frost.Identifier]M {
	all := make(map[frost.Identifier]M, len(s.senders.list))
	for place, m := range s.kept {
		if place.phase == phase {
			all[s.senders.byKey[place.from].Identifier] = m.(M)
		}
	}
	return all
}
