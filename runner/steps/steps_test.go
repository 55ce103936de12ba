package steps

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a relay and members who know one another.
type world struct {
	t       *testing.T
	url     string
	names   []string
	keys    map[string]*commkey.PrivateKey
	notices map[string][]NoticeKind
	mu      sync.Mutex
	results map[string]string // group by member
}

func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	server, err := relay.NewServer(relay.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() { server.Close(); web.Close() })
	w := &world{
		t: t, url: web.URL, names: names, keys: map[string]*commkey.PrivateKey{},
		notices: map[string][]NoticeKind{}, results: map[string]string{},
	}
	for _, name := range names {
		if w.keys[name], err = commkey.Generate(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) all() []commkey.PublicKey {
	var keys []commkey.PublicKey
	for _, name := range w.names {
		keys = append(keys, w.keys[name].Public())
	}
	return keys
}

func (w *world) session(name string) Session {
	w.t.Helper()
	client, err := relay.NewClient(relay.ClientConfig{URL: w.url, Key: w.keys[name]})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(client.Close)
	return Session{
		Client: client, Self: Peer{Name: name, Key: w.keys[name].Public()}, Wait: 10 * time.Second,
		Lookup: w.lookup, Notify: func(n Notice) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices[name] = append(w.notices[name], n.Kind)
		},
	}
}

func (w *world) lookup(key commkey.PublicKey) (string, bool) {
	for name, private := range w.keys {
		if private.Public() == key {
			return name, true
		}
	}
	return "", false
}

func (w *world) dkg(name string, creates bool) *DKG {
	return &DKG{
		Session: w.session(name), Key: w.keys[name], Ciphersuite: frost.Ed25519(), Threshold: 2,
		Members: w.all(), Create: creates, Timeout: 20 * time.Second, Random: rand.Reader,
		Save: func(key *frost.KeyPackage, pub *frost.PublicKeyPackage, members []protocol.Member) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.results[name] = pub.VerifyingKey().String()
			return nil
		},
	}
}

// run runs the parts side by side and returns their errors by name.
func (w *world) run(parts map[string]func(context.Context) error) map[string]error {
	var wg sync.WaitGroup
	errs := map[string]error{}
	for name, part := range parts {
		wg.Go(func() {
			err := part(w.t.Context())
			w.mu.Lock()
			defer w.mu.Unlock()
			errs[name] = err
		})
	}
	wg.Wait()
	return errs
}

// agreed checks that every member has the same group.
func (w *world) agreed(errs map[string]error) {
	w.t.Helper()
	for name, err := range errs {
		if err != nil {
			w.t.Errorf("%s: %v (%v)", name, err, w.notices[name])
		}
	}
	for _, name := range w.names {
		if w.results[name] == "" || w.results[name] != w.results[w.names[0]] {
			w.t.Errorf("%s has the group %q, %s has %q", name, w.results[name], w.names[0], w.results[w.names[0]])
		}
	}
}

// Whoever opens the session at the same moment, all meet in one.
func TestEverybodyOpensTheSession(t *testing.T) {
	for range 10 {
		w := newWorld(t, "Alice", "Bob", "Eve")
		parts := map[string]func(context.Context) error{}
		for _, name := range w.names {
			parts[name] = w.dkg(name, true).Run
		}
		w.agreed(w.run(parts))
	}
}

func TestJoinersBeforeTheOneWhoOpens(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	open := make(chan struct{})
	waiting := sync.WaitGroup{}
	waiting.Add(2)
	parts := map[string]func(context.Context) error{"Alice": func(ctx context.Context) error {
		<-open
		return w.dkg("Alice", true).Run(ctx)
	}}
	for _, name := range []string{"Bob", "Eve"} {
		step := w.dkg(name, false)
		notify := step.Notify
		step.Notify = func(n Notice) {
			notify(n)
			if n.Kind == WaitingSession {
				waiting.Done()
			}
		}
		parts[name] = step.Run
	}
	go func() { waiting.Wait(); close(open) }()
	w.agreed(w.run(parts))
	if !slices.Contains(w.notices["Bob"], JoiningSession) || !slices.Contains(w.notices["Alice"], CreatingSession) {
		t.Errorf("notices: %v", w.notices)
	}
}

// A session that its creator left open in an earlier run is closed, and
// whoever waits in it goes on in the new one.
func TestLeftOverSession(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	alice := w.session("Alice").Client
	if _, err := alice.CreateSession(t.Context(), w.all(), 1); err != nil {
		t.Fatal(err)
	}
	joined := make(chan struct{})
	bob := w.dkg("Bob", false)
	notify := bob.Notify
	bob.Notify = func(n Notice) {
		notify(n)
		if n.Kind == JoiningSession && !slices.Contains(w.kinds("Bob")[:len(w.kinds("Bob"))-1], JoiningSession) {
			close(joined)
		}
	}
	w.agreed(w.run(map[string]func(context.Context) error{
		"Bob": bob.Run,
		"Alice": func(ctx context.Context) error {
			<-joined
			return w.dkg("Alice", true).Run(ctx)
		},
		"Eve": func(ctx context.Context) error {
			<-joined
			return w.dkg("Eve", false).Run(ctx)
		},
	}))
}

func (w *world) kinds(name string) []NoticeKind {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.notices[name])
}

func TestNoSessionInTime(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	step := w.dkg("Bob", false)
	step.Wait = 50 * time.Millisecond
	var none *NoSessionError
	if err := step.Run(t.Context()); !errors.As(err, &none) || none.Waited != step.Wait {
		t.Errorf("got %v, want a NoSessionError", err)
	}
}

func TestSeveralSessions(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	for _, name := range []string{"Alice", "Eve"} {
		if _, err := w.session(name).Client.CreateSession(t.Context(), w.all(), 1); err != nil {
			t.Fatal(err)
		}
	}
	var several *AmbiguousSessionError
	if err := w.dkg("Bob", false).Run(t.Context()); !errors.As(err, &several) || len(several.Sessions) != 2 {
		t.Errorf("got %v, want an AmbiguousSessionError of two", err)
	}
}

func TestUnknownMemberOfAChosenSession(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	stranger, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.session("Alice").Client.CreateSession(t.Context(), append(w.all(), stranger.Public()), 1)
	if err != nil {
		t.Fatal(err)
	}
	step := w.dkg("Bob", false)
	step.ID = id
	var unknown *UnknownMemberError
	if err := step.Run(t.Context()); !errors.As(err, &unknown) || unknown.Key != stranger.Public() {
		t.Errorf("got %v, want an UnknownMemberError", err)
	}
}

// When a group cannot be stored the member fails, and says so.
func TestSaveFails(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	full := errors.New("disk full")
	alice := w.dkg("Alice", true)
	alice.Save = func(*frost.KeyPackage, *frost.PublicKeyPackage, []protocol.Member) error { return full }
	errs := w.run(map[string]func(context.Context) error{"Alice": alice.Run, "Bob": w.dkg("Bob", false).Run})
	if !errors.Is(errs["Alice"], full) {
		t.Errorf("got %v, want the error of Save", errs["Alice"])
	}
}

func TestCancelled(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	ctx, cancel := context.WithCancel(t.Context())
	step := w.dkg("Alice", true)
	notify := step.Notify
	step.Notify = func(n Notice) {
		notify(n)
		if n.Kind == GettingInfo {
			cancel()
		}
	}
	if err := step.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	open, err := w.session("Bob").Client.Sessions(t.Context())
	if err != nil || len(open) != 0 {
		t.Errorf("the session was left open: %v, %v", open, err)
	}
}

func TestDeadlineNamesTheMissing(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	step := w.dkg("Alice", true)
	step.Timeout = 100 * time.Millisecond
	var missing *protocol.MissingError
	if err := step.Run(t.Context()); !errors.As(err, &missing) || len(missing.Missing) != 2 {
		t.Errorf("got %v, want a MissingError of two", err)
	}
}
