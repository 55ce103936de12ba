package protocol

import (
	"context"
	"sync"

	"frostkit/commkey"
	"frostkit/relay"
)

// NewRelayTransport returns a member's end of a session at a relay: the
// coordinator's mailbox, or the member's own. Its messages are as sealed as they
// are given to it; [Seal] seals them.
func NewRelayTransport(client *relay.Client, session relay.SessionID, asCoordinator bool) *RelayTransport {
	return &RelayTransport{client: client, session: session, asCoordinator: asCoordinator, keepsEarly: map[commkey.PublicKey]bool{}}
}

// RelayTransport is a [Transport] over a session at a relay.
type RelayTransport struct {
	client        *relay.Client
	session       relay.SessionID
	asCoordinator bool
	ready         []relay.Message // received, not yet handed out

	mu         sync.Mutex
	keepsEarly map[commkey.PublicKey]bool
}

// Send queues the message at the relay.
func (t *RelayTransport) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	var recipients []commkey.PublicKey
	if !to.IsZero() {
		recipients = []commkey.PublicKey{to}
	}
	return t.client.Send(ctx, t.session, recipients, payload)
}

// Broadcast queues the message at the relay for all members in one call.
func (t *RelayTransport) Broadcast(ctx context.Context, to []commkey.PublicKey, payload []byte) error {
	return t.client.Send(ctx, t.session, to, payload)
}

// Receive returns the next of the messages that the relay handed over, and asks
// for more when there is none left.
func (t *RelayTransport) Receive(ctx context.Context) (Message, error) {
	for len(t.ready) == 0 {
		messages, err := t.client.Receive(ctx, t.session, t.asCoordinator)
		if err != nil {
			return Message{}, err
		}
		t.ready = messages
		t.mark(messages)
	}
	m := t.ready[0]
	t.ready = t.ready[1:]
	return Message{From: m.Sender, Payload: m.Body}, nil
}

func (t *RelayTransport) mark(messages []relay.Message) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, m := range messages {
		t.keepsEarly[m.Sender] = m.KeepsEarly
	}
}

// KeepEarly reports whether the relay says of all these members, by their latest
// message, that they keep messages that come early, as frost-client does not.
func (t *RelayTransport) KeepEarly(members []commkey.PublicKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range members {
		if !t.keepsEarly[key] {
			return false
		}
	}
	return true
}
