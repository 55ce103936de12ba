package frost

import (
	"sync/atomic"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// Nonces are a signer's nonces in the test vectors, where they have wire forms. The product has none.
type Nonces struct {
	suite           Ciphersuite
	hiding, binding group.Scalar
	commitments     SigningCommitments
}

func (n *Nonces) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		wire.Scalar("hiding", &n.hiding),
		wire.Scalar("binding", &n.binding),
		{
			Name:  "commitments",
			Read:  func(d *wire.Decoder) error { return d.Struct(n.commitments.fields()) },
			Write: func(e *wire.Encoder) { e.Struct(n.commitments.fields()) },
		},
	}
}

func (n *Nonces) EncodeJSON() []byte     { return wire.EncodeJSON(n.suite, n.fields()) }
func (n *Nonces) EncodePostcard() []byte { return wire.EncodePostcard(n.suite, n.fields()) }

func DecodeNoncesJSON(cs Ciphersuite, b []byte) (*Nonces, error) {
	n := &Nonces{suite: cs, commitments: SigningCommitments{suite: cs}}
	return n, wire.DecodeJSON(cs, b, n.fields()...)
}

func DecodeNoncesPostcard(cs Ciphersuite, b []byte) (*Nonces, error) {
	n := &Nonces{suite: cs, commitments: SigningCommitments{suite: cs}}
	return n, wire.DecodePostcard(cs, b, n.fields()...)
}

// NewSignerWithNonces returns a signer that has drawn the given nonces.
func NewSignerWithNonces(key *KeyPackage, n *Nonces) *Signer {
	g := key.suite.Group()
	return newSigners(key, []group.Scalar{g.NewScalar().Set(n.hiding), g.NewScalar().Set(n.binding)})[0]
}

// Nonces returns a signer's nonces, still unspent.
func (s *Signer) Nonces() *Nonces {
	secrets := s.cell.Load()
	return &Nonces{s.commitments.suite, secrets.hiding, secrets.binding, *s.commitments}
}

// Clone returns a copy that the signer does not wipe.
func (n *Nonces) Clone() *Nonces {
	g := n.suite.Group()
	return &Nonces{n.suite, g.NewScalar().Set(n.hiding), g.NewScalar().Set(n.binding), n.commitments}
}

// Secrets returns the scalars that the signer wipes.
func (s *Signer) Secrets() []group.Scalar {
	secrets := s.cell.Load()
	return []group.Scalar{secrets.hiding, secrets.binding, secrets.share}
}

// BindingFactors returns the encoded binding factors of the signers.
func (p *SigningPackage) BindingFactors(key VerifyingKey) [][]byte {
	var encoded [][]byte
	for _, factor := range p.bindingFactors(key.element) {
		encoded = append(encoded, factor.Bytes())
	}
	return encoded
}

// SigningShare returns the encoded signing share.
func (k *KeyPackage) SigningShare() []byte { return k.share.Bytes() }

// SigningShare returns the encoded signing share.
func (s *SecretShare) SigningShare() []byte { return s.share.Bytes() }

// Tamper returns the share plus one.
func (s *SignatureShare) Tamper() *SignatureShare {
	g := s.suite.Group()
	return &SignatureShare{s.suite, g.NewScalar().Add(s.share, g.ScalarFromUint16(1))}
}

// Forget makes the package compute again what it has computed.
func (p *SigningPackage) Forget() { p.last.Store(nil) }

// Lagrange returns the encoded coefficients that the key package has kept.
func (k *KeyPackage) Lagrange() [][]byte {
	var encoded [][]byte
	if set := k.lagrange.last.Load(); set != nil {
		for _, c := range set.coefficients {
			encoded = append(encoded, c.Bytes())
		}
	}
	return encoded
}

// KeyPackageOf returns a key package of a group of threshold 1 that has a given signing share.
func KeyPackageOf(cs Ciphersuite, id Identifier, share group.Scalar) *KeyPackage {
	key := cs.Group().BaseMult(share)
	cs.Group().Normalize(key)
	return &KeyPackage{suite: cs, id: id, share: share, verifyingShare: key, key: key, minSigners: 1, destroyed: new(atomic.Bool)}
}

// Prepare computes what does not depend on secrets.
func (p *SigningPackage) Prepare(key VerifyingKey) {
	if _, err := p.round2(key.element); err != nil {
		panic(err)
	}
}
