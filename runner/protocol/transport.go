package protocol

import (
	"context"
	"fmt"

	"frostkit/commkey"
)

// MaxMessageSize is the largest message in bytes that frostd carries. A larger
// one is dropped before it is looked at.
const MaxMessageSize = 65535

// Message is what a [Transport] delivers: a payload and the member from whom
// the channel, not the payload, says that it is.
type Message struct {
	From    commkey.PublicKey
	Payload []byte
}

// Transport carries messages between the members of one session, as one
// member. One goroutine at a time may call Send, and one at a time Receive.
type Transport interface {
	// Send hands over a message to one member; the zero key stands for the
	// session's coordinator (frostd: no recipients). It does not keep or change
	// payload, which the caller may wipe after.
	Send(ctx context.Context, to commkey.PublicKey, payload []byte) error

	// Receive blocks until there is a message or ctx ends. The payload is the
	// caller's to keep and to wipe. An [*UnreadableError] concerns a single
	// message, after which Receive may be called again; any other error is final.
	Receive(ctx context.Context) (Message, error)
}

// Broadcaster is a [Transport] that hands over one message to many members at
// once, at the cost of one.
type Broadcaster interface {
	Transport
	// Broadcast is Send for each of the members, who are distinct.
	Broadcast(ctx context.Context, to []commkey.PublicKey, payload []byte) error
}

// UnreadableError reports a message that a [Transport] dropped because it could
// not be opened. The session goes on.
type UnreadableError struct {
	// From is the member in whose name the message came, which nothing proves.
	From commkey.PublicKey
	// Err says what was wrong with it.
	Err error
}

// Error says in whose name the message came and why it was dropped.
func (e *UnreadableError) Error() string {
	return fmt.Sprintf("opening a message from %s: %v", e.From, e.Err)
}

// Unwrap returns the reason.
func (e *UnreadableError) Unwrap() error { return e.Err }

// MaxSigned is how many bytes the messages and aux data of a session may have together in frostkit's own protocol, whose proposal
// carries them to at most this many candidates.
func MaxSigned(candidates int) int { return MaxMessageSize - 4096 - 33*candidates }

// MaxSignedByFrostClient is the same of frost-client's protocol: its signing package has the message in hexadecimal, and for each signer
// an identifier and commitments, of less than 400 bytes.
func MaxSignedByFrostClient(signers int) int { return (MaxMessageSize - 1024 - 400*signers) / 2 }
