package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
)

// plain takes from a relay what frostd does not have, and counts the calls.
type plain struct {
	*Server
	calls sync.Map // of *atomic.Int64 by path
}

func (p *plain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	count, _ := p.calls.LoadOrStore(r.URL.Path, new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
	for _, name := range []string{"Prefer", "If-None-Match", idempotencyHeader} {
		r.Header.Del(name)
	}
	p.Server.ServeHTTP(plainWriter{w}, r)
}

func (p *plain) count(path string) int64 {
	count, ok := p.calls.Load(path)
	if !ok {
		return 0
	}
	return count.(*atomic.Int64).Load()
}

type plainWriter struct{ http.ResponseWriter }

func (w plainWriter) WriteHeader(status int) {
	w.Header().Del(extensionsHeader)
	w.Header().Del("ETag")
	w.ResponseWriter.WriteHeader(status)
}

// serveHandler runs any handler on the network.
func (n *network) serveHandler(h http.Handler) (stop func()) {
	listener := newPipeListener()
	n.mu.Lock()
	n.listener = listener
	n.mu.Unlock()
	server := &http.Server{Handler: h}
	go server.Serve(listener)
	return func() { _ = server.Close() }
}

func bodies(messages []Message) []string {
	var out []string
	for _, m := range messages {
		out = append(out, string(m.Body))
	}
	return out
}

// wantReceived receives until it has all that is wanted.
func wantReceived(t *testing.T, c *Client, id SessionID, asCoordinator bool, want ...string) {
	t.Helper()
	var got []string
	for len(got) < len(want) {
		messages, err := c.Receive(t.Context(), id, asCoordinator)
		got = append(got, bodies(must(t, messages, err))...)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("received %q, want %q", got, want)
	}
}

func TestClientSession(t *testing.T) {
	for name, extended := range map[string]bool{"frostkit": true, "frostd": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				s := newTestServer(t, Config{})
				if extended {
					defer n.serve(t, s)()
				} else {
					defer n.serveHandler(&plain{Server: s})()
				}
				testClientSession(t, n, extended)
			})
		})
	}
}

func testClientSession(t *testing.T, n *network, extended bool) {
	alice, bob := n.client(t, nil), n.client(t, nil)
	defer alice.Close()
	defer bob.Close()
	ctx := t.Context()
	must(t, 0, alice.Login(ctx))
	if alice.HasGrace() != extended || (len(alice.Extensions()) == 7) != extended {
		t.Errorf("grace %t, extensions %q", alice.HasGrace(), alice.Extensions())
	}
	id := openSession(t, alice, bob)
	ids, err := bob.Sessions(ctx)
	if must(t, ids, err); !slices.Equal(ids, []SessionID{id}) {
		t.Errorf("sessions %v, want %v", ids, id)
	}
	info, err := bob.SessionInfo(ctx, id)
	must(t, info, err)
	want := []commkey.PublicKey{alice.key.Public(), bob.key.Public()}
	if info.MessageCount != 1 || info.Coordinator != want[0] || !slices.Equal(info.Members, want) {
		t.Errorf("session info %+v", info)
	}
	must(t, 0, alice.Send(ctx, id, want, []byte("to both")))
	must(t, 0, bob.Send(ctx, id, nil, []byte("to the coordinator")))
	must(t, 0, alice.Send(ctx, id, want[1:], nil))
	wantReceived(t, bob, id, false, "to both", "")
	wantReceived(t, alice, id, false, "to both")
	wantReceived(t, alice, id, true, "to the coordinator")
	if err := bob.CloseSession(ctx, id); !errors.Is(err, ErrNotCoordinator) {
		t.Errorf("closing by a member: %v", err)
	}
	must(t, 0, alice.CloseSession(ctx, id))
	if err := alice.CloseSession(ctx, id); !errors.Is(err, ErrSessionNotFound) {
		t.Errorf("closing again: %v", err)
	}
	must(t, 0, alice.Logout(ctx))
	must(t, 0, alice.Logout(ctx))
}

func TestClientErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serve(t, newTestServer(t, Config{}))()
		alice, bob, eve := n.client(t, nil), n.client(t, nil), n.client(t, nil)
		ctx := t.Context()
		id := openSession(t, alice, bob)
		_, infoErr := eve.SessionInfo(ctx, id)
		_, receiveErr := eve.Receive(ctx, id, false)
		_, countErr := alice.CreateSession(ctx, []commkey.PublicKey{alice.key.Public(), bob.key.Public()}, 256)
		_, membersErr := alice.CreateSession(ctx, nil, 1)
		for name, c := range map[string]struct{ err, want error }{
			"info":      {infoErr, ErrSessionNotFound},
			"receive":   {receiveErr, ErrNotInSession},
			"recipient": {alice.Send(ctx, id, []commkey.PublicKey{eve.key.Public()}, nil), ErrNotInSession},
			"size":      {alice.Send(ctx, id, nil, make([]byte, 65536)), ErrInvalidArgument},
			"too big":   {alice.Send(ctx, id, nil, make([]byte, 1<<20)), ErrInvalidArgument},
			"count":     {countErr, ErrInvalidArgument},
			"members":   {membersErr, ErrInvalidArgument},
			"close":     {bob.CloseSession(ctx, id), ErrNotCoordinator},
		} {
			if !errors.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %v", name, c.err, c.want)
			}
		}
		must(t, 0, alice.Send(ctx, id, nil, make([]byte, 65535)))
		var refused *APIError
		if !errors.As(infoErr, &refused) || refused.Code != 3 || refused.Name != "SessionNotFound" || refused.Msg != "session was not found" {
			t.Errorf("refusal %+v", refused)
		}
	})
}

func TestClientWaitsByLongPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serve(t, newTestServer(t, Config{}))()
		alice, bob := n.client(t, nil), n.client(t, nil)
		id := openSession(t, alice, bob)
		for _, pause := range []time.Duration{0, 7 * time.Second, 100 * time.Second} {
			go func() {
				time.Sleep(pause)
				if err := alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("m")); err != nil {
					t.Error(err)
				}
			}()
			if took := elapsed(func() { wantReceived(t, bob, id, false, "m") }); took != pause {
				t.Errorf("received after %v, want %v", took, pause)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 45*time.Second)
		defer cancel()
		if _, err := bob.Receive(ctx, id, false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("receiving nothing: %v", err)
		}
		if dials := n.current().dials; dials > 4 {
			t.Errorf("%d connections for two clients", dials)
		}
	})
}

func TestClientPollsFrostd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		relay := &plain{Server: newTestServer(t, Config{})}
		defer n.serveHandler(relay)()
		alice, bob := n.client(t, nil), n.client(t, nil)
		id := openSession(t, alice, bob)
		go func() {
			time.Sleep(60 * time.Second)
			if err := alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("m")); err != nil {
				t.Error(err)
			}
		}()
		took := elapsed(func() { wantReceived(t, bob, id, false, "m") })
		if took < 60*time.Second || took > 62*time.Second {
			t.Errorf("received after %v, want within 2s of 1m", took)
		}
		// Pauses of 1 to 2 s, once they have grown to that.
		if calls := relay.count("/receive"); calls < 30 || calls > 75 {
			t.Errorf("%d calls in a minute", calls)
		}
		alice.Close()
		bob.Close()
	})
}

func TestClientPollsFastAtFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serveHandler(&plain{Server: newTestServer(t, Config{})})()
		alice, bob := n.client(t, nil), n.client(t, nil)
		id := openSession(t, alice, bob)
		must(t, 0, bob.Login(t.Context()))
		go func() {
			time.Sleep(100 * time.Millisecond)
			if err := alice.Send(t.Context(), id, []commkey.PublicKey{bob.key.Public()}, []byte("m")); err != nil {
				t.Error(err)
			}
		}()
		if took := elapsed(func() { wantReceived(t, bob, id, false, "m") }); took > 250*time.Millisecond {
			t.Errorf("received after %v, want within 150ms of 100ms", took)
		}
		alice.Close()
		bob.Close()
	})
}

func TestClientWaitsForSessions(t *testing.T) {
	for name, extended := range map[string]bool{"frostkit": true, "frostd": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				s := newTestServer(t, Config{})
				late := time.Duration(0)
				if extended {
					defer n.serve(t, s)()
				} else {
					defer n.serveHandler(&plain{Server: s})()
					late = 2 * time.Second
				}
				testWaitSessions(t, n, late)
			})
		})
	}
}

// testWaitSessions allows changes to be seen so much late.
func testWaitSessions(t *testing.T, n *network, late time.Duration) {
	alice, bob := n.client(t, nil), n.client(t, nil)
	defer alice.Close()
	defer bob.Close()
	var first, second SessionID
	wait := func(known []SessionID, pause time.Duration, change func()) []SessionID {
		t.Helper()
		changed := make(chan struct{})
		go func() {
			time.Sleep(pause)
			change()
			close(changed)
		}()
		var ids []SessionID
		var err error
		took := elapsed(func() { ids, err = bob.WaitSessions(t.Context(), known) })
		<-changed
		if must(t, 0, err); took < pause || took > pause+late {
			t.Errorf("noticed the change after %v, want %v and at most %v", took, pause, late)
		}
		return ids
	}
	ids := wait(nil, 40*time.Second, func() { first = openSession(t, alice, bob) })
	if !slices.Equal(ids, []SessionID{first}) {
		t.Errorf("sessions %v, want %v", ids, first)
	}
	ids = wait(ids, 5*time.Second, func() { second = openSession(t, alice, bob) })
	if !slices.Equal(sorted(ids), sorted([]SessionID{first, second})) {
		t.Errorf("sessions %v, want %v and %v", ids, first, second)
	}
	ids = wait(ids, 5*time.Second, func() { must(t, 0, alice.CloseSession(t.Context(), first)) })
	if !slices.Equal(ids, []SessionID{second}) {
		t.Errorf("sessions %v, want %v", ids, second)
	}
	if ids, err := bob.WaitSessions(t.Context(), nil); err != nil || !slices.Equal(ids, []SessionID{second}) {
		t.Errorf("sessions that were there: %v, %v", ids, err)
	}
}

func TestClientRefusesOddAnswers(t *testing.T) {
	key := generate(t).Public().String()
	for name, c := range map[string]struct {
		status int
		body   string
		call   func(*Client, context.Context) error
	}{
		"a web page":        {200, "<html>", sessionsCall},
		"nothing":           {200, "", sessionsCall},
		"not found":         {404, "", sessionsCall},
		"an error in prose": {500, "oops", sessionsCall},
		"an odd error":      {500, `{"error":"x"}`, sessionsCall},
		"a redirect":        {302, "", sessionsCall},
		"a short id":        {200, `{"session_ids":["00"]}`, sessionsCall},
		"no id":             {200, `{}`, createCall},
		"no members":        {200, `{"message_count":1,"coordinator_pubkey":"` + key + `"}`, infoCall},
		"no coordinator":    {200, `{"message_count":1,"pubkeys":["` + key + `"]}`, infoCall},
		"a low-order key":   {200, `{"pubkeys":[],"coordinator_pubkey":"` + strings.Repeat("00", 32) + `"}`, infoCall},
		"odd hex":           {200, `{"msgs":[{"sender":"` + key + `","msg":"0"}]}`, receiveCall},
		"too much":          {200, strings.Repeat(" ", maxAnswer+1), sessionsCall},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				defer n.serveHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Location", "/")
					w.WriteHeader(c.status)
					_, _ = io.WriteString(w, c.body)
				}))()
				client := n.client(t, nil)
				client.token = "a token"
				var odd *ResponseError
				if err := c.call(client, t.Context()); !errors.As(err, &odd) || odd.Status != c.status {
					t.Errorf("error %v", err)
				}
				client.Close()
			})
		})
	}
}

func sessionsCall(c *Client, ctx context.Context) error { return justErr(c.Sessions(ctx)) }

func createCall(c *Client, ctx context.Context) error { return justErr(c.CreateSession(ctx, nil, 1)) }

func infoCall(c *Client, ctx context.Context) error { return justErr(c.SessionInfo(ctx, SessionID{})) }

func receiveCall(c *Client, ctx context.Context) error {
	return justErr(c.Receive(ctx, SessionID{}, false))
}

func justErr[T any](_ T, err error) error { return err }

// A message whose sender has no valid key does not hide the others.
func TestClientDropsMessagesOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		sender := generate(t).Public()
		defer n.serveHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"msgs":[{"sender":"%064d","msg":"00"},{"sender":"%s","msg":"01"}]}`, 0, sender)
		}))()
		c := n.client(t, nil)
		c.token = "a token"
		messages, err := c.Receive(t.Context(), SessionID{}, false)
		if err != nil || len(messages) != 1 || messages[0].Sender != sender {
			t.Errorf("received %v, %v", messages, err)
		}
		c.Close()
	})
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"relay.example:2744":           "https://relay.example:2744",
		"https://relay.example:2744":   "https://relay.example:2744",
		"https://relay.example/":       "https://relay.example",
		"localhost:2744":               "https://localhost:2744",
		"http://localhost:2744":        "http://localhost:2744",
		"http://127.0.0.1:2744":        "http://127.0.0.1:2744",
		"http://[::1]:2744":            "http://[::1]:2744",
		"[2001:db8::1]:2744":           "https://[2001:db8::1]:2744",
		"":                             "",
		":2744":                        "",
		"http://relay.example:2744":    "",
		"http://localhost.evil:2744":   "",
		"ftp://relay.example":          "",
		"https://user@relay.example":   "",
		"https://relay.example/path":   "https://relay.example/path",
		"https://relay.example?x=1":    "",
		"relay.example:port":           "",
		"https://relay.example\n:2744": "",
		"127.0.1:2744":                 "https://127.0.0.1:2744",
	} {
		c, err := NewClient(ClientConfig{URL: address, Key: generate(t)})
		switch {
		case want == "" && err == nil:
			t.Errorf("%q was taken as %s", address, c.URL())
		case want != "" && (err != nil || c.URL() != want):
			t.Errorf("%q was taken as %v, %v, want %s", address, c, err, want)
		}
	}
	if _, err := NewClient(ClientConfig{URL: "localhost:2744"}); err == nil {
		t.Error("made a client without a key")
	}
}
