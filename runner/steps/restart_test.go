package steps

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"frostkit/relay"
	"frostkit/runner/protocol"
)

// restartable is a relay that keeps nothing over a restart: neither sessions nor logins.
type restartable struct {
	t      *testing.T
	mu     sync.Mutex
	server *relay.Server
}

func (r *restartable) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	server := r.server
	r.mu.Unlock()
	server.ServeHTTP(w, req)
}

// restart ends all calls that wait, and forgets everything.
func (r *restartable) restart() {
	server, err := relay.NewServer(relay.Config{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	before := r.server
	r.server = server
	r.mu.Unlock()
	if before != nil {
		before.Close()
	}
}

// newRestartable is newWorld with a relay that can be restarted.
func newRestartable(t *testing.T, names ...string) (*world, *restartable) {
	w := newWorld(t, names...)
	r := &restartable{t: t}
	r.restart()
	web := httptest.NewServer(r)
	t.Cleanup(func() { r.server.Close(); web.Close() })
	w.url = web.URL
	return w, r
}

// restartedWhileAsked has the relay restarted while a member is asked, who agrees once the coordinator has noticed.
func restartedWhileAsked(r *restartable, w *world, name string) (approve func(context.Context, protocol.Review) error, asked *int) {
	asked = new(int)
	return func(ctx context.Context, _ protocol.Review) error {
		if *asked++; *asked == 1 {
			r.restart()
		}
		return w.lost(ctx, name)
	}, asked
}

// lost waits until a coordinator has noticed that its session is gone.
func (w *world) lost(ctx context.Context, name string) error {
	for {
		w.mu.Lock()
		lost := slices.Contains(w.notices[name], SessionLost)
		w.mu.Unlock()
		if lost {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(time.Millisecond):
		}
	}
}

// A relay that keeps nothing is restarted while a member is asked: the coordinator opens another session and says so,
// the question ends and is asked anew unless it was answered, and all sign.
func TestRelayForgetsTheSession(t *testing.T) {
	w, r := newRestartable(t, "Alice", "Bob", "Eve")
	m := w.makeGroup()
	collect := w.collect(m, 3)
	var asked *int
	parts := map[string]func(context.Context) error{"coordinator": func(ctx context.Context) error {
		signed, err := collect.Run(ctx)
		if err == nil {
			mustBeSigned(t, m, signed)
		}
		return err
	}}
	for _, name := range w.names {
		answer := w.answer(m, name)
		if name == "Bob" {
			answer.Approve, asked = restartedWhileAsked(r, w, "Alice")
		}
		parts[name] = func(ctx context.Context) error { _, err := answer.Run(ctx); return err }
	}
	for name, err := range w.run(parts) {
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, w.notices[name])
		}
	}
	if *asked < 1 || *asked > 2 {
		t.Errorf("Bob was asked %d times", *asked)
	}
}

// The same by frost-client's protocol, in which a member finds out when it has answered, before any has sent its share.
func TestRelayForgetsTheSessionOfFrostClient(t *testing.T) {
	w, r := newRestartable(t, "Alice", "Bob")
	m := w.makeGroup()
	coordinator := &Coordinate{
		Session: w.session("Alice"), Key: w.keys["Alice"], PublicKeyPackage: m.public, Signers: m.members,
		Messages: [][]byte{[]byte("one"), []byte("two")}, Timeout: 20 * time.Second,
	}
	approve, asked := restartedWhileAsked(r, w, "Alice")
	parts := map[string]func(context.Context) error{"coordinator": func(ctx context.Context) error {
		signatures, err := coordinator.Run(ctx)
		if err == nil && m.public.VerifyingKey().Verify([]byte("two"), signatures[1]) != nil {
			t.Error("the signature does not verify")
		}
		return err
	}}
	for _, name := range w.names {
		p := &Participate{
			Session: w.session(name), Key: w.keys[name], KeyPackage: m.keys[name], Members: m.members, Timeout: 20 * time.Second,
			Approve: func(ctx context.Context, _ protocol.Review) error { return w.lost(ctx, "Alice") },
		}
		if name == "Bob" {
			p.Approve = approve
		}
		parts[name] = p.Run
	}
	for name, err := range w.run(parts) {
		if err != nil {
			t.Errorf("%s: %v (%v)", name, err, w.notices[name])
		}
	}
	if *asked != 1 {
		t.Errorf("Bob was asked %d times", *asked)
	}
}

// A relay that keeps nothing is restarted after all have greeted: whoever opens the sessions of a key generation opens
// another one, and the group is made.
func TestRelayForgetsTheSessionOfAKeyGeneration(t *testing.T) {
	w, r := newRestartable(t, "Alice", "Bob", "Eve")
	var once sync.Once
	dir := t.TempDir()
	parts := map[string]func(context.Context) error{}
	for _, name := range w.names {
		g := w.generate(name, dir)
		g.Approve = func(context.Context) error { once.Do(r.restart); return nil }
		parts[name] = running(g)
	}
	w.agreed(w.run(parts))
}
