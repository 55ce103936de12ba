package docs_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay"
	"frostkit/relay/xeddsa"
)

var update = flag.Bool("update", false, "write into the documents what is made from the program")

var (
	codeBlock = regexp.MustCompile("(?ms)^```(request|response)\n(.*?)^```$")
	uuids     = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	signature = regexp.MustCompile(`"signature":"([0-9a-f]{128})"`)
	origin    = regexp.MustCompile(`"origin":"([^"]*)"`)
)

// apiExample is a request of the document, and the answer that it promises.
type apiExample struct{ request, response string }

func apiExamples(t *testing.T) (examples []apiExample) {
	t.Helper()
	blocks := codeBlock.FindAllStringSubmatch(read(t, "docs/relay-api.md"), -1)
	for i := 0; i+1 < len(blocks); i += 2 {
		if blocks[i][1] != "request" || blocks[i+1][1] != "response" {
			t.Fatalf("no answer follows\n%s", blocks[i][2])
		}
		examples = append(examples, apiExample{blocks[i][2], blocks[i+1][2]})
	}
	if len(blocks)%2 != 0 || len(examples) < 15 {
		t.Fatalf("%d blocks in relay-api.md", len(blocks))
	}
	return examples
}

// apiReader runs the document's examples against a relay. Values that the relay
// chooses differ from those of the document; real has them by those.
type apiReader struct {
	*testing.T
	relay http.Handler
	real  map[string]string
	keys  map[string]*commkey.PrivateKey // by the names of their owners
	calls map[string]bool
}

// member returns a key that depends on the name alone.
func (r *apiReader) member(name string) *commkey.PrivateKey {
	if r.keys[name] == nil {
		seed := sha256.Sum256([]byte(name))
		key, err := commkey.Generate(bytes.NewReader(seed[:]))
		if err != nil {
			r.Fatal(err)
		}
		r.keys[name] = key
	}
	return r.keys[name]
}

// translate puts the values of this run in place of the document's.
func (r *apiReader) translate(text string) string {
	return uuids.ReplaceAllStringFunc(text, func(id string) string {
		if real, known := r.real[id]; known {
			return real
		}
		return id
	})
}

// httpRequest makes the request that an example writes.
func (r *apiReader) httpRequest(text string) *http.Request {
	head, body, _ := strings.Cut(r.translate(text), "\n\n")
	lines := strings.Split(strings.TrimSpace(head), "\n")
	method, path, _ := strings.Cut(lines[0], " ")
	body = strings.TrimSuffix(body, "\n")
	if found := signature.FindStringSubmatch(body); found != nil {
		body = strings.Replace(body, found[1], r.sign(body), 1)
	}
	request := httptest.NewRequestWithContext(r.Context(), method, path, strings.NewReader(body))
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		request.Header.Set(name, value)
	}
	r.calls[strings.TrimPrefix(path, "/")] = true
	return request
}

// sign signs the challenge of a login by Alice.
func (r *apiReader) sign(login string) string {
	challenge := uuid.MustParse(uuids.FindString(login))
	text := challenge[:]
	if bound := origin.FindStringSubmatch(login); bound != nil {
		text = relay.LoginText(challenge, bound[1])
	}
	signed, err := xeddsa.Sign(rand.Reader, r.member("Alice"), text)
	if err != nil {
		r.Fatal(err)
	}
	return hex.EncodeToString(signed[:])
}

// run makes a request and compares the answer.
func (r *apiReader) run(example apiExample) {
	recorder := httptest.NewRecorder()
	r.relay.ServeHTTP(recorder, r.httpRequest(example.request))
	head, body, _ := strings.Cut(strings.TrimSuffix(example.response, "\n"), "\n\n")
	got := strings.TrimSuffix(recorder.Body.String(), "\n")
	r.bind(body, got)
	lines := strings.Split(strings.TrimSpace(head), "\n")
	if want := r.translate(body); got != want || fmt.Sprint(recorder.Code) != lines[0] {
		r.Errorf("%s\nis answered %d\n%s\nand not\n%s", example.request, recorder.Code, got, want)
	}
	for _, line := range lines[1:] {
		name, want, _ := strings.Cut(line, ": ")
		if value := recorder.Header().Get(name); value != r.translate(want) {
			r.Errorf("%s\nis answered with %s: %s, and not %s", example.request, name, value, want)
		}
	}
}

// bind notes what the relay chose for the values that the document has.
func (r *apiReader) bind(document, got string) {
	chosen := uuids.FindAllString(got, -1)
	for i, id := range uuids.FindAllString(document, -1) {
		if _, known := r.real[id]; !known && i < len(chosen) {
			r.real[id] = chosen[i]
		}
	}
}

// login logs a member in by calls that are not in the document.
func (r *apiReader) login(name string) string {
	call := func(path string, body any) string {
		data, err := json.Marshal(body)
		if err != nil {
			r.Fatal(err)
		}
		request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(data))
		request.Header.Set("Content-Type", "application/json")
		recorder := httptest.NewRecorder()
		r.relay.ServeHTTP(recorder, request)
		return uuids.FindString(recorder.Body.String())
	}
	challenge := uuid.MustParse(call("/challenge", nil))
	signed, err := xeddsa.Sign(rand.Reader, r.member(name), challenge[:])
	if err != nil {
		r.Fatal(err)
	}
	return call("/login", map[string]any{
		"challenge": challenge, "pubkey": r.member(name).Public(), "signature": hex.EncodeToString(signed[:]),
	})
}

// The tokens that the document writes.
const (
	aliceToken = "52a83a5c-33a9-4a4e-90e0-06c4ff0b52bd"
	bobToken   = "b1d4c9a0-7a52-4f1c-9a7e-6f3f2f7c1e55"
)

func TestRelayAPIExamples(t *testing.T) {
	server, err := relay.NewServer(relay.Config{Origins: []string{"https://relay.example:2744"}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	r := &apiReader{T: t, relay: server, real: map[string]string{}, keys: map[string]*commkey.PrivateKey{}, calls: map[string]bool{}}
	r.real[aliceToken], r.real[bobToken] = r.login("Alice"), r.login("Bob")
	text := read(t, "docs/relay-api.md")
	for _, name := range []string{"Alice", "Bob"} {
		if public := r.member(name).Public().String(); !strings.Contains(text, public) {
			t.Fatalf("the key of %s is %s, which relay-api.md does not name", name, public)
		}
	}
	for _, example := range apiExamples(t) {
		if strings.Contains(example.response, `"access_token"`) {
			delete(r.real, aliceToken) // here the document gets it
		}
		r.run(example)
	}
	for call := range callTable(text) {
		if !r.calls[call] {
			t.Errorf("relay-api.md has no example of %s", call)
		}
	}
}

// callTable returns the calls of the document's table.
func callTable(text string) map[string]bool {
	calls := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z_]+)`[^|]*\\|[^|]*\\|[^|]*\\|[^|]*\\|$").FindAllStringSubmatch(text, -1) {
		calls[row[1]] = true
	}
	return calls
}

// The document has the limits as the program has them.
func TestRelayAPILimits(t *testing.T) {
	var table strings.Builder
	table.WriteString("| flag | default | what it bounds | refusal |\n|---|---|---|---|\n")
	for _, limit := range relay.LimitTable() {
		fmt.Fprintf(&table, "| `--%s` | %s | %s | %s |\n", limit.Flag, limit.Default, strings.TrimSuffix(limit.Help, "."), limit.Refused)
	}
	const begin, end = "<!-- limits -->\n\n", "\n## Health"
	text := read(t, "docs/relay-api.md")
	before, rest, found := strings.Cut(text, begin)
	_, after, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatal("relay-api.md has no place for the limits")
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile("relay-api.md", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text != want {
		t.Errorf("relay-api.md has other limits than the relay: go test ./docs -run RelayAPILimits -update")
	}
}
