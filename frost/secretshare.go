package frost

import (
	"errors"
	"sync/atomic"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/wire"
)

// SecretShare is what a trusted dealer sends to a participant: its signing
// share and the commitment to the dealer's polynomial. It neither prints nor
// marshals.
type SecretShare struct {
	guard
	suite      Ciphersuite
	id         Identifier
	share      group.Scalar
	commitment []group.Element
}

// Ciphersuite returns the suite.
func (s *SecretShare) Ciphersuite() Ciphersuite { return s.suite }

// Identifier returns the participant that the share is for.
func (s *SecretShare) Identifier() Identifier { return s.id }

// Commitment returns the dealer's commitment to its polynomial, vss_commitment of RFC 9591,
// Appendix C: the encodings of its elements one after another, for ed25519 32 bytes for each
// of the threshold. It is public, and the same for all participants of an honest dealer.
func (s *SecretShare) Commitment() []byte {
	var b []byte
	for _, element := range s.commitment {
		b = append(b, element.Encoding()...)
	}
	return b
}

var errShare = errors.New("share does not belong to the commitment")

// KeyPackage checks the share against the commitment, vss_verify of RFC 9591,
// Appendix C.2, and returns the key package of it. It cannot tell whether the other
// participants have the same commitment, without which none may go on: see [Split].
func (s *SecretShare) KeyPackage() (*KeyPackage, error) {
	const doing = "verifying a secret share"
	if len(s.commitment) == 0 {
		return nil, wrap(doing, errors.New("commitment is empty"))
	}
	if len(s.commitment) > maxParticipants {
		return nil, wrap(doing, errors.New("commitment is longer than any group"))
	}
	g := s.suite.Group()
	public := group.VarTimeEvaluate(g, s.commitment, s.id.scalar())
	g.Normalize(public)
	key := &KeyPackage{
		suite: s.suite, id: s.id, share: g.NewScalar().Set(s.share),
		verifyingShare: public, key: s.commitment[0], minSigners: uint16(len(s.commitment)),
		destroyed: new(atomic.Bool), lagrange: new(lagrangeCache),
	}
	// S_i == S_i'
	if key.Check() != nil || public.IsIdentity() {
		key.Destroy()
		return nil, wrap(doing, errShare)
	}
	return key, nil
}

// Destroy wipes the share. It must not be used after.
func (s *SecretShare) Destroy() {
	if s.share != nil {
		s.share.Clear()
	}
}

func (s *SecretShare) fields() []wire.Field {
	return []wire.Field{
		wire.Header(),
		identifierField(s.suite, &s.id),
		wire.Scalar("signing_share", &s.share),
		wire.Elements("commitment", &s.commitment),
	}
}

// EncodeSecretJSON returns the share as JSON {header, identifier,
// signing_share, commitment}, which the caller wipes.
func (s *SecretShare) EncodeSecretJSON() []byte { return wire.EncodeSecretJSON(s.suite, s.fields()) }

// EncodeSecretPostcard returns the share in postcard, which the caller wipes.
func (s *SecretShare) EncodeSecretPostcard() []byte {
	return wire.EncodeSecretPostcard(s.suite, s.fields())
}

// DecodeSecretShareJSON reads what [SecretShare.EncodeSecretJSON] writes. The share
// is not checked before [SecretShare.KeyPackage].
func DecodeSecretShareJSON(cs Ciphersuite, b []byte) (*SecretShare, error) {
	s := &SecretShare{suite: cs}
	return s.decoded(wire.DecodeSecretJSON(cs, b, s.fields()...))
}

// DecodeSecretSharePostcard reads what [SecretShare.EncodeSecretPostcard]
// writes. The share is not checked before [SecretShare.KeyPackage].
func DecodeSecretSharePostcard(cs Ciphersuite, b []byte) (*SecretShare, error) {
	s := &SecretShare{suite: cs}
	return s.decoded(wire.DecodeSecretPostcard(cs, b, s.fields()...))
}

func (s *SecretShare) decoded(err error) (*SecretShare, error) {
	if err != nil {
		s.Destroy()
		return nil, wrap("decoding a secret share", err)
	}
	return s, nil
}
