// Package deploy has tests of the files with which a relay is run.
package deploy

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"frostkit/relay/redisstore/redistest"
)

// patience bounds every wait.
const patience = 60 * time.Second

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	return string(data)
}

// run runs a program to its end and returns what it printed.
func run(t testing.TB, dir string, env []string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 4*patience)
	defer cancel()
	program := exec.CommandContext(ctx, args[0], args[1:]...)
	program.Dir, program.Env = dir, append(os.Environ(), env...)
	out, err := program.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

var build = regexp.MustCompile(`(?m)^RUN CGO_ENABLED=0 (go build .*) -o /frostkit (\./cmd/frostkit)$`)

var built struct {
	sync.Once
	dir string // for TestMain to remove
}

func TestMain(m *testing.M) {
	code := m.Run()
	if err := os.RemoveAll(built.dir); err != nil && code == 0 {
		code = 1
	}
	os.Exit(code)
}

// frostkit is the program, built as the Dockerfile says, once for all tests.
func frostkit(t testing.TB) string {
	t.Helper()
	built.Do(func() {
		found := build.FindStringSubmatch(read(t, "Dockerfile"))
		if found == nil {
			t.Fatal("the Dockerfile does not build the program")
		}
		var err error
		built.dir, err = os.MkdirTemp("", "frostkit-deploy-")
		check(t, err)
		args := append([]string{"go"}, strings.Fields(found[1])[1:]...)
		run(t, "../..", []string{"CGO_ENABLED=0"}, append(args, "-o", filepath.Join(built.dir, "frostkit"), found[2])...)
	})
	return filepath.Join(built.dir, "frostkit")
}

// What the Dockerfile builds needs nothing else in its image, which has a user
// without rights.
func TestDockerfile(t *testing.T) {
	program := frostkit(t)
	if out := run(t, ".", nil, program, "--version"); !strings.HasPrefix(out, "frostkit ") {
		t.Errorf("it says %q", out)
	}
	file, err := elf.Open(program)
	check(t, err)
	defer file.Close()
	for _, part := range file.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("the program needs a loader, which an empty image does not have")
		}
	}
	_, image, found := strings.Cut(read(t, "Dockerfile"), "\nFROM scratch\n")
	if !found || !strings.Contains(image, "\nUSER 65532:65532\n") {
		t.Error("the image is not empty, or its user is root")
	}
	cmd := regexp.MustCompile(`(?m)^CMD (\[.*\])$`).FindStringSubmatch(image)
	var args []string
	check(t, json.Unmarshal([]byte(cmd[1]), &args))
	knownFlags(t, program, strings.Join(args, " "))
}

var flagName = regexp.MustCompile(`(?:^|\s)(--[a-z0-9-]+)`)

// knownFlags checks that a relay has all flags of a command.
func knownFlags(t *testing.T, program, command string) {
	t.Helper()
	help := run(t, ".", nil, program, "relay", "serve", "--help")
	for _, found := range flagName.FindAllStringSubmatch(command, -1) {
		if !regexp.MustCompile(regexp.QuoteMeta(found[1]) + `[=\s]`).MatchString(help) {
			t.Errorf("the relay has no flag %s", found[1])
		}
	}
}

// The unit is one that systemd understands, where there is a systemd to ask,
// and leaves the relay next to nothing that it may do.
func TestUnit(t *testing.T) {
	unit := read(t, "frostkit-relay.service")
	_, start, _ := strings.Cut(unit, "\nExecStart=/usr/local/bin/frostkit relay ")
	start, _, _ = strings.Cut(strings.ReplaceAll(start, "\\\n", " "), "\n")
	knownFlags(t, frostkit(t), start)
	for _, line := range []string{
		"User=frostkit", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
		"ExecReload=/bin/kill -HUP $MAINPID", "MemoryDenyWriteExecute=yes",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Logf("not verified: %v", err)
		return
	}
	check(t, exec.Command("systemd-analyze", "security", "--offline=true", "--threshold=20", "./frostkit-relay.service").Run())
	out, _ := exec.Command("systemd-analyze", "verify", "./frostkit-relay.service").CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "/usr/local/bin/frostkit is not executable") { // it is not installed here
			t.Errorf("systemd: %s", line)
		}
	}
}

// The composition has two relays over one Redis, of which only the balancer
// can be reached, and a balancer that knows both.
func TestCompose(t *testing.T) {
	type service struct {
		Command  []string
		Ports    []string
		Networks []string
		ReadOnly bool     `yaml:"read_only"`
		CapDrop  []string `yaml:"cap_drop"`
	}
	var compose struct {
		Services map[string]service
		Networks map[string]struct{ Internal bool }
	}
	check(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &compose))
	program := frostkit(t)
	balancer := read(t, "haproxy.cfg")
	for _, name := range []string{"relay-1", "relay-2"} {
		s := compose.Services[name]
		if !s.ReadOnly || len(s.CapDrop) == 0 || len(s.Ports) > 0 {
			t.Errorf("%s is not locked in: %+v", name, s)
		}
		knownFlags(t, program, strings.ReplaceAll(strings.Join(s.Command, " "), "=", " "))
		if !strings.Contains(balancer, "server "+name+" "+name+":2744\n") {
			t.Errorf("the balancer does not know %s", name)
		}
	}
	if redis := compose.Services["redis"]; len(redis.Ports) > 0 || !strings.Contains(strings.Join(redis.Command, " "), "--appendfsync always") {
		t.Errorf("Redis can be reached, or loses what was acknowledged: %+v", redis)
	}
	if !compose.Networks["inside"].Internal || len(compose.Services["balancer"].Ports) != 1 {
		t.Error("the balancer is not the one way in")
	}
}

// balancer passes connections on to one address after another, as a balancer of
// TCP does; one that cannot be reached is passed over.
type balancer struct {
	listener net.Listener
	next     atomic.Uint32
	mu       sync.Mutex
	targets  []string
	running  sync.WaitGroup
}

func newBalancer(t *testing.T, targets ...string) *balancer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	b := &balancer{listener: listener, targets: targets}
	b.running.Go(b.accept)
	t.Cleanup(func() {
		listener.Close()
		b.running.Wait()
	})
	return b
}

func (b *balancer) accept() {
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.running.Go(func() { b.pass(conn) })
	}
}

func (b *balancer) dial() (net.Conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var conn net.Conn
	err := io.ErrUnexpectedEOF
	for range b.targets {
		target := b.targets[int(b.next.Add(1))%len(b.targets)]
		if conn, err = net.Dial("tcp", target); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

func (b *balancer) pass(conn net.Conn) {
	defer conn.Close()
	target, err := b.dial()
	if err != nil {
		return
	}
	defer target.Close()
	var both sync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(target, conn)
		target.Close()
	})
	_, _ = io.Copy(conn, target)
	conn.Close()
	both.Wait()
}

// startRelay runs a relay over Redis, and returns its address and what kills it.
func startRelay(t *testing.T, program, dir, redis string) (address string, kill func()) {
	t.Helper()
	ready := filepath.Join(t.TempDir(), "ready")
	var log bytes.Buffer
	process := exec.Command(program, "relay", "--dev", "-p", "0", "--store", redis, "--ready-file", ready, "--log-level", "warn")
	process.Env = append(os.Environ(), "CAROOT="+filepath.Join(dir, "ca"), "HOME="+dir)
	process.Stderr = &log
	check(t, process.Start())
	kill = sync.OnceFunc(func() {
		_ = process.Process.Signal(syscall.SIGKILL)
		_ = process.Wait()
		if t.Failed() {
			t.Logf("the relay said:\n%s", &log)
		}
	})
	t.Cleanup(kill)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if text, err := os.ReadFile(ready); err == nil && bytes.HasSuffix(text, []byte("\n")) {
			return strings.TrimSpace(string(text)), kill
		}
	}
	t.Fatal("the relay is not there")
	return "", nil
}

const ceremony = `version: 1
ceremony: balanced
threshold: 2
server: {url: "localhost:PORT", ca: ca/rootCA.pem}
members: {Alice: {}, Bob: {}, Eve: {}}
group: {description: balanced}
sign:
  - {message: ceremony.yaml, signers: [Alice, Bob], output: ceremony.sig}
`

// A ceremony runs over two relays behind a balancer, its members' calls on
// either, and another after one of the relays was killed.
func TestTwoRelaysBehindABalancer(t *testing.T) {
	program, dir := frostkit(t), t.TempDir()
	redis := redistest.Start(t)
	one, killOne := startRelay(t, program, dir, redis.URL(0))
	two, _ := startRelay(t, program, dir, redis.URL(0))
	b := newBalancer(t, one, two)
	_, port, err := net.SplitHostPort(b.listener.Addr().String())
	check(t, err)
	env := []string{"HOME=" + dir, "CAROOT=" + filepath.Join(dir, "ca")}
	ceremonyIn := func(name string) {
		t.Helper()
		folder := filepath.Join(dir, name)
		check(t, os.Mkdir(folder, 0o700))
		check(t, os.Symlink(filepath.Join(dir, "ca"), filepath.Join(folder, "ca")))
		file := filepath.Join(folder, "ceremony.yaml")
		check(t, os.WriteFile(file, []byte(strings.Replace(ceremony, "PORT", port, 1)), 0o600))
		run(t, folder, env, program, "run", "ceremony.yaml", "--yes")
	}
	ceremonyIn("both")
	killOne()
	ceremonyIn("one")
}
