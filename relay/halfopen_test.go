package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"frostkit/commkey"
	"frostkit/relay/localca"
)

// serveVariable, in the environment, makes a relay of the test's program, so
// that it has a process of its own with the files that one may have open.
const serveVariable = "FROSTKIT_TEST_SERVE"

// halfOpenVariable says how many half-open connections there are: 1,000 unless
// it is set, and 10,000 in make bench-relay.
const halfOpenVariable = "FROSTKIT_HALF_OPEN"

// serveUntilEOF serves a relay over TLS, prints its address and its root's
// certificate, and ends with standard input.
func serveUntilEOF() {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	ca, err := localca.New()
	fail(err)
	certificate, err := ca.Issue("localhost")
	fail(err)
	server, err := NewServer(Config{TLS: &tls.Config{Certificates: []tls.Certificate{*certificate}}})
	fail(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	fail(err)
	fmt.Println(listener.Addr(), base64.StdEncoding.EncodeToString(ca.Certificate().Raw))
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	fail(server.Serve(ctx, listener))
}

// separateRelay is a relay in a process of its own.
type separateRelay struct {
	address string
	root    *x509.Certificate
	pid     int
}

// separateProgram is this test's program, without the race detector, which takes several times the memory.
func separateProgram(t *testing.T) string {
	t.Helper()
	if !underRaceDetector {
		return os.Args[0]
	}
	program := filepath.Join(t.TempDir(), "relay.test")
	if out, err := exec.Command("go", "test", "-c", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

func startSeparateRelay(t *testing.T) separateRelay {
	t.Helper()
	program := exec.Command(separateProgram(t))
	program.Env = append(os.Environ(), serveVariable+"=1")
	program.Stderr = os.Stderr
	stdin, err := program.StdinPipe()
	must(t, 0, err)
	stdout, err := program.StdoutPipe()
	must(t, 0, err)
	must(t, 0, program.Start())
	t.Cleanup(func() {
		stdin.Close()
		if err := program.Wait(); err != nil {
			t.Errorf("the relay ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	must(t, 0, err)
	address, encoded, _ := strings.Cut(strings.TrimSpace(line), " ")
	der, err := base64.StdEncoding.DecodeString(encoded)
	must(t, 0, err)
	root, err := x509.ParseCertificate(der)
	_, port, _ := net.SplitHostPort(address)
	return separateRelay{"localhost:" + port, must(t, root, err), program.Process.Pid}
}

// resident returns the relay's memory in bytes.
func (r *separateRelay) resident(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	must(t, 0, err)
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(rest)[0])
	return must(t, kilobytes, err) << 10
}

// stuckIn are the beginnings of a handshake that a connection gets stuck in;
// some get stuck in a header after it.
var stuckIn = []string{
	"",
	"\x16",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}

// hold keeps one connection half open, anew whenever it is cut off, and says
// once that it is there.
func (r *separateRelay) hold(ctx context.Context, kind int, there func()) {
	there = sync.OnceFunc(there)
	defer there()
	for ctx.Err() == nil {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, "tcp", r.address)
		if err != nil {
			continue
		}
		stop := context.AfterFunc(ctx, func() { conn.Close() })
		var stuck net.Conn = conn
		text := stuckIn[kind%len(stuckIn)]
		if kind%50 == 0 {
			stuck = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
			text = "POST /challenge HTTP/1.1\r\nHost: relay\r\nX-"
		}
		_, _ = io.WriteString(stuck, text)
		there()
		_, _ = io.Copy(io.Discard, stuck)
		stop()
		conn.Close()
	}
}

// members make clients that are logged in, and a session of them.
func (r *separateRelay) members(t *testing.T, count int) (clients []*Client, id SessionID) {
	t.Helper()
	for range count {
		c, err := NewClient(ClientConfig{URL: r.address, Key: generate(t), RootCAs: []*x509.Certificate{r.root}})
		must(t, 0, err)
		t.Cleanup(c.Close)
		must(t, 0, c.Login(t.Context()))
		clients = append(clients, c)
	}
	return clients, openSession(t, clients...)
}

// round has every member send to all others, and receive from them, and
// returns how long that took.
func round(t *testing.T, clients []*Client, id SessionID) time.Duration {
	start := time.Now()
	var all sync.WaitGroup
	for _, me := range clients {
		all.Go(func() {
			var others []commkey.PublicKey
			for _, c := range clients {
				if c != me {
					others = append(others, c.key.Public())
				}
			}
			if err := me.Send(t.Context(), id, others, []byte("round")); err != nil {
				t.Errorf("sending: %v", err)
				return
			}
			for got := 0; got < len(others); {
				messages, err := me.Receive(t.Context(), id, false)
				if err != nil {
					t.Errorf("receiving: %v", err)
					return
				}
				got += len(messages)
			}
		})
	}
	all.Wait()
	return time.Since(start)
}

// rounds returns how long the slowest of a hundred rounds but one took.
func rounds(t *testing.T, clients []*Client, id SessionID) time.Duration {
	t.Helper()
	var took []time.Duration
	for range 100 {
		took = append(took, round(t, clients, id))
	}
	slices.Sort(took)
	return took[len(took)-2]
}

// Members do not notice that a multitude keeps connections half open beside
// them, in ever new ones.
func TestHalfOpenConnections(t *testing.T) {
	count := 1000
	if text := os.Getenv(halfOpenVariable); text != "" {
		n, err := strconv.Atoi(text)
		count = must(t, n, err)
	}
	r := startSeparateRelay(t)
	clients, id := r.members(t, 3)
	idle := rounds(t, clients, id)

	ctx, stop := context.WithCancel(t.Context())
	var attack, arrived sync.WaitGroup
	for kind := range count {
		arrived.Add(1)
		attack.Go(func() { r.hold(ctx, kind, arrived.Done) })
	}
	arrived.Wait()
	busy := rounds(t, clients, id)
	late, lateID := r.members(t, 3) // new ones get in as well
	beside := rounds(t, late, lateID)
	memory := r.resident(t)
	stop()
	attack.Wait()
	t.Logf("%d half-open connections: 99 of 100 rounds within %v, without them %v, of members who came later %v; the relay takes %d MiB",
		count, busy, idle, beside, memory>>20)
	// A quarter of a second for a machine that does other things as well.
	if most := 2*idle + 250*time.Millisecond; max(busy, beside) > most {
		t.Errorf("99 of 100 rounds took %v and %v beside half-open connections, %v without: the members noticed", busy, beside, idle)
	}
	if memory > 256<<20 {
		t.Errorf("the relay takes %d bytes", memory)
	}
}
