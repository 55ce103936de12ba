package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/relay/localca"
)

// serveTLS runs a relay with a certificate of the authority for a name.
func serveTLS(t *testing.T, n *network, ca *localca.CA, name string) (stop func()) {
	t.Helper()
	certificate, err := ca.Issue(name)
	must(t, certificate, err)
	return n.serve(t, newTestServer(t, Config{TLS: &tls.Config{Certificates: []tls.Certificate{*certificate}}}))
}

func tlsClient(t *testing.T, n *network, roots ...*x509.Certificate) *Client {
	t.Helper()
	return n.clientOf(t, ClientConfig{URL: "localhost:2744", Key: generate(t), RootCAs: roots})
}

func TestClientOverTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, err := localca.New()
		must(t, ca, err)
		n := &network{}
		defer serveTLS(t, n, ca, "localhost")()
		alice, bob := tlsClient(t, n, ca.Certificate()), tlsClient(t, n, ca.Certificate())
		id := openSession(t, alice, bob)
		must(t, 0, bob.Login(t.Context()))
		go func() {
			time.Sleep(90 * time.Second)
			if err := alice.Send(t.Context(), id, nil, []byte("m")); err != nil {
				t.Error(err)
			}
		}()
		took := elapsed(func() { wantReceived(t, alice, id, true, "m") })
		if took != 90*time.Second {
			t.Errorf("received after %v, want 1m30s", took)
		}
		if dials := n.current().dials; dials != 2 {
			t.Errorf("%d connections for two clients", dials)
		}
		alice.Close()
		bob.Close()
	})
}

func TestClientVerifiesCertificates(t *testing.T) {
	for name, c := range map[string]struct {
		host  string
		trust bool
		age   time.Duration
		want  CertificateCause
	}{
		"unknown authority": {"localhost", false, 0, UnknownAuthority},
		"expired":           {"localhost", true, 3 * 365 * 24 * time.Hour, CertificateExpired},
		"another name":      {"relay.example", true, 0, WrongName},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ca, err := localca.New()
				must(t, ca, err)
				n := &network{}
				defer serveTLS(t, n, ca, c.host)()
				time.Sleep(c.age)
				client := tlsClient(t, n)
				if c.trust {
					client = tlsClient(t, n, ca.Certificate())
				}
				var refused *CertificateError
				if err := client.Login(t.Context()); !errors.As(err, &refused) || refused.Cause != c.want {
					t.Errorf("logging in: %v", err)
				}
			})
		})
	}
}

func TestClientMixesUpHTTPAndHTTPS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca, err := localca.New()
		must(t, ca, err)
		n := &network{}
		stop := serveTLS(t, n, ca, "localhost")
		var mixed *SchemeError
		if err := n.client(t, nil).Login(t.Context()); !errors.As(err, &mixed) || !strings.HasSuffix(err.Error(), "it speaks TLS there; take https://localhost:2744") {
			t.Errorf("http to a relay over TLS: %v", err)
		}
		stop()
		defer n.serve(t, newTestServer(t, Config{}))()
		if err := tlsClient(t, n).Login(t.Context()); !errors.As(err, &mixed) || !strings.HasSuffix(err.Error(), "without TLS, http://localhost:2744") {
			t.Errorf("https to a relay without TLS: %v", err)
		}
	})
}

// A server that listens everywhere names 0.0.0.0 or ::, and clients on its machine take its certificate by
// the machine's own names.
func TestClientTakesTheAddressThatAServerNames(t *testing.T) {
	for name, want := range map[string]bool{"localhost": true, "127.0.0.1": true, "::1": true, "0.0.0.0": true, "relay.example": false} {
		for _, address := range []string{"0.0.0.0:2744", "[::]:2744"} {
			if name == "0.0.0.0" && address != "0.0.0.0:2744" {
				continue
			}
			synctest.Test(t, func(t *testing.T) {
				ca, err := localca.New()
				must(t, ca, err)
				n := &network{}
				defer serveTLS(t, n, ca, name)()
				c := n.clientOf(t, ClientConfig{URL: address, Key: generate(t), RootCAs: []*x509.Certificate{ca.Certificate()}})
				var refused *CertificateError
				if err := c.Login(t.Context()); (err == nil) != want || !want && !errors.As(err, &refused) {
					t.Errorf("%s with a certificate for %s: %v", address, name, err)
				}
				c.Close()
			})
		}
	}
	synctest.Test(t, func(t *testing.T) { // nobody's certificate is taken either
		ca, err := localca.New()
		must(t, ca, err)
		n := &network{}
		defer serveTLS(t, n, ca, "localhost")()
		c := n.clientOf(t, ClientConfig{URL: "[::]:2744", Key: generate(t)})
		var refused *CertificateError
		if err := c.Login(t.Context()); !errors.As(err, &refused) || refused.Cause != UnknownAuthority {
			t.Errorf("by an authority that is not trusted: %v", err)
		}
		c.Close()
	})
}

// A relay behind a path is called under it.
func TestClientCallsUnderAPath(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &network{}
		defer n.serveHandler(http.StripPrefix("/frost/relay", newTestServer(t, Config{})))()
		c := n.clientOf(t, ClientConfig{URL: "http://localhost:2744/frost/relay/", Key: generate(t)})
		must(t, 0, justErr(c.Sessions(t.Context())))
		c.Close()
	})
}
