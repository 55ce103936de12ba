package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// gauge is an Observer that counts open connections.
type gauge struct {
	unobserved
	mu      sync.Mutex
	open    int
	refused map[string]int
	changed chan struct{} // gets a value at each change
}

func newGauge() *gauge { return &gauge{changed: make(chan struct{}, 1), refused: map[string]int{}} }

func (g *gauge) signal() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

func (g *gauge) Connections(delta int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open += delta
	g.signal()
}

func (g *gauge) Refused(limit string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refused[limit]++
	g.signal()
}

// wait waits until the condition holds.
func (g *gauge) wait(t *testing.T, what string, holds func(open int, refused map[string]int) bool) {
	t.Helper()
	timeout := time.After(20 * time.Second)
	for {
		g.mu.Lock()
		done, open := holds(g.open, g.refused), g.open
		g.mu.Unlock()
		if done {
			return
		}
		select {
		case <-g.changed:
		case <-timeout:
			t.Fatalf("%s: not after 20 s, with %d connections", what, open)
		}
	}
}

func (g *gauge) waitOpen(t *testing.T, want int) {
	t.Helper()
	g.wait(t, fmt.Sprintf("%d connections", want), func(open int, _ map[string]int) bool { return open == want })
}

// serveTCP serves a relay on loopback until the test ends.
func serveTCP(t *testing.T, s *Server) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return listener.Addr().String()
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// hurried are limits under which the slow are cut off soon.
var hurried = Limits{
	HeaderTimeout: 200 * time.Millisecond, BodyTimeout: 300 * time.Millisecond,
	WriteTimeout: 500 * time.Millisecond, IdleTimeout: 200 * time.Millisecond,
}

const postHead = "POST /challenge HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\n"

// Whoever is slow is cut off, whatever it is that takes so long.
func TestSlowClientsAreCutOff(t *testing.T) {
	for name, text := range map[string]string{
		"says nothing":         "",
		"half a request line":  "POST /chal",
		"half a header":        postHead + "X-",
		"idle":                 postHead + "Content-Length: 4\r\n\r\nnull",
		"half a body":          strings.Replace(postHead, "challenge", "login", 1) + "Content-Length: 4000\r\n\r\n{\"chal",
		"half a chunk of body": strings.Replace(postHead, "challenge", "login", 1) + "Transfer-Encoding: chunked\r\n\r\nfff\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			g := newGauge()
			address := serveTCP(t, newTestServer(t, Config{Limits: hurried, Observer: g}))
			conn := dial(t, address)
			if _, err := io.WriteString(conn, text); err != nil {
				t.Fatal(err)
			}
			g.waitOpen(t, 1)
			g.waitOpen(t, 0)
		})
	}
}

// Whoever asks and asks and never reads the answers is cut off, and what it
// asked for does not pile up.
func TestReaderThatNeverReads(t *testing.T) {
	g := newGauge()
	s := newTestServer(t, Config{Limits: hurried, Observer: g})
	a, b := as(t, s), as(t, s)
	id := create(t, a, b)
	message := strings.Repeat("ab", 60000)
	for range 20 {
		a.want(200, "", "/send", sendBody(id, message, b))
	}
	conn := dial(t, serveTCP(t, s))
	body := `{"session_id":"` + id + `","as_coordinator":false,"cursor":0}`
	request := strings.Replace(postHead, "challenge", "receive", 1) +
		fmt.Sprintf("Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", b.token, len(body), body)
	before := heapInUse()
	var err error
	for range 1000 { // half a gigabyte of answers
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err = io.WriteString(conn, request); err != nil {
			break
		}
	}
	g.waitOpen(t, 0)
	if grown := heapInUse() - before; grown > 5<<20 {
		t.Errorf("what was not read takes %d bytes", grown)
	}
	b.want(200, message, "/receive", receiveBody(id)) // nothing is lost
}

// heapInUse returns the bytes in use after a collection.
func heapInUse() int64 {
	var stats runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// endless is a body that does not end, and counts what was read of it.
type endless struct {
	fill byte
	read int
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.fill
	}
	e.read += len(p)
	if e.read > 1<<30 {
		return 0, errors.New("a gigabyte was read")
	}
	return len(p), nil
}

func TestBodyOfAGigabyte(t *testing.T) {
	m := as(t, newTestServer(t, Config{}))
	for _, length := range []int64{1 << 30, -1} { // said beforehand, or not
		body := &endless{fill: ' '}
		request := httptest.NewRequest("POST", "/send", body)
		request.ContentLength = length
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+m.token)
		if got := m.do(request); got.status != 500 || !strings.Contains(got.body, "request body is too big") {
			t.Errorf("length %d: %+v", length, got)
		}
		if body.read > 1<<20 {
			t.Errorf("length %d: %d bytes were read", length, body.read)
		}
	}
}

// A gigabyte over a connection is not read to its end either.
func TestGigabyteOverAConnection(t *testing.T) {
	g := newGauge()
	conn := dial(t, serveTCP(t, newTestServer(t, Config{Observer: g})))
	head := strings.Replace(postHead, "challenge", "login", 1) + "Content-Length: 1073741824\r\n\r\n"
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	g.waitOpen(t, 1)
	chunk := make([]byte, 1<<20)
	written := 0
	for ; written < 1<<30; written += len(chunk) {
		_ = conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
		if _, err := conn.Write(chunk); err != nil {
			break
		}
	}
	if written > 64<<20 { // what the kernel's buffers take is not the relay's
		t.Errorf("%d MiB were taken", written>>20)
	}
	g.waitOpen(t, 0)
}

// requestMemory is what no request may take, in bytes.
const requestMemory = 5 << 20

// No request takes much memory, whatever is in it: what it allocates in all is
// more than what it holds at once.
func TestMemoryOfOneRequest(t *testing.T) {
	s := newTestServer(t, Config{Limits: Limits{SessionsPerCreator: 1000, SessionsPerMember: 1000}})
	a := as(t, s)
	members := []member{a}
	for range 254 {
		members = append(members, member{hex: generate(t).Public().String()})
	}
	id := create(t, members...)
	const body = 192 << 10
	full := func(begin, fill, end string) string {
		return begin + strings.Repeat(fill, (body-len(begin)-len(end))/len(fill)) + end
	}
	for range 10 {
		a.want(200, "", "/send", sendBody(id, strings.Repeat("00", 65535), a))
	}
	for range 60 {
		create(t, a, members[1])
	}
	keyText := `"` + members[1].hex + `",`
	for name, call := range map[string][2]string{
		"a message for all":     {"/send", sendBody(id, strings.Repeat("00", 65535), members...)},
		"a page of messages":    {"/receive", `{"session_id":"` + id + `","as_coordinator":false,"cursor":0}`},
		"many sessions":         {"/list_sessions", "null"},
		"a session of 255":      {"/get_session_info", idBody(id)},
		"a new one of 255":      {"/create_new_session", createBody(members...)},
		"a key again and again": {"/create_new_session", full(`{"message_count":1,"pubkeys":[`, keyText, `"00"]}`)},
		"short keys":            {"/create_new_session", full(`{"message_count":1,"pubkeys":[`, `"00",`, `"00"]}`)},
		"recipients":            {"/send", full(`{"session_id":"`+id+`","msg":"","recipients":[`, keyText, keyText[:66]+`]}`)},
		"deep lists":            {"/send", full("", "[", "")},
		"deep lists, unknown":   {"/send", full(`{"x":`, "[", "")},
		"deep objects":          {"/send", full(`{"x":`, `{"a":`, "")},
		"many unknown fields":   {"/send", full("{", `"x":1,`, `"y":1}`)},
		"a long unknown name":   {"/send", full(`{"`, `x`, `":1}`)},
		"escapes":               {"/send", full(`{"`, `\u0041`, `":1}`)},
		"a long number":         {"/receive", full(`{"cursor":`, "9", "}")},
		"a long UUID":           {"/receive", full(`{"session_id":"`, "-", `"}`)},
		"white space":           {"/receive", full("", " ", "")},
		"a login":               {"/login", full(`{"challenge":"`+id+`","pubkey":"00","signature":"`, "00", `"}`)},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := a.call(call[0], call[1])
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; took > requestMemory {
			t.Errorf("%s: %d bytes allocated, at most %d wanted", name, took, requestMemory)
		}
		if got.status == 0 {
			t.Errorf("%s: no answer", name)
		}
	}
}

// Connections beyond the limits are closed at once, and counted.
func TestConnectionLimits(t *testing.T) {
	g := newGauge()
	s := newTestServer(t, Config{Limits: Limits{Conns: 3}, Observer: g})
	address := serveTCP(t, s)
	for range 3 {
		dial(t, address)
	}
	g.waitOpen(t, 3)
	if _, err := io.ReadAll(dial(t, address)); err != nil && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
		t.Errorf("the fourth connection: %v", err)
	}
	g.wait(t, "a refusal", func(_ int, refused map[string]int) bool { return refused["limit-connections"] == 1 })
}

// Connections are counted by address, loopback and proxies excepted.
func TestConnectionsPerAddress(t *testing.T) {
	g := newGauge()
	s := newTestServer(t, Config{Limits: Limits{ConnsPerAddress: 2}, Observer: g})
	l := newLimitedListener(nil, s)
	one, other := networksOf(parseAddress("192.0.2.1:1")), networksOf(parseAddress("192.0.2.2:1"))
	for i, want := range []string{"", "", "limit-address-connections"} {
		if got := l.enter(one); got != want {
			t.Errorf("connection %d: %q, want %q", i, got, want)
		}
	}
	if got := l.enter(other); got != "" {
		t.Errorf("another address: %q", got)
	}
	l.leave(one)
	if got := l.enter(one); got != "" {
		t.Errorf("after one left: %q", got)
	}
	for range 10 {
		if got := l.enter(Networks{}); got != "" {
			t.Errorf("a local connection: %q", got)
		}
	}
}

// Of too many half-open connections the address with the most loses its oldest; one over
// which a request came is none.
func TestHalfOpenGiveWay(t *testing.T) {
	g := newGauge()
	s := newTestServer(t, Config{Limits: Limits{HalfOpen: 3}, Observer: g})
	l := newLimitedListener(nil, s)
	many, few := parseAddress("192.0.2.1:1"), parseAddress("192.0.2.2:1")
	closed := map[string]bool{}
	open := func(name string, address netip.Addr) *limitedConn {
		return l.limit(closing{func() { closed[name] = true }}, networksOf(address))
	}
	first := open("first of many", many)
	first.opened()
	open("second of many", many)
	open("one of few", few)
	open("third of many", many)
	open("fourth of many", many)
	if len(closed) != 1 || !closed["second of many"] {
		t.Errorf("closed %v, want the second of many", closed)
	}
	open("fifth of many", many)
	if len(closed) != 2 || !closed["third of many"] {
		t.Errorf("closed %v, want the third of many as well", closed)
	}
	if g.refused["limit-half-open"] != 2 {
		t.Errorf("refused %v", g.refused)
	}
}

// closing is a connection that tells of its end.
type closing struct{ told func() }

func (c closing) Close() error { c.told(); return nil }

func (closing) Read([]byte) (int, error)         { return 0, io.EOF }
func (closing) Write(p []byte) (int, error)      { return len(p), nil }
func (closing) LocalAddr() net.Addr              { return nil }
func (closing) RemoteAddr() net.Addr             { return nil }
func (closing) SetDeadline(time.Time) error      { return nil }
func (closing) SetReadDeadline(time.Time) error  { return nil }
func (closing) SetWriteDeadline(time.Time) error { return nil }

// Members get in, although all places for half-open connections are taken.
func TestHalfOpenKeepNobodyOut(t *testing.T) {
	testHalfOpen(t, Limits{HalfOpen: 10})
	testHalfOpen(t, Limits{Conns: 12}) // of which 10 can be half open
}

func testHalfOpen(t *testing.T, limits Limits) {
	t.Helper()
	g := newGauge()
	s := newTestServer(t, Config{Limits: limits, Observer: g})
	address := serveTCP(t, s)
	for range 20 {
		dial(t, address)
	}
	g.wait(t, "ten gave way", func(_ int, refused map[string]int) bool { return refused["limit-half-open"] == 10 })
	for range 20 {
		c, err := NewClient(ClientConfig{URL: "http://" + address, Key: generate(t)})
		must(t, 0, err)
		must(t, 0, c.Login(t.Context()))
		c.Close()
	}
	g.waitOpen(t, 9) // one place was enough for all, one after another
}
