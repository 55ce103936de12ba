package relay

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// sink takes an answer and keeps its status.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// prepared is a request that can be repeated without allocating.
type prepared struct {
	request *http.Request
	body    *strings.Reader
	text    string
	sink    sink
}

func prepare(b *testing.B, m member, path, body string) *prepared {
	b.Helper()
	p := &prepared{text: body, body: strings.NewReader(body), sink: sink{header: http.Header{}}}
	request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, path, io.NopCloser(p.body))
	if err != nil {
		b.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+m.token)
	p.request = request
	return p
}

func (p *prepared) do(b *testing.B, h http.Handler) {
	p.body.Reset(p.text)
	h.ServeHTTP(&p.sink, p.request)
	if p.sink.status != http.StatusOK {
		b.Fatalf("status %d", p.sink.status)
	}
}

// BenchmarkPair sends and receives a message of 600 bytes, without the network.
func BenchmarkPair(b *testing.B) {
	s := newTestServer(b, Config{Limits: Limits{CallRate: 1 << 30, CallBurst: 1 << 30}})
	from, to := as(b, s), as(b, s)
	id := from.call("/create_new_session", createBody(from, to)).id(b)
	send := prepare(b, from, "/send", sendBody(id, strings.Repeat("a5", 600), to))
	receive := prepare(b, to, "/receive", receiveBody(id))
	b.ReportAllocs()
	for b.Loop() {
		send.do(b, s)
		receive.do(b, s)
	}
}

// BenchmarkLogin answers and checks a challenge.
func BenchmarkLogin(b *testing.B) {
	s := newTestServer(b, Config{})
	c := caller{b, s, ""}
	key := generate(b)
	b.ReportAllocs()
	for b.Loop() {
		c.want(200, "access_token", "/login", loginBody(b, key, c.call("/challenge", "null").id(b)))
	}
}
