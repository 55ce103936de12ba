package msm

import (
	"encoding/binary"
	"math/bits"

	"filippo.io/edwards25519/field"
)

// element is an integer modulo p = 2^255-19: any number below 2^256 that is congruent to it, in
// four words, the low one first.
//
// The library's field has five words of 51 bits, which makes a multiplication 25 multiplications of
// words instead of 20. Sums of many points take a tenth less time with four (BenchmarkAddAffine).
type element [4]uint64

// fold is 2^256 modulo p: what is beyond the words comes back times this.
const fold = 38

// set sets v to an element of the library's.
func (v *element) set(x *field.Element) *element {
	b := x.Bytes()
	for i := range v {
		v[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return v
}

// field returns the library's form of v.
func (v *element) field() *field.Element {
	var b [64]byte
	for i, word := range v {
		binary.LittleEndian.PutUint64(b[8*i:], word)
	}
	x, err := new(field.Element).SetWideBytes(b[:])
	if err != nil {
		panic("msm: internal error: " + err.Error())
	}
	return x
}

// invert makes v = 1/x, and 0 for x = 0.
func (v *element) invert(x *element) *element {
	return v.set(new(field.Element).Invert(x.field()))
}

// add makes v = x + y. A second carry leaves the low word so small that there is no third.
func (v *element) add(x, y *element) *element {
	r0, c := bits.Add64(x[0], y[0], 0)
	r1, c := bits.Add64(x[1], y[1], c)
	r2, c := bits.Add64(x[2], y[2], c)
	r3, c := bits.Add64(x[3], y[3], c)
	r0, c = bits.Add64(r0, c*fold, 0)
	r1, c = bits.Add64(r1, 0, c)
	r2, c = bits.Add64(r2, 0, c)
	r3, c = bits.Add64(r3, 0, c)
	v[0], v[1], v[2], v[3] = r0+c*fold, r1, r2, r3
	return v
}

// subtract makes v = x - y. A second borrow leaves the low word so large that there is no third.
func (v *element) subtract(x, y *element) *element {
	r0, c := bits.Sub64(x[0], y[0], 0)
	r1, c := bits.Sub64(x[1], y[1], c)
	r2, c := bits.Sub64(x[2], y[2], c)
	r3, c := bits.Sub64(x[3], y[3], c)
	r0, c = bits.Sub64(r0, c*fold, 0)
	r1, c = bits.Sub64(r1, 0, c)
	r2, c = bits.Sub64(r2, 0, c)
	r3, c = bits.Sub64(r3, 0, c)
	v[0], v[1], v[2], v[3] = r0-c*fold, r1, r2, r3
	return v
}

// negate makes v = -x.
func (v *element) negate(x *element) *element { return v.subtract(new(element), x) }

// multiply makes v = x * y, word by word of x as on paper, and then brings back the
// upper half of the product. It is unrolled, and not in parts, because the compiler does neither and keeps
// no carry in the flags over a call: that would take a tenth more (BenchmarkAddAffine).
func (v *element) multiply(x, y *element) *element {
	y0, y1, y2, y3 := y[0], y[1], y[2], y[3]
	h0, r0 := bits.Mul64(x[0], y0)
	h1, r1 := bits.Mul64(x[0], y1)
	h2, r2 := bits.Mul64(x[0], y2)
	h3, r3 := bits.Mul64(x[0], y3)
	r1, c := bits.Add64(r1, h0, 0)
	r2, c = bits.Add64(r2, h1, c)
	r3, c = bits.Add64(r3, h2, c)
	r4 := h3 + c

	h0, l0 := bits.Mul64(x[1], y0)
	h1, l1 := bits.Mul64(x[1], y1)
	h2, l2 := bits.Mul64(x[1], y2)
	h3, l3 := bits.Mul64(x[1], y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	r1, c = bits.Add64(r1, l0, 0)
	r2, c = bits.Add64(r2, l1, c)
	r3, c = bits.Add64(r3, l2, c)
	r4, c = bits.Add64(r4, l3, c)
	r5 := h3 + c

	h0, l0 = bits.Mul64(x[2], y0)
	h1, l1 = bits.Mul64(x[2], y1)
	h2, l2 = bits.Mul64(x[2], y2)
	h3, l3 = bits.Mul64(x[2], y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	r2, c = bits.Add64(r2, l0, 0)
	r3, c = bits.Add64(r3, l1, c)
	r4, c = bits.Add64(r4, l2, c)
	r5, c = bits.Add64(r5, l3, c)
	r6 := h3 + c

	h0, l0 = bits.Mul64(x[3], y0)
	h1, l1 = bits.Mul64(x[3], y1)
	h2, l2 = bits.Mul64(x[3], y2)
	h3, l3 = bits.Mul64(x[3], y3)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	r3, c = bits.Add64(r3, l0, 0)
	r4, c = bits.Add64(r4, l1, c)
	r5, c = bits.Add64(r5, l2, c)
	r6, c = bits.Add64(r6, l3, c)
	r7 := h3 + c

	// 2^256 * (r4 + …) = fold * (r4 + …), of which the fifth word is fold at most
	h0, l0 = bits.Mul64(r4, fold)
	h1, l1 = bits.Mul64(r5, fold)
	h2, l2 = bits.Mul64(r6, fold)
	h3, l3 = bits.Mul64(r7, fold)
	l1, c = bits.Add64(l1, h0, 0)
	l2, c = bits.Add64(l2, h1, c)
	l3, c = bits.Add64(l3, h2, c)
	h3 += c
	r0, c = bits.Add64(r0, l0, 0)
	r1, c = bits.Add64(r1, l1, c)
	r2, c = bits.Add64(r2, l2, c)
	r3, c = bits.Add64(r3, l3, c)
	r0, c = bits.Add64(r0, (h3+c)*fold, 0)
	r1, c = bits.Add64(r1, 0, c)
	r2, c = bits.Add64(r2, 0, c)
	r3, c = bits.Add64(r3, 0, c)
	v[0], v[1], v[2], v[3] = r0+c*fold, r1, r2, r3
	return v
}
