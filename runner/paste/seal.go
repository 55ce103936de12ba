package paste

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

var errOtherSession = errors.New("it was sealed for another session")

// Seal makes a transport whose messages only the recipient can open and only
// the sender can have made, as [protocol.Seal] does, and only for the
// transport's session: the session id is sealed in before each message, so that
// nobody can bring in a member's message of an older session.
func Seal(t *Transport, self *commkey.PrivateKey, peers []commkey.PublicKey, coordinator commkey.PublicKey) protocol.Transport {
	return &bound{inner: protocol.Seal(t, self, peers, coordinator), session: t.Session}
}

// bound is the transport that Seal makes.
type bound struct {
	inner   protocol.Transport
	session uuid.UUID
}

func (b *bound) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	tied := slices.Concat(b.session[:], payload)
	defer clear(tied)
	return b.inner.Send(ctx, to, tied)
}

func (b *bound) Receive(ctx context.Context) (protocol.Message, error) {
	m, err := b.inner.Receive(ctx)
	if err != nil {
		return m, err
	}
	payload, here := bytes.CutPrefix(m.Payload, b.session[:])
	if !here {
		clear(m.Payload)
		return protocol.Message{}, &protocol.UnreadableError{From: m.From, Err: errOtherSession}
	}
	return protocol.Message{From: m.From, Payload: payload}, nil
}
