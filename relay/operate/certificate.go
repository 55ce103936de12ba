package operate

import (
	"crypto/tls"
	"log/slog"
)

// CertificateFiles reads a certificate with its chain, and its private key, from
// files in PEM.
func CertificateFiles(log *slog.Logger, certificate, key string) (*File[*tls.Certificate], error) {
	read := func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certificate, key)
		if err != nil {
			return nil, err
		}
		return &pair, nil
	}
	return NewFile(log, "the certificate", read, certificate, key)
}

// ServerTLS returns a server's configuration with the certificate that the files
// have at the time of each handshake.
func ServerTLS(files *File[*tls.Certificate]) *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return files.Get(), nil },
	}
}
