package relay

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/internal/testlog"
)

// rawConnection is for speaking HTTP by hand with a relay that Serve runs.
func rawConnection(t *testing.T, n *network) net.Conn {
	t.Helper()
	conn, err := n.current().dial(t.Context())
	return must(t, conn, err)
}

func TestServeCutsSlowClients(t *testing.T) {
	const head = "POST /challenge HTTP/1.1\r\nHost: relay\r\n"
	for name, c := range map[string]struct {
		sent string
		cut  time.Duration
	}{
		"nothing":       {"", time.Minute},
		"half a header": {head, time.Minute},
		"half a body": {
			"POST /login HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{",
			75 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				defer n.serve(t, newTestServer(t, Config{}))()
				conn := rawConnection(t, n)
				defer conn.Close()
				must(t, 0, justError(io.WriteString(conn, c.sent)))
				took := elapsed(func() { _, _ = io.ReadAll(conn) })
				if took != c.cut {
					t.Errorf("cut after %v, want %v", took, c.cut)
				}
			})
		})
	}
}

func justError(_ int, err error) error { return err }

func TestServeCutsIdleClientsAndSlowReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serve(t, newTestServer(t, Config{}))()
		conn := rawConnection(t, n)
		defer conn.Close()
		must(t, 0, justError(io.WriteString(conn, "POST /challenge HTTP/1.1\r\nHost: relay\r\n\r\n")))
		took := elapsed(func() { _, _ = io.ReadAll(conn) })
		if took != time.Minute {
			t.Errorf("an idle connection was cut after %v, want 1m", took)
		}
		// A pipe has no buffer: the answer stays with the relay.
		deaf := rawConnection(t, n)
		defer deaf.Close()
		must(t, 0, justError(io.WriteString(deaf, "POST /challenge HTTP/1.1\r\nHost: relay\r\n\r\n")))
		time.Sleep(136 * time.Second)
		if answer, _ := io.ReadAll(deaf); len(answer) != 0 {
			t.Errorf("a slow reader still got %q", answer)
		}
	})
}

// A long poll outlives the timeouts of ordinary calls.
func TestServeLetsLongPollsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		s := newTestServer(t, Config{Limits: Limits{WriteTimeout: time.Second, MaxWait: 5 * time.Minute}})
		defer n.serve(t, s)()
		a, b := as(t, s), as(t, s)
		id := create(t, a, b)
		conn := rawConnection(t, n)
		defer conn.Close()
		body := receiveBody(id)
		must(t, 0, justError(fmt.Fprintf(conn, "POST /receive HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"+
			"Authorization: Bearer %s\r\nPrefer: wait=120\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", b.token, len(body), body)))
		go func() {
			time.Sleep(100 * time.Second)
			a.want(200, "", "/send", sendBody(id, "aa", b))
		}()
		var answer []byte
		took := elapsed(func() { answer, _ = io.ReadAll(conn) })
		if took != 100*time.Second || !strings.Contains(string(answer), `"msg":"aa"`) {
			t.Errorf("after %v: %q", took, answer)
		}
	})
}

// waitingGauge counts long polls.
type waitingGauge struct {
	unobserved
	waiting atomic.Int64
}

func (g *waitingGauge) Waiting(delta int) { g.waiting.Add(int64(delta)) }

// A long poll ends with its client, whatever the connection carried before.
func TestServeNoticesThatAClientHangsUp(t *testing.T) {
	for _, path := range []string{"/receive", "/list_sessions"} {
		t.Run(path[1:], func(t *testing.T) { synctest.Test(t, func(t *testing.T) { noticesHangingUp(t, path) }) })
	}
}

func noticesHangingUp(t *testing.T, path string) {
	n, gauge := &network{}, &waitingGauge{}
	s := newTestServer(t, Config{Observer: gauge})
	defer n.serve(t, s)()
	a, b := as(t, s), as(t, s)
	body := receiveBody(create(t, a, b))
	if path == "/list_sessions" {
		b, body = as(t, s), "null" // who has no session to tell of
	}
	conn := rawConnection(t, n)
	answers := bufio.NewReader(conn)
	for _, seconds := range []int{1, 50} {
		must(t, 0, justError(fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"+
			"Authorization: Bearer %s\r\nPrefer: wait=%d\r\nContent-Length: %d\r\n\r\n%s", path, b.token, seconds, len(body), body)))
		synctest.Wait()
		if gauge.waiting.Load() != 1 {
			t.Fatalf("a long poll of %d s does not wait", seconds)
		}
		if seconds == 1 {
			answer, err := http.ReadResponse(answers, nil)
			_, _ = io.Copy(io.Discard, must(t, answer, err).Body)
		}
	}
	must(t, 0, conn.Close())
	synctest.Wait()
	if gauge.waiting.Load() != 0 {
		t.Error("a long poll waits on for a client that hung up")
	}
}

func TestServeLimitsConnectionsOfAnAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serve(t, newTestServer(t, Config{Limits: Limits{ConnsPerAddress: 2}}))()
		from := func(address string) net.Conn {
			conn, err := n.current().dialFrom(t.Context(), net.TCPAddrFromAddrPort(netip.MustParseAddrPort(address)))
			return must(t, conn, err)
		}
		answers := func(conn net.Conn) bool {
			defer conn.Close()
			_, err := io.WriteString(conn, "POST /challenge HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
			answer, _ := io.ReadAll(conn)
			return err == nil && strings.Contains(string(answer), "200 OK")
		}
		first, second := from("192.0.2.1:1"), from("192.0.2.1:2")
		defer second.Close()
		if answers(from("192.0.2.1:3")) {
			t.Error("a third connection was answered")
		}
		if !answers(from("192.0.2.2:1")) {
			t.Error("another address was not answered")
		}
		if !answers(first) {
			t.Error("the first connection was not answered")
		}
		synctest.Wait() // for the relay to notice that the connection is closed
		if !answers(from("192.0.2.1:4")) {
			t.Error("the place that became free was not given away")
		}
		six, seven := from("[2001:db8::1]:1"), from("[2001:db8::2]:1")
		defer six.Close()
		defer seven.Close()
		if answers(from("[2001:db8::3]:1")) {
			t.Error("a third connection of a network of IPv6 was answered")
		}
		answered := 0
		for _, address := range networksOfASite(10) {
			conn := from(address)
			defer conn.Close()
			if _, err := io.WriteString(conn, "POST /challenge HTTP/1.1\r\nHost: relay\r\n\r\n"); err == nil {
				if _, err := conn.Read(make([]byte, 1)); err == nil {
					answered++
				}
			}
		}
		if answered != 4 {
			t.Errorf("%d connections of 10 networks of one site were answered, want 4", answered)
		}
		for range 5 {
			local := from("127.0.0.1:1")
			defer local.Close()
		}
		if !answers(from("127.0.0.1:1")) {
			t.Error("loopback was counted")
		}
	})
}

func TestServeDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		s := newTestServer(t, Config{})
		stop := n.serve(t, s)
		c := n.client(t, nil)
		other := n.client(t, nil)
		must(t, 0, c.Login(t.Context()))
		id := openSession(t, c, other)
		waiting := make(chan error, 1)
		go func() {
			_, err := c.post(t.Context(), call{name: "receive", body: []byte(receiveBody(id.String())), wait: true}, c.token)
			waiting <- err
		}()
		synctest.Wait()
		if took := elapsed(stop); took > time.Second {
			t.Errorf("draining took %v", took)
		}
		if err := <-waiting; err != nil {
			t.Errorf("the long poll ended with %v", err)
		}
	})
}

// A call whose body never comes holds the end up no longer than others may take,
// and is no failure of the relay's.
func TestServeCutsWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testlog.Buffer
		n := &network{}
		limits := Limits{BodyTimeout: time.Hour}
		stop := n.serve(t, newTestServer(t, Config{Limits: limits, Logger: slog.New(slog.NewTextHandler(&log, nil))}))
		conn := rawConnection(t, n)
		defer conn.Close()
		must(t, 0, justError(io.WriteString(conn, "POST /challenge HTTP/1.1\r\nHost: relay\r\nContent-Length: 10\r\n\r\n{")))
		synctest.Wait()
		if took := elapsed(stop); took < drainTime || took > drainTime+time.Second {
			t.Errorf("ending took %v, want %v", took, drainTime)
		}
		if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "connections=1") {
			t.Errorf("logged %s", log.String())
		}
	})
}
