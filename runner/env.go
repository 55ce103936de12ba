package runner

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/term"

	"frostkit/frost"
	"frostkit/internal/shown"
	"frostkit/runner/input"
)

// Env is what a command may touch of the world around it. Results go to Stdout,
// talk and questions to Stderr.
type Env struct {
	Context context.Context
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Getenv  func(string) string
	// Committed, if given, is told of the commitments of all nonces before they leave, for a log that
	// shows that none is used twice.
	Committed func([]*frost.SigningCommitments)

	called applet // the name that the program was called by
	begin  sync.Once
	lines  *input.Lines // of Stdin, shared by all that read it

	warned map[string]bool
}

// System is the environment of the running process.
func System() *Env {
	return &Env{
		Context: context.Background(),
		Stdin:   os.Stdin,
		Stdout:  os.Stdout,
		Stderr:  os.Stderr,
		Getenv:  os.Getenv,
	}
}

// say prints a line of talk. What it names adds no line to it.
func (e *Env) say(format string, args ...any) {
	if strings.Contains(format, "\n") {
		fmt.Fprintln(e.Stderr, shown.Lines(fmt.Sprintf(format, onOneLine(args)...)))
		return
	}
	fmt.Fprintln(e.Stderr, shown.Line(fmt.Sprintf(format, args...), shown.MaxLine))
}

// onOneLine returns arguments of a format with each text on one line.
func onOneLine(args []any) []any {
	out := slices.Clone(args)
	for i, arg := range out {
		if text, ok := arg.(string); ok {
			out[i] = shown.Escape(text)
		}
	}
	return out
}

// talk is Stderr behind the gate. The screen that is drawn anew has codes of its own, and writes its texts through the
// gate itself.
func (e *Env) talk() io.Writer { return shown.NewWriter(e.Stderr) }

// warn says what this command has not said before.
func (e *Env) warn(warnings []string) {
	for _, warning := range warnings {
		if e.warned[warning] {
			continue
		}
		if e.warned == nil {
			e.warned = map[string]bool{}
		}
		e.warned[warning] = true
		e.say("warning: %s", warning)
	}
}

// result is where a command's result goes: to standard output, or to standard
// error for the one tool whose users find it there.
func (e *Env) result() io.Writer {
	if e.called == frostClient {
		return e.Stderr
	}
	return e.Stdout
}

// writeJSON prints v as one indented JSON document on standard output.
func (e *Env) writeJSON(v any) error {
	var document bytes.Buffer
	enc := json.NewEncoder(&document)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := e.Stdout.Write(shown.JSON(document.Bytes()))
	return err
}

// input is Stdin, which nothing else may read.
func (e *Env) input() *input.Lines {
	e.begin.Do(func() { e.lines = input.New(e.Stdin) })
	return e.lines
}

// ask puts a question to the user and returns the answer, without the white
// space around it.
func (e *Env) ask(ctx context.Context, question string) (string, error) {
	answer, err := e.input().Ask(ctx, func() { fmt.Fprintln(e.questions(), question) })
	return strings.TrimSpace(answer), err
}

// askAnew is ask for a question that what was typed at a terminal before it was
// put does not answer.
func (e *Env) askAnew(ctx context.Context, question string) (string, error) {
	answer, err := e.input().Ask(ctx, func() {
		if _, ok := terminal(e.Stdin); ok {
			dropTyped(e.Stdin.(*os.File))
		}
		fmt.Fprintln(e.questions(), question)
	})
	return strings.TrimSpace(answer), err
}

// questions is where questions go: for frost-client's users to standard output.
func (e *Env) questions() io.Writer {
	if e.called == frostClient {
		return shown.NewWriter(e.Stdout)
	}
	return e.talk()
}

// cutLine is from which length on, in bytes, a line of Stdin may have been cut by the terminal that it
// is typed into; 0 where it is none.
func (e *Env) cutLine() int {
	if _, keyboard := terminal(e.Stdin); !keyboard {
		return 0
	}
	if runtime.GOOS == "linux" {
		return 4096 - 2 // N_TTY's buffer takes as much of a line with its end
	}
	return 1024 - 2 // MAX_CANON of macOS and the BSDs
}

// terminal returns the width of the terminal that a reader or writer is, if it is one.
func terminal(stream any) (columns int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		columns = 80
	}
	return columns, true
}
