// Package commkey holds the X25519 communication keys with which members log
// in to a relay and seal messages to each other (RFC 7748).
//
// A [PublicKey] that exists is 32 bytes, canonical and not of low order; a
// [PrivateKey] refuses to print and to marshal unless asked by name.
package commkey

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"filippo.io/edwards25519"
)

// Size is the length of a public and of a private key in bytes.
const Size = 32

// ErrSecret is what marshalling a [PrivateKey] fails with.
var ErrSecret = errors.New("refusing to marshal a private key")

// PublicKey is the little-endian Montgomery u-coordinate of a communication
// key (RFC 7748, Section 5). It is comparable and serves as a map key; the zero
// value stands for no key.
type PublicKey struct {
	u [Size]byte
}

// NewPublicKey checks the 32 bytes of a public key: a u-coordinate below
// 2^255-19 with the top bit clear that is not of low order.
func NewPublicKey(b []byte) (PublicKey, error) {
	if len(b) != Size {
		return PublicKey{}, fmt.Errorf("public key has %d bytes, want %d", len(b), Size)
	}
	key := PublicKey{u: [Size]byte(b)}
	if !key.canonical() {
		return PublicKey{}, fmt.Errorf("public key %q is not in canonical form", hex.EncodeToString(b))
	}
	if key.lowOrder() {
		return PublicKey{}, fmt.Errorf("public key %q is of low order", hex.EncodeToString(b))
	}
	return key, nil
}

// ParsePublicKey reads a public key of 64 hexadecimal digits in either case.
func ParsePublicKey(s string) (PublicKey, error) {
	b, err := hex.DecodeString(s)
	if err != nil {
		return PublicKey{}, fmt.Errorf("public key %q is not hexadecimal", s)
	}
	return NewPublicKey(b)
}

// Bytes returns the 32 bytes of the key.
func (k PublicKey) Bytes() []byte { return bytes.Clone(k.u[:]) }

// String returns the key as 64 lower-case hexadecimal digits.
func (k PublicKey) String() string { return hex.EncodeToString(k.u[:]) }

// IsZero reports whether k is no key.
func (k PublicKey) IsZero() bool { return k == PublicKey{} }

// Compare orders keys by their bytes, as their hexadecimal text is ordered.
func (k PublicKey) Compare(other PublicKey) int { return bytes.Compare(k.u[:], other.u[:]) }

// MarshalText returns the key as 64 lower-case hexadecimal digits.
func (k PublicKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what [PublicKey.MarshalText] writes, with the checks of
// [NewPublicKey].
func (k *PublicKey) UnmarshalText(text []byte) error {
	key, err := ParsePublicKey(string(text))
	if err != nil {
		return err
	}
	*k = key
	return nil
}

// fieldPrime is p = 2^255-19, little-endian.
var fieldPrime = [Size]byte{
	0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
}

// canonical reports whether the little-endian number is below p.
func (k PublicKey) canonical() bool {
	for i := Size - 1; i >= 0; i-- {
		if k.u[i] != fieldPrime[i] {
			return k.u[i] < fieldPrime[i]
		}
	}
	return false
}

// lowOrderPoints are the canonical u-coordinates of all points of order 1, 2, 4
// and 8 on the curve and on its twist: those for which X25519 with any scalar
// is zero (RFC 7748, Section 7).
var lowOrderPoints = map[[Size]byte]bool{
	{}:         true, // 0
	{0: 1}:     true, // 1
	minusOne(): true, // p-1
	{
		0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a,
		0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
	}: true, // order 8
	{
		0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef, 0x5b,
		0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57,
	}: true, // order 8
}

func minusOne() [Size]byte {
	u := fieldPrime
	u[0]--
	return u
}

// lowOrder reports whether X25519 of the canonical key and any scalar is zero:
// the result of RFC 7748, Section 6.1 that "MAY" be checked, and here is.
func (k PublicKey) lowOrder() bool { return lowOrderPoints[k.u] }

// PrivateKey is an X25519 private key. It prints as a placeholder and does not
// marshal; [PrivateKey.SecretBytes] is the one way to its bytes.
type PrivateKey struct {
	secret *[Size]byte
	public PublicKey
}

// Generate makes a key from 32 bytes of random.
func Generate(random io.Reader) (*PrivateKey, error) {
	var b [Size]byte
	defer clear(b[:])
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("generating a communication key: %w", err)
	}
	return NewPrivateKey(b[:])
}

// NewPrivateKey takes the 32 bytes of a private key, clamped or not, and
// copies them.
func NewPrivateKey(b []byte) (*PrivateKey, error) {
	if len(b) != Size {
		return nil, fmt.Errorf("private key has %d bytes, want %d", len(b), Size)
	}
	public, err := NewPublicKey(x25519Base(b))
	if err != nil {
		return nil, err
	}
	secret := [Size]byte(b)
	return &PrivateKey{secret: &secret, public: public}, nil
}

// x25519Base is X25519 of a private key and the base point, u = 9 (RFC 7748, Section 6.1). It
// multiplies on edwards25519, whose base point that is (Section 4.1), because crypto/ecdh would keep
// a copy of the key that cannot be wiped. It takes constant time.
func x25519Base(private []byte) []byte {
	scalar, err := edwards25519.NewScalar().SetBytesWithClamping(private)
	if err != nil {
		panic("commkey: internal error: " + err.Error()) // it is 32 bytes
	}
	defer scalar.Set(edwards25519.NewScalar())
	point := new(edwards25519.Point).ScalarBaseMult(scalar)
	defer func() { *point = edwards25519.Point{} }()
	return point.BytesMontgomery()
}

// Public returns the key's public half.
func (k *PrivateKey) Public() PublicKey { return k.public }

// SecretBytes returns a copy of the 32 secret bytes, which the caller wipes.
func (k *PrivateKey) SecretBytes() []byte { return bytes.Clone(k.secret[:]) }

// Destroy wipes the secret, of which the key has no other copy. The key must not be
// used after.
func (k *PrivateKey) Destroy() { clear(k.secret[:]) }

// Format prints a placeholder, whatever the verb.
func (k PrivateKey) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[private key]") }

// MarshalText fails with [ErrSecret], and so does every encoder that asks it.
func (k PrivateKey) MarshalText() ([]byte, error) { return nil, ErrSecret }
