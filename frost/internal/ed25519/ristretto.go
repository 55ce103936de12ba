package ed25519

import (
	"filippo.io/edwards25519"
	"filippo.io/edwards25519/field"

	"frostkit/frost/internal/group"
)

// feInvSqrtAMinusD is the constant INVSQRT_A_MINUS_D of RFC 9496, Section 4.1.
// As a = -1 and d = -121665/121666, 1/(a-d) is -121666.
var feInvSqrtAMinusD = root(new(field.Element).Negate(new(field.Element).Mult32(feOne, 121666)))

// RistrettoMult returns the ristretto255 encoding (RFC 9496, Section 4.3.2) of s * e,
// 32 bytes, in constant time. Both come from the group of this package.
func RistrettoMult(s group.Scalar, e group.Element) []byte {
	p := new(edwards25519.Point).ScalarMult(inner(s), point(e))
	defer func() { *p = edwards25519.Point{} }()
	return ristrettoEncode(p)
}

// ristrettoEncode keeps the names of RFC 9496, Section 4.3.2.
func ristrettoEncode(p *edwards25519.Point) []byte {
	x0, y0, z0, t0 := p.ExtendedCoordinates()
	mul := func(a, b *field.Element) *field.Element { return new(field.Element).Multiply(a, b) }
	// u1 = (z0 + y0) * (z0 - y0), u2 = x0 * y0
	u1 := mul(new(field.Element).Add(z0, y0), new(field.Element).Subtract(z0, y0))
	u2 := mul(x0, y0)
	// (_, invsqrt) = SQRT_RATIO_M1(1, u1 * u2^2)
	invsqrt, _ := new(field.Element).SqrtRatio(feOne, mul(u1, new(field.Element).Square(u2)))
	den1, den2 := mul(invsqrt, u1), mul(invsqrt, u2)
	zInv := mul(mul(den1, den2), t0)
	// rotate = IS_NEGATIVE(t0 * z_inv)
	rotate := mul(t0, zInv).IsNegative()
	x := new(field.Element).Select(mul(y0, feSqrtM1), x0, rotate)
	y := new(field.Element).Select(mul(x0, feSqrtM1), y0, rotate)
	denInv := new(field.Element).Select(mul(den1, feInvSqrtAMinusD), den2, rotate)
	// y = CT_SELECT(-y IF IS_NEGATIVE(x * z_inv) ELSE y)
	y.Select(new(field.Element).Negate(y), y, mul(x, zInv).IsNegative())
	// s = CT_ABS(den_inv * (z - y))
	s := mul(denInv, new(field.Element).Subtract(z0, y))
	return s.Absolute(s).Bytes()
}
