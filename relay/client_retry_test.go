package relay

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
)

func TestClientLogsInAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		s := newTestServer(t, Config{})
		defer n.serve(t, s)()
		alice, bob := n.client(t, nil), n.client(t, nil)
		id := openSession(t, alice, bob)
		must(t, 0, bob.Login(t.Context()))
		first := alice.token
		time.Sleep(time.Hour + time.Minute)
		var sending sync.WaitGroup
		for range 5 { // several calls notice together and log in once
			sending.Go(func() {
				if err := alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("m")); err != nil {
					t.Error(err)
				}
			})
		}
		sending.Wait()
		wantReceived(t, bob, id, false, "m", "m", "m", "m", "m")
		if alice.token == first {
			t.Error("the token is the old one")
		}
		if tokens := s.store.(*MemoryStore).tokensOf[Key(alice.key.Public().Bytes())]; len(tokens) != 1 {
			t.Errorf("%d tokens", len(tokens))
		}
	})
}

func TestClientReportsRelayThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := (&network{}).client(t, nil)
		var unreachable *UnreachableError
		took := elapsed(func() {
			if err := c.Login(t.Context()); !errors.As(err, &unreachable) || !errors.Is(err, errRefused) {
				t.Errorf("logging in: %v", err)
			}
		})
		if took != 0 {
			t.Errorf("it took %v to find out", took)
		}
	})
}

// A relay that is started again over the same store, as a durable one will be,
// goes unnoticed.
func TestClientSurvivesARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		store := NewMemoryStore()
		stop := n.serve(t, newTestServer(t, Config{Store: store}))
		alice, bob := n.client(t, nil), n.client(t, nil)
		id := openSession(t, alice, bob)
		must(t, 0, bob.Login(t.Context()))
		received := make(chan []string, 1)
		go func() {
			messages, err := bob.Receive(t.Context(), id, false)
			if err != nil {
				t.Error(err)
			}
			received <- bodies(messages)
		}()
		synctest.Wait()
		stop()
		go func() {
			time.Sleep(20 * time.Second)
			t.Cleanup(n.serve(t, newTestServer(t, Config{Store: store})))
		}()
		took := elapsed(func() {
			must(t, 0, alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("m")))
		})
		if took < 20*time.Second || took > 26*time.Second {
			t.Errorf("sent after %v, want within 5s of the restart after 20s", took)
		}
		if got := <-received; !slices.Equal(got, []string{"m"}) {
			t.Errorf("received %q", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		n.mu.Lock()
		n.listener = nil
		n.mu.Unlock()
		alice.Close()
		_, err := alice.Sessions(ctx)
		var unreachable *UnreachableError
		if !errors.Is(err, context.DeadlineExceeded) || !errors.As(err, &unreachable) {
			t.Errorf("a relay that stays away: %v", err)
		}
	})
}

// cutter breaks the connection after each answer of some calls, so that the
// relay has done what it was asked and the client does not know it.
type cutter struct {
	http.Handler
	path string
	left atomic.Int64
}

func (c *cutter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == c.path && c.left.Add(-1) >= 0 {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		c.Handler.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler)
	}
	c.Handler.ServeHTTP(w, r)
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header { return d.header }

func (d discard) Write(b []byte) (int, error) { return len(b), nil }

func (d discard) WriteHeader(int) {}

func TestClientRepairsLostAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		relay := &cutter{Handler: newTestServer(t, Config{})}
		defer n.serveHandler(relay)()
		alice, bob := n.client(t, nil), n.client(t, nil)
		ctx := t.Context()
		must(t, 0, alice.Login(ctx))
		must(t, 0, bob.Login(ctx))
		lose := func(path string) {
			relay.path = path
			relay.left.Store(3)
		}
		lose("/create_new_session")
		id := openSession(t, alice, bob)
		if ids, err := bob.Sessions(ctx); err != nil || !slices.Equal(ids, []SessionID{id}) {
			t.Errorf("sessions %v, %v, want %v", ids, err, id)
		}
		lose("/send")
		to := []commkey.PublicKey{bob.key.Public()}
		must(t, 0, alice.Send(ctx, id, to, []byte("a")))
		must(t, 0, alice.Send(ctx, id, to, []byte("b")))
		lose("/receive")
		wantReceived(t, bob, id, false, "a", "b")
		must(t, 0, alice.Send(ctx, id, to, []byte("c")))
		lose("/receive")
		wantReceived(t, bob, id, false, "c")
		lose("/close_session")
		must(t, 0, alice.CloseSession(ctx, id))
		lose("/logout")
		must(t, 0, alice.Logout(ctx))
		alice.Close()
		bob.Close()
	})
}

// frostd cannot tell a repeated message, so that one which may have arrived is
// not sent again; one that cannot have arrived is.
func TestClientSendsOnceToFrostd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		relay := &cutter{Handler: &plain{Server: newTestServer(t, Config{})}, path: "/send"}
		relay.left.Store(1)
		stop := n.serveHandler(relay)
		alice, bob := n.client(t, nil), n.client(t, nil)
		ctx := t.Context()
		id := openSession(t, alice, bob)
		to := []commkey.PublicKey{bob.key.Public()}
		var unreachable *UnreachableError
		if err := alice.Send(ctx, id, to, []byte("a")); !errors.As(err, &unreachable) {
			t.Errorf("a message that may have arrived: %v", err)
		}
		stop()
		n.mu.Lock()
		n.listener = nil
		n.mu.Unlock()
		go func() {
			time.Sleep(10 * time.Second)
			t.Cleanup(n.serveHandler(relay))
		}()
		must(t, 0, alice.Send(ctx, id, to, []byte("b")))
		wantReceived(t, bob, id, false, "a", "b")
		alice.Close()
		bob.Close()
	})
}

// awayStore queues messages without telling so for a while, as Redis does that
// ends before it answers.
type awayStore struct {
	Store
	left atomic.Int32 // sends that it does not tell of
}

func (s *awayStore) Send(ctx context.Context, e *Envelope, limits *Limits) error {
	if err := s.Store.Send(ctx, e, limits); err != nil || s.left.Add(-1) < 0 {
		return err
	}
	return &AwayError{errors.New("asking Redis (send): EOF")}
}

// What a store may have done that went away is asked again, but only where doing
// it twice does no harm.
func TestClientAsksAStoreThatWasAwayAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for extended, want := range map[bool]error{true: nil, false: errUnknown} {
			n := &network{}
			store := &awayStore{Store: NewMemoryStore()}
			store.left.Store(2)
			server := newTestServer(t, Config{Store: store})
			var handler http.Handler = server
			if !extended {
				handler = &plain{Server: server}
			}
			stop := n.serveHandler(handler)
			alice, bob := n.client(t, nil), n.client(t, nil)
			id := openSession(t, alice, bob)
			err := alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("a"))
			if !errors.Is(err, want) {
				t.Errorf("extensions %v: sending ended with %v, want %v", extended, err, want)
			}
			wantReceived(t, bob, id, false, "a")
			if left := store.left.Load(); extended != (left < 0) {
				t.Errorf("extensions %v: %d more failures to come", extended, left)
			}
			alice.Close()
			bob.Close()
			stop()
		}
	})
}

func TestClientRetriesBehindAProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		var away atomic.Bool
		relay := newTestServer(t, Config{})
		defer n.serveHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if away.Load() {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			relay.ServeHTTP(w, r)
		}))()
		c := n.client(t, nil)
		must(t, 0, c.Login(t.Context()))
		away.Store(true)
		go func() {
			time.Sleep(10 * time.Second)
			away.Store(false)
		}()
		took := elapsed(func() { must(t, 0, justErr(c.Sessions(t.Context()))) })
		if took < 10*time.Second || took > 15*time.Second {
			t.Errorf("answered after %v", took)
		}
		c.Close()
	})
}

// A host behind a firewall: the connection is neither made nor refused.
func TestContextEndsEveryCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		n.listener = newPipeListener() // nobody accepts
		c := n.client(t, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		for name, call := range map[string]func(*Client, context.Context) error{
			"login": (*Client).Login, "sessions": sessionsCall, "receive": receiveCall,
		} {
			if err := call(c, ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
