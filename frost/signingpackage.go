package frost

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// SigningPackage is what the coordinator sends to the signers in round two
// (RFC 9591, Section 5.2): the message, and the commitments of every signer.
type SigningPackage struct {
	suite   Ciphersuite
	signers []*signerCommitments // ascending
	message []byte
	// last is what round2 computed last: a coordinator who signs needs it twice.
	last atomic.Pointer[round2]
}

type signerCommitments struct {
	id          Identifier
	commitments *SigningCommitments
}

func (s *signerCommitments) identifier() Identifier { return s.id }

// NewSigningPackage makes the package of a message, of any length, and of the
// commitments of one signer at least.
func NewSigningPackage(cs Ciphersuite, commitments map[Identifier]*SigningCommitments, message []byte) (*SigningPackage, error) {
	const doing = "making a signing package"
	if len(commitments) == 0 {
		return nil, wrap(doing, errors.New("there are no commitments"))
	}
	p := &SigningPackage{suite: cs, message: bytes.Clone(message)}
	for id, c := range commitments {
		if id.suite != cs || c == nil || c.suite != cs {
			return nil, fmt.Errorf(doing+": commitments of %s are not of the suite %s", id, cs.ID())
		}
		p.signers = append(p.signers, &signerCommitments{id, c})
	}
	p.signers = sortLast(p.signers, (*signerCommitments).identifier)
	return p, nil
}

// Ciphersuite returns the suite.
func (p *SigningPackage) Ciphersuite() Ciphersuite { return p.suite }

// Message returns a copy of the message to be signed.
func (p *SigningPackage) Message() []byte { return bytes.Clone(p.message) }

// Identifiers returns the signers in ascending order.
func (p *SigningPackage) Identifiers() []Identifier {
	ids := make([]Identifier, len(p.signers))
	for i, signer := range p.signers {
		ids[i] = signer.id
	}
	return ids
}

// Commitments returns the commitments of a signer, and whether id is one.
func (p *SigningPackage) Commitments(id Identifier) (*SigningCommitments, bool) {
	i, ok := p.index(id)
	if !ok {
		return nil, false
	}
	return p.signers[i].commitments, true
}

func (p *SigningPackage) index(id Identifier) (int, bool) {
	return slices.BinarySearchFunc(p.signers, id, func(s *signerCommitments, id Identifier) int {
		return s.id.Compare(id)
	})
}

// encodedIdentifiers returns the signers' identifiers in ascending order, one after another.
func (p *SigningPackage) encodedIdentifiers() string {
	var list strings.Builder
	list.Grow(len(p.signers) * p.suite.Group().ScalarSize())
	for _, signer := range p.signers {
		list.WriteString(signer.id.encoded)
	}
	return list.String()
}

// round2 is what signers and coordinator compute alike from a package and the group's
// key.
type round2 struct {
	key            group.Element
	bindingFactors []group.Scalar
	commitment     group.Element // the group commitment R, normalized
	challenge      group.Scalar
}

// round2 returns what was computed before for the same key, or else computes it.
func (p *SigningPackage) round2(key group.Element) (*round2, error) {
	if r := p.last.Load(); r != nil && bytes.Equal(r.key.Encoding(), key.Encoding()) {
		return r, nil
	}
	r, err := p.computeRound2(key)
	if err != nil {
		return nil, err
	}
	p.last.Store(r)
	return r, nil
}

// computeRound2 is compute_binding_factors, compute_group_commitment and
// compute_challenge of RFC 9591, Sections 4.4 to 4.6.
func (p *SigningPackage) computeRound2(key group.Element) (*round2, error) {
	g := p.suite.Group()
	r := &round2{key: key, bindingFactors: p.bindingFactors(key)}
	// group_commitment = group_commitment + hiding_nonce_commitment + binding_nonce
	binding := make([]group.Element, len(p.signers))
	for i, signer := range p.signers {
		binding[i] = signer.commitments.binding
	}
	r.commitment = g.VarTimeMultiScalarMult(r.bindingFactors, binding)
	for _, signer := range p.signers {
		r.commitment.Add(r.commitment, signer.commitments.hiding)
	}
	if r.commitment.IsIdentity() {
		return nil, errors.New("group commitment is the identity")
	}
	g.Normalize(r.commitment)
	r.challenge = challenge(p.suite, r.commitment, key, p.message)
	return r, nil
}

func (p *SigningPackage) bindingFactors(key group.Element) []group.Scalar {
	// encoded_commitment_hash = H5(encode_group_commitment_list(commitment_list))
	var list []byte
	for _, signer := range p.signers {
		list = append(list, signer.id.encoded...)
		list = append(list, signer.commitments.hiding.Encoding()...)
		list = append(list, signer.commitments.binding.Encoding()...)
	}
	// rho_input_prefix = group_public_key_enc || msg_hash || encoded_commitment_hash
	prefix := slices.Concat(key.Encoding(), p.suite.H4(p.message), p.suite.H5(list))
	encoded := make([][]byte, len(p.signers))
	for i, signer := range p.signers {
		encoded[i] = []byte(signer.id.encoded)
	}
	return p.suite.H1Each(prefix, encoded)
}

func (p *SigningPackage) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		{Name: "signing_commitments", Read: p.readCommitments, Write: p.writeCommitments},
		wire.Bytes("message", &p.message),
	}
}

func (p *SigningPackage) readCommitments(d *wire.Decoder) error {
	var id Identifier
	err := d.Map(func() (err error) {
		if id, err = readKey(d, p.suite, id); err != nil {
			return err
		}
		c := &SigningCommitments{suite: p.suite}
		p.signers = append(p.signers, &signerCommitments{id, c})
		return d.Struct(c.fields())
	})
	p.signers = sortLast(p.signers, (*signerCommitments).identifier)
	return err
}

func (p *SigningPackage) writeCommitments(e *wire.Encoder) {
	e.Map(len(p.signers), func(i int) {
		e.Key(p.signers[i].id.Bytes())
		e.Struct(p.signers[i].commitments.fields())
	})
}

// EncodeJSON returns the package as JSON {header, signing_commitments,
// message}, with the message in hexadecimal digits.
func (p *SigningPackage) EncodeJSON() []byte { return wire.EncodeJSON(p.suite, p.fields()) }

// EncodePostcard returns the package in postcard.
func (p *SigningPackage) EncodePostcard() []byte { return wire.EncodePostcard(p.suite, p.fields()) }

// MarshalJSON returns what [SigningPackage.EncodeJSON] does.
func (p *SigningPackage) MarshalJSON() ([]byte, error) { return p.EncodeJSON(), nil }

// DecodeSigningPackageJSON reads what [SigningPackage.EncodeJSON] writes. As in the ZF
// implementation the list may be empty; no signer signs such a package.
func DecodeSigningPackageJSON(cs Ciphersuite, b []byte) (*SigningPackage, error) {
	p := &SigningPackage{suite: cs}
	if err := wire.DecodeJSON(cs, b, p.fields()...); err != nil {
		return nil, wrap("decoding a signing package", err)
	}
	return p, nil
}

// DecodeSigningPackagePostcard reads what [SigningPackage.EncodePostcard]
// writes, with the same latitude.
func DecodeSigningPackagePostcard(cs Ciphersuite, b []byte) (*SigningPackage, error) {
	p := &SigningPackage{suite: cs}
	if err := wire.DecodePostcard(cs, b, p.fields()...); err != nil {
		return nil, wrap("decoding a signing package", err)
	}
	return p, nil
}
