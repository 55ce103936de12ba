package ed25519

import (
	"crypto/rand"
	"sync/atomic"

	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"frostkit/frost/internal/msm"
	"frostkit/frost/internal/parallel"
)

// Constants of the birationally equivalent curve25519, v² = u³ + A·u² + u with
// A = 486662 (RFC 7748, Section 4.1).
var (
	feOne    = new(field.Element).One()
	feTwo    = new(field.Element).Add(feOne, feOne)
	feAPlus2 = new(field.Element).Mult32(feOne, 486664)
	feSqrtM1 = root(new(field.Element).Negate(feOne))
	feK      = root(new(field.Element).Negate(feAPlus2)) // K² = -(A+2)
	feLambda = root(feAPlus2)                            // lambda² = A+2
	feSlope  = new(field.Element).Add(feTwo, feLambda)
	feD      = constantD()
)

// constantD is d = -121665/121666 (RFC 8032, Section 5.1).
func constantD() *field.Element {
	d := new(field.Element).Invert(new(field.Element).Mult32(feOne, 121666))
	return d.Negate(d.Mult32(d, 121665))
}

// root returns the even one of two roots.
func root(x *field.Element) *field.Element {
	r, square := new(field.Element).SqrtRatio(x, feOne)
	if square != 1 {
		panic("ed25519: internal error: root of a non-square")
	}
	return r
}

// ratioX sets u/v to x² (RFC 8032, Section 5.1.3, Step 2).
func ratioX(u, v, y *field.Element) {
	y2 := new(field.Element).Square(y)
	u.Subtract(y2, feOne)
	v.Add(v.Multiply(y2, feD), feOne)
}

// ratioW sets u/v to the Montgomery coordinate, whose root is w (RFC 7748, Section 4.1).
func ratioW(u, v, y *field.Element) {
	u.Add(feOne, y)
	v.Subtract(feOne, y)
}

// varTimeRecoverX sets x to a root of x² for two points, and reports where there is one.
func varTimeRecoverX(x, y *pair) [2]bool {
	var u, v pair
	ratioX(&u[0], &v[0], &y[0])
	ratioX(&u[1], &v[1], &y[1])
	return x.varTimeSqrtRatio(&u, &v)
}

// varTimeRoots sets x and w for one point, and reports whether there is the one and the other.
func varTimeRoots(x, w, y *field.Element) (onCurve, halved bool) {
	var u, v, roots pair
	ratioX(&u[0], &v[0], y)
	ratioW(&u[1], &v[1], y)
	square := roots.varTimeSqrtRatio(&u, &v)
	*x, *w = roots[0], roots[1]
	return square[0], square[1]
}

// varTimePrimeOrder reports which of two points with the given affine coordinates, neither
// of them the identity, are of prime order.
//
// The curve's group E is cyclic of order 8·l, so that P is of prime order if and only if it
// is in 8E. P is the image of a point P' of the 2-isogenous curve
// E': Y² = X·(X-A-2)·(X-A+2) under the dual isogeny if and only if its coordinate
// u = (1+y)/(1-y) is a square, w². The points of E' over 8E are those of odd order and their
// sums with (0, 0). The Tate pairing with a point S of order 4 tells them from all others: of the
// points of order 4, S and -S are the two whose pairing has the value 1 for (0, 0).
// The tests compare the result with the plain test, l * P = 0, over every coset of the points of small
// order.
func varTimePrimeOrder(x, y *pair) [2]bool {
	var u, v, w pair
	ratioW(&u[0], &v[0], &y[0])
	ratioW(&u[1], &v[1], &y[1])
	halved := w.varTimeSqrtRatio(&u, &v)
	return varTimePairings(x, &w, halved)
}

// varTimePairings finishes the test of two points from their coordinates x and w, which
// halved says whether there are.
func varTimePairings(x, w *pair, halved [2]bool) (prime [2]bool) {
	var value pair
	pairing(&value[0], &x[0], &w[0])
	pairing(&value[1], &x[1], &w[1])
	// value^((p-1)/4), from value^((p-5)/8)
	power := new(pair).pow22523(&value)
	power.square(power, 1).multiply(power, &value)
	for i := range x {
		// Without x the point is the identity or of order 2.
		prime[i] = halved[i] && power[i].Equal(feOne) == 1 && x[i].Equal(new(field.Element)) != 1
	}
	return prime
}

// pairing sets value to the Tate pairing of P' with S, up to the last exponentiation and a fourth power,
// where P has the Edwards coordinate x and the Montgomery coordinates u = w² and v = K·u/x.
//
// By the formulas of 2-isogenies (Silverman, The Arithmetic of Elliptic Curves, Example III.4.5)
// u = Y²/(4·X²) and v = Y·(A²-4-X²)/(8·X²), from which X = A + 2·u - 2·v/w and Y = 2·w·X. The tangent in S
// passes through -2S = (A+2, 0) with the slope m = 2 + lambda, so that Miller's function of S is
// (Y - m·(X-A-2))² / (X-A-2).
func pairing(value, x, w *field.Element) {
	var g, l field.Element
	// g = x·(X-A-2) = 2·(w·(w·x - K) - x)
	g.Multiply(w, x)
	g.Subtract(&g, feK)
	g.Multiply(&g, w)
	g.Subtract(&g, x)
	g.Add(&g, &g)
	// l = x·(Y - m·(X-A-2)) = 2·w·(g + (A+2)·x) - m·g
	l.Multiply(feAPlus2, x)
	l.Add(&l, &g)
	l.Add(&l, &l)
	l.Multiply(&l, w)
	l.Subtract(&l, value.Multiply(feSlope, &g))
	// (l/x)² / (g/x) = l²·(g·x)³, but for (g·x)^4
	g.Multiply(&g, x)
	l.Multiply(&l, &g)
	value.Multiply(value.Square(&l), &g)
}

// orderPasses is how many bytes of random subsets each point is in: subsets of
// 128 bits in all.
const orderPasses = 16

// varTimeAllPrimeOrder reports whether affine points, none of them the identity, are all of
// prime order, as tested with the sums of 128 random subsets.
//
// A point has a component of small order, from a group of 8. If one's is not 0, then
// whatever the other points are, for at least one of the two choices whether
// the point is in a subset the subset's sum has such a component: each subset
// finds it with a chance of 1/2 at least, and all miss it with one of 2^-128. A sum
// with random weights instead would find a component of order 2 with a chance
// of no more than 1/2, however large the weights.
func varTimeAllPrimeOrder(elements []element) bool {
	points := make([]*edwards25519.Point, len(elements))
	for i := range elements {
		points[i] = &elements[i].p
	}
	masks := make([]byte, orderPasses*len(points))
	_, _ = rand.Read(masks) // does not fail: it ends the program instead
	sums := msm.VarTimeSubsetSums(points, masks, orderPasses)
	var refused atomic.Bool
	parallel.For(len(sums)/2, leastDecoded, func(from, to int) {
		for i := from; i < to; i++ {
			if !sumsPrimeOrder(sums[2*i], sums[2*i+1]) {
				refused.Store(true)
				return
			}
		}
	})
	return !refused.Load()
}

// sumsPrimeOrder reports whether two affine points are the identity or of prime order.
func sumsPrimeOrder(p, q *edwards25519.Point) bool {
	var x, y pair
	set := func(i int, p *edwards25519.Point) {
		px, py, _, _ := p.ExtendedCoordinates()
		x[i], y[i] = *px, *py
	}
	set(0, p)
	set(1, q)
	prime := varTimePrimeOrder(&x, &y)
	return (prime[0] || p.Equal(identity) == 1) && (prime[1] || q.Equal(identity) == 1)
}
