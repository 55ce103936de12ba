package operate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
	"golang.org/x/time/rate"
)

// ACME says how to get certificates from an authority by RFC 8555.
type ACME struct {
	Domains   []string // for which certificates are got, and no others
	Email     string   // where the authority writes to; may be empty
	Folder    string   // where the account's and the certificates' keys are kept, mode 0700
	Directory string   // the authority's URL; empty: Let's Encrypt
	Roots     string   // a file in PEM, to verify the Directory's certificate; empty: the system's
}

// Manager returns what gets the certificates and renews them. Its TLSConfig
// answers the challenge tls-alpn-01 (RFC 8737), its HTTPHandler http-01.
func (a *ACME) Manager() (*autocert.Manager, error) {
	if len(a.Domains) == 0 {
		return nil, errors.New("getting a certificate by ACME: no domain is given")
	}
	if err := os.MkdirAll(a.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for certificates: %w", err)
	}
	client := &acme.Client{DirectoryURL: a.Directory, UserAgent: "frostkit"}
	if a.Roots != "" {
		transport, err := transportTo(a.Roots)
		if err != nil {
			return nil, err
		}
		client.HTTPClient = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	return &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.Folder),
		HostPolicy: autocert.HostWhitelist(a.Domains...),
		Client:     client,
		Email:      a.Email,
	}, nil
}

// complaints is how often a certificate that cannot be got is logged, at most.
const complaints = time.Minute

// acmeWatch makes known what a manager does by itself.
type acmeWatch struct {
	manager  *autocert.Manager
	log      *slog.Logger
	failures prometheus.Counter
	complain rate.Sometimes

	mu      sync.Mutex
	expires map[string]time.Time // by domain
}

// TLS returns the manager's TLSConfig. When a certificate for one of its domains
// cannot be got the log says so, and the metrics count it and have the expiry of
// the first certificate to expire, of those that were used.
func (m *Metrics) TLS(manager *autocert.Manager, log *slog.Logger) *tls.Config {
	w := &acmeWatch{
		manager: manager, log: log, failures: m.certificateFailures,
		complain: rate.Sometimes{Interval: complaints}, expires: map[string]time.Time{},
	}
	config := manager.TLSConfig()
	get := config.GetCertificate
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		certificate, err := get(hello)
		w.note(hello, certificate, err)
		return certificate, err
	}
	m.Certificate(w.first)
	return config
}

func (w *acmeWatch) note(hello *tls.ClientHelloInfo, certificate *tls.Certificate, err error) {
	domain := strings.ToLower(hello.ServerName)
	if slices.Contains(hello.SupportedProtos, acme.ALPNProto) || w.manager.HostPolicy(hello.Context(), domain) != nil {
		return // the authority, or somebody who tries names
	}
	if err != nil {
		w.failures.Inc()
		w.complain.Do(func() { w.log.Error("getting a certificate by ACME", "domain", domain, "error", err) })
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expires[domain] = certificate.Leaf.NotAfter
}

// first returns the first expiry, zero if there is none.
func (w *acmeWatch) first() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	times := slices.Collect(maps.Values(w.expires))
	if len(times) == 0 {
		return time.Time{}
	}
	return slices.MinFunc(times, time.Time.Compare)
}

// transportTo trusts the roots in a file alone.
func transportTo(roots string) (*http.Transport, error) {
	pem, err := os.ReadFile(roots)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate of the ACME server's authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("reading the certificate of the ACME server's authority: %s has none in PEM", roots)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return transport, nil
}
