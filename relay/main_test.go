package relay

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"frostkit/commkey"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveVariable) != "" {
		serveUntilEOF()
		return
	}
	goleak.VerifyTestMain(m)
}

// newTestServer returns a server over a memory store.
func newTestServer(t testing.TB, config Config) *Server {
	t.Helper()
	s, err := NewServer(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// caller makes HTTP requests of a handler.
type caller struct {
	t       testing.TB
	handler http.Handler
	token   string // or empty
}

// reply is an HTTP answer.
type reply struct {
	status int
	header http.Header
	body   string
}

// call posts body to a path, with header lines such as "Prefer: wait=1".
func (c caller) call(path, body string, header ...string) reply {
	c.t.Helper()
	request := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	request.RemoteAddr = "127.0.0.1:50000"
	request.Header.Set("Content-Type", "application/json")
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	return c.do(request)
}

func (c caller) do(request *http.Request) reply {
	recorder := httptest.NewRecorder()
	c.handler.ServeHTTP(recorder, request)
	return reply{recorder.Code, recorder.Result().Header, recorder.Body.String()}
}

// want is call that expects a status and a part of the body.
func (c caller) want(status int, part, path, body string, header ...string) reply {
	c.t.Helper()
	got := c.call(path, body, header...)
	if got.status != status || !strings.Contains(got.body, part) {
		c.t.Fatalf("%s %.200s: status %d, body %.300q, want %d and %q", path, body, got.status, got.body, status, part)
	}
	return got
}

// id returns the UUID in an answer of one field.
func (r reply) id(t testing.TB) string {
	t.Helper()
	var fields map[string]uuid.UUID
	if err := json.Unmarshal([]byte(r.body), &fields); err != nil || len(fields) != 1 {
		t.Fatalf("answer %q is no UUID: %v", r.body, err)
	}
	for _, id := range fields {
		return id.String()
	}
	return ""
}

// member is somebody with a key and a token.
type member struct {
	caller
	key *commkey.PrivateKey
	hex string // the public key
}

// as returns a member with a token that no login gave.
func as(t testing.TB, s *Server) member {
	t.Helper()
	key := generate(t)
	token := uuid.New()
	putToken(t, s, token.String(), key.Public())
	return member{caller{t, s, token.String()}, key, key.Public().String()}
}

func generate(t testing.TB) *commkey.PrivateKey {
	t.Helper()
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func putToken(t testing.TB, s *Server, token string, owner commkey.PublicKey) {
	t.Helper()
	id := uuid.MustParse(token)
	if err := s.store.AddToken(t.Context(), sha256.Sum256(id[:]), Key(owner.Bytes()), Networks{}, &s.limits); err != nil {
		t.Fatal(err)
	}
}

// create opens a session of the members, the first of whom creates it.
func create(t testing.TB, members ...member) string {
	t.Helper()
	return members[0].want(200, "", "/create_new_session", createBody(members...)).id(t)
}

func createBody(members ...member) string {
	keys := make([]string, len(members))
	for i, m := range members {
		keys[i] = `"` + m.hex + `"`
	}
	return `{"pubkeys":[` + strings.Join(keys, ",") + `],"message_count":1}`
}

// sendBody is the request of send; no recipients stand for the coordinator.
func sendBody(session, msg string, recipients ...member) string {
	keys := make([]string, len(recipients))
	for i, m := range recipients {
		keys[i] = `"` + m.hex + `"`
	}
	return `{"session_id":"` + session + `","recipients":[` + strings.Join(keys, ",") + `],"msg":"` + msg + `"}`
}

func receiveBody(session string) string {
	return `{"session_id":"` + session + `","as_coordinator":false}`
}

func idBody(session string) string { return `{"session_id":"` + session + `"}` }

// readLines decodes a file of JSON lines.
func readLines[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "interop", name))
	if err != nil {
		t.Fatal(err)
	}
	var out []T
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var v T
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

var privkey = regexp.MustCompile(`(?m)^privkey = "([0-9a-f]{64})"$`)

// recordedKeys returns the keys of a ceremony's members by their public keys.
func recordedKeys(t testing.TB, ceremony string) map[string]*commkey.PrivateKey {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "interop", ceremony, "*.before.toml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no credentials of %s, %v", ceremony, err)
	}
	keys := map[string]*commkey.PrivateKey{}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		key, err := commkey.NewPrivateKey(unhex(t, string(privkey.FindSubmatch(b)[1])))
		if err != nil {
			t.Fatal(err)
		}
		keys[key.Public().String()] = key
	}
	return keys
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
