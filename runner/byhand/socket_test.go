package byhand

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"

	"frostkit/frost"
)

// door is a listener at which a test is the network.
type door struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	late   net.Conn // accepted while it is closed
}

func (d *door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.conns:
		return conn, nil
	case <-d.closed:
		if late := d.late; late != nil {
			d.late = nil
			return late, nil
		}
		return nil, errors.New("closed")
	}
}

func (d *door) Close() error { close(d.closed); return nil }

func open(late net.Conn) (*door, *server) {
	d := &door{conns: make(chan net.Conn), closed: make(chan struct{}), late: late}
	return d, newServer(console(""), frost.Ed25519(), d)
}

// What is accepted just before the close does not keep it waiting.
func TestCloseWhileAccepting(t *testing.T) {
	for range 50 { // as either may be first
		synctest.Test(t, func(t *testing.T) {
			ours, theirs := net.Pipe()
			_, s := open(ours)
			s.close()
			if _, err := theirs.Read(make([]byte, 1)); err == nil {
				t.Error("the connection is open")
			}
		})
	}
}

// A connection that has ended is closed and forgotten, and so are the others at the close.
func TestConnectionsAreClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := open(nil)
		ended, theirs := net.Pipe()
		staying, other := net.Pipe()
		d.conns <- ended
		d.conns <- staying
		theirs.Close()
		if a := <-s.arrived; a.err == nil || a.from != ended {
			t.Errorf("arrived: %+v", a)
		}
		synctest.Wait()
		if len(s.conns) != 1 || !s.conns[staying] {
			t.Errorf("%d connections are kept", len(s.conns))
		}
		s.close()
		if _, err := other.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open")
		}
	})
}
