package relay

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// recordedCase is one of the requests of server-answers.jsonl.
type recordedCase struct {
	Case, Method, Path string
	Headers            map[string]string
	Body               *string
	Status             int
	ContentType        *string `json:"content_type"`
	Answer             string
}

// The members and the session of server-answers.jsonl, as its answers show them.
const (
	answersCoordinator = "a4b99ad93872e707f546fe04e25f0ec0812dea9aee742ab39699c5ec48fe6765"
	answersMember      = "736052dea3571f0c18b06de30dcd94c149510533e8142fccb870a00bf5651e28"
	answersOutsider    = "979c5adefc5a882e631df9c48849e142d25dc7230147b15a70889c4db8fb8167"
	answersSession     = "143b5e60-8568-45a6-9a30-9e21bdeefe14"
)

var answersTokens = map[string]string{
	answersCoordinator: "287e14b4-939b-430c-9fa5-a847918cefe9",
	answersMember:      "388d4c79-6e31-4da2-98fd-4ab78b42464f",
	answersOutsider:    "ac9e03f2-a018-4213-bde9-d9ea106bd962",
}

func publicKey(t testing.TB, text string) commkey.PublicKey {
	t.Helper()
	key, err := commkey.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// newAnswersServer has the state in which frostd was when it was recorded.
func newAnswersServer(t *testing.T) *Server {
	s := newTestServer(t, Config{})
	for key, token := range answersTokens {
		putToken(t, s, token, publicKey(t, key))
	}
	coordinator, member := Key(unhex(t, answersCoordinator)), Key(unhex(t, answersMember))
	putSession(t, s, answersSession, coordinator, member)
	return s
}

func putSession(t *testing.T, s *Server, id string, members ...Key) {
	t.Helper()
	session := &Session{ID: uuid.MustParse(id), Members: members, Coordinator: members[0], MessageCount: 1}
	if err := s.store.CreateSession(t.Context(), session, &s.limits); err != nil {
		t.Fatal(err)
	}
}

// fill completes the two cases whose bodies are too long to be shown: a message
// of that many bytes in an open session.
func (c *recordedCase) fill(t *testing.T, s *Server) {
	t.Helper()
	bytes := map[string]int{"send of 65,536 bytes (body not shown)": 65536, "send of 65,535 bytes (body not shown)": 65535}[c.Case]
	if bytes == 0 {
		return
	}
	session := uuid.NewString()
	putSession(t, s, session, Key(unhex(t, answersCoordinator)), Key(unhex(t, answersMember)))
	body := `{"session_id":"` + session + `","recipients":["` + answersMember + `"],"msg":"` + strings.Repeat("00", bytes) + `"}`
	c.Body = &body
	c.Headers = map[string]string{
		"Content-Type":  "application/json",
		"Authorization": "Bearer " + answersTokens[answersCoordinator],
	}
	if c.Status == 500 {
		c.ContentType = new(string)
		*c.ContentType = "application/json"
	}
}

var randomAnswer = regexp.MustCompile(`"(challenge)":"[0-9a-f-]{36}"`)

// shape replaces what is random in an answer.
func shape(answer string) string { return randomAnswer.ReplaceAllString(answer, `"$1":UUID`) }

// Every case has the answer of frostd. That ours delivers what is queued after
// a close could show in the cases after one only, and there nothing is queued.
func TestAnswersOfFrostd(t *testing.T) {
	s := newAnswersServer(t)
	cases := readLines[recordedCase](t, "server-answers.jsonl")
	if len(cases) != 49 {
		t.Fatalf("%d cases, want 49", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Case, func(t *testing.T) {
			c.fill(t, s)
			body := ""
			if c.Body != nil {
				body = *c.Body
			}
			request := httptest.NewRequest(c.Method, c.Path, strings.NewReader(body))
			for name, value := range c.Headers {
				request.Header.Set(name, value)
			}
			got := caller{t, s, ""}.do(request)
			if got.status != c.Status || shape(got.body) != shape(c.Answer) {
				t.Errorf("answered %d %q, want %d %q", got.status, got.body, c.Status, c.Answer)
			}
			want := ""
			if c.ContentType != nil {
				want = *c.ContentType
			}
			if kind := got.header.Get("Content-Type"); kind != want {
				t.Errorf("content type %q, want %q", kind, want)
			}
		})
	}
}

// parserCase is a body as frostd read it.
type parserCase struct {
	ContentType *string `json:"content_type_sent"`
	BodyHex     string  `json:"body_hex"`
	Body        string
	Status      int
	Answer      string
}

// strictCases are bodies that serde_json takes and we refuse, or the other way
// round: arrays in place of objects, anything after the object, and the prefix
// of a URN in upper case. No client sends them.
var strictCases = map[string]int{
	`[]`: 422,
	`["2d0907fea9f442c286d146ce9eab40c1","00","00"]`:                                   422,
	`["2d0907fea9f442c286d146ce9eab40c1","00"]`:                                        422,
	`{"challenge":"2d0907fea9f442c286d146ce9eab40c1","pubkey":"00","signature":"00"}x`: 400,
	`{"challenge":"2d0907fea9f442c286d146ce9eab40c1","pubkey":"00","signature":"00"},`: 400,
	`{"challenge":"URN:UUID:2d0907fe-a9f4-42c2-86d1-46ce9eab40c1"}`:                    422,
}

func TestBodiesAreReadAsFrostdReadsThem(t *testing.T) {
	s := newTestServer(t, Config{})
	for _, c := range readLines[parserCase](t, "parser-answers.jsonl") {
		request := httptest.NewRequest("POST", "/login", strings.NewReader(string(unhex(t, c.BodyHex))))
		if c.ContentType != nil {
			request.Header.Set("Content-Type", *c.ContentType)
		}
		got := caller{t, s, ""}.do(request)
		status, strict := strictCases[c.Body]
		if !strict {
			status = c.Status
		}
		if got.status != status {
			t.Errorf("%q: status %d %q, want %d %q", c.Body, got.status, got.body, status, c.Answer)
		}
		// Of a body that is no JSON only the kind of error is the same.
		if !strict && status != 400 && got.body != c.Answer {
			t.Errorf("%q: answered\n%s, want\n%s", c.Body, got.body, c.Answer)
		}
		if status == 400 && !strings.HasPrefix(got.body, "Failed to parse the request body as JSON: ") {
			t.Errorf("%q: answered %q", c.Body, got.body)
		}
	}
}

// recordedExchange is one line of a transcript.
type recordedExchange struct {
	Path, Request, Response string
	Auth                    *string
	Status                  int
	ContentType             *string `json:"content_type"`
}

// replayer repeats a transcript with our random values in place of frostd's.
type replayer struct {
	caller
	keys  map[string]*commkey.PrivateKey
	ours  map[string]string // by frostd's value
	count map[string]int    // exchanges by path
}

var ids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// translate replaces frostd's random values by ours.
func (r *replayer) translate(text string) string {
	return ids.ReplaceAllStringFunc(text, func(id string) string {
		if ours, ok := r.ours[id]; ok {
			return ours
		}
		r.t.Fatalf("%s was not answered before it is used", id)
		return ""
	})
}

// sign puts our member's signature into a login.
func (r *replayer) sign(request string) string {
	var login struct {
		Challenge         uuid.UUID
		Pubkey, Signature string
	}
	if err := json.Unmarshal([]byte(request), &login); err != nil {
		r.t.Fatal(err)
	}
	signature, err := xeddsa.Sign(rand.Reader, r.keys[login.Pubkey], login.Challenge[:])
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.Replace(request, login.Signature, hex.EncodeToString(signature[:]), 1)
}

func (r *replayer) replay(e recordedExchange) {
	r.t.Helper()
	r.count[e.Path]++
	request := r.translate(e.Request)
	if e.Path == "/login" {
		request = r.sign(request)
	}
	r.token = ""
	if e.Auth != nil {
		r.token = r.translate(strings.TrimPrefix(*e.Auth, "Bearer "))
	}
	got := r.call(e.Path, request)
	switch e.Path {
	case "/challenge", "/login", "/create_new_session":
		theirs, ours := ids.FindString(e.Response), ids.FindString(got.body)
		r.ours[theirs] = ours
	}
	want := r.translate(e.Response)
	if got.status != e.Status || inOrder(r.t, got.body) != inOrder(r.t, want) {
		r.t.Errorf("%s %s: answered %d %s, want %d %s", e.Path, request, got.status, got.body, e.Status, want)
	}
	kind := ""
	if e.ContentType != nil {
		kind = *e.ContentType
	}
	if got := got.header.Get("Content-Type"); got != kind {
		r.t.Errorf("%s: content type %q, want %q", e.Path, got, kind)
	}
}

// inOrder sorts the messages in an answer of receive: two that were sent at the
// same time were recorded in either order.
func inOrder(t testing.TB, answer string) string {
	if !strings.HasPrefix(answer, `{"msgs":`) {
		return answer
	}
	var received struct {
		Msgs []json.RawMessage `json:"msgs"`
	}
	if err := json.Unmarshal([]byte(answer), &received); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(received.Msgs, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	sorted, err := json.Marshal(received)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func TestTranscriptsOfFrostClient(t *testing.T) {
	for _, ceremony := range []string{"n2t2", "n3t2", "n3t2-redpallas"} {
		t.Run(ceremony, func(t *testing.T) {
			r := &replayer{
				caller: caller{t: t, handler: newTestServer(t, Config{})},
				keys:   recordedKeys(t, ceremony),
				ours:   map[string]string{},
				count:  map[string]int{},
			}
			for _, e := range readLines[recordedExchange](t, ceremony+"/transcript.jsonl") {
				r.replay(e)
			}
			for path := range calls {
				if r.count[path] == 0 && path != "/leave_session" { // which frostd does not have
					t.Errorf("the transcript has no %s", path)
				}
			}
		})
	}
}
