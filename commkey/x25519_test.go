package commkey

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/hex"
	"testing"

	"frostkit/internal/testheap"
)

// The key pairs of RFC 7748, Section 6.1, and the first iteration of Section 5.2, which is of the base point.
var rfc7748 = map[string]string{
	"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a": "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
	"5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb": "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
	"0900000000000000000000000000000000000000000000000000000000000000": "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
}

func TestRFC7748(t *testing.T) {
	for private, public := range rfc7748 {
		secret, _ := hex.DecodeString(private)
		key, err := NewPrivateKey(secret)
		if err != nil || key.Public().String() != public {
			t.Errorf("public key %v, %v, want %s", key.Public(), err, public)
		}
	}
}

// Public keys are those of crypto/ecdh, for random private keys and for those at the edges of clamping.
func TestPublicKeyAgainstCryptoECDH(t *testing.T) {
	zeros, ones := make([]byte, Size-1), bytes.Repeat([]byte{0xff}, Size-1)
	keys := [][]byte{
		append([]byte{0}, zeros...),
		append([]byte{7}, zeros...), // the bits that are cleared at the bottom
		append(bytes.Clone(zeros), 0x80),
		append(bytes.Clone(zeros), 0x40), // the smallest scalar
		append([]byte{0xf8}, ones...),    // the largest
		append([]byte{0xff}, ones...),
	}
	for range 200 {
		b := make([]byte, Size)
		_, _ = rand.Read(b)
		keys = append(keys, b)
	}
	for _, b := range keys {
		want, err := ecdh.X25519().NewPrivateKey(b)
		if err != nil {
			t.Fatal(err)
		}
		key, err := NewPrivateKey(b)
		if err != nil || !bytes.Equal(key.Public().Bytes(), want.PublicKey().Bytes()) {
			t.Errorf("private key %x: public key %v, %v, want %x", b, key.Public(), err, want.PublicKey().Bytes())
		}
	}
}

// After Destroy no copy of a secret is in the heap, though nothing was collected.
func TestDestroyLeavesNoCopy(t *testing.T) {
	key, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := testheap.Watch(t, key.SecretBytes())
	if !secret.InHeap(t) {
		t.Error("the secret is not in the heap to begin with")
	}
	key.Destroy()
	if secret.InHeap(t) {
		t.Error("Destroy leaves the secret in the heap")
	}
}
