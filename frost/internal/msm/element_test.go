package msm

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"filippo.io/edwards25519/field"
)

var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))

func bigOf(x *element) *big.Int {
	n := new(big.Int)
	for i := len(x) - 1; i >= 0; i-- {
		n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(x[i]))
	}
	return n
}

// edgeElements are those at which words carry, and those near multiples of p and to 2^256.
func edgeElements() []*element {
	words := []uint64{0, 1, 37, 38, 1<<63 - 1, 1 << 63, 1<<64 - 39, 1<<64 - 38, 1<<64 - 19, 1<<64 - 1}
	var elements []*element
	for _, low := range words {
		for _, middle := range []uint64{0, 1<<64 - 1} {
			for _, high := range words {
				elements = append(elements, &element{low, middle, middle, high})
			}
		}
	}
	return elements
}

// randomElement is random in words that are random, or all zeros or ones.
func randomElement(r *rand.Rand) *element {
	x := new(element)
	for i := range x {
		switch r.IntN(4) {
		case 0:
			x[i] = -uint64(r.IntN(2))
		default:
			x[i] = r.Uint64()
		}
	}
	return x
}

// checkElements compares all operations on two elements with those of math/big modulo p, with the
// result in a third place and in the operands'.
func checkElements(t *testing.T, x, y *element) {
	t.Helper()
	a, b := bigOf(x), bigOf(y)
	for name, op := range map[string]struct {
		do   func(v, x, y *element) *element
		want *big.Int
	}{
		"sum":        {(*element).add, new(big.Int).Add(a, b)},
		"difference": {(*element).subtract, new(big.Int).Sub(a, b)},
		"product":    {(*element).multiply, new(big.Int).Mul(a, b)},
		"negative":   {func(v, x, _ *element) *element { return v.negate(x) }, new(big.Int).Neg(a)},
	} {
		first, second := *x, *y
		op.do(&first, &first, y)
		op.do(&second, x, &second)
		for _, got := range []*element{op.do(new(element), x, y), &first, &second} {
			difference := new(big.Int).Sub(bigOf(got), op.want)
			if difference.Mod(difference, prime).Sign() != 0 {
				t.Fatalf("wrong %s of %x and %x: %x", name, *x, *y, *got)
			}
		}
	}
}

func TestElement(t *testing.T) {
	edges := edgeElements()
	for _, x := range edges {
		for _, y := range edges {
			checkElements(t, x, y)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		checkElements(t, randomElement(r), randomElement(r))
	}
}

// To the library's form and back an element is the same modulo p, and the inverse is one.
func TestElementConversions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	elements := edgeElements()
	for range 1000 {
		elements = append(elements, randomElement(r))
	}
	for _, x := range elements {
		reduced := new(big.Int).Mod(bigOf(x), prime)
		if got := bigOf(new(element).set(x.field())); got.Cmp(reduced) != 0 {
			t.Fatalf("%x comes back as %x", *x, got)
		}
		want := new(big.Int)
		if reduced.Sign() != 0 {
			want.ModInverse(reduced, prime)
		}
		if got := bigOf(new(element).invert(x)); got.Cmp(want) != 0 {
			t.Fatalf("1/%x is %x", *x, got)
		}
	}
	if twice := new(element).add(&half, &half); new(element).set(twice.field()).field().Equal(new(field.Element).One()) != 1 {
		t.Error("half and half is not one")
	}
}

// An addition in this field and in the library's: the figures behind a field of its own.
func BenchmarkAddAffine(b *testing.B) {
	points := extend(edgePoints(b)[1:3])
	operands := toAffine(points)
	b.Run("here", func(b *testing.B) {
		var sum completed
		p := points[0]
		for b.Loop() {
			p.fromCompleted(sum.addAffine(&p, &operands[0], false))
		}
	})
	b.Run("library", func(b *testing.B) {
		x, y, m := points[0].x.field(), points[0].y.field(), operands[0].plus.field()
		z, t := new(field.Element).One(), points[0].t.field()
		var e, f, g, h field.Element
		for b.Loop() {
			e.Multiply(h.Add(x, y), m)
			f.Multiply(h.Subtract(y, x), m)
			g.Multiply(t, m)
			x.Subtract(&e, &f)
			y.Add(&e, &f)
			e.Add(z, &g)
			f.Subtract(z, &g)
			t.Multiply(x, y)
			x.Multiply(x, &f)
			y.Multiply(y, &e)
			z.Multiply(&e, &f)
		}
	})
}
