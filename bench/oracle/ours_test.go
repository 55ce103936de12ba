package oracle_test

import (
	"frostkit/bench/oracle"
	"frostkit/frost"
	"frostkit/frost/dkg"
)

// ours is package frost.
type ours struct{}

func (ours) name() string { return "ours" }

func (ours) deal(t *trial, seed oracle.Seed, ids []frost.Identifier, threshold int) (perParticipant, raw, error) {
	t.Helper()
	return dealt(frost.TrustedDealer(seed.Stream(), suite, ids, threshold))
}

func (ours) split(t *trial, seed oracle.Seed, key []byte, ids []frost.Identifier, threshold int) (perParticipant, raw, error) {
	t.Helper()
	signingKey, err := frost.DecodeSigningKey(suite, key)
	if err != nil {
		return nil, nil, err
	}
	return dealt(frost.Split(seed.Stream(), signingKey, ids, threshold))
}

func dealt(shares map[frost.Identifier]*frost.SecretShare, public *frost.PublicKeyPackage, err error) (perParticipant, raw, error) {
	if err != nil {
		return nil, nil, err
	}
	return encodeEach(shares, (*frost.SecretShare).EncodeSecretJSON), public.EncodeJSON(), nil
}

func encodeEach[V any](values map[frost.Identifier]V, encode func(V) []byte) perParticipant {
	encoded := make(perParticipant)
	for id, v := range values {
		encoded[id] = encode(v)
	}
	return encoded
}

func decodeEach[V any](t *trial, encoded perParticipant, decode func(frost.Ciphersuite, []byte) (V, error)) map[frost.Identifier]V {
	t.Helper()
	values := make(map[frost.Identifier]V)
	for id, b := range encoded {
		values[id] = must(decode(suite, b))(t)
	}
	return values
}

func (ours) checkShare(t *trial, share raw) (raw, error) {
	t.Helper()
	key, err := must(frost.DecodeSecretShareJSON(suite, share))(t).KeyPackage()
	if err != nil {
		return nil, err
	}
	return key.EncodeSecretJSON(), nil
}

// oursRound1 is a participant of ours in round 1.
type oursRound1 struct{ round *dkg.Round1 }

func (ours) begin(t *trial, seed oracle.Seed, id frost.Identifier, ids []frost.Identifier, threshold int) (firstRound, error) {
	t.Helper()
	round, err := dkg.New(dkg.Config{
		Ciphersuite: suite, Identifier: id, Participants: ids, Threshold: threshold, Random: seed.Stream(),
	})
	if err != nil {
		return nil, err
	}
	return oursRound1{round}, nil
}

func (r oursRound1) packet() raw { return r.round.Package().EncodeJSON() }

func (r oursRound1) next(t *trial, round1 perParticipant) (secondRound, error) {
	t.Helper()
	round, err := r.round.Next(decodeEach(t, round1, dkg.DecodeRound1PackageJSON))
	if err != nil {
		return nil, err
	}
	return oursRound2{round}, nil
}

// oursRound2 is a participant of ours in round 2.
type oursRound2 struct{ round *dkg.Round2 }

func (r oursRound2) packets() perParticipant {
	return encodeEach(r.round.Packages(), (*dkg.Round2Package).EncodeSecretJSON)
}

func (r oursRound2) next(t *trial, round2 perParticipant) (key, public raw, err error) {
	t.Helper()
	keys, publicKeys, err := r.round.Next(decodeEach(t, round2, dkg.DecodeRound2PackageJSON))
	if err != nil {
		return nil, nil, err
	}
	t.check(keys.Check())
	return keys.EncodeSecretJSON(), publicKeys.EncodeJSON(), nil
}

// oursSigner is a signer of ours.
type oursSigner struct{ signer *frost.Signer }

func (ours) commit(t *trial, seed oracle.Seed, key raw) (signer, error) {
	t.Helper()
	s, err := frost.NewSigner(seed.Stream(), must(frost.DecodeKeyPackageJSON(suite, key))(t))
	if err != nil {
		return nil, err
	}
	return oursSigner{s}, nil
}

func (s oursSigner) commitments() raw { return s.signer.Commitments().EncodeJSON() }

func (s oursSigner) sign(t *trial, pkg raw) (raw, error) {
	t.Helper()
	share, err := s.signer.Sign(must(frost.DecodeSigningPackageJSON(suite, pkg))(t))
	if err != nil {
		return nil, err
	}
	return share.EncodeJSON(), nil
}

func (ours) signingPackage(t *trial, commitments perParticipant, message []byte) raw {
	t.Helper()
	decoded := decodeEach(t, commitments, frost.DecodeSigningCommitmentsJSON)
	return must(frost.NewSigningPackage(suite, decoded, message))(t).EncodeJSON()
}

func (ours) aggregate(t *trial, pkg raw, shares perParticipant, public raw) ([]byte, error) {
	t.Helper()
	signature, err := frost.Aggregate(
		must(frost.DecodeSigningPackageJSON(suite, pkg))(t),
		decodeEach(t, shares, frost.DecodeSignatureShareJSON),
		must(frost.DecodePublicKeyPackageJSON(suite, public))(t),
	)
	if err != nil {
		return nil, err
	}
	return signature.Bytes(), nil
}

func (ours) verifyShare(t *trial, id frost.Identifier, share, pkg, public raw) error {
	t.Helper()
	return frost.VerifySignatureShare(id,
		must(frost.DecodeSignatureShareJSON(suite, share))(t),
		must(frost.DecodeSigningPackageJSON(suite, pkg))(t),
		must(frost.DecodePublicKeyPackageJSON(suite, public))(t),
	)
}

func (ours) verify(t *trial, key, message, signature []byte) error {
	t.Helper()
	k, err := frost.DecodeVerifyingKey(suite, key)
	if err != nil {
		return err
	}
	s, err := frost.DecodeSignature(suite, signature)
	if err != nil {
		return err
	}
	return k.Verify(message, s)
}
