package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"frostkit/internal/relayurl"
)

// parseAddressOf reads a relay's address.
func parseAddressOf(text string) (relayurl.Address, error) {
	address, err := relayurl.Parse(text)
	var wrong *relayurl.Fault
	if errors.As(err, &wrong) {
		return address, fmt.Errorf("reading the relay's address: %.200q %s; %s", text, wrong.What, wrong.Hint)
	}
	return address, err
}

// newTransport trusts the system's roots and these.
func newTransport(address relayurl.Address, roots []*x509.Certificate) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if name := address.ServerName(); name != address.Host { // otherwise net/http knows, also of a proxy
		config.ServerName = name
	}
	if len(roots) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's trusted certificates: %w", err)
		}
		for _, root := range roots {
			pool.AddCert(root)
		}
		config.RootCAs = pool
	}
	if address.Unspecified() {
		verifyHere(config, address.ServerName())
	}
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	return &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		TLSClientConfig:       config,
		TLSHandshakeTimeout:   90 * time.Second, // several round trips, each slow; a relay allows for a minute
		ForceAttemptHTTP2:     true,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       50 * time.Second, // before the relay's minute is over
		ExpectContinueTimeout: time.Second,

		MaxResponseHeaderBytes: 64 << 10,
	}, nil
}

// here are the names of this machine's own interface.
var here = []string{"localhost", "127.0.0.1", "::1"}

// verifyHere has a server on this machine verified by any name of the machine's own interface: what one that
// listens on all addresses names is 0.0.0.0 or ::, for which few certificates are made.
func verifyHere(config *tls.Config, named string) {
	names := append([]string{named}, here...)
	config.InsecureSkipVerify = true // VerifyConnection does it
	config.VerifyConnection = func(state tls.ConnectionState) (err error) {
		options := x509.VerifyOptions{Roots: config.RootCAs, Intermediates: x509.NewCertPool()}
		for _, certificate := range state.PeerCertificates[1:] {
			options.Intermediates.AddCert(certificate)
		}
		for _, options.DNSName = range names {
			_, err = state.PeerCertificates[0].Verify(options)
			if certificateCause(err) != WrongName {
				break // it is good, or bad under any name
			}
		}
		if err == nil {
			return nil
		}
		return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
	}
}

// newHTTPClient follows no redirect: a token goes to its relay only.
func newHTTPClient(transport http.RoundTripper) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transportError tells certificates that do not verify from relays that do not
// answer. mayHaveArrived says that the whole request was sent.
func (c *Client) transportError(err error, mayHaveArrived bool) error {
	var odd *ResponseError
	if errors.As(err, &odd) {
		return odd
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the URL, which ours say
	}
	if mixed := c.mixedUp(err); mixed != nil {
		return mixed
	}
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return &CertificateError{URL: c.url, Cause: certificateCause(verification.Err), Err: verification.Err}
	}
	lost := &UnreachableError{URL: c.url, Err: err, mayHaveArrived: mayHaveArrived}
	lost.Proxy, err = c.environmentsProxy()
	if err != nil {
		lost.Err = err
	}
	return lost
}

// environmentsProxy returns the proxy by which the environment has the relay reached, without what is secret of its
// URL; empty: none.
func (c *Client) environmentsProxy() (string, error) {
	address, err := url.Parse(c.url)
	if err != nil {
		return "", err
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: address})
	switch {
	case err != nil:
		return "", errors.New("HTTPS_PROXY in the environment is no address of a proxy")
	case proxy == nil:
		return "", nil
	}
	return proxy.Host, nil
}

// mixedUp returns a [SchemeError] where TLS is spoken on one side alone.
func (c *Client) mixedUp(err error) error {
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record):
		return &SchemeError{URL: c.url}
	case strings.Contains(err.Error(), `malformed HTTP response "\x15\x03`): // an alert of TLS
		return &SchemeError{URL: c.url, TLS: true}
	}
	return nil
}

func certificateCause(err error) CertificateCause {
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &authority):
		return UnknownAuthority
	case errors.As(err, &hostname):
		return WrongName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return CertificateExpired
	}
	return CertificateInvalid
}
