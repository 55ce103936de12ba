package relay

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"frostkit/commkey"
)

// pipeListener is a network in memory, in which the time of a synctest bubble
// passes.
type pipeListener struct {
	address net.Addr
	conns   chan net.Conn
	once    sync.Once
	closed  chan struct{}

	mu    sync.Mutex
	dials int
}

func newPipeListener() *pipeListener {
	return &pipeListener{
		address: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2744},
		conns:   make(chan net.Conn),
		closed:  make(chan struct{}),
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return l.address }

// pipeConn is one end of a connection that has an address.
type pipeConn struct {
	net.Conn
	remote net.Addr
}

func (c pipeConn) RemoteAddr() net.Addr { return c.remote }

var errRefused = errors.New("connection refused")

// dial connects from the listener's own address.
func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	return l.dialFrom(ctx, l.address)
}

func (l *pipeListener) dialFrom(ctx context.Context, from net.Addr) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- pipeConn{server, from}:
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dials++
		return client, nil
	case <-l.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// network is where clients find the relay of the moment.
type network struct {
	mu       sync.Mutex
	listener *pipeListener // nil: nobody listens
}

func (n *network) current() *pipeListener {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.listener
}

func (n *network) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	listener := n.current()
	if listener == nil {
		return nil, errRefused
	}
	return listener.dial(ctx)
}

// serve runs a relay until stop is called or the test ends.
func (n *network) serve(t *testing.T, s *Server) (stop func()) {
	t.Helper()
	listener := newPipeListener()
	n.mu.Lock()
	n.listener = listener
	n.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the relay ended with %v", err)
		}
		n.mu.Lock()
		n.listener = nil
		n.mu.Unlock()
	})
}

// client returns a client on the network with a key of its own.
func (n *network) client(t *testing.T, log *slog.Logger) *Client {
	t.Helper()
	return n.clientOf(t, ClientConfig{URL: "http://localhost:2744", Key: generate(t), Logger: log})
}

func (n *network) clientOf(t *testing.T, config ClientConfig) *Client {
	t.Helper()
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	transport := c.http.Transport.(*http.Transport)
	transport.DialContext = n.dial
	t.Cleanup(c.Close)
	return c
}

// must returns what a call returned, which must be no error.
func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// session opens a session of the clients, the first of which creates it.
func openSession(t *testing.T, clients ...*Client) SessionID {
	t.Helper()
	var members []commkey.PublicKey
	for _, c := range clients {
		members = append(members, c.key.Public())
	}
	id, err := clients[0].CreateSession(t.Context(), members, 1)
	return must(t, id, err)
}

// elapsed returns the time that f takes.
func elapsed(f func()) time.Duration {
	start := time.Now()
	f()
	return time.Since(start)
}
