package frost_test

import (
	"bytes"
	"slices"
	"testing"

	"frostkit/frost"
)

// In postcard the entries of a map ascend; JSON has them in any order, and of
// those with the same key the last one counts.
func TestMapOrder(t *testing.T) {
	_, public := deal(t, newStream(1), numbers(t, 2), 2)
	b := public.EncodePostcard()
	first, second := b[6:6+64], b[6+64:6+128]
	key := b[6+128:]
	for name, entries := range map[string][]byte{
		"descending": slices.Concat(second, first),
		"twice":      slices.Concat(first, first),
	} {
		if _, err := frost.DecodePublicKeyPackagePostcard(suite, slices.Concat(b[:6], entries, key)); err == nil {
			t.Errorf("%s: decodes", name)
		}
	}
	share := func(n uint16) string {
		s, _ := public.VerifyingShare(number(t, n))
		return s.String()
	}
	text := `[[0,"FROST-ED25519-SHA512-v1"],{"` + number(t, 2).String() + `":"` + share(1) + `","` +
		number(t, 1).String() + `":"` + share(1) + `","` + number(t, 2).String() + `":"` + share(2) +
		`"},"` + public.VerifyingKey().String() + `"]`
	if got := must(frost.DecodePublicKeyPackageJSON(suite, []byte(text)))(t); !got.Equal(public) {
		t.Errorf("the last entry does not count: %s", got.EncodeJSON())
	}
	badFirst := bytes.Replace([]byte(text), []byte(share(1)), bytes.Repeat([]byte("00"), 32), 1)
	if _, err := frost.DecodePublicKeyPackageJSON(suite, badFirst); err == nil {
		t.Error("an entry that does not count is not checked")
	}
}

func TestAccessors(t *testing.T) {
	keys, signers, pkg, public := twoOfThree(t)
	one, nine := number(t, 1), number(t, 9)
	key, signer, commitments := keys[one], signers[one], signers[one].Commitments()
	share := must(signer.Sign(pkg))(t)
	for what, cs := range map[string]frost.Ciphersuite{
		"identifier": one.Ciphersuite(), "key package": key.Ciphersuite(), "public key package": public.Ciphersuite(),
		"commitments": commitments.Ciphersuite(), "signing package": pkg.Ciphersuite(), "share": share.Ciphersuite(),
		"verifying key": key.VerifyingKey().Ciphersuite(),
	} {
		if cs != suite {
			t.Errorf("%s: suite %v", what, cs)
		}
	}
	if signer.Identifier() != one || key.Identifier() != one || key.MinSigners() != 2 {
		t.Error("signer or key package")
	}
	if got := pkg.Identifiers(); !slices.Equal(got, []frost.Identifier{one, number(t, 2)}) {
		t.Errorf("signers %v", got)
	}
	if got := public.Identifiers(); !slices.Equal(got, numbers(t, 3)) {
		t.Errorf("participants %v", got)
	}
	if got, ok := public.VerifyingShare(one); !ok || !got.Equal(key.VerifyingShare()) {
		t.Error("verifying share")
	}
	if got, ok := public.VerifyingShare(nine); ok || got.Bytes() != nil || got.Equal(key.VerifyingShare()) || !got.Equal(frost.VerifyingShare{}) {
		t.Error("verifying share of nobody")
	}
	if got, ok := pkg.Commitments(one); !ok || !got.Equal(commitments) {
		t.Error("commitments")
	}
	if _, ok := pkg.Commitments(nine); ok {
		t.Error("commitments of nobody")
	}
	if !share.Equal(must(frost.DecodeSignatureSharePostcard(suite, share.EncodePostcard()))(t)) || share.Equal(share.Tamper()) {
		t.Error("signature share")
	}
}

func TestTexts(t *testing.T) {
	key := must(frost.GenerateSigningKey(newStream(1), suite))(t)
	sig := must(key.Sign(newStream(2), nil))(t)
	public := key.VerifyingKey()
	if again := must(frost.ParseVerifyingKey(suite, public.String()))(t); !again.Equal(public) || key.Ciphersuite() != suite {
		t.Error("verifying key")
	}
	if again := must(frost.ParseSignature(suite, sig.String()))(t); !again.Equal(sig) || again.Equal(frost.Signature{}) || !(frost.Signature{}).Equal(frost.Signature{}) {
		t.Error("signature")
	}
	if (frost.Signature{}).Bytes() != nil || (frost.VerifyingKey{}).Bytes() != nil {
		t.Error("zero values have bytes")
	}
	for _, text := range []string{"", "zz", public.String(), "00" + sig.String()} {
		if _, err := frost.ParseSignature(suite, text); err == nil {
			t.Errorf("%q is a signature", text)
		}
	}
	for _, text := range []string{"", "zz", "00" + public.String(), sig.String()} {
		if _, err := frost.ParseVerifyingKey(suite, text); err == nil {
			t.Errorf("%q is a verifying key", text)
		}
	}
}

// A message of one suite is not read as one of another, and not used with it.
func TestSuitesDoNotMix(t *testing.T) {
	keys, signers, pkg, public := twoOfThree(t)
	other := new(p256)
	ids := []frost.Identifier{must(frost.NewIdentifier(other, 1))(t), must(frost.NewIdentifier(other, 2))(t)}
	if ids[0] == number(t, 1) || ids[0].Compare(number(t, 1)) == 0 {
		t.Error("1 of one suite is 1 of another")
	}
	if _, _, err := frost.TrustedDealer(newStream(1), suite, ids, 2); err == nil {
		t.Error("deals to identifiers of another suite")
	}
	shares, otherPublic, err := frost.TrustedDealer(newStream(1), other, ids, 2)
	if err != nil {
		t.Fatal(err)
	}
	stranger := must(frost.NewSigner(newStream(1), must(shares[ids[0]].KeyPackage())(t)))(t)
	if _, err := stranger.Sign(pkg); err == nil {
		t.Error("signs a package of another suite")
	}
	good := signAll(t, signers, pkg)
	if _, err := frost.Aggregate(pkg, good, otherPublic); err == nil {
		t.Error("aggregates for a key of another suite")
	}
	if err := frost.VerifySignatureShare(number(t, 1), good[number(t, 1)], pkg, otherPublic); err == nil {
		t.Error("verifies for a key of another suite")
	}
	if public.Equal(otherPublic) || keys[number(t, 1)].VerifyingKey().Equal(otherPublic.VerifyingKey()) {
		t.Error("keys of two suites are equal")
	}
	b := map[string][]byte{
		"PublicKeyPackage": otherPublic.EncodePostcard(), "SecretShare": shares[ids[0]].EncodeSecretPostcard(),
		"SigningCommitments": stranger.Commitments().EncodePostcard(),
	}
	for name, form := range b {
		if _, err := codecs[name].postcard(form); err == nil {
			t.Errorf("%s of another suite decodes", name)
		}
	}
}
