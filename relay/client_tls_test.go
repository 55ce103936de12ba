package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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
		var odd *ResponseError
		if err := n.client(t, nil).Login(t.Context()); !errors.As(err, &odd) || !strings.Contains(err.Error(), "HTTPS") {
			t.Errorf("http to a relay over TLS: %v", err)
		}
		stop()
		defer n.serve(t, newTestServer(t, Config{}))()
		var unreachable *UnreachableError
		if err := tlsClient(t, n).Login(t.Context()); !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "HTTP") {
			t.Errorf("https to a relay without TLS: %v", err)
		}
	})
}
