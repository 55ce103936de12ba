package frost

import (
	"bytes"
	"slices"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// PublicKeyPackage is what everybody may know of a group: its verifying key and
// the verifying share of each participant.
type PublicKeyPackage struct {
	suite  Ciphersuite
	shares []*participantShare // ascending
	key    group.Element
	// minSigners is the threshold if it is known: version 2 of the form has none.
	minSigners *uint16
	lagrange   *lagrangeCache
}

type participantShare struct {
	id      Identifier
	element group.Element
}

func (s *participantShare) identifier() Identifier { return s.id }

// newPublicKeyPackage computes the verifying shares from a commitment to the
// group's polynomial, for ascending ids.
func newPublicKeyPackage(cs Ciphersuite, commitment []group.Element, ids []Identifier) *PublicKeyPackage {
	g := cs.Group()
	elements := g.VarTimeEvaluate(commitment, scalars(ids))
	shares := make([]*participantShare, len(ids))
	for i := range ids {
		shares[i] = &participantShare{ids[i], elements[i]}
	}
	g.Normalize(elements...)
	minSigners := uint16(len(commitment))
	return &PublicKeyPackage{suite: cs, shares: shares, key: commitment[0], minSigners: &minSigners, lagrange: new(lagrangeCache)}
}

// Ciphersuite returns the suite.
func (p *PublicKeyPackage) Ciphersuite() Ciphersuite { return p.suite }

// VerifyingKey returns the group's key.
func (p *PublicKeyPackage) VerifyingKey() VerifyingKey {
	return VerifyingKey{point{suite: p.suite, element: p.key}}
}

// Identifiers returns the participants in ascending order.
func (p *PublicKeyPackage) Identifiers() []Identifier {
	ids := make([]Identifier, len(p.shares))
	for i, share := range p.shares {
		ids[i] = share.id
	}
	return ids
}

// VerifyingShare returns the verifying share of a participant, and whether id
// is one.
func (p *PublicKeyPackage) VerifyingShare(id Identifier) (VerifyingShare, bool) {
	element, ok := p.share(id)
	if !ok {
		return VerifyingShare{}, false
	}
	return VerifyingShare{point{suite: p.suite, element: element}}, true
}

func (p *PublicKeyPackage) share(id Identifier) (group.Element, bool) {
	i, ok := slices.BinarySearchFunc(p.shares, id, func(s *participantShare, id Identifier) int {
		return s.id.Compare(id)
	})
	if !ok {
		return nil, false
	}
	return p.shares[i].element, true
}

// MinSigners returns the threshold, and whether it is known: a package read in
// the form of version 2 does not say it, and the [KeyPackage] beside it does.
func (p *PublicKeyPackage) MinSigners() (n int, known bool) {
	if p.minSigners == nil {
		return 0, false
	}
	return int(*p.minSigners), true
}

// Equal reports whether both have the same suite, key and verifying shares.
func (p *PublicKeyPackage) Equal(other *PublicKeyPackage) bool {
	return p.suite == other.suite && bytes.Equal(p.EncodePostcard(), other.EncodePostcard())
}

func (p *PublicKeyPackage) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		{Name: "verifying_shares", Read: p.readShares, Write: p.writeShares},
		wire.Element("verifying_key", &p.key),
		wire.OptionalUint16("min_signers", &p.minSigners),
	}
}

func (p *PublicKeyPackage) readShares(d *wire.Decoder) error {
	var id Identifier
	err := d.Map(func() (err error) {
		if id, err = readKey(d, p.suite, id); err != nil {
			return err
		}
		share := &participantShare{id: id}
		p.shares = append(p.shares, share)
		return d.Element(&share.element)
	})
	p.shares = sortLast(p.shares, (*participantShare).identifier)
	return err
}

func (p *PublicKeyPackage) writeShares(e *wire.Encoder) {
	e.Map(len(p.shares), func(i int) {
		e.Key(p.shares[i].id.Bytes())
		e.Fixed(p.shares[i].element.Encoding())
	})
}

// EncodeJSON returns the package as JSON in the form of version 2 of the ZF
// implementation, {header, verifying_shares, verifying_key}, which every version
// reads. It does not say the threshold.
func (p *PublicKeyPackage) EncodeJSON() []byte { return wire.EncodeJSON(p.suite, p.fields()) }

// EncodePostcard returns the package in postcard in the form of version 2.
func (p *PublicKeyPackage) EncodePostcard() []byte { return wire.EncodePostcard(p.suite, p.fields()) }

// MarshalJSON returns what [PublicKeyPackage.EncodeJSON] does.
func (p *PublicKeyPackage) MarshalJSON() ([]byte, error) { return p.EncodeJSON(), nil }

// DecodePublicKeyPackageJSON reads the JSON of version 2 or of version 3,
// which may hold min_signers.
func DecodePublicKeyPackageJSON(cs Ciphersuite, b []byte) (*PublicKeyPackage, error) {
	p := &PublicKeyPackage{suite: cs, lagrange: new(lagrangeCache)}
	if err := wire.DecodeJSON(cs, b, p.fields()...); err != nil {
		return nil, wrap("decoding a public key package", err)
	}
	return p, nil
}

// DecodePublicKeyPackagePostcard reads the postcard of version 2, which ends after the
// key, or of version 3, which may go on with an optional min_signers.
func DecodePublicKeyPackagePostcard(cs Ciphersuite, b []byte) (*PublicKeyPackage, error) {
	p := &PublicKeyPackage{suite: cs, lagrange: new(lagrangeCache)}
	if err := wire.DecodePostcard(cs, b, p.fields()...); err != nil {
		return nil, wrap("decoding a public key package", err)
	}
	return p, nil
}
