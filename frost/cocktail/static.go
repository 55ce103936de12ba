package cocktail

import (
	"encoding/hex"
	"errors"
	"fmt"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// StaticPublicKey is a member's long-term public key P_i, or that of one attempt, F_i: an element of prime
// order. The zero value is none.
type StaticPublicKey struct {
	_       [0]func() // not comparable by ==
	suite   suite
	element group.Element
}

// DecodeStaticPublicKey decodes an element of the suite's group that is not the
// identity, for ed25519 32 bytes as in RFC 8032, Section 5.1.2, of prime order. A
// communication key of X25519 is brought to this form by XEdDSA's convert_mont.
func DecodeStaticPublicKey(cs frost.Ciphersuite, b []byte) (StaticPublicKey, error) {
	const doing = "decoding static public key %q: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return StaticPublicKey{}, fmt.Errorf(doing, hex.EncodeToString(b), err)
	}
	elements, err := s.Group().DecodeElements([][]byte{b})
	if err != nil {
		return StaticPublicKey{}, fmt.Errorf(doing, hex.EncodeToString(b), reason(err))
	}
	return StaticPublicKey{suite: s, element: elements[0]}, nil
}

// reason returns why an element was refused.
func reason(err error) error {
	if refused := (*group.ElementError)(nil); errors.As(err, &refused) {
		return refused.Err
	}
	return err
}

// Bytes returns the encoding that [DecodeStaticPublicKey] reads, nil for the zero value.
func (k StaticPublicKey) Bytes() []byte {
	if k.element == nil {
		return nil
	}
	return append([]byte(nil), k.element.Encoding()...)
}

// String returns the encoding in lower-case hexadecimal digits.
func (k StaticPublicKey) String() string { return hex.EncodeToString(k.Bytes()) }

// Equal reports whether both are the same key of the same suite.
func (k StaticPublicKey) Equal(other StaticPublicKey) bool {
	if k.element == nil || other.element == nil {
		return k.element == nil && other.element == nil
	}
	return k.suite == other.suite && k.element.Equal(other.element)
}

// StaticKey is a member's long-term key pair: the secret d_i and P_i = d_i * B. The one of an attempt, by
// [GenerateAttemptKey], has the same form. It neither
// prints nor marshals, and stays the caller's to destroy: the rounds hold on to it.
type StaticKey struct {
	guard
	suite  suite
	secret group.Scalar
	public StaticPublicKey
}

// DecodeStaticKey decodes the scalar d_i, which is not 0: for ed25519 32 bytes,
// little-endian, below the group's order. The private scalar of a communication key of X25519
// in its Edwards form is that of XEdDSA's calculate_key_pair. Errors do not repeat the
// input, which the caller wipes.
func DecodeStaticKey(cs frost.Ciphersuite, b []byte) (*StaticKey, error) {
	const doing = "decoding a static key: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	var key *StaticKey
	secret.Do(func() { key, err = decodeStaticKey(s, b) })
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return key, nil
}

func decodeStaticKey(s suite, b []byte) (*StaticKey, error) {
	d, err := s.Group().DecodeScalar(b)
	if err != nil {
		return nil, err
	}
	if d.IsZero() {
		return nil, errors.New("it is 0")
	}
	return newStaticKey(s, d), nil
}

// newStaticKey makes the pair of a scalar, which is not 0.
func newStaticKey(s suite, d group.Scalar) *StaticKey {
	public := s.Group().BaseMult(d)
	s.Group().Normalize(public)
	return &StaticKey{suite: s, secret: d, public: StaticPublicKey{suite: s, element: public}}
}

// PublicKey returns P_i.
func (k *StaticKey) PublicKey() StaticPublicKey { return k.public }

// Destroy wipes the secret. What uses the key afterwards fails with [frost.ErrDestroyed].
func (k *StaticKey) Destroy() { k.secret.Clear() }

// usable checks that the key was not destroyed.
func (k *StaticKey) usable() error {
	if k == nil {
		return errors.New("no static key is given")
	}
	if k.secret.IsZero() {
		return frost.ErrDestroyed
	}
	return nil
}
