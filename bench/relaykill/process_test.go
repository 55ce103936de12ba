package relaykill

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// buildProgram builds the program under test.
func buildProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "frostkit")
	cmd := exec.Command("go", "build", "-o", program, "frostkit/cmd/frostkit")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
	return program
}

// relayProcess is a relay that is started again whenever it was killed.
type relayProcess struct {
	program string
	store   string
	env     []string
	address string // host:port, the same every time

	cmd  *exec.Cmd
	exit chan struct{}
	log  *tail
}

func newRelayProcess(t *testing.T, program, store string, env []string) *relayProcess {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return &relayProcess{program: program, store: store, env: env, address: listener.Addr().String(), log: &tail{}}
}

// start starts the relay, and returns once it listens.
func (r *relayProcess) start(ctx context.Context) error {
	_, port, err := net.SplitHostPort(r.address)
	if err != nil {
		return err
	}
	r.cmd = exec.Command(r.program, "relay", "--dev", "--port", port, "--store", r.store)
	r.cmd.Env = append(os.Environ(), r.env...)
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := r.cmd.Start(); err != nil {
		return err
	}
	r.exit = make(chan struct{})
	listening := make(chan struct{})
	go func() {
		r.log.follow(stderr, "starting HTTPS server", listening)
		_ = r.cmd.Wait()
		close(r.exit)
	}()
	select {
	case <-listening:
		return nil
	case <-r.exit:
		return fmt.Errorf("the relay ended: %s", r.log)
	case <-ctx.Done():
		return fmt.Errorf("starting the relay: %w: %s", ctx.Err(), r.log)
	}
}

// kill ends the relay as kill -9 does, and returns once it is gone.
func (r *relayProcess) kill() {
	_ = r.cmd.Process.Signal(syscall.SIGKILL)
	<-r.exit
}

// tail keeps the last lines that a process wrote, over its lives.
type tail struct {
	mu    sync.Mutex
	lines []string
}

// follow reads lines until there are no more, and closes seen at the first that
// has the text.
func (l *tail) follow(r io.Reader, text string, seen chan struct{}) {
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		l.mu.Lock()
		if l.lines = append(l.lines, scanner.Text()); len(l.lines) > 100 {
			l.lines = l.lines[1:]
		}
		l.mu.Unlock()
		if seen != nil && strings.Contains(scanner.Text(), text) {
			close(seen)
			seen = nil
		}
	}
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// balancer hands connections to relays in turn, as a plain TCP balancer does:
// it knows nothing of what goes through.
type balancer struct {
	listener net.Listener
	relays   []*relayProcess
	next     atomic.Uint64
	conns    sync.WaitGroup
}

func newBalancer(t *testing.T, relays []*relayProcess) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{listener: listener, relays: relays}
	b.conns.Go(b.serve)
	return b
}

// url is where clients find the relays.
func (b *balancer) url() string {
	return "localhost:" + strconv.Itoa(b.listener.Addr().(*net.TCPAddr).Port)
}

func (b *balancer) serve() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.conns.Go(func() { b.forward(client) })
	}
}

// forward connects a client with the first relay, from the next one on, that is
// there.
func (b *balancer) forward(client net.Conn) {
	defer client.Close()
	first := b.next.Add(1)
	for i := range uint64(len(b.relays)) {
		relay := b.relays[(first+i)%uint64(len(b.relays))]
		server, err := net.DialTimeout("tcp", relay.address, time.Second)
		if err != nil {
			continue
		}
		defer server.Close()
		done := make(chan struct{}, 2)
		for _, way := range [][2]net.Conn{{client, server}, {server, client}} {
			b.conns.Go(func() {
				_, _ = io.Copy(way[0], way[1])
				done <- struct{}{}
			})
		}
		<-done
		return
	}
}

// close ends the listener; connections end with the clients and the relays.
func (b *balancer) close() {
	_ = b.listener.Close()
	b.conns.Wait()
}
