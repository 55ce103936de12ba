package steps

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"frostkit/commkey"
	"frostkit/relay"
)

// strangersOpen lets so many strangers open so many sessions each that name Bob.
func (w *world) strangersOpen(strangers, sessions int) {
	w.t.Helper()
	for range strangers {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			w.t.Fatal(err)
		}
		client, err := relay.NewClient(relay.ClientConfig{URL: w.url, Key: key})
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(client.Close)
		for range sessions {
			if _, err := client.CreateSession(w.t.Context(), []commkey.PublicKey{key.Public(), w.keys["Bob"].Public()}, 1); err != nil {
				w.t.Fatal(err)
			}
		}
	}
}

func (w *world) strangerTo(key commkey.PublicKey) bool {
	_, known := w.lookup(key)
	return !known
}

// countInfos counts how often the relay is asked for a session.
func countInfos(t *testing.T, w *world) *atomic.Int64 {
	t.Helper()
	var count atomic.Int64
	server, err := relay.NewServer(relay.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/get_session_info" {
			count.Add(1)
		}
		server.ServeHTTP(rw, r)
	}))
	t.Cleanup(func() { server.Close(); web.Close() })
	w.url = web.URL
	return &count
}

// Strangers who name Bob in as many sessions as a list has keep him from none of his own: he
// asks for each once and leaves all but a few.
func TestSessionsOfStrangers(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	infos := countInfos(t, w)
	const strangers, each = 40, 25
	w.strangersOpen(strangers, each)
	bob := w.dkg("Bob", false)
	bob.Stranger, bob.Wait = w.strangerTo, time.Minute
	waiting := make(chan struct{})
	notify := bob.Notify
	bob.Notify = func(n Notice) {
		notify(n)
		if n.Kind == WaitingSession {
			close(waiting)
		}
	}
	w.agreed(w.run(map[string]func(context.Context) error{
		"Bob": bob.Run,
		"Alice": func(ctx context.Context) error {
			<-waiting
			return w.dkg("Alice", true).Run(ctx)
		},
	}))
	if most := int64(strangers*each + 50); infos.Load() > most {
		t.Errorf("the relay was asked for %d sessions, want %d at most", infos.Load(), most)
	}
	again := w.dkg("Bob", false)
	again.Stranger, again.Wait = w.strangerTo, time.Minute
	ctx, cancel := context.WithCancel(t.Context())
	w.run(map[string]func(context.Context) error{
		"Bob": func(context.Context) error { return again.Run(ctx) },
		"": func(ctx context.Context) (err error) {
			defer cancel()
			for listed := w.listed("Bob"); err == nil && len(listed) > fewStrangers; {
				listed, err = w.session("Bob").Client.WaitSessions(ctx, listed)
			}
			return err
		},
	})
	if listed := w.listed("Bob"); len(listed) != fewStrangers {
		t.Errorf("%d sessions are listed, want %d", len(listed), fewStrangers)
	}
}

func (w *world) listed(name string) []relay.SessionID {
	w.t.Helper()
	listed, err := w.session(name).Client.Sessions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return listed
}

// Few sessions of strangers stay, as do all in which somebody is known, and the one that was chosen.
func TestSessionsThatStay(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	w.strangersOpen(1, fewStrangers)
	stranger, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const known = 10
	for range known {
		if _, err := w.session("Alice").Client.CreateSession(t.Context(), append(w.all(), stranger.Public()), 1); err != nil {
			t.Fatal(err)
		}
	}
	bob := w.dkg("Bob", false)
	bob.Stranger, bob.Wait = w.strangerTo, 300*time.Millisecond
	if err := bob.Run(t.Context()); err == nil {
		t.Error("a session with a stranger was joined")
	}
	if listed := w.listed("Bob"); len(listed) != fewStrangers+known {
		t.Errorf("%d sessions are listed, want %d", len(listed), fewStrangers+known)
	}
	w.strangersOpen(1, 1)
	chosen := w.dkg("Bob", false)
	chosen.Stranger, chosen.ID = w.strangerTo, w.listed("Bob")[0]
	if err := chosen.Run(t.Context()); err == nil {
		t.Error("a session with a stranger was joined")
	}
	if listed := w.listed("Bob"); len(listed) != fewStrangers+known+1 {
		t.Errorf("%d sessions are listed, want %d", len(listed), fewStrangers+known+1)
	}
}
