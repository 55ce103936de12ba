package operate

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"time"
)

// CertificateFiles reads a certificate with its chain, and its private key, from
// files in PEM. It fails if the certificate is expired or not valid yet, as
// no client would take it.
func CertificateFiles(log *slog.Logger, certificate, key string) (*File[*tls.Certificate], error) {
	read := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, err
		}
		if err := validAt(pair.Leaf, time.Now()); err != nil {
			return nil, fmt.Errorf("%q: %w", certificate, err)
		}
		return &pair, nil
	}
	return NewFile(log, "the certificate", read, certificate, key)
}

func validAt(certificate *x509.Certificate, now time.Time) error {
	switch {
	case now.After(certificate.NotAfter):
		return fmt.Errorf("it has expired on %s: have it renewed", certificate.NotAfter.UTC().Format(time.DateOnly))
	case now.Before(certificate.NotBefore):
		return fmt.Errorf("it is valid from %s on: is this machine's clock right?", certificate.NotBefore.UTC().Format(time.DateOnly))
	}
	return nil
}

// ServerTLS returns a server's configuration with the certificate that the files
// have at the time of each handshake.
func ServerTLS(files *File[*tls.Certificate]) *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.Get(), nil },
	}
}
