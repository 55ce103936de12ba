// Package input reads what is typed, pasted or piped in, line by line, for those
// who may have to stop waiting for it: a read that has begun cannot be taken
// back.
package input

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Max is how many bytes a line may have, and all that [Lines.All] returns.
const Max = 16 << 20

var (
	// ErrEnded is what asking fails with when the input has ended.
	ErrEnded = errors.New("the input has ended")
	// ErrTooLong is what asking fails with when there is more than [Max] bytes.
	ErrTooLong = fmt.Errorf("the input is longer than %d bytes", Max)
)

// Lines is an input that is read as far as lines are asked for, by one goroutine
// at most, whoever asks.
type Lines struct {
	in   *bufio.Reader
	turn chan struct{} // holds a value while somebody has the turn

	mu      sync.Mutex
	reading bool
	asker   chan<- answer // with room for one; nil while nobody asks
}

type answer struct {
	line string
	err  error
}

// New returns the lines of in, which nobody else may read from now on.
func New(in io.Reader) *Lines {
	return &Lines{in: bufio.NewReader(in), turn: make(chan struct{}, 1)}
}

// Turn waits until nobody else has the turn, for whoever shows something before
// asking while others may want to as well. It fails when ctx has ended.
func (l *Lines) Turn(ctx context.Context) (done func(), err error) {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	done = func() { <-l.turn }
	if ctx.Err() != nil { // which select may have passed over
		done()
		return nil, context.Cause(ctx)
	}
	return done, nil
}

// Ask puts a question and returns the line that answers it, with its line end,
// which the last line may lack. It fails with [ErrEnded], with [ErrTooLong] and
// the line's beginning, and when ctx ends. One at a time may ask.
//
// What was typed for a question whose context has ended answers no other one,
// which may be about something else: until the next question is put, all lines
// that come are read and dropped. A line that is complete after that answers it.
func (l *Lines) Ask(ctx context.Context, question func()) (string, error) {
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	answered := l.listen()
	defer l.leave()
	question()
	l.read()
	select {
	case a := <-answered:
		return a.line, a.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// Next returns the next line, as [Lines.Ask] does.
func (l *Lines) Next(ctx context.Context) (string, error) { return l.Ask(ctx, func() {}) }

// All returns all lines up to the end.
func (l *Lines) All(ctx context.Context) ([]byte, error) {
	var all []byte
	for {
		line, err := l.Next(ctx)
		switch all = append(all, line...); {
		case err == ErrEnded: // and nothing broke
			return all, nil
		case err != nil:
			return nil, err
		case len(all) > Max:
			return nil, ErrTooLong
		}
	}
}

// Pending returns what has come after the last line that was asked for, as far as it
// is known without reading. Nobody may be asking.
func (l *Lines) Pending() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading {
		return nil
	}
	pending, _ := l.in.Peek(l.in.Buffered())
	return bytes.Clone(pending)
}

// listen begins to take lines: those that a question before this one has left
// the goroutine waiting for, too.
func (l *Lines) listen() <-chan answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	answered := make(chan answer, 1)
	l.asker = answered
	return answered
}

// leave ends it.
func (l *Lines) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asker = nil
}

// read begins to read, unless that goes on or the answer is there.
func (l *Lines) read() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reading || l.asker == nil {
		return
	}
	l.reading = true
	go func() {
		for !l.hand(l.line()) {
		}
	}()
}

// hand gives a line to who asks, drops it if nobody does, and reports whether
// there is no more to be read for now.
func (l *Lines) hand(line string, err error) (last bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asker == nil && !errors.Is(err, ErrEnded) {
		return false
	}
	if l.asker != nil {
		l.asker <- answer{line, err}
	}
	l.asker, l.reading = nil, false
	return true
}

// line reads a line. One that is too long is read to its end.
func (l *Lines) line() (string, error) {
	var line []byte
	for {
		part, err := l.in.ReadSlice('\n')
		line = append(line, part[:min(len(part), Max+1-len(line))]...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case len(line) > Max:
			return string(line[:Max]), ErrTooLong
		case len(line) > 0: // an error comes again
			return string(line), nil
		case err == io.EOF:
			return "", ErrEnded
		default:
			return "", fmt.Errorf("%w: %w", ErrEnded, err)
		}
	}
}
