package relay

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"frostkit/internal/testlog"
)

// brokenStore is a store whose disk fails.
type brokenStore struct{ *MemoryStore }

var errDisk = errors.New("the disk of this store is broken")

func (brokenStore) SpendChallenge(context.Context, uuid.UUID, Key, time.Duration) error {
	return errDisk
}
func (brokenStore) RemoveToken(context.Context, TokenHash) error                 { return errDisk }
func (brokenStore) CreateSession(context.Context, *Session, *Limits) error       { return errDisk }
func (brokenStore) Sessions(context.Context, Key, *Limits) ([]SessionID, error)  { return nil, errDisk }
func (brokenStore) Send(context.Context, *Envelope, *Limits) error               { return errDisk }
func (brokenStore) CloseSession(context.Context, SessionID, bool, *Limits) error { return errDisk }

// What a store fails with is the operator's to know: clients get frostd's
// unknown error and nothing of it.
func TestStoreThatFails(t *testing.T) {
	var log bytes.Buffer
	memory := NewMemoryStore()
	working := newTestServer(t, Config{Store: memory})
	a, b := as(t, working), as(t, working)
	id := create(t, a, b)
	broken := newTestServer(t, Config{Store: brokenStore{memory}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	a.handler = broken
	for path, body := range map[string]string{
		"/login":              loginBody(t, a.key, a.call("/challenge", "null").id(t)),
		"/logout":             "null",
		"/create_new_session": createBody(a, b),
		"/list_sessions":      "null",
		"/send":               sendBody(id, "00", b),
		"/close_session":      idBody(id),
	} {
		log.Reset()
		a.want(500, `{"code":255,"msg":"unknown error","error":{"code":"Unknown"}}`, path, body)
		if !strings.Contains(log.String(), "level=ERROR") || !strings.Contains(log.String(), errDisk.Error()) {
			t.Errorf("%s: logged %q", path, log.String())
		}
	}
}

// Nobody fills the operator's log with requests that make no sense.
func TestBadRequestsAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	c := caller{t, newTestServer(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}), ""}
	c.want(415, "", "/login", "{}", "Content-Type: text/plain")
	c.want(400, "", "/login", "{")
	c.want(422, "", "/login", "{}")
	c.want(500, "Unauthorized", "/send", "{}")
	if log.Len() > 0 {
		t.Errorf("logged %q", log.String())
	}
}

type noSecret struct{ *MemoryStore }

func (noSecret) Secret(context.Context) ([32]byte, error) { return [32]byte{}, errDisk }

func TestNewServerWithoutASecret(t *testing.T) {
	if _, err := NewServer(Config{Store: noSecret{NewMemoryStore()}}); !errors.Is(err, errDisk) {
		t.Errorf("made a relay: %v", err)
	}
}

func TestServeReportsABrokenListener(t *testing.T) {
	listener := newPipeListener()
	_ = listener.Close()
	if err := newTestServer(t, Config{}).Serve(t.Context(), listener); err == nil {
		t.Error("served on a closed listener")
	}
}

// shortListener fails with each of the errors before it accepts anything.
type shortListener struct {
	*pipeListener
	errs []error
}

func (l *shortListener) Accept() (net.Conn, error) {
	if len(l.errs) > 0 {
		err := &net.OpError{Op: "accept", Net: "tcp", Err: os.NewSyscallError("accept4", l.errs[0])}
		l.errs = l.errs[1:]
		return nil, err
	}
	return l.pipeListener.Accept()
}

// What a relay is short of for a while, or a connection that came to nothing, ends
// no relay; the operator is told.
func TestServeGoesOnAfterPassingErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testlog.Buffer
		n := &network{}
		n.listener = newPipeListener()
		ctx, cancel := context.WithCancel(t.Context())
		served := make(chan error, 1)
		s := newTestServer(t, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		go func() {
			served <- s.Serve(ctx, &shortListener{n.listener, []error{
				syscall.ENOBUFS, syscall.ENOMEM, syscall.EMFILE, syscall.ENFILE, syscall.EPERM, syscall.EPROTO, syscall.ECONNABORTED,
			}})
		}()
		must(t, 0, n.client(t, nil).Login(t.Context()))
		cancel()
		must(t, 0, <-served)
		if text := log.String(); strings.Count(text, "no connection is accepted for now") != 1 || !strings.Contains(text, "accept4") ||
			!strings.Contains(text, "accepted again") {
			t.Errorf("logged %s", text)
		}
	})
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for _, c := range []struct {
		err  error
		want []string
	}{
		{&UnreachableError{URL: "https://r:1", Err: errRefused}, []string{"https://r:1", "refused", "is it running"}},
		{&UnreachableError{URL: "https://r:1", Err: errRefused, Proxy: "p:3128"}, []string{"by the proxy p:3128 of HTTPS_PROXY", "is the proxy running"}},
		{&CertificateError{URL: "https://r:1", Cause: UnknownAuthority, Err: errDisk}, []string{"https://r:1", "CA"}},
		{&ResponseError{Call: "login", Status: 404, Text: "\x1b[31m"}, []string{"login", "404", `"\x1b[31m"`}},
		{&APIError{Code: 2, Name: "Unauthorized", Msg: "no"}, []string{"no"}},
		{InvalidArgumentError("pubkeys"), []string{"invalid or missing argument: pubkeys"}},
	} {
		for _, part := range c.want {
			if !strings.Contains(c.err.Error(), part) {
				t.Errorf("%q does not say %q", c.err.Error(), part)
			}
		}
	}
	if errors.Is(&APIError{Code: 77}, ErrUnauthorized) || !errors.Is(&APIError{Code: 2}, ErrUnauthorized) {
		t.Error("codes are mixed up")
	}
}

// The coordinator may be no member, and sends all the same.
func TestOutsideCoordinatorSends(t *testing.T) {
	s := newTestServer(t, Config{})
	a, b, c := as(t, s), as(t, s), as(t, s)
	id := a.want(200, "", "/create_new_session", createBody(b, c)).id(t)
	a.want(200, "", "/send", sendBody(id, "aa", b, c))
	b.want(200, `{"msgs":[{"sender":"`+a.hex+`","msg":"aa"}]}`, "/receive", receiveBody(id))
}
