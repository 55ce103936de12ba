package xeddsa

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/commkey"
)

type vector struct {
	Private        string `json:"x25519_private"`
	Public         string `json:"x25519_public"`
	Edwards        string `json:"ed25519_public_sign0"`
	Negated        bool   `json:"key_negated"`
	Message        string `json:"message"`
	Nonce          string `json:"nonce_64"`
	Signature      string `json:"signature_spec"`
	CrateSignature string `json:"signature_xeddsa_crate_1_0_2"`
}

func computed(t *testing.T) []vector {
	t.Helper()
	var file struct{ Vectors []vector }
	readJSON(t, "testdata/xeddsa-computed.json", &file)
	if len(file.Vectors) == 0 {
		t.Fatal("no vectors")
	}
	return file.Vectors
}

func readJSON(t *testing.T, name string, v any) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(b, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func private(t *testing.T, s string) *commkey.PrivateKey {
	t.Helper()
	key, err := commkey.NewPrivateKey(unhex(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestSignEqualsTheSpecification(t *testing.T) {
	for i, v := range computed(t) {
		key, message := private(t, v.Private), unhex(t, v.Message)
		if got := key.Public().String(); got != v.Public {
			t.Fatalf("vector %d: public key %s, want %s", i, got, v.Public)
		}
		signature, err := Sign(bytes.NewReader(unhex(t, v.Nonce)), key, message)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(signature[:]); got != v.Signature {
			t.Errorf("vector %d: signature %s, want %s", i, got, v.Signature)
		}
	}
}

func TestVerifyBothSignaturesOfEachVector(t *testing.T) {
	for i, v := range computed(t) {
		key, message := private(t, v.Private).Public(), unhex(t, v.Message)
		edwards, err := EdwardsPublicKey(key)
		if err != nil || hex.EncodeToString(edwards) != v.Edwards {
			t.Errorf("vector %d: Edwards key %x, %v, want %s", i, edwards, err, v.Edwards)
		}
		for _, text := range []string{v.Signature, v.CrateSignature} {
			signature := unhex(t, text)
			if !Verify(key, message, signature) || !ed25519.Verify(edwards, message, signature) {
				t.Errorf("vector %d: signature %s does not verify", i, text)
			}
			if Verify(key, append(message, 0), signature) {
				t.Errorf("vector %d: signature %s verifies another message", i, text)
			}
		}
	}
}

func TestKeyPairsOfTheRustCrate(t *testing.T) {
	type pair struct {
		Scalar string `json:"scalar_bytes"`
		Public string `json:"ed25519_public"`
	}
	var file struct {
		Pairs struct {
			Private string `json:"x25519_private"`
			Sign0   pair
			Sign1   pair
		} `json:"xeddsa_crate_1.0.2_key_pairs"`
	}
	readJSON(t, "testdata/xeddsa-collected.json", &file)
	public, secret := keyPair(private(t, file.Pairs.Private))
	if got := hex.EncodeToString(public); got != file.Pairs.Sign0.Public {
		t.Errorf("Edwards key %s, want %s", got, file.Pairs.Sign0.Public)
	}
	negated := edwards25519.NewScalar().Negate(secret)
	if got := hex.EncodeToString(negated.Bytes()); got != file.Pairs.Sign1.Scalar {
		t.Errorf("scalar of sign 1 %s, want %s", got, file.Pairs.Sign1.Scalar)
	}
}

func TestVerifyRefuses(t *testing.T) {
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	message := []byte("0123456789abcdef")
	signature, err := Sign(rand.Reader, key, message)
	if err != nil || !Verify(key.Public(), message, signature[:]) {
		t.Fatalf("signature %x, %v does not verify", signature, err)
	}
	other, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if Verify(other.Public(), message, signature[:]) {
		t.Error("verifies under another key")
	}
	if Verify(key.Public(), message, signature[:63]) || Verify(key.Public(), message, nil) {
		t.Error("a short signature verifies")
	}
	for bit := range 8 * SignatureSize {
		altered := signature
		altered[bit/8] ^= 1 << (bit % 8)
		if Verify(key.Public(), message, altered[:]) {
			t.Errorf("verifies with bit %d flipped", bit)
		}
	}
}

// libsignal puts the sign bit of the Edwards key into the top bit of s and
// signs with the scalar as it is; plain XEdDSA must refuse what it makes.
func TestVerifyRefusesLibsignal(t *testing.T) {
	for i, v := range computed(t) {
		if !v.Negated {
			continue
		}
		key, message := private(t, v.Private), unhex(t, v.Message)
		signature := libsignalSign(t, key, message)
		if Verify(key.Public(), message, signature) {
			t.Errorf("vector %d: libsignal's signature verifies", i)
		}
		signature[63] &= 0x7f
		if Verify(key.Public(), message, signature) {
			t.Errorf("vector %d: libsignal's signature without its sign bit verifies", i)
		}
	}
}

func libsignalSign(t *testing.T, key *commkey.PrivateKey, message []byte) []byte {
	t.Helper()
	scalar, err := edwards25519.NewScalar().SetBytesWithClamping(key.SecretBytes())
	if err != nil {
		t.Fatal(err)
	}
	public := new(edwards25519.Point).ScalarBaseMult(scalar).Bytes()
	r := hash([]byte("any nonce"))
	commitment := new(edwards25519.Point).ScalarBaseMult(r).Bytes()
	s := edwards25519.NewScalar().MultiplyAdd(hash(commitment, public, message), scalar, r)
	signature := append(commitment, s.Bytes()...)
	if !ed25519.Verify(public, message, signature) {
		t.Fatal("the signature does not verify under the signed key")
	}
	signature[63] |= public[31] & 0x80
	return signature
}

func TestSignReportsShortRandom(t *testing.T) {
	key := private(t, computed(t)[0].Private)
	if _, err := Sign(bytes.NewReader(make([]byte, 63)), key, nil); err == nil {
		t.Error("signed with 63 bytes of random")
	}
}

func TestEdwardsPublicKeyOfTheTwist(t *testing.T) {
	// u = 2 is a point of the twist: u^3 + 486662 u^2 + u is no square.
	key, err := commkey.NewPublicKey(append([]byte{2}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	if public, err := EdwardsPublicKey(key); !errors.Is(err, ErrNotOnCurve) {
		t.Errorf("EdwardsPublicKey(%v) = %x, %v", key, public, err)
	}
	if Verify(key, nil, make([]byte, SignatureSize)) {
		t.Error("a signature verifies under a key of the twist")
	}
}

func TestRoundTripAgainstCryptoEd25519(t *testing.T) {
	for range 100 {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		message := key.Public().Bytes()
		signature, err := Sign(rand.Reader, key, message)
		if err != nil {
			t.Fatal(err)
		}
		edwards, err := EdwardsPublicKey(key.Public())
		if err != nil || !ed25519.Verify(edwards, message, signature[:]) {
			t.Fatalf("key %v: crypto/ed25519 refuses %x, %v", key.Public(), signature, err)
		}
		point, err := new(edwards25519.Point).SetBytes(edwards)
		if err != nil || !bytes.Equal(point.BytesMontgomery(), message) {
			t.Fatalf("key %v does not convert back, %v", key.Public(), err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(make([]byte, 32), []byte("m"), make([]byte, 64))
	f.Add(bytes.Repeat([]byte{9}, 32), []byte{}, bytes.Repeat([]byte{0xff}, 64))
	f.Fuzz(func(t *testing.T, public, message, signature []byte) {
		key, err := commkey.NewPublicKey(public)
		if err == nil && Verify(key, message, signature) {
			t.Errorf("forged %x over %x under %v", signature, message, key)
		}
	})
}
