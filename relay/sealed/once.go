package sealed

import (
	"crypto/rand"
	"errors"

	"github.com/flynn/noise"

	"frostkit/commkey"
)

// SealOnce seals one message that stands for itself: the handshake message of
// pattern K with the plaintext as its payload, under a prologue that the
// recipient must give as well. It is the plaintext and 48 bytes long, and fails
// with [ErrTooLong] if that is over [MaxMessage].
func SealOnce(self *commkey.PrivateKey, peer commkey.PublicKey, prologue, plaintext []byte) (out []byte, err error) {
	keys, err := newPair(self, peer)
	if err != nil {
		return nil, err
	}
	if len(plaintext)+FirstOverhead > MaxMessage {
		return nil, sealingError(peer, len(plaintext), ErrTooLong)
	}
	keys.random, keys.prologue = rand.Reader, prologue
	err = keys.handshake(true, func(state *noise.HandshakeState) (err error) {
		out, _, _, err = state.WriteMessage(nil, plaintext)
		return err
	})
	if err != nil {
		return nil, sealingError(peer, len(plaintext), err)
	}
	return out, nil
}

// OpenOnce opens what [SealOnce] sealed with the same prologue. It fails with
// [ErrTooLong] or [ErrOpen]. Nothing keeps a message from being opened twice.
func OpenOnce(self *commkey.PrivateKey, peer commkey.PublicKey, prologue, message []byte) (plaintext []byte, err error) {
	receiver, err := NewReceiver(self, peer)
	if err != nil {
		return nil, err
	}
	receiver.keys.prologue = prologue
	plaintext, err = receiver.Open(message)
	if err != nil && !errors.Is(err, ErrTooLong) {
		return nil, receiver.openingError(message, ErrOpen)
	}
	return plaintext, err
}
