package operate

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"frostkit/relay"
	"frostkit/relay/localca"
)

// pebbleVersion is Let's Encrypt's ACME server for tests.
const pebbleVersion = "v2.10.1"

// tool returns the path of one of pebble's programs, and installs it into
// bin/tools if it is not there.
func tool(t *testing.T, name string) string {
	t.Helper()
	folder, err := filepath.Abs("../../bin/tools")
	check(t, err)
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err == nil {
		return path
	}
	install := exec.CommandContext(t.Context(), "go", "install", "github.com/letsencrypt/pebble/v2/cmd/"+name+"@"+pebbleVersion)
	install.Env = append(os.Environ(), "GOBIN="+folder, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("installing %s: %v: %s", name, err, out)
	}
	return path
}

// start runs a program until the test ends.
func start(t *testing.T, env []string, path string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var out bytes.Buffer
	program := exec.CommandContext(ctx, path, args...)
	program.Env = append(os.Environ(), env...)
	program.Stdout, program.Stderr = &out, &out
	check(t, program.Start())
	t.Cleanup(func() {
		cancel()
		_ = program.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(path), &out)
		}
	})
}

// freePort returns a port that nobody listened at a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// pebble is a running ACME server.
type pebble struct {
	directory  string // its URL
	roots      string // a file with the root of its own certificate
	management string // its URL
	client     *http.Client
}

// startPebble runs an authority for which every name is on this machine, and
// which looks for challenges at these ports.
func startPebble(t *testing.T, tlsPort, httpPort int) *pebble {
	t.Helper()
	dir := t.TempDir()
	ca, err := localca.New()
	check(t, err)
	pair, err := ca.Make(dir, "127.0.0.1")
	check(t, err)
	roots := filepath.Join(dir, "root.pem")
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate().Raw})
	write(t, roots, string(root))
	address := func() string { return "127.0.0.1:" + strconv.Itoa(freePort(t)) }
	dns, api, management := address(), address(), address()
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": api, "managementListenAddress": management,
		"certificate": filepath.Join(dir, pair.CertFile), "privateKey": filepath.Join(dir, pair.KeyFile),
		"httpPort": httpPort, "tlsPort": tlsPort,
		"profiles": map[string]any{"default": map[string]any{"description": "for tests", "validityPeriod": 86400}},
	}})
	check(t, err)
	write(t, filepath.Join(dir, "pebble.json"), string(config))
	start(t, nil, tool(t, "pebble-challtestsrv"), "-defaultIPv6", "", "-defaultIPv4", "127.0.0.1", "-dnsserver", dns,
		"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", address())
	start(t, []string{"PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0"}, tool(t, "pebble"),
		"-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dns)
	transport, err := transportTo(roots)
	check(t, err)
	transport.DisableKeepAlives = true
	p := &pebble{"https://" + api + "/dir", roots, "https://" + management, &http.Client{Transport: transport, Timeout: 10 * time.Second}}
	waitFor(t, "pebble", func() bool { _, err := p.get(p.directory); return err == nil })
	return p
}

// waitFor asks again and again until something is there.
func waitFor(t *testing.T, what string, there func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); !there(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%s is not there after 30 s", what)
		}
	}
}

func (p *pebble) get(url string) ([]byte, error) {
	response, err := p.client.Get(url)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != 200 {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	return body, err
}

// issued returns the root that signs what pebble issues.
func (p *pebble) issued(t *testing.T) *x509.CertPool {
	t.Helper()
	root, err := p.get(p.management + "/roots/0")
	check(t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(root) {
		t.Fatalf("no root in %s", root)
	}
	return pool
}

// relayWith serves a relay with certificates by ACME on a port.
func relayWith(t *testing.T, config *tls.Config, listener net.Listener) {
	t.Helper()
	server, err := relay.NewServer(relay.Config{TLS: config})
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-done)
	})
}

// health asks the relay at address, under a name, whether it is there.
func health(address, name string, roots *x509.CertPool) (string, error) {
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: name},
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	response, err := client.Get("https://" + address + "/healthz")
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// A relay gets its certificate from an authority by either challenge, keeps it,
// and gets none for names that are not its own.
func TestACME(t *testing.T) {
	for _, challenge := range []string{"tls-alpn-01", "http-01"} {
		t.Run(challenge, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			check(t, err)
			address := listener.Addr().String()
			tlsPort, httpPort := listener.Addr().(*net.TCPAddr).Port, freePort(t)
			if challenge == "http-01" {
				tlsPort = freePort(t) // where nobody answers
			}
			ca := startPebble(t, tlsPort, httpPort)
			acme := &ACME{Domains: []string{"relay.test"}, Email: "op@relay.test", Folder: filepath.Join(t.TempDir(), "acme"), Directory: ca.directory, Roots: ca.roots}
			manager, err := acme.Manager()
			check(t, err)
			manager.Client.HTTPClient.Transport.(*http.Transport).DisableKeepAlives = true
			if challenge == "http-01" {
				challenges := manager.HTTPHandler(nil)
				serveChallenges(t, httpPort, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Host = "relay.test" // as it is at port 80
					challenges.ServeHTTP(w, r)
				}))
			}
			metrics, start := NewMetrics(), time.Now()
			log, logged := newLog()
			relayWith(t, metrics.TLS(manager, log), listener)
			if body, err := health(address, "relay.test", ca.issued(t)); err != nil || body != "ok\n" {
				t.Fatalf("asking the relay: %q, %v", body, err)
			}
			if _, err := health(address, "other.test", ca.issued(t)); err == nil {
				t.Error("the relay has a certificate for another name")
			}
			day := float64(start.Add(24 * time.Hour).Unix()) // as pebble issues them
			if at := expiry(t, metrics); at < day-60 || at > day+60 || logged.String() != "" {
				t.Errorf("the certificate expires at %v, want about %v; logged %q", at, day, logged)
			}
			kept, err := os.ReadDir(acme.Folder)
			check(t, err)
			var names []string
			for _, entry := range kept {
				names = append(names, entry.Name())
				info, err := entry.Info()
				check(t, err)
				if info.Mode().Perm() != 0o600 {
					t.Errorf("%s has mode %v", entry.Name(), info.Mode())
				}
			}
			if !strings.Contains(strings.Join(names, " "), "relay.test") {
				t.Errorf("kept are %q", names)
			}
		})
	}
}

// expiry reads when the certificate expires from the metrics.
func expiry(t *testing.T, metrics *Metrics) (at float64) {
	t.Helper()
	_, rest, _ := strings.Cut(scrape(t, metrics), "\nfrostkit_relay_certificate_expiry_seconds ")
	at, err := strconv.ParseFloat(strings.SplitN(rest, "\n", 2)[0], 64)
	check(t, err)
	return at
}

// An authority that cannot be reached is told to the operator, and who tries names
// tells the operator nothing.
func TestACMEFailures(t *testing.T) {
	acme := &ACME{Domains: []string{"relay.test"}, Folder: t.TempDir(), Directory: "https://127.0.0.1:1/dir"}
	manager, err := acme.Manager()
	check(t, err)
	metrics := NewMetrics()
	log, logged := newLog()
	config := metrics.TLS(manager, log)
	for _, name := range []string{"other.test", "", "relay", "relay.test", "Relay.test"} {
		if _, err := config.GetCertificate(&tls.ClientHelloInfo{ServerName: name}); err == nil {
			t.Errorf("a certificate for %q", name)
		}
	}
	text := logged.String()
	if strings.Count(text, "level=ERROR") != 1 || !strings.Contains(text, "domain=relay.test") || !strings.Contains(text, "127.0.0.1:1") {
		t.Errorf("logged %s", text)
	}
	if text := scrape(t, metrics); !strings.Contains(text, "frostkit_relay_certificate_failures_total 2\n") {
		t.Errorf("metrics:\n%s", text)
	}
	if at := expiry(t, metrics); !math.IsNaN(at) {
		t.Errorf("no certificate expires at %v", at)
	}
}

func serveChallenges(t *testing.T, port int, handler http.Handler) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
	check(t, err)
	log, _ := newLog()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, listener, handler, log) }()
	t.Cleanup(func() {
		cancel()
		check(t, <-done)
	})
}

func TestACMERefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.pem")
	write(t, empty, "")
	for name, acme := range map[string]ACME{
		"no domain":      {Folder: dir},
		"no root":        {Domains: []string{"a.test"}, Folder: dir, Roots: empty},
		"no such root":   {Domains: []string{"a.test"}, Folder: dir, Roots: dir + "/none"},
		"no such folder": {Domains: []string{"a.test"}, Folder: empty + "/acme"},
	} {
		if _, err := acme.Manager(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
