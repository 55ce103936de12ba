package ed25519

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"filippo.io/edwards25519"

	"frostkit/frost/internal/group"
)

// scalar is an integer modulo l = 2^252 + 27742317777372353535851937790883648493.
type scalar struct {
	s edwards25519.Scalar
}

func inner(x group.Scalar) *edwards25519.Scalar { return &x.(*scalar).s }

func (s *scalar) Set(x group.Scalar) group.Scalar {
	s.s.Set(inner(x))
	return s
}

func (s *scalar) Add(x, y group.Scalar) group.Scalar {
	s.s.Add(inner(x), inner(y))
	return s
}

func (s *scalar) Subtract(x, y group.Scalar) group.Scalar {
	s.s.Subtract(inner(x), inner(y))
	return s
}

func (s *scalar) Multiply(x, y group.Scalar) group.Scalar {
	s.s.Multiply(inner(x), inner(y))
	return s
}

func (s *scalar) MultiplyAdd(x, y, z group.Scalar) group.Scalar {
	s.s.MultiplyAdd(inner(x), inner(y), inner(z))
	return s
}

func (s *scalar) Invert(x group.Scalar) group.Scalar {
	s.s.Invert(inner(x))
	return s
}

func (s *scalar) Equal(x group.Scalar) bool { return s.s.Equal(inner(x)) == 1 }

func (s *scalar) IsZero() bool { return s.s.Equal(edwards25519.NewScalar()) == 1 }

func (s *scalar) Bytes() []byte { return s.s.Bytes() }

func (s *scalar) Clear() { s.s = edwards25519.Scalar{} }

const (
	scalarSize  = 32
	elementSize = 32
)

var errScalar = errors.New("scalar is not below the order of the group")

// edwards25519Group is the subgroup of edwards25519 of order l.
type edwards25519Group struct{}

func (edwards25519Group) ScalarSize() int { return scalarSize }

func (edwards25519Group) NewScalar() group.Scalar { return new(scalar) }

func (edwards25519Group) ScalarFromUint16(n uint16) group.Scalar {
	b := [scalarSize]byte{byte(n), byte(n >> 8)}
	s := new(scalar)
	if _, err := s.s.SetCanonicalBytes(b[:]); err != nil {
		panic("ed25519: internal error: " + err.Error())
	}
	return s
}

// RandomScalar reduces 64 bytes of random modulo l, and again for 0.
func (edwards25519Group) RandomScalar(random io.Reader) (group.Scalar, error) {
	var b [64]byte
	defer clear(b[:])
	for {
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, fmt.Errorf("reading randomness: %w", err)
		}
		s := new(scalar)
		if _, err := s.s.SetUniformBytes(b[:]); err != nil {
			return nil, err
		}
		if !s.IsZero() {
			return s, nil
		}
	}
}

func (edwards25519Group) RandomWeights(n int) []group.Scalar {
	random := make([]byte, 16*n)
	_, _ = rand.Read(random) // does not fail: it ends the program instead
	weights := make([]group.Scalar, n)
	for i := range weights {
		var b [scalarSize]byte
		copy(b[:], random[16*i:16*(i+1)])
		s := new(scalar)
		if _, err := s.s.SetCanonicalBytes(b[:]); err != nil {
			panic("ed25519: internal error: " + err.Error())
		}
		weights[i] = s
	}
	return weights
}

func (edwards25519Group) DecodeScalar(b []byte) (group.Scalar, error) {
	if len(b) != scalarSize {
		return nil, fmt.Errorf("scalar has %d bytes, want %d", len(b), scalarSize)
	}
	s := new(scalar)
	if _, err := s.s.SetCanonicalBytes(b); err != nil {
		return nil, errScalar
	}
	return s, nil
}

// VarTimeCompareScalars compares from the last byte, which is the most significant.
func (edwards25519Group) VarTimeCompareScalars(a, b string) int {
	for i := scalarSize - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}
