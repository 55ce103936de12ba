package commkey

import (
	"bytes"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The u-coordinates of low order and their non-canonical aliases, as listed at
// cr.yp.to/ecdh.html#validate.
var refused = map[string]string{
	"0000000000000000000000000000000000000000000000000000000000000000": "low order",
	"0100000000000000000000000000000000000000000000000000000000000000": "low order",
	"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800": "low order",
	"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157": "low order",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": "low order",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": "canonical",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f": "canonical",
	"0900000000000000000000000000000000000000000000000000000000000080": "canonical",
	"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff": "canonical",
	"00": "1 bytes",
	"":   "0 bytes",
	"zz": "hexadecimal",
}

func TestParsePublicKeyRefuses(t *testing.T) {
	for text, reason := range refused {
		if _, err := ParsePublicKey(text); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("ParsePublicKey(%q) = %v, want an error with %q", text, err, reason)
		}
	}
}

func TestKeyPairRoundTrip(t *testing.T) {
	// A pair that frost-client made (Alice of the recorded ceremony of three).
	secret, _ := hex.DecodeString("89e8a7e551bd4fdf7553be9b3dba74c3f09a03ecaa1e841e99cf31dcd306e84e")
	private, err := NewPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	const want = "ffd81f130b4b779ffd99169e62aea3df127b9c5aa30c36605e3fe7158adc6f49"
	if got := private.Public().String(); got != want {
		t.Fatalf("public key %s, want %s", got, want)
	}
	public, err := ParsePublicKey(strings.ToUpper(private.Public().String()))
	if err != nil || public != private.Public() {
		t.Fatalf("public key %v read back as %v, %v", private.Public(), public, err)
	}
	again, err := NewPrivateKey(private.SecretBytes())
	if err != nil || again.Public() != public {
		t.Fatalf("private key read back with public key %v, %v", again.Public(), err)
	}
	var fromText PublicKey
	text, _ := public.MarshalText()
	if err := fromText.UnmarshalText(text); err != nil || fromText != public {
		t.Fatalf("text %q read back as %v, %v", text, fromText, err)
	}
}

func TestPrivateKeyDoesNotLeak(t *testing.T) {
	key, err := Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := fmt.Sprintf("%x", key.SecretBytes())
	holder := struct{ Key *PrivateKey }{key}
	printed := fmt.Sprintf("%v %+v %#v %s %x %v %+v %#v", key, key, key, *key, key, holder, holder, *key)
	if strings.Contains(strings.ToLower(printed), secret[:8]) {
		t.Errorf("printed secret in %q", printed)
	}
	if out, err := json.Marshal(holder); !errors.Is(err, ErrSecret) {
		t.Errorf("marshalled a private key: %s, %v", out, err)
	}
	key.Destroy()
	if !bytes.Equal(key.SecretBytes(), make([]byte, Size)) {
		t.Error("Destroy left the secret")
	}
}

func TestGenerateReportsShortRandom(t *testing.T) {
	if _, err := Generate(strings.NewReader("short")); err == nil {
		t.Error("made a key from five bytes")
	}
}

// The list of points of low order against the arithmetic of crypto/ecdh.
func TestLowOrderAgainstX25519(t *testing.T) {
	scalar, err := ecdh.X25519().NewPrivateKey(bytes.Repeat([]byte{8}, Size))
	if err != nil {
		t.Fatal(err)
	}
	isZero := func(u [Size]byte) bool {
		peer, err := ecdh.X25519().NewPublicKey(u[:])
		if err != nil {
			t.Fatal(err)
		}
		_, err = scalar.ECDH(peer)
		return err != nil
	}
	for u := range lowOrderPoints {
		if !(PublicKey{u}).canonical() || !isZero(u) {
			t.Errorf("%x is listed as of low order and is not, or is not canonical", u)
		}
	}
	for i := range 500 { // small u-coordinates and large ones, on the curve and on the twist
		small, large := [Size]byte{byte(i), byte(i >> 8)}, fieldPrime
		binary.LittleEndian.PutUint16(large[:], binary.LittleEndian.Uint16(large[:])-uint16(i)-1)
		for _, u := range [][Size]byte{small, large} {
			if (PublicKey{u}).lowOrder() != isZero(u) {
				t.Errorf("lowOrder of %x is %v, X25519 disagrees", u, !isZero(u))
			}
		}
	}
}
