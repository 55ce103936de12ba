// Command tutorial measures what a user waits for: a run of the first example, key generation and
// signing by processes of their own over a relay of its own, with TLS on loopback, and ceremonies of
// larger groups in one process through its built-in relay. It prints each figure with its limit, and fails
// when one is missed.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

var (
	program = flag.String("frostkit", "bin/frostkit", "the program to measure")
	example = flag.String("example", "examples/board-meeting.yaml", "the ceremony to run")
	rounds  = flag.Int("rounds", 7, "how often each figure is measured; the median counts")
)

func main() {
	flag.Parse()
	if err := measureAll(); err != nil {
		fmt.Fprintln(os.Stderr, "tutorial:", err)
		os.Exit(1)
	}
}

// figure is one thing measured.
type figure struct {
	name    string
	limit   time.Duration
	peers   string // what the existing tools take, measured with them
	measure func(dir string) (time.Duration, error)
	once    bool // measured once
}

func measureAll() error {
	path, err := filepath.Abs(*program)
	if err != nil {
		return err
	}
	b := bench{program: path}
	figures := []figure{
		{"run of the first example, new folder", time.Second, "-", b.run, false},
		{"DKG of three processes, from the last one's start", 270 * time.Millisecond, "10.9 s", b.dkg, false},
		{"signature by two processes, from the last one's start", 200 * time.Millisecond, "8.3 s", b.sign, false},
		{"run, one process, its relay: group of 2 of 3", time.Second, "-", b.group(3, 2), false},
		{"run, one process, its relay: group of 7 of 10", 2 * time.Second, "-", b.group(10, 7), false},
		{"run, one process, its relay: group of 20 of 30", 5 * time.Second, "-", b.group(30, 20), true},
		{"run, one process, its relay: group of 67 of 100", 30 * time.Second, "-", b.group(100, 67), true},
	}
	fmt.Printf("%-56s %10s %10s %10s %10s\n", "figure", "median", "slowest", "limit", "peers")
	missed := false
	for _, f := range figures {
		median, slowest, err := f.repeat()
		if err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		verdict := ""
		if median > f.limit {
			verdict, missed = "MISSED", true
		}
		fmt.Printf("%-56s %10s %10s %10s %10s %s\n", f.name, median.Round(time.Millisecond), slowest.Round(time.Millisecond), f.limit, f.peers, verdict)
	}
	if missed {
		return fmt.Errorf("a limit was missed")
	}
	return nil
}

func (f figure) repeat() (median, slowest time.Duration, err error) {
	var all []time.Duration
	times := *rounds
	if f.once {
		times = 1
	}
	for range times {
		dir, err := os.MkdirTemp("", "frostkit-bench-")
		if err != nil {
			return 0, 0, err
		}
		took, err := f.measure(dir)
		os.RemoveAll(dir)
		if err != nil {
			return 0, 0, err
		}
		all = append(all, took)
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)-1], nil
}

type bench struct{ program string }

// command prepares a call of the program in dir, with a home of its own.
func (b bench) command(dir string, args ...string) *exec.Cmd {
	cmd := exec.Command(b.program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "CAROOT="+filepath.Join(dir, "caroot"))
	cmd.Stderr = io.Discard
	return cmd
}

func (b bench) call(dir string, args ...string) (string, error) {
	out, err := b.command(dir, args...).Output()
	if err != nil {
		return "", fmt.Errorf("frostkit %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

func (b bench) run(dir string) (time.Duration, error) {
	file, err := filepath.Abs(*example)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	_, err = b.call(dir, "run", "--dir", dir, file)
	return time.Since(start), err
}

// group measures a ceremony of n new members who make a group, from keys to the report.
func (b bench) group(n, threshold int) func(dir string) (time.Duration, error) {
	return func(dir string) (time.Duration, error) {
		text := fmt.Appendf(nil, "version: 1\nceremony: group\nthreshold: %d\nmembers:\n", threshold)
		for i := range n {
			text = fmt.Appendf(text, "  member-%03d: {}\n", i+1)
		}
		if err := os.WriteFile(filepath.Join(dir, "group.yaml"), text, 0o600); err != nil {
			return 0, err
		}
		start := time.Now()
		_, err := b.call(dir, "run", "group.yaml")
		return time.Since(start), err
	}
}

var members = []string{"Alice", "Bob", "Eve"}

// relay starts one and returns its address; stop ends it.
func (b bench) relay(dir string) (address string, stop func(), err error) {
	ready := filepath.Join(dir, "address")
	_ = os.Remove(ready) // of an earlier relay
	cmd := b.command(dir, "relay", "--dev", "-p", "0", "--ready-file", ready, "--log-level", "error")
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() }
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if text, err := os.ReadFile(ready); err == nil && len(text) > 0 {
			return strings.TrimSpace(string(text)), stop, nil
		}
	}
	stop()
	return "", nil, fmt.Errorf("the relay did not start")
}

// acquaint makes three members who know one another.
func (b bench) acquaint(dir string) error {
	for _, name := range members {
		if _, err := b.call(dir, "init", "-n", name, "-c", name+".toml"); err != nil {
			return err
		}
	}
	for _, name := range members {
		contact, err := b.call(dir, "export", "-c", name+".toml")
		if err != nil {
			return err
		}
		for _, other := range members {
			if other == name {
				continue
			}
			if _, err := b.call(dir, "import", contact, "-c", other+".toml"); err != nil {
				return err
			}
		}
	}
	return nil
}

// dkg measures from the start of the last of three members to the end of all.
func (b bench) dkg(dir string) (time.Duration, error) {
	address, stop, err := b.relay(dir)
	if err != nil {
		return 0, err
	}
	defer stop()
	if err := b.acquaint(dir); err != nil {
		return 0, err
	}
	return together(
		b.command(dir, "dkg", "-d", "bench", "-s", address, "-t", "2", "-S", "Bob,Eve", "-c", "Alice.toml"),
		b.command(dir, "dkg", "-d", "bench", "-s", address, "-t", "2", "-c", "Bob.toml"),
		b.command(dir, "dkg", "-d", "bench", "-s", address, "-t", "2", "-c", "Eve.toml"),
	)
}

// sign measures from the start of the last of a coordinator and two signers.
func (b bench) sign(dir string) (time.Duration, error) {
	if _, err := b.dkg(dir); err != nil {
		return 0, err
	}
	address, stop, err := b.relay(dir)
	if err != nil {
		return 0, err
	}
	defer stop()
	if err := os.WriteFile(filepath.Join(dir, "message"), []byte("a message to sign"), 0o600); err != nil {
		return 0, err
	}
	signer := func(name string) *exec.Cmd {
		cmd := b.command(dir, "participant", "-g", "bench", "-s", address, "-c", name+".toml")
		cmd.Stdin = strings.NewReader("y\n")
		return cmd
	}
	took, err := together(
		b.command(dir, "coordinator", "-g", "bench", "-s", address, "-S", "Alice,Bob", "-m", "message", "-o", "signature", "-c", "Alice.toml"),
		signer("Alice"), signer("Bob"),
	)
	if err != nil {
		return 0, err
	}
	_, err = b.call(dir, "verify", "-m", "message", "-s", "signature", "-C", "Eve.toml")
	return took, err
}

// together starts the commands one after another and waits for all; the time
// counts from the start of the last one.
func together(commands ...*exec.Cmd) (time.Duration, error) {
	var start time.Time
	for _, cmd := range commands {
		start = time.Now()
		if err := cmd.Start(); err != nil {
			return 0, err
		}
	}
	var failed error
	for _, cmd := range commands {
		if err := cmd.Wait(); err != nil && failed == nil {
			failed = fmt.Errorf("%s: %w", strings.Join(cmd.Args[1:3], " "), err)
		}
	}
	return time.Since(start), failed
}
