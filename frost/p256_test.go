package frost_test

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"

	"frostkit/frost"
	"frostkit/frost/dkg"
	"frostkit/frost/internal/group"
)

// p256 is FROST(P-256, SHA-256), RFC 9591, Section 6.4, as plain as can be: big-endian scalars
// and elements of another length. It shows that a suite needs nothing but the
// interface. It is neither fast nor constant-time.
type p256 struct{}

const p256ID = "FROST-P256-SHA256-v1"

func (*p256) ID() string                    { return p256ID }
func (*p256) Name() string                  { return "p256" }
func (*p256) Group() group.Group            { return p256Group{} }
func (*p256) H1(m ...[]byte) group.Scalar   { return p256Field("rho", m) }
func (*p256) H2(m ...[]byte) group.Scalar   { return p256Field("chal", m) }
func (*p256) H3(m ...[]byte) group.Scalar   { return p256Field("nonce", m) }
func (*p256) HDKG(m ...[]byte) group.Scalar { return p256Field("dkg", m) }
func (*p256) HID(m ...[]byte) group.Scalar  { return p256Field("id", m) }
func (*p256) H4(m ...[]byte) []byte         { return p256Hash("msg", m) }
func (*p256) H5(m ...[]byte) []byte         { return p256Hash("com", m) }

func (p *p256) H1Each(prefix []byte, suffixes [][]byte) []group.Scalar {
	var scalars []group.Scalar
	for _, suffix := range suffixes {
		scalars = append(scalars, p.H1(prefix, suffix))
	}
	return scalars
}

func p256Hash(tag string, m [][]byte) []byte {
	h := sha256.Sum256(slices.Concat([]byte(p256ID+tag), slices.Concat(m...)))
	return h[:]
}

// p256Field is hash_to_field of RFC 9380, Section 5.2, with expand_message_xmd.
func p256Field(tag string, m [][]byte) group.Scalar {
	const length = 48
	dst := append([]byte(p256ID+tag), byte(len(p256ID+tag)))
	b0 := sha256.Sum256(slices.Concat(make([]byte, 64), slices.Concat(m...), []byte{0, length, 0}, dst))
	b1 := sha256.Sum256(slices.Concat(b0[:], []byte{1}, dst))
	for i := range b0 {
		b0[i] ^= b1[i]
	}
	b2 := sha256.Sum256(slices.Concat(b0[:], []byte{2}, dst))
	return newP256Scalar(new(big.Int).SetBytes(slices.Concat(b1[:], b2[:])[:length]))
}

func hexInt(s string) *big.Int {
	n, _ := new(big.Int).SetString(s, 16)
	return n
}

var (
	p256P = hexInt("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")
	p256N = hexInt("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
	p256B = hexInt("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")
	p256G = &p256Element{
		hexInt("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"),
		hexInt("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"),
	}
)

type p256Scalar struct{ n big.Int }

func newP256Scalar(n *big.Int) *p256Scalar {
	s := new(p256Scalar)
	s.n.Mod(n, p256N)
	return s
}

func p256Int(x group.Scalar) *big.Int { return &x.(*p256Scalar).n }

func (s *p256Scalar) set(n *big.Int) group.Scalar {
	s.n.Mod(n, p256N)
	return s
}

func (s *p256Scalar) Set(x group.Scalar) group.Scalar { return s.set(p256Int(x)) }
func (s *p256Scalar) Add(x, y group.Scalar) group.Scalar {
	return s.set(new(big.Int).Add(p256Int(x), p256Int(y)))
}

func (s *p256Scalar) Subtract(x, y group.Scalar) group.Scalar {
	return s.set(new(big.Int).Sub(p256Int(x), p256Int(y)))
}

func (s *p256Scalar) Multiply(x, y group.Scalar) group.Scalar {
	return s.set(new(big.Int).Mul(p256Int(x), p256Int(y)))
}

func (s *p256Scalar) MultiplyAdd(x, y, z group.Scalar) group.Scalar {
	product := new(big.Int).Mul(p256Int(x), p256Int(y))
	return s.set(product.Add(product, p256Int(z)))
}

func (s *p256Scalar) Invert(x group.Scalar) group.Scalar {
	return s.set(new(big.Int).Exp(p256Int(x), new(big.Int).Sub(p256N, big.NewInt(2)), p256N))
}
func (s *p256Scalar) Equal(x group.Scalar) bool { return s.n.Cmp(p256Int(x)) == 0 }
func (s *p256Scalar) IsZero() bool              { return s.n.Sign() == 0 }
func (s *p256Scalar) Bytes() []byte             { return s.n.FillBytes(make([]byte, 32)) }
func (s *p256Scalar) Clear()                    { s.n.SetInt64(0) }

// p256Element is an affine point; the identity has no coordinates.
type p256Element struct{ x, y *big.Int }

func (e *p256Element) Set(x group.Element) group.Element {
	*e = *x.(*p256Element)
	return e
}

func (e *p256Element) Add(a, b group.Element) group.Element {
	*e = p256Add(*a.(*p256Element), *b.(*p256Element))
	return e
}

func p256Add(a, b p256Element) p256Element {
	switch {
	case a.x == nil:
		return b
	case b.x == nil:
		return a
	}
	rise, run := new(big.Int).Sub(b.y, a.y), new(big.Int).Sub(b.x, a.x)
	if a.x.Cmp(b.x) == 0 {
		if a.y.Cmp(b.y) != 0 {
			return p256Element{}
		}
		// The tangent of y² = x³ - 3x + b.
		rise.Mul(a.x, a.x).Sub(rise, big.NewInt(1)).Mul(rise, big.NewInt(3))
		run.Lsh(a.y, 1)
	}
	slope := rise.Mul(rise, run.ModInverse(run.Mod(run, p256P), p256P))
	x := new(big.Int).Mul(slope, slope)
	x.Sub(x, a.x).Sub(x, b.x).Mod(x, p256P)
	y := new(big.Int).Sub(a.x, x)
	y.Mul(y, slope).Sub(y, a.y).Mod(y, p256P)
	return p256Element{x, y}
}

func (e *p256Element) Equal(x group.Element) bool { return bytes.Equal(e.Encoding(), x.Encoding()) }
func (e *p256Element) IsIdentity() bool           { return e.x == nil }

func (e *p256Element) Encoding() []byte {
	b := make([]byte, 33)
	if e.x != nil {
		b[0] = byte(2 + e.y.Bit(0))
		e.x.FillBytes(b[1:])
	}
	return b
}

type p256Group struct{}

func (p256Group) ScalarSize() int                        { return 32 }
func (p256Group) ElementSize() int                       { return 33 }
func (p256Group) NewScalar() group.Scalar                { return new(p256Scalar) }
func (p256Group) NewElement() group.Element              { return new(p256Element) }
func (p256Group) ScalarFromUint16(n uint16) group.Scalar { return newP256Scalar(big.NewInt(int64(n))) }
func (p256Group) VarTimeCompareScalars(a, b string) int  { return strings.Compare(a, b) }
func (p256Group) Normalize(...group.Element)             {}

func (p256Group) RandomScalar(random io.Reader) (group.Scalar, error) {
	b := make([]byte, 32)
	_, err := io.ReadFull(random, b)
	return newP256Scalar(new(big.Int).SetBytes(b)), err
}

func (p256Group) RandomWeights(n int) []group.Scalar {
	weights := make([]group.Scalar, n)
	for i := range weights {
		b := make([]byte, 16)
		_, _ = rand.Read(b)
		weights[i] = newP256Scalar(new(big.Int).SetBytes(b))
	}
	return weights
}

func (p256Group) DecodeScalar(b []byte) (group.Scalar, error) {
	n := new(big.Int).SetBytes(b)
	if len(b) != 32 || n.Cmp(p256N) >= 0 {
		return nil, errors.New("malformed scalar")
	}
	return newP256Scalar(n), nil
}

func (p256Group) DecodeElements(encodings [][]byte) ([]group.Element, error) {
	elements := make([]group.Element, len(encodings))
	for i, b := range encodings {
		if len(b) != 33 {
			return nil, &group.ElementError{Index: i, Err: errors.New("malformed element")}
		}
		x := new(big.Int).SetBytes(b[1:])
		y := new(big.Int).Mul(x, x)
		y.Sub(y, big.NewInt(3)).Mul(y, x).Add(y, p256B).Mod(y, p256P)
		if y.ModSqrt(y, p256P) == nil || b[0]&^1 != 2 || x.Cmp(p256P) >= 0 {
			return nil, &group.ElementError{Index: i, Err: errors.New("malformed element")}
		}
		if y.Bit(0) != uint(b[0]&1) {
			y.Sub(p256P, y)
		}
		elements[i] = &p256Element{x, y}
	}
	return elements, nil
}

func p256Mult(s *big.Int, e p256Element) (sum p256Element) {
	for i := s.BitLen() - 1; i >= 0; i-- {
		sum = p256Add(sum, sum)
		if s.Bit(i) == 1 {
			sum = p256Add(sum, e)
		}
	}
	return sum
}

func (p256Group) BaseMult(s group.Scalar) group.Element {
	e := p256Mult(p256Int(s), *p256G)
	return &e
}

func (p256Group) VarTimeMultiScalarMult(scalars []group.Scalar, elements []group.Element) group.Element {
	var sum p256Element
	for i := range scalars {
		sum = p256Add(sum, p256Mult(p256Int(scalars[i]), *elements[i].(*p256Element)))
	}
	return &sum
}

func (p256Group) VarTimeEvaluate(commitment []group.Element, xs []group.Scalar) []group.Element {
	values := make([]group.Element, len(xs))
	for i, x := range xs {
		values[i] = p256Group{}.VarTimeMultiScalarMult(group.Powers(p256Group{}, x, len(commitment)), commitment)
	}
	return values
}

func (p256Group) VarTimeWeightedEvaluate(weights []group.Scalar, commitments [][]group.Element, x group.Scalar) group.Element {
	values := make([]group.Element, len(commitments))
	for i, commitment := range commitments {
		values[i] = group.VarTimeEvaluate(p256Group{}, commitment, x)
	}
	return p256Group{}.VarTimeMultiScalarMult(weights, values)
}

func (p256Group) VarTimeDoubleBaseMult(a group.Scalar, A group.Element, b group.Scalar) group.Element {
	return p256Group{}.VarTimeMultiScalarMult([]group.Scalar{a, b}, []group.Element{A, p256G})
}

// Another suite signs as RFC 9591, Appendix E.4, says.
func TestAnotherSuite(t *testing.T) {
	v := rfcVector{cs: new(p256)}
	readJSON(t, "frost-p256-sha256.json", &v)
	v.run(t)
}

// Another suite generates keys, and its messages go over the wire.
func TestAnotherSuiteGeneratesKeys(t *testing.T) {
	cs := new(p256)
	var ids []frost.Identifier
	for n := range uint16(2) {
		ids = append(ids, must(frost.NewIdentifier(cs, 255+n))(t))
	}
	if ids[0].Compare(ids[1]) >= 0 {
		t.Error("255 is not before 256")
	}
	var round1 []*dkg.Round1
	for _, id := range ids {
		config := dkg.Config{Ciphersuite: cs, Identifier: id, Participants: ids, Threshold: 2, Random: newStream(binary.BigEndian.Uint64(id.Bytes()[24:]))}
		round1 = append(round1, must(dkg.New(config))(t))
	}
	var round2 []*dkg.Round2
	for i, r := range round1 {
		sent := must(dkg.DecodeRound1PackageJSON(cs, round1[1-i].Package().EncodeJSON()))(t)
		round2 = append(round2, must(r.Next(map[frost.Identifier]*dkg.Round1Package{ids[1-i]: sent}))(t))
	}
	for i, r := range round2 {
		sent := must(dkg.DecodeRound2PackagePostcard(cs, round2[1-i].Packages()[ids[i]].EncodeSecretPostcard()))(t)
		key, public, err := r.Next(map[frost.Identifier]*dkg.Round2Package{ids[1-i]: sent})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := frost.DecodeKeyPackageJSON(cs, key.EncodeSecretJSON()); err != nil {
			t.Error(err)
		}
		if _, err := frost.DecodeKeyPackageJSON(suite, key.EncodeSecretJSON()); err == nil {
			t.Error("a key package of another suite decodes")
		}
		if again := must(frost.DecodePublicKeyPackagePostcard(cs, public.EncodePostcard()))(t); !again.Equal(public) {
			t.Error("the public key package does not come back")
		}
	}
}
