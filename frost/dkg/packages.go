package dkg

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// Round1Package is what a participant sends to all others in round 1: the
// commitments to its polynomial, and a proof that it knows the constant term.
type Round1Package struct {
	suite      frost.Ciphersuite
	commitment []group.Element
	proofR     group.Element
	proofZ     group.Scalar
}

// challenge is the challenge c_l of the proof of knowledge of a sender: HDKG
// of the identifier, the commitment to the constant term, and R.
func (p *Round1Package) challenge(sender frost.Identifier) group.Scalar {
	return p.suite.HDKG(sender.Bytes(), p.commitment[0].Encoding(), p.proofR.Encoding())
}

// proofVerifies reports whether R_l = g^mu_l * phi_l0^(-c_l).
func (p *Round1Package) proofVerifies(sender frost.Identifier) bool {
	g := p.suite.Group()
	minusC := g.NewScalar()
	minusC.Subtract(minusC, p.challenge(sender))
	return g.VarTimeDoubleBaseMult(minusC, p.commitment[0], p.proofZ).Equal(p.proofR)
}

// Ciphersuite returns the suite.
func (p *Round1Package) Ciphersuite() frost.Ciphersuite { return p.suite }

// Equal reports whether both are the same package of the same suite.
func (p *Round1Package) Equal(other *Round1Package) bool {
	return p.suite == other.suite && bytes.Equal(p.EncodePostcard(), other.EncodePostcard())
}

func (p *Round1Package) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		wire.Elements("commitment", &p.commitment),
		wire.Signature("proof_of_knowledge", &p.proofR, &p.proofZ),
	}
}

// EncodeJSON returns the package as JSON {header, commitment,
// proof_of_knowledge}.
func (p *Round1Package) EncodeJSON() []byte { return wire.EncodeJSON(p.suite, p.fields()) }

// EncodePostcard returns the package in postcard.
func (p *Round1Package) EncodePostcard() []byte { return wire.EncodePostcard(p.suite, p.fields()) }

// MarshalJSON returns what [Round1Package.EncodeJSON] does.
func (p *Round1Package) MarshalJSON() ([]byte, error) { return p.EncodeJSON(), nil }

// DecodeRound1PackageJSON reads what [Round1Package.EncodeJSON] writes, with
// any number of commitments: [Round1.Next] checks it and the proof.
func DecodeRound1PackageJSON(cs frost.Ciphersuite, b []byte) (*Round1Package, error) {
	p := &Round1Package{suite: cs}
	if err := wire.DecodeJSON(cs, b, p.fields()...); err != nil {
		return nil, fmt.Errorf("decoding a round 1 package: %w", err)
	}
	return p, nil
}

// DecodeRound1PackagePostcard reads what [Round1Package.EncodePostcard]
// writes, with the same latitude.
func DecodeRound1PackagePostcard(cs frost.Ciphersuite, b []byte) (*Round1Package, error) {
	p := &Round1Package{suite: cs}
	if err := wire.DecodePostcard(cs, b, p.fields()...); err != nil {
		return nil, fmt.Errorf("decoding a round 1 package: %w", err)
	}
	return p, nil
}

// DecodeRound1PackagesJSON reads the packages of several senders, each as
// [DecodeRound1PackageJSON] does. It is faster than one by one for large groups:
// whether elements are of the group is tested for all together. The error
// names every sender whose package does not decode, by a *[frost.BlameError].
//
// Only the sum of all commitments goes into keys, and so testing that would do for keys
// of the group's order. But it would take packages whose components of small order cancel in
// the sum, of which the ZF implementation refuses each by itself. So all elements
// are tested, by a test that finds these too.
func DecodeRound1PackagesJSON(cs frost.Ciphersuite, messages map[frost.Identifier][]byte) (map[frost.Identifier]*Round1Package, error) {
	senders := slices.SortedFunc(maps.Keys(messages), frost.Identifier.Compare)
	packages := make(map[frost.Identifier]*Round1Package, len(senders))
	inputs := make([][]byte, len(senders))
	fields := make([][]wire.Field, len(senders))
	for i, id := range senders {
		p := &Round1Package{suite: cs}
		packages[id], inputs[i], fields[i] = p, messages[id], p.fields()
	}
	var failures []*frost.BlameError
	for i, err := range wire.DecodeJSONEach(cs, inputs, fields) {
		if err != nil {
			failures = append(failures, blame(senders[i:i+1], "sent a round 1 package that does not decode: "+err.Error(), err)...)
		}
	}
	if err := frost.JoinBlame(failures...); err != nil {
		return nil, fmt.Errorf("decoding round 1 packages: %w", err)
	}
	return packages, nil
}

// Round2Package is what a participant sends to one other in round 2: that
// one's share of its polynomial, a secret. It neither prints nor marshals.
type Round2Package struct {
	guard
	suite frost.Ciphersuite
	share group.Scalar
}

// Ciphersuite returns the suite.
func (p *Round2Package) Ciphersuite() frost.Ciphersuite { return p.suite }

// Equal reports whether both are the same package of the same suite, in
// constant time.
func (p *Round2Package) Equal(other *Round2Package) bool {
	return p.suite == other.suite && p.share.Equal(other.share)
}

// Destroy wipes the share. The package must not be used after.
func (p *Round2Package) Destroy() {
	if p.share != nil {
		p.share.Clear()
	}
}

// signingShare is the name of the share in JSON.
const signingShare = "signing_share"

func (p *Round2Package) fields() []wire.Field {
	return []wire.Field{wire.Header(), wire.Scalar(signingShare, &p.share)}
}

// EncodeSecretJSON returns the package with its secret as JSON {header,
// signing_share}, which the caller wipes.
func (p *Round2Package) EncodeSecretJSON() []byte { return wire.EncodeSecretJSON(p.suite, p.fields()) }

// EncodeSecretPostcard returns the package with its secret in postcard, which
// the caller wipes.
func (p *Round2Package) EncodeSecretPostcard() []byte {
	return wire.EncodeSecretPostcard(p.suite, p.fields())
}

// DecodeRound2PackageJSON reads what [Round2Package.EncodeSecretJSON] writes. The
// share is not checked before [Round2.Next].
func DecodeRound2PackageJSON(cs frost.Ciphersuite, b []byte) (*Round2Package, error) {
	p := &Round2Package{suite: cs}
	if err := wire.DecodeSecretScalarJSON(cs, b, signingShare, &p.share); err != nil {
		p.Destroy()
		return nil, fmt.Errorf("decoding a round 2 package: %w", err)
	}
	return p, nil
}

// DecodeRound2PackagePostcard reads what [Round2Package.EncodeSecretPostcard]
// writes. The share is not checked before [Round2.Next].
func DecodeRound2PackagePostcard(cs frost.Ciphersuite, b []byte) (*Round2Package, error) {
	p := &Round2Package{suite: cs}
	if err := wire.DecodeSecretPostcard(cs, b, p.fields()...); err != nil {
		p.Destroy()
		return nil, fmt.Errorf("decoding a round 2 package: %w", err)
	}
	return p, nil
}
