package relay

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"
)

// seedBodies adds the bodies that clients sent to frostd, and odd ones.
func seedBodies(f *testing.F, add func(path, body string)) {
	f.Helper()
	for _, c := range readLines[recordedCase](f, "server-answers.jsonl") {
		if c.Body != nil {
			add(c.Path, *c.Body)
		}
	}
	for _, c := range readLines[parserCase](f, "parser-answers.jsonl") {
		if len(c.BodyHex) < 4096 {
			add("/login", string(unhex(f, c.BodyHex)))
		}
	}
	for _, e := range readLines[recordedExchange](f, "n2t2/transcript.jsonl") {
		add(e.Path, e.Request)
	}
}

// newRequests makes one request of each type.
func newRequests() []decodable {
	return []decodable{
		&loginRequest{}, &createRequest{}, &sessionRequest{}, &closeRequest{}, &sendRequest{}, &receiveRequest{cursor: HandedOver},
	}
}

// encodeRequest writes a request as a client would.
func encodeRequest(request decodable) string {
	keys := func(list keyList) string {
		var texts []string
		for _, k := range list.keys {
			texts = append(texts, fmt.Sprintf(`"%x"`, k[:]))
		}
		return "[" + strings.Join(texts, ",") + "]"
	}
	switch r := request.(type) {
	case *loginRequest:
		return fmt.Sprintf(`{"challenge":"%s","pubkey":"%x","signature":"%x"}`, r.challenge, r.pubkey, r.signature)
	case *createRequest:
		return fmt.Sprintf(`{"pubkeys":%s,"message_count":%d}`, keys(r.pubkeys), r.messageCount)
	case *sessionRequest:
		return fmt.Sprintf(`{"session_id":"%s"}`, r.session)
	case *closeRequest:
		return fmt.Sprintf(`{"session_id":"%s","carry":%t}`, r.session, r.carry)
	case *sendRequest:
		return fmt.Sprintf(`{"session_id":"%s","recipients":%s,"msg":"%x"}`, r.session, keys(r.recipients), r.msg)
	case *receiveRequest:
		return fmt.Sprintf(`{"session_id":"%s","as_coordinator":%t,"cursor":%d}`, r.session, r.asCoordinator, r.cursor)
	}
	panic("an unknown request")
}

// What decodes encodes to what decodes to the same; what does not gets a text
// with a place in the body. encoding/json agrees on what is JSON.
func FuzzRequests(f *testing.F) {
	seedBodies(f, func(_, body string) { f.Add([]byte(body)) })
	f.Fuzz(func(t *testing.T, body []byte) {
		var d decoder
		again := newRequests()
		for i, request := range newRequests() {
			err := d.decode(body, request)
			var refused *bodyError
			switch {
			case errors.As(err, &refused):
				if !strings.Contains(refused.text, " at line ") || refused.status != 400 && refused.status != 422 {
					t.Errorf("%q: %d %s", body, refused.status, refused.text)
				}
				continue
			case err != nil:
				t.Fatalf("%q: %v", body, err)
			}
			if !json.Valid(body) {
				t.Errorf("%q is no JSON and decodes", body)
			}
			text := encodeRequest(request)
			if err := d.decode([]byte(text), again[i]); err != nil {
				t.Fatalf("%q encodes to %s, which does not decode: %v", body, text, err)
			}
			forgetMalformed(request)
			if !reflect.DeepEqual(request, again[i]) {
				t.Errorf("%q decodes to %+v, and encoded to %+v", body, request, again[i])
			}
		}
	})
}

// forgetMalformed clears what encodeRequest cannot write.
func forgetMalformed(request decodable) {
	switch r := request.(type) {
	case *createRequest:
		r.pubkeys.malformed = false
	case *sendRequest:
		r.recipients.malformed = false
	}
}

// Whatever is sent to whichever call, the relay answers it as frostd might.
func FuzzServer(f *testing.F) {
	paths := []string{"/challenge", "/login", "/logout", "/create_new_session", "/list_sessions", "/get_session_info", "/send", "/receive", "/close_session"}
	seedBodies(f, func(path, body string) { f.Add(path, body, "application/json", "wait=0", "", "") })
	f.Add("/receive", "null", "application/json; x", "wait=0;x, wait=9", `"key"`, `"tag"`)
	s := newTestServer(f, Config{})
	member := as(f, s)
	other := as(f, s)
	id := member.call("/create_new_session", createBody(member, other)).id(f)
	f.Fuzz(func(t *testing.T, path, body, kind, prefer, idempotency, tag string) {
		token := uuid.NewString() // a call may have been the logout
		putToken(t, s, token, member.key.Public())
		c := caller{t, s, token}
		for _, known := range paths {
			if path != known && strings.HasPrefix(path, "/") {
				continue
			}
			if seconds, ok := preferredWait([]string{prefer}); ok && seconds > 0 {
				prefer = "wait=0" // nothing comes
			}
			got := c.call(known, strings.ReplaceAll(body, answersSession, id), "Content-Type: "+kind, "Prefer: "+prefer,
				"Idempotency-Key: "+idempotency, "If-None-Match: "+tag)
			switch got.status {
			case 200, 400, 415, 422:
			case 500:
				if refusal := readRefusal([]byte(got.body)); refusal == nil || refusal.Code == unknownCode {
					t.Errorf("%s %q: answered %q", known, body, got.body)
				}
			default:
				t.Errorf("%s %q: status %d", known, body, got.status)
			}
		}
	})
}

// A client survives whatever a relay answers.
func FuzzAnswers(f *testing.F) {
	for _, e := range readLines[recordedExchange](f, "n2t2/transcript.jsonl") {
		f.Add(e.Status, []byte(e.Response), "")
	}
	for _, c := range readLines[recordedCase](f, "server-answers.jsonl") {
		f.Add(c.Status, []byte(c.Answer), "wait=60, grace=60, cursor, idempotency")
	}
	f.Add(502, []byte("<html>"), "grace=x,,=")
	key := generate(f)
	f.Fuzz(func(t *testing.T, status int, body []byte, extensions string) {
		c, err := NewClient(ClientConfig{URL: "localhost:2744", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		c.token, c.extensions, c.proxied = "a token", parseExtensions(extensions), 0
		c.http.Transport = answering{status, body, extensions}
		ids, err := c.Sessions(t.Context())
		if err == nil && status != 200 {
			t.Errorf("sessions %v with status %d", ids, status)
		}
		if info, err := c.SessionInfo(t.Context(), SessionID{}); err == nil && info.Coordinator.IsZero() {
			t.Errorf("session info %+v", info)
		}
		if id, err := c.CreateSession(t.Context(), nil, 1); err == nil && id == uuid.Nil {
			t.Error("created a session without an id")
		}
		messages, _, err := c.receive(t.Context(), boxID{})
		for _, m := range messages {
			if m.Sender.IsZero() || err != nil {
				t.Errorf("message %v, %v", m, err)
			}
		}
	})
}

// answering is a relay that always says the same.
type answering struct {
	status     int
	body       []byte
	extensions string
}

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	header := http.Header{extensionsHeader: {a.extensions}, "Preference-Applied": {a.extensions}}
	return &http.Response{StatusCode: a.status, Header: header, Body: readCloser{strings.NewReader(string(a.body))}}, nil
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

func FuzzPreferHeader(f *testing.F) {
	for _, value := range []string{"wait=30", "respond-async, wait=10", "Wait = 5 ; x=1", `wait="7"`, "wait", "wait=-1", "wait=99999999999999999999", "wait=1,wait=2", ",=;", ""} {
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value string) {
		seconds, ok := preferredWait([]string{value})
		if seconds < 0 || !ok && seconds != 0 {
			t.Errorf("%q: %d, %t", value, seconds, ok)
		}
	})
}

func TestPreferHeader(t *testing.T) {
	for _, c := range []struct {
		values  []string
		seconds int
		ok      bool
	}{
		{[]string{"wait=30"}, 30, true},
		{[]string{"respond-async, wait=10"}, 10, true},
		{[]string{"respond-async", "wait=10"}, 10, true},
		{[]string{"Wait = 5 ; x=1"}, 5, true},
		{[]string{`wait="7"`}, 7, true},
		{[]string{"wait=1, wait=2"}, 1, true},
		{[]string{"wait"}, 0, false},
		{[]string{"wait=-1"}, 0, false},
		{[]string{"wait=soon"}, 0, false},
		{[]string{"waiting=3"}, 0, false},
		{[]string{"x=\"a, wait=3\""}, 3, true}, // quoted commas are not looked for
		{nil, 0, false},
	} {
		if seconds, ok := preferredWait(c.values); seconds != c.seconds || ok != c.ok {
			t.Errorf("%q: %d, %t, want %d, %t", c.values, seconds, ok, c.seconds, c.ok)
		}
	}
}

func TestEncodedMessages(t *testing.T) {
	sender := Key{0: 0xab}
	got := string(appendMessages(nil, []StoredMessage{{sender, []byte{0, 0xff}, true}, {sender, nil, false}}, 7))
	want := `{"msgs":[{"sender":"` + hex.EncodeToString(sender[:]) + `","msg":"00ff","keeps_early":true},{"sender":"` +
		hex.EncodeToString(sender[:]) + `","msg":""}],"cursor":7}`
	if got != want {
		t.Errorf("encoded %s, want %s", got, want)
	}
}
