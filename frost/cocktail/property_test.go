package cocktail

import (
	"crypto/ed25519"
	"testing"

	"pgregory.net/rapid"

	"frostkit/frost"
)

// Any t of n members sign with what comes out, and others recover the same keys.
func TestOutcomeSigns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 6).Draw(r, "n")
		threshold := rapid.IntRange(2, n).Draw(r, "t")
		p := newParty(t, rapid.StringN(1, -1, 64).Draw(r, "session"), threshold, n)
		rounds2 := p.round2(t, rapid.Byte().Draw(r, "seed"))
		rounds3, signatures := p.certify(t, rounds2, rapid.SliceOfN(rapid.Byte(), 0, 64).Draw(r, "extension"))
		certificate := must(rounds3[0].Next(signatures))(t)
		public := must(certificate.Transcript().PublicKeyPackage())(t)
		keys := make(map[frost.Identifier]*frost.KeyPackage)
		for _, i := range rapid.Permutation(indices(n)).Draw(r, "signers")[:threshold] {
			if !public.Equal(rounds2[i].PublicKeyPackage()) {
				t.Fatal("public keys of a member differ from those of the certificate")
			}
			recovered, _, err := Recover(p.keys[i], certificate, rounds2[i].Bundle())
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "recovered share", secretShare(t, recovered), secretShare(t, rounds2[i].KeyPackage()))
			keys[p.ids[i]] = recovered
		}
		message := []byte("message")
		signature := signWith(t, keys, public, message)
		if !ed25519.Verify(public.VerifyingKey().Bytes(), message, signature.Bytes()) {
			t.Error("signature does not verify as one of Ed25519")
		}
	})
}

func indices(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func signWith(t *testing.T, keys map[frost.Identifier]*frost.KeyPackage, public *frost.PublicKeyPackage, message []byte) frost.Signature {
	t.Helper()
	signers := make(map[frost.Identifier]*frost.Signer)
	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	for id, key := range keys {
		signers[id] = must(frost.NewSigner(random(9), key))(t)
		commitments[id] = signers[id].Commitments()
	}
	pkg := must(frost.NewSigningPackage(cs, commitments, message))(t)
	shares := make(map[frost.Identifier]*frost.SignatureShare)
	for id, signer := range signers {
		shares[id] = must(signer.Sign(pkg))(t)
	}
	return must(frost.Aggregate(pkg, shares, public))(t)
}

// A batch of signatures verifies if and only if each does.
func TestBatch(t *testing.T) {
	s := must(suiteOf(cs))(t)
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(0, 8).Draw(r, "n")
		p := newParty(t, "batch", 2, 8)
		var all []signed
		var want []int
		for i := range n {
			message := []byte{byte(i)}
			sig := must(sign(s, p.keys[i].secret, p.keys[i].public.element, message))(t)
			if rapid.Bool().Draw(r, "broken") {
				message = nil
				want = append(want, i)
			}
			all = append(all, newSigned(sig, p.keys[i].public.element, message))
		}
		got := invalid(s, all)
		if len(got) != len(want) {
			t.Fatalf("invalid are %v, want %v", got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("invalid are %v, want %v", got, want)
			}
		}
	})
}
