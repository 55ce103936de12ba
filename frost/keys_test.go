package frost_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"frostkit/frost"
)

// scalarReaderOf is a source of n bytes of randomness.
func scalarReaderOf(n int) io.Reader { return io.LimitReader(newStream(5), int64(n)) }

func TestDealerRefuses(t *testing.T) {
	ids := numbers(t, 3)
	for name, c := range map[string]struct {
		ids       []frost.Identifier
		threshold int
	}{
		"threshold 1":      {ids, 1},
		"threshold 0":      {ids, 0},
		"threshold -1":     {ids, -1},
		"threshold 4 of 3": {ids, 4},
		"one participant":  {ids[:1], 1},
		"nobody":           {nil, 2},
		"one twice":        {append(ids[:2:2], ids[0]), 2},
		"the zero value":   {append(ids[:2:2], frost.Identifier{}), 2},
	} {
		if _, _, err := frost.TrustedDealer(newStream(1), suite, c.ids, c.threshold); err == nil {
			t.Errorf("%s: deals", name)
		}
	}
	for n := range 3 {
		if _, _, err := frost.TrustedDealer(scalarReaderOf(64*n-n), suite, ids, 3); err == nil {
			t.Errorf("%d bytes of randomness suffice", 64*n-n)
		}
	}
}

// A coefficient of 0, whose commitment would be the identity, is drawn again.
func TestDealerDrawsZeroAgain(t *testing.T) {
	one := append([]byte{1}, make([]byte, 31)...)
	key := must(frost.DecodeSigningKey(suite, one))(t)
	random := scalarReader(make([]byte, 32), one)
	shares, public, err := frost.Split(random, key, numbers(t, 2), 2)
	if err != nil {
		t.Fatal(err)
	}
	// f(x) = 1 + x
	if share := shares[number(t, 2)].SigningShare(); share[0] != 3 {
		t.Errorf("f(2) = %x", share)
	}
	if n, known := public.MinSigners(); n != 2 || !known {
		t.Errorf("threshold %d, known %v", n, known)
	}
}

func TestSplitRefusesIdentityShares(t *testing.T) {
	// f(x) = 1 - x is 0 at 1: that verifying share has no encoding.
	g := suite.Group()
	one := g.ScalarFromUint16(1)
	minusOne := g.NewScalar()
	minusOne.Subtract(minusOne, one)
	key := must(frost.DecodeSigningKey(suite, one.Bytes()))(t)
	if _, _, err := frost.Split(scalarReader(minusOne.Bytes()), key, numbers(t, 2), 2); err == nil {
		t.Error("splits")
	}
}

// The commitment is the same for all, has the threshold's length and begins with the verifying key.
func TestSecretShareCommitment(t *testing.T) {
	shares, public, err := frost.TrustedDealer(newStream(1), suite, numbers(t, 3), 2)
	if err != nil {
		t.Fatal(err)
	}
	want := shares[number(t, 1)].Commitment()
	if len(want) != 2*32 || !bytes.Equal(want[:32], public.VerifyingKey().Bytes()) {
		t.Errorf("commitment %x of the key %s", want, public.VerifyingKey())
	}
	for id, share := range shares {
		again := must(frost.DecodeSecretShareJSON(suite, share.EncodeSecretJSON()))(t)
		equal(t, id.String(), again.Commitment(), want)
	}
}

func TestSecretShareIsVerified(t *testing.T) {
	shares, _, err := frost.TrustedDealer(newStream(1), suite, numbers(t, 3), 2)
	if err != nil {
		t.Fatal(err)
	}
	good := shares[number(t, 1)].EncodeSecretPostcard()
	for name, forge := range map[string]func(b []byte) []byte{
		"another share": func(b []byte) []byte { b[5+32] ^= 1; return b },
		"another identifier": func(b []byte) []byte {
			copy(b[5:], number(t, 2).Bytes())
			return b
		},
		"shorter commitment": func(b []byte) []byte { b[5+64]--; return b[:len(b)-32] },
		"empty commitment":   func(b []byte) []byte { b[5+64] = 0; return b[:5+64+1] },
	} {
		share := must(frost.DecodeSecretSharePostcard(suite, forge(bytes.Clone(good))))(t)
		if _, err := share.KeyPackage(); err == nil {
			t.Errorf("%s: makes a key package", name)
		}
	}
}

func TestKeyPackageCheck(t *testing.T) {
	keys, _ := deal(t, newStream(1), numbers(t, 3), 2)
	key := keys[number(t, 1)]
	if err := key.Check(); err != nil {
		t.Error(err)
	}
	b := key.EncodeSecretPostcard()
	b[5+32] ^= 1
	if err := must(frost.DecodeKeyPackagePostcard(suite, b))(t).Check(); err == nil {
		t.Error("another share passes")
	}
}

func TestSigningKey(t *testing.T) {
	key := must(frost.GenerateSigningKey(newStream(1), suite))(t)
	sig := must(key.Sign(newStream(2), []byte("message")))(t)
	checkEd25519(t, key.VerifyingKey(), []byte("message"), sig)
	if err := key.VerifyingKey().Verify([]byte("massage"), sig); !errors.Is(err, frost.ErrInvalidSignature) {
		t.Error(err)
	}
	if err := key.VerifyingKey().Verify([]byte("message"), frost.Signature{}); !errors.Is(err, frost.ErrInvalidSignature) {
		t.Error(err)
	}
	if err := (frost.VerifyingKey{}).Verify([]byte("message"), sig); !errors.Is(err, frost.ErrInvalidSignature) {
		t.Error(err)
	}
	// The same randomness gives other nonces for another message.
	if other := must(key.Sign(newStream(2), []byte("massage")))(t); bytes.Equal(other.Bytes()[:32], sig.Bytes()[:32]) {
		t.Error("nonce used twice")
	}
	again := must(frost.DecodeSigningKey(suite, key.SecretBytes()))(t)
	if !again.VerifyingKey().Equal(key.VerifyingKey()) {
		t.Error("decodes to another key")
	}
	key.Destroy()
	if _, err := key.Sign(newStream(2), nil); !errors.Is(err, frost.ErrDestroyed) {
		t.Error(err)
	}
	if _, _, err := frost.Split(newStream(2), key, numbers(t, 2), 2); !errors.Is(err, frost.ErrDestroyed) {
		t.Error(err)
	}
	if _, err := frost.DecodeSigningKey(suite, make([]byte, 32)); err == nil {
		t.Error("0 decodes")
	}
}

func TestIdentifiers(t *testing.T) {
	if _, err := frost.NewIdentifier(suite, 0); err == nil {
		t.Error("0 is an identifier")
	}
	order := "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"
	for _, text := range []string{"", "01", "zz", strings.Repeat("00", 32), strings.Repeat("ff", 32), order, strings.Repeat("01", 33)} {
		if id, err := frost.ParseIdentifier(suite, text); err == nil || !id.IsZero() {
			t.Errorf("%q is an identifier", text)
		}
	}
	var zero frost.Identifier
	if !zero.IsZero() || zero.Compare(number(t, 1)) >= 0 || number(t, 1).Compare(zero) <= 0 || zero.Compare(zero) != 0 {
		t.Error("the zero value is not before all others")
	}
	text := must(json.Marshal(map[frost.Identifier]int{number(t, 1): 1}))(t)
	if want := `{"01` + strings.Repeat("00", 31) + `":1}`; string(text) != want {
		t.Errorf("as a key of JSON: %s", text)
	}
}

func TestCiphersuites(t *testing.T) {
	if cs := must(frost.CiphersuiteByID("FROST-ED25519-SHA512-v1"))(t); cs != suite {
		t.Error("another suite by ID")
	}
	if cs := must(frost.CiphersuiteByName("ed25519"))(t); cs != suite {
		t.Error("another suite by name")
	}
	if _, err := frost.CiphersuiteByID("ed25519"); err == nil {
		t.Error("the name is an ID")
	}
	if _, err := frost.CiphersuiteByName("redpallas"); err == nil {
		t.Error("redpallas is there")
	}
}

func TestPublicTypesMarshal(t *testing.T) {
	_, signers, pkg, public := twoOfThree(t)
	shares := signAll(t, signers, pkg)
	sig := must(frost.Aggregate(pkg, shares, public))(t)
	got := must(json.Marshal([]any{public, pkg, signers[number(t, 1)].Commitments(), shares[number(t, 1)], sig, public.VerifyingKey()}))(t)
	want := fmt.Sprintf(`[%s,%s,%s,%s,"%s","%s"]`, public.EncodeJSON(), pkg.EncodeJSON(),
		signers[number(t, 1)].Commitments().EncodeJSON(), shares[number(t, 1)].EncodeJSON(), sig, public.VerifyingKey())
	equalText(t, "marshalled", got, []byte(want))
}

// Secrets show nothing by any verb, as a value, a pointer or within another.
func TestSecretsDoNotPrintOrMarshal(t *testing.T) {
	keys, signers, _, _ := twoOfThree(t)
	shares, _, err := frost.TrustedDealer(newStream(1), suite, numbers(t, 2), 2)
	if err != nil {
		t.Fatal(err)
	}
	key, share, signer := keys[number(t, 1)], shares[number(t, 1)], signers[number(t, 1)]
	signingKey := must(frost.GenerateSigningKey(newStream(1), suite))(t)
	for _, secret := range []any{key, *key, share, *share, signer, *signer, signingKey, *signingKey} {
		for _, v := range []any{secret, []any{secret}, struct{ V any }{secret}, map[string]any{"v": secret}} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
				if text := fmt.Sprintf(verb, v); !strings.Contains(text, "[secret]") || len(text) > 150 {
					t.Errorf("%T as %s: %s", secret, verb, text)
				}
			}
			if b, err := json.Marshal(v); !errors.Is(err, frost.ErrSecret) {
				t.Errorf("%T as JSON: %s, %v", secret, b, err)
			}
		}
		if b, err := xml.Marshal(secret); !errors.Is(err, frost.ErrSecret) {
			t.Errorf("%T as XML: %s, %v", secret, b, err)
		}
		if err := gob.NewEncoder(io.Discard).Encode(secret); err == nil {
			t.Errorf("%T as gob", secret)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Info("log", "secret", secret)
		slog.New(slog.NewJSONHandler(&log, nil)).Info("log", "secret", secret)
		if text := log.String(); strings.Count(text, "refusing to marshal a secret") != 2 {
			t.Errorf("%T in a log: %s", secret, text)
		}
	}
}

func TestDestroyWipes(t *testing.T) {
	shares, _, err := frost.TrustedDealer(newStream(1), suite, numbers(t, 2), 2)
	if err != nil {
		t.Fatal(err)
	}
	share := shares[number(t, 1)]
	key := must(share.KeyPackage())(t)
	share.Destroy()
	if bytes.Equal(key.SigningShare(), make([]byte, 32)) {
		t.Error("the key package lost its share with the dealer's")
	}
	key.Destroy()
	equal(t, "secret share", share.SigningShare(), make([]byte, 32))
	equal(t, "key package", key.SigningShare(), make([]byte, 32))
}

func TestBlameErrorText(t *testing.T) {
	one, two := number(t, 1), number(t, 2)
	first := &frost.BlameError{Culprits: []frost.Identifier{two}, Check: "sent nothing"}
	second := &frost.BlameError{Culprits: []frost.Identifier{one, two}, Check: "sent a lie", Err: frost.ErrInvalidSignature}
	if err := frost.JoinBlame(); err != nil {
		t.Error(err)
	}
	if err := frost.JoinBlame(first); err != error(first) {
		t.Error(err)
	}
	err := frost.JoinBlame(first, second)
	var blame *frost.BlameError
	if !errors.As(err, &blame) || len(blame.Culprits) != 2 || blame.Culprits[0] != one {
		t.Errorf("culprits of %v", err)
	}
	if !errors.Is(err, frost.ErrInvalidSignature) || !strings.Contains(err.Error(), "sent nothing") || !strings.Contains(err.Error(), "sent a lie") {
		t.Errorf("text: %v", err)
	}
}
