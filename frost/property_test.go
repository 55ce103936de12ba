package frost_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"frostkit/frost"
)

// drawIDs draws distinct identifiers, numbers and derived ones.
func drawIDs(r *rapid.T, n int) []frost.Identifier {
	seeds := rapid.SliceOfNDistinct(rapid.Uint16Range(1, 65535), n, n, rapid.ID[uint16]).Draw(r, "ids")
	ids := make([]frost.Identifier, n)
	for i, seed := range seeds {
		id, err := frost.NewIdentifier(suite, seed)
		if rapid.Bool().Draw(r, "derived") {
			id, err = frost.DeriveIdentifier(suite, fmt.Append(nil, seed))
		}
		if err != nil {
			r.Fatal(err)
		}
		ids[i] = id
	}
	return ids
}

// drawKeys deals to a group of 2 to 12.
func drawKeys(t *testing.T, r *rapid.T) (keys map[frost.Identifier]*frost.KeyPackage, public *frost.PublicKeyPackage, threshold int) {
	ids := drawIDs(r, rapid.IntRange(2, 12).Draw(r, "n"))
	threshold = rapid.IntRange(2, len(ids)).Draw(r, "t")
	// A stream that does not repeat within the run.
	keys, public = deal(t, newStream(rapid.Uint64().Draw(r, "seed")), ids, threshold)
	return keys, public, threshold
}

// pick draws count of the keys.
func pick(r *rapid.T, keys map[frost.Identifier]*frost.KeyPackage, count int) map[frost.Identifier]*frost.KeyPackage {
	order := rapid.Permutation(sorted(keys)).Draw(r, "signers")
	chosen := make(map[frost.Identifier]*frost.KeyPackage)
	for _, id := range order[:count] {
		chosen[id] = keys[id]
	}
	return chosen
}

func TestAnyThresholdSigns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys, public, threshold := drawKeys(t, r)
		message := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "message")
		chosen := pick(r, keys, rapid.IntRange(threshold, len(keys)).Draw(r, "k"))
		signers, pkg := commit(t, newStream(rapid.Uint64().Draw(r, "nonces")), chosen, message)
		sig, err := frost.Aggregate(pkg, signAll(t, signers, pkg), public)
		if err != nil {
			r.Fatal(err)
		}
		checkEd25519(t, public.VerifyingKey(), message, sig)
	})
}

// One signer less than the threshold is refused by each signer and by the coordinator.
// Signers and a coordinator that do not know the threshold make no signature.
func TestFewerThanThresholdCannotSign(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys, public, threshold := drawKeys(t, r)
		chosen := pick(r, keys, threshold-1)
		signers, pkg := commit(t, newStream(1), chosen, []byte("message"))
		for _, signer := range signers {
			if _, err := signer.Sign(pkg); err == nil {
				r.Error("a signer signs")
			}
		}
		for id, key := range chosen {
			forged := bytes.Clone(key.EncodeSecretPostcard())
			forged[len(forged)-1] = 0
			chosen[id] = must(frost.DecodeKeyPackagePostcard(suite, forged))(t)
		}
		signers, pkg = commit(t, newStream(2), chosen, []byte("message"))
		shares := signAll(t, signers, pkg)
		if _, err := frost.Aggregate(pkg, shares, public); err == nil || errors.Is(err, frost.ErrInvalidSignature) {
			r.Errorf("the coordinator does not count: %v", err)
		}
		public = must(frost.DecodePublicKeyPackagePostcard(suite, public.EncodePostcard()))(t)
		if _, err := frost.Aggregate(pkg, shares, public); !errors.Is(err, frost.ErrInvalidSignature) {
			r.Errorf("%d of threshold %d: %v", len(chosen), threshold, err)
		}
	})
}

// Every set of wrong shares is named, whole.
func TestEveryCulpritIsNamed(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys, public, _ := drawKeys(t, r)
		signers, pkg := commit(t, newStream(3), keys, []byte("message"))
		shares := signAll(t, signers, pkg)
		culprits := sorted(pick(r, keys, rapid.IntRange(1, len(keys)).Draw(r, "culprits")))
		for _, id := range culprits {
			shares[id] = shares[id].Tamper()
		}
		_, err := frost.Aggregate(pkg, shares, public)
		var blame *frost.BlameError
		if !errors.As(err, &blame) || !slices.Equal(blame.Culprits, culprits) {
			r.Errorf("%v, want the culprits %v", err, culprits)
		}
		for _, id := range sorted(keys) {
			err := frost.VerifySignatureShare(id, shares[id], pkg, public)
			if wrong := slices.Contains(culprits, id); errors.As(err, &blame) != wrong {
				r.Errorf("share of %s, wrong %v: %v", id, wrong, err)
			}
		}
	})
}

// Every form of every message of a run decodes to what encodes to the same bytes.
func TestFormsAgree(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		keys, public, _ := drawKeys(t, r)
		signers, pkg := commit(t, newStream(4), keys, rapid.SliceOf(rapid.Byte()).Draw(r, "message"))
		shares := signAll(t, signers, pkg)
		same := func(name string, json, postcard []byte) {
			equalText(t, name, must(codecs[name].json(json))(t), json)
			equal(t, name, must(codecs[name].postcard(postcard))(t), postcard)
		}
		same("PublicKeyPackage", public.EncodeJSON(), public.EncodePostcard())
		same("SigningPackage", pkg.EncodeJSON(), pkg.EncodePostcard())
		for id, key := range keys {
			same("KeyPackage", key.EncodeSecretJSON(), key.EncodeSecretPostcard())
			same("SigningCommitments", signers[id].Commitments().EncodeJSON(), signers[id].Commitments().EncodePostcard())
			same("SignatureShare", shares[id].EncodeJSON(), shares[id].EncodePostcard())
		}
	})
}

// In every group of up to 12 any threshold of members signs, and one less cannot.
func TestEveryGroupSize(t *testing.T) {
	for n := 2; n <= 12; n++ {
		for threshold := 2; threshold <= n; threshold++ {
			random := newStream(uint64(100*n + threshold))
			keys, public := deal(t, random, numbers(t, n), threshold)
			for first := range n { // each member takes part in some of the sets
				chosen := make(map[frost.Identifier]*frost.KeyPackage)
				for i := range threshold {
					id := number(t, uint16((first+i*5)%n+1))
					for chosen[id] != nil { // 5 and n have a common factor
						id = number(t, uint16(id.Bytes()[0])%uint16(n)+1)
					}
					chosen[id] = keys[id]
				}
				signers, pkg := commit(t, random, chosen, []byte("message"))
				sig, err := frost.Aggregate(pkg, signAll(t, signers, pkg), public)
				if err != nil {
					t.Fatalf("%d of %d: %v", threshold, n, err)
				}
				checkEd25519(t, public.VerifyingKey(), []byte("message"), sig)
				delete(chosen, sorted(chosen)[0])
				signers, pkg = commit(t, random, chosen, []byte("message"))
				for _, signer := range signers {
					if _, err := signer.Sign(pkg); err == nil {
						t.Errorf("%d of threshold %d sign", threshold-1, threshold)
					}
				}
			}
		}
	}
}

// The same key split among other participants, or for another threshold, is the same
// key for those who verify, and shares of different splits do not mix.
func TestSplitAgain(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		key := must(frost.GenerateSigningKey(newStream(rapid.Uint64().Draw(r, "key")), suite))(t)
		split := func(name string) (map[frost.Identifier]*frost.KeyPackage, *frost.PublicKeyPackage) {
			ids := drawIDs(r, rapid.IntRange(2, 6).Draw(r, name))
			shares, public, err := frost.Split(newStream(rapid.Uint64().Draw(r, name)), key, ids, rapid.IntRange(2, len(ids)).Draw(r, name))
			if err != nil {
				r.Fatal(err)
			}
			keys := make(map[frost.Identifier]*frost.KeyPackage)
			for id, share := range shares {
				keys[id] = must(share.KeyPackage())(t)
			}
			if !public.VerifyingKey().Equal(key.VerifyingKey()) {
				r.Error("another key")
			}
			return keys, public
		}
		for _, name := range []string{"first", "second"} {
			keys, public := split(name)
			signers, pkg := commit(t, newStream(5), keys, []byte(name))
			checkEd25519(t, key.VerifyingKey(), []byte(name), must(frost.Aggregate(pkg, signAll(t, signers, pkg), public))(t))
		}
	})
}

// Nothing depends on the order in which participants are listed.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		ids := drawIDs(r, rapid.IntRange(2, 8).Draw(r, "n"))
		threshold := rapid.IntRange(2, len(ids)).Draw(r, "t")
		keys, public := deal(t, newStream(6), ids, threshold)
		again, publicAgain := deal(t, newStream(6), rapid.Permutation(ids).Draw(r, "order"), threshold)
		equal(t, "public key package", publicAgain.EncodePostcard(), public.EncodePostcard())
		for id, key := range keys {
			equal(t, "key package", again[id].EncodeSecretPostcard(), key.EncodeSecretPostcard())
		}
		signers, pkg := commit(t, newStream(7), keys, []byte("message"))
		shares := signAll(t, signers, pkg)
		sig := must(frost.Aggregate(pkg, shares, public))(t)
		commitments := make(map[frost.Identifier]*frost.SigningCommitments)
		reordered := make(map[frost.Identifier]*frost.SignatureShare)
		for _, id := range rapid.Permutation(ids).Draw(r, "messages") {
			commitments[id], reordered[id] = signers[id].Commitments(), shares[id]
		}
		pkg = must(frost.NewSigningPackage(suite, commitments, []byte("message")))(t)
		if !must(frost.Aggregate(pkg, reordered, public))(t).Equal(sig) {
			r.Error("another signature")
		}
	})
}
