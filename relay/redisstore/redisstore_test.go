package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"frostkit/internal/testlog"
	"frostkit/relay"
	"frostkit/relay/localca"
	"frostkit/relay/redisstore/redistest"
	"frostkit/relay/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t testing.TB, url string) *Store {
	t.Helper()
	store, err := Open(t.Context(), url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	server := redistest.Start(t)
	var databases atomic.Int32
	t.Run("all", func(t *testing.T) {
		storetest.Test(t, storetest.Subject{
			Open: func(t *testing.T) (relay.Store, func(*testing.T) relay.Store) {
				url := server.URL(int(databases.Add(1)))
				return openStore(t, url), func(t *testing.T) relay.Store { return openStore(t, url) }
			},
			Restarts: true,
			Run: func(t *testing.T, test func(*testing.T)) {
				t.Parallel()
				test(t)
			},
			Unit: 100 * time.Millisecond,
		})
	})
}

// One store wakes who waits at another, and not for another database's changes.
func TestWakesAcrossProcesses(t *testing.T) {
	server := redistest.Start(t)
	one, two, other := openStore(t, server.URL(0)), openStore(t, server.URL(0)), openStore(t, server.URL(1))
	defer one.Close()
	defer two.Close()
	defer other.Close()
	owner := relay.Key{1}
	wake, stop := one.Watch(relay.Topic{Owner: owner})
	defer stop()
	elsewhere, stop := other.Watch(relay.Topic{Owner: owner})
	defer stop()
	limits := relay.DefaultLimits()
	session := &relay.Session{ID: relay.SessionID{1}, Members: []relay.Key{owner, {2}}, Coordinator: relay.Key{2}}
	if err := two.CreateSession(t.Context(), session, &limits); err != nil {
		t.Fatal(err)
	}
	select {
	case <-wake:
	case <-time.After(10 * time.Second):
		t.Error("not woken")
	}
	select {
	case <-elsewhere:
		t.Error("woken by another database")
	default:
	}
}

// A subscription that broke may have missed something, so that all look again.
func TestWakesAfterARestart(t *testing.T) {
	server := redistest.Start(t)
	store := openStore(t, server.URL(0))
	defer store.Close()
	wake, stop := store.Watch(relay.Topic{Owner: relay.Key{1}})
	defer stop()
	server.Kill()
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-wake:
	case <-time.After(20 * time.Second):
		t.Error("not woken")
	}
}

// Whether Redis did what it gave no answer to is not known; the log says once
// that it is away, and once that it is back.
func TestAway(t *testing.T) {
	server := redistest.Start(t)
	var log testlog.Buffer
	store, err := Open(t.Context(), server.URL(0), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	store.patience = 50 * time.Millisecond
	server.Kill()
	var away *relay.AwayError
	for range 3 {
		if _, err := store.Token(t.Context(), relay.TokenHash{1}); !errors.As(err, &away) {
			t.Errorf("asking a Redis that is not there: %v", err)
		}
		if err := store.RemoveToken(t.Context(), relay.TokenHash{1}); !errors.As(err, &away) {
			t.Errorf("running a script of a Redis that is not there: %v", err)
		}
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	store.patience = patience
	if _, err := store.Token(t.Context(), relay.TokenHash{1}); !errors.Is(err, relay.ErrUnauthorized) {
		t.Errorf("asking a Redis that is back: %v", err)
	}
	text := log.String()
	if strings.Count(text, "level=WARN") != 1 || strings.Count(text, "serves again") != 1 || strings.Count(text, "\n") != 2 {
		t.Errorf("the log:\n%s", text)
	}
}

// A Redis whose memory is full takes nothing more, and hands over what it has.
func TestFullMemory(t *testing.T) {
	server := redistest.Start(t)
	store := openStore(t, server.URL(0))
	defer store.Close()
	limits := relay.DefaultLimits()
	session := &relay.Session{ID: relay.SessionID{1}, Members: []relay.Key{{1}, {2}}, Coordinator: relay.Key{1}}
	if err := store.CreateSession(t.Context(), session, &limits); err != nil {
		t.Fatal(err)
	}
	envelope := &relay.Envelope{Session: session.ID, Sender: relay.Key{1}, Recipients: []relay.Key{{2}}, Body: []byte("a")}
	if err := store.Send(t.Context(), envelope, &limits); err != nil {
		t.Fatal(err)
	}
	if err := store.client.ConfigSet(t.Context(), "maxmemory", "1").Err(); err != nil {
		t.Fatal(err)
	}
	store.patience = 50 * time.Millisecond
	var away *relay.AwayError
	if err := store.Send(t.Context(), envelope, &limits); !errors.As(err, &away) || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("sending: %v", err)
	}
	session.ID = relay.SessionID{2}
	if err := store.CreateSession(t.Context(), session, &limits); err == nil || !strings.Contains(err.Error(), "OOM") {
		t.Errorf("opening a session: %v", err)
	}
	if err := store.AddToken(t.Context(), relay.TokenHash{1}, relay.Key{2}, relay.Networks{}, &limits); err != nil {
		t.Errorf("logging in: %v", err)
	}
	box := relay.Mailbox{Session: relay.SessionID{1}, Owner: relay.Key{2}}
	for range 2 { // handing over is for the next reception to acknowledge
		messages, _, err := store.Receive(t.Context(), box, 0, &limits)
		if err != nil || len(messages) != 1 {
			t.Errorf("received %d messages, %v", len(messages), err)
		}
	}
	if err := store.CloseSession(t.Context(), relay.SessionID{1}, false, &limits); err != nil {
		t.Errorf("closing: %v", err)
	}
}

// A Redis that fails over, or is without what it needs, is waited for.
func TestPassingErrorsPass(t *testing.T) {
	server := redistest.Start(t)
	store := openStore(t, server.URL(0))
	defer store.Close()
	set := func(command ...any) {
		if err := store.client.Do(t.Context(), command...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for name, commands := range map[string][2][]any{
		"READONLY":   {{"replicaof", "127.0.0.1", "1"}, {"replicaof", "no", "one"}},
		"NOREPLICAS": {{"config", "set", "min-replicas-to-write", "1"}, {"config", "set", "min-replicas-to-write", "0"}},
		"OOM":        {{"config", "set", "maxmemory", "1"}, {"config", "set", "maxmemory", "0"}},
	} {
		limits := relay.DefaultLimits()
		session := &relay.Session{ID: uuid.New(), Members: []relay.Key{{1}, {2}}, Coordinator: relay.Key{1}}
		set(commands[0]...)
		var log testlog.Buffer
		store.log = slog.New(slog.NewTextHandler(&log, nil))
		made := make(chan error, 1)
		go func() { made <- store.CreateSession(t.Context(), session, &limits) }()
		for !store.away.Load() { // until it was refused once
			runtime.Gosched()
		}
		set(commands[1]...)
		if err := <-made; err != nil || !strings.Contains(log.String(), name) {
			t.Errorf("%s: %v; the log has\n%s", name, err, log.String())
		}
	}
}

func TestAnswersThatPass(t *testing.T) {
	for _, name := range passing {
		if isAnswer(redisError(name + " for now")) {
			t.Errorf("%s is not waited for", name)
		}
	}
	if !isAnswer(redisError("WRONGTYPE Operation against a key")) || !isAnswer(redis.Nil) || isAnswer(errors.New("connection reset")) {
		t.Error("answers and lost connections are mixed up")
	}
}

// redisError is an answer of Redis.
type redisError string

func (e redisError) Error() string { return string(e) }

func (redisError) RedisError() {}

func TestErrorsHaveNoPassword(t *testing.T) {
	for _, url := range []string{
		"redis://:hunter2@127.0.0.1:1/0", "redis://:hunter2@127.0.0.1:1/none", "redis://:hunter2@[/", "mailto://:hunter2@x",
		"redis://:hunter2#x@127.0.0.1:1/0", "redis://:hunter2/x@127.0.0.1:1/0", "redis://:hunter2?x@127.0.0.1:1/0",
		"redis://:12#hunter2@127.0.0.1:1/0", "redis://:12/hunter2@127.0.0.1:1/0", "redis://:12?hunter2@127.0.0.1:1/0",
		"redis://hunter2@127.0.0.1:1/0", "redis://hunter2@127.0.0.1:1/none", "redis://:hunter2%zz@127.0.0.1:1/0",
		"redis://:hunter2 x@127.0.0.1:1/0", "redis://:hunter2@x@127.0.0.1:1/0", "rediss://:hunter2/x@127.0.0.1:1/0",
	} {
		var log testlog.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := Open(ctx, url, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
		cancel()
		if shown := fmt.Sprint(err, log.String(), Shown(url)); err == nil || strings.Contains(shown, "hunter2") {
			t.Errorf("opening: %s", shown)
		}
		if strings.ContainsAny(url, "#") && !strings.Contains(err.Error(), "percent-encoded") {
			t.Errorf("what to do about the password is not said: %v", err)
		}
	}
	if got := Shown("redis://user:hunter2@h:1/2?password-file=x"); got != `"redis://h:1/2"` {
		t.Errorf("shown as %s", got)
	}
}

// TLS where there is none, and the reverse, is told.
func TestTLSMixedUp(t *testing.T) {
	plain := redistest.Start(t).URL(0)
	_, err := Open(t.Context(), strings.Replace(plain, "redis://", "rediss://", 1), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "take redis://") {
		t.Errorf("TLS to a Redis without: %v", err)
	}
	ca, err := localca.New()
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := ca.Issue("localhost")
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*certificate}})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(t.Context())
			conn.Close()
		}
	}()
	_, err = Open(t.Context(), "redis://"+listener.Addr().String()+"/0", slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "take rediss://") {
		t.Errorf("a Redis with TLS without it: %v", err)
	}
	listener.Close()
	<-served
}

func TestForeignFormat(t *testing.T) {
	server := redistest.Start(t)
	store := openStore(t, server.URL(0))
	defer store.Close()
	if warnings := store.Warnings(t.Context()); len(warnings) != 0 {
		t.Errorf("warnings %q", warnings)
	}
	if err := store.client.Set(t.Context(), store.prefix+":format", "frostkit relay 9", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if other, err := Open(t.Context(), server.URL(0), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("opened another format")
		_ = other.Close()
	} else if !strings.Contains(err.Error(), "frostkit relay 9") || errors.Is(err, relay.ErrInvalidArgument) {
		t.Errorf("opening another format: %v", err)
	}
}

// A Redis that answers may take no changes all the same.
func TestWritable(t *testing.T) {
	store := openStore(t, redistest.Start(t).URL(0))
	defer store.Close()
	change := func(replicas string) error {
		if err := store.client.ConfigSet(t.Context(), "min-replicas-to-write", replicas).Err(); err != nil {
			t.Fatal(err)
		}
		return store.RemoveToken(t.Context(), relay.TokenHash{})
	}
	store.patience = 50 * time.Millisecond
	if err := change("1"); err == nil || store.Writable() {
		t.Errorf("without a replica: %v, and the store takes changes: %v", err, store.Writable())
	}
	if err := change("0"); err != nil || !store.Writable() {
		t.Errorf("without the need of one: %v, and the store takes changes: %v", err, store.Writable())
	}
}

// BenchmarkPairs has every send on the disk before it is acknowledged.
func BenchmarkPairs(b *testing.B) {
	store := openStore(b, redistest.Start(b).URL(0))
	storetest.Benchmark(b, store, 32)
	if err := store.Close(); err != nil {
		b.Error(err)
	}
}
