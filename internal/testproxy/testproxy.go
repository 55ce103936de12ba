// Package testproxy is a network between the programs of a test that is slow.
package testproxy

import (
	"io"
	"net"
	"sync"
	"time"
)

// Proxy passes connections on to another address.
type Proxy struct {
	Address string // where it listens, on the loopback interface

	listener net.Listener
	target   string
	latency  time.Duration
	ended    chan struct{}
	running  sync.WaitGroup
}

// Delay passes connections on to the TCP address target until Close. Each byte and
// each end of a stream arrives latency later than it was sent, in order, whatever
// is sent meanwhile.
func Delay(target string, latency time.Duration) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &Proxy{
		Address: listener.Addr().String(), listener: listener, target: target, latency: latency, ended: make(chan struct{}),
	}
	p.running.Go(p.serve)
	return p, nil
}

// Close cuts all connections. Call it once.
func (p *Proxy) Close() {
	close(p.ended)
	_ = p.listener.Close()
	p.running.Wait()
}

func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.connect(conn.(*net.TCPConn)) })
	}
}

// connect joins a connection with one to the target.
func (p *Proxy) connect(near *net.TCPConn) {
	defer near.Close()
	conn, err := net.Dial("tcp", p.target)
	if err != nil {
		return // and so closes the near one: the target is not there
	}
	far := conn.(*net.TCPConn)
	defer far.Close()
	var both sync.WaitGroup
	both.Go(func() { p.pass(far, near) })
	both.Go(func() { p.pass(near, far) })
	done := make(chan struct{})
	p.running.Go(func() {
		select {
		case <-done:
		case <-p.ended:
			_, _ = near.Close(), far.Close()
		}
	})
	both.Wait()
	close(done)
}

// chunk is what was read at once; without bytes it is the end of the stream.
type chunk struct {
	due   time.Time
	bytes []byte
}

// ahead is how many chunks can be under way in one direction: as many as a test
// sends within the latency, many times over.
const ahead = 1 << 14

// pass copies one direction.
func (p *Proxy) pass(to, from *net.TCPConn) {
	under := make(chan chunk, ahead)
	p.running.Go(func() { p.read(from, under) })
	for c := range under {
		if !p.until(c.due) {
			break
		}
		if _, err := to.Write(c.bytes); err != nil {
			_ = from.CloseRead() // whoever sends learns it with the next byte
			break
		}
	}
	_ = to.CloseWrite()
	for range under { // until the reader ends
	}
}

func (p *Proxy) read(from io.Reader, under chan<- chunk) {
	defer close(under)
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		under <- chunk{time.Now().Add(p.latency), buffer[:n]}
		if err != nil {
			return
		}
	}
}

// until waits for a moment; it reports whether the test goes on.
func (p *Proxy) until(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-p.ended:
		return false
	}
}
