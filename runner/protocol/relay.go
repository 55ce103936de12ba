package protocol

import (
	"context"

	"frostkit/commkey"
	"frostkit/relay"
)

// NewRelayTransport returns a member's end of a session at a relay: the
// coordinator's mailbox, or the member's own. Its messages are as sealed as they
// are given to it; [Seal] seals them.
func NewRelayTransport(client *relay.Client, session relay.SessionID, asCoordinator bool) Transport {
	return &relayTransport{client: client, session: session, asCoordinator: asCoordinator}
}

type relayTransport struct {
	client        *relay.Client
	session       relay.SessionID
	asCoordinator bool
	ready         []relay.Message // received, not yet handed out
}

// Send queues the message at the relay.
func (t *relayTransport) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	var recipients []commkey.PublicKey
	if !to.IsZero() {
		recipients = []commkey.PublicKey{to}
	}
	return t.client.Send(ctx, t.session, recipients, payload)
}

// Receive returns the next of the messages that the relay handed over, and asks
// for more when there is none left.
func (t *relayTransport) Receive(ctx context.Context) (Message, error) {
	for len(t.ready) == 0 {
		messages, err := t.client.Receive(ctx, t.session, t.asCoordinator)
		if err != nil {
			return Message{}, err
		}
		t.ready = messages
	}
	m := t.ready[0]
	t.ready = t.ready[1:]
	return Message{From: m.Sender, Payload: m.Body}, nil
}
