// Package msm adds up multiples of points of edwards25519 where many share the
// work: sums of products, evaluations of committed polynomials, sums of
// random subsets.
//
// It has its own point formulas and field, because the library,
// filippo.io/edwards25519, does not offer what saves the work: operands with Z = 1, tables that
// several sums share, buckets. The formulas are those of Hisil, Wong, Carter and Dawson
// (eprint 2008/522) for a = -1, which are complete: they hold for all points of
// the curve, the identity and those of small order included. What leaves the package is a
// point of the library's, which checks that it is on the curve.
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
type extended struct{ x, y, z, t element }

// completed is a point ((X : Z), (Y : T)) with x = X/Z and y = Y/T: what an
// addition or a doubling gives before its last multiplications.
type completed struct{ x, y, z, t element }

// projective is a point (X : Y : Z): an extended one without T, which a doubling
// does not need.
type projective struct{ x, y, z element }

// cached is a point prepared to be added: (Y+X : Y-X : 2Z : 2dT).
type cached struct{ plus, minus, z2, t2d element }

// affine is cached with 2Z = 1, which saves a multiplication in each addition.
type affine struct{ plus, minus, t2d element }

var (
	one = element{1}
	// half is 1/2 = 2^254 - 9.
	half = element{1<<64 - 9, 1<<64 - 1, 1<<64 - 1, 1<<62 - 1}
	// d is the constant of the curve: -121665/121666 (RFC 8032, Section 5.1).
	d        = mustElement("a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352")
	d2       = *new(element).add(&d, &d)
	identity = extended{y: one, z: one}
	noPoint  = projective{y: one, z: one}
)

func mustElement(littleEndian string) element {
	b, err := hex.DecodeString(littleEndian)
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	e, err := new(field.Element).SetBytes(b)
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	return *new(element).set(e)
}

func (v *extended) set(p *edwards25519.Point) *extended {
	x, y, z, t := p.ExtendedCoordinates()
	v.x.set(x)
	v.y.set(y)
	v.z.set(z)
	v.t.set(t)
	return v
}

// point returns the library's form of the point.
func (v *extended) point() *edwards25519.Point {
	p, err := new(edwards25519.Point).SetExtendedCoordinates(v.x.field(), v.y.field(), v.z.field(), v.t.field())
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	return p
}

// setAffine sets v to a, or to -a.
func (v *extended) setAffine(a *affine, negative bool) {
	v.x.subtract(&a.plus, &a.minus)
	v.y.add(&a.plus, &a.minus)
	v.z = one
	if negative {
		v.x.negate(&v.x)
	}
	v.t.multiply(&v.x, &v.y)
}

func (v *extended) fromCompleted(p *completed) *extended {
	v.x.multiply(&p.x, &p.t)
	v.y.multiply(&p.y, &p.z)
	v.z.multiply(&p.z, &p.t)
	v.t.multiply(&p.x, &p.y)
	return v
}

func (v *projective) fromCompleted(p *completed) *projective {
	v.x.multiply(&p.x, &p.t)
	v.y.multiply(&p.y, &p.z)
	v.z.multiply(&p.z, &p.t)
	return v
}

func (v *projective) fromExtended(p *extended) *projective {
	v.x, v.y, v.z = p.x, p.y, p.z
	return v
}

func (v *cached) fromExtended(p *extended) *cached {
	v.plus.add(&p.y, &p.x)
	v.minus.subtract(&p.y, &p.x)
	v.z2.add(&p.z, &p.z)
	v.t2d.multiply(&p.t, &d2)
	return v
}

// double makes v = 2p.
func (v *completed) double(p *projective) *completed {
	var xx, yy, zz2, sum element
	xx.multiply(&p.x, &p.x)
	yy.multiply(&p.y, &p.y)
	zz2.multiply(&p.z, &p.z)
	zz2.add(&zz2, &zz2)
	sum.add(&p.x, &p.y)
	sum.multiply(&sum, &sum)
	v.y.add(&yy, &xx)
	v.z.subtract(&yy, &xx)
	v.x.subtract(&sum, &v.y)
	v.t.subtract(&zz2, &v.z)
	return v
}

// add makes v = p + q, or p - q if negative.
func (v *completed) add(p *extended, q *cached, negative bool) *completed {
	var zz2 element
	zz2.multiply(&p.z, &q.z2)
	return v.finish(p, &q.plus, &q.minus, &q.t2d, &zz2, negative)
}

// addAffine makes v = p + q, or p - q if negative.
func (v *completed) addAffine(p *extended, q *affine, negative bool) *completed {
	return v.finish(p, &q.plus, &q.minus, &q.t2d, &p.z, negative)
}

// finish adds or subtracts a point with the given Y+X, Y-X and 2dT, where zz2 is twice the
// product of both Z.
func (v *completed) finish(p *extended, plus, minus, t2d, zz2 *element, negative bool) *completed {
	var a, b, c element
	if negative {
		plus, minus = minus, plus
	}
	a.add(&p.y, &p.x)
	a.multiply(&a, plus)
	b.subtract(&p.y, &p.x)
	b.multiply(&b, minus)
	c.multiply(&p.t, t2d)
	v.x.subtract(&a, &b)
	v.y.add(&a, &b)
	if negative {
		v.z.subtract(zz2, &c)
		v.t.add(zz2, &c)
	} else {
		v.z.add(zz2, &c)
		v.t.subtract(zz2, &c)
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
		var x, y element
		x.multiply(&p.x, &half)
		y.multiply(&p.y, &half)
		a.plus.add(&y, &x)
		a.minus.subtract(&y, &x)
		a.t2d.multiply(&p.t, &d)
	}
	return result
}

// normalize brings points to Z = 1, with one inversion for those that are not.
func normalize(points []extended) {
	var rest []*extended
	for i := range points {
		if points[i].z != one {
			rest = append(rest, &points[i])
		}
	}
	if len(rest) == 0 {
		return
	}
	products := make([]element, len(rest)) // products[i] = Z_0 * … * Z_(i-1)
	product := one
	for i, p := range rest {
		products[i] = product
		product.multiply(&product, &p.z)
	}
	product.invert(&product)
	for i := len(rest) - 1; i >= 0; i-- {
		p := rest[i]
		inverse := new(element).multiply(&product, &products[i])
		product.multiply(&product, &p.z)
		p.x.multiply(&p.x, inverse)
		p.y.multiply(&p.y, inverse)
		p.z = one
		p.t.multiply(&p.x, &p.y)
	}
}
