package oracle_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// signing is a signing by some of a group, up to the signature shares.
type signing struct {
	*group
	signers     []frost.Identifier // ascending
	message     []byte
	seeds       map[frost.Identifier]oracle.Seed
	commitments perParticipant
	pkg         raw
	shares      perParticipant
}

// signing has random signers, enough of them, sign a random message, each by a
// random implementation.
func (t *trial) signing(limit int) *signing {
	t.Helper()
	g := t.dealtGroup(limit)
	s := &signing{group: g, message: t.bytes(t.IntN(200)), seeds: make(map[frost.Identifier]oracle.Seed)}
	for len(s.signers) < g.threshold {
		s.signers = some(t, g.ids)
	}
	slices.SortFunc(s.signers, frost.Identifier.Compare)
	for _, id := range s.signers {
		s.seeds[id] = t.seed()
	}
	s.sign(t, t.members(s.signers), pick(t, implementations))
	return s
}

// sign does both rounds, the coordinator by an implementation too.
func (s *signing) sign(t *trial, members map[frost.Identifier]implementation, coordinator implementation) {
	t.Helper()
	s.commitments, s.shares = make(perParticipant), make(perParticipant)
	committed := make(map[frost.Identifier]signer)
	for _, id := range s.signers {
		committed[id] = must(members[id].commit(t, s.seeds[id], s.keys[id]))(t)
		s.commitments[id] = committed[id].commitments()
	}
	s.pkg = coordinator.signingPackage(t, s.commitments, s.message)
	for _, id := range s.signers {
		s.shares[id] = must(committed[id].sign(t, s.pkg))(t)
	}
}

func (s *signing) text() string { return s.commitments.text() + string(s.pkg) + s.shares.text() }

// key is the group's verifying key.
func (s *signing) key(t *trial) []byte {
	t.Helper()
	return must(frost.DecodePublicKeyPackageJSON(suite, s.public))(t).VerifyingKey().Bytes()
}

// aggregates has every implementation aggregate.
func aggregates(t *trial, pkg raw, shares perParticipant, public raw) []outcome {
	t.Helper()
	var outcomes []outcome
	for _, by := range implementations {
		signature, err := by.aggregate(t, pkg, shares, public)
		outcomes = append(outcomes, outcome{by.name(), hexOf(signature), err})
	}
	return outcomes
}

// TestSigning signs by each implementation alone and by a random mixture of them, all from
// the same seeds: every message has the same bytes, and so has the signature, which
// verifies everywhere.
func TestSigning(t *testing.T) {
	trials(t, 60, func(t *trial) {
		s := t.signing(7)
		outcomes := []outcome{{by: "mixture", result: s.text()}}
		for _, by := range implementations {
			members := make(map[frost.Identifier]implementation)
			for _, id := range s.signers {
				members[id] = by
			}
			s.sign(t, members, by)
			outcomes = append(outcomes, outcome{by: by.name(), result: s.text()})
		}
		sameOutcome(t, outcomes, args{"seeds": s.seeds, "keys": s.keys, "message": oracle.Bytes(s.message)})
		signatures := aggregates(t, s.pkg, s.shares, s.public)
		sameOutcome(t, signatures, args{"package": s.pkg, "shares": s.shares, "public": s.public})
		signature, err := ours{}.aggregate(t, s.pkg, s.shares, s.public)
		t.check(err)
		verifyEverywhere(t, "all", s.key(t), s.message, signature)
	})
}

// packageFields are the fields of a signing package, to be tampered with.
type packageFields struct {
	Header             raw          `json:"header"`
	SigningCommitments perText      `json:"signing_commitments"`
	Message            oracle.Bytes `json:"message"`
}

// perText has the messages of participants by the digits of their identifiers.
type perText map[string]raw

func (t *trial) freshCommitments() raw {
	t.Helper()
	return raw(t.signingCommitments().String())
}

// tamper changes a package that a signer is to sign.
func (f *packageFields) tamper(t *trial, self frost.Identifier, s *signing) {
	t.Helper()
	other := pick(t, s.signers).String()
	switch t.IntN(8) {
	case 0:
		delete(f.SigningCommitments, self.String())
	case 1:
		f.SigningCommitments[self.String()] = t.freshCommitments()
	case 2:
		f.SigningCommitments[self.String()] = f.SigningCommitments[other]
	case 3: // maybe too few
		for _, id := range some(t, s.signers) {
			delete(f.SigningCommitments, id.String())
		}
	case 4:
		f.SigningCommitments = perText{self.String(): f.SigningCommitments[self.String()]}
	case 5: // one who is not of the group
		f.SigningCommitments[t.stranger(s.ids).String()] = t.freshCommitments()
	case 6:
		f.SigningCommitments[other] = t.freshCommitments()
	default:
		f.Message = t.bytes(t.IntN(100))
	}
}

// keyFields are the fields of a key package, to be tampered with.
type keyFields struct {
	Header         raw    `json:"header"`
	Identifier     string `json:"identifier"`
	SigningShare   string `json:"signing_share"`
	VerifyingShare string `json:"verifying_share"`
	VerifyingKey   string `json:"verifying_key"`
	MinSigners     uint16 `json:"min_signers"`
}

func (f *keyFields) tamper(t *trial, s *signing) {
	t.Helper()
	switch t.IntN(5) {
	case 0:
		f.MinSigners = uint16(t.IntN(len(s.signers) + 2))
	case 1:
		f.VerifyingKey = hexOf(t.point().Bytes())
	case 2:
		f.VerifyingShare = hexOf(t.point().Bytes())
	case 3:
		f.SigningShare = hexOf(t.scalar())
	default:
		f.Identifier = pick(t, s.ids).String()
	}
}

// TestSigningOddPackages signs packages, and by keys, that were tampered with. Some are
// refused; of the others all make the same share.
func TestSigningOddPackages(t *testing.T) {
	trials(t, 100, func(t *trial) {
		s := t.signing(6)
		self := pick(t, s.signers)
		var pkg packageFields
		var key keyFields
		t.check(errors.Join(json.Unmarshal(s.pkg, &pkg), json.Unmarshal(s.keys[self], &key)))
		if t.chance(2) {
			pkg.tamper(t, self, s)
		} else {
			key.tamper(t, s)
		}
		tamperedKey, tamperedPkg := must(json.Marshal(key))(t), must(json.Marshal(pkg))(t)
		var outcomes []outcome
		for _, by := range implementations {
			committed := must(by.commit(t, s.seeds[self], tamperedKey))(t)
			share, err := committed.sign(t, tamperedPkg)
			outcomes = append(outcomes, outcome{by.name(), string(share), err})
		}
		sameOutcome(t, outcomes, args{"seed": s.seeds[self], "key": key, "package": pkg})
	})
}

// shareFields are the fields of a signature share, to be tampered with.
type shareFields struct {
	Header raw          `json:"header"`
	Share  oracle.Bytes `json:"share"`
}

func addToSignatureShare(t *trial, share raw, delta []byte, subtract bool) raw {
	t.Helper()
	var f shareFields
	t.check(json.Unmarshal(share, &f))
	f.Share = addScalar(t, f.Share, delta, subtract)
	return must(json.Marshal(f))(t)
}

// TestBadShares aggregates with one or more wrong shares: ours and version 3 name all
// who sent one, version 2 the first.
func TestBadShares(t *testing.T) {
	trials(t, 60, func(t *trial) {
		s := t.signing(8)
		guilty := some(t, s.signers)
		for _, id := range guilty {
			s.shares[id] = addToSignatureShare(t, s.shares[id], t.scalar(), false)
		}
		outcomes := aggregates(t, s.pkg, s.shares, s.public)
		sameOutcome(t, outcomes, args{"package": s.pkg, "shares": s.shares, "public": s.public})
		blamedForShares(t, outcomes, guilty)
		for _, id := range s.signers {
			var verdicts []outcome
			for _, by := range implementations {
				verdicts = append(verdicts, outcome{by: by.name(), err: by.verifyShare(t, id, s.shares[id], s.pkg, s.public)})
			}
			sameOutcome(t, verdicts, args{"identifier": id, "share": s.shares[id], "package": s.pkg, "public": s.public})
			if (verdicts[0].err != nil) != slices.Contains(guilty, id) {
				t.Errorf("%s: %v, guilty are %s", id, verdicts[0].err, guilty)
			}
		}
	})
}

func blamedForShares(t *trial, outcomes []outcome, guilty []frost.Identifier) {
	t.Helper()
	guilty = slices.SortedFunc(slices.Values(guilty), frost.Identifier.Compare)
	for _, o := range outcomes {
		want := guilty
		if o.by == (crate{oracle.Frost2}).name() {
			want = guilty[:1]
		}
		if got := culprits(t, o.err); !slices.Equal(got, want) {
			t.Errorf("%s blames %s for %v, want %s", o.by, got, o.err, want)
		}
	}
}

// TestSharesThatCancel aggregates two wrong shares whose errors have the sum 0, which
// makes a good signature, and by themselves are still wrong.
func TestSharesThatCancel(t *testing.T) {
	trials(t, 30, func(t *trial) {
		s := t.signing(6)
		delta := t.scalar()
		for i, id := range s.signers[:2] {
			s.shares[id] = addToSignatureShare(t, s.shares[id], delta, i == 1)
		}
		outcomes := aggregates(t, s.pkg, s.shares, s.public)
		sameOutcome(t, outcomes, args{"package": s.pkg, "shares": s.shares, "public": s.public})
		t.check(outcomes[0].err)
		for _, by := range implementations {
			if by.verifyShare(t, s.signers[0], s.shares[s.signers[0]], s.pkg, s.public) == nil {
				t.Errorf("%s takes the share by itself", by.name())
			}
		}
	})
}

// publicFields are the fields of a public key package, to be tampered with.
type publicFields struct {
	Header          raw               `json:"header"`
	VerifyingShares map[string]string `json:"verifying_shares"`
	VerifyingKey    string            `json:"verifying_key"`
	MinSigners      *int              `json:"min_signers,omitempty"`
}

// oddAggregation changes what is to be aggregated, but for the values of the shares.
func oddAggregation(t *trial, s *signing, pkg *packageFields, public *publicFields) {
	t.Helper()
	id := pick(t, s.signers)
	switch t.IntN(11) {
	case 0:
		delete(s.shares, id)
	case 1:
		s.shares[t.stranger(s.ids)] = s.shares[id]
	case 2: // as many, but not of the signers
		s.shares[t.stranger(s.ids)] = s.shares[id]
		delete(s.shares, id)
	case 3:
		delete(public.VerifyingShares, id.String())
	case 4:
		public.VerifyingShares[id.String()] = hexOf(t.point().Bytes())
	case 5:
		public.VerifyingKey = hexOf(t.point().Bytes())
	case 6:
		pkg.Message = t.bytes(t.IntN(100))
	case 7:
		pkg.SigningCommitments[id.String()] = t.freshCommitments()
	case 8:
		delete(pkg.SigningCommitments, id.String())
	case 9:
		pkg.SigningCommitments[t.stranger(s.ids).String()] = t.freshCommitments()
	default: // two who sent each other's
		other := pick(t, s.signers)
		s.shares[id], s.shares[other] = s.shares[other], s.shares[id]
	}
}

// TestOddAggregations aggregates what does not belong together. Ours and version 3 blame
// the same, but for one case on purpose: where the verifying shares of the signers do not
// make the verifying key, so that good shares make a bad signature, ours blames nobody.
func TestOddAggregations(t *testing.T) {
	trials(t, 100, func(t *trial) {
		s := t.signing(6)
		var pkg packageFields
		var public publicFields
		t.check(errors.Join(json.Unmarshal(s.pkg, &pkg), json.Unmarshal(s.public, &public)))
		public.MinSigners = nil
		oddAggregation(t, s, &pkg, &public)
		p, k := must(json.Marshal(pkg))(t), must(json.Marshal(public))(t)
		outcomes := aggregates(t, p, s.shares, k)
		sameOutcome(t, outcomes, args{"package": pkg, "shares": s.shares, "public": public})
		guilty := culprits(t, outcomes[2].err)
		switch got := culprits(t, outcomes[0].err); {
		case guilty == nil && got != nil:
			t.Errorf("ours blames %s, version 3 nobody: %v", got, outcomes[2].err)
		case guilty != nil && public.fits(t, pkg):
			blamedForShares(t, outcomes, guilty)
		case guilty != nil && got != nil:
			t.Errorf("ours blames %s for a foreign key: %v", got, outcomes[0].err)
		}
	})
}

// fits reports whether the verifying shares of a package's signers make the verifying key.
func (f *publicFields) fits(t *trial, pkg packageFields) bool {
	t.Helper()
	var x []*edwards25519.Scalar
	var shares []*edwards25519.Point
	for id := range pkg.SigningCommitments {
		x = append(x, must(edwards25519.NewScalar().SetCanonicalBytes(unhex(t, id)))(t))
		shares = append(shares, must(new(edwards25519.Point).SetBytes(unhex(t, f.VerifyingShares[id])))(t))
	}
	sum := edwards25519.NewIdentityPoint()
	for i := range x {
		term := new(edwards25519.Point).ScalarMult(lagrange(x, i), shares[i])
		sum.Add(sum, term)
	}
	return hexOf(sum.Bytes()) == f.VerifyingKey
}

// TestTooFewSigners aggregates the shares of fewer signers than the public key package
// asks for. Version 2 does not know the threshold, and sees a bad signature if the
// signers could sign at all.
func TestTooFewSigners(t *testing.T) {
	trials(t, 20, func(t *trial) {
		s := t.signing(6)
		var public publicFields
		t.check(json.Unmarshal(s.public, &public))
		more := len(s.signers) + 1
		public.MinSigners = &more
		k := must(json.Marshal(public))(t)
		for _, o := range aggregates(t, s.pkg, s.shares, k) {
			if known := o.by != string(oracle.Frost2); known != (o.err != nil) {
				t.Errorf("%s: %v", o.by, o.err)
			}
		}
	})
}

// TestKeyOfOtherShares aggregates good shares under a verifying key that all signers took
// for theirs, but that is not that of their shares: nobody is to blame.
func TestKeyOfOtherShares(t *testing.T) {
	trials(t, 20, func(t *trial) {
		s := t.signing(6)
		key := hexOf(t.point().Bytes())
		for id, encoded := range s.keys {
			var f keyFields
			t.check(json.Unmarshal(encoded, &f))
			f.VerifyingKey = key
			s.keys[id] = must(json.Marshal(f))(t)
		}
		var public publicFields
		t.check(json.Unmarshal(s.public, &public))
		public.VerifyingKey = key
		s.sign(t, t.members(s.signers), pick(t, implementations))
		outcomes := aggregates(t, s.pkg, s.shares, must(json.Marshal(public))(t))
		sameOutcome(t, outcomes, args{"package": s.pkg, "shares": s.shares, "public": public})
		for _, o := range outcomes {
			if got := culprits(t, o.err); o.err == nil || got != nil {
				t.Errorf("%s: blames %s: %v", o.by, got, o.err)
			}
		}
	})
}
