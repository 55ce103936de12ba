// Package msm adds up multiples of points of edwards25519 where many share the
// work: sums of products, evaluations of committed polynomials, sums of
// random subsets.
//
// It has its own point formulas over the field of filippo.io/edwards25519, because
// the library does not offer what saves the work: operands with Z = 1, tables that
// several sums share, buckets. The formulas are those of Hisil, Wong, Carter and Dawson
// (eprint 2008/522) for a = -1, which are complete: they hold for all points of
// the curve, the identity and those of small order included.
//
// Everything here takes variable time and is for public values alone, which
// the prefix VarTime of what is exported says.
package msm

import (
	"encoding/hex"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"
)

// extended is a point (X : Y : Z : T) with x = X/Z, y = Y/Z and xy = T/Z.
type extended struct{ x, y, z, t field.Element }

// completed is a point ((X : Z), (Y : T)) with x = X/Z and y = Y/T: what an
// addition or a doubling gives before its last multiplications.
type completed struct{ x, y, z, t field.Element }

// projective is a point (X : Y : Z): an extended one without T, which a doubling
// does not need.
type projective struct{ x, y, z field.Element }

// cached is a point prepared to be added: (Y+X : Y-X : Z : 2dT).
type cached struct{ plus, minus, z, t2d field.Element }

// affine is cached with Z = 1, which saves a multiplication in each addition.
type affine struct{ plus, minus, t2d field.Element }

var (
	one = new(field.Element).One()
	two = new(field.Element).Add(one, one)
	// d is the constant of the curve: -121665/121666 (RFC 8032, Section 5.1).
	d        = mustElement("a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352")
	d2       = new(field.Element).Add(d, d)
	dInverse = new(field.Element).Invert(d)
	identity = extended{y: *one, z: *one}
	noPoint  = projective{y: *one, z: *one}
)

func mustElement(littleEndian string) *field.Element {
	b, err := hex.DecodeString(littleEndian)
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	e, err := new(field.Element).SetBytes(b)
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	return e
}

func (v *extended) set(p *edwards25519.Point) *extended {
	x, y, z, t := p.ExtendedCoordinates()
	v.x, v.y, v.z, v.t = *x, *y, *z, *t
	return v
}

// point returns the library's form of the point.
func (v *extended) point() *edwards25519.Point {
	p, err := new(edwards25519.Point).SetExtendedCoordinates(&v.x, &v.y, &v.z, &v.t)
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	return p
}

// setAffine sets v to a, or to -a: (2x : 2y : 2 : 2xy).
func (v *extended) setAffine(a *affine, negative bool) {
	v.x.Subtract(&a.plus, &a.minus)
	v.y.Add(&a.plus, &a.minus)
	v.z.Set(two)
	v.t.Multiply(&a.t2d, dInverse)
	if negative {
		v.x.Negate(&v.x)
		v.t.Negate(&v.t)
	}
}

func (v *extended) fromCompleted(p *completed) *extended {
	v.x.Multiply(&p.x, &p.t)
	v.y.Multiply(&p.y, &p.z)
	v.z.Multiply(&p.z, &p.t)
	v.t.Multiply(&p.x, &p.y)
	return v
}

func (v *projective) fromCompleted(p *completed) *projective {
	v.x.Multiply(&p.x, &p.t)
	v.y.Multiply(&p.y, &p.z)
	v.z.Multiply(&p.z, &p.t)
	return v
}

func (v *projective) fromExtended(p *extended) *projective {
	v.x, v.y, v.z = p.x, p.y, p.z
	return v
}

func (v *cached) fromExtended(p *extended) *cached {
	v.plus.Add(&p.y, &p.x)
	v.minus.Subtract(&p.y, &p.x)
	v.z.Set(&p.z)
	v.t2d.Multiply(&p.t, d2)
	return v
}

// double makes v = 2p.
func (v *completed) double(p *projective) *completed {
	var xx, yy, zz2, sum field.Element
	xx.Square(&p.x)
	yy.Square(&p.y)
	zz2.Square(&p.z)
	zz2.Add(&zz2, &zz2)
	sum.Add(&p.x, &p.y)
	sum.Square(&sum)
	v.y.Add(&yy, &xx)
	v.z.Subtract(&yy, &xx)
	v.x.Subtract(&sum, &v.y)
	v.t.Subtract(&zz2, &v.z)
	return v
}

// add makes v = p + q, or p - q if negative.
func (v *completed) add(p *extended, q *cached, negative bool) *completed {
	var zz field.Element
	zz.Multiply(&p.z, &q.z)
	return v.finish(p, &q.plus, &q.minus, &q.t2d, &zz, negative)
}

// addAffine makes v = p + q, or p - q if negative.
func (v *completed) addAffine(p *extended, q *affine, negative bool) *completed {
	return v.finish(p, &q.plus, &q.minus, &q.t2d, &p.z, negative)
}

// finish adds or subtracts a point with the given Y+X, Y-X and 2dT, where zz is the
// product of both Z.
func (v *completed) finish(p *extended, plus, minus, t2d, zz *field.Element, negative bool) *completed {
	var a, b, c, zz2 field.Element
	if negative {
		plus, minus = minus, plus
	}
	a.Add(&p.y, &p.x)
	a.Multiply(&a, plus)
	b.Subtract(&p.y, &p.x)
	b.Multiply(&b, minus)
	c.Multiply(&p.t, t2d)
	zz2.Add(zz, zz)
	v.x.Subtract(&a, &b)
	v.y.Add(&a, &b)
	if negative {
		v.z.Subtract(&zz2, &c)
		v.t.Add(&zz2, &c)
	} else {
		v.z.Add(&zz2, &c)
		v.t.Subtract(&zz2, &c)
	}
	return v
}

// accumulate adds q to p.
func (p *extended) accumulate(q *extended) {
	var sum completed
	var operand cached
	p.fromCompleted(sum.add(p, operand.fromExtended(q), false))
}

// toAffine brings points to Z = 1 with one inversion for all of them
// (Montgomery's trick), and prepares them to be added.
func toAffine(points []extended) []affine {
	normalize(points)
	result := make([]affine, len(points))
	for i := range points {
		p, a := &points[i], &result[i]
		a.plus.Add(&p.y, &p.x)
		a.minus.Subtract(&p.y, &p.x)
		a.t2d.Multiply(&p.t, d2)
	}
	return result
}

// normalize brings points to Z = 1, with one inversion for those that are not.
func normalize(points []extended) {
	var rest []*extended
	for i := range points {
		if points[i].z.Equal(one) != 1 {
			rest = append(rest, &points[i])
		}
	}
	if len(rest) == 0 {
		return
	}
	products := make([]field.Element, len(rest)) // products[i] = Z_0 * … * Z_(i-1)
	product := *one
	for i, p := range rest {
		products[i] = product
		product.Multiply(&product, &p.z)
	}
	product.Invert(&product)
	for i := len(rest) - 1; i >= 0; i-- {
		p := rest[i]
		inverse := new(field.Element).Multiply(&product, &products[i])
		product.Multiply(&product, &p.z)
		p.x.Multiply(&p.x, inverse)
		p.y.Multiply(&p.y, inverse)
		p.z.Set(one)
		p.t.Multiply(&p.x, &p.y)
	}
}
