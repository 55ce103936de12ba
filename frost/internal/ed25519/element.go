package ed25519

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/msm"
)

// element is a point, with its encoding where that is known.
type element struct {
	p    edwards25519.Point
	enc  [elementSize]byte
	kept bool
}

func point(x group.Element) *edwards25519.Point { return &x.(*element).p }

func (e *element) Set(x group.Element) group.Element {
	*e = *x.(*element)
	return e
}

func (e *element) Add(x, y group.Element) group.Element {
	e.p.Add(point(x), point(y))
	e.kept = false
	return e
}

func (e *element) Equal(x group.Element) bool { return e.p.Equal(point(x)) == 1 }

func (e *element) IsIdentity() bool { return e.p.Equal(identity) == 1 }

func (e *element) Encoding() []byte {
	if e.kept {
		return e.enc[:]
	}
	return e.p.Bytes()
}

var identity = edwards25519.NewIdentityPoint()

func (edwards25519Group) ElementSize() int { return elementSize }

func (edwards25519Group) NewElement() group.Element {
	e := new(element)
	e.p.Set(identity)
	return e
}

func (edwards25519Group) BaseMult(s group.Scalar) group.Element {
	e := new(element)
	e.p.ScalarBaseMult(inner(s))
	return e
}

func (edwards25519Group) VarTimeMultiScalarMult(scalars []group.Scalar, elements []group.Element) group.Element {
	return fromPoint(msm.VarTimeMultiScalarMult(inners(scalars), points(elements)))
}

// VarTimeEvaluate relies on the commitment being of prime order, as every element of
// the group is.
func (edwards25519Group) VarTimeEvaluate(commitment []group.Element, xs []group.Scalar) []group.Element {
	values := make([]group.Element, len(xs))
	for i, value := range msm.VarTimeEvaluate(points(commitment), inners(xs)) {
		values[i] = fromPoint(value)
	}
	return values
}

func (edwards25519Group) VarTimeWeightedEvaluate(weights []group.Scalar, commitments [][]group.Element, x group.Scalar) group.Element {
	polynomials := make([][]*edwards25519.Point, len(commitments))
	for i, commitment := range commitments {
		polynomials[i] = points(commitment)
	}
	return fromPoint(msm.VarTimeWeightedEvaluate(inners(weights), polynomials, inner(x)))
}

func fromPoint(p *edwards25519.Point) group.Element {
	e := new(element)
	e.p.Set(p)
	return e
}

func points(elements []group.Element) []*edwards25519.Point {
	p := make([]*edwards25519.Point, len(elements))
	for i := range elements {
		p[i] = point(elements[i])
	}
	return p
}

func inners(scalars []group.Scalar) []*edwards25519.Scalar {
	s := make([]*edwards25519.Scalar, len(scalars))
	for i := range scalars {
		s[i] = inner(scalars[i])
	}
	return s
}

func (edwards25519Group) VarTimeDoubleBaseMult(a group.Scalar, A group.Element, b group.Scalar) group.Element {
	e := new(element)
	e.p.VarTimeDoubleScalarBaseMult(inner(a), point(A), inner(b))
	return e
}

// Normalize brings the points to affine coordinates with one field inversion
// for all (Montgomery's trick), and encodes them (RFC 8032, Section 5.1.2).
func (edwards25519Group) Normalize(elements ...group.Element) {
	products := make([]field.Element, len(elements)+1) // products[i] = Z_0 * … * Z_(i-1)
	products[0].One()
	for i := range elements {
		_, _, z, _ := point(elements[i]).ExtendedCoordinates()
		products[i+1].Multiply(&products[i], z)
	}
	inverse := new(field.Element).Invert(&products[len(elements)])
	for i := len(elements) - 1; i >= 0; i-- {
		e := elements[i].(*element)
		x, y, z, _ := e.p.ExtendedCoordinates()
		zInverse := new(field.Element).Multiply(inverse, &products[i])
		inverse.Multiply(inverse, z)
		copy(e.enc[:], y.Multiply(y, zInverse).Bytes())
		e.enc[elementSize-1] |= byte(x.Multiply(x, zInverse).IsNegative() << 7)
		e.kept = true
	}
}
