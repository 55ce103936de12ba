package frost

import (
	"errors"
	"sync/atomic"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
	"frostkit/frost/internal/wire"
)

// KeyPackage is a participant's long-lived secret: its signing share, with the
// public values that it signs with. It neither prints nor marshals.
type KeyPackage struct {
	guard
	suite          Ciphersuite
	id             Identifier
	share          group.Scalar
	verifyingShare group.Element
	key            group.Element
	minSigners     uint16
	// destroyed is shared with copies of the package, as the share that is wiped is. A
	// share of 0 does not tell: the ZF implementation commits and signs with one.
	destroyed *atomic.Bool
	// lagrange has the coefficient of this participant alone.
	lagrange *lagrangeCache
}

// AssembleKeys makes the keys of a participant from the outcome of a key
// generation: its share of the group's polynomial, which it takes over, the
// normalized commitment to that polynomial, and all participants, id among them. It
// checks the share against the commitment. It is for the packages under
// frost, and so has parameters of internal types.
func AssembleKeys(cs Ciphersuite, id Identifier, share group.Scalar, commitment []group.Element, ids []Identifier) (*KeyPackage, *PublicKeyPackage, error) {
	ids, err := CheckGroup(cs, ids, len(commitment))
	if err != nil {
		return nil, nil, err
	}
	public := newPublicKeyPackage(cs, commitment, ids)
	verifyingShare, ok := public.share(id)
	if !ok {
		return nil, nil, errors.New("participant " + id.String() + " is not one of the group")
	}
	key := &KeyPackage{
		suite: cs, id: id, share: share,
		verifyingShare: verifyingShare, key: commitment[0], minSigners: uint16(len(commitment)),
		destroyed: new(atomic.Bool), lagrange: new(lagrangeCache),
	}
	if err := errors.Join(public.refuseIdentity(), key.Check()); err != nil {
		return nil, nil, err
	}
	return key, public, nil
}

// refuseIdentity refuses keys that have no encoding. The chance of an honest
// one is 2^-252.
func (p *PublicKeyPackage) refuseIdentity() error {
	if p.key.IsIdentity() {
		return errors.New("verifying key is the identity")
	}
	for _, share := range p.shares {
		if share.element.IsIdentity() {
			return errors.New("verifying share of " + share.id.String() + " is the identity")
		}
	}
	return nil
}

// Ciphersuite returns the suite.
func (k *KeyPackage) Ciphersuite() Ciphersuite { return k.suite }

// Identifier returns the participant that the share belongs to.
func (k *KeyPackage) Identifier() Identifier { return k.id }

// VerifyingShare returns the public half of the signing share.
func (k *KeyPackage) VerifyingShare() VerifyingShare {
	return VerifyingShare{point{suite: k.suite, element: k.verifyingShare}}
}

// VerifyingKey returns the group's key.
func (k *KeyPackage) VerifyingKey() VerifyingKey {
	return VerifyingKey{point{suite: k.suite, element: k.key}}
}

// MinSigners returns the threshold.
func (k *KeyPackage) MinSigners() int { return int(k.minSigners) }

// Check checks that the signing share belongs to the verifying share, which
// decoding does not.
func (k *KeyPackage) Check() error {
	var belongs bool
	secret.Do(func() { belongs = k.suite.Group().BaseMult(k.share).Equal(k.verifyingShare) })
	if !belongs {
		return errors.New("checking a key package: its signing share does not belong to its verifying share")
	}
	return nil
}

// Destroy wipes the signing share. The package must not be used after: [NewSigner] returns
// [ErrDestroyed].
func (k *KeyPackage) Destroy() {
	k.destroyed.Store(true)
	if k.share != nil {
		k.share.Clear()
	}
}

func (k *KeyPackage) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		identifierField(k.suite, &k.id),
		wire.Scalar("signing_share", &k.share),
		wire.Element("verifying_share", &k.verifyingShare),
		wire.Element("verifying_key", &k.key),
		wire.Uint16("min_signers", &k.minSigners),
	}
}

// EncodeSecretJSON returns the package with its secret as JSON {header,
// identifier, signing_share, verifying_share, verifying_key, min_signers}, which
// the caller wipes.
func (k *KeyPackage) EncodeSecretJSON() []byte { return wire.EncodeSecretJSON(k.suite, k.fields()) }

// EncodeSecretPostcard returns the package with its secret in postcard, which
// the caller wipes.
func (k *KeyPackage) EncodeSecretPostcard() []byte {
	return wire.EncodeSecretPostcard(k.suite, k.fields())
}

// DecodeKeyPackageJSON reads what [KeyPackage.EncodeSecretJSON] writes. As the ZF
// implementation does, it takes any signing share and threshold: see [KeyPackage.Check].
func DecodeKeyPackageJSON(cs Ciphersuite, b []byte) (*KeyPackage, error) {
	k := newKeyPackage(cs)
	return k.decoded(wire.DecodeSecretJSON(cs, b, k.fields()...))
}

// DecodeKeyPackagePostcard reads what [KeyPackage.EncodeSecretPostcard] writes,
// with the same latitude.
func DecodeKeyPackagePostcard(cs Ciphersuite, b []byte) (*KeyPackage, error) {
	k := newKeyPackage(cs)
	return k.decoded(wire.DecodeSecretPostcard(cs, b, k.fields()...))
}

// newKeyPackage returns a package for a decoder to fill.
func newKeyPackage(cs Ciphersuite) *KeyPackage {
	return &KeyPackage{suite: cs, destroyed: new(atomic.Bool), lagrange: new(lagrangeCache)}
}

func (k *KeyPackage) decoded(err error) (*KeyPackage, error) {
	if err != nil {
		k.Destroy()
		return nil, wrap("decoding a key package", err)
	}
	return k, nil
}
