package frost

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// Identifier names a participant: a scalar of the suite's group that is not 0
// (RFC 9591, Section 3.1). It is comparable and serves as a map key. The zero value
// names nobody.
type Identifier struct {
	suite   Ciphersuite
	encoded string
}

var errZeroIdentifier = errors.New("identifier is 0")

// NewIdentifier returns the identifier n, from 1 to 65535.
func NewIdentifier(cs Ciphersuite, n uint16) (Identifier, error) {
	if n == 0 {
		return Identifier{}, errZeroIdentifier
	}
	return Identifier{cs, string(cs.Group().ScalarFromUint16(n).Bytes())}, nil
}

// DeriveIdentifier returns the identifier that is the hash of s by the suite's HID,
// as the ZF implementation derives it.
func DeriveIdentifier(cs Ciphersuite, s []byte) (Identifier, error) {
	return identifierFromScalar(cs, cs.HID(s))
}

func identifierFromScalar(cs Ciphersuite, x group.Scalar) (Identifier, error) {
	if x.IsZero() {
		return Identifier{}, errZeroIdentifier
	}
	return Identifier{cs, string(x.Bytes())}, nil
}

// DecodeIdentifier decodes a scalar's encoding: for ed25519 32 bytes,
// little-endian, below the group's order and not 0. Its errors do not repeat the
// input, which may be a secret where an identifier should be.
func DecodeIdentifier(cs Ciphersuite, b []byte) (Identifier, error) {
	x, err := cs.Group().DecodeScalar(b)
	if err != nil {
		return Identifier{}, wrap("decoding an identifier", err)
	}
	return identifierFromScalar(cs, x)
}

// ParseIdentifier reads the hexadecimal digits of [DecodeIdentifier]'s input, in
// either case.
func ParseIdentifier(cs Ciphersuite, hexText string) (Identifier, error) {
	b, err := hex.DecodeString(hexText)
	if err != nil {
		return Identifier{}, fmt.Errorf("parsing identifier %q: not hexadecimal", hexText)
	}
	id, err := DecodeIdentifier(cs, b)
	if err != nil {
		return Identifier{}, fmt.Errorf("parsing identifier %q: %w", hexText, err)
	}
	return id, nil
}

// Ciphersuite returns the suite, nil for the zero value.
func (id Identifier) Ciphersuite() Ciphersuite { return id.suite }

// IsZero reports whether id is the zero value, which names nobody.
func (id Identifier) IsZero() bool { return id == Identifier{} }

// Compare orders identifiers by their numbers, which is not the order of their
// hexadecimal text: 255 ("ff00…") is before 256 ("0001…"). Of different suites
// it orders by the suites' IDs, and the zero value comes first.
func (id Identifier) Compare(other Identifier) int {
	switch {
	case id.suite == other.suite && id.suite != nil:
		return id.suite.Group().VarTimeCompareScalars(id.encoded, other.encoded)
	case id.suite == nil || other.suite == nil:
		return strings.Compare(id.encoded, other.encoded)
	}
	return strings.Compare(id.suite.ID(), other.suite.ID())
}

// Bytes returns the encoding that [DecodeIdentifier] reads.
func (id Identifier) Bytes() []byte { return []byte(id.encoded) }

// String returns the encoding in lower-case hexadecimal digits.
func (id Identifier) String() string { return hex.EncodeToString([]byte(id.encoded)) }

// MarshalText returns what [Identifier.String] does.
func (id Identifier) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// scalar returns the number that the identifier is.
func (id Identifier) scalar() group.Scalar {
	x, err := id.suite.Group().DecodeScalar([]byte(id.encoded))
	if err != nil {
		panic("frost: internal error: " + err.Error())
	}
	return x
}

func identifierField(cs Ciphersuite, id *Identifier) wire.Field {
	return wire.Field{
		Name: "identifier",
		Read: func(d *wire.Decoder) error {
			b, err := d.Fixed(cs.Group().ScalarSize())
			if err != nil {
				return err
			}
			*id, err = DecodeIdentifier(cs, b)
			return err
		},
		Write: func(e *wire.Encoder) { e.Fixed(id.Bytes()) },
	}
}

// readKey reads the identifier that is the key of a map's entry. Where the form is canonical
// it must be above the one before it.
func readKey(d *wire.Decoder, cs Ciphersuite, before Identifier) (Identifier, error) {
	b, err := d.Key(cs.Group().ScalarSize())
	if err != nil {
		return Identifier{}, err
	}
	id, err := DecodeIdentifier(cs, b)
	if err == nil && d.Canonical() && !before.IsZero() && id.Compare(before) <= 0 {
		err = errors.New("identifier is not above the one before it")
	}
	return id, err
}

// sortLast sorts the entries of a map by identifier, and of those with the same
// one keeps the last.
func sortLast[T any](entries []T, id func(T) Identifier) []T {
	slices.Reverse(entries)
	slices.SortStableFunc(entries, func(a, b T) int { return id(a).Compare(id(b)) })
	return slices.CompactFunc(entries, func(a, b T) bool { return id(a) == id(b) })
}

// sortedIdentifiers returns ids in ascending order after checking that they
// are of the suite and distinct.
func sortedIdentifiers(cs Ciphersuite, ids []Identifier) ([]Identifier, error) {
	sorted := slices.Clone(ids)
	for _, id := range sorted {
		if id.suite != cs {
			return nil, fmt.Errorf("identifier %q is not of the suite %s", id, cs.ID())
		}
	}
	slices.SortFunc(sorted, Identifier.Compare)
	for i := 1; i < len(sorted); i++ {
		if sorted[i] == sorted[i-1] {
			return nil, fmt.Errorf("identifier %s is there twice", sorted[i])
		}
	}
	return sorted, nil
}

// scalars returns the numbers that the identifiers are.
func scalars(ids []Identifier) []group.Scalar {
	x := make([]group.Scalar, len(ids))
	for i, id := range ids {
		x[i] = id.scalar()
	}
	return x
}
