// Package cocktail implements COCKTAIL-DKG v0.2 (c2sp.org/cocktail-dkg): distributed
// key generation for FROST in three rounds, with encrypted shares, over channels that
// need be neither secret nor authentic.
//
// The members agree on a [Setup]: their static keys in an order, which gives them the
// identifiers 1 to n, the threshold, and a session ID that was never used before. Each
// then goes through three rounds:
//
//   - [New] draws a polynomial and encrypts a share to every member. Its one
//     [Round1Message] is broadcast as it is.
//   - [Round1.Next] takes the messages of the others, checks everything in them, and gives
//     the keys, which are pending: nobody knows yet that all members hold the same.
//   - [Round2.Next] adds the application's extension to the transcript and signs it. The keys,
//     or the [Transcript] and the [Bundle] from which [Resume] makes them again, are to be
//     stored before the signature is sent.
//   - [Round3.Next] takes the signatures of the others and gives the [Certificate]: proof to
//     everybody, [DecodeCertificate], that all members ended with the same group.
//
// [NewAttemptSetup] makes a setup that goes further than the specification: shares are encrypted to keys that the
// members made for this one attempt, so that messages which somebody kept and static keys which somebody steals
// later open nothing, and a ciphertext at fault is proven to all. Then there is no bundle, and the key package is what is to be
// stored, for [ResumeShare].
//
// A coordinator, if there is one, is trusted with nothing and needs no key. It may gather the
// messages into a [Round2Message] for each member.
//
// From the [Certificate], a [Bundle] and a [StaticKey] alone, [Recover] makes a
// member's keys again.
//
// A round is spent when it goes on, whether or not it succeeds. Errors about what members
// sent are a *[frost.BlameError] that names all of them, with a [Fault] for each: see [Faults].
//
// The package does no input or output and keeps no clock, and no goroutine outlives the call that
// started it. Operations on secrets take constant time.
package cocktail

import (
	"crypto/cipher"
	"errors"
	"fmt"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

var (
	// ErrRoundSpent is the error of a round that has gone on, or was destroyed. A
	// new attempt begins with a [Setup] of another session ID.
	ErrRoundSpent = errors.New("round of the key generation is spent")
	// ErrInvalidSignature is the error of a transcript signature or a proof of possession
	// that does not verify.
	ErrInvalidSignature = errors.New("signature does not verify")
	// ErrNotMember is the error of a static key that none of the members has.
	ErrNotMember = errors.New("static key is not that of a member")
)

const (
	// MaxCiphertextSize is the specification's MAX_CIPHERTEXT_SIZE in bytes, at its
	// interoperability floor: larger ciphertexts are refused.
	MaxCiphertextSize = 1 << 16
	// lengthSize is the size of the length before a framed ciphertext.
	lengthSize = 8
	keySize    = 32
	nonceSize  = 24
	tagSize    = 16
)

// guard, embedded, keeps a secret from being printed or marshalled.
type guard = secret.Guard

// parameters are what COCKTAIL-DKG adds to a FROST ciphersuite ("Ciphersuite Definitions").
type parameters interface {
	// id returns the ciphersuite_id, such as "COCKTAIL(Ed25519, SHA-512)".
	id() string
	// hash is H, the suite's hash function.
	hash(parts ...[]byte) []byte
	// ecdh returns ecdh_encode(secret * public), in constant time.
	ecdh(secret group.Scalar, public group.Element) []byte
	// deriveKeyAndNonce derives the 32 bytes of the key and the 24 of the nonce by H6 of
	// x, E, P_s, P_r and the context.
	deriveKeyAndNonce(x, ephemeral, sender, recipient, context []byte) (key, nonce []byte)
	// aead returns Enc and Dec with a key of 32 bytes. The nonce has 24 bytes, the tag 16.
	aead(key []byte) (cipher.AEAD, error)
	// nonceScalar and challengeScalar are HashToScalar after the prefixes prefix_nonce and
	// prefix_H7 ("Schnorr Prefix Strings").
	nonceScalar(parts ...[]byte) group.Scalar
	challengeScalar(parts ...[]byte) group.Scalar
}

// suite is a FROST ciphersuite with its parameters of COCKTAIL-DKG. It is comparable.
type suite struct {
	frost.Ciphersuite
	parameters
}

func suiteOf(cs frost.Ciphersuite) (suite, error) {
	if cs == nil {
		return suite{}, errors.New("no ciphersuite is given")
	}
	if cs != frost.Ed25519() {
		return suite{}, fmt.Errorf("ciphersuite %q has no COCKTAIL-DKG here, want %q", cs.Name(), frost.Ed25519().Name())
	}
	return suite{cs, ed25519Parameters{cs}}, nil
}

// signatureSize returns the length of an encoded signature in bytes.
func (s suite) signatureSize() int { return s.Group().ElementSize() + s.Group().ScalarSize() }

// minCiphertextSize returns the length of a ciphertext without payload in bytes:
// "scalar_size + AEAD_TAG_SIZE".
func (s suite) minCiphertextSize() int { return s.Group().ScalarSize() + tagSize }
