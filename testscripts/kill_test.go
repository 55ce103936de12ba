package testscripts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner"
)

// How much [TestKilledProcess] does, and from which seed on. `make kill` does all of it.
const (
	killsVariable = "FROSTKIT_MEMBER_KILLS" // random moments
	stepsVariable = "FROSTKIT_STEP_KILLS"   // steps of each process, 0 for all
	seedVariable  = "FROSTKIT_SEED"
)

// killedTogether is how many ceremonies run at once: most of what they do is to wait.
const killedTogether = 4

// killedCeremony has the relay's address for members in processes of their own, and none for the
// built-in relay of one process.
const killedCeremony = `version: 1
ceremony: killed
threshold: 2
%s
members: {Alice: {}, Bob: {}, Eve: {}}
sign:
  - {message: message.txt, signers: [Alice, Bob], output: message.sig}
`

// Who is killed beside the members: their relay, and one process that runs all members and a relay.
const (
	theRelay = "the relay"
	everyone = "everyone"
)

var (
	killedMembers = []string{"Alice", "Bob", "Eve"}
	victims       = []string{"Alice", "Bob", "Eve", theRelay, everyone}
)

// commitmentsVariable names the file in which the programs of a test log the commitments of all nonces.
const commitmentsVariable = "FROSTKIT_TEST_COMMITMENTS"

// logCommitments has a program of a test log the commitments of all nonces before they leave it.
func logCommitments(env *runner.Env) {
	path := os.Getenv(commitmentsVariable)
	if path == "" {
		return
	}
	env.Committed = func(all []*frost.SigningCommitments) {
		var lines []byte
		for _, c := range all {
			lines = fmt.Appendln(lines, hex.EncodeToString(c.EncodePostcard()))
		}
		file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err == nil {
			_, err = file.Write(lines)
			err = errors.Join(err, file.Close())
		}
		if err != nil {
			panic("logging commitments: " + err.Error())
		}
	}
}

// TestKilledProcess runs ceremonies of three members and a relay, each in a process of its own, or all in
// one: a DKG and a signing by two of them. One process is killed with SIGKILL, at each of its steps in turn and at random
// moments, and started again. All ceremonies complete, with one group at all members and a
// signature, without anybody else being started again, and no nonce has been committed to twice.
func TestKilledProcess(t *testing.T) {
	kills, steps := setting(t, killsVariable, 8), setting(t, stepsVariable, 3)
	k := &killings{home: t.TempDir(), seed: uint64(setting(t, seedVariable, 1))}
	k.commitments = filepath.Join(k.home, "commitments")
	events, took := k.undisturbed(t)
	var all []*killing
	for _, victim := range victims {
		for _, after := range chosenSteps(steps, events[victim]) {
			all = append(all, &killing{victim: victim, after: after})
		}
	}
	random := rand.New(rand.NewPCG(k.seed, 0))
	for i := range kills {
		all = append(all, &killing{victim: victims[i%len(victims)], moment: time.Duration(random.Int64N(int64(took)))})
	}
	k.runAll(t, all)
	slowest := slices.MaxFunc(all, func(a, b *killing) int { return int(a.took - b.took) })
	t.Logf("%d ceremonies, each with a process killed: %d at a step, %d at a random moment (seed %d); %d were killed before their end; the slowest took %s (%s); %d commitments, none twice",
		len(all), len(all)-kills, kills, k.seed, k.killed.Load(), slowest.took.Round(time.Millisecond), slowest, k.checkCommitments(t))
}

// chosenSteps returns the numbers from 1 to last, or n of them, evenly spread.
func chosenSteps(n, last int) []int {
	var chosen []int
	if n == 0 || n > last {
		n = last
	}
	for i := range n {
		chosen = append(chosen, 1+i*last/n)
	}
	return chosen
}

// setting reads a number from the environment.
func setting(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is not a number", name, text)
	}
	return n
}

// killings are all the ceremonies.
type killings struct {
	home, commitments string
	seed              uint64
	killed            atomic.Int64
}

// undisturbed is a ceremony in which nobody is killed. It tells how many events there are and how long
// it takes.
func (k *killings) undisturbed(t *testing.T) (events map[string]int, took time.Duration) {
	t.Helper()
	events = map[string]int{}
	for i, victim := range []string{"", everyone} {
		c := &killing{killings: k, folder: filepath.Join(k.home, fmt.Sprint("undisturbed", i)), victim: victim, after: -1, events: events}
		if err := c.carryOut(); err != nil {
			t.Fatalf("a ceremony in which nobody is killed: %v", err)
		}
		took = max(took, c.took)
	}
	events[theRelay] = events["Alice"] // by whose steps its are counted
	return events, took
}

func (k *killings) runAll(t *testing.T, all []*killing) {
	t.Helper()
	var wg sync.WaitGroup
	free := make(chan struct{}, killedTogether)
	for i, c := range all {
		c.killings, c.folder, c.events = k, filepath.Join(k.home, strconv.Itoa(i)), map[string]int{}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := c.carryOut(); err != nil {
				t.Errorf("%s: %v", c, err)
			}
		})
	}
	wg.Wait()
}

// checkCommitments returns how many commitments were logged, and fails if one was twice.
func (k *killings) checkCommitments(t *testing.T) int {
	t.Helper()
	data, err := os.ReadFile(k.commitments)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(data))
	seen := map[string]bool{}
	for _, line := range lines {
		if seen[line] {
			t.Errorf("the commitments %s were made twice", line)
		}
		seen[line] = true
	}
	return len(lines)
}

// killing is one ceremony in which one process is killed: after so many events, or at a moment.
type killing struct {
	*killings
	folder, victim string
	after          int
	moment         time.Duration
	took           time.Duration
	address        string
	relay          *exec.Cmd

	mu     sync.Mutex
	events map[string]int // of each member's first process
}

// String says who is killed when.
func (c *killing) String() string {
	if c.after > 0 {
		return fmt.Sprintf("%s killed at event %d", c.victim, c.after)
	}
	return fmt.Sprintf("%s killed after %s", c.victim, c.moment)
}

// carryOut runs the ceremony, and checks what came of it.
func (c *killing) carryOut() error {
	if err := os.Mkdir(c.folder, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*patience)
	defer cancel()
	if c.victim != everyone {
		if err := c.startRelay(ctx, "0"); err != nil {
			return err
		}
		defer func() { c.stopRelay() }()
	}
	if err := c.prepare(); err != nil {
		return err
	}
	started := time.Now()
	if err := c.run(ctx); err != nil {
		return err
	}
	c.took = time.Since(started)
	return c.check(ctx)
}

// program prepares a process with the home of all.
func (k *killings) program(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "frostkit", args...)
	cmd.Env = append(os.Environ(), "HOME="+k.home, "CAROOT="+filepath.Join(k.home, "ca"),
		"XDG_CONFIG_HOME="+filepath.Join(k.home, "config"), commitmentsVariable+"="+k.commitments)
	return cmd
}

// startRelay starts the relay at a port; "0" stands for a free one.
func (c *killing) startRelay(ctx context.Context, port string) error {
	ready := filepath.Join(c.folder, "ready")
	if err := os.RemoveAll(ready); err != nil {
		return err
	}
	c.relay = c.program(ctx, "relay", "--dev", "-p", port, "--store", "bolt:"+filepath.Join(c.folder, "relay"),
		"--ready-file", ready, "--log-level", "error")
	if err := c.relay.Start(); err != nil {
		return err
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		if data, err := os.ReadFile(ready); err == nil && bytes.HasSuffix(data, []byte("\n")) {
			c.address = strings.TrimSpace(string(data))
			return nil
		}
		<-tick.C
	}
	return errors.New("the relay does not start")
}

func (c *killing) stopRelay() {
	_ = c.relay.Process.Kill()
	_ = c.relay.Wait() // it was killed
}

// dirOf is the folder of a member's credentials and results.
func (c *killing) dirOf(name string) string {
	if c.victim == everyone {
		return filepath.Join(c.folder, everyone)
	}
	return filepath.Join(c.folder, name)
}

func (c *killing) prepare() error {
	if _, err := makeMembers(c.folder, killedMembers); err != nil {
		return err
	}
	for _, name := range killedMembers {
		from, to := filepath.Join(c.folder, name+".toml"), filepath.Join(c.dirOf(name), name+".toml")
		if err := errors.Join(os.MkdirAll(c.dirOf(name), 0o700), os.Rename(from, to)); err != nil {
			return err
		}
	}
	ceremony := fmt.Appendf(nil, killedCeremony, fmt.Sprintf("server: {url: %q}", c.address))
	if c.victim == everyone {
		ceremony = fmt.Appendf(nil, killedCeremony, "")
	}
	return errors.Join(
		os.WriteFile(filepath.Join(c.folder, "ceremony.yaml"), ceremony, 0o600),
		os.WriteFile(filepath.Join(c.folder, "message.txt"), []byte("a message"), 0o600))
}

// run has all members run.
func (c *killing) run(ctx context.Context) error {
	if c.victim == everyone {
		return c.member(ctx, everyone, nil)
	}
	failed := make([]error, len(killedMembers)+1)
	kill, ended := make(chan struct{}), make(chan struct{}) // the relay; all members
	var wg, members sync.WaitGroup
	wg.Go(func() { failed[len(killedMembers)] = c.disturbRelay(ctx, kill, ended) })
	for i, name := range killedMembers {
		members.Go(func() { failed[i] = c.member(ctx, name, kill) })
	}
	members.Wait()
	close(ended)
	wg.Wait()
	return errors.Join(failed...)
}

// disturbRelay kills the relay and starts it again, if that is to be done.
func (c *killing) disturbRelay(ctx context.Context, kill, ended <-chan struct{}) error {
	if c.victim != theRelay {
		return nil
	}
	var moment <-chan time.Time
	if c.after == 0 {
		moment = time.After(c.moment)
	}
	select {
	case <-moment:
	case <-kill:
	case <-ended:
		return nil
	}
	c.killed.Add(1)
	_, port, _ := strings.Cut(c.address, ":")
	c.stopRelay()
	return c.startRelay(ctx, port)
}

// member runs a member's part, and once more if it was killed.
func (c *killing) member(ctx context.Context, name string, relay chan<- struct{}) error {
	switch {
	case c.victim == theRelay && name == "Alice":
		return c.process(ctx, name, func(n int, _ *os.Process) {
			if n == c.after {
				close(relay)
			}
		})
	case name != c.victim:
		return c.process(ctx, name, nobody)
	case c.after == 0:
		return c.killedAt(ctx, name)
	}
	return c.again(ctx, name, c.process(ctx, name, func(n int, p *os.Process) {
		if n == c.after {
			_ = p.Kill() // or it has ended by itself
		}
	}))
}

// nobody kills nobody.
func nobody(int, *os.Process) {}

// killedAt runs a member's part until the moment comes, and then once more.
func (c *killing) killedAt(ctx context.Context, name string) error {
	first, over := context.WithTimeout(ctx, c.moment) // its end kills the process
	defer over()
	return c.again(ctx, name, c.process(first, name, nobody))
}

// again runs a member's part once more if it was killed.
func (c *killing) again(ctx context.Context, name string, err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		return err
	}
	c.killed.Add(1)
	return c.process(ctx, name, nobody)
}

// process is one process of a member. Each of its events is told, by its number from 1.
func (c *killing) process(ctx context.Context, name string, told func(int, *os.Process)) error {
	args := []string{"run", filepath.Join(c.folder, "ceremony.yaml"), "--dir", c.dirOf(name), "--yes", "--timeout", "100s", "--events", "-"}
	if name != everyone {
		args = append(args, "--as", name)
	}
	cmd := c.program(ctx, args...)
	var talk bytes.Buffer
	cmd.Stderr = &talk
	events, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(events)
	n := 0
	for lines.Scan() {
		n++
		told(n, cmd.Process)
	}
	_, _ = io.Copy(io.Discard, events)
	c.mu.Lock()
	c.events[name] = max(n, c.events[name])
	c.mu.Unlock()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, talk.String())
	}
	return nil
}

// check looks for one group at all members, and for the signature at both signers.
func (c *killing) check(ctx context.Context) error {
	groups := map[string][]string{}
	for _, name := range killedMembers {
		ring, err := keyring.Load(filepath.Join(c.dirOf(name), name+".toml"))
		if err != nil {
			return err
		}
		if len(ring.Groups()) != 1 {
			return fmt.Errorf("%s has %d groups", name, len(ring.Groups()))
		}
		id := ring.Groups()[0].ID()
		groups[id] = append(groups[id], name)
	}
	if len(groups) != 1 {
		return fmt.Errorf("the members have different groups: %v", groups)
	}
	for _, signer := range []string{"Alice", "Bob"} {
		verify := c.program(ctx, "verify", "-m", filepath.Join(c.folder, "message.txt"),
			"-s", filepath.Join(c.dirOf(signer), "message.sig"), "-C", filepath.Join(c.dirOf("Eve"), "Eve.toml"))
		if out, err := verify.CombinedOutput(); err != nil {
			return fmt.Errorf("verifying the signature at %s: %w: %s", signer, err, out)
		}
	}
	return nil
}
