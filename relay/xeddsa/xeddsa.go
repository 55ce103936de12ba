// Package xeddsa signs with X25519 keys as the XEdDSA specification of Signal
// (revision 1) says, in the plain form that frostd's login uses.
package xeddsa

import (
	"crypto/ed25519"
	"errors"
	"io"

	"frostkit/commkey"
)

// SignatureSize is the length of a signature in bytes.
const SignatureSize = 64

// Sign signs message.
func Sign(_ io.Reader, _ *commkey.PrivateKey, _ []byte) ([SignatureSize]byte, error) {
	return [SignatureSize]byte{}, errors.ErrUnsupported
}

// Verify reports whether signature is key's over message.
func Verify(_ commkey.PublicKey, _, _ []byte) bool { return false }

// EdwardsPublicKey converts a communication key to its Edwards form of sign 0.
func EdwardsPublicKey(commkey.PublicKey) (ed25519.PublicKey, error) {
	return nil, errors.ErrUnsupported
}
