package frost

import (
	"encoding/hex"
	"errors"
	"fmt"

	"frostkit/frost/internal/group"
)

// point is a normalized group element with its suite: the common part of
// [VerifyingKey] and [VerifyingShare]. The function keeps it from being
// compared by ==.
type point struct {
	_       [0]func()
	suite   Ciphersuite
	element group.Element
}

func decodePoint(cs Ciphersuite, b []byte) (point, error) {
	elements, err := cs.Group().DecodeElements([][]byte{b})
	if err != nil {
		if refused := (*group.ElementError)(nil); errors.As(err, &refused) {
			err = refused.Err
		}
		return point{}, err
	}
	return point{suite: cs, element: elements[0]}, nil
}

func (p point) bytes() []byte {
	if p.element == nil {
		return nil
	}
	return append([]byte(nil), p.element.Encoding()...)
}

func (p point) equal(other point) bool {
	if p.element == nil || other.element == nil {
		return p.element == nil && other.element == nil
	}
	return p.suite == other.suite && p.element.Equal(other.element)
}

// VerifyingKey is a group's public key, under which its signatures verify. The
// zero value is no key.
type VerifyingKey struct {
	point
}

// DecodeVerifyingKey decodes an element of the group that is not the identity,
// for ed25519 32 bytes as in RFC 8032, Section 5.1.2, of prime order.
func DecodeVerifyingKey(cs Ciphersuite, b []byte) (VerifyingKey, error) {
	p, err := decodePoint(cs, b)
	if err != nil {
		return VerifyingKey{}, fmt.Errorf("decoding verifying key %q: %w", hex.EncodeToString(b), err)
	}
	return VerifyingKey{p}, nil
}

// ParseVerifyingKey reads the hexadecimal digits of [DecodeVerifyingKey]'s input,
// in either case.
func ParseVerifyingKey(cs Ciphersuite, hexText string) (VerifyingKey, error) {
	b, err := hex.DecodeString(hexText)
	if err != nil {
		return VerifyingKey{}, fmt.Errorf("parsing verifying key %q: not hexadecimal", hexText)
	}
	return DecodeVerifyingKey(cs, b)
}

// Bytes returns the encoding, for ed25519 an RFC 8032 public key of 32 bytes.
func (k VerifyingKey) Bytes() []byte { return k.bytes() }

// String returns the encoding in lower-case hexadecimal digits.
func (k VerifyingKey) String() string { return hex.EncodeToString(k.bytes()) }

// MarshalText returns what [VerifyingKey.String] does.
func (k VerifyingKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Equal reports whether both are the same key of the same suite.
func (k VerifyingKey) Equal(other VerifyingKey) bool { return k.equal(other.point) }

// Ciphersuite returns the suite, nil for the zero value.
func (k VerifyingKey) Ciphersuite() Ciphersuite { return k.suite }

// Verify checks a signature of the message: prime_order_verify of RFC 9591,
// Appendix B, z*B = R + c*PK. For ed25519 Section 6.1 demands that times the cofactor, [8][z]B =
// [8]R + [8][c]PK, which is the same here: a [VerifyingKey] and a [Signature] hold elements
// of prime order alone, among which multiplying by 8 is one to one. So it
// accepts what crypto/ed25519 accepts but for keys and signatures with a component of small
// order, which no honest signer makes. The error is [ErrInvalidSignature].
func (k VerifyingKey) Verify(message []byte, sig Signature) error {
	if k.suite == nil || k.suite != sig.suite {
		return ErrInvalidSignature
	}
	c := challenge(k.suite, sig.r, k.element, message)
	if !verifies(k.suite.Group(), sig.r, k.element, c, sig.z) {
		return ErrInvalidSignature
	}
	return nil
}

// challenge is compute_challenge of RFC 9591, Section 4.6.
func challenge(cs Ciphersuite, r, key group.Element, message []byte) group.Scalar {
	return cs.H2(r.Encoding(), key.Encoding(), message)
}

// verifies reports whether z * G = r + c * key.
func verifies(g group.Group, r, key group.Element, c, z group.Scalar) bool {
	minusC := g.NewScalar()
	minusC.Subtract(minusC, c)
	return g.VarTimeDoubleBaseMult(minusC, key, z).Equal(r)
}

// VerifyingShare is the public half of a participant's signing share. The zero
// value is none.
type VerifyingShare struct {
	point
}

// Bytes returns the encoding, for ed25519 32 bytes.
func (s VerifyingShare) Bytes() []byte { return s.bytes() }

// String returns the encoding in lower-case hexadecimal digits.
func (s VerifyingShare) String() string { return hex.EncodeToString(s.bytes()) }

// MarshalText returns what [VerifyingShare.String] does.
func (s VerifyingShare) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Equal reports whether both are the same share of the same suite.
func (s VerifyingShare) Equal(other VerifyingShare) bool { return s.equal(other.point) }
