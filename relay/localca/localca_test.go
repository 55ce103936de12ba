package localca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func makeCA(t *testing.T, dir string) *CA {
	t.Helper()
	ca, created, err := LoadOrCreate(t.Context(), dir)
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	return ca
}

func mode(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestRootFolder(t *testing.T) {
	for _, c := range []struct{ caroot, xdg, home, want string }{
		{"/ca", "/data", "/home/me", "/ca"},
		{"", "/data", "/home/me", "/data/mkcert"},
		{"", "", "/home/me", "/home/me/.local/share/mkcert"},
	} {
		if runtime.GOOS != "linux" && c.caroot == "" {
			continue // the folders of Linux
		}
		t.Setenv("CAROOT", c.caroot)
		t.Setenv("XDG_DATA_HOME", c.xdg)
		t.Setenv("HOME", c.home)
		if got, err := Root(); err != nil || got != c.want {
			t.Errorf("CAROOT=%q XDG_DATA_HOME=%q: %q, %v, want %q", c.caroot, c.xdg, got, err, c.want)
		}
	}
}

func TestCreateThenLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "folder")
	made := makeCA(t, dir)
	loaded, created, err := LoadOrCreate(t.Context(), dir)
	if err != nil || created || !loaded.Certificate().Equal(made.Certificate()) {
		t.Fatalf("loaded %v, created %t, %v", loaded, created, err)
	}
	root := made.Certificate()
	if !root.IsCA || !root.MaxPathLenZero || root.KeyUsage != x509.KeyUsageCertSign || len(root.SubjectKeyId) == 0 {
		t.Errorf("root %+v", root)
	}
	if years := root.NotAfter.Year() - time.Now().Year(); years != 10 {
		t.Errorf("the root is valid for %d years", years)
	}
	if m := mode(t, filepath.Join(dir, "rootCA-key.pem")); m != 0o400 {
		t.Errorf("mode of the key %o", m)
	}
	if m := mode(t, filepath.Join(dir, "rootCA.pem")); m != 0o644 {
		t.Errorf("mode of the certificate %o", m)
	}
}

func TestCreateAtTheSameTime(t *testing.T) {
	dir := t.TempDir()
	var creating sync.WaitGroup
	authorities := make([]*CA, 8)
	for i := range authorities {
		creating.Go(func() {
			var err error
			if authorities[i], _, err = LoadOrCreate(t.Context(), dir); err != nil {
				t.Error(err)
			}
		})
	}
	creating.Wait()
	for _, ca := range authorities {
		if ca != nil && !ca.Certificate().Equal(authorities[0].Certificate()) {
			t.Error("there are two authorities")
		}
	}
}

// copyMkcert returns a folder with the authority of mkcert.
func copyMkcert(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/mkcert")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestAuthorityOfMkcert(t *testing.T) {
	dir := copyMkcert(t)
	ca, created, err := LoadOrCreate(t.Context(), dir)
	if err != nil || created {
		t.Fatalf("created %t, %v", created, err)
	}
	if _, ok := ca.Certificate().PublicKey.(*rsa.PublicKey); !ok {
		t.Errorf("the key is %T", ca.Certificate().PublicKey)
	}
	pair, err := ca.Make(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	verify(t, ca, pair.Certificate, "localhost")
}

// verify checks that the certificate serves for a name under the authority.
func verify(t *testing.T, ca *CA, leaf *x509.Certificate, name string) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(ca.Certificate())
	if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); err != nil {
		t.Errorf("verifying for %s: %v", name, err)
	}
}

func TestMake(t *testing.T) {
	ca := makeCA(t, t.TempDir())
	dir := t.TempDir()
	names := []string{"localhost", "127.0.0.1", "::1", "me@relay.example", "https://relay.example/path", "*.relay.example"}
	pair, err := ca.Make(dir, names...)
	if err != nil {
		t.Fatal(err)
	}
	if pair.CertFile != "localhost+5.pem" || pair.KeyFile != "localhost+5-key.pem" {
		t.Errorf("files %q and %q", pair.CertFile, pair.KeyFile)
	}
	if m := mode(t, filepath.Join(dir, pair.KeyFile)); m != 0o600 {
		t.Errorf("mode of the key %o", m)
	}
	served, err := tls.LoadX509KeyPair(filepath.Join(dir, pair.CertFile), filepath.Join(dir, pair.KeyFile))
	if err != nil {
		t.Fatal(err)
	}
	leaf := served.Leaf
	if len(leaf.DNSNames) != 2 || len(leaf.IPAddresses) != 2 || len(leaf.EmailAddresses) != 1 || len(leaf.URIs) != 1 {
		t.Errorf("names %v %v %v %v", leaf.DNSNames, leaf.IPAddresses, leaf.EmailAddresses, leaf.URIs)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "a.relay.example"} {
		verify(t, ca, leaf, name)
	}
	if err := leaf.VerifyHostname("other.example"); err == nil {
		t.Error("the certificate serves for any name")
	}
	if want := time.Now().AddDate(2, 3, 0); leaf.NotAfter.Sub(want).Abs() > time.Minute {
		t.Errorf("valid until %v, want %v", leaf.NotAfter, want)
	}
	if life := leaf.NotAfter.Sub(leaf.NotBefore); life > 825*24*time.Hour {
		t.Errorf("valid for %v, over Apple's 825 days", life)
	}
	if leaf.SerialNumber.Sign() <= 0 || leaf.SerialNumber.BitLen() < 64 {
		t.Errorf("serial number %v", leaf.SerialNumber)
	}
}

func TestMakeAt(t *testing.T) {
	ca := makeCA(t, t.TempDir())
	dir := t.TempDir()
	t.Chdir(dir)
	for _, c := range []struct{ certFile, keyFile, wantCert, wantKey string }{
		{"", "", "localhost.pem", "localhost-key.pem"},
		{"a.crt", "", "a.crt", "localhost-key.pem"},
		{"", filepath.Join(dir, "b.key"), "localhost.pem", filepath.Join(dir, "b.key")},
		{"both.pem", "./both.pem", "both.pem", "./both.pem"},
	} {
		pair, err := ca.MakeAt(c.certFile, c.keyFile, "localhost")
		if err != nil {
			t.Fatal(err)
		}
		if pair.CertFile != c.wantCert || pair.KeyFile != c.wantKey || mode(t, c.wantKey) != 0o600 {
			t.Errorf("%+v: files %q and %q, mode %o", c, pair.CertFile, pair.KeyFile, mode(t, c.wantKey))
		}
		served, err := tls.LoadX509KeyPair(pair.CertFile, pair.KeyFile)
		if err != nil || !served.Leaf.Equal(pair.Certificate) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestFileNames(t *testing.T) {
	for want, names := range map[string][]string{
		"example.com":            {"example.com"},
		"example.com+4":          {"example.com", "myapp.dev", "localhost", "127.0.0.1", "::1"},
		"_wildcard.example.it":   {"*.example.it"},
		"__1":                    {"::1"},
		"localhost+1":            {"localhost", "::1"},
		"https_.._.._etc_passwd": {"https:../../etc/passwd"},
	} {
		if got := fileName(names); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
}

func TestUsagesOfACertificate(t *testing.T) {
	ca := makeCA(t, t.TempDir())
	for name, want := range map[string]x509.ExtKeyUsage{
		"me@relay.example": x509.ExtKeyUsageEmailProtection, "localhost": x509.ExtKeyUsageServerAuth,
	} {
		served, err := ca.Issue(name)
		if err != nil || len(served.Leaf.ExtKeyUsage) != 1 || served.Leaf.ExtKeyUsage[0] != want {
			t.Errorf("%s: %v, %v", name, served, err)
		}
	}
}

func TestMakeRefuses(t *testing.T) {
	ca := makeCA(t, t.TempDir())
	dir := t.TempDir()
	for _, names := range [][]string{nil, {""}, {"localhost", "a b"}, {"münchen.example"}, {"a\n"}, {"**.example"}} {
		if _, err := ca.Make(dir, names...); err == nil {
			t.Errorf("made a certificate for %q", names)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("files are left: %v, %v", entries, err)
	}
	if _, err := ca.Make(filepath.Join(dir, "missing"), "localhost"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: %v", err)
	}
}

func TestWithoutItsKey(t *testing.T) {
	dir := copyMkcert(t)
	if err := os.Remove(filepath.Join(dir, "rootCA-key.pem")); err != nil {
		t.Fatal(err)
	}
	ca, created, err := LoadOrCreate(t.Context(), dir)
	if err != nil || created || ca.Certificate() == nil {
		t.Fatalf("loaded %v, created %t, %v", ca, created, err)
	}
	if _, err := ca.Make(t.TempDir(), "localhost"); !errors.Is(err, ErrNoKey) {
		t.Errorf("made a certificate: %v", err)
	}
}

func TestWithoutItsCertificate(t *testing.T) {
	dir := copyMkcert(t)
	if err := os.Remove(filepath.Join(dir, "rootCA.pem")); err != nil {
		t.Fatal(err)
	}
	old, err := loadKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	ca := makeCA(t, dir)
	if !samePublicKey(ca.Certificate().PublicKey, old.Public()) {
		t.Error("the new certificate is for another key")
	}
}

func TestBrokenAuthorities(t *testing.T) {
	other, err := New()
	if err != nil {
		t.Fatal(err)
	}
	otherRoot := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})
	for name, broken := range map[string]struct{ file, content, want string }{
		"no PEM":                {"rootCA.pem", "hello", "no PEM block CERTIFICATE"},
		"no certificate":        {"rootCA.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "rootCA.pem"},
		"no key":                {"rootCA-key.pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no usable private key"},
		"a key of another kind": {"rootCA-key.pem", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n", "no PEM block PRIVATE KEY"},
		"another certificate":   {"rootCA.pem", string(otherRoot), "do not belong together"},
	} {
		dir := copyMkcert(t)
		if err := os.WriteFile(filepath.Join(dir, broken.file), []byte(broken.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := LoadOrCreate(t.Context(), dir); err == nil || !strings.Contains(err.Error(), broken.want) {
			t.Errorf("%s: %v, want %q", name, err, broken.want)
		}
		got, err := os.ReadFile(filepath.Join(dir, broken.file))
		if err != nil || string(got) != broken.content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	if roots, err := Certificates(dir); err != nil || len(roots) != 0 {
		t.Errorf("an empty folder: %v, %v", roots, err)
	}
	ca := makeCA(t, dir)
	if err := os.Remove(filepath.Join(dir, "rootCA-key.pem")); err != nil {
		t.Fatal(err)
	}
	if roots, err := Certificates(dir); err != nil || len(roots) != 1 || !roots[0].Equal(ca.Certificate()) {
		t.Errorf("certificates %v, %v", roots, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "rootCA.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Certificates(dir); err == nil {
		t.Error("read an empty file")
	}
}

// authority writes one that is valid for a time into a new folder.
func authority(t *testing.T, from, until time.Time) (dir string) {
	t.Helper()
	dir = t.TempDir()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err == nil {
		err = (&CA{certificate, key}).save(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// An authority that does not count signs nothing, and nothing that it signs outlives it.
func TestAuthorityOutOfTime(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, until time.Time
		want        string // in the error
	}{
		"expired":      {now.AddDate(-2, 0, 0), now.AddDate(-1, 0, 0), "expired on " + now.AddDate(-1, 0, 0).UTC().Format(time.DateOnly)},
		"not yet":      {now.AddDate(1, 0, 0), now.AddDate(2, 0, 0), "this machine's clock"},
		"a month left": {now.AddDate(-1, 0, 0), now.AddDate(0, 1, 0), ""},
	} {
		ca, _, err := LoadOrCreate(t.Context(), authority(t, c.from, c.until))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		pair, err := ca.Make(dir, "localhost")
		var expired *ExpiredError
		switch {
		case c.want != "" && (!errors.As(err, &expired) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v", name, err)
		case c.want == "" && (err != nil || pair.Certificate.NotAfter.After(ca.Certificate().NotAfter)):
			t.Errorf("%s: %v, %v", name, pair, err)
		}
		if left, _ := os.ReadDir(dir); c.want != "" && len(left) > 0 {
			t.Errorf("%s: files were written", name)
		}
	}
}
