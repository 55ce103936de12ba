package frost

import (
	"encoding/hex"
	"fmt"
	"slices"

	"frostkit/frost/internal/group"
)

// Signature is a Schnorr signature (RFC 9591, Section 5.3). The zero value is
// none, and verifies under no key.
type Signature struct {
	_     [0]func()
	suite Ciphersuite
	r     group.Element
	z     group.Scalar
}

// DecodeSignature decodes the encodings of R and z, for ed25519 64 bytes as
// in RFC 8032, with R of prime order and z below the group's order.
func DecodeSignature(cs Ciphersuite, b []byte) (Signature, error) {
	const doing = "decoding signature"
	g := cs.Group()
	if want := g.ElementSize() + g.ScalarSize(); len(b) != want {
		return Signature{}, fmt.Errorf(doing+": it has %d bytes, want %d", len(b), want)
	}
	r, err := decodePoint(cs, b[:g.ElementSize()])
	if err != nil {
		return Signature{}, fmt.Errorf(doing+": R: %w", err)
	}
	z, err := g.DecodeScalar(b[g.ElementSize():])
	if err != nil {
		return Signature{}, fmt.Errorf(doing+": z: %w", err)
	}
	return Signature{suite: cs, r: r.element, z: z}, nil
}

// ParseSignature reads the hexadecimal digits of [DecodeSignature]'s input, in
// either case.
func ParseSignature(cs Ciphersuite, hexText string) (Signature, error) {
	b, err := hex.DecodeString(hexText)
	if err != nil {
		return Signature{}, fmt.Errorf("parsing signature %q: not hexadecimal", hexText)
	}
	return DecodeSignature(cs, b)
}

// Bytes returns the encoding, for ed25519 64 bytes.
func (s Signature) Bytes() []byte {
	if s.suite == nil {
		return nil
	}
	return slices.Concat(s.r.Encoding(), s.z.Bytes())
}

// String returns the encoding in lower-case hexadecimal digits.
func (s Signature) String() string { return hex.EncodeToString(s.Bytes()) }

// MarshalText returns what [Signature.String] does, which quoted is the JSON of a
// signature in the ZF implementation.
func (s Signature) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Equal reports whether both are the same signature of the same suite.
func (s Signature) Equal(other Signature) bool {
	if s.suite == nil || other.suite == nil {
		return s.suite == other.suite
	}
	return s.suite == other.suite && s.r.Equal(other.r) && s.z.Equal(other.z)
}
