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
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"frostkit/relay"
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
		source := buildContext(t, filepath.Join(built.dir, "src"))
		args := append([]string{"go"}, strings.Fields(found[1])[1:]...)
		run(t, source, []string{"CGO_ENABLED=0"}, append(args, "-o", filepath.Join(built.dir, "frostkit"), found[2])...)
	})
	return filepath.Join(built.dir, "frostkit")
}

// inContext are the files and folders of the project's that .dockerignore leaves
// in an image's build: those that it names, after it has ruled out all.
func inContext(t testing.TB) []string {
	t.Helper()
	var lines, names []string
	for line := range strings.Lines(read(t, "../../.dockerignore")) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) == 0 || lines[0] != "*" {
		t.Fatalf(".dockerignore does not begin by ruling out all, but with %q", lines)
	}
	for _, line := range lines[1:] {
		name, kept := strings.CutPrefix(line, "!")
		if !kept || !filepath.IsLocal(name) || strings.ContainsAny(name, "*?[/") {
			t.Fatalf(".dockerignore has %q, which is no name", line)
		}
		names = append(names, name)
	}
	return names
}

// buildContext copies what an image is built of to a folder.
func buildContext(t testing.TB, folder string) string {
	t.Helper()
	check(t, os.Mkdir(folder, 0o700))
	for _, name := range inContext(t) {
		source, target := filepath.Join("../..", name), filepath.Join(folder, name)
		if info, err := os.Stat(source); err == nil && info.IsDir() {
			check(t, os.CopyFS(target, os.DirFS(source)))
			continue
		}
		check(t, os.WriteFile(target, []byte(read(t, source)), 0o600))
	}
	return folder
}

// What the Dockerfile builds needs nothing else in its image, which has a user
// without rights. It is built of what .dockerignore leaves.
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

// The README names flags that there are, and the address of the unit's metrics.
func TestReadme(t *testing.T) {
	text, program := strings.ReplaceAll(read(t, "README.md"), "docker run --rm ", ""), frostkit(t)
	help := ""
	for _, command := range []string{"serve", "stats", "export", "compact"} {
		help += run(t, ".", nil, program, "relay", command, "--help")
	}
	flags := regexp.MustCompile("[` ](--[a-z-]+)").FindAllStringSubmatch(text, -1)
	if len(flags) < 10 {
		t.Fatalf("found only the flags %v", flags)
	}
	for _, flag := range flags {
		if !regexp.MustCompile(flag[1] + `[=\s]`).MatchString(help) {
			t.Errorf("the relay's commands have no flag %s", flag[1])
		}
	}
	_, admin, _ := strings.Cut(start(t, read(t, "frostkit-relay.service")), "--admin ")
	if target := `targets: ["` + strings.Fields(admin)[0] + `"]`; !strings.Contains(text, target) {
		t.Errorf("Prometheus is not told %s", target)
	}
}

// The unit is one that systemd understands, where there is a systemd to ask,
// and leaves the relay next to nothing that it may do.
func TestUnit(t *testing.T) {
	unit := read(t, "frostkit-relay.service")
	knownFlags(t, frostkit(t), start(t, unit))
	for _, line := range []string{
		"User=frostkit", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet=",
		"ExecReload=/bin/kill -HUP $MAINPID", "MemoryDenyWriteExecute=yes",
	} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit has no %s", line)
		}
	}
	if strings.Contains(unit, "\nProcSubset=pid\n") {
		t.Error("the unit hides from Go how long a queue of connections the system allows")
	}
	understood(t, unit, "")
}

// start is the command of a unit or drop-in, its flags in one line.
func start(t *testing.T, unit string) string {
	t.Helper()
	_, command, found := strings.Cut(unit, "\nExecStart=/usr/local/bin/frostkit relay ")
	if !found {
		t.Fatal("it does not start a relay")
	}
	command, _, _ = strings.Cut(strings.ReplaceAll(command, "\\\n", " "), "\n")
	return strings.Join(strings.Fields(command), " ")
}

// understood checks that systemd understands a unit with a drop-in, and finds
// little that the service may do, where there is a systemd to ask.
func understood(t *testing.T, unit, dropIn string) {
	t.Helper()
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Logf("not verified: %v", err)
		return
	}
	folder := t.TempDir()
	path := filepath.Join(folder, "frostkit-relay.service")
	check(t, os.WriteFile(path, []byte(unit), 0o600))
	if dropIn != "" {
		check(t, os.Mkdir(path+".d", 0o700))
		check(t, os.WriteFile(filepath.Join(path+".d", "acme.conf"), []byte(dropIn), 0o600))
	}
	run(t, ".", nil, "systemd-analyze", "security", "--offline=true", "--threshold=20", path)
	out, _ := exec.Command("systemd-analyze", "verify", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "/usr/local/bin/frostkit is not executable") { // it is not installed here
			t.Errorf("systemd: %s", line)
		}
	}
}

// With the drop-in the service may listen on port 80: it has the one capability
// for that, among the machine's own users. All else stays as it is.
func TestACME(t *testing.T) {
	unit, dropIn := read(t, "frostkit-relay.service"), read(t, "acme.conf")
	knownFlags(t, frostkit(t), start(t, dropIn))
	for _, line := range []string{
		"AmbientCapabilities=CAP_NET_BIND_SERVICE", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE", "PrivateUsers=no", "ExecStart=",
	} {
		if !strings.Contains(dropIn, "\n"+line+"\n") {
			t.Errorf("the drop-in has no %s", line)
		}
	}
	certificate := "--tls-cert %E/frostkit/cert.pem --tls-key %E/frostkit/key.pem"
	if got := strings.Replace(start(t, dropIn), "--acme relay.example --acme-http :80", certificate, 1); got != start(t, unit) {
		t.Errorf("the drop-in's relay differs in more than its certificate: %s", got)
	}
	understood(t, unit, dropIn)
}

// composition is what the tests read of compose.yaml.
type composition struct {
	Services map[string]struct {
		Command  []string
		Ports    []string
		ReadOnly bool     `yaml:"read_only"`
		CapDrop  []string `yaml:"cap_drop"`
		Volumes  []yaml.Node
	}
	Networks map[string]struct{ Internal bool }
}

func readComposition(t *testing.T) (c composition) {
	t.Helper()
	check(t, yaml.Unmarshal([]byte(read(t, "compose.yaml")), &c))
	return c
}

// flagOf returns the value of a flag of a service's command, --NAME=VALUE or
// --NAME VALUE.
func (c *composition) flagOf(t *testing.T, service, name string) string {
	t.Helper()
	args := strings.Split(strings.ReplaceAll(strings.Join(c.Services[service].Command, "\n"), "=", "\n"), "\n")
	i := slices.Index(args, name)
	if i < 0 || i+1 == len(args) {
		t.Fatalf("%s has no flag %s: %q", service, name, args)
	}
	return args[i+1]
}

// The composition has two relays over one Redis, of which only the balancer
// can be reached, and a balancer that knows both.
func TestCompose(t *testing.T) {
	compose := readComposition(t)
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
	if len(compose.Services["redis"].Ports) > 0 || compose.flagOf(t, "redis", "--appendfsync") != "always" {
		t.Errorf("Redis can be reached, or loses what was acknowledged: %+v", compose.Services["redis"])
	}
	if !compose.Networks["inside"].Internal || len(compose.Services["balancer"].Ports) != 1 {
		t.Error("the balancer is not the one way in")
	}
}

// The folder with the certificate's key, which the composition mounts and its
// instructions fill, is in no commit and no image.
func TestSecretsAreIgnored(t *testing.T) {
	compose := readComposition(t)
	for _, name := range []string{"relay-1", "relay-2"} {
		var mount struct{ Type, Source, Target string }
		check(t, compose.Services[name].Volumes[0].Decode(&mount))
		if key := compose.flagOf(t, name, "--tls-key"); mount.Type != "bind" || !strings.HasPrefix(key, mount.Target+"/") {
			t.Errorf("%s mounts %+v, and its key is %s", name, mount, key)
		}
		folder := filepath.Join("examples/deploy", mount.Source) // which Compose looks up beside its file
		if !strings.Contains(read(t, "compose.yaml"), " KEY "+folder+"/key.pem\n") {
			t.Errorf("the instructions put no key into %s", folder)
		}
		if !strings.Contains(read(t, "../../.gitignore"), "\n/"+folder+"/\n") {
			t.Errorf(".gitignore does not have %s", folder)
		}
		top, _, _ := strings.Cut(folder, "/")
		if slices.Contains(inContext(t), top) {
			t.Errorf(".dockerignore leaves %s in images", folder)
		}
	}
}

// The relays' limit is met before that of Redis, which takes up to six times what
// the relays count (README.md).
func TestRedisHoldsWhatTheRelaysLet(t *testing.T) {
	compose := readComposition(t)
	most, err := relay.ParseSize(strings.Replace(compose.flagOf(t, "redis", "--maxmemory"), "gb", "GiB", 1))
	check(t, err)
	for _, name := range []string{"relay-1", "relay-2"} {
		limit, err := relay.ParseSize(compose.flagOf(t, name, "--limit-disk"))
		check(t, err)
		if most < 6*limit {
			t.Errorf("%s may store %d bytes, and Redis holds %d", name, limit, most)
		}
	}
}

// The balancer looks the relays up again, and starts where it finds none, as
// HAProxy itself says where there is one to ask.
func TestBalancer(t *testing.T) {
	if !strings.Contains(read(t, "haproxy.cfg"), "resolvers docker init-addr last,libc,none\n") {
		t.Error("the balancer looks the relays up once")
	}
	if _, err := exec.LookPath("haproxy"); err != nil {
		t.Logf("not verified: %v", err)
		return
	}
	run(t, ".", nil, "haproxy", "-c", "-f", "haproxy.cfg")
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
server: {url: "localhost:PORT", ca: rootCA.pem}
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
		root := read(t, filepath.Join(dir, "ca", "rootCA.pem"))
		check(t, os.WriteFile(filepath.Join(folder, "rootCA.pem"), []byte(root), 0o600))
		file := filepath.Join(folder, "ceremony.yaml")
		check(t, os.WriteFile(file, []byte(strings.Replace(ceremony, "PORT", port, 1)), 0o600))
		run(t, folder, env, program, "run", "ceremony.yaml", "--all", "--yes")
	}
	ceremonyIn("both")
	killOne()
	ceremonyIn("one")
}
