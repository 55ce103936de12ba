package testproxy

import (
	"io"
	"net"
	"testing"
	"time"
)

// An echo takes the latency twice, all of it at once and in order, and the end of
// the stream takes as long.
func TestDelay(t *testing.T) {
	const latency = 50 * time.Millisecond
	address := delay(t, echo(t), latency)
	start := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	var sent []byte
	for i := range 1000 {
		sent = append(sent, byte(i))
		if _, err := conn.Write(sent[i:]); err != nil {
			t.Fatal(err)
		}
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	took := time.Since(start)
	if err != nil || string(got) != string(sent) {
		t.Errorf("%d bytes came back, %v, want the %d that were sent", len(got), err, len(sent))
	}
	if took < 2*latency || took > 40*latency {
		t.Errorf("it took %v, want somewhat more than %v", took, 2*latency)
	}
}

func delay(t *testing.T, target string, latency time.Duration) (address string) {
	p, err := Delay(target, latency)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p.Address
}

// echo sends back what it gets.
func echo(t *testing.T) (address string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.(*net.TCPConn).CloseWrite()
			}()
		}
	}()
	return listener.Addr().String()
}

// A connection to a target that is not there is closed.
func TestDelayToNobody(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	conn, err := net.Dial("tcp", delay(t, listener.Addr().String(), time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("something came")
	}
}
