package relay

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// loginBody signs a challenge.
func loginBody(t testing.TB, key *commkey.PrivateKey, challenge string) string {
	t.Helper()
	id := uuid.MustParse(challenge)
	signature, err := xeddsa.Sign(rand.Reader, key, id[:])
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"challenge":"%s","pubkey":"%s","signature":"%s"}`, challenge, key.Public(), hex.EncodeToString(signature[:]))
}

func TestChallengesLiveAMinuteAndServeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := caller{t, newTestServer(t, Config{}), ""}
		key := generate(t)
		body := loginBody(t, key, c.want(200, "challenge", "/challenge", "null").id(t))
		time.Sleep(59 * time.Second)
		c.token = c.want(200, "access_token", "/login", body).id(t)
		c.want(200, "session_ids", "/list_sessions", "null")
		c.want(500, `"Unauthorized"`, "/login", body)

		late := loginBody(t, key, c.want(200, "challenge", "/challenge", "null").id(t))
		time.Sleep(time.Minute)
		c.want(500, `"Unauthorized"`, "/login", late)
	})
}

func TestChallengesAreOurs(t *testing.T) {
	c := caller{t, newTestServer(t, Config{}), ""}
	other := caller{t, newTestServer(t, Config{}), ""}
	key := generate(t)
	ours := c.want(200, "challenge", "/challenge", "null").id(t)
	for name, challenge := range map[string]string{
		"invented":         uuid.NewString(),
		"of another relay": other.want(200, "challenge", "/challenge", "null").id(t),
		"altered":          "f" + ours[1:],
	} {
		if got := c.call("/login", loginBody(t, key, challenge)); !strings.Contains(got.body, "Unauthorized") {
			t.Errorf("a challenge %s: %q", name, got.body)
		}
	}
	seen := map[string]bool{ours: true}
	for range 1000 {
		id := c.call("/challenge", "null").id(t)
		if seen[id] {
			t.Fatalf("challenge %s came twice", id)
		}
		seen[id] = true
	}
}

// A relay over the same store takes the challenges of the other.
func TestRelaysShareAStore(t *testing.T) {
	store := NewMemoryStore()
	one := caller{t, newTestServer(t, Config{Store: store}), ""}
	two := caller{t, newTestServer(t, Config{Store: store}), ""}
	body := loginBody(t, generate(t), one.call("/challenge", "null").id(t))
	two.token = two.want(200, "access_token", "/login", body).id(t)
	one.want(500, "Unauthorized", "/login", body)
	one.token = two.token
	one.want(200, "session_ids", "/list_sessions", "null")
}

func TestLoginRefusesWithOneText(t *testing.T) {
	c := caller{t, newTestServer(t, Config{}), ""}
	key := generate(t)
	good := loginBody(t, key, c.call("/challenge", "null").id(t))
	stranger := generate(t).Public().String()
	lowOrder := strings.Repeat("00", 32)
	alias := "09" + strings.Repeat("00", 30) + "80"
	unauthorized := c.want(500, "Unauthorized", "/login", loginBody(t, key, uuid.NewString())).body
	for _, pubkey := range []string{stranger, lowOrder, alias} {
		body := strings.Replace(good, key.Public().String(), pubkey, 1)
		if got := c.call("/login", body); got.body != unauthorized {
			t.Errorf("key %s: %q, want %q", pubkey, got.body, unauthorized)
		}
	}
	c.want(200, "access_token", "/login", good) // the refused ones did not spend it
}

func TestTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		m := as(t, s)
		time.Sleep(time.Hour - time.Second)
		m.want(200, "session_ids", "/list_sessions", "null")
		time.Sleep(2 * time.Second)
		m.want(500, "Unauthorized", "/list_sessions", "null")
	})
}

func TestBearerTokens(t *testing.T) {
	m := as(t, newTestServer(t, Config{}))
	token := m.token
	m.token = ""
	for header, status := range map[string]int{
		"Authorization: Bearer " + token:                              200,
		"Authorization: bearer   " + token:                            200,
		"Authorization: Bearer " + strings.ReplaceAll(token, "-", ""): 200,
		"Authorization: " + token:                                     500,
		"Authorization: Bearer":                                       500,
		"Authorization: Bearer x" + token:                             500,
		"Authorization: Basic " + token:                               500,
	} {
		m.want(status, "", "/list_sessions", "null", header)
	}
}

func TestMembersOfASession(t *testing.T) {
	s := newTestServer(t, Config{Limits: Limits{Members: 3}})
	a, b, c, d := as(t, s), as(t, s), as(t, s), as(t, s)
	low, alias := a, a
	low.hex = "01" + strings.Repeat("00", 31)
	alias.hex = "ee" + strings.Repeat("ff", 30) + "7f"
	short := a
	short.hex = "aabbcc"
	for name, members := range map[string][]member{
		"none": {}, "one": {a}, "four": {a, b, c, d}, "twice": {a, b, a},
		"of low order": {a, low}, "not canonical": {a, alias}, "short": {a, short},
	} {
		if got := a.call("/create_new_session", createBody(members...)); got.status != 500 || !strings.Contains(got.body, `"InvalidArgument"`) {
			t.Errorf("members %s: %d %q", name, got.status, got.body)
		}
	}
	// The coordinator need not be a member.
	id := a.want(200, "", "/create_new_session", createBody(b, c)).id(t)
	a.want(200, `"coordinator_pubkey":"`+a.hex+`"`, "/get_session_info", idBody(id))
	b.want(200, id, "/list_sessions", "null")
	a.want(200, id, "/list_sessions", "null")
	a.want(500, "NotInSession", "/send", sendBody(id, "00", a))
	b.want(200, "", "/send", sendBody(id, "0b"))
	a.want(200, `"msg":"0b"`, "/receive", `{"session_id":"`+id+`","as_coordinator":true}`)
	d.want(500, "SessionNotFound", "/close_session", idBody(id))
	b.want(500, "NotCoordinator", "/close_session", idBody(id))
	a.want(200, "null", "/close_session", idBody(id))
}

func TestRecipients(t *testing.T) {
	s := newTestServer(t, Config{})
	a, b, stranger := as(t, s), as(t, s), as(t, s)
	id := create(t, a, b)
	short := b
	short.hex = "aabbcc"
	many := make([]member, 2000)
	for i := range many {
		many[i] = b
	}
	a.want(500, "NotInSession", "/send", sendBody(id, "00", b, stranger))
	a.want(500, "NotInSession", "/send", sendBody(id, "00", short))
	a.want(500, "InvalidArgument", "/send", sendBody(id, "00", b, b))
	a.want(500, "InvalidArgument", "/send", sendBody(id, "00", many...))
	b.want(200, `{"msgs":[]}`, "/receive", receiveBody(id))
	a.want(200, "", "/send", sendBody(id, "00", a, b))
	a.want(200, `"00"`, "/receive", receiveBody(id))
	b.want(200, `"00"`, "/receive", receiveBody(id))
}

func TestSizeOfABody(t *testing.T) {
	m := as(t, newTestServer(t, Config{}))
	const limit = 192 << 10
	fits := `{"session_id":"` + strings.Repeat(" ", limit-17) + `"}`
	m.want(422, "UUID", "/get_session_info", fits)
	m.want(500, "request body is too big", "/get_session_info", fits+" ")
	// The same without a length beforehand.
	request := httptest.NewRequest("POST", "/get_session_info", io.MultiReader(strings.NewReader(fits), strings.NewReader(" ")))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+m.token)
	if got := m.do(request); got.status != 500 || !strings.Contains(got.body, "too big") {
		t.Errorf("answered %d %q", got.status, got.body)
	}
	request = httptest.NewRequest("POST", "/send", iotest.ErrReader(io.ErrUnexpectedEOF))
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+m.token)
	if got := m.do(request); got.status != 400 {
		t.Errorf("a body that breaks off: %d %q", got.status, got.body)
	}
}

func TestIdempotencyKeys(t *testing.T) {
	s := newTestServer(t, Config{})
	a, b := as(t, s), as(t, s)
	key := `Idempotency-Key: "` + uuid.NewString() + `"`
	body := createBody(a, b)
	id := a.want(200, "", "/create_new_session", body, key).id(t)
	if again := a.want(200, "", "/create_new_session", body, key).id(t); again != id {
		t.Errorf("the repeated call created %s beside %s", again, id)
	}
	if other := b.want(200, "", "/create_new_session", body, key).id(t); other == id {
		t.Error("two members created the same session")
	}
	for range 2 {
		a.want(200, "", "/send", sendBody(id, "aa", b), key)
	}
	a.want(200, "", "/send", sendBody(id, "bb", b))
	b.want(200, `{"msgs":[{"sender":"`+a.hex+`","msg":"aa"},{"sender":"`+a.hex+`","msg":"bb"}]}`, "/receive", receiveBody(id))
	a.want(500, "InvalidArgument", "/send", sendBody(id, "aa", b), "Idempotency-Key: x")
}

func TestCursorsInAnswers(t *testing.T) {
	s := newTestServer(t, Config{})
	a, b := as(t, s), as(t, s)
	id := create(t, a, b)
	withCursor := func(n int) string {
		return fmt.Sprintf(`{"session_id":"%s","as_coordinator":false,"cursor":%d}`, id, n)
	}
	b.want(200, `{"msgs":[]}`, "/receive", withCursor(0))
	a.want(200, "", "/send", sendBody(id, "aa", b))
	for range 2 {
		b.want(200, `"msg":"aa"}],"cursor":1}`, "/receive", withCursor(0))
	}
	b.want(200, `{"msgs":[]}`, "/receive", withCursor(1))
	a.want(200, "", "/send", sendBody(id, "bb", b))
	b.want(200, `"msg":"bb"}]}`, "/receive", receiveBody(id)) // an old client sees no cursor
}

func TestLongPollIsWokenByTheMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		a, b := as(t, s), as(t, s)
		id := create(t, a, b)
		go func() {
			time.Sleep(7 * time.Second)
			a.want(200, "", "/send", sendBody(id, "aa", b))
		}()
		var got reply
		took := elapsed(func() { got = b.want(200, `"msg":"aa"`, "/receive", receiveBody(id), "Prefer: wait=30") })
		if took != 7*time.Second {
			t.Errorf("answered after %v, want 7s", took)
		}
		if applied := got.header.Get("Preference-Applied"); applied != "wait=30" {
			t.Errorf("Preference-Applied %q", applied)
		}
		// A message that is there already.
		a.want(200, "", "/send", sendBody(id, "bb", b))
		if took := elapsed(func() { b.want(200, `"msg":"bb"`, "/receive", receiveBody(id), "Prefer: wait=30") }); took != 0 {
			t.Errorf("answered after %v, want at once", took)
		}
	})
}

func TestLongPollEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		a, b := as(t, s), as(t, s)
		id := create(t, a, b)
		poll := func(want time.Duration, part string, status int, prefer string) {
			t.Helper()
			var got reply
			took := elapsed(func() { got = b.call("/receive", receiveBody(id), "Prefer: "+prefer) })
			if took != want || got.status != status || !strings.Contains(got.body, part) {
				t.Errorf("%s: %d %q after %v, want %d %q after %v", prefer, got.status, got.body, took, status, part, want)
			}
		}
		poll(5*time.Second, `{"msgs":[]}`, 200, "wait=5")
		poll(60*time.Second, `{"msgs":[]}`, 200, "wait=86400") // the longest
		poll(0, `{"msgs":[]}`, 200, "wait=0")
		poll(0, `{"msgs":[]}`, 200, "respond-async")
		go func() {
			time.Sleep(3 * time.Second)
			a.want(200, "null", "/close_session", idBody(id))
		}()
		poll(3*time.Second, "SessionNotFound", 500, "wait=30")
		id = create(t, a, b)
		go func() {
			time.Sleep(2 * time.Second)
			s.Close()
		}()
		poll(2*time.Second, `{"msgs":[]}`, 200, "wait=30")
	})
}

func TestLongPollOfSomebodyWhoLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		a, b := as(t, s), as(t, s)
		id := create(t, a, b)
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			time.Sleep(time.Second)
			leave()
		}()
		request := httptest.NewRequestWithContext(ctx, "POST", "/receive", strings.NewReader(receiveBody(id)))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+b.token)
		request.Header.Set("Prefer", "wait=30")
		if took := elapsed(func() { b.do(request) }); took != time.Second {
			t.Errorf("ended after %v, want 1s", took)
		}
		a.want(200, "", "/send", sendBody(id, "aa", b))
		b.want(200, `"aa"`, "/receive", receiveBody(id))
		if n := len(s.store.(*MemoryStore).wakers.watchers); n != 0 {
			t.Errorf("%d topics are still watched", n)
		}
	})
}

func TestLongPollOfSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		a, b := as(t, s), as(t, s)
		var id string
		go func() {
			time.Sleep(4 * time.Second)
			id = create(t, a, b)
		}()
		var first reply
		if took := elapsed(func() { first = b.want(200, "", "/list_sessions", "null", "Prefer: wait=30") }); took != 4*time.Second {
			t.Errorf("the first session was announced after %v, want 4s", took)
		}
		synctest.Wait()
		if first.body != `{"session_ids":["`+id+`"]}` {
			t.Errorf("sessions %s, want %s", first.body, id)
		}
		go func() {
			time.Sleep(5 * time.Second)
			a.want(200, "null", "/close_session", idBody(id))
		}()
		known := "If-None-Match: " + first.header.Get("ETag")
		took := elapsed(func() { b.want(200, `{"session_ids":[]}`, "/list_sessions", known, "Prefer: wait=30", known) })
		if took != 5*time.Second {
			t.Errorf("the close was announced after %v, want 5s", took)
		}
	})
}

func TestGraceForOldClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestServer(t, Config{})
		a, b := as(t, s), as(t, s)
		id := create(t, a, b)
		a.want(200, "", "/send", sendBody(id, "5a", b))
		a.want(200, "null", "/close_session", idBody(id))
		b.want(200, `{"session_ids":[]}`, "/list_sessions", "null")
		b.want(500, "SessionNotFound", "/get_session_info", idBody(id))
		a.want(500, "SessionNotFound", "/send", sendBody(id, "00", b))
		time.Sleep(59 * time.Second)
		b.want(200, `"msg":"5a"`, "/receive", receiveBody(id))
		b.want(500, "SessionNotFound", "/receive", receiveBody(id))
	})
}

func TestMethodsAndPaths(t *testing.T) {
	c := caller{t, newTestServer(t, Config{}), ""}
	for _, method := range []string{"GET", "HEAD", "PUT", "OPTIONS"} {
		got := c.do(httptest.NewRequest(method, "/challenge", nil))
		if got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") != "POST" || got.body != "" {
			t.Errorf("%s: %+v", method, got)
		}
	}
	for _, path := range []string{"/", "/challenge/", "/Challenge", "/nope"} {
		if got := c.call(path, ""); got.status != http.StatusNotFound || got.body != "" {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestNewServerChecksItsLimits(t *testing.T) {
	for _, members := range []int{1, 1 << 16, -1} {
		if _, err := NewServer(Config{Limits: Limits{Members: members}}); err == nil {
			t.Errorf("made a relay for sessions of %d members", members)
		}
	}
}
