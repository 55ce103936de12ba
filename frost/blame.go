package frost

import (
	"fmt"

	"frostkit/frost/internal/group"
)

var errForeign = fmt.Errorf("%w, and the verifying shares of the signers do not make the verifying key: "+
	"they are fewer than the threshold, or the public key package is not that of one group", ErrInvalidSignature)

// shareChecks are the checks of all signature shares, verify_signature_share of RFC
// 9591, Section 5.3: the share of the signer at i is right if share[i] times the generator is
// hiding[i] + rho[i] * binding[i] + factor[i] * public[i].
type shareChecks struct {
	pkg    *SigningPackage
	r      *round2
	shares []group.Scalar
	factor []group.Scalar // challenge * lambda_i
	public []group.Element
}

func newShareChecks(pkg *SigningPackage, r *round2, shares map[Identifier]*SignatureShare, pub *PublicKeyPackage) *shareChecks {
	c := &shareChecks{pkg: pkg, r: r}
	lambda := pub.lagrange.get(pkg, group.LagrangeAll)
	for i, signer := range pkg.signers {
		public, _ := pub.share(signer.id)
		c.shares = append(c.shares, shares[signer.id].share)
		c.factor = append(c.factor, pkg.suite.Group().NewScalar().Multiply(r.challenge, lambda[i]))
		c.public = append(c.public, public)
	}
	return c
}

// blame returns the error of a signature with the sum z of all shares, which does not
// verify. It names the signers whose share is wrong, provided that the signers'
// verifying shares make the verifying key; where they do not, nobody is to blame.
func (c *shareChecks) blame(z group.Scalar) error {
	wrong := c.wrong(0, len(c.shares), true)
	if !c.explain(wrong, z) {
		return errForeign
	}
	culprits := make([]Identifier, len(wrong))
	for i, index := range wrong {
		culprits[i] = c.pkg.signers[index].id
	}
	return blameShares(culprits...)
}

// wrong returns which of the shares from..to-1 are wrong, by bisection. Where it is known
// that one is, and none is in the first half, then one is in the second.
func (c *shareChecks) wrong(from, to int, known bool) []int {
	switch {
	case !known && c.verify(from, to):
		return nil
	case to-from == 1:
		return []int{from}
	}
	middle := (from + to) / 2
	first := c.wrong(from, middle, false)
	return append(first, c.wrong(middle, to, known && len(first) == 0)...)
}

// verify reports whether the shares from..to-1 are all right, by the sum of their
// equations with random weights of 128 bits. If one is wrong, the weights for which
// the sum holds are one in 2^128.
func (c *shareChecks) verify(from, to int) bool {
	g := c.pkg.suite.Group()
	weights := []group.Scalar{g.ScalarFromUint16(1)} // will do for one
	if to-from > 1 {
		weights = g.RandomWeights(to - from)
	}
	left := g.NewScalar()
	var scalars []group.Scalar
	var elements []group.Element
	for i, weight := range weights {
		commitments := c.pkg.signers[from+i].commitments
		left.MultiplyAdd(weight, c.shares[from+i], left)
		scalars = append(scalars, weight,
			g.NewScalar().Multiply(weight, c.r.bindingFactors[from+i]), g.NewScalar().Multiply(weight, c.factor[from+i]))
		elements = append(elements, commitments.hiding, commitments.binding, c.public[from+i])
	}
	return g.VarTimeMultiScalarMult(scalars, elements).Equal(g.BaseMult(left))
}

// explain reports whether the shares that were found wrong are all that is wrong with the
// signature: whether what the equations of these shares are off by is what the
// signature's equation, z * G = R + c * key, is off by. If the key were not what the
// verifying shares make, the difference would be c times the one minus the other.
func (c *shareChecks) explain(wrong []int, z group.Scalar) bool {
	g := c.pkg.suite.Group()
	// sum of (z_i * G - hiding - rho * binding - factor * public) = z * G - R - c * key
	left := g.NewScalar().Set(z)
	right := g.NewElement().Set(c.r.commitment)
	scalars := []group.Scalar{c.r.challenge}
	elements := []group.Element{c.r.key}
	minusOne := g.NewScalar()
	minusOne.Subtract(minusOne, g.ScalarFromUint16(1))
	for _, i := range wrong {
		commitments := c.pkg.signers[i].commitments
		left.Subtract(left, c.shares[i])
		scalars = append(scalars, minusOne,
			g.NewScalar().Multiply(minusOne, c.r.bindingFactors[i]), g.NewScalar().Multiply(minusOne, c.factor[i]))
		elements = append(elements, commitments.hiding, commitments.binding, c.public[i])
	}
	right.Add(right, g.VarTimeMultiScalarMult(scalars, elements))
	return right.Equal(g.BaseMult(left))
}
