// Package localca is a certificate authority for the machine it runs on, in
// the files and under the names of mkcert (filippo.io/mkcert), so that either
// program uses what the other made.
//
// Its certificates are for trying out and for private relays: whoever holds
// rootCA-key.pem can impersonate every host to those who trust the authority.
// Keys are ECDSA P-256, which take no time to make; authorities of mkcert, with
// RSA keys, are read as well.
package localca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"time"

	"github.com/smallstep/truststore"

	"frostkit/internal/durable"
)

// The files of an authority, and the modes that mkcert gives them.
const (
	rootFile    = "rootCA.pem"
	rootKeyFile = "rootCA-key.pem"

	certificateMode = 0o644
	rootKeyMode     = 0o400
	keyMode         = 0o600
)

const rootYears = 10

// CA is a local certificate authority with its private key.
type CA struct {
	certificate *x509.Certificate
	key         crypto.Signer
}

// Root returns the folder of the authority: $CAROOT, or where mkcert keeps it
// on this platform.
func Root() (string, error) {
	if dir := os.Getenv("CAROOT"); dir != "" {
		return dir, nil
	}
	dir, err := dataFolder()
	if err != nil {
		return "", fmt.Errorf("finding the data folder: %w; set CAROOT", err)
	}
	return filepath.Join(dir, "mkcert"), nil
}

func dataFolder() (string, error) {
	switch runtime.GOOS {
	case "windows":
		return os.UserCacheDir() // %LocalAppData%
	case "darwin":
		return os.UserConfigDir() // ~/Library/Application Support
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}

// New makes an authority that exists in memory alone.
func New() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := serialNumber()
	if err != nil {
		return nil, err
	}
	owner := owner()
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject: pkix.Name{
			Organization: []string{"frostkit local CA"}, OrganizationalUnit: []string{owner}, CommonName: "frostkit " + owner,
		},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(rootYears, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &CA{certificate, key}, err
}

// LoadOrCreate reads the authority in dir, or makes one there; created tells
// which. Half an authority is an error: a new one would not be trusted by those
// who trust the old one.
func LoadOrCreate(dir string) (ca *CA, created bool, err error) {
	ca, err = load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return ca, false, err
	}
	if ca, err = New(); err != nil {
		return nil, false, err
	}
	return ca, true, ca.save(dir)
}

func load(dir string) (*CA, error) {
	certificate, certErr := readPEM(filepath.Join(dir, rootFile), "CERTIFICATE")
	key, keyErr := readPEM(filepath.Join(dir, rootKeyFile), "PRIVATE KEY")
	switch noCert, noKey := errors.Is(certErr, fs.ErrNotExist), errors.Is(keyErr, fs.ErrNotExist); {
	case noCert && noKey:
		return nil, fs.ErrNotExist
	case noKey:
		return nil, fmt.Errorf("the private key %q is missing: this copy of the authority can only be trusted, not make certificates",
			filepath.Join(dir, rootKeyFile))
	case noCert:
		return nil, fmt.Errorf("the certificate %q is missing beside its private key", filepath.Join(dir, rootFile))
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, err
	}
	return parse(dir, certificate, key)
}

func parse(dir string, certificate, key []byte) (*CA, error) {
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", filepath.Join(dir, rootFile), err)
	}
	private, err := x509.ParsePKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("reading %q: it holds no usable private key", filepath.Join(dir, rootKeyFile))
	}
	signer, ok := private.(crypto.Signer)
	if !ok || !samePublicKey(parsed.PublicKey, signer.Public()) {
		return nil, fmt.Errorf("%q and %q in %q do not belong together", rootFile, rootKeyFile, dir)
	}
	return &CA{parsed, signer}, nil
}

func samePublicKey(a, b crypto.PublicKey) bool {
	key, ok := a.(interface{ Equal(crypto.PublicKey) bool })
	return ok && key.Equal(b)
}

func readPEM(path, kind string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("reading %q: no PEM block %s in it", path, kind)
	}
	return block.Bytes, nil
}

// save writes the key first: a certificate without one would be half an
// authority.
func (ca *CA) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := writeKey(filepath.Join(dir, rootKeyFile), ca.key, rootKeyMode); err != nil {
		return err
	}
	return writeCertificate(filepath.Join(dir, rootFile), ca.certificate.Raw)
}

func writeKey(path string, key crypto.Signer, mode fs.FileMode) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(text)
	return durable.WriteFile(path, text, mode)
}

func writeCertificate(path string, der []byte) error {
	return durable.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), certificateMode)
}

// Certificate returns the authority's own certificate, for others to trust.
func (ca *CA) Certificate() *x509.Certificate { return ca.certificate }

// Certificates returns the certificate of the authority in dir, for a client
// to trust without any installation; none if there is no authority.
func Certificates(dir string) ([]*x509.Certificate, error) {
	der, err := readPEM(filepath.Join(dir, rootFile), "CERTIFICATE")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", filepath.Join(dir, rootFile), err)
	}
	return []*x509.Certificate{certificate}, nil
}

// Install adds the authority to the trust stores of the system and of its
// browsers. It runs the system's own tools, and asks for the rights that these
// need.
func (ca *CA) Install() error {
	return truststore.Install(ca.certificate, truststore.WithFirefox())
}

// Uninstall undoes Install. The authority's files stay.
func (ca *CA) Uninstall() error {
	return truststore.Uninstall(ca.certificate, truststore.WithFirefox())
}

// Issue makes a certificate for the names in memory, for a server of this
// process.
func (ca *CA) Issue(names ...string) (*tls.Certificate, error) {
	leaf, key, err := ca.issue(names)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}, nil
}

// serialNumber is 128 random bits (RFC 5280, Section 4.1.2.2 allows 20 bytes).
func serialNumber() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
}

// owner tells authorities of several machines apart, as USER@HOST.
func owner() string {
	name, host := "user", "localhost"
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil && h != "" {
		host = h
	}
	return name + "@" + host
}
