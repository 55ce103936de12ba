package relay

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"frostkit/relay/localca"
)

// forwarder is a relay that passes challenges and logins on to another one, to get tokens of that: with what
// it makes of a login, and without a word on what the other one can do.
type forwarder struct {
	to     http.Handler
	change func(login map[string]any)
	tokens []string // that the other relay gave it
}

func (f *forwarder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/login" {
		var login map[string]any
		if err := json.Unmarshal(body, &login); err != nil {
			panic(err)
		}
		f.change(login)
		body, _ = json.Marshal(login)
	}
	request := httptest.NewRequest(http.MethodPost, "https://relay.example:2744"+r.URL.Path, bytes.NewReader(body))
	request.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	f.to.ServeHTTP(answer, request)
	if strings.Contains(answer.Body.String(), "access_token") {
		f.tokens = append(f.tokens, answer.Body.String())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}

// certifiedServer is a relay with a certificate for relay.example, used as a handler.
func certifiedServer(t *testing.T, config Config) *Server {
	t.Helper()
	ca, err := localca.New()
	must(t, ca, err)
	certificate, err := ca.Issue("relay.example")
	must(t, certificate, err)
	config.TLS = &tls.Config{Certificates: []tls.Certificate{*certificate}}
	return newTestServer(t, config)
}

// A login at one relay is of no use at another one, whatever the one makes of it.
func TestLoginsCannotBeForwarded(t *testing.T) {
	for name, change := range map[string]func(map[string]any){
		"as it is":           func(map[string]any) {},
		"without its origin": func(login map[string]any) { delete(login, "origin") },
		"with an empty one":  func(login map[string]any) { login["origin"] = "" },
		"with the other's":   func(login map[string]any) { login["origin"] = "https://relay.example:2744" },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				evil := &forwarder{to: certifiedServer(t, Config{}), change: change}
				n := &network{}
				defer n.serveHandler(evil)()
				c := n.client(t, nil)
				if err := c.Login(t.Context()); err == nil || len(evil.tokens) > 0 {
					t.Errorf("the login ended with %v, and gave %q to the relay that forwarded it", err, evil.tokens)
				}
				c.Close()
			})
		})
	}
}

// A challenge of a relay that binds logins cannot be made to look like another one's.
func TestMarkedChallengesStayMarked(t *testing.T) {
	s := certifiedServer(t, Config{})
	c := caller{t, s, ""}
	key := generate(t)
	id := uuid.MustParse(c.want(200, "challenge", "/challenge", "null").id(t))
	for version := byte(0); version < 16; version++ {
		turned := id
		turned[6] = version<<4 | id[6]&0x0f
		got := c.call("/login", loginBody(t, key, turned.String()))
		if taken := got.status == 200; taken != (version == boundVersion) {
			t.Errorf("version %d: %+v", version, got)
		}
	}
}

// A client of frostd logs in as ever, unless the relay takes bound logins alone; then it is told why.
func TestPlainLogins(t *testing.T) {
	key := generate(t)
	for refuses, want := range map[bool]string{false: "access_token", true: "bound to its address"} {
		c := caller{t, certifiedServer(t, Config{BoundLogins: refuses}), ""}
		id := c.want(200, "challenge", "/challenge", "null").id(t)
		if got := c.call("/login", loginBody(t, key, id)); !strings.Contains(got.body, want) {
			t.Errorf("refusing %t: %+v, want %q", refuses, got, want)
		}
	}
	if _, err := NewServer(Config{BoundLogins: true}); err == nil {
		t.Error("a relay that knows no address of its own takes bound logins alone")
	}
}

// Clients log in at relays that know their address and at relays that do not.
func TestBoundLogins(t *testing.T) {
	for name, config := range map[string]Config{
		"a certificate": {},
		"a given one":   {Origins: []string{"http://localhost:2744"}, BoundLogins: true},
		"neither":       {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{}
				c := n.client(t, nil)
				if name == "a certificate" {
					ca, err := localca.New()
					must(t, ca, err)
					defer serveTLS(t, n, ca, "localhost")()
					c = tlsClient(t, n, ca.Certificate())
				} else {
					defer n.serve(t, newTestServer(t, config))()
				}
				must(t, 0, c.Login(t.Context()))
				if got, want := c.extensions.names["origin"], name != "neither"; got != want {
					t.Errorf("the extensions are %v", c.Extensions())
				}
				c.Close()
			})
		})
	}
}

func TestOriginsServed(t *testing.T) {
	named := certifiedServer(t, Config{Origins: []string{"other.example:2744", "https://deep.example/frost"}}).origins
	here := newTestServer(t, Config{CertifiedFor: func(host string) bool { return host == "::1" }}).origins
	for origin, want := range map[string]bool{
		"https://relay.example:2744":  true,
		"https://relay.example:443":   true, // the port may be another one outside
		"https://RELAY.example":       true,
		"https://other.example:2744":  true,
		"https://other.example:2745":  false,
		"https://deep.example:443":    true,
		"https://evil.example:2744":   false,
		"https://relay.example.evil":  false,
		"https://evil.relay.example":  false,
		"https://relay.example/x":     false,
		"http://relay.example:2744":   false,
		"https://[::]:2744":           false,
		"":                            false,
		"https://relay.example@evil":  false,
		strings.Repeat("relay.", 200): false,
	} {
		if got := named.serves(origin); got != want {
			t.Errorf("%q is served: %t", origin, got)
		}
	}
	for origin, want := range map[string]bool{"https://[::1]:1": true, "https://[::]:1": true, "https://0.0.0.0:1": true, "https://localhost:1": false} {
		if got := here.serves(origin); got != want {
			t.Errorf("%q is served here: %t", origin, got)
		}
	}
	if !maps.Equal(newTestServer(t, Config{}).origins.named, map[string]bool{}) || newTestServer(t, Config{}).origins.known() {
		t.Error("a relay without certificate knows an address")
	}
	if _, err := NewServer(Config{Origins: []string{"ftp://x"}}); err == nil {
		t.Error("an origin that is none is taken")
	}
}
