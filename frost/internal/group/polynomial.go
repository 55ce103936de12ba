package group

import (
	"io"

	"frostkit/frost/internal/parallel"
	"frostkit/frost/internal/secret"
)

// Polynomial is a secret polynomial: its coefficients, constant term first.
type Polynomial []Scalar

// RandomPolynomial returns a polynomial of length coefficients with the given
// constant term, which it copies. The others are random and not 0.
func RandomPolynomial(random io.Reader, g Group, constant Scalar, length int) (Polynomial, error) {
	p := make(Polynomial, 1, length)
	p[0] = g.NewScalar().Set(constant)
	for range length - 1 {
		coefficient, err := g.RandomScalar(random)
		if err != nil {
			p.Clear()
			return nil, err
		}
		p = append(p, coefficient)
	}
	return p, nil
}

// Evaluate returns p(x) by Horner's rule: polynomial_evaluate of RFC 9591, Appendix C.1.1.
func (p Polynomial) Evaluate(g Group, x Scalar) Scalar {
	value := g.NewScalar()
	for i := len(p) - 1; i >= 0; i-- {
		value.MultiplyAdd(value, x, p[i])
	}
	return value
}

// Commit returns vss_commit of RFC 9591, Appendix C.2: each coefficient times
// the generator.
func (p Polynomial) Commit(g Group) []Element {
	commitment := BaseMultEach(g, p)
	g.Normalize(commitment...)
	return commitment
}

// leastBaseMults is how many multiplications of the generator pay for a goroutine.
const leastBaseMults = 8

// BaseMultEach returns each scalar times the generator.
func BaseMultEach(g Group, scalars []Scalar) []Element {
	elements := make([]Element, len(scalars))
	parallel.For(len(scalars), leastBaseMults, func(from, to int) {
		secret.Do(func() { // of the goroutine, which may be a new one
			for i := from; i < to; i++ {
				elements[i] = g.BaseMult(scalars[i])
			}
		})
	})
	return elements
}

// Clear wipes the coefficients.
func (p Polynomial) Clear() {
	for _, coefficient := range p {
		coefficient.Clear()
	}
}

// VarTimeEvaluate returns the commitment to p(x) for a commitment to p: the
// sum of x^k * commitment[k], the S_i' of RFC 9591, Appendix C.2.
func VarTimeEvaluate(g Group, commitment []Element, x Scalar) Element {
	if len(commitment) == 0 {
		return g.NewElement()
	}
	return g.VarTimeEvaluate(commitment, []Scalar{x})[0]
}

// Powers returns x^0 to x^(n-1).
func Powers(g Group, x Scalar, n int) []Scalar {
	powers := make([]Scalar, n)
	for k := range powers {
		powers[k] = g.ScalarFromUint16(1)
		if k > 0 {
			powers[k].Multiply(powers[k-1], x)
		}
	}
	return powers
}

// Lagrange returns the coefficient of x[i] in interpolating at 0, for distinct
// x that are not 0: derive_interpolating_value of RFC 9591, Section 4.2.
func Lagrange(g Group, x []Scalar, i int) Scalar {
	numerator, denominator := g.ScalarFromUint16(1), g.ScalarFromUint16(1)
	difference := g.NewScalar()
	for j := range x {
		if j != i {
			numerator.Multiply(numerator, x[j])
			denominator.Multiply(denominator, difference.Subtract(x[j], x[i]))
		}
	}
	return numerator.Multiply(numerator, denominator.Invert(denominator))
}

// LagrangeAll returns [Lagrange] for every x, with one inversion.
func LagrangeAll(g Group, x []Scalar) []Scalar {
	coefficients := make([]Scalar, len(x))
	denominators := make([]Scalar, len(x))
	difference := g.NewScalar()
	for i := range x {
		coefficients[i], denominators[i] = g.ScalarFromUint16(1), g.ScalarFromUint16(1)
		for j := range x {
			if j != i {
				coefficients[i].Multiply(coefficients[i], x[j])
				denominators[i].Multiply(denominators[i], difference.Subtract(x[j], x[i]))
			}
		}
	}
	invertAll(g, denominators)
	for i := range coefficients {
		coefficients[i].Multiply(coefficients[i], denominators[i])
	}
	return coefficients
}

// invertAll inverts scalars, none of which is 0, in place (Montgomery's trick).
func invertAll(g Group, scalars []Scalar) {
	products := make([]Scalar, len(scalars)) // products[i] = scalars[0] * … * scalars[i-1]
	product := g.ScalarFromUint16(1)
	for i, s := range scalars {
		products[i] = g.NewScalar().Set(product)
		product.Multiply(product, s)
	}
	product.Invert(product)
	inverse := g.NewScalar()
	for i := len(scalars) - 1; i >= 0; i-- {
		inverse.Multiply(product, products[i])
		product.Multiply(product, scalars[i])
		scalars[i].Set(inverse)
	}
}
