package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// parseURL returns scheme://host:port of a relay's address.
func parseURL(address string) (string, error) {
	text := address
	if !strings.Contains(text, "://") {
		text = "https://" + text // as frost-client does with host:port
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return "", fmt.Errorf("reading the relay's address %q: want host:port or https://host:port", address)
	}
	if strings.TrimSuffix(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("reading the relay's address %q: there is more than a host and a port", address)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return "", fmt.Errorf("reading the relay's address %q: %q is not https", address, u.Scheme)
	case !isLoopback(u.Hostname()):
		return "", fmt.Errorf("reading the relay's address %q: plain http is for loopback addresses only; use https", address)
	}
	return u.Scheme + "://" + u.Host, nil
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// newTransport trusts the system's roots and these.
func newTransport(roots []*x509.Certificate) (*http.Transport, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
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
	var verification *tls.CertificateVerificationError
	if errors.As(err, &verification) {
		return &CertificateError{URL: c.url, Cause: certificateCause(verification.Err), Err: verification.Err}
	}
	return &UnreachableError{URL: c.url, Err: err, mayHaveArrived: mayHaveArrived}
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
