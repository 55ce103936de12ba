package operate

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
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
