// Package storetest holds the tests that every [relay.Store] passes.
package storetest

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"frostkit/relay"
)

// Subject is a store under test.
type Subject struct {
	// Open returns an empty store, and, for one that a restart does not empty, a
	// function that opens the same again after it was closed, or nil. The test
	// closes the store.
	Open func(t *testing.T) (store relay.Store, reopen func(t *testing.T) relay.Store)
	// Restarts says that there is such a function.
	Restarts bool
	// Run runs one test; for a store that goes by the program's clock it is
	// synctest.Test.
	Run func(t *testing.T, test func(t *testing.T))
	// Unit is the time that the tests count in: long against a call of the store.
	Unit time.Duration
}

// Test runs all tests.
func Test(t *testing.T, subject Subject) {
	tests := map[string]func(*env){
		"secret":              testSecret,
		"challenges":          testChallenges,
		"tokens":              testTokens,
		"oldest token":        testOldestToken,
		"sessions":            testSessions,
		"repeated creation":   testRepeatedCreation,
		"session limits":      testSessionLimits,
		"messages":            testMessages,
		"cursors":             testCursors,
		"repeated messages":   testRepeatedMessages,
		"repeats when closed": testRepeatedAfterClose,
		"pages":               testPages,
		"grace":               testGrace,
		"idle sessions":       testIdle,
		"queue limits":        testQueueLimits,
		"total limit":         testTotalLimit,
		"quota of a key":      testKeyQuota,
		"quota of an address": testAddressQuota,
		"quota of tokens":     testTokenQuota,
		"strangers' sessions": testStrangersSessions,
		"wake for messages":   testWakeForMessages,
		"wake for sessions":   testWakeForSessions,
		"carry":               testCarry,
		"keeps early":         testKeepsEarly,
		"many at once":        testConcurrency,
		"watches that ended":  testStoppedWatch,
		"leaving":             testLeaving,
		"stats":               testStats,
	}
	if subject.Restarts {
		maps.Copy(tests, map[string]func(*env){
			"restarted logins":   testRestartedLogins,
			"restarted sessions": testRestartedSessions,
			"restarted messages": testRestartedMessages,
			"restarted counts":   testRestartedCounts,
		})
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			subject.Run(t, func(t *testing.T) {
				store, reopen := subject.Open(t)
				limits := relay.DefaultLimits()
				e := &env{T: t, store: store, reopen: reopen, unit: subject.Unit, limits: &limits}
				test(e)
				if err := e.store.Close(); err != nil {
					t.Errorf("closing the store: %v", err)
				}
			})
		})
	}
}

// env is what a test works with.
type env struct {
	*testing.T
	store  relay.Store
	reopen func(*testing.T) relay.Store // or nil
	unit   time.Duration
	limits *relay.Limits
}

func (e *env) check(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

func (e *env) want(err, want error) {
	e.Helper()
	if !errors.Is(err, want) {
		e.Fatalf("error %v, want %v", err, want)
	}
}

// key returns the n-th key.
func key(n byte) relay.Key { return relay.Key{0: n, 1: 1} }

// open creates a session of the first so many keys, the first its coordinator.
func (e *env) open(members int) relay.SessionID {
	e.Helper()
	session := session(members)
	e.check(e.store.CreateSession(e.Context(), session, e.limits))
	return session.ID
}

func session(members int) *relay.Session {
	s := &relay.Session{ID: uuid.New(), Coordinator: key(0), MessageCount: 1}
	for n := range members {
		s.Members = append(s.Members, key(byte(n)))
	}
	return s
}

// send puts a message of the first key into mailboxes.
func (e *env) send(id relay.SessionID, body string, recipients ...relay.Key) error {
	return e.store.Send(e.Context(), &relay.Envelope{
		Session: id, Sender: key(0), Recipients: recipients, Body: []byte(body),
	}, e.limits)
}

func box(id relay.SessionID, owner relay.Key) relay.Mailbox {
	return relay.Mailbox{Session: id, Owner: owner}
}

// receive expects these messages, and returns the cursor.
func (e *env) receive(box relay.Mailbox, after relay.Cursor, want ...string) relay.Cursor {
	e.Helper()
	messages, cursor, err := e.store.Receive(e.Context(), box, after, e.limits)
	e.check(err)
	var got []string
	for _, m := range messages {
		got = append(got, string(m.Body))
	}
	if !slices.Equal(got, want) {
		e.Fatalf("received %q after %d, want %q", got, after, want)
	}
	return cursor
}

func (e *env) sessions(member relay.Key, want ...relay.SessionID) {
	e.Helper()
	got, err := e.store.Sessions(e.Context(), member, e.limits)
	e.check(err)
	if !slices.Equal(got, want) {
		e.Fatalf("sessions %v, want %v", got, want)
	}
}

func testSecret(e *env) {
	first, err := e.store.Secret(e.Context())
	e.check(err)
	second, err := e.store.Secret(e.Context())
	e.check(err)
	if first != second || first == [32]byte{} {
		e.Errorf("secrets %x and %x", first, second)
	}
}

func testChallenges(e *env) {
	challenge := uuid.New()
	spend := func(challenge uuid.UUID, owner relay.Key) error {
		return e.store.SpendChallenge(e.Context(), challenge, owner, 10*e.unit)
	}
	e.check(spend(challenge, key(0)))
	e.want(spend(challenge, key(0)), relay.ErrUnauthorized)
	e.check(spend(challenge, key(1)))
	e.check(spend(uuid.New(), key(0)))
	time.Sleep(11 * e.unit)
	e.check(spend(challenge, key(0))) // forgotten, and by then no longer valid
}

func token(n byte) relay.TokenHash { return relay.TokenHash{0: n} }

// owner expects the token's owner, or that it does not serve.
func (e *env) owner(token relay.TokenHash, want relay.Key, wantErr error) {
	e.Helper()
	got, err := e.store.Token(e.Context(), token)
	e.want(err, wantErr)
	if got != want {
		e.Fatalf("token %x is of %x, want %x", token[:1], got[:2], want[:2])
	}
}

func testTokens(e *env) {
	e.limits.TokenLife = 10 * e.unit
	e.check(e.store.AddToken(e.Context(), token(1), key(1), relay.Networks{}, e.limits))
	time.Sleep(6 * e.unit)
	e.check(e.store.AddToken(e.Context(), token(2), key(2), relay.Networks{}, e.limits))
	e.owner(token(1), key(1), nil)
	e.owner(token(2), key(2), nil)
	e.owner(token(3), relay.Key{}, relay.ErrUnauthorized)
	time.Sleep(6 * e.unit)
	e.owner(token(1), relay.Key{}, relay.ErrUnauthorized)
	e.owner(token(2), key(2), nil)
	e.check(e.store.RemoveToken(e.Context(), token(2)))
	e.check(e.store.RemoveToken(e.Context(), token(2)))
	e.owner(token(2), relay.Key{}, relay.ErrUnauthorized)
}

func testOldestToken(e *env) {
	e.limits.TokensPerKey = 2
	e.check(e.store.AddToken(e.Context(), token(9), key(9), relay.Networks{}, e.limits))
	for n := range byte(4) {
		e.check(e.store.AddToken(e.Context(), token(n), key(1), relay.Networks{}, e.limits))
	}
	for n, want := range []error{relay.ErrUnauthorized, relay.ErrUnauthorized, nil, nil} {
		if _, err := e.store.Token(e.Context(), token(byte(n))); !errors.Is(err, want) {
			e.Errorf("token %d: error %v, want %v", n, err, want)
		}
	}
	e.owner(token(9), key(9), nil)
}

func testSessions(e *env) {
	want := session(2)
	want.Coordinator, want.MessageCount = key(7), 3
	e.check(e.store.CreateSession(e.Context(), want, e.limits))
	second := e.open(2)
	got, closed, err := e.store.Session(e.Context(), want.ID)
	e.check(err)
	if closed || got.ID != want.ID || !slices.Equal(got.Members, want.Members) || got.Coordinator != key(7) || got.MessageCount != 3 {
		e.Errorf("session %+v, closed %t, want %+v", got, closed, want)
	}
	e.sessions(key(0), want.ID, second)
	e.sessions(key(7), want.ID)
	e.sessions(key(8))
	e.check(e.store.CloseSession(e.Context(), want.ID, false, e.limits))
	e.sessions(key(0), second)
	e.sessions(key(7))
	_, _, err = e.store.Session(e.Context(), want.ID)
	e.want(err, relay.ErrSessionNotFound)
	e.want(e.store.CloseSession(e.Context(), want.ID, false, e.limits), relay.ErrSessionNotFound)
	e.want(e.send(want.ID, "m", key(1)), relay.ErrSessionNotFound)
	_, _, err = e.store.Receive(e.Context(), box(want.ID, key(1)), relay.HandedOver, e.limits)
	e.want(err, relay.ErrSessionNotFound)
	_, _, err = e.store.Session(e.Context(), uuid.New())
	e.want(err, relay.ErrSessionNotFound)
}

func testRepeatedCreation(e *env) {
	s := session(2)
	e.check(e.store.CreateSession(e.Context(), s, e.limits))
	e.check(e.send(s.ID, "kept", key(1)))
	e.check(e.store.CreateSession(e.Context(), s, e.limits))
	e.sessions(key(0), s.ID)
	e.receive(box(s.ID, key(1)), relay.HandedOver, "kept")
}

func testSessionLimits(e *env) {
	e.limits.SessionsPerCreator, e.limits.SessionsPerMember = 2, 3
	first := e.open(2)
	e.open(2)
	e.want(e.store.CreateSession(e.Context(), session(2), e.limits), relay.ErrInvalidArgument)
	other := session(2)
	other.Coordinator = key(5)
	e.check(e.store.CreateSession(e.Context(), other, e.limits))
	e.check(e.store.CloseSession(e.Context(), first, false, e.limits))
	e.open(2)
	e.limits.SessionsPerCreator = 4 // those that others created count for nobody else
	e.open(2)
	e.want(e.store.CreateSession(e.Context(), session(2), e.limits), relay.ErrMemberFull)
	e.open(1)
	e.limits.TotalBytes, e.limits.DiskBytes = 1, 1
	e.want(e.store.CreateSession(e.Context(), session(2), e.limits), relay.ErrInvalidArgument)
}
