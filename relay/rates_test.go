package relay

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// refusals is an Observer that notes what limits refused.
type refusals struct {
	unobserved
	limits []string
}

func (r *refusals) Refused(limit string) { r.limits = append(r.limits, limit) }

func (r *refusals) want(t *testing.T, limits ...string) {
	t.Helper()
	if strings.Join(r.limits, " ") != strings.Join(limits, " ") {
		t.Errorf("the observer was told of %q, want %q", r.limits, limits)
	}
	r.limits = nil
}

// from has the next calls come from an address.
func (c caller) from(address, path string) reply {
	request := httptest.NewRequest("POST", path, strings.NewReader("null"))
	request.RemoteAddr = address
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	return c.do(request)
}

func TestCallsOfAKeyPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var observer refusals
		s := newTestServer(t, Config{Limits: Limits{CallRate: 2, CallBurst: 3}, Observer: &observer})
		a, b := as(t, s), as(t, s)
		for range 3 {
			a.want(200, "session_ids", "/list_sessions", "null")
		}
		refused := a.want(500, `"err":"you make too many calls, slow down"`, "/list_sessions", "null")
		if after := refused.header.Get("Retry-After"); after != "1" {
			t.Errorf("Retry-After %q, want 1", after)
		}
		observer.want(t, "limit-key-rate")
		b.want(200, "session_ids", "/list_sessions", "null")
		time.Sleep(500 * time.Millisecond)
		a.want(200, "session_ids", "/list_sessions", "null")
		a.want(500, "slow down", "/list_sessions", "null")
	})
}

func TestCallsFromAnAddressPerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var observer refusals
		s := newTestServer(t, Config{Limits: Limits{AddressRate: 1, AddressBurst: 4, LoginRate: 1, LoginBurst: 2}, Observer: &observer})
		a := as(t, s)
		for i, address := range []string{"[2001:db8::1]:1", "[2001:db8::2]:2"} { // one customer's
			if got := a.from(address, "/challenge"); got.status != 200 {
				t.Fatalf("challenge %d: %+v", i, got)
			}
		}
		if got := a.from("[2001:db8::3]:1", "/challenge"); !strings.Contains(got.body, "too many logins") {
			t.Errorf("a third challenge: %+v", got)
		}
		observer.want(t, "limit-login-rate")
		if got := a.from("[2001:db8::3]:1", "/list_sessions"); got.status != 200 {
			t.Errorf("a call with a token: %+v", got)
		}
		if got := a.from("[2001:db8::4]:1", "/list_sessions"); !strings.Contains(got.body, "your address makes too many calls") {
			t.Errorf("a fifth call: %+v", got)
		}
		observer.want(t, "limit-address-rate")
		for _, other := range []string{"[2001:db8:0:1::1]:1", "192.0.2.1:1", "127.0.0.1:1", "[::1]:1"} {
			if got := a.from(other, "/challenge"); got.status != 200 {
				t.Errorf("a challenge for %s: %+v", other, got)
			}
		}
		for range 100 { // local processes are not counted
			a.from("127.0.0.1:1", "/challenge")
		}
		observer.want(t)
	})
}

// networksOfASite returns an address in each of so many networks of 64 bits of one of 48.
func networksOfASite(count int) (addresses []string) {
	for i := range count {
		addresses = append(addresses, fmt.Sprintf("[2001:db8:1:%x::1]:1", i))
	}
	return addresses
}

// Who has a network of 48 bits has no more calls by all its networks of 64 bits
// than twice what one of them has.
func TestCallsFromASitePerSecond(t *testing.T) {
	for path, limits := range map[string]Limits{
		"/challenge":     {LoginRate: 1, LoginBurst: 20},
		"/list_sessions": {AddressRate: 1, AddressBurst: 20},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := as(t, newTestServer(t, Config{Limits: limits}))
			answered := 0
			for _, address := range networksOfASite(60) {
				if a.from(address, path).status == 200 {
					answered++
				}
			}
			if answered != 40 {
				t.Errorf("%s: %d calls from 60 networks of one site at a burst of 20, want 40", path, answered)
			}
			if got := a.from("[2001:db8:2::1]:1", path); got.status != 200 {
				t.Errorf("%s: another site: %+v", path, got)
			}
		})
	}
}

// Whoever comes with ever new addresses takes no more memory than this.
func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets[netip.Addr](1, 1, errAddressRate)
	address := netip.MustParseAddr("192.0.2.0")
	first := address
	for range bucketsKept + 1000 {
		if err := b.take(address); err != nil {
			t.Fatalf("the first call from %s: %v", address, err)
		}
		address = address.Next()
	}
	if len(b.of) != bucketsKept || b.recent.Len() != bucketsKept {
		t.Errorf("%d addresses in a list of %d, want %d", len(b.of), b.recent.Len(), bucketsKept)
	}
	if _, kept := b.of[first]; kept {
		t.Error("the oldest did not give way")
	}
}

// A client that is told to slow down does, and its calls are all made.
func TestClientSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		t.Cleanup(n.serve(t, newTestServer(t, Config{Limits: Limits{CallRate: 1, CallBurst: 5}})))
		alice := n.client(t, nil)
		defer alice.Close()
		took := elapsed(func() {
			for range 20 {
				_, err := alice.Sessions(t.Context())
				must(t, 0, err)
			}
		})
		if took < 15*time.Second || took > time.Minute {
			t.Errorf("20 calls at 1 per second took %v", took)
		}
	})
}
