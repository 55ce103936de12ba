package frost_test

import (
	"crypto/ed25519"
	"slices"
	"strings"
	"testing"

	"frostkit/frost"
)

// verify decodes a key and a signature, and verifies.
func verify(key, message, sig []byte) bool {
	k, err := frost.DecodeVerifyingKey(suite, key)
	if err != nil {
		return false
	}
	s, err := frost.DecodeSignature(suite, sig)
	return err == nil && k.Verify(message, s) == nil
}

func TestWycheproof(t *testing.T) {
	var v struct {
		TestGroups []struct {
			PublicKey struct {
				PK hexBytes `json:"pk"`
			} `json:"publicKey"`
			Tests []struct {
				ID      int      `json:"tcId"`
				Comment string   `json:"comment"`
				Message hexBytes `json:"msg"`
				Sig     hexBytes `json:"sig"`
				Result  string   `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readJSON(t, "wycheproof-ed25519_test.json", &v)
	count := 0
	for _, g := range v.TestGroups {
		for _, c := range g.Tests {
			count++
			want := c.Result == "valid"
			if got := verify(g.PublicKey.PK, c.Message, c.Sig); got != want {
				t.Errorf("%d %s: %v, want %v", c.ID, c.Comment, got, want)
			}
			if std := ed25519.Verify(ed25519.PublicKey(g.PublicKey.PK), c.Message, c.Sig); std != want {
				t.Errorf("%d %s: crypto/ed25519 %v, want %v", c.ID, c.Comment, std, want)
			}
		}
	}
	if count != 151 {
		t.Errorf("%d cases, want 151", count)
	}
}

// Every signature of the CCTV vectors but one has a component of small order in its key or
// in R. The rule of this package, as of ZF, is to verify without a cofactor and to
// decode elements of prime order alone, and so it refuses all of those.
// crypto/ed25519 has no such condition on elements and accepts some; what
// this package accepts, it accepts too.
func TestCCTV(t *testing.T) {
	var cases []struct {
		Number int      `json:"number"`
		Key    hexBytes `json:"key"`
		Sig    hexBytes `json:"sig"`
		Msg    string   `json:"msg"`
		Flags  []string `json:"flags"`
	}
	readJSON(t, "cctv-ed25519vectors.json", &cases)
	if len(cases) != 914 {
		t.Errorf("%d cases, want 914", len(cases))
	}
	onlyStandard := 0
	for _, c := range cases {
		want := !slices.ContainsFunc(c.Flags, func(flag string) bool { return strings.HasPrefix(flag, "low_order_") })
		if got := verify(c.Key, []byte(c.Msg), c.Sig); got != want {
			t.Errorf("%d %v: %v, want %v", c.Number, c.Flags, got, want)
		}
		switch standard := ed25519.Verify(ed25519.PublicKey(c.Key), []byte(c.Msg), c.Sig); {
		case want && !standard:
			t.Errorf("%d: crypto/ed25519 refuses it", c.Number)
		case standard && !want:
			onlyStandard++
		}
	}
	if onlyStandard == 0 {
		t.Error("crypto/ed25519 accepts no more than this package")
	}
}
