package frost

import (
	"errors"
	"fmt"
	"io"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// SigningKey is a whole signing key, held by one: what a trusted dealer splits.
// It neither prints nor marshals.
type SigningKey struct {
	guard
	suite  Ciphersuite
	secret group.Scalar
	public group.Element
}

// GenerateSigningKey makes a key from random.
func GenerateSigningKey(random io.Reader, cs Ciphersuite) (*SigningKey, error) {
	key, err := newSigningKey(cs, func() (group.Scalar, error) { return cs.Group().RandomScalar(random) })
	return key, wrap("generating a signing key", err)
}

// DecodeSigningKey decodes a scalar that is not 0, for ed25519 32 bytes,
// little-endian. That is not the seed of RFC 8032. Its errors do not repeat the input.
func DecodeSigningKey(cs Ciphersuite, b []byte) (*SigningKey, error) {
	key, err := newSigningKey(cs, func() (group.Scalar, error) { return cs.Group().DecodeScalar(b) })
	return key, wrap("decoding a signing key", err)
}

// newSigningKey makes the key of the scalar that source returns.
func newSigningKey(cs Ciphersuite, source func() (group.Scalar, error)) (key *SigningKey, err error) {
	secret.Do(func() {
		var sk group.Scalar
		if sk, err = source(); err != nil {
			return
		}
		if sk.IsZero() {
			err = errors.New("it is 0")
			return
		}
		public := cs.Group().BaseMult(sk)
		cs.Group().Normalize(public)
		key = &SigningKey{suite: cs, secret: sk, public: public}
	})
	return key, err
}

// Ciphersuite returns the suite.
func (k *SigningKey) Ciphersuite() Ciphersuite { return k.suite }

// VerifyingKey returns the public half.
func (k *SigningKey) VerifyingKey() VerifyingKey {
	return VerifyingKey{point{suite: k.suite, element: k.public}}
}

// SecretBytes returns the encoding that [DecodeSigningKey] reads, in a new
// slice that the caller wipes.
func (k *SigningKey) SecretBytes() (b []byte) {
	secret.Do(func() { b = k.secret.Bytes() })
	return b
}

// Sign signs a message with the whole key: prime_order_sign of RFC 9591,
// Appendix B. The nonce is a hash of 32 bytes of random, the key and the message,
// so that a faulty source of randomness does not give the key away. The error
// is that of random, or [ErrDestroyed].
func (k *SigningKey) Sign(random io.Reader, message []byte) (Signature, error) {
	const doing = "signing"
	if k.secret.IsZero() {
		return Signature{}, wrap(doing, ErrDestroyed)
	}
	g := k.suite.Group()
	r, z := g.NewElement(), g.NewScalar()
	var err error
	secret.Do(func() {
		var nonce group.Scalar
		if nonce, err = generateNonce(random, k.suite, k.secret, message); err != nil {
			return
		}
		defer nonce.Clear()
		r.Set(g.BaseMult(nonce))
		g.Normalize(r)
		// z = k + (c * sk)
		z.MultiplyAdd(challenge(k.suite, r, k.public, message), k.secret, nonce)
	})
	if err != nil {
		return Signature{}, wrap(doing, err)
	}
	return Signature{suite: k.suite, r: r, z: z}, nil
}

// Destroy wipes the key.
func (k *SigningKey) Destroy() { k.secret.Clear() }

// generateNonce is nonce_generate of RFC 9591, Section 4.1: H3 of 32 random
// bytes and the secret, and of what else the nonce is to depend on.
func generateNonce(random io.Reader, cs Ciphersuite, secret group.Scalar, context []byte) (group.Scalar, error) {
	var randomBytes [32]byte
	defer clear(randomBytes[:])
	if _, err := io.ReadFull(random, randomBytes[:]); err != nil {
		return nil, fmt.Errorf("reading randomness: %w", err)
	}
	encoded := secret.Bytes()
	defer clear(encoded)
	nonce := cs.H3(randomBytes[:], encoded, context)
	if nonce.IsZero() {
		return nil, errors.New("nonce is 0")
	}
	return nonce, nil
}
