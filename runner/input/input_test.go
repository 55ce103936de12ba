package input

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestLines(t *testing.T) {
	l := New(strings.NewReader("one\r\n\ntwo"))
	for _, want := range []string{"one\r\n", "\n", "two"} {
		if got, err := l.Next(t.Context()); got != want || err != nil {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
	for range 2 {
		if got, err := l.Next(t.Context()); got != "" || !errors.Is(err, ErrEnded) {
			t.Errorf("after the end: %q, %v", got, err)
		}
	}
}

func TestTooLong(t *testing.T) {
	for _, size := range []int{Max - 1, Max} { // with the line end: as much as there may be, and more
		l := New(strings.NewReader(strings.Repeat("x", size) + "\nnext\n"))
		got, err := l.Next(t.Context())
		if len(got) != Max || (err == nil) != (size < Max) || err != nil && !errors.Is(err, ErrTooLong) {
			t.Errorf("%d bytes: read %d, %v", size, len(got), err)
		}
		if got, err := l.Next(t.Context()); got != "next\n" || err != nil {
			t.Errorf("after %d bytes: %q, %v", size, got, err)
		}
	}
}

func TestAll(t *testing.T) {
	for _, text := range []string{"", "one", "one\r\ntwo\n"} {
		if got, err := New(strings.NewReader(text)).All(t.Context()); string(got) != text || err != nil {
			t.Errorf("read %q, %v, want %q", got, err, text)
		}
	}
	line := strings.Repeat("x", 1<<20-1) + "\n"
	if _, err := New(strings.NewReader(strings.Repeat(line, Max/len(line)+1))).All(t.Context()); !errors.Is(err, ErrTooLong) {
		t.Errorf("more than there may be: %v", err)
	}
	broken := errors.New("broken")
	if _, err := New(iotest.ErrReader(broken)).All(t.Context()); !errors.Is(err, broken) {
		t.Errorf("of an input that fails: %v", err)
	}
}

// Answers that are there beforehand, as in a pipe, are read as they are asked for.
func TestPipedAnswers(t *testing.T) {
	l := New(strings.NewReader("y\nn\n"))
	for _, want := range []string{"y\n", "n\n"} {
		asked := false
		got, err := l.Ask(t.Context(), func() { asked = true })
		if got != want || err != nil || !asked {
			t.Errorf("read %q, %v, want %q", got, err, want)
		}
	}
}

// typist is somebody at an input.
type typist struct {
	t   *testing.T
	out *io.PipeWriter
}

func (p typist) enter(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.out, text); err != nil {
		p.t.Error(err)
	}
}

// abandoned returns lines of which one was asked for in vain.
func abandoned(t *testing.T) (*Lines, typist) {
	in, out := io.Pipe()
	t.Cleanup(func() { out.Close() })
	l := New(in)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	if got, err := l.Ask(ctx, func() { cancel(gone) }); !errors.Is(err, gone) {
		t.Fatalf("read %q, %v", got, err)
	}
	return l, typist{t, out}
}

// What is typed after a question answers it, also when the reader has waited
// since the question before.
func TestAnswerToTheNextQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, person := abandoned(t)
		got, err := l.Ask(t.Context(), func() { person.enter("y\n") })
		if got != "y\n" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// What is typed while there is no question, since one is gone, answers none.
func TestAnswersToNoQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, person := abandoned(t)
		person.enter("y\n")
		person.enter("y\ny\n")
		synctest.Wait()
		got, err := l.Ask(t.Context(), func() { go person.enter("n\n") })
		if got != "n\n" || err != nil {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// An end that nobody was told of is told to the next who asks.
func TestEndBetweenQuestions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, person := abandoned(t)
		person.out.Close()
		synctest.Wait()
		if got, err := l.Next(t.Context()); !errors.Is(err, ErrEnded) {
			t.Errorf("read %q, %v", got, err)
		}
	})
}

// Whose context has ended puts no question.
func TestAskInVain(t *testing.T) {
	l := New(strings.NewReader("y\n"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Ask(ctx, func() { t.Error("asked") }); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	for range 20 { // as select chooses at random
		if _, err := l.Turn(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("had the turn: %v", err)
		}
	}
}

func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := New(strings.NewReader(""))
		first, err := l.Turn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		impatient, patient := make(chan error, 1), make(chan error, 1)
		go func() { _, err := l.Turn(ctx); impatient <- err }()
		cancel()
		if err := <-impatient; !errors.Is(err, context.Canceled) {
			t.Errorf("two have the turn: %v", err)
		}
		go func() { _, err := l.Turn(t.Context()); patient <- err }()
		synctest.Wait()
		first()
		if err := <-patient; err != nil {
			t.Error(err)
		}
	})
}

// What follows a line is known once it is there, and not before.
func TestPending(t *testing.T) {
	lines := New(strings.NewReader("one\ntwo\nthree\n"))
	if pending := lines.Pending(); len(pending) != 0 {
		t.Errorf("%q is pending before anything was read", pending)
	}
	if line, err := lines.Next(t.Context()); line != "one\n" || err != nil {
		t.Fatalf("read %q, %v", line, err)
	}
	if pending := lines.Pending(); string(pending) != "two\nthree\n" {
		t.Errorf("%q is pending", pending)
	}
	if rest, err := lines.All(t.Context()); string(rest) != "two\nthree\n" || err != nil {
		t.Errorf("read %q, %v", rest, err)
	}
}
