package ed25519

import (
	"bytes"
	"crypto/rand"
	"testing"
)

// Both sides of a Diffie-Hellman exchange come to the same.
func TestECDH(t *testing.T) {
	var g edwards25519Group
	for range 10 {
		a, err := g.RandomScalar(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b, err := g.RandomScalar(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		shared := ECDH(a, g.BaseMult(b))
		if !bytes.Equal(shared, ECDH(b, g.BaseMult(a))) {
			t.Error("the two sides differ")
		}
		if !bytes.Equal(shared, g.BaseMult(g.NewScalar().Multiply(a, b)).Encoding()) {
			t.Error("the result is not the product")
		}
	}
}
