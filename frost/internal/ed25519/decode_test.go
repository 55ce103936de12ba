package ed25519

import (
	"crypto/rand"
	"testing"

	"filippo.io/edwards25519"
)

// orderMinus1 is l - 1, which is -1.
var orderMinus1 = new(edwards25519.Scalar).Negate(inner(edwards25519Group{}.ScalarFromUint16(1)))

// hasPrimeOrder is the plain test of the identity or prime order, l * P = 0,
// as (l - 1) * P = -P. It is the reference of varTimePrimeOrder.
func hasPrimeOrder(p *edwards25519.Point) bool {
	q := new(edwards25519.Point).ScalarMult(orderMinus1, p)
	return q.Equal(new(edwards25519.Point).Negate(p)) == 1
}

// isPrimeOrder is the fast test of one point.
func isPrimeOrder(p *edwards25519.Point) bool {
	px, py, _, _ := p.ExtendedCoordinates()
	prime := varTimePrimeOrder(&pair{*px, *px}, &pair{*py, *py})
	return prime[0] && prime[1]
}

func decodeOne(b []byte) error { return decodeEach(make([]element, 1), [][]byte{b}, true) }

// torsion returns the eight points whose order divides 8.
func torsion(t testing.TB) []*edwards25519.Point {
	t.Helper()
	generator := order8(t)
	points := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
	for range 7 {
		points = append(points, new(edwards25519.Point).Add(points[len(points)-1], generator))
	}
	if last := new(edwards25519.Point).Add(points[7], generator); last.Equal(identity) != 1 || points[4].Equal(identity) == 1 {
		t.Fatal("the generator of the torsion is not of order 8")
	}
	return points
}

// order8 finds a point of order 8 as l times a point of the whole curve.
func order8(t testing.TB) *edwards25519.Point {
	t.Helper()
	for {
		var b [32]byte
		_, _ = rand.Read(b[:])
		p, err := new(edwards25519.Point).SetBytes(b[:])
		if err != nil {
			continue
		}
		q := new(edwards25519.Point).ScalarMult(orderMinus1, p)
		q.Add(q, p)
		four := new(edwards25519.Point).Add(q, q)
		four.Add(four, four)
		if four.Equal(identity) != 1 {
			return q
		}
	}
}

// affine brings a point to Z = 1, as decoding does.
func affine(t testing.TB, p *edwards25519.Point) *edwards25519.Point {
	t.Helper()
	q, err := new(edwards25519.Point).SetBytes(p.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func randomPoint(t testing.TB) *edwards25519.Point {
	t.Helper()
	s, err := edwards25519Group{}.RandomScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return new(edwards25519.Point).ScalarBaseMult(inner(s))
}

// TestPrimeOrder compares the fast test with the plain one over every coset of
// the torsion.
func TestPrimeOrder(t *testing.T) {
	small := torsion(t)
	for range 300 {
		p := randomPoint(t)
		for i, q := range small {
			sum := affine(t, new(edwards25519.Point).Add(p, q))
			want := hasPrimeOrder(sum)
			if want != (i == 0) {
				t.Fatalf("plain test of a point in coset %d: %v", i, want)
			}
			if got := isPrimeOrder(sum); got != want {
				t.Fatalf("fast test of a point in coset %d: %v, want %v", i, got, want)
			}
		}
	}
	for i, q := range small[1:] {
		if isPrimeOrder(affine(t, q)) {
			t.Errorf("the point of small order %d passes", i+1)
		}
	}
}

// The two points that are tested together do not touch each other: every coset beside every other.
func TestPrimeOrderOfPairs(t *testing.T) {
	small := torsion(t)
	for i, q := range small {
		for j, r := range small {
			p := affine(t, new(edwards25519.Point).Add(randomPoint(t), q))
			other := affine(t, new(edwards25519.Point).Add(randomPoint(t), r))
			var x, y pair
			for lane, point := range []*edwards25519.Point{p, other} {
				px, py, _, _ := point.ExtendedCoordinates()
				x[lane], y[lane] = *px, *py
			}
			if got, want := varTimePrimeOrder(&x, &y), [2]bool{i == 0, j == 0}; got != want {
				t.Errorf("cosets %d and %d: %v", i, j, got)
			}
			encoded := [][]byte{p.Bytes(), other.Bytes()}
			errs := make([]error, 2)
			decodePair(make([]element, 2), encoded, errs, true)
			if (errs[0] == nil) != (i == 0) || (errs[1] == nil) != (j == 0) {
				t.Errorf("cosets %d and %d: %v", i, j, errs)
			}
		}
	}
}

// Decoding gives the library's point, and refuses what is not on the curve where that does.
func TestDecodeAgreesWithLibrary(t *testing.T) {
	for range 300 {
		encoded := [][]byte{make([]byte, elementSize), make([]byte, elementSize)}
		_, _ = rand.Read(encoded[0])
		_, _ = rand.Read(encoded[1])
		for _, order := range []bool{false, true} {
			elements, errs := make([]element, 2), make([]error, 2)
			decodePair(elements, encoded, errs, order)
			for i := range encoded {
				p, err := new(edwards25519.Point).SetBytes(encoded[i])
				if (err != nil) != (errs[i] == errCurve) {
					t.Fatalf("%x: %v, the library says %v", encoded[i], errs[i], err)
				}
				if err == nil && order && (errs[i] == nil) != hasPrimeOrder(p) {
					t.Fatalf("%x: %v", encoded[i], errs[i])
				}
				if errs[i] == nil && elements[i].p.Equal(p) != 1 {
					t.Fatalf("%x: another point", encoded[i])
				}
			}
		}
	}
}

// Multiples of the generator that are close to 0, where a formula might divide by it.
func TestPrimeOrderOfSmallMultiples(t *testing.T) {
	small := torsion(t)
	p := edwards25519.NewIdentityPoint()
	for range 64 {
		p = new(edwards25519.Point).Add(p, edwards25519.NewGeneratorPoint())
		for i, q := range small {
			for _, r := range []*edwards25519.Point{p, new(edwards25519.Point).Negate(p)} {
				sum := affine(t, new(edwards25519.Point).Add(r, q))
				if got := isPrimeOrder(sum); got != (i == 0) {
					t.Fatalf("coset %d: %v", i, got)
				}
			}
		}
	}
}

// Of the 38 encodings with y from p to 2^255-1 none names a point of prime order, so that
// refusing them refuses nothing that ZF accepts, which decodes before it tests the order.
func TestNonCanonicalEncodings(t *testing.T) {
	for low := 0xed; low <= 0xff; low++ {
		for _, top := range []byte{0x7f, 0xff} {
			var b [32]byte
			for i := range b {
				b[i] = 0xff
			}
			b[0], b[31] = byte(low), top
			if canonical(b[:]) {
				t.Errorf("%x counts as canonical", b)
			}
			p, err := new(edwards25519.Point).SetBytes(b[:])
			if err == nil && p.Equal(identity) != 1 && hasPrimeOrder(p) {
				t.Errorf("%x is of prime order", b)
			}
			if decodeOne(b[:]) == nil {
				t.Errorf("%x decodes", b)
			}
		}
	}
	last := [32]byte{0: 0xec}
	for i := 1; i < 31; i++ {
		last[i] = 0xff
	}
	last[31] = 0x7f
	if !canonical(last[:]) {
		t.Error("p-1 does not count as canonical")
	}
}

func BenchmarkPrimeOrder(b *testing.B) {
	p := affine(b, randomPoint(b))
	b.Run("fast", func(b *testing.B) {
		for b.Loop() {
			isPrimeOrder(p)
		}
	})
	b.Run("plain", func(b *testing.B) {
		for b.Loop() {
			hasPrimeOrder(p)
		}
	})
}
