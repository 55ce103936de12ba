package msm

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"testing"

	"filippo.io/edwards25519"
)

func randomScalar(t testing.TB) *edwards25519.Scalar {
	t.Helper()
	var b [64]byte
	_, _ = rand.Read(b[:])
	s, err := new(edwards25519.Scalar).SetUniformBytes(b[:])
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func scalarOf(t testing.TB, n *big.Int) *edwards25519.Scalar {
	t.Helper()
	order, _ := new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	b := new(big.Int).Mod(n, order).FillBytes(make([]byte, 32))
	for i := range 16 {
		b[i], b[31-i] = b[31-i], b[i]
	}
	s, err := new(edwards25519.Scalar).SetCanonicalBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// edgeScalars are those at which digits carry, or are none.
func edgeScalars(t testing.TB) []*edwards25519.Scalar {
	t.Helper()
	var scalars []*edwards25519.Scalar
	for _, n := range []int64{0, 1, 2, 3, 15, 16, 17, 127, 128, 255, 256, 65535, 65536, -1, -2, -3} {
		scalars = append(scalars, scalarOf(t, big.NewInt(n)))
	}
	for _, bit := range []uint{31, 63, 64, 65, 127, 128, 251, 252} {
		power := new(big.Int).Lsh(big.NewInt(1), bit)
		for _, near := range []int64{-1, 0, 1} {
			scalars = append(scalars, scalarOf(t, new(big.Int).Add(power, big.NewInt(near))))
		}
	}
	return scalars
}

// torsion is a point of order 8.
func torsion(t testing.TB) *edwards25519.Point {
	t.Helper()
	y := mustElement("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
	b := y.field().Bytes()
	p, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		t.Fatal(err)
	}
	four := new(edwards25519.Point).Add(p, p)
	four.Add(four, four)
	if four.Equal(edwards25519.NewIdentityPoint()) == 1 || new(edwards25519.Point).MultByCofactor(p).Equal(edwards25519.NewIdentityPoint()) != 1 {
		t.Fatal("the point is not of order 8")
	}
	return p
}

// edgePoints are the identity, points of small order and of mixed order, the
// generator and its negative.
func edgePoints(t testing.TB) []*edwards25519.Point {
	t.Helper()
	points := []*edwards25519.Point{edwards25519.NewIdentityPoint(), edwards25519.NewGeneratorPoint()}
	points = append(points, new(edwards25519.Point).Negate(points[1]))
	small := torsion(t)
	sum := edwards25519.NewIdentityPoint()
	for range 7 {
		sum = new(edwards25519.Point).Add(sum, small)
		points = append(points, sum, new(edwards25519.Point).Add(sum, points[1]))
	}
	return points
}

func randomPoint(t testing.TB) *edwards25519.Point {
	t.Helper()
	return new(edwards25519.Point).ScalarBaseMult(randomScalar(t))
}

// terms returns n terms, random ones between edges.
func terms(t testing.TB, n int) ([]*edwards25519.Scalar, []*edwards25519.Point) {
	t.Helper()
	edgeS, edgeP := edgeScalars(t), edgePoints(t)
	scalars := make([]*edwards25519.Scalar, n)
	points := make([]*edwards25519.Point, n)
	for i := range n {
		scalars[i], points[i] = randomScalar(t), randomPoint(t)
		if i%3 == 1 {
			scalars[i] = edgeS[i/3%len(edgeS)]
		}
		if i%5 == 1 {
			points[i] = edgeP[i/5%len(edgeP)]
		}
		if i%7 == 6 {
			points[i] = points[i-1]
		}
	}
	return scalars, points
}

// librarySum is the sum by the library, in constant time.
func librarySum(scalars []*edwards25519.Scalar, points []*edwards25519.Point) *edwards25519.Point {
	return new(edwards25519.Point).MultiScalarMult(scalars, points)
}

// The digits make up the number, and are odd, small and apart from each other.
func TestNAF(t *testing.T) {
	scalars := edgeScalars(t)
	for range 200 {
		scalars = append(scalars, randomScalar(t))
	}
	for _, s := range scalars {
		for w := 2; w <= 8; w++ {
			var digits [256]int8
			words := bitsOf(s)
			writeNAF(digits[:], 1, &words, w)
			sum, last := new(big.Int), -w
			for i, digit := range digits {
				if digit == 0 {
					continue
				}
				if digit&1 == 0 || int(digit) >= 1<<(w-1) || int(digit) <= -1<<(w-1) || i-last < w {
					t.Fatalf("%x in width %d: digit %d at %d", s.Bytes(), w, digit, i)
				}
				last = i
				sum.Add(sum, new(big.Int).Lsh(big.NewInt(int64(digit)), uint(i)))
			}
			if scalarOf(t, sum).Equal(s) != 1 || sum.Sign() < 0 {
				t.Fatalf("%x in width %d: the digits make %v", s.Bytes(), w, sum)
			}
		}
	}
}

// Buckets agree with the library, whatever the number of terms and the width of
// the windows.
func TestMultiScalarMultAgreesWithLibrary(t *testing.T) {
	for _, n := range []int{0, 1, 2, 3, strausFrom - 1, strausFrom, 10, 67, pippengerFrom - 1, pippengerFrom, 150, 700} {
		scalars, points := terms(t, n)
		want := librarySum(scalars, points)
		if VarTimeMultiScalarMult(scalars, points).Equal(want) != 1 {
			t.Errorf("%d terms: wrong sum", n)
		}
		if n == 0 || n > 150 {
			continue
		}
		for width := 2; width <= 13; width++ {
			sum := pippenger(wordsOf(scalars), points, width)
			if sum.point().Equal(want) != 1 {
				t.Errorf("%d terms in windows of %d: wrong sum", n, width)
			}
		}
	}
}

// Every edge scalar with every edge point.
func TestMultiScalarMultEdges(t *testing.T) {
	for i, s := range edgeScalars(t) {
		for j, p := range edgePoints(t) {
			want := new(edwards25519.Point).ScalarMult(s, p)
			scalars, points := []*edwards25519.Scalar{s}, []*edwards25519.Point{p}
			if VarTimeMultiScalarMult(scalars, points).Equal(want) != 1 {
				t.Errorf("scalar %d, point %d: wrong product", i, j)
			}
			sum := pippenger(wordsOf(scalars), points, 5)
			if sum.point().Equal(want) != 1 {
				t.Errorf("scalar %d, point %d: wrong product in buckets", i, j)
			}
			sum = newTables(extend(points), 1).sum(wordsOf(scalars))
			if sum.point().Equal(want) != 1 {
				t.Errorf("scalar %d, point %d: wrong product with tables", i, j)
			}
		}
	}
}

// Each value is what the library makes of the powers of x.
func TestEvaluateAgreesWithLibrary(t *testing.T) {
	xs := edgeScalars(t)
	for range 5 {
		xs = append(xs, randomScalar(t))
	}
	for _, degree := range []int{0, 1, 2, 6, 20} {
		coefficients := edgePoints(t)[:3] // of prime order, or none
		for len(coefficients) <= degree {
			coefficients = append(coefficients, randomPoint(t))
		}
		coefficients = coefficients[:degree+1]
		for _, some := range [][]*edwards25519.Scalar{xs, xs[:1], xs[len(xs)-1:], nil} {
			values := VarTimeEvaluate(coefficients, some)
			for i, x := range some {
				power := scalarOf(t, big.NewInt(1))
				var powers []*edwards25519.Scalar
				for range coefficients {
					powers = append(powers, new(edwards25519.Scalar).Set(power))
					power.Multiply(power, x)
				}
				if values[i].Equal(librarySum(powers, coefficients)) != 1 {
					t.Errorf("degree %d at %x: wrong value", degree, x.Bytes())
				}
			}
		}
	}
}

// The weighted values add up, for short and for long x.
func TestWeightedEvaluate(t *testing.T) {
	for _, x := range append(edgeScalars(t), randomScalar(t)) {
		for _, n := range []int{1, 2, 9} {
			weights := make([]*edwards25519.Scalar, n)
			polynomials := make([][]*edwards25519.Point, n)
			values := make([]*edwards25519.Point, n)
			for l := range n {
				weights[l] = randomScalar(t)
				polynomials[l] = []*edwards25519.Point{randomPoint(t), randomPoint(t), randomPoint(t)}[:1+l%3]
				values[l] = VarTimeEvaluate(polynomials[l], []*edwards25519.Scalar{x})[0]
			}
			if VarTimeWeightedEvaluate(weights, polynomials, x).Equal(librarySum(weights, values)) != 1 {
				t.Errorf("%d polynomials at %x: wrong sum", n, x.Bytes())
			}
		}
	}
}

// The tables give the same sums in every width.
func TestTables(t *testing.T) {
	_, points := terms(t, 6)
	operands := extend(points)
	x := randomScalar(t)
	want := VarTimeEvaluate(points, []*edwards25519.Scalar{x})[0]
	for _, sums := range []int{1, 3, 10, 30, 100, 1000, 10000} {
		if newTables(operands[1:], sums).evaluate(&operands[0], x).Equal(want) != 1 {
			t.Errorf("tables for %d sums: wrong sum", sums)
		}
	}
}

func TestSubsetSums(t *testing.T) {
	for _, n := range []int{0, 1, 2, 50} {
		_, points := terms(t, n)
		const passes = 3
		masks := make([]byte, n*passes)
		_, _ = rand.Read(masks)
		if n == 2 {
			copy(masks, []byte{0, 255, 1, 0, 255, 1})
		}
		sums := VarTimeSubsetSums(points, masks, passes)
		for j, got := range sums {
			want := edwards25519.NewIdentityPoint()
			for i, p := range points {
				if masks[i*passes+j/8]>>(j%8)&1 == 1 {
					want.Add(want, p)
				}
			}
			if got.Equal(want) != 1 {
				t.Errorf("%d points: wrong sum of subset %d", n, j)
			}
			if _, _, z, _ := got.ExtendedCoordinates(); z.Equal(one.field()) != 1 {
				t.Errorf("%d points: sum of subset %d is not affine", n, j)
			}
		}
	}
}

// Where ours and the library's meet: the figures behind pippengerFrom.
func BenchmarkMultiScalarMult(b *testing.B) {
	for _, n := range []int{1, 2, 4, 7, 67, 134, 201, 250, 300, 667, 6633} {
		scalars, points := make([]*edwards25519.Scalar, n), make([]*edwards25519.Point, n)
		for i := range n {
			scalars[i] = randomScalar(b)
			points[i] = randomPoint(b)
		}
		for i, p := range VarTimeSubsetSums(points, identityMasks(n), (n+7)/8)[:n] {
			points[i] = p // affine, as decoding makes them
		}
		words := wordsOf(scalars)
		for name, multiply := range map[string]func(){
			"library":   func() { new(edwards25519.Point).VarTimeMultiScalarMult(scalars, points) },
			"straus":    func() { newTables(extend(points), 1).sum(words) },
			"pippenger": func() { pippenger(words, points, pippengerWidth(n)) },
		} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				for b.Loop() {
					multiply()
				}
			})
		}
	}
}

// identityMasks puts point i in subset i alone.
func identityMasks(n int) []byte {
	passes := (n + 7) / 8
	masks := make([]byte, n*passes)
	for i := range n {
		masks[i*passes+i/8] = 1 << (i % 8)
	}
	return masks
}

func BenchmarkEvaluate(b *testing.B) {
	for _, size := range []struct{ t, n int }{{2, 3}, {7, 10}, {67, 100}} {
		coefficients := make([]*edwards25519.Point, size.t)
		for i := range coefficients {
			coefficients[i] = randomPoint(b)
		}
		for _, bits := range []uint{7, 10, 16, 252} {
			xs := make([]*edwards25519.Scalar, size.n)
			for i := range xs {
				xs[i] = scalarOf(b, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), bits), big.NewInt(int64(i+1))))
			}
			b.Run(fmt.Sprintf("%d-of-%d/%d bits", size.t, size.n, bits), func(b *testing.B) {
				for b.Loop() {
					VarTimeEvaluate(coefficients, xs)
				}
			})
		}
	}
}

func BenchmarkSubsetSums(b *testing.B) {
	for _, n := range []int{100, 300, 1334, 6732} {
		points := make([]*edwards25519.Point, n)
		for i := range points {
			points[i] = randomPoint(b)
		}
		masks := make([]byte, n*16)
		_, _ = rand.Read(masks)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				VarTimeSubsetSums(points, masks, 16)
			}
		})
	}
}
