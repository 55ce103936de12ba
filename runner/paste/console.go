package paste

import (
	"context"
	"errors"
	"sync"

	"frostkit/runner/input"
)

// Console reads what somebody pastes and types, and keeps the two apart.
type Console struct {
	blocks chan pasted
	ended  chan struct{} // closed after err is set
	err    error
	closed <-chan struct{}
	close  context.CancelFunc

	mu   sync.Mutex
	text *listener // nil while nobody listens
}

// pasted is a block, or the reason for which one is damaged.
type pasted struct {
	block  *Block
	damage *DamageError
}

type listener struct {
	lines chan string
	gone  chan struct{}
}

// NewConsole reads on from in, which from now on is the console's, until it
// ends or [Console.Close] is called.
func NewConsole(in *input.Lines) *Console {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Console{blocks: make(chan pasted), ended: make(chan struct{}), closed: ctx.Done(), close: cancel}
	go c.read(NewScanner(func() (string, error) { return in.Next(ctx) }))
	return c
}

// Close ends the reading.
func (c *Console) Close() { c.close() }

func (c *Console) read(s *Scanner) {
	defer close(c.ended)
	for {
		block, text, err := s.Next()
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			c.hand(pasted{damage: damage})
		case errors.Is(err, context.Canceled): // by Close
			c.err = input.ErrEnded
			return
		case err != nil:
			c.err = err
			return
		case block != nil:
			c.hand(pasted{block: block})
		default:
			c.tell(text)
		}
	}
}

func (c *Console) hand(p pasted) {
	select {
	case c.blocks <- p:
	case <-c.closed:
	}
}

// tell gives a line to whoever listens, and drops it if nobody does.
func (c *Console) tell(line string) {
	c.mu.Lock()
	to := c.text
	c.mu.Unlock()
	if to == nil {
		return
	}
	select {
	case to.lines <- line:
	case <-to.gone:
	case <-c.closed:
	}
}

// Listen returns the lines that from now on are typed outside blocks, until
// stop is called. Others may have written them, when they stand beside a block
// that was pasted: an answer that matters has to be one that nobody else could
// have known. One at a time may listen.
func (c *Console) Listen() (lines <-chan string, stop func()) {
	to := &listener{make(chan string), make(chan struct{})}
	c.mu.Lock()
	c.text = to
	c.mu.Unlock()
	return to.lines, func() {
		c.mu.Lock()
		c.text = nil
		c.mu.Unlock()
		close(to.gone)
	}
}

// Ended is closed when the input has ended.
func (c *Console) Ended() <-chan struct{} { return c.ended }

// next waits for a block.
func (c *Console) next(ctx context.Context) (pasted, error) {
	select {
	case p := <-c.blocks:
		return p, nil
	case <-c.ended:
		return pasted{}, c.err
	case <-ctx.Done():
		return pasted{}, context.Cause(ctx)
	}
}
