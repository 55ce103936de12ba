package oracle_test

import (
	"errors"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// crate is a version of the Rust crates.
type crate struct{ version oracle.Recipient }

// args are the fields of a request.
type args map[string]any

func (c crate) name() string { return string(c.version) }

// ask returns a refusal, and fails the test with every other error.
func (c crate) ask(t *trial, op string, request args, result any) error {
	t.Helper()
	err := zf.Ask(c.version, op, request, result)
	if refused := (*oracle.RefusedError)(nil); err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return err
}

// readable is a public key package that the version reads.
func (c crate) readable(t *trial, public raw) raw {
	t.Helper()
	if c.version == oracle.Frost2 {
		return withoutThreshold(t, public)
	}
	return public
}

func (c crate) dealt(t *trial, op string, request args) (perParticipant, raw, error) {
	t.Helper()
	var result struct {
		Shares map[string]raw `json:"shares"`
		Public raw            `json:"public"`
	}
	if err := c.ask(t, op, request, &result); err != nil {
		return nil, nil, err
	}
	return byIdentifier(t, result.Shares), result.Public, nil
}

func byIdentifier(t *trial, byText map[string]raw) perParticipant {
	t.Helper()
	m := make(perParticipant)
	for text, b := range byText {
		m[must(frost.ParseIdentifier(suite, text))(t)] = b
	}
	return m
}

func (c crate) deal(t *trial, seed oracle.Seed, ids []frost.Identifier, threshold int) (perParticipant, raw, error) {
	t.Helper()
	return c.dealt(t, "deal", args{"seed": seed, "identifiers": ids, "min_signers": threshold})
}

func (c crate) split(t *trial, seed oracle.Seed, key []byte, ids []frost.Identifier, threshold int) (perParticipant, raw, error) {
	t.Helper()
	return c.dealt(t, "split", args{"seed": seed, "key": oracle.Bytes(key), "identifiers": ids, "min_signers": threshold})
}

func (c crate) checkShare(t *trial, share raw) (key raw, err error) {
	t.Helper()
	err = c.ask(t, "check_share", args{"share": share}, &key)
	return key, err
}

// crateRound1 is a participant of a crate in round 1.
type crateRound1 struct {
	crate   crate
	Secret  raw `json:"secret"`
	Package raw `json:"package"`
}

func (c crate) begin(t *trial, seed oracle.Seed, id frost.Identifier, ids []frost.Identifier, threshold int) (firstRound, error) {
	t.Helper()
	r := crateRound1{crate: c}
	err := c.ask(t, "part1", args{
		"seed": seed, "identifier": id, "max_signers": len(ids), "min_signers": threshold,
	}, &r)
	return r, err
}

func (r crateRound1) packet() raw { return r.Package }

func (r crateRound1) next(t *trial, round1 perParticipant) (secondRound, error) {
	t.Helper()
	next := crateRound2{crate: r.crate, round1: round1}
	err := r.crate.ask(t, "part2", args{"secret": r.Secret, "round1": round1}, &next)
	next.sent = byIdentifier(t, next.Packages)
	return next, err
}

// crateRound2 is a participant of a crate in round 2.
type crateRound2 struct {
	crate    crate
	round1   perParticipant
	sent     perParticipant
	Secret   raw            `json:"secret"`
	Packages map[string]raw `json:"packages"`
}

func (r crateRound2) packets() perParticipant { return r.sent }

func (r crateRound2) next(t *trial, round2 perParticipant) (key, public raw, err error) {
	t.Helper()
	var result struct {
		Key    raw `json:"key"`
		Public raw `json:"public"`
	}
	err = r.crate.ask(t, "part3", args{"secret": r.Secret, "round1": r.round1, "round2": round2}, &result)
	return result.Key, result.Public, err
}

// crateSigner is a signer of a crate.
type crateSigner struct {
	crate       crate
	key         raw
	Nonces      raw `json:"nonces"`
	Commitments raw `json:"commitments"`
}

func (c crate) commit(t *trial, seed oracle.Seed, key raw) (signer, error) {
	t.Helper()
	s := crateSigner{crate: c, key: key}
	err := c.ask(t, "commit", args{"seed": seed, "key": key}, &s)
	return s, err
}

func (s crateSigner) commitments() raw { return s.Commitments }

func (s crateSigner) sign(t *trial, pkg raw) (share raw, err error) {
	t.Helper()
	err = s.crate.ask(t, "sign", args{"package": pkg, "nonces": s.Nonces, "key": s.key}, &share)
	return share, err
}

func (c crate) signingPackage(t *trial, commitments perParticipant, message []byte) (pkg raw) {
	t.Helper()
	t.check(c.ask(t, "package", args{"commitments": commitments, "message": oracle.Bytes(message)}, &pkg))
	return pkg
}

func (c crate) aggregate(t *trial, pkg raw, shares perParticipant, public raw) (signature []byte, err error) {
	t.Helper()
	err = c.ask(t, "aggregate", args{
		"package": pkg, "shares": shares, "public": c.readable(t, public),
		"all_culprits": c.version == oracle.Frost3,
	}, (*oracle.Bytes)(&signature))
	return signature, err
}

func (c crate) verifyShare(t *trial, id frost.Identifier, share, pkg, public raw) error {
	t.Helper()
	return c.ask(t, "verify_share", args{
		"identifier": id, "share": share, "package": pkg, "public": c.readable(t, public),
	}, nil)
}

func (c crate) verify(t *trial, key, message, signature []byte) error {
	t.Helper()
	return c.ask(t, "verify", args{
		"key": oracle.Bytes(key), "message": oracle.Bytes(message), "signature": oracle.Bytes(signature),
	}, nil)
}
