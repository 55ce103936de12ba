package runner

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"

	"frostkit/runner/input"
	"frostkit/runner/protocol"
)

func TestReadAnswer(t *testing.T) {
	for line, want := range map[string]struct{ answered, agreed bool }{
		"123456": {true, true}, "n": {true, false}, "No": {true, false}, "123457": {true, false},
		"": {}, "y": {}, "yes": {}, "12345": {}, "1234567": {}, "12345x": {}, "type 123456": {},
	} {
		answered, refusal := readAnswer(line, "123456")
		if answered != want.answered || answered && (refusal == nil) != want.agreed {
			t.Errorf("%q: answered %t, refusal %v", line, answered, refusal)
		}
	}
}

// screen is what a member sees, and says when a question is there.
type screen struct {
	mu    sync.Mutex
	text  strings.Builder
	asked chan string
}

var askedNumber = regexp.MustCompile(`To sign it, type ([0-9]{6});`)

func (s *screen) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := askedNumber.FindSubmatch(b); found != nil {
		s.asked <- string(found[1])
	}
	return s.text.Write(b)
}

// What others wrote around their blocks neither agrees nor keeps from agreeing.
func TestApproveByPaste(t *testing.T) {
	for name, c := range map[string]struct {
		typed  func(number string) string
		agrees bool
		want   error
	}{
		"the number": {func(n string) string { return "y\nyes\n> of course\n> " + n + "\r\n" }, true, nil},
		"no":         {func(n string) string { return "y\nn\n" + n + "\n" }, false, errAnsweredNo},
		"the end":    {func(string) string { return "y\n" }, false, input.ErrEnded},
	} {
		in, typing := io.Pipe()
		out := &screen{asked: make(chan string, 1)}
		e := &Env{Stdin: in, Stdout: io.Discard, Stderr: out}
		p := e.startPaste(pasteEnd{session: [16]byte{1}})
		go func() {
			_, _ = io.WriteString(typing, c.typed(<-out.asked))
			typing.Close()
		}()
		err := (&participantCommand{}).approveByPaste(t.Context(), p, protocol.Review{Messages: [][]byte{[]byte("m")}})
		if (err == nil) != c.agrees || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		in.Close()
		<-p.console.Ended()
	}
}

// A question ends with the run.
func TestApproveByPasteIsInterrupted(t *testing.T) {
	in, typing := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	out := &screen{asked: make(chan string, 1)}
	e := &Env{Stdin: in, Stdout: io.Discard, Stderr: out}
	p := e.startPaste(pasteEnd{session: [16]byte{1}})
	go func() { <-out.asked; cancel() }()
	err := (&participantCommand{}).approveByPaste(ctx, p, protocol.Review{})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	typing.Close()
	<-p.console.Ended()
}
