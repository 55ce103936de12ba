package group_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"frostkit/frost/internal/ed25519"
	"frostkit/frost/internal/group"
)

var g = new(ed25519.Suite).Group()

func random(t *testing.T) group.Scalar {
	t.Helper()
	s, err := g.RandomScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Shares interpolate to the constant term, and belong to the commitment.
func TestInterpolation(t *testing.T) {
	for length := 1; length <= 5; length++ {
		constant := random(t)
		p, err := group.RandomPolynomial(rand.Reader, g, constant, length)
		if err != nil {
			t.Fatal(err)
		}
		commitment := p.Commit(g)
		var x, y []group.Scalar
		for i := range length {
			x = append(x, random(t))
			y = append(y, p.Evaluate(g, x[i]))
			if !group.VarTimeEvaluate(g, commitment, x[i]).Equal(g.BaseMult(y[i])) {
				t.Errorf("share %d of %d does not belong to the commitment", i, length)
			}
		}
		sum := g.NewScalar()
		all := group.LagrangeAll(g, x)
		for i, lambda := range all {
			if !lambda.Equal(group.Lagrange(g, x, i)) {
				t.Errorf("coefficient %d of %d differs", i, length)
			}
			sum.MultiplyAdd(lambda, y[i], sum)
		}
		if !sum.Equal(constant) {
			t.Errorf("%d shares do not interpolate", length)
		}
		p.Clear()
		if !p[0].IsZero() || constant.IsZero() {
			t.Error("the polynomial is not wiped, or the constant with it")
		}
	}
}

func TestEmptyCommitment(t *testing.T) {
	if !group.VarTimeEvaluate(g, nil, random(t)).IsIdentity() {
		t.Error("the commitment to no polynomial is not the identity")
	}
}

func TestRandomPolynomialReportsRandomness(t *testing.T) {
	if _, err := group.RandomPolynomial(bytes.NewReader(make([]byte, 64)), g, random(t), 3); err == nil {
		t.Error("64 bytes of randomness suffice")
	}
}
