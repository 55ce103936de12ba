package ed25519

import "filippo.io/edwards25519/field"

// pair is two field elements on which the same is done. Each squaring of an
// exponentiation waits for the one before, so that the processor has room for another's: two
// in lockstep take about three quarters of the time of two in turn (BenchmarkPow22523).
type pair [2]field.Element

func (v *pair) multiply(x, y *pair) *pair {
	v[0].Multiply(&x[0], &y[0])
	v[1].Multiply(&x[1], &y[1])
	return v
}

// square makes v = x^(2^n), for n above 0.
func (v *pair) square(x *pair, n int) *pair {
	v[0].Square(&x[0])
	v[1].Square(&x[1])
	for range n - 1 {
		v[0].Square(&v[0])
		v[1].Square(&v[1])
	}
	return v
}

// pow22523 makes v = x^(2^252-3), where 2^252-3 = (p-5)/8.
func (v *pair) pow22523(x *pair) *pair {
	// ones(m+n) = x^(2^(m+n)-1), from those of m and n.
	ones := func(m, n *pair, bits int) *pair { return new(pair).multiply(new(pair).square(m, bits), n) }
	x2 := ones(x, x, 1)
	x4 := ones(x2, x2, 2)
	x5 := ones(x4, x, 1)
	x10 := ones(x5, x5, 5)
	x20 := ones(x10, x10, 10)
	x40 := ones(x20, x20, 20)
	x50 := ones(x40, x10, 10)
	x100 := ones(x50, x50, 50)
	x200 := ones(x100, x100, 100)
	x250 := ones(x200, x50, 50)
	return v.multiply(new(pair).square(x250, 2), x)
}

// varTimeSqrtRatio makes r a root of u/v, of either sign, and reports where there is
// one (RFC 8032, Section 5.1.3, Steps 2 and 3). For u = 0 the root is 0.
func (r *pair) varTimeSqrtRatio(u, v *pair) (square [2]bool) {
	// x = (u/v)^((p+3)/8) = u v^3 (u v^7)^((p-5)/8)
	v2 := new(pair).square(v, 1)
	uv3 := new(pair).multiply(new(pair).multiply(v2, v), u)
	uv7 := new(pair).multiply(new(pair).square(v2, 1), uv3)
	r.multiply(uv3, uv7.pow22523(uv7))
	check := new(pair).multiply(new(pair).square(r, 1), v)
	for i := range r {
		// If v x^2 = u, x is a square root. If v x^2 = -u, set x <- x * 2^((p-1)/4), which is
		// a square root. Otherwise, no square root exists.
		square[i] = check[i].Equal(&u[i]) == 1
		if !square[i] && check[i].Add(&check[i], &u[i]).Equal(new(field.Element)) == 1 {
			square[i] = true
			r[i].Multiply(&r[i], feSqrtM1)
		}
	}
	return square
}
