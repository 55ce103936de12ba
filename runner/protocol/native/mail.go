package native

import (
	"context"
	"errors"
	"fmt"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// arrival is a message as it arrived: opened, dropped for a reason, or the transport's end.
type arrival struct {
	from     commkey.PublicKey
	payload  []byte
	envelope []byte // nil if it was sealed
	dropped  error
	ended    error
}

// mail sends and receives envelopes over a transport.
type mail struct {
	transport protocol.Transport
	key       *commkey.PrivateKey
	session   sessionID
	arrived   chan arrival
	stop      context.CancelFunc
	done      chan struct{}
}

// openMail starts to receive, until close or the end of ctx. A transport's Receive is not
// interrupted while the run goes on: with frostd a message could be lost by it.
func openMail(ctx context.Context, t protocol.Transport, key *commkey.PrivateKey, session sessionID) *mail {
	ctx, stop := context.WithCancel(ctx)
	m := &mail{transport: t, key: key, session: session, arrived: make(chan arrival), stop: stop, done: make(chan struct{})}
	go m.receive(ctx)
	return m
}

func (m *mail) close() {
	m.stop()
	<-m.done
}

func (m *mail) receive(ctx context.Context) {
	defer close(m.done)
	for {
		in, err := m.transport.Receive(ctx)
		a := arrival{from: in.From}
		var unreadable *protocol.UnreadableError
		switch {
		case errors.As(err, &unreadable):
			a.from, a.dropped = unreadable.From, unreadable.Err
		case err != nil:
			a.ended = err
		default:
			a = m.open(in)
		}
		select {
		case m.arrived <- a:
		case <-ctx.Done():
			return
		}
		if a.ended != nil {
			return
		}
	}
}

func (m *mail) open(in protocol.Message) arrival {
	a := arrival{from: in.From}
	if size := len(in.Payload); size > protocol.MaxMessageSize {
		a.dropped = fmt.Errorf("it has %d bytes, at most %d are allowed", size, protocol.MaxMessageSize)
		return a
	}
	a.payload, a.dropped = openEnvelope(m.key, m.session, in.From, in.Payload)
	if a.dropped == nil && in.Payload[0] == formSigned {
		a.envelope = in.Payload
	}
	return a
}

// broadcast signs a message and sends it to members, in chunks where it is too large. It returns the envelope,
// of several the last.
func (m *mail) broadcast(ctx context.Context, to []protocol.Member, msg message) (envelope []byte, err error) {
	for _, part := range msg.split() {
		if envelope, err = signEnvelope(m.key, m.session, part.encode()); err != nil {
			return nil, err
		}
		if err := m.post(ctx, to, envelope); err != nil {
			return nil, err
		}
	}
	return envelope, nil
}

// post sends an envelope to members, in one call where the transport can.
func (m *mail) post(ctx context.Context, to []protocol.Member, envelope []byte) error {
	if len(envelope) > protocol.MaxMessageSize {
		return fmt.Errorf("sending a message: it has %d bytes, at most %d can be sent", len(envelope), protocol.MaxMessageSize)
	}
	keys := protocol.Keys(to)
	if many, ok := m.transport.(protocol.Broadcaster); ok && len(keys) > 0 {
		return many.Broadcast(ctx, keys, envelope)
	}
	for _, key := range keys {
		if err := m.transport.Send(ctx, key, envelope); err != nil {
			return err
		}
	}
	return nil
}

// seal sends a message that only one member can read, in chunks where it is too large. The zero key stands
// for the coordinator's mailbox, to being its owner.
func (m *mail) seal(ctx context.Context, box, to commkey.PublicKey, msg message) error {
	for _, part := range msg.split() {
		if err := m.sealOne(ctx, box, to, part); err != nil {
			return err
		}
	}
	return nil
}

func (m *mail) sealOne(ctx context.Context, box, to commkey.PublicKey, msg message) error {
	payload := msg.encode()
	defer clear(payload)
	envelope, err := sealEnvelope(m.key, m.session, to, payload)
	if err != nil {
		return err
	}
	return m.transport.Send(ctx, box, envelope)
}

// firstResend is how long to wait at first before a message is sent or asked for again.
const firstResend = 5 * time.Second

// backoff is a timer of growing intervals.
type backoff struct {
	*time.Timer
	next, most time.Duration
}

func newBackoff(first, most time.Duration) *backoff {
	return &backoff{time.NewTimer(first), first, max(first, most)}
}

func (b *backoff) again() {
	b.next = min(2*b.next, b.most)
	b.Reset(b.next)
}
