package oracle_test

import (
	"encoding/json"
	"errors"
	"slices"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// raw is a message in JSON, as it passes between implementations.
type raw = json.RawMessage

// perParticipant has a message of or for each of several participants.
type perParticipant map[frost.Identifier]raw

// implementation is one of FROST. An error of its methods is a refusal.
type implementation interface {
	name() string
	deal(t *trial, seed oracle.Seed, ids []frost.Identifier, threshold int) (perParticipant, raw, error)
	split(t *trial, seed oracle.Seed, key []byte, ids []frost.Identifier, threshold int) (perParticipant, raw, error)
	checkShare(t *trial, share raw) (raw, error)
	begin(t *trial, seed oracle.Seed, id frost.Identifier, ids []frost.Identifier, threshold int) (firstRound, error)
	commit(t *trial, seed oracle.Seed, key raw) (signer, error)
	signingPackage(t *trial, commitments perParticipant, message []byte) raw
	aggregate(t *trial, pkg raw, shares perParticipant, public raw) ([]byte, error)
	verifyShare(t *trial, id frost.Identifier, share, pkg, public raw) error
	verify(t *trial, key, message, signature []byte) error
}

// firstRound is a participant of a key generation that waits for round 1 packages.
type firstRound interface {
	packet() raw
	next(t *trial, round1 perParticipant) (secondRound, error)
}

// secondRound is a participant that waits for round 2 packages.
type secondRound interface {
	packets() perParticipant
	next(t *trial, round2 perParticipant) (key, public raw, err error)
}

// signer is one that has committed.
type signer interface {
	commitments() raw
	sign(t *trial, pkg raw) (raw, error)
}

// implementations are all of them.
var implementations = []implementation{ours{}, crate{oracle.Frost2}, crate{oracle.Frost3}}

// members returns a random implementation for each participant.
func (t *trial) members(ids []frost.Identifier) map[frost.Identifier]implementation {
	members := make(map[frost.Identifier]implementation)
	for _, id := range ids {
		members[id] = pick(t, implementations)
	}
	return members
}

// sorted returns the participants in ascending order.
func (m perParticipant) sorted() []frost.Identifier {
	var ids []frost.Identifier
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, frost.Identifier.Compare)
	return ids
}

// culprits are those whom an error blames, in ascending order.
func culprits(t *trial, err error) []frost.Identifier {
	t.Helper()
	if blame := (*frost.BlameError)(nil); errors.As(err, &blame) {
		return blame.Culprits
	}
	refused := (*oracle.RefusedError)(nil)
	if !errors.As(err, &refused) {
		return nil
	}
	var ids []frost.Identifier
	for _, culprit := range refused.Culprits {
		ids = append(ids, must(frost.ParseIdentifier(suite, culprit))(t))
	}
	return ids
}

// withoutThreshold is a public key package in the form that every version reads.
func withoutThreshold(t *trial, public raw) raw {
	t.Helper()
	return must(frost.DecodePublicKeyPackageJSON(suite, public))(t).EncodeJSON()
}
