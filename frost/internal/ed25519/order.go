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
	feOne      = new(field.Element).One()
	feA        = new(field.Element).Mult32(feOne, 486662)
	feAPlus2   = new(field.Element).Mult32(feOne, 486664)
	feSqrtM1   = root(new(field.Element).Negate(feOne))
	feMinusOne = new(field.Element).Negate(feOne)
	feK        = root(new(field.Element).Negate(feAPlus2)) // K² = -(A+2)
	feLambda   = root(feAPlus2)                            // lambda² = A+2
	// feFlip is the root of i·(A²-4).
	feFlip = root(flipSquare())
)

func root(x *field.Element) *field.Element {
	r, square := new(field.Element).SqrtRatio(x, feOne)
	if square != 1 {
		panic("ed25519: internal error: root of a non-square")
	}
	return r
}

func flipSquare() *field.Element {
	x := new(field.Element).Square(feA)
	x.Subtract(x, new(field.Element).Mult32(feOne, 4))
	return x.Multiply(x, feSqrtM1)
}

// varTimePrimeOrder reports whether an affine point (Z = 1), not the
// identity, is of prime order.
//
// The curve's group is cyclic of order 8·l, so that P is of prime order if
// and only if it can be halved three times. The first halving is carried out,
// Q = P/2; whether Q can be halved twice more is then told by the Tate pairing
// of order 4, at the cost of one exponentiation. The tests compare it with the
// plain test, l * P = 0, over every coset of the points of small order.
func varTimePrimeOrder(p *edwards25519.Point) bool {
	x, y, _, _ := p.ExtendedCoordinates()
	if x.Equal(new(field.Element)) == 1 {
		return false
	}
	// u = (1+y)/(1-y) = w²: P is in 2E if and only if u is a square.
	w := new(field.Element)
	if _, square := w.SqrtRatio(new(field.Element).Add(feOne, y), new(field.Element).Subtract(feOne, y)); square != 1 {
		return false
	}
	n, d := half(x, w)
	// M = N² - D² - 2·w·lambda·N·D
	nd := new(field.Element).Multiply(n, d)
	n2 := new(field.Element).Square(n)
	m := new(field.Element).Square(d)
	m.Subtract(n2, m)
	t := new(field.Element).Multiply(w, feLambda)
	t.Multiply(t, nd)
	m.Subtract(m, t.Add(t, t))
	// Q is in 4E if and only if (M²·N³·D·w²)^((p-1)/4) = -1.
	m.Multiply(m, w).Square(m)
	m.Multiply(m, n2).Multiply(m, nd)
	t.Pow22523(m) // M^((p-5)/8)
	return t.Square(t).Multiply(t, m).Equal(feMinusOne) == 1
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
	parallel.For(len(sums), leastDecoded, func(from, to int) {
		for _, sum := range sums[from:to] {
			if sum.Equal(identity) != 1 && !varTimePrimeOrder(sum) {
				refused.Store(true)
				return
			}
		}
	})
	return !refused.Load()
}

// half returns the Montgomery coordinate u = n/d of a point Q with 2Q = P, where
// P has the Edwards coordinate x and the Montgomery coordinate w², and
// changes w to the root that belongs to Q.
func half(x, w *field.Element) (n, d *field.Element) {
	// base = w·(w·x + K), and the radicand is (2·base + A·x)/x.
	base := func() *field.Element {
		b := new(field.Element).Multiply(w, x)
		return b.Add(b, feK).Multiply(b, w)
	}
	b := base()
	radicand := new(field.Element).Add(b, b)
	radicand.Add(radicand, new(field.Element).Multiply(feA, x))
	r, square := new(field.Element).SqrtRatio(radicand, x)
	if square == 1 {
		// u = base/x + w·r
		n = new(field.Element).Multiply(w, r)
		return n.Multiply(n, x).Add(n, b), x
	}
	// The radicands of w and -w have the product A²-4, which is not a square:
	// the other has the root feFlip/r, with r the root of i·radicand.
	w.Negate(w)
	n = new(field.Element).Multiply(base(), r)
	t := new(field.Element).Multiply(w, feFlip)
	return n.Add(n, t.Multiply(t, x)), new(field.Element).Multiply(x, r)
}
