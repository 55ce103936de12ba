package testscripts

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// window is a terminal (pty(7)) with a program in it.
type window struct {
	*exec.Cmd
	keyboard *os.File

	mu    sync.Mutex
	shown bytes.Buffer
	more  *sync.Cond
}

// openWindow runs a program in a terminal of its own.
func openWindow(t *testing.T, dir string, env []string, words ...string) *window {
	t.Helper()
	keyboard, terminal := openTerminal(t)
	w := &window{Cmd: exec.Command(words[0], words[1:]...), keyboard: keyboard}
	w.more = sync.NewCond(&w.mu)
	w.Dir, w.Env = dir, env
	w.Stdin, w.Stdout, w.Stderr = terminal, terminal, terminal
	w.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close()
	go w.read()
	return w
}

func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that a close ends a read
		t.Fatal(err)
	}
	keyboard = os.NewFile(uintptr(fd), "/dev/ptmx")
	t.Cleanup(func() { _ = keyboard.Close() })
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return keyboard, terminal
}

// read takes what the program prints, until the terminal is closed.
func (w *window) read() {
	buffer := make([]byte, 4096)
	for {
		n, err := w.keyboard.Read(buffer)
		w.mu.Lock()
		w.shown.Write(buffer[:n])
		if err != nil {
			w.shown.WriteString("\n(closed)")
		}
		w.more.Broadcast()
		w.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// await waits until the window shows a text.
func (w *window) await(t *testing.T, text string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !strings.Contains(w.shown.String(), text) {
		if strings.HasSuffix(w.shown.String(), "\n(closed)") {
			t.Fatalf("the window never showed %q:\n%s", text, &w.shown)
		}
		w.more.Wait()
	}
}

func (w *window) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.shown.String()
}

// closed closes the window and waits for the program.
func (w *window) close() error {
	_ = w.keyboard.Close()
	return w.Wait()
}

func (w *window) paste(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(w.keyboard, text); err != nil {
		t.Fatal(err)
	}
}

// environment makes a folder for programs, and the variables that they run with.
func environment(t *testing.T) (dir string, env []string) {
	t.Helper()
	dir = t.TempDir()
	return dir, append(os.Environ(), "HOME="+dir, "CAROOT="+dir+"/caroot", "XDG_CONFIG_HOME="+dir+"/config", "TERM=xterm")
}

// startRelay starts a relay in a folder, and returns its address.
func startRelay(t *testing.T, dir string, env []string) string {
	t.Helper()
	address, _ := stoppableRelay(t, dir, env)
	return address
}

func stoppableRelay(t *testing.T, dir string, env []string) (address string, stop func()) {
	t.Helper()
	cmd := exec.Command("frostkit", "relay", "--dev", "-p", "0", "--ready-file", "ready", "--store", "memory")
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	t.Cleanup(stop)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, address, ok := strings.Cut(lines.Text(), "address="); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return address, stop
		}
	}
	t.Fatal("the relay did not start")
	return "", nil
}

func output(t *testing.T, dir string, env []string, words ...string) string {
	t.Helper()
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", words, err, out)
	}
	return string(out)
}

// The window of a member who has opened a session is closed: so is the session.
func TestClosedWindow(t *testing.T) {
	dir, env := environment(t)
	if _, err := makeMembers(dir, []string{"Alice", "Bob"}); err != nil {
		t.Fatal(err)
	}
	server := startRelay(t, dir, env)
	for _, shell := range [][]string{nil, {"bash", "-c", `"$@"; true`, "bash"}} { // as a window has, or without one
		w := openWindow(t, dir, env, append(slices.Clone(shell), "frostkit", "dkg", "-d", "g", "-t", "2", "-S", "Bob", "-s", server, "-c", "Alice.toml")...)
		w.await(t, "Round 1 Packages")
		if !strings.Contains(output(t, dir, env, "frostkit", "sessions", "-s", server, "-c", "Bob.toml"), "Session with ID") {
			t.Error("no session was open")
		}
		_ = w.close()
		for strings.Contains(output(t, dir, env, "frostkit", "sessions", "-s", server, "-c", "Bob.toml"), "Session with ID") {
			if t.Context().Err() != nil {
				t.Fatal("the session is still there")
			}
		}
	}
}

// A message in hexadecimal that is longer than a terminal takes is refused, and not signed in part; what the hint
// says signs it.
func TestLongLineInATerminal(t *testing.T) {
	dir, env := environment(t)
	output(t, dir, env, "frostkit", "link", "bin")
	output(t, dir, env, dir+"/bin/trusted-dealer", "-t", "2", "-n", "2")
	for _, digits := range []int{4200, 4096, 4095, 4094} {
		w := openWindow(t, dir, env, dir+"/bin/coordinator", "-n", "2", "-i", "127.0.0.1", "-p", "0")
		w.await(t, "The message to be signed")
		w.paste(t, strings.Repeat("ab", (digits+1)/2)[:digits]+"\n")
		w.await(t, "its end may be missing")
		w.await(t, "hint: pass a file with -m FILE")
		_ = w.close()
	}
	w := openWindow(t, dir, env, dir+"/bin/coordinator", "-n", "2", "-i", "127.0.0.1", "-p", "0")
	w.await(t, "The message to be signed")
	w.paste(t, strings.Repeat("ab", 2000)+"\n")
	w.await(t, "Waiting for participants")
	_ = w.close()
}

// Who is asked at a terminal and says no is asked why, and the screens say so: the own one that it declined, the
// coordinator's who did and for what reason. Nobody waits for itself.
func TestDeclinedInATerminal(t *testing.T) {
	dir, env := environment(t)
	if _, err := makeMembers(dir, []string{"Alice", "Bob"}); err != nil {
		t.Fatal(err)
	}
	file := fmt.Sprintf("version: 1\nceremony: no\nthreshold: 2\nserver: {url: %q}\nmembers: {Alice: {}, Bob: {}}\n"+
		"sign: [{message: note.txt, signers: [Alice, Bob], output: note.sig}]\n", startRelay(t, dir, env))
	for name, text := range map[string]string{"no.yaml": file, "note.txt": "A note."} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	alice := openWindow(t, dir, env, "frostkit", "run", "no.yaml", "--as", "Alice", "--yes")
	bob := openWindow(t, dir, env, "frostkit", "run", "no.yaml", "--as", "Bob")
	bob.await(t, "Do you want to sign it? (y/n)")
	bob.paste(t, "n\n")
	bob.await(t, "Why not?")
	bob.paste(t, "the date is wrong\n")
	bob.await(t, "declined: the date is wrong")
	alice.await(t, "the date is wrong")
	if shown := alice.text() + bob.text(); strings.Contains(shown, "Alice: waiting for greeting of Alice") ||
		strings.Contains(shown, "Alice        waiting for greeting of Alice") {
		t.Errorf("somebody waits for itself:\n%s", shown)
	}
	_, _ = alice.Process.Wait()
	_, _ = bob.Process.Wait()
}

// While the relay is away the screen says so, and not that members are waited for.
func TestRelayAwayInATerminal(t *testing.T) {
	dir, env := environment(t)
	if _, err := makeMembers(dir, []string{"Alice", "Bob"}); err != nil {
		t.Fatal(err)
	}
	server, stop := stoppableRelay(t, dir, env)
	w := openWindow(t, dir, env, "frostkit", "dkg", "-d", "g", "-t", "2", "-S", "Bob", "-s", server, "-c", "Alice.toml")
	w.await(t, "Round 1 Packages")
	file := fmt.Sprintf("version: 1\nceremony: no\nthreshold: 2\nserver: {url: %q}\nmembers: {Alice: {}, Bob: {}}\n", server)
	if err := os.WriteFile(filepath.Join(dir, "c.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	run := openWindow(t, dir, env, "frostkit", "run", "c.yaml", "--as", "Bob")
	run.await(t, "waiting for")
	stop()
	w.await(t, "The relay is not reachable; trying again...")
	run.await(t, "waiting for the relay, which is not reachable")
	for _, w := range []*window{w, run} {
		_ = w.Process.Kill()
		_, _ = w.Process.Wait()
	}
}
