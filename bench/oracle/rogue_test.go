package oracle_test

import (
	"crypto/sha512"
	"encoding/json"
	"slices"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// rogue is a participant of a key generation that knows the polynomial of the only other
// one, and chooses its own by it.
type rogue struct {
	id           frost.Identifier
	coefficients []*edwards25519.Scalar
}

// polynomial is what a participant draws from its seed.
func polynomial(t *trial, seed oracle.Seed, threshold int) []*edwards25519.Scalar {
	t.Helper()
	stream := seed.Stream()
	coefficients := make([]*edwards25519.Scalar, threshold)
	for i := range coefficients {
		var b [64]byte
		_, err := stream.Read(b[:])
		t.check(err)
		coefficients[i] = must(edwards25519.NewScalar().SetUniformBytes(b[:]))(t)
	}
	return coefficients
}

// evaluate returns the value of a polynomial at an identifier.
func evaluate(t *trial, coefficients []*edwards25519.Scalar, at frost.Identifier) *edwards25519.Scalar {
	t.Helper()
	x := must(edwards25519.NewScalar().SetCanonicalBytes(at.Bytes()))(t)
	value := edwards25519.NewScalar()
	for _, c := range slices.Backward(coefficients) {
		value.MultiplyAdd(value, x, c)
	}
	return value
}

// packet makes the rogue's round 1 package, with a good proof of knowledge.
func (r rogue) packet(t *trial) raw {
	t.Helper()
	f := round1Fields{Header: raw(header().String())}
	for _, c := range r.coefficients {
		f.Commitment = append(f.Commitment, hexOf(new(edwards25519.Point).ScalarBaseMult(c).Bytes()))
	}
	nonce := must(edwards25519.NewScalar().SetCanonicalBytes(t.scalar()))(t)
	commitment := new(edwards25519.Point).ScalarBaseMult(nonce).Bytes()
	// c = HDKG(id || phi_0 || R), mu = k + a_0 * c
	digest := sha512.Sum512(slices.Concat([]byte(suite.ID()+"dkg"), r.id.Bytes(),
		new(edwards25519.Point).ScalarBaseMult(r.coefficients[0]).Bytes(), commitment))
	challenge := must(edwards25519.NewScalar().SetUniformBytes(digest[:]))(t)
	f.ProofOfKnowledge = append(commitment, challenge.MultiplyAdd(challenge, r.coefficients[0], nonce).Bytes()...)
	return must(json.Marshal(f))(t)
}

// share makes the rogue's round 2 package for a participant.
func (r rogue) share(t *trial, to frost.Identifier) raw {
	t.Helper()
	return must(json.Marshal(round2Fields{raw(header().String()), evaluate(t, r.coefficients, to).Bytes()}))(t)
}

// degenerate are key generations whose sum has something that is the identity. The crates
// refuse one when its keys are to be encoded, ours at once.
var degenerate = []struct {
	name     string
	accepted bool
	// choose changes the rogue's random polynomial, for the other one's, a.
	choose func(t *trial, r rogue, a []*edwards25519.Scalar, ids []frost.Identifier)
}{
	{"nothing", true, func(*trial, rogue, []*edwards25519.Scalar, []frost.Identifier) {}},
	{"the group's key", false, func(_ *trial, r rogue, a []*edwards25519.Scalar, _ []frost.Identifier) {
		r.coefficients[0].Negate(a[0])
	}},
	{"a coefficient that is not the key", true, func(_ *trial, r rogue, a []*edwards25519.Scalar, _ []frost.Identifier) {
		r.coefficients[1].Negate(a[1])
	}},
	{"the other's verifying share", false, func(t *trial, r rogue, a []*edwards25519.Scalar, ids []frost.Identifier) {
		cancelAt(t, r.coefficients, a, ids[0])
	}},
	{"the rogue's verifying share", false, func(t *trial, r rogue, a []*edwards25519.Scalar, ids []frost.Identifier) {
		cancelAt(t, r.coefficients, a, ids[1])
	}},
}

// cancelAt changes the constant term of b so that (a + b)(at) = 0.
func cancelAt(t *trial, b, a []*edwards25519.Scalar, at frost.Identifier) {
	t.Helper()
	b[0].Subtract(b[0], evaluate(t, a, at).Add(evaluate(t, a, at), evaluate(t, b, at)))
}

// TestDegenerateSums generates keys with a rogue.
func TestDegenerateSums(t *testing.T) {
	for _, d := range degenerate {
		t.Run(d.name, func(t *testing.T) {
			trials(t, 10, func(t *trial) {
				ids := t.identifiers(2)
				seed := t.seed()
				r := rogue{ids[1], polynomial(t, t.seed(), 2)}
				d.choose(t, r, polynomial(t, seed, 2), ids)
				round1 := perParticipant{r.id: r.packet(t)}
				var outcomes []outcome
				for _, by := range implementations {
					first := must(by.begin(t, seed, ids[0], ids, 2))(t)
					second := must(first.next(t, round1))(t)
					key, public, err := second.next(t, perParticipant{r.id: r.share(t, ids[0])})
					o := outcome{by: by.name(), err: err}
					if err == nil {
						o.result = string(key) + string(withoutThreshold(t, public))
					}
					outcomes = append(outcomes, o)
				}
				sameOutcome(t, outcomes, args{"seed": seed, "identifiers": ids, "round1": round1})
				if (outcomes[0].err == nil) != d.accepted {
					t.Errorf("accepted %v, want %v: %v", outcomes[0].err == nil, d.accepted, outcomes[0].err)
				}
			})
		})
	}
}
