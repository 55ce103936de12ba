package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"frostkit/runner/protocol"
)

// openTerminal returns both ends of a terminal (pty(7)).
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return keyboard, terminal
}

// typist types an answer each time that the question is put.
type typist struct {
	keyboard io.Writer
	answers  []string
	shown    bytes.Buffer
}

func (p *typist) Write(text []byte) (int, error) {
	if strings.Contains(string(text), "(y/n)") {
		fmt.Fprintln(p.keyboard, p.answers[0])
		p.answers = p.answers[1:]
	}
	return p.shown.Write(text)
}

// What was typed before the question was put is no answer, and what is neither a
// yes nor a no has it put again.
func TestOnlyAnAnswerToTheQuestionConsents(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []string
		want    error
	}{
		{"no", []string{"n"}, errAnsweredNo},
		{"maybe, then no", []string{"maybe", "", "No"}, errAnsweredNo},
		{"maybe, then yes", []string{"maybe", "Yes"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			keyboard, terminal := openTerminal(t)
			fmt.Fprint(keyboard, "y\ny\ny")
			for typed := 0; typed < len("y\ny\n"); { // as the terminal has it
				var err error
				if typed, err = unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCINQ); err != nil {
					t.Fatal(err)
				}
			}
			out := &typist{keyboard: keyboard, answers: c.answers}
			e := &Env{Stdin: terminal, Stdout: io.Discard, Stderr: out, called: frostkit}
			if err := e.approve(t.Context(), protocol.Review{Messages: [][]byte{[]byte("a message")}}); !errors.Is(err, c.want) {
				t.Errorf("the answer is %v, want %v, after\n%s", err, c.want, &out.shown)
			}
			if len(out.answers) > 0 {
				t.Errorf("not asked for %q", out.answers)
			}
		})
	}
}
