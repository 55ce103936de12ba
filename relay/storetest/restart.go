package storetest

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"frostkit/relay"
)

// restart closes the store and opens it again.
func (e *env) restart() {
	e.Helper()
	e.check(e.store.Close())
	e.store = e.reopen(e.T)
}

func testRestartedLogins(e *env) {
	secret, err := e.store.Secret(e.Context())
	e.check(err)
	challenge := uuid.New()
	e.limits.TokenLife, e.limits.TokensPerKey = 20*e.unit, 2
	e.check(e.store.SpendChallenge(e.Context(), challenge, key(1), 20*e.unit))
	e.check(e.store.AddToken(e.Context(), token(9), key(1), relay.Networks{}, e.limits))
	time.Sleep(e.unit)
	e.check(e.store.AddToken(e.Context(), token(1), key(1), relay.Networks{}, e.limits))
	e.check(e.store.AddToken(e.Context(), token(5), key(5), relay.Networks{}, e.limits))
	e.check(e.store.RemoveToken(e.Context(), token(5)))
	e.restart()
	again, err := e.store.Secret(e.Context())
	e.check(err)
	if again != secret {
		e.Error("the secret is another one")
	}
	e.want(e.store.SpendChallenge(e.Context(), challenge, key(1), e.unit), relay.ErrUnauthorized)
	e.owner(token(9), key(1), nil)
	e.owner(token(5), relay.Key{}, relay.ErrUnauthorized)
	e.check(e.store.AddToken(e.Context(), token(2), key(1), relay.Networks{}, e.limits))
	e.owner(token(9), relay.Key{}, relay.ErrUnauthorized) // the oldest
	e.owner(token(1), key(1), nil)
	time.Sleep(21 * e.unit)
	e.owner(token(1), relay.Key{}, relay.ErrUnauthorized)
}

func testRestartedSessions(e *env) {
	e.limits.Grace = 20 * e.unit
	first, left, closed, carrying, removed := e.open(3), e.open(3), e.open(3), e.open(3), e.open(3)
	e.check(e.store.LeaveSession(e.Context(), left, key(1)))
	e.check(e.send(closed, "queued", key(1)))
	e.check(e.store.CloseSession(e.Context(), closed, false, e.limits))
	e.check(e.store.CloseSession(e.Context(), carrying, true, e.limits))
	e.check(e.store.CloseSession(e.Context(), removed, false, e.limits))
	last := e.open(3)
	e.restart()
	e.sessions(key(0), first, left, last)
	e.sessions(key(1), first, last)
	info, _, err := e.store.Session(e.Context(), first)
	e.check(err)
	if !slices.Equal(info.Members, session(3).Members) || info.Coordinator != key(0) || info.MessageCount != 1 {
		e.Errorf("session %+v", info)
	}
	e.want(e.send(closed, "late", key(1)), relay.ErrSessionNotFound)
	e.receive(box(closed, key(1)), 0, "queued")
	e.check(e.send(carrying, "late", key(1)))
	_, _, err = e.store.Session(e.Context(), removed)
	e.want(err, relay.ErrSessionNotFound)
	e.limits.SessionsPerCreator = 3
	e.want(e.store.CreateSession(e.Context(), session(3), e.limits), relay.ErrInvalidArgument)
	time.Sleep(21 * e.unit)
	e.notFound(box(carrying, key(1)))
	e.notFound(box(closed, key(1)))
	e.restart()
	e.sessions(key(0), first, left, last)
}

func testRestartedMessages(e *env) {
	id := e.open(4)
	named := uuid.New()
	repeat := func() error {
		return e.store.Send(e.Context(), &relay.Envelope{
			Session: id, Sender: key(0), Recipients: []relay.Key{key(3)}, Body: []byte("named"), KeepsEarly: true, ID: named,
		}, e.limits)
	}
	e.check(repeat())
	for _, body := range []string{"a", "b", ""} {
		e.check(e.send(id, body, key(1), key(2)))
	}
	e.check(e.send(id, "to the coordinator"))
	e.receive(box(id, key(2)), relay.HandedOver, "a", "b", "")
	cursor := e.receive(box(id, key(1)), 0, "a", "b", "")
	e.receive(box(id, key(1)), cursor-1, "")
	e.restart()
	e.check(repeat())
	messages, _, err := e.store.Receive(e.Context(), box(id, key(3)), 0, e.limits)
	e.check(err)
	if len(messages) != 1 || !messages[0].KeepsEarly || messages[0].Sender != key(0) {
		e.Errorf("received %+v", messages)
	}
	e.receive(box(id, key(2)), relay.HandedOver) // was handed over
	e.receive(box(id, key(1)), cursor-1, "")
	e.check(e.send(id, "c", key(1)))
	if next := e.receive(box(id, key(1)), cursor, "c"); next != cursor+1 {
		e.Errorf("cursor %d after %d", next, cursor)
	}
	e.restart()
	e.receive(box(id, key(1)), cursor+1)
	e.receive(relay.Mailbox{Session: id, Owner: key(0), Coordinator: true}, 0, "to the coordinator")
	e.check(e.send(id, "d", key(1)))
	if next := e.receive(box(id, key(1)), cursor+1, "d"); next != cursor+2 {
		e.Errorf("cursor %d after %d", next, cursor+1)
	}
}

// testRestartedCounts has everything counted as before.
func testRestartedCounts(e *env) {
	counter, ok := e.store.(relay.Counter)
	if !ok {
		e.Fatal("the store does not say what it holds")
	}
	id := e.open(3)
	e.check(e.store.AddToken(e.Context(), token(1), key(1), relay.Networks{}, e.limits))
	e.check(e.send(id, "a", key(1), key(2)))
	e.check(e.send(id, "b", key(1)))
	e.receive(box(id, key(1)), 1, "a", "b")
	before, err := counter.Stats(e.Context())
	e.check(err)
	e.restart()
	after, err := e.store.(relay.Counter).Stats(e.Context())
	e.check(err)
	if before != after {
		e.Errorf("before %+v, after %+v", before, after)
	}
	e.receive(box(id, key(1)), 2)
	e.receive(box(id, key(2)), relay.HandedOver, "a")
	e.receive(box(id, key(2)), relay.HandedOver)
	last, err := e.store.(relay.Counter).Stats(e.Context())
	e.check(err)
	if last.Messages != 0 {
		e.Errorf("%d messages in empty mailboxes", last.Messages)
	}
}
