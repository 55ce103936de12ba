package relay

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// setting is a deadline that is set at a time, both counted from the start.
type setting struct{ at, deadline time.Duration }

// never stands for no deadline.
const never = time.Duration(-1)

// TestThriftyDeadlines compares a connection with the one below it: reads and
// writes that nobody answers end at the same time, whatever was set before and
// meanwhile.
func TestThriftyDeadlines(t *testing.T) {
	const later = time.Hour // than all of these
	for name, settings := range map[string][]setting{
		"set before":               {{0, 1}},
		"set later before":         {{0, 3}, {0, 7}},
		"set earlier before":       {{0, 7}, {0, 3}},
		"set while it runs":        {{2, 4}},
		"moved on while it runs":   {{0, 3}, {2, 9}},
		"moved on twice":           {{0, 3}, {2, 6}, {5, 9}},
		"brought forward":          {{0, 9}, {2, 4}},
		"there and back":           {{0, 5}, {1, 9}, {2, 5}},
		"passed":                   {{0, 9}, {2, 1}},
		"taken away and set again": {{0, 3}, {2, never}, {5, 8}},
		"now":                      {{0, 9}, {4, 4}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for _, direction := range []string{"read", "write"} {
					plain, thrifty := until(t, direction, settings, false), until(t, direction, settings, true)
					if plain != thrifty || thrifty >= later {
						t.Errorf("%s ended after %v, below after %v", direction, thrifty, plain)
					}
				}
			})
		})
	}
}

// until returns how long a read or a write takes until its deadline ends it.
func until(t *testing.T, direction string, settings []setting, thrifty bool) time.Duration {
	conn, peer := net.Pipe()
	defer peer.Close()
	if thrifty {
		conn = newThriftyConn(conn)
	}
	defer conn.Close()
	set, call := conn.SetReadDeadline, conn.Read
	if direction == "write" {
		set, call = conn.SetWriteDeadline, conn.Write
	}
	start := time.Now()
	apply := func(s setting) {
		deadline := start.Add(s.deadline * time.Second)
		if s.deadline == never {
			deadline = time.Time{}
		}
		if err := set(deadline); err != nil {
			t.Error(err)
		}
	}
	for _, s := range settings {
		if s.at == 0 {
			apply(s)
			continue
		}
		time.AfterFunc(s.at*time.Second, func() { apply(s) })
	}
	if _, err := call(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s ended with %v", direction, err)
	}
	return time.Since(start)
}

// TestThriftyWriteGoesOn: a write that a deadline of before ends half way writes
// the rest, once.
func TestThriftyWriteGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		below, peer := net.Pipe()
		conn := newThriftyConn(below)
		must(t, 0, conn.SetDeadline(time.Now().Add(3*time.Second)))
		go func() {
			time.Sleep(time.Second)
			must(t, 0, conn.SetDeadline(time.Time{}))
		}()
		received := make(chan string)
		go func() {
			part := make([]byte, 4)
			n, err := peer.Read(part)
			must(t, n, err)
			time.Sleep(5 * time.Second) // past the first deadline
			rest, err := io.ReadAll(peer)
			received <- string(part) + string(must(t, rest, err))
		}()
		n, err := conn.Write([]byte("one message"))
		if must(t, n, err) != len("one message") {
			t.Errorf("%d bytes were written", n)
		}
		must(t, 0, conn.Close())
		if got := <-received; got != "one message" {
			t.Errorf("%q arrived", got)
		}
	})
}

// lastDeadline is a connection that takes everything and keeps its deadline.
type lastDeadline struct {
	net.Conn
	write time.Time
}

func (c *lastDeadline) Write(p []byte) (int, error)        { return len(p), nil }
func (c *lastDeadline) SetReadDeadline(time.Time) error    { return nil }
func (c *lastDeadline) SetWriteDeadline(t time.Time) error { c.write = t; return nil }

// TestThriftyIdle: the deadline of a handshake that is over does not stay below, to
// pass there while the connection is idle.
func TestThriftyIdle(t *testing.T) {
	below := &lastDeadline{}
	conn := newThriftyConn(below)
	must(t, 0, conn.SetWriteDeadline(time.Now().Add(5*time.Second)))
	n, err := conn.Write([]byte("hello"))
	must(t, n, err)
	if below.write.IsZero() {
		t.Error("a write has no deadline")
	}
	must(t, 0, conn.SetWriteDeadline(time.Time{}))
	if !below.write.IsZero() {
		t.Errorf("the deadline %v stayed", below.write)
	}
}

// countingListener counts what deadlines are set on its connections.
type countingListener struct {
	net.Listener
	reads, writes atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return countingConn{conn, l}, err
}

type countingConn struct {
	net.Conn
	of *countingListener
}

func (c countingConn) SetReadDeadline(t time.Time) error {
	c.of.reads.Add(1)
	return c.Conn.SetReadDeadline(t)
}

func (c countingConn) SetWriteDeadline(t time.Time) error {
	c.of.writes.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

// TestThriftyRequests: of the deadlines of requests in time, none comes down to
// the connection but those that end the look for a client that hangs up.
func TestThriftyRequests(t *testing.T) {
	const requests = 50
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	listener := &countingListener{Listener: must(t, tcp, err)}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- newTestServer(t, Config{}).Serve(ctx, listener) }()
	conn, err := net.Dial("tcp", tcp.Addr().String())
	answers := bufio.NewReader(must(t, conn, err))
	for range requests {
		if _, err := io.WriteString(conn, "POST /challenge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nnull"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		_, _ = io.Copy(io.Discard, must(t, answer, err).Body)
	}
	conn.Close()
	stop()
	must(t, 0, <-served)
	if reads, writes := listener.reads.Load(), listener.writes.Load(); reads > 3*requests+2 || writes > 1 {
		t.Errorf("for %d requests %d deadlines of reads were set and %d of writes", requests, reads, writes)
	}
}
