package testscripts

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"frostkit/internal/testlog"
	"frostkit/runner"
)

// tap is a proxy with TLS before a relay. It notes all that must not be logged.
type tap struct {
	proxy http.Handler

	mu      sync.Mutex
	secrets map[string]bool
}

var (
	hexValue  = regexp.MustCompile(`[0-9a-f]{32,}`)
	tokenText = regexp.MustCompile(`"(?:access_token|challenge)":"([0-9a-f-]{36})"`)
)

func (p *tap) note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, value := range hexValue.FindAllString(text, -1) { // keys, signatures, messages
		p.secrets[value] = true
	}
	for _, found := range tokenText.FindAllStringSubmatch(text, -1) {
		p.secrets[found[1]] = true
	}
}

// ServeHTTP notes what passes in both directions.
func (p *tap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	p.note(string(body))
	r.Body = io.NopCloser(bytes.NewReader(body))
	recorder := httptest.NewRecorder()
	p.proxy.ServeHTTP(recorder, r)
	p.note(recorder.Body.String())
	for name, values := range recorder.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

// frostkitIn runs the program in this process, with a folder as its home.
func frostkitIn(ctx context.Context, home string, talk io.Writer, args ...string) int {
	env := &runner.Env{
		Context: ctx, Stdin: strings.NewReader(""), Stdout: talk, Stderr: talk,
		Getenv: func(name string) string { return map[string]string{"HOME": home}[name] },
	}
	return runner.Main(append([]string{"frostkit"}, args...), env)
}

// startLogged starts a relay that logs all there is, and returns its address.
func startLogged(t *testing.T, dir string, log io.Writer) (address string) {
	t.Helper()
	ready := filepath.Join(dir, "ready")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int, 1)
	go func() {
		done <- frostkitIn(ctx, dir, log, "relay", "-n", "-p", "0", "--store", "memory", "--ready-file", ready,
			"--log-level", "debug", "--log-format", "json", "--trust-proxy", "127.0.0.0/8", "--admin", "127.0.0.1:0")
	}()
	t.Cleanup(func() {
		stop()
		if code := <-done; code != runner.ExitOK {
			t.Errorf("the relay ended with code %d", code)
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if data, err := os.ReadFile(ready); err == nil && bytes.HasSuffix(data, []byte("\n")) {
			return strings.TrimSpace(string(data))
		}
	}
	t.Fatal("the relay is not there")
	return ""
}

const loggedCeremony = `version: 1
ceremony: logged
threshold: 2
server: {url: "%s", ca: ca.pem}
members: {Alice: {}, Bob: {}, Eve: {}}
group: {description: logged}
sign:
  - {message: message.txt, signers: [Alice, Eve], output: message.sig}
`

// TestLogsOfACeremony runs a ceremony through a relay that logs at debug level,
// and looks in the log for every key, token, message and share of it.
func TestLogsOfACeremony(t *testing.T) {
	dir := t.TempDir()
	var log, talk testlog.Buffer
	relayURL := &url.URL{Scheme: "http", Host: startLogged(t, dir, &log)}
	p := &tap{proxy: httputil.NewSingleHostReverseProxy(relayURL), secrets: map[string]bool{}}
	front := httptest.NewTLSServer(p)
	defer front.Close()
	const message = "what the board decided behind closed doors"
	for name, text := range map[string]string{
		"ca.pem":      string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw})),
		"message.txt": message,
		"logged.yaml": strings.Replace(loggedCeremony, "%s", strings.TrimPrefix(front.URL, "https://"), 1),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code := frostkitIn(t.Context(), dir, &talk, "run", filepath.Join(dir, "logged.yaml"), "--all", "--yes"); code != runner.ExitOK {
		t.Fatalf("the ceremony ended with code %d:\n%s", code, &talk)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.toml"))
	if err != nil || len(files) != 3 {
		t.Fatalf("credentials %q, %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p.note(string(data))
	}
	p.secrets[message], p.secrets[hex.EncodeToString([]byte(message))] = true, true
	searchLog(t, strings.ToLower(log.String()), p.secrets)
}

func searchLog(t *testing.T, log string, secrets map[string]bool) {
	t.Helper()
	for _, call := range []string{"challenge", "login", "create_new_session", "list_sessions", "get_session_info", "send", "receive", "close_session", "logout"} {
		if !strings.Contains(log, `"call":"`+call+`"`) {
			t.Errorf("the log has no %s", call)
		}
	}
	if !strings.Contains(log, `"session":"`) || !strings.Contains(log, `"member":"`) {
		t.Error("the log has no ids")
	}
	if len(secrets) < 50 {
		t.Errorf("only %d secrets were seen", len(secrets))
	}
	for secret := range secrets {
		if strings.Contains(log, strings.ToLower(secret)) {
			t.Errorf("the log has %q", secret)
		}
	}
}
