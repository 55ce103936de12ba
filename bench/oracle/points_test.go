package oracle_test

import (
	"encoding/hex"
	"math/big"
	"slices"

	"filippo.io/edwards25519"
)

var (
	// order is the order l of the group.
	order, _ = new(big.Int).SetString("7237005577332262213973186563042994240857116359379907606001950938285454250989", 10)
	// prime is 2^255 - 19.
	prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
)

func bigInt(n byte) *big.Int { return big.NewInt(int64(n)) }

// littleEndian encodes a number below 2^256.
func littleEndian(n *big.Int) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	return b
}

// fromLittleEndian decodes a number.
func fromLittleEndian(b []byte) *big.Int {
	b = slices.Clone(b)
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// scalar returns the encoding of a random scalar that is not 0.
func (t *trial) scalar() []byte {
	t.Helper()
	for {
		s := must(edwards25519.NewScalar().SetUniformBytes(t.bytes(64)))(t)
		if s.Equal(edwards25519.NewScalar()) == 0 {
			return s.Bytes()
		}
	}
}

// point returns a random point of the group.
func (t *trial) point() *edwards25519.Point {
	t.Helper()
	s := must(edwards25519.NewScalar().SetCanonicalBytes(t.scalar()))(t)
	return new(edwards25519.Point).ScalarBaseMult(s)
}

// torsion returns the eight points of small order, the identity first.
func torsion() []*edwards25519.Point {
	// A generator of them, of order 8.
	b, err := hex.DecodeString("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")
	if err != nil {
		panic(err)
	}
	generator, err := new(edwards25519.Point).SetBytes(b)
	if err != nil {
		panic(err)
	}
	points := []*edwards25519.Point{edwards25519.NewIdentityPoint()}
	for range 7 {
		points = append(points, new(edwards25519.Point).Add(points[len(points)-1], generator))
	}
	return points
}

// edgeEncodings are the 32 bytes of special points: every one of small order, and every
// one with a y that is not below the prime, be it on the curve or not, with both signs.
func edgeEncodings() [][]byte {
	var encodings [][]byte
	for _, p := range torsion() {
		encodings = append(encodings, p.Bytes())
	}
	y := new(big.Int).Set(prime)
	for range 19 {
		encodings = append(encodings, littleEndian(y))
		y.Add(y, big.NewInt(1))
	}
	for _, b := range slices.Clone(encodings) {
		flipped := slices.Clone(b)
		flipped[31] ^= 0x80
		encodings = append(encodings, flipped)
	}
	return encodings
}

// element returns the encoding of a random point of any kind: one in two is of the
// group, the others are not or hardly are.
func (t *trial) element() []byte {
	t.Helper()
	p := t.point()
	switch t.IntN(8) {
	case 0:
		return pick(t, edgeEncodings())
	case 1: // of mixed order
		return p.Add(p, pick(t, torsion()[1:])).Bytes()
	case 2: // on the curve or not, seldom of the group
		return t.bytes(32)
	case 3: // the other sign
		return new(edwards25519.Point).Negate(p).Bytes()
	}
	return p.Bytes()
}

// edgeScalars are the 32 bytes of special scalars, canonical and not.
func edgeScalars() [][]byte {
	numbers := []*big.Int{
		big.NewInt(0), big.NewInt(1), big.NewInt(65535), big.NewInt(65536),
		new(big.Int).Sub(order, big.NewInt(1)),
		order,
		new(big.Int).Add(order, big.NewInt(1)),
		new(big.Int).Lsh(order, 1),
		new(big.Int).Lsh(order, 3),
		new(big.Int).Lsh(big.NewInt(1), 252),
		new(big.Int).Lsh(big.NewInt(1), 253),
		new(big.Int).Lsh(big.NewInt(1), 255),
		new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1)),
	}
	var encodings [][]byte
	for _, n := range numbers {
		encodings = append(encodings, littleEndian(n))
	}
	return encodings
}

// anyScalar returns the encoding of a random scalar of any kind, canonical or not.
func (t *trial) anyScalar() []byte {
	t.Helper()
	switch t.IntN(4) {
	case 0:
		return pick(t, edgeScalars())
	case 1:
		return t.bytes(32)
	}
	return t.scalar()
}

// baseMult returns an encoded scalar times the generator.
func baseMult(t *trial, scalar []byte) *edwards25519.Point {
	t.Helper()
	return new(edwards25519.Point).ScalarBaseMult(must(edwards25519.NewScalar().SetCanonicalBytes(scalar))(t))
}

func negate(p *edwards25519.Point) *edwards25519.Point {
	return new(edwards25519.Point).Negate(p)
}

// addScalar returns an encoded scalar plus or minus another.
func addScalar(t *trial, s, delta []byte, subtract bool) []byte {
	t.Helper()
	sum := must(edwards25519.NewScalar().SetCanonicalBytes(s))(t)
	d := must(edwards25519.NewScalar().SetCanonicalBytes(delta))(t)
	if subtract {
		return sum.Subtract(sum, d).Bytes()
	}
	return sum.Add(sum, d).Bytes()
}

// lagrange returns the coefficient of x[i] in interpolating at 0.
func lagrange(x []*edwards25519.Scalar, i int) *edwards25519.Scalar {
	numerator, denominator := one(), one()
	for j := range x {
		if j != i {
			numerator.Multiply(numerator, x[j])
			denominator.Multiply(denominator, edwards25519.NewScalar().Subtract(x[j], x[i]))
		}
	}
	return numerator.Multiply(numerator, denominator.Invert(denominator))
}

func one() *edwards25519.Scalar {
	s, err := edwards25519.NewScalar().SetCanonicalBytes(littleEndian(bigInt(1)))
	if err != nil {
		panic(err)
	}
	return s
}

func unhex(t *trial, s string) []byte {
	t.Helper()
	return must(hex.DecodeString(s))(t)
}
