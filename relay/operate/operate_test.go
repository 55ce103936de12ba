package operate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frostkit/commkey"
	"frostkit/internal/testlog"
	"frostkit/relay/localca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newLog() (*slog.Logger, *testlog.Buffer) {
	var b testlog.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte(text), 0o600))
}

// replace puts a copy of a file into the place of another.
func replace(t testing.TB, path, with string) {
	t.Helper()
	data, err := os.ReadFile(with)
	check(t, err)
	write(t, path, string(data))
}

func newKey(t testing.TB) commkey.PublicKey {
	t.Helper()
	key, err := commkey.Generate(rand.Reader)
	check(t, err)
	return key.Public()
}

// due makes the next Get look at the files.
func due[T any](f *File[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looked = f.looked.Add(-lookEvery)
}

func TestAllowedKeysAreReadAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allowed")
	log, logged := newLog()
	alice, bob := newKey(t), newKey(t)
	write(t, path, "# the board\n\n  "+alice.String()+" # Alice\n")
	keys, err := AllowFile(log, path, commkey.ParsePublicKey)
	check(t, err)
	want := func(hasAlice, hasBob bool) {
		t.Helper()
		got := keys.Get()
		if got[alice] != hasAlice || got[bob] != hasBob {
			t.Errorf("Alice %t, Bob %t, want %t, %t", got[alice], got[bob], hasAlice, hasBob)
		}
	}
	want(true, false)
	write(t, path, alice.String()+"\n"+bob.String()+"\n")
	due(keys)
	want(true, true)
	write(t, path, "rubbish\n"+bob.String()+"\nmore rubbish\n")
	due(keys)
	want(true, true) // what was read before
	if !strings.Contains(logged.String(), "allowed:1:") || !strings.Contains(logged.String(), "allowed:3:") {
		t.Errorf("the log does not say which lines: %s", logged)
	}
	check(t, os.Remove(path))
	due(keys)
	want(true, true)
	write(t, path, bob.String())
	keys.Reload()
	want(false, true)
}

func TestAllowFileRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "allowed")
	log, _ := newLog()
	if _, err := AllowFile(log, path, commkey.ParsePublicKey); err == nil {
		t.Error("read a file that is not there")
	}
	write(t, path, strings.Repeat("00", 32))
	if _, err := AllowFile(log, path, commkey.ParsePublicKey); err == nil || !strings.Contains(err.Error(), "allowed:1") {
		t.Errorf("read a key of low order: %v", err)
	}
	check(t, os.Truncate(path, maxAllowed+1))
	if _, err := AllowFile(log, path, commkey.ParsePublicKey); err == nil {
		t.Error("read a file that is too large")
	}
}

// handshake returns the serial number of the certificate that a server shows.
func handshake(t *testing.T, config *tls.Config) string {
	t.Helper()
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(server, config).Handshake() }()
	conn := tls.Client(client, &tls.Config{InsecureSkipVerify: true}) // it is compared below
	check(t, conn.Handshake())
	check(t, <-done)
	return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
}

func TestCertificatesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	log, logged := newLog()
	ca, err := localca.New()
	check(t, err)
	certificate, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	makePair := func() (certificate, key string) {
		folder := t.TempDir()
		pair, err := ca.Make(folder, "localhost")
		check(t, err)
		return filepath.Join(folder, pair.CertFile), filepath.Join(folder, pair.KeyFile)
	}
	newCertificate, newKey := makePair()
	replace(t, certificate, newCertificate)
	replace(t, key, newKey)
	files, err := CertificateFiles(log, certificate, key)
	check(t, err)
	config := ServerTLS(files)
	first := handshake(t, config)

	newCertificate, newKey = makePair()
	replace(t, certificate, newCertificate) // and not yet the key
	due(files)
	if got := handshake(t, config); got != first {
		t.Errorf("a certificate without its key is shown: %s", got)
	}
	if !strings.Contains(logged.String(), "keeping what was read before") {
		t.Errorf("log: %s", logged)
	}
	replace(t, key, newKey)
	due(files)
	if got := handshake(t, config); got == first {
		t.Error("the new certificate is not shown")
	}
	if strings.Contains(logged.String(), "PRIVATE") {
		t.Error("the log has the key")
	}
}

func TestListenAdminIsForTheOperatorAlone(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:80", "127.0.0.1", ""} {
		if listener, err := ListenAdmin(address); err == nil {
			listener.Close()
			t.Errorf("listens on %q", address)
		}
	}
	for _, address := range []string{"127.0.0.1:0", "localhost:0"} {
		listener, err := ListenAdmin(address)
		check(t, err)
		check(t, listener.Close())
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	listener, err := ListenAdmin("127.0.0.1:0")
	check(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	log, _ := newLog()
	done := make(chan error, 1)
	health := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	go func() { done <- Serve(ctx, listener, AdminHandler(NewMetrics(), health), log) }()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for path, part := range map[string]string{"/healthz": "ok", "/metrics": "frostkit_relay_connections 0", "/debug/pprof/cmdline": "test"} {
		response, err := client.Get("http://" + listener.Addr().String() + path)
		check(t, err)
		body, err := io.ReadAll(response.Body)
		check(t, err)
		response.Body.Close()
		if response.StatusCode != 200 || !strings.Contains(string(body), part) {
			t.Errorf("%s: %d %.200q, want %q", path, response.StatusCode, body, part)
		}
	}
	cancel()
	check(t, <-done)
}

// scrape returns the metrics as text.
func scrape(t *testing.T, m *Metrics) string {
	t.Helper()
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	if recorder.Code != 200 {
		t.Fatalf("reading the metrics: %d %s", recorder.Code, recorder.Body)
	}
	return recorder.Body.String()
}

// A relay's certificate that no client would take is refused, and one that is read later keeps the earlier one.
func TestCertificateOutOfTime(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		from, until time.Time
		want        string
	}{
		"expired": {now.AddDate(0, -2, 0), now.AddDate(0, -1, 0), "it has expired on"},
		"not yet": {now.AddDate(0, 1, 0), now.AddDate(0, 2, 0), "it is valid from"},
		"valid":   {now.AddDate(0, -1, 0), now.AddDate(0, 1, 0), ""},
	} {
		certificate, key := selfSigned(t, c.from, c.until)
		log, _ := newLog()
		if _, err := CertificateFiles(log, certificate, key); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	certificate, key := selfSigned(t, now.Add(-time.Hour), now.Add(time.Hour))
	log, text := newLog()
	files, err := CertificateFiles(log, certificate, key)
	check(t, err)
	until := files.Get().Leaf.NotAfter
	old, oldKey := selfSigned(t, now.AddDate(0, -2, 0), now.AddDate(0, -1, 0))
	replace(t, certificate, old)
	replace(t, key, oldKey)
	files.Reload()
	if !files.Get().Leaf.NotAfter.Equal(until) || !strings.Contains(text.String(), "it has expired on") {
		t.Errorf("an expired certificate took the place of a valid one; the log: %s", text)
	}
}

// selfSigned writes a certificate and its key.
func selfSigned(t *testing.T, from, until time.Time) (certificateFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: until, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	dir := t.TempDir()
	certificateFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, certificateFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	return certificateFile, keyFile
}

// A page in a browser whose name leads to the operator's address reads nothing there, and
// nobody reads the program's arguments.
func TestAdminAnswersThisMachineAlone(t *testing.T) {
	handler := AdminHandler(NewMetrics(), http.NotFoundHandler())
	status := func(host, path string) int {
		request := httptest.NewRequest("GET", path, nil)
		request.Host = host
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		return recorder.Code
	}
	for host, want := range map[string]int{
		"127.0.0.1:9744": 200, "localhost:9744": 200, "LOCALHOST": 200, "[::1]:9744": 200, "127.0.0.2": 200,
		"evil.example": 421, "evil.example:9744": 421, "localhost.evil.example:9744": 421, "127.0.0.1.evil.example": 421,
		"192.0.2.1:9744": 421, "": 421,
	} {
		if got := status(host, "/metrics"); got != want {
			t.Errorf("Host %q: status %d, want %d", host, got, want)
		}
	}
	defer func(args []string) { os.Args = args }(os.Args)
	os.Args = []string{"frostkit", "--store", "redis://:S3cret@localhost"}
	request := httptest.NewRequest("GET", "/debug/pprof/cmdline", nil)
	request.Host = "localhost"
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	if got := recorder.Body.String(); got != "frostkit" {
		t.Errorf("the arguments are told: %q", got)
	}
}
