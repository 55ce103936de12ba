package boltstore

import (
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"frostkit/relay"
	"frostkit/relay/storetest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("frostkit/relay/boltstore.(*disk).listen"))
}

func TestStore(t *testing.T) {
	storetest.Test(t, storetest.Subject{
		Open: func(t *testing.T) (relay.Store, func(*testing.T) relay.Store) {
			dir := t.TempDir()
			return openStore(t, dir), func(t *testing.T) relay.Store { return openStore(t, dir) }
		},
		Restarts: true,
		Run:      synctest.Test,
		Unit:     time.Second,
	})
}

func openStore(t testing.TB, dir string) *relay.DurableStore {
	t.Helper()
	store, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// bench is a store with one session.
type bench struct {
	*testing.T
	dir     string
	store   *relay.DurableStore
	limits  relay.Limits
	session *relay.Session
}

var alice, bob = relay.Key{1}, relay.Key{2}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		T: t, dir: filepath.Join(t.TempDir(), "disk"), limits: relay.DefaultLimits(),
		session: &relay.Session{ID: uuid.New(), Members: []relay.Key{alice, bob}, Coordinator: alice, MessageCount: 1},
	}
	b.store = openStore(t, b.dir)
	if err := b.store.CreateSession(t.Context(), b.session, &b.limits); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) send(id uuid.UUID, body string) error {
	return b.store.Send(b.Context(), &relay.Envelope{
		Session: b.session.ID, Sender: alice, Recipients: []relay.Key{bob}, Body: []byte(body), ID: id,
	}, &b.limits)
}

// wantReceived expects what waits for bob.
func (b *bench) wantReceived(after relay.Cursor, want ...string) {
	b.Helper()
	b.wantIn(relay.Mailbox{Session: b.session.ID, Owner: bob}, after, want...)
}

// wantIn expects what waits in a mailbox.
func (b *bench) wantIn(box relay.Mailbox, after relay.Cursor, want ...string) {
	b.Helper()
	messages, _, err := b.store.Receive(b.Context(), box, after, &b.limits)
	if err != nil {
		b.Fatal(err)
	}
	var got []string
	for _, m := range messages {
		got = append(got, string(m.Body))
	}
	if !slices.Equal(got, want) {
		b.Fatalf("received %q, want %q", got, want)
	}
}
