package relaykill

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"frostkit/commkey"
	"frostkit/relay"
)

// load is members that send one another numbers, in order, and look for what is
// missing, doubled or out of order.
type load struct {
	url    string
	root   *x509.Certificate
	sent   atomic.Int64 // acknowledged
	got    atomic.Int64
	moving chan struct{} // has a value after each message that arrived
}

// lane is one sender and one receiver in a session of their own.
type lane struct {
	*load
	from, to  *relay.Client
	recipient commkey.PublicKey
	session   relay.SessionID
	last      atomic.Int64 // the last number acknowledged
}

func (l *load) client(t *testing.T) (*relay.Client, commkey.PublicKey) {
	t.Helper()
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := relay.NewClient(relay.ClientConfig{URL: l.url, Key: key, RootCAs: []*x509.Certificate{l.root}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.Login(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c, key.Public()
}

func (l *load) lane(t *testing.T) *lane {
	t.Helper()
	from, sender := l.client(t)
	to, recipient := l.client(t)
	session, err := from.CreateSession(t.Context(), []commkey.PublicKey{sender, recipient}, 1)
	if err != nil {
		t.Fatal(err)
	}
	return &lane{load: l, from: from, to: to, recipient: recipient, session: session}
}

// theEnd is the message after the last number.
const theEnd = "end"

// send sends numbers from 1 until stop ends. A client says that a message was
// sent when the relay has acknowledged it; before that it tries again.
func (n *lane) send(ctx, stop context.Context) error {
	to := []commkey.PublicKey{n.recipient}
	for number := int64(1); stop.Err() == nil; number++ {
		if err := n.from.Send(ctx, n.session, to, fmt.Append(nil, number)); err != nil {
			return fmt.Errorf("sending %d: %w", number, err)
		}
		n.last.Store(number)
		n.sent.Add(1)
	}
	return n.from.Send(ctx, n.session, to, []byte(theEnd))
}

// receive expects the numbers from 1, each once, and the end.
func (n *lane) receive(ctx context.Context) error {
	for next := int64(1); ; {
		patience, cancel := context.WithTimeout(ctx, time.Minute)
		messages, err := n.to.Receive(patience, n.session, false)
		cancel()
		if err != nil {
			return fmt.Errorf("receiving %d, with %d acknowledged: %w", next, n.last.Load(), err)
		}
		for _, m := range messages {
			if string(m.Body) == theEnd && next == n.last.Load()+1 {
				return nil
			}
			number, err := strconv.ParseInt(string(m.Body), 10, 64)
			if err != nil || number != next {
				return fmt.Errorf("received %q, want %d; %d were acknowledged", m.Body, next, n.last.Load())
			}
			next++
			n.got.Add(1)
		}
		select {
		case n.moving <- struct{}{}:
		default:
		}
	}
}

// start runs so many lanes until stop ends and everything has arrived; finish
// waits for that.
func (l *load) start(t *testing.T, lanes int, stop context.Context) (finish func()) {
	var running sync.WaitGroup
	for range lanes {
		n := l.lane(t)
		for name, part := range map[string]func() error{
			"sender":   func() error { return n.send(t.Context(), stop) },
			"receiver": func() error { return n.receive(t.Context()) },
		} {
			running.Go(func() {
				if err := part(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
	}
	return running.Wait
}
