package ed25519

import (
	"crypto/rand"
	"testing"

	"filippo.io/edwards25519/field"
)

func randomField(t testing.TB) *field.Element {
	t.Helper()
	var b [64]byte
	_, _ = rand.Read(b[:])
	x, err := new(field.Element).SetWideBytes(b[:])
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// edgeFields are 0, 1, -1, 2, a root of -1 and the largest number that is not reduced.
func edgeFields(t testing.TB) []*field.Element {
	t.Helper()
	last := bytesOf(0xff, 32)
	unreduced, err := new(field.Element).SetBytes(last)
	if err != nil {
		t.Fatal(err)
	}
	return []*field.Element{new(field.Element), feOne, new(field.Element).Negate(feOne), feTwo, feSqrtM1, unreduced}
}

// Each of the two powers is the library's.
func TestPow22523(t *testing.T) {
	values := edgeFields(t)
	for range 50 {
		values = append(values, randomField(t))
	}
	for i, x := range values {
		y := values[(i+1)%len(values)]
		got := new(pair).pow22523(&pair{*x, *y})
		for lane, want := range []*field.Element{new(field.Element).Pow22523(x), new(field.Element).Pow22523(y)} {
			if got[lane].Equal(want) != 1 {
				t.Errorf("power %d in lane %d differs", i, lane)
			}
		}
	}
}

// Each of the two roots is the library's or its negative, where that finds one.
func TestSqrtRatio(t *testing.T) {
	numerators := edgeFields(t)
	for range 50 {
		numerators = append(numerators, randomField(t), new(field.Element).Square(randomField(t)))
	}
	denominators := append(edgeFields(t), randomField(t), randomField(t))
	for i, u := range numerators {
		for j, v := range denominators {
			us, vs := pair{*u, *numerators[(i+1)%len(numerators)]}, pair{*v, *denominators[(j+1)%len(denominators)]}
			var roots pair
			square := roots.varTimeSqrtRatio(&us, &vs)
			for lane := range roots {
				want, wantSquare := new(field.Element).SqrtRatio(&us[lane], &vs[lane])
				if square[lane] != (wantSquare == 1) {
					t.Fatalf("ratio %d/%d in lane %d: square is %v", i, j, lane, square[lane])
				}
				if square[lane] && new(field.Element).Absolute(&roots[lane]).Equal(want) != 1 {
					t.Fatalf("ratio %d/%d in lane %d: another root", i, j, lane)
				}
			}
		}
	}
}

// What two powers take in lockstep and in turn.
func BenchmarkPow22523(b *testing.B) {
	x := pair{*randomField(b), *randomField(b)}
	b.Run("lockstep", func(b *testing.B) {
		for b.Loop() {
			x.pow22523(&x)
		}
	})
	b.Run("in turn", func(b *testing.B) {
		for b.Loop() {
			x[0].Pow22523(&x[0])
			x[1].Pow22523(&x[1])
		}
	})
}
