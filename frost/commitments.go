package frost

import (
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// SigningCommitments is what a signer publishes in round one (RFC 9591,
// Section 5.1): the commitments to its hiding and binding nonces.
type SigningCommitments struct {
	suite           Ciphersuite
	hiding, binding group.Element
}

// Ciphersuite returns the suite.
func (c *SigningCommitments) Ciphersuite() Ciphersuite { return c.suite }

// Equal reports whether both are the same commitments of the same suite.
func (c *SigningCommitments) Equal(other *SigningCommitments) bool {
	return c.suite == other.suite && c.hiding.Equal(other.hiding) && c.binding.Equal(other.binding)
}

func (c *SigningCommitments) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		wire.Element("hiding", &c.hiding),
		wire.Element("binding", &c.binding),
	}
}

// EncodeJSON returns the commitments as JSON {header, hiding, binding}.
func (c *SigningCommitments) EncodeJSON() []byte { return wire.EncodeJSON(c.suite, c.fields()) }

// EncodePostcard returns the commitments in postcard.
func (c *SigningCommitments) EncodePostcard() []byte {
	return wire.EncodePostcard(c.suite, c.fields())
}

// MarshalJSON returns what [SigningCommitments.EncodeJSON] does.
func (c *SigningCommitments) MarshalJSON() ([]byte, error) { return c.EncodeJSON(), nil }

// DecodeSigningCommitmentsJSON reads what [SigningCommitments.EncodeJSON]
// writes. The identity is refused, as every element outside the group.
func DecodeSigningCommitmentsJSON(cs Ciphersuite, b []byte) (*SigningCommitments, error) {
	c := &SigningCommitments{suite: cs}
	if err := wire.DecodeJSON(cs, b, c.fields()...); err != nil {
		return nil, wrap("decoding signing commitments", err)
	}
	return c, nil
}

// DecodeSigningCommitmentsPostcard reads what
// [SigningCommitments.EncodePostcard] writes, with the same checks.
func DecodeSigningCommitmentsPostcard(cs Ciphersuite, b []byte) (*SigningCommitments, error) {
	c := &SigningCommitments{suite: cs}
	if err := wire.DecodePostcard(cs, b, c.fields()...); err != nil {
		return nil, wrap("decoding signing commitments", err)
	}
	return c, nil
}
