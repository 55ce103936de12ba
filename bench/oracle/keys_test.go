package oracle_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// TestIdentifiers makes identifiers of numbers and of bytes, and sorts them.
func TestIdentifiers(t *testing.T) {
	trials(t, 200, func(t *trial) {
		ids := t.identifiers(2 + t.IntN(20))
		n, b := uint16(t.IntN(65536)), t.bytes(t.IntN(200))
		ofNumber, errNumber := frost.NewIdentifier(suite, n)
		ofBytes := must(frost.DeriveIdentifier(suite, b))(t)
		inOrder := slices.SortedFunc(slices.Values(ids), frost.Identifier.Compare)
		for _, version := range versions {
			c := crate{version}
			var number, derived raw
			errTheirs := c.ask(t, "number", args{"number": n}, &number)
			if (errNumber == nil) != (errTheirs == nil) || errNumber == nil && string(number) != `"`+ofNumber.String()+`"` {
				t.Errorf("identifier of %d: ours %s, %v, %s %s, %v", n, ofNumber, errNumber, version, number, errTheirs)
			}
			t.check(c.ask(t, "derive", args{"bytes": oracle.Bytes(b)}, &derived))
			if string(derived) != `"`+ofBytes.String()+`"` {
				t.Errorf("identifier of %x: ours %s, %s %s", b, ofBytes, version, derived)
			}
			var sorted []string
			t.check(c.ask(t, "sort", args{"identifiers": ids}, &sorted))
			if !slices.EqualFunc(sorted, inOrder, func(s string, id frost.Identifier) bool { return s == id.String() }) {
				t.Errorf("in order: ours %s, %s %s", inOrder, version, sorted)
			}
		}
	})
}

// outcome is what an implementation made of an operation, in a form that can be compared.
type outcome struct {
	by     string
	result string
	err    error
}

// sameOutcome fails the test unless all have the same result, or all refuse.
func sameOutcome(t *trial, outcomes []outcome, input any) {
	t.Helper()
	for _, o := range outcomes[1:] {
		if (o.err == nil) == (outcomes[0].err == nil) && o.result == outcomes[0].result {
			continue
		}
		text := must(json.Marshal(input))(t)
		t.Fatalf("%s\n%s: %s %v\n%s: %s %v", text, outcomes[0].by, outcomes[0].result, outcomes[0].err, o.by, o.result, o.err)
	}
}

// text is the messages of all participants in ascending order.
func (m perParticipant) text() string {
	var b bytes.Buffer
	for _, id := range m.sorted() {
		b.WriteString(id.String() + " ")
		b.Write(m[id])
		b.WriteString("\n")
	}
	return b.String()
}

// dealtOutcome is the outcome of a dealer.
func dealtOutcome(t *trial, by implementation, shares perParticipant, public raw, err error) outcome {
	t.Helper()
	if err != nil {
		return outcome{by: by.name(), err: err}
	}
	return outcome{by: by.name(), result: shares.text() + string(withoutThreshold(t, public))}
}

// badGroup now and then spoils a group: a participant twice, a threshold too low or too high.
func (t *trial) badGroup(ids []frost.Identifier, threshold int) ([]frost.Identifier, int) {
	switch t.IntN(20) {
	case 0:
		return append(ids, pick(t, ids)), threshold
	case 1:
		return ids, len(ids) + 1
	case 2:
		return ids, t.IntN(2)
	case 3:
		return ids[:t.IntN(2)], threshold
	}
	return ids, threshold
}

// TestDealer deals keys from the same seed, new ones and given ones, which gives the
// same bytes everywhere.
func TestDealer(t *testing.T) {
	trials(t, 120, func(t *trial) {
		n, threshold := t.group(7)
		ids, threshold := t.badGroup(t.identifiers(n), threshold)
		seed, key := t.seed(), t.scalar()
		if t.chance(10) {
			key = pick(t, edgeScalars())
		}
		var dealt, split []outcome
		for _, by := range implementations {
			shares, public, err := by.deal(t, seed, ids, threshold)
			dealt = append(dealt, dealtOutcome(t, by, shares, public, err))
			shares, public, err = by.split(t, seed, key, ids, threshold)
			split = append(split, dealtOutcome(t, by, shares, public, err))
		}
		request := args{"seed": seed, "identifiers": ids, "min_signers": threshold}
		sameOutcome(t, dealt, request)
		request["key"] = oracle.Bytes(key)
		sameOutcome(t, split, request)
	})
}

// group is a group whose keys were dealt.
type group struct {
	ids       []frost.Identifier
	threshold int
	shares    perParticipant
	keys      perParticipant
	public    raw // with the threshold
}

// dealtGroup deals keys to a random group of at most limit.
func (t *trial) dealtGroup(limit int) *group {
	t.Helper()
	n, threshold := t.group(limit)
	g := &group{ids: t.identifiers(n), threshold: threshold, keys: make(perParticipant)}
	slices.SortFunc(g.ids, frost.Identifier.Compare)
	var err error
	g.shares, g.public, err = crate{oracle.Frost3}.deal(t, t.seed(), g.ids, threshold)
	t.check(err)
	for id, share := range g.shares {
		g.keys[id] = must(ours{}.checkShare(t, share))(t)
	}
	return g
}

// secretShareFields are the fields of a dealer's share, to be tampered with.
type secretShareFields struct {
	Header       raw      `json:"header"`
	Identifier   string   `json:"identifier"`
	SigningShare string   `json:"signing_share"`
	Commitment   []string `json:"commitment"`
}

// hexOf is the hexadecimal digits of b.
func hexOf(b []byte) string { return hexString(b).text }

func (f *secretShareFields) tamper(t *trial) {
	t.Helper()
	k := t.IntN(len(f.Commitment))
	switch t.IntN(7) {
	case 0:
		f.SigningShare = hexOf(t.scalar())
	case 1:
		f.SigningShare = hexOf(make([]byte, 32))
	case 2:
		f.Identifier = t.identifier().String()
	case 3:
		f.Commitment[k] = hexOf(t.point().Bytes())
	case 4:
		f.Commitment = slices.Delete(f.Commitment, k, k+1)
	case 5:
		f.Commitment = f.Commitment[:t.IntN(2)]
	default:
		f.Commitment = append(f.Commitment, f.Commitment[k])
	}
}

// TestDealtShares checks shares of a dealer, good and bad.
func TestDealtShares(t *testing.T) {
	trials(t, 150, func(t *trial) {
		g := t.dealtGroup(6)
		share := g.shares[pick(t, g.ids)]
		if !t.chance(4) {
			var fields secretShareFields
			t.check(json.Unmarshal(share, &fields))
			fields.tamper(t)
			share = must(json.Marshal(fields))(t)
		}
		checkShare(t, share)
	})
}

func checkShare(t *trial, share raw) []outcome {
	t.Helper()
	var outcomes []outcome
	for _, by := range implementations {
		key, err := by.checkShare(t, share)
		outcomes = append(outcomes, outcome{by.name(), string(key), err})
	}
	sameOutcome(t, outcomes, share)
	return outcomes
}

// TestDealtShareOfOneCoefficient checks what the commitment of a constant polynomial says:
// a threshold of 1, which no dealer makes.
func TestDealtShareOfOneCoefficient(t *testing.T) {
	trials(t, 10, func(t *trial) {
		s := t.scalar()
		checkShare(t, must(json.Marshal(secretShareFields{
			Header: raw(header().String()), Identifier: t.identifier().String(),
			SigningShare: hexOf(s), Commitment: []string{hexOf(baseMult(t, s).Bytes())},
		}))(t))
	})
}

// TestDealtShareOfIdentity checks a share whose verifying share is the identity: 0 at a root
// of the polynomial.
func TestDealtShareOfIdentity(t *testing.T) {
	trials(t, 10, func(t *trial) {
		p := t.point()
		one := must(frost.NewIdentifier(suite, 1))(t)
		outcomes := checkShare(t, must(json.Marshal(secretShareFields{
			Header: raw(header().String()), Identifier: one.String(), SigningShare: hexOf(make([]byte, 32)),
			Commitment: []string{hexOf(p.Bytes()), hexOf(negate(p).Bytes())},
		}))(t))
		if outcomes[0].err == nil {
			t.Error("it is taken")
		}
	})
}

// TestSigningAlone verifies signatures by a whole key on the other sides.
func TestSigningAlone(t *testing.T) {
	trials(t, 100, func(t *trial) {
		key, message := t.scalar(), t.bytes(t.IntN(200))
		signingKey := must(frost.DecodeSigningKey(suite, key))(t)
		signature := must(signingKey.Sign(t.seed().Stream(), message))(t).Bytes()
		public := signingKey.VerifyingKey().Bytes()
		signatures := map[string][]byte{"ours": signature}
		for _, version := range versions {
			var signed struct {
				Signature    oracle.Bytes `json:"signature"`
				VerifyingKey oracle.Bytes `json:"verifying_key"`
			}
			request := args{"seed": t.seed(), "key": oracle.Bytes(key), "message": oracle.Bytes(message)}
			t.check(crate{version}.ask(t, "sign_alone", request, &signed))
			if !bytes.Equal(signed.VerifyingKey, public) {
				t.Errorf("public key of %x: %s %x, ours %x", key, version, signed.VerifyingKey, public)
			}
			signatures[string(version)] = signed.Signature
		}
		for by, signature := range maps.All(signatures) {
			verifyEverywhere(t, by, public, message, signature)
		}
	})
}

// verifyEverywhere verifies a good signature by all implementations, and by the standard library.
func verifyEverywhere(t *trial, by string, key, message, signature []byte) {
	t.Helper()
	for _, verifier := range implementations {
		if err := verifier.verify(t, key, message, signature); err != nil {
			t.Errorf("signature %x by %s under %x of %x: %s: %v", signature, by, key, message, verifier.name(), err)
		}
	}
	if !ed25519.Verify(key, message, signature) {
		t.Errorf("signature %x by %s under %x of %x: crypto/ed25519 refuses", signature, by, key, message)
	}
}

// TestShareOfZero commits and signs with a signing share of 0, which all take.
func TestShareOfZero(t *testing.T) {
	trials(t, 3, func(t *trial) {
		s := t.signing(6)
		self := pick(t, s.signers)
		var f keyFields
		t.check(json.Unmarshal(s.keys[self], &f))
		f.SigningShare = hexOf(make([]byte, 32))
		key, commitments := must(json.Marshal(f))(t), maps.Clone(s.commitments)
		var outcomes []outcome
		for _, by := range implementations {
			committed := must(by.commit(t, s.seeds[self], key))(t)
			commitments[self] = committed.commitments()
			share := must(committed.sign(t, by.signingPackage(t, commitments, s.message)))(t)
			outcomes = append(outcomes, outcome{by.name(), string(commitments[self]) + string(share), nil})
		}
		sameOutcome(t, outcomes, args{"seed": s.seeds[self], "key": f})
	})
}
