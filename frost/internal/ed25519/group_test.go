package ed25519

import (
	"bytes"
	"crypto/rand"
	"testing"

	"frostkit/frost/internal/group"
)

var g group.Group = edwards25519Group{}

func randomScalar(t testing.TB) group.Scalar {
	t.Helper()
	s, err := g.RandomScalar(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// In bulk the same encodings come out as one by one.
func TestNormalize(t *testing.T) {
	elements := []group.Element{g.NewElement()}
	for range 20 {
		e := g.BaseMult(randomScalar(t))
		elements = append(elements, e.Add(e, g.BaseMult(randomScalar(t))))
	}
	var want [][]byte
	for _, e := range elements {
		want = append(want, e.Encoding())
	}
	g.Normalize(elements...)
	g.Normalize()
	for i, e := range elements {
		if !e.(*element).kept || !bytes.Equal(e.Encoding(), want[i]) {
			t.Errorf("%d: %x, want %x", i, e.Encoding(), want[i])
		}
	}
	// A kept encoding goes with the change of its element.
	e := g.NewElement().Set(elements[1])
	if e.Add(e, elements[2]); bytes.Equal(e.Encoding(), want[1]) {
		t.Error("an encoding outlives its element")
	}
}

// The scalar multiplications agree: the sum of s_i * (t_i * G) is the sum of s_i * t_i, times G.
func TestMultiplications(t *testing.T) {
	for n := range 5 {
		sum := g.NewScalar()
		var scalars []group.Scalar
		var elements []group.Element
		for range n {
			s, u := randomScalar(t), randomScalar(t)
			scalars, elements = append(scalars, s), append(elements, g.BaseMult(u))
			sum.MultiplyAdd(s, u, sum)
		}
		got := g.VarTimeMultiScalarMult(scalars, elements)
		if !got.Equal(g.BaseMult(sum)) || got.IsIdentity() != (n == 0) {
			t.Errorf("sum of %d terms differs", n)
		}
	}
	a, x, b := randomScalar(t), randomScalar(t), randomScalar(t)
	got := g.VarTimeDoubleBaseMult(a, g.BaseMult(x), b)
	if !got.Equal(g.BaseMult(g.NewScalar().MultiplyAdd(a, x, b))) {
		t.Error("the double multiplication differs")
	}
}

func TestScalars(t *testing.T) {
	a, b := randomScalar(t), randomScalar(t)
	difference := g.NewScalar().Subtract(a, b)
	if !difference.Add(difference, b).Equal(a) {
		t.Error("a - b + b is not a")
	}
	inverse := g.NewScalar().Invert(a)
	if !inverse.Multiply(inverse, a).Equal(g.ScalarFromUint16(1)) {
		t.Error("1/a * a is not 1")
	}
	if zero := g.NewScalar(); !zero.IsZero() || !zero.Invert(zero).IsZero() {
		t.Error("1/0 is not 0")
	}
	small, large := g.ScalarFromUint16(255).Bytes(), g.ScalarFromUint16(256).Bytes()
	if g.VarTimeCompareScalars(string(small), string(large)) >= 0 || g.VarTimeCompareScalars(string(large), string(small)) <= 0 ||
		g.VarTimeCompareScalars(string(large), string(large)) != 0 {
		t.Error("255 is not below 256")
	}
	a.Clear()
	if !a.IsZero() {
		t.Error("a is not wiped")
	}
	for _, size := range []int{0, 31, 33, 64} {
		if _, err := g.DecodeScalar(make([]byte, size)); err == nil {
			t.Errorf("a scalar of %d bytes decodes", size)
		}
		if _, err := g.DecodeElements([][]byte{make([]byte, size)}); err == nil {
			t.Errorf("an element of %d bytes decodes", size)
		}
	}
}

// The first encoding that is refused is named.
func TestDecodeElementsNamesTheFirst(t *testing.T) {
	good := g.BaseMult(randomScalar(t)).Encoding()
	_, err := g.DecodeElements([][]byte{good, good, g.NewElement().Encoding(), make([]byte, 32)})
	refused, ok := err.(*group.ElementError)
	if !ok || refused.Index != 2 || refused.Err != errIdentity || refused.Error() == "" {
		t.Errorf("%v", err)
	}
}
