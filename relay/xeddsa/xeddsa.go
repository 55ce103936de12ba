// Package xeddsa signs with X25519 communication keys (XEdDSA, "The XEdDSA and
// VXEdDSA Signature Schemes", revision 1, signal.org/docs/specifications/xeddsa),
// as frostd's login wants it.
//
// A signature is R || s under the Edwards form of the key whose sign bit is 0,
// and verifies as an Ed25519 signature: without cofactor, s below the group
// order. The variant of libsignal, which carries a sign bit in the top bit of
// s, is refused.
package xeddsa

import (
	"crypto/ed25519"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"frostkit/commkey"
)

// SignatureSize is the length of a signature in bytes.
const SignatureSize = ed25519.SignatureSize

// ErrNotOnCurve is what [EdwardsPublicKey] refuses with: the key's u-coordinate
// belongs to a point of the quadratic twist, for which no signature verifies.
var ErrNotOnCurve = errors.New("public key is not on the curve")

// Sign returns the signature of key over message, with 64 bytes of random in
// its nonce (section 3 of the specification, xeddsa_sign).
func Sign(random io.Reader, key *commkey.PrivateKey, message []byte) ([SignatureSize]byte, error) {
	var z [64]byte // Z: 64 bytes of secure random data
	defer clear(z[:])
	if _, err := io.ReadFull(random, z[:]); err != nil {
		return [SignatureSize]byte{}, fmt.Errorf("reading the random part of a signature: %w", err)
	}
	// A, a = calculate_key_pair(k)
	public, secret := keyPair(key)
	defer wipe(secret)
	// r = hash1(a || M || Z) (mod q)
	r := hash1(secret, message, z[:])
	defer wipe(r)
	// R = rB
	commitment := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
	// h = hash(R || A || M) (mod q)
	h := hash(commitment, public, message)
	// s = r + ha (mod q)
	s := edwards25519.NewScalar().MultiplyAdd(h, secret, r)
	return [SignatureSize]byte(append(commitment, s.Bytes()...)), nil
}

// keyPair is calculate_key_pair of section 2.3: the Edwards form of the public
// key with sign bit 0 and the private scalar that belongs to it.
func keyPair(key *commkey.PrivateKey) (public []byte, secret *edwards25519.Scalar) {
	k := key.SecretBytes()
	defer clear(k)
	scalar, err := edwards25519.NewScalar().SetBytesWithClamping(k)
	if err != nil {
		panic("xeddsa: internal error: " + err.Error()) // k is 32 bytes
	}
	negated := edwards25519.NewScalar().Negate(scalar)
	defer wipe(negated)
	public = new(edwards25519.Point).ScalarBaseMult(scalar).Bytes()
	sign := int(public[31] >> 7)
	public[31] &= 0x7f
	// if E.s == 1: a = -k (mod q), else a = k (mod q)
	selected, other := scalar.Bytes(), negated.Bytes()
	defer clear(selected)
	defer clear(other)
	subtle.ConstantTimeCopy(sign, selected, other)
	if _, err := scalar.SetCanonicalBytes(selected); err != nil {
		panic("xeddsa: internal error: " + err.Error()) // both are reduced
	}
	return public, scalar
}

// hash1 is hash_1 of section 2.5 over a || M || Z: SHA-512 with the 32 bytes of
// 2^256 - 1 - 1 before its input, so that no hash of a signature collides.
func hash1(secret *edwards25519.Scalar, message, z []byte) *edwards25519.Scalar {
	prefix := [32]byte{}
	for i := range prefix {
		prefix[i] = 0xff
	}
	prefix[0] = 0xfe
	a := secret.Bytes()
	defer clear(a)
	return hash(prefix[:], a, message, z)
}

// hash is SHA-512 of the parts as a little-endian number mod q.
func hash(parts ...[]byte) *edwards25519.Scalar {
	h := sha512.New()
	for _, part := range parts {
		h.Write(part)
	}
	digest := h.Sum(nil)
	defer clear(digest)
	scalar, err := edwards25519.NewScalar().SetUniformBytes(digest)
	if err != nil {
		panic("xeddsa: internal error: " + err.Error()) // digest is 64 bytes
	}
	return scalar
}

// wipe sets a scalar to zero.
func wipe(s *edwards25519.Scalar) { s.Set(edwards25519.NewScalar()) }

// Verify reports whether signature, 64 bytes, is key's over message
// (section 3, xeddsa_verify, with s below q).
func Verify(key commkey.PublicKey, message, signature []byte) bool {
	if len(signature) != SignatureSize {
		return false
	}
	// For a key that is not on the curve ed25519 finds no point either.
	return ed25519.Verify(edwardsY(key), message, signature)
}

// EdwardsPublicKey returns the 32-byte Edwards form of key with sign bit 0
// (section 2.3, convert_mont), or [ErrNotOnCurve].
func EdwardsPublicKey(key commkey.PublicKey) (ed25519.PublicKey, error) {
	public := edwardsY(key)
	if _, err := new(edwards25519.Point).SetBytes(public); err != nil {
		return nil, fmt.Errorf("converting public key %q: %w", key.String(), ErrNotOnCurve)
	}
	return public, nil
}

// edwardsY returns the encoding of the point with sign bit 0 whose y-coordinate
// belongs to key, if there is such a point.
func edwardsY(key commkey.PublicKey) ed25519.PublicKey {
	u, err := new(field.Element).SetBytes(key.Bytes())
	if err != nil {
		panic("xeddsa: internal error: " + err.Error()) // the key is 32 bytes
	}
	// y = (u - 1) / (u + 1); u = -1 is of low order and no commkey.PublicKey.
	one := new(field.Element).One()
	denominator := new(field.Element).Invert(new(field.Element).Add(u, one))
	y := new(field.Element).Multiply(new(field.Element).Subtract(u, one), denominator)
	return y.Bytes()
}
