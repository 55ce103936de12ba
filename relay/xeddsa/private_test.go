package xeddsa

import (
	"bytes"
	"crypto/rand"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/commkey"
)

// The two halves of the conversion meet, whatever the sign of k*B.
func TestEdwardsPrivateKeyBelongsToThePublicOne(t *testing.T) {
	for range 32 {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, err := EdwardsPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		secret, err := edwards25519.NewScalar().SetCanonicalBytes(EdwardsPrivateKey(key))
		if err != nil {
			t.Fatal(err)
		}
		if got := new(edwards25519.Point).ScalarBaseMult(secret).Bytes(); !bytes.Equal(got, public) {
			t.Fatalf("a*B = %x, A = %x", got, public)
		}
	}
}
