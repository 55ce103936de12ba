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

// drawKeys deals to a group of 2 to 6.
func drawKeys(t *testing.T, r *rapid.T) (keys map[frost.Identifier]*frost.KeyPackage, public *frost.PublicKeyPackage, threshold int) {
	ids := drawIDs(r, rapid.IntRange(2, 6).Draw(r, "n"))
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
