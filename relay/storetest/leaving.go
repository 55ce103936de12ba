package storetest

import (
	"github.com/google/uuid"

	"frostkit/relay"
)

// testLeaving has a member take a session off its list, and nobody else's.
func testLeaving(e *env) {
	e.limits.SessionsPerMember = 2
	first, second := e.open(3), e.open(3)
	wake, stop := e.store.Watch(relay.Topic{Owner: key(1)})
	defer stop()
	e.check(e.store.LeaveSession(e.Context(), first, key(1)))
	e.wantWake(wake, true, "a session left")
	e.check(e.store.LeaveSession(e.Context(), first, key(1)))
	e.sessions(key(1), second)
	e.sessions(key(2), first, second)
	e.check(e.send(first, "still there", key(1), key(2)))
	e.receive(box(first, key(1)), relay.HandedOver, "still there")

	// Who left is not counted any more; the others are.
	e.want(e.store.CreateSession(e.Context(), session(3), e.limits), relay.ErrInvalidArgument)
	e.check(e.store.LeaveSession(e.Context(), first, key(0)))
	e.check(e.store.LeaveSession(e.Context(), first, key(2)))
	third := e.open(3)
	e.sessions(key(1), second, third)

	e.check(e.store.CloseSession(e.Context(), first, false, e.limits))
	e.want(e.store.LeaveSession(e.Context(), first, key(1)), relay.ErrSessionNotFound)
	e.want(e.store.LeaveSession(e.Context(), uuid.New(), key(1)), relay.ErrSessionNotFound)
	e.sessions(key(1), second, third)
}

// testStats has a store that counts say what it holds.
func testStats(e *env) {
	counter, ok := e.store.(relay.Counter)
	if !ok {
		return
	}
	want := func(tokens, sessions, messages int) relay.Stats {
		e.Helper()
		got, err := counter.Stats(e.Context())
		e.check(err)
		if got.Tokens != tokens || got.Sessions != sessions || got.Messages != messages {
			e.Fatalf("stats %+v, want %d tokens, %d sessions, %d messages", got, tokens, sessions, messages)
		}
		return got
	}
	empty := want(0, 0, 0)
	e.check(e.store.AddToken(e.Context(), token(1), key(1), relay.Networks{}, e.limits))
	id := e.open(3)
	e.check(e.send(id, string(make([]byte, 1000)), key(1), key(2)))
	e.check(e.send(id, "m", key(1)))
	if full := want(1, 1, 2); full.Bytes < empty.Bytes+1000 {
		e.Errorf("%d bytes after %d, with a message of 1000", full.Bytes, empty.Bytes)
	}
	for _, member := range []relay.Key{key(1), key(2)} {
		_, cursor, err := e.store.Receive(e.Context(), box(id, member), 0, e.limits)
		e.check(err)
		_, _, err = e.store.Receive(e.Context(), box(id, member), cursor, e.limits)
		e.check(err)
	}
	want(1, 1, 0)
	e.check(e.send(id, "m", key(1)))
	e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	want(1, 1, 1)
	_, _, err := e.store.Receive(e.Context(), box(id, key(1)), 0, e.limits)
	e.check(err)
	e.check(e.store.RemoveToken(e.Context(), token(1)))
	if _, cursor, err := e.store.Receive(e.Context(), box(id, key(1)), 0, e.limits); err == nil {
		_, _, err = e.store.Receive(e.Context(), box(id, key(1)), cursor, e.limits)
		e.want(err, relay.ErrSessionNotFound)
	}
	want(0, 0, 0)
}
