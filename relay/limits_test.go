package relay

import (
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"frostkit/commkey"
)

// The table says what THREATS promises, in the words that refuse.
func TestLimitTable(t *testing.T) {
	seen := map[string]bool{}
	for _, limit := range LimitTable() {
		if limit.Flag == "" || limit.Default == "" || !strings.HasSuffix(limit.Help, ".") || seen[limit.Flag] {
			t.Errorf("limit %+v is incomplete, or there twice", limit)
		}
		seen[limit.Flag] = true
	}
	refused := map[string]bool{} // by one of the refusals
	for _, refusal := range []LimitError{
		ErrMemoryFull, ErrDiskFull, ErrCreatorFull, ErrMemberFull, ErrSessionFull, ErrQueueFull, ErrKeyFull, ErrAddressFull,
		errBodyTooBig, errMsgTooBig, errMemberCount, errKeyRate, errAddressRate, errLoginRate,
	} {
		refused[refusal.Flag] = true
	}
	for _, limit := range LimitTable() {
		if refused[limit.Flag] != (limit.Refused != "") {
			t.Errorf("%s refuses with %q, and a call by it is refused: %v", limit.Flag, limit.Refused, refused[limit.Flag])
		}
	}
	limits := DefaultLimits()
	if limits.Body != 192<<10 || limits.DiskBytes != 1<<30 || limits.HeaderTimeout != time.Minute || limits.Members != 255 {
		t.Errorf("defaults %+v", limits)
	}
	set := Limits{Body: 7}.withDefaults()
	if limits.Body = 7; set != limits {
		t.Errorf("a body of 7 and defaults: %+v", set)
	}
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "65535": 65535, "1KiB": 1 << 10, "16MiB": 16 << 20, "3GiB": 3 << 30} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("%s: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "1.5MiB", "1MB", "KiB", "1 KiB", "99999999999GiB", "9223372036854775808"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

// Every limit that refuses a call refuses it as an invalid argument, by HTTP's
// 500, and tells the observer its flag.
func TestLimitsRefuseAndAreCounted(t *testing.T) {
	var observer refusals
	s := newTestServer(t, Config{Observer: &observer, Limits: Limits{
		Body: 2000, Message: 500, Members: 3, QueueBytes: 1000, SessionBytes: 1500, TotalBytes: 8000,
		SessionsPerCreator: 2, SessionsPerMember: 1,
	}})
	a, b, c, d := as(t, s), as(t, s), as(t, s), as(t, s)
	refused := func(by member, limit, path, body string) {
		t.Helper()
		by.want(500, `{"code":1,`, path, body)
		observer.want(t, limit)
	}
	refused(a, "limit-body", "/send", strings.Repeat(" ", 2001))
	refused(a, "limit-members", "/create_new_session", createBody(a, b, c, d))
	id := create(t, a, b, c)
	refused(a, "limit-message", "/send", sendBody(id, strings.Repeat("00", 501), b))
	a.want(200, "", "/send", sendBody(id, strings.Repeat("00", 500), b))
	refused(a, "limit-queue", "/send", sendBody(id, strings.Repeat("00", 500), b))
	a.want(200, "", "/send", sendBody(id, strings.Repeat("00", 500), c))
	refused(a, "limit-session", "/send", sendBody(id, strings.Repeat("00", 500), a))
	refused(a, "limit-member-sessions", "/create_new_session", createBody(a, b))
	create(t, a, d)
	refused(a, "limit-created-sessions", "/create_new_session", createBody(a, c))
	create(t, c, b)
	for _, by := range []member{b, c, d, b, c, d} {
		by.call("/create_new_session", createBody(by, member{hex: generate(t).Public().String()}))
	}
	if !slices.Contains(observer.limits, "limit-total") {
		t.Errorf("the relay was never full: %q", observer.limits)
	}
}

// What a key, or an address, may have stored is a part of what all may, unless it is
// set, and counted by its flag where it is used up.
func TestQuotasRefuseAndAreCounted(t *testing.T) {
	limits := Limits{TotalBytes: 64 << 20}.withDefaults()
	if limits.KeyStored != 8<<20 || limits.AddressStored != 16<<20 {
		t.Errorf("quotas of %d and %d bytes of 64 MiB", limits.KeyStored, limits.AddressStored)
	}
	var observer refusals
	s := newTestServer(t, Config{Observer: &observer, Limits: Limits{KeyStored: 3000, AddressStored: 4000}})
	a, b := as(t, s), as(t, s)
	id := create(t, a, b)
	send := func(by member, from string) reply {
		request := httptest.NewRequest("POST", "/send", strings.NewReader(sendBody(id, strings.Repeat("00", 1000))))
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+by.token)
		request.RemoteAddr = from
		return by.do(request)
	}
	for i, c := range []struct {
		by          member
		from, limit string
	}{
		{a, "192.0.2.1:1", ""},
		{a, "192.0.2.1:1", "limit-key-stored"},
		{b, "192.0.2.1:1", ""},
		{b, "192.0.2.1:1", ""},
		{b, "192.0.2.1:1", "limit-key-stored"},
		{b, "192.0.2.2:1", "limit-key-stored"},
	} {
		got := send(c.by, c.from)
		if refused := got.status != 200; refused != (c.limit != "") {
			t.Errorf("message %d: %+v", i, got)
		}
		if c.limit != "" {
			observer.want(t, c.limit)
		}
	}
	c, d := as(t, s), as(t, s)
	if got := c.from("192.0.2.1:9", "/list_sessions"); got.status != 200 {
		t.Errorf("a call that stores nothing: %+v", got)
	}
	id = create(t, c, d)
	for range 2 {
		if got := send(c, "192.0.2.1:9"); got.status == 200 {
			continue
		}
		observer.want(t, "limit-address-stored")
		return
	}
	t.Error("the address had no quota")
}

// A private relay is for the keys that it was given.
func TestPrivateRelay(t *testing.T) {
	allowed := map[commkey.PublicKey]bool{}
	s := newTestServer(t, Config{Allow: func(k commkey.PublicKey) bool { return allowed[k] }})
	verified := 0
	verify := s.verify
	s.verify = func(k commkey.PublicKey, m, sig []byte) bool { verified++; return verify(k, m, sig) }
	c := caller{t, s, ""}
	key := generate(t)
	login := func() string { return loginBody(t, key, c.call("/challenge", "null").id(t)) }
	c.want(500, "Unauthorized", "/login", login())
	if verified != 0 {
		t.Error("a signature was verified of a key that is not allowed")
	}
	allowed[key.Public()] = true
	c.token = c.want(200, "access_token", "/login", login()).id(t)
	c.want(200, "session_ids", "/list_sessions", "null")
	delete(allowed, key.Public())
	c.want(500, "Unauthorized", "/list_sessions", "null")
}

// What can be looked up is looked up before a signature is verified.
func TestNothingIsVerifiedInVain(t *testing.T) {
	s := newTestServer(t, Config{})
	s.verify = func(commkey.PublicKey, []byte, []byte) bool {
		t.Error("a signature was verified")
		return false
	}
	c := caller{t, s, ""}
	key := generate(t)
	c.want(500, "Unauthorized", "/login", loginBody(t, key, "01234567-89ab-7def-8123-456789abcdef"))
	good := loginBody(t, key, c.call("/challenge", "null").id(t))
	for _, bad := range refusedKeys {
		c.want(500, "Unauthorized", "/login", strings.Replace(good, key.Public().String(), bad, 1))
	}
}

// refusedKeys are all points of low order of Curve25519 and its twist (RFC
// 7748, section 6.1, and cr.yp.to/ecdh.html), and encodings that are not
// canonical.
var refusedKeys = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p-1
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p, for 0
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p+1, for 1
	"cdeb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b880", // with the top bit
	"4c9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f11d7",
	"d9ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", // 2p-1
	"daffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", // 2p
	"dbffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", // 2p+1
	"f6ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // p+9, for 9
	"0900000000000000000000000000000000000000000000000000000000000080", // 9 with the top bit
}

func TestKeysThatAreRefusedEverywhere(t *testing.T) {
	s := newTestServer(t, Config{})
	a, b := as(t, s), as(t, s)
	id := create(t, a, b)
	for _, key := range refusedKeys {
		bad := member{hex: key}
		a.want(500, `"err":"pubkeys"`, "/create_new_session", createBody(a, bad))
		a.want(500, "NotInSession", "/send", sendBody(id, "00", bad))
	}
}

func TestHealth(t *testing.T) {
	s := newTestServer(t, Config{})
	c := caller{t, s, ""}
	get := func(path string) reply {
		return c.do(httptest.NewRequest("GET", path, nil))
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if got := get(path); got.status != 200 || got.body != "ok\n" {
			t.Errorf("%s: %+v", path, got)
		}
		if got := c.call(path, "null"); got.status != 405 {
			t.Errorf("POST %s: %+v", path, got)
		}
	}
	s.Close()
	if got := get("/healthz"); got.status != 200 {
		t.Errorf("alive while it ends: %+v", got)
	}
	if got := get("/readyz"); got.status != 503 {
		t.Errorf("ready while it ends: %+v", got)
	}
}
