//go:build linux

package keyring

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"frostkit/commkey"
)

// childTask names what this test binary does when a test has started it as
// another process.
const childTask = "FROSTKIT_KEYRING_TEST_CHILD"

func TestMain(m *testing.M) {
	if task := os.Getenv(childTask); task != "" {
		if err := childTasks[task](os.Args[1], os.Args[2:]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var childTasks = map[string]func(path string, args []string) error{
	"add":       addMany,
	"hold":      holdLock,
	"full disk": updateOnFullDisk,
	"nobody":    updateAsNobody,
}

// child is a running process; it goes on when a line is written to stdin.
type child struct {
	*exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

func start(t *testing.T, task, path string, args ...string) *child {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	c := &child{Cmd: exec.CommandContext(ctx, os.Args[0], append([]string{path}, args...)...)}
	c.Env = append(os.Environ(), childTask+"="+task)
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.stdin, c.stdout = stdin, bufio.NewReader(stdout)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *child) line(t *testing.T) string {
	t.Helper()
	line, err := c.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("reading from the child: %v", err)
	}
	return strings.TrimSuffix(line, "\n")
}

// finish lets the child go on to its end and returns what it prints.
func (c *child) finish(t *testing.T) string {
	t.Helper()
	_ = c.stdin.Close()
	out, err := io.ReadAll(c.stdout)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Logf("child: %v", err)
	}
	return string(out)
}

const (
	processes       = 4
	contactsPerEach = 8
)

// addMany adds contacts one by one once its standard input ends.
func addMany(path string, args []string) error {
	fmt.Println("ready")
	if _, err := io.Copy(io.Discard, os.Stdin); err != nil {
		return err
	}
	for i := range contactsPerEach {
		var u [commkey.Size]byte
		u[0], u[1], u[2] = 2, byte(i), args[0][0]
		key, err := commkey.NewPublicKey(u[:])
		if err != nil {
			return err
		}
		if err := Update(context.Background(), path, func(k *Keyring) error {
			return k.AddContact(Contact{Name: fmt.Sprintf("%s %d", args[0], i), Key: key})
		}); err != nil {
			return err
		}
	}
	return nil
}

func TestProcessesLoseNoUpdate(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	var children []*child
	for i := range processes {
		c := start(t, "add", path, string(rune('a'+i)))
		if got := c.line(t); got != "ready" {
			t.Fatal(got)
		}
		children = append(children, c)
	}
	for _, c := range children {
		_ = c.stdin.Close()
	}
	for _, c := range children {
		if out := c.finish(t); out != "" {
			t.Error(out)
		}
	}
	k, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(k.Contacts()), 2+processes*contactsPerEach; got != want {
		t.Errorf("%d contacts, want %d", got, want)
	}
	if got := filesIn(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("folder has %v", got)
	}
}

// holdLock keeps the lock until its standard input ends, then fails.
func holdLock(path string, _ []string) error {
	return Update(context.Background(), path, func(*Keyring) error {
		fmt.Println("locked")
		_, err := io.Copy(io.Discard, os.Stdin)
		return err
	})
}

func TestLockNamesItsHolder(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	holder := start(t, "hold", path)
	if got := holder.line(t); got != "locked" {
		t.Fatal(got)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	err := Update(ctx, path, addContact(t, "Carol", daveKey))
	var locked *LockedError
	if !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || !errors.Is(err, context.DeadlineExceeded) || locked.PID != holder.Process.Pid {
		t.Fatalf("while process %d holds the lock: %v", holder.Process.Pid, err)
	}
	if want := fmt.Sprintf("in use by process %d", holder.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("%v does not say %q", err, want)
	}
	if _, err := Load(path); err != nil {
		t.Errorf("reading a locked file: %v", err)
	}
	// A lock does not outlive its process, however that ends.
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	holder.finish(t)
	if err := Update(t.Context(), path, addContact(t, "Carol", daveKey)); err != nil {
		t.Errorf("after the holder was killed: %v", err)
	}
}

func TestSecondProcessWaits(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	holder := start(t, "hold", path)
	if got := holder.line(t); got != "locked" {
		t.Fatal(got)
	}
	done := make(chan error)
	go func() { done <- Update(t.Context(), path, addContact(t, "Carol", daveKey)) }()
	select {
	case err := <-done:
		t.Fatalf("did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if out := holder.finish(t); out != "" {
		t.Error(out)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// updateOnFullDisk writes where no file may grow beyond 100 bytes.
func updateOnFullDisk(path string, _ []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	return updateAnyhow(path)
}

// updateAsNobody writes with the rights of a user who owns nothing.
func updateAsNobody(path string, _ []string) error {
	if os.Getuid() == 0 {
		if err := syscall.Setuid(65534); err != nil {
			return err
		}
	}
	return updateAnyhow(path)
}

func updateAnyhow(path string) error {
	return Update(context.Background(), path, func(k *Keyring) error {
		key, err := commkey.ParsePublicKey(daveKey)
		if err != nil {
			return err
		}
		return k.AddContact(Contact{Name: "Carol", Key: key})
	})
}

func TestFullDisk(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	checkFails(t, "full disk", path, "file too large; the file is as it was")
}

func TestReadOnlyFolder(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	for dir := filepath.Dir(path); dir != os.TempDir() && strings.Contains(dir, "TestReadOnly"); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o555); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	checkFails(t, "nobody", path, "permission denied; the folder must be writable")
}

// checkFails checks that a child cannot change the file, says why, and leaves
// everything as it was.
func checkFails(t *testing.T, task, path, want string) {
	t.Helper()
	before := readFileText(t, path)
	if out := start(t, task, path).finish(t); !strings.Contains(out, want) || !strings.Contains(out, path) && !strings.Contains(out, filepath.Dir(path)) {
		t.Errorf("printed %q, want %q", out, want)
	}
	if readFileText(t, path) != before {
		t.Error("the file has changed")
	}
	if got := filesIn(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("folder has %v", got)
	}
}
