package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

var suite = frost.Ed25519()

// fields are those of a request to the crates.
type fields map[string]any

// seed is what the crates draw their randomness from.
var seed = oracle.Bytes(make([]byte, 32))

// signers is a group that signs: the first t of its n members, the last of whom is the one
// that is measured.
type signers struct {
	size
	ids     []frost.Identifier
	message []byte
	keys    map[frost.Identifier]*frost.KeyPackage
	public  *frost.PublicKeyPackage
}

func newSigners(s size) (*signers, error) {
	g := &signers{size: s, message: []byte("32 bytes that are signed by many"), keys: make(map[frost.Identifier]*frost.KeyPackage)}
	for i := range s.n {
		id, err := frost.NewIdentifier(suite, uint16(i+1))
		if err != nil {
			return nil, err
		}
		g.ids = append(g.ids, id)
	}
	shares, public, err := frost.TrustedDealer(rand.Reader, suite, g.ids, s.t)
	if err != nil {
		return nil, err
	}
	g.public = public
	for _, id := range g.ids[:s.t] {
		if g.keys[id], err = shares[id].KeyPackage(); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// member is the one that is measured.
func (g *signers) member() *frost.KeyPackage { return g.keys[g.ids[g.t-1]] }

// signing measures the dealer, the signers and the coordinator.
func (m *measurement) signing(s size) error {
	g, err := newSigners(s)
	if err != nil {
		return err
	}
	if _, err := m.add(s, g.deal()); err != nil {
		return err
	}
	if _, err := m.add(s, g.commit()); err != nil {
		return err
	}
	run, err := g.sign(m.crates)
	if err != nil {
		return err
	}
	decode, err := m.add(s, run.decode())
	if err != nil {
		return err
	}
	sign, err := m.add(s, run.sign())
	if err != nil {
		return err
	}
	m.sum("sign from JSON", decode, sign)
	for _, c := range []contest{run.aggregate(), run.blame(), run.verify()} {
		if _, err := m.add(s, c); err != nil {
			return err
		}
	}
	return nil
}

func (g *signers) deal() contest {
	return contest{
		step: "deal",
		ours: func() (time.Duration, error) {
			return timed(func() error {
				_, _, err := frost.TrustedDealer(rand.Reader, suite, g.ids, g.t)
				return err
			})
		},
		op: "deal", request: fields{"seed": seed, "identifiers": g.ids, "min_signers": g.t},
	}
}

func (g *signers) commit() contest {
	return contest{
		step: "commit",
		ours: func() (time.Duration, error) {
			return timed(func() error {
				_, err := frost.NewSigner(rand.Reader, g.member())
				return err
			})
		},
		op: "commit", request: fields{"seed": seed, "key": json.RawMessage(g.member().EncodeSecretJSON())},
	}
}

// signing is one run of a group, in which the member that is measured uses the crates,
// and the others package frost.
type signing struct {
	*signers
	others    map[frost.Identifier]*frost.SigningCommitments
	nonces    json.RawMessage // the member's in the crates
	pkg       []byte
	shares    map[frost.Identifier]*frost.SignatureShare
	signature frost.Signature
}

func (g *signers) sign(crates *oracle.Program) (*signing, error) {
	s := &signing{signers: g, others: make(map[frost.Identifier]*frost.SigningCommitments)}
	var committed struct{ Nonces, Commitments json.RawMessage }
	if err := crates.Ask(oracle.Frost3, "commit", g.commit().request, &committed); err != nil {
		return nil, err
	}
	s.nonces = committed.Nonces
	open := make(map[frost.Identifier]*frost.Signer)
	for id, key := range g.keys {
		if key == g.member() {
			continue
		}
		signer, err := frost.NewSigner(rand.Reader, key)
		if err != nil {
			return nil, err
		}
		open[id], s.others[id] = signer, signer.Commitments()
	}
	member, err := frost.DecodeSigningCommitmentsJSON(suite, committed.Commitments)
	if err != nil {
		return nil, err
	}
	pkg, err := s.packageWith(member)
	if err != nil {
		return nil, err
	}
	s.pkg = pkg.EncodeJSON()
	return s, s.finish(crates, pkg, open)
}

// packageWith returns the package of all commitments, with the given ones of the member.
func (s *signing) packageWith(member *frost.SigningCommitments) (*frost.SigningPackage, error) {
	s.others[s.member().Identifier()] = member
	return frost.NewSigningPackage(suite, s.others, s.message)
}

// finish makes all shares and the signature.
func (s *signing) finish(crates *oracle.Program, pkg *frost.SigningPackage, open map[frost.Identifier]*frost.Signer) error {
	s.shares = make(map[frost.Identifier]*frost.SignatureShare)
	for id, signer := range open {
		share, err := signer.Sign(pkg)
		if err != nil {
			return err
		}
		s.shares[id] = share
	}
	var answer json.RawMessage
	if err := crates.Ask(oracle.Frost3, "sign", s.sign().request, &answer); err != nil {
		return err
	}
	share, err := frost.DecodeSignatureShareJSON(suite, answer)
	if err != nil {
		return err
	}
	s.shares[s.member().Identifier()] = share
	s.signature, err = frost.Aggregate(pkg, s.shares, s.public)
	return err
}

func (s *signing) decode() contest {
	return contest{
		step: "decode signing package",
		ours: func() (time.Duration, error) {
			return timed(func() error {
				_, err := frost.DecodeSigningPackageJSON(suite, s.pkg)
				return err
			})
		},
		op: "decode", request: fields{"type": "SigningPackage", "form": "json", "inputs": []oracle.Bytes{s.pkg}},
	}
}

func (s *signing) sign() contest {
	return contest{
		step: "sign",
		ours: func() (time.Duration, error) {
			signer, err := frost.NewSigner(rand.Reader, s.member())
			if err != nil {
				return 0, err
			}
			pkg, err := s.packageWith(signer.Commitments())
			if err != nil {
				return 0, err
			}
			return timed(func() error {
				_, err := signer.Sign(pkg)
				return err
			})
		},
		op: "sign", request: fields{
			"package": json.RawMessage(s.pkg), "nonces": s.nonces,
			"key": json.RawMessage(s.member().EncodeSecretJSON()),
		},
	}
}

// fresh returns the package as it arrives, with nothing computed from it.
func (s *signing) fresh() *frost.SigningPackage {
	pkg, err := frost.DecodeSigningPackageJSON(suite, s.pkg)
	if err != nil {
		panic("crypto: internal error: " + err.Error())
	}
	return pkg
}

func (s *signing) aggregate() contest {
	return contest{
		step: "aggregate",
		ours: func() (time.Duration, error) {
			pkg := s.fresh()
			return timed(func() error {
				_, err := frost.Aggregate(pkg, s.shares, s.public)
				return err
			})
		},
		op: "aggregate", request: s.aggregation(s.shares),
	}
}

func (s *signing) aggregation(shares map[frost.Identifier]*frost.SignatureShare) fields {
	return fields{"package": json.RawMessage(s.pkg), "shares": shares, "public": s.public}
}

// blame is an aggregation in which the last signer sent another's share, which is
// the last that the crates look at.
func (s *signing) blame() contest {
	wrong := make(map[frost.Identifier]*frost.SignatureShare)
	for id, share := range s.shares {
		wrong[id] = share
	}
	culprit := s.member().Identifier()
	wrong[culprit] = s.shares[s.ids[0]]
	return contest{
		step: "name a bad share",
		ours: func() (time.Duration, error) {
			pkg := s.fresh()
			return timed(func() error {
				var blame *frost.BlameError
				_, err := frost.Aggregate(pkg, wrong, s.public)
				if !errors.As(err, &blame) || len(blame.Culprits) != 1 || blame.Culprits[0] != culprit {
					return fmt.Errorf("naming a bad share: %w", err)
				}
				return nil
			})
		},
		op: "aggregate", request: s.aggregation(wrong),
	}
}

func (s *signing) verify() contest {
	key, signature := s.public.VerifyingKey().Bytes(), s.signature.Bytes()
	return contest{
		step: "verify",
		ours: func() (time.Duration, error) {
			return timed(func() error {
				k, err := frost.DecodeVerifyingKey(suite, key)
				if err != nil {
					return err
				}
				sig, err := frost.DecodeSignature(suite, signature)
				if err != nil {
					return err
				}
				return k.Verify(s.message, sig)
			})
		},
		op: "verify", request: fields{"key": oracle.Bytes(key), "message": oracle.Bytes(s.message), "signature": oracle.Bytes(signature)},
	}
}
