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
	"context"
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
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"time"

	"github.com/gofrs/flock"
	"github.com/smallstep/truststore"

	"frostkit/internal/durable"
	"frostkit/internal/lockfile"
)

// The files of an authority, and the modes that mkcert gives them.
const (
	rootFile    = "rootCA.pem"
	rootKeyFile = "rootCA-key.pem"

	certificateMode = 0o644
	rootKeyMode     = 0o400
	keyMode         = 0o600
)

const (
	rootYears = 10
	skew      = time.Hour // by which clocks may differ

	lockFile = ".frostkit.lock"
)

// ErrNoKey is what an authority makes no certificates with: its private key is
// elsewhere, and this copy of it can be trusted only.
var ErrNoKey = errors.New("the private key of the local CA (" + rootKeyFile + ") is missing")

// ExpiredError says that the authority's certificate does not count, so that nobody
// accepts what it signs.
type ExpiredError struct {
	From, Until time.Time
	NotYet      bool // before From, by this machine's clock
}

// Error says since when, or from when on.
func (e *ExpiredError) Error() string {
	if e.NotYet {
		return "the local CA is valid from " + e.From.UTC().Format(time.DateOnly) + " on: is this machine's clock right?"
	}
	return "the local CA has expired on " + e.Until.UTC().Format(time.DateOnly)
}

// Valid fails with an [ExpiredError] if the authority is not valid at a time.
func (ca *CA) Valid(now time.Time) error {
	from, until := ca.certificate.NotBefore, ca.certificate.NotAfter
	if now.After(until) || now.Before(from) {
		return &ExpiredError{From: from, Until: until, NotYet: now.Before(from)}
	}
	return nil
}

// CA is a local certificate authority.
type CA struct {
	certificate *x509.Certificate
	key         crypto.Signer // nil if it is elsewhere
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
	if runtime.GOOS == "windows" {
		return os.UserCacheDir() // %LocalAppData%
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return dir, nil
	}
	if runtime.GOOS == "darwin" {
		return os.UserConfigDir() // ~/Library/Application Support
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "share"), err
}

// New makes an authority that exists in memory alone.
func New() (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making the key of a local CA: %w", err)
	}
	return newCA(key)
}

// newCA signs a certificate for the key of an authority with that key.
func newCA(key crypto.Signer) (*CA, error) {
	owner := owner()
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{"frostkit local CA"}, OrganizationalUnit: []string{owner}, CommonName: "frostkit " + owner,
		},
		NotBefore: time.Now().Add(-skew), NotAfter: time.Now().AddDate(rootYears, 0, 0),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the certificate of a local CA: %w", err)
	}
	certificate, err := x509.ParseCertificate(der)
	return &CA{certificate, key}, err
}

// LoadOrCreate reads the authority in dir, or makes one there; created tells
// which. Where the private key alone is missing, the authority can be trusted
// and installed, and makes no certificates; where the certificate alone is
// missing, as after a crash, a new one is made for the key. It waits until ctx ends for another process that makes one.
func LoadOrCreate(ctx context.Context, dir string) (ca *CA, created bool, err error) {
	ca, err = load(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return ca, false, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, false, fmt.Errorf("making the folder of the local CA: %w", err)
	}
	// Two who make one at the same time would mix their files.
	lock := flock.New(filepath.Join(dir, lockFile))
	if err := (lockfile.Wait{Path: dir}).Lock(ctx, lock.TryLock); err != nil {
		return nil, false, fmt.Errorf("locking the folder of the local CA: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if ca, err = load(dir); !errors.Is(err, fs.ErrNotExist) {
		return ca, false, err
	}
	ca, err = create(dir)
	return ca, err == nil, err
}

// create makes an authority in dir, with the key that is there if there is one.
func create(dir string) (*CA, error) {
	key, err := loadKey(dir)
	var ca *CA
	switch {
	case errors.Is(err, fs.ErrNotExist):
		ca, err = New()
	case err == nil:
		ca, err = newCA(key)
	}
	if err != nil {
		return nil, err
	}
	return ca, ca.save(dir)
}

// load reads the authority in dir. It fails with fs.ErrNotExist if its
// certificate is not there.
func load(dir string) (*CA, error) {
	certificate, err := loadCertificate(dir)
	if err != nil {
		return nil, err
	}
	key, err := loadKey(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &CA{certificate: certificate}, nil
	case err != nil:
		return nil, err
	case !samePublicKey(certificate.PublicKey, key.Public()):
		return nil, fmt.Errorf("%q and %q in %q do not belong together", rootFile, rootKeyFile, dir)
	}
	return &CA{certificate, key}, nil
}

func loadCertificate(dir string) (*x509.Certificate, error) {
	path := filepath.Join(dir, rootFile)
	der, err := readPEM(path, "CERTIFICATE")
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("reading %q: %w", path, err)
	}
	return certificate, nil
}

// loadKey reads the private key of the authority in dir.
func loadKey(dir string) (crypto.Signer, error) {
	path := filepath.Join(dir, rootKeyFile)
	der, err := readPEM(path, "PRIVATE KEY")
	if err != nil {
		return nil, err
	}
	defer clear(der)
	private, err := x509.ParsePKCS8PrivateKey(der)
	key, ok := private.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("reading %q: it holds no usable private key", path)
	}
	return key, nil
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
	defer clear(data)
	block, _ := pem.Decode(data)
	if block == nil || block.Type != kind {
		return nil, fmt.Errorf("reading %q: no PEM block %s in it", path, kind)
	}
	return block.Bytes, nil
}

// save writes the key first: it alone can be completed, a certificate cannot.
func (ca *CA) save(dir string) error {
	if err := writeKey(filepath.Join(dir, rootKeyFile), ca.key, rootKeyMode); err != nil {
		return err
	}
	return writeCertificate(filepath.Join(dir, rootFile), ca.certificate.Raw)
}

// writeKey writes a private key, after what else is to be in the file.
func writeKey(path string, key crypto.Signer, mode fs.FileMode, before ...byte) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	defer clear(der)
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	defer clear(text)
	whole := append(before, text...)
	defer clear(whole)
	return durable.WriteFile(path, whole, mode)
}

func writeCertificate(path string, der []byte) error {
	return durable.WriteFile(path, encodeCertificate(der), certificateMode)
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Certificate returns the authority's own certificate, for others to trust.
func (ca *CA) Certificate() *x509.Certificate { return ca.certificate }

// Certificates returns the certificate of the authority in dir, for a client
// to trust without any installation; none if there is no authority.
func Certificates(dir string) ([]*x509.Certificate, error) {
	certificate, err := loadCertificate(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []*x509.Certificate{certificate}, nil
}

// Install adds the authority to the trust stores of the system, its browsers
// and Java. It runs the system's own tools, and asks for the rights that these
// need. What fails half way is undone, unless the system trusted the authority before: what
// was left would be trusted as soon as any program updates the stores.
func (ca *CA) Install() error {
	_, err := ca.certificate.Verify(x509.VerifyOptions{})
	before := err == nil
	err = truststore.Install(ca.certificate, ca.stores()...)
	if err == nil || before {
		return err
	}
	// Undoing it updates the stores, too, which may be what has failed.
	_ = ca.Uninstall()
	return err
}

// Uninstall undoes Install. The authority's files stay.
func (ca *CA) Uninstall() error { return truststore.Uninstall(ca.certificate, ca.stores()...) }

// stores names the trust stores and, as mkcert does, the authority in them.
func (ca *CA) stores() []truststore.Option {
	options := []truststore.Option{truststore.WithFirefox(), truststore.WithJava()}
	if organization := ca.certificate.Subject.Organization; len(organization) > 0 {
		options = append(options, truststore.WithPrefix(organization[0]+" "))
	}
	return options
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
