// Package localca is a local certificate authority in the files and with the
// names of mkcert.
package localca

import (
	"crypto/x509"
	"errors"
)

// CA is a local certificate authority.
type CA struct{}

// Root returns the folder of the local CA: CAROOT, or mkcert's default.
func Root() (string, error) { return "", errors.ErrUnsupported }

// LoadOrCreate reads the CA in dir, or makes one there. created tells which.
func LoadOrCreate(_ string) (ca *CA, created bool, err error) {
	return nil, false, errors.ErrUnsupported
}

// Certificate returns the root certificate.
func (*CA) Certificate() *x509.Certificate { return nil }

// Pair names the files of a certificate that Make wrote.
type Pair struct {
	CertFile, KeyFile string
	Names             []string
	Certificate       *x509.Certificate
}

// Make writes a certificate and key for names into dir, under mkcert's file
// names.
func (*CA) Make(_ string, _ ...string) (*Pair, error) { return nil, errors.ErrUnsupported }

// Certificates returns the root certificate in dir for a client to trust; none
// if there is no CA.
func Certificates(_ string) ([]*x509.Certificate, error) { return nil, errors.ErrUnsupported }

// Pool returns the system's roots and the CA in dir, if there is one.
func Pool(_ string) (*x509.CertPool, error) { return nil, errors.ErrUnsupported }

// Install adds the root to the system's trust stores.
func (*CA) Install() error { return errors.ErrUnsupported }
