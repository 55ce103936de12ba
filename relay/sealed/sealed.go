// Package sealed encrypts the messages between members:
// Noise_K_25519_ChaChaPoly_BLAKE2s, one state per direction and peer.
package sealed

import (
	"errors"

	"frostkit/commkey"
)

// Sender seals the messages of one direction, in order.
type Sender struct{}

// NewSender makes the state for messages from self to peer.
func NewSender(*commkey.PrivateKey, commkey.PublicKey) (*Sender, error) {
	return nil, errors.ErrUnsupported
}

// Seal encrypts the next message.
func (*Sender) Seal([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }

// Receiver opens the messages of one direction, in order.
type Receiver struct{}

// NewReceiver makes the state for messages from peer to self.
func NewReceiver(*commkey.PrivateKey, commkey.PublicKey) (*Receiver, error) {
	return nil, errors.ErrUnsupported
}

// Open decrypts the next message.
func (*Receiver) Open([]byte) ([]byte, error) { return nil, errors.ErrUnsupported }
