package relay

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// thriftyConn is a connection on which it costs next to nothing to set a deadline.
// net/http sets eight of them for each request, of which a request in time meets
// none. One is passed on to the connection below only where a read or write could
// overrun it; what an older one ends there goes on.
type thriftyConn struct {
	net.Conn
	reads, writes direction
}

func newThriftyConn(conn net.Conn) *thriftyConn {
	c := &thriftyConn{Conn: conn}
	c.reads.set, c.writes.set = conn.SetReadDeadline, conn.SetWriteDeadline
	return c
}

// Read implements [net.Conn].
func (c *thriftyConn) Read(p []byte) (int, error) {
	if err := c.reads.begin(); err != nil {
		return 0, err
	}
	for {
		n, err := c.Conn.Read(p)
		if c.reads.end(err) {
			return n, err
		}
	}
}

// Write implements [net.Conn].
func (c *thriftyConn) Write(p []byte) (written int, err error) {
	if err := c.writes.begin(); err != nil {
		return 0, err
	}
	for {
		n, err := c.Conn.Write(p[written:])
		written += n
		if c.writes.end(err) {
			return written, err
		}
	}
}

// SetDeadline implements [net.Conn].
func (c *thriftyConn) SetDeadline(t time.Time) error {
	return errors.Join(c.reads.change(t), c.writes.change(t))
}

// SetReadDeadline implements [net.Conn].
func (c *thriftyConn) SetReadDeadline(t time.Time) error { return c.reads.change(t) }

// SetWriteDeadline implements [net.Conn].
func (c *thriftyConn) SetWriteDeadline(t time.Time) error { return c.writes.change(t) }

// direction is one direction of a connection, with its deadline.
type direction struct {
	set func(time.Time) error // of the connection below

	mu     sync.Mutex
	wanted time.Time // the deadline; zero: none
	below  time.Time // what is set below; zero: none
	calls  int       // reads or writes that run
}

// soon is when a deadline that does not count any more is taken away below, and not
// left to pass there: that of a handshake is, before 10,000 wake an idle relay.
const soon = 10 * time.Second

// change sets the deadline, also of calls that run.
func (d *direction) change(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if d.calls == 0 && (!t.IsZero() || d.below.IsZero() || time.Until(d.below) > soon) {
		return nil
	}
	return d.pass()
}

// begin begins a call, unless its time is over.
func (d *direction) begin() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if earlier(d.wanted, d.below) && time.Until(d.wanted) <= 0 {
		return os.ErrDeadlineExceeded
	}
	if err := d.pass(); err != nil {
		return err
	}
	d.calls++
	return nil
}

// pass sets the deadline below, unless the one there is earlier. Without one there
// is none below either: what may wait for long is not to be woken for an old one.
func (d *direction) pass() error {
	if d.wanted.Equal(d.below) || !d.wanted.IsZero() && earlier(d.below, d.wanted) {
		return nil
	}
	d.below = d.wanted
	return d.set(d.below)
}

// end reports whether a call is over with err: not if all that ended it is a
// deadline that does not count any more.
func (d *direction) end(err error) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil && earlier(d.below, d.wanted) && errors.Is(err, os.ErrDeadlineExceeded) {
		d.below = d.wanted
		if d.set(d.below) == nil {
			return false
		}
	}
	d.calls--
	return true
}

// earlier compares deadlines, of which the zero one is never.
func earlier(a, b time.Time) bool { return !a.IsZero() && (b.IsZero() || a.Before(b)) }
