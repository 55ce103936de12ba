package frost_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"frostkit/frost"
)

// Signers that make many commitments beforehand sign once with each, and no two alike.
func TestNewSigners(t *testing.T) {
	keys, public := deal(t, newStream(1), numbers(t, 3), 2)
	const count = 5
	prepared := make(map[frost.Identifier][]*frost.Signer)
	seen := make(map[string]bool)
	for _, id := range numbers(t, 2) {
		prepared[id] = must(frost.NewSigners(newStream(uint64(id.Bytes()[0])), keys[id], count))(t)
		if len(prepared[id]) != count {
			t.Fatalf("%d signers", len(prepared[id]))
		}
		for _, s := range prepared[id] {
			seen[string(s.Commitments().EncodePostcard())] = true
		}
	}
	if len(seen) != 2*count {
		t.Errorf("%d distinct commitments", len(seen))
	}
	for i := range count {
		message := []byte{byte(i)}
		commitments := make(map[frost.Identifier]*frost.SigningCommitments)
		signers := make(map[frost.Identifier]*frost.Signer)
		for id, all := range prepared {
			signers[id], commitments[id] = all[i], all[i].Commitments()
		}
		pkg := must(frost.NewSigningPackage(suite, commitments, message))(t)
		checkEd25519(t, public.VerifyingKey(), message, must(frost.Aggregate(pkg, signAll(t, signers, pkg), public))(t))
		for _, signer := range signers {
			if _, err := signer.Sign(pkg); !errors.Is(err, frost.ErrNoncesSpent) {
				t.Error(err)
			}
		}
	}
}

func TestNewSignersRefuses(t *testing.T) {
	keys, _ := deal(t, newStream(1), numbers(t, 2), 2)
	key := keys[number(t, 1)]
	for _, count := range []int{-1, 0, 65536} {
		if s, err := frost.NewSigners(newStream(1), key, count); err == nil || s != nil {
			t.Errorf("%d signings are prepared", count)
		}
	}
	if _, err := frost.NewSigners(bytes.NewReader(make([]byte, 3*32)), key, 2); err == nil {
		t.Error("96 bytes of randomness make four nonces")
	}
	key.Destroy()
	if _, err := frost.NewSigners(newStream(1), key, 1); !errors.Is(err, frost.ErrDestroyed) {
		t.Error(err)
	}
}

// What a package and a key have kept from one use does not show in another: another
// group's key, another set of signers.
func TestKeptValuesDoNotMix(t *testing.T) {
	keys, public := deal(t, newStream(1), numbers(t, 4), 2)
	_, foreign := deal(t, newStream(2), numbers(t, 4), 2)
	all := sorted(keys)
	var kept [][]byte
	for _, set := range [][]frost.Identifier{all[:2], all[1:3], all, all[:2]} {
		some := make(map[frost.Identifier]*frost.KeyPackage)
		for _, id := range set {
			some[id] = keys[id]
		}
		signers, pkg := commit(t, newStream(3), some, []byte("message"))
		shares := signAll(t, signers, pkg)
		if _, err := frost.Aggregate(pkg, shares, foreign); !errors.Is(err, frost.ErrInvalidSignature) {
			t.Errorf("under another key: %v", err)
		}
		checkEd25519(t, public.VerifyingKey(), []byte("message"), must(frost.Aggregate(pkg, shares, public))(t))
		for _, id := range set {
			if err := frost.VerifySignatureShare(id, shares[id], pkg, public); err != nil {
				t.Error(err)
			}
		}
		coefficient := keys[all[1]].Lagrange()
		if len(coefficient) != 1 || slices.EqualFunc(coefficient, kept, bytes.Equal) {
			t.Errorf("signers %v: the coefficient kept is not a new one", set)
		}
		kept = coefficient
	}
}

// One package and one key serve many goroutines.
func TestKeptValuesAreShared(t *testing.T) {
	keys, public := deal(t, newStream(1), numbers(t, 3), 2)
	delete(keys, number(t, 3))
	prepared := make(map[frost.Identifier][]*frost.Signer)
	for id, key := range keys {
		prepared[id] = must(frost.NewSigners(newStream(4), key, 8))(t)
	}
	var group sync.WaitGroup
	for i := range 8 {
		signers := make(map[frost.Identifier]*frost.Signer)
		commitments := make(map[frost.Identifier]*frost.SigningCommitments)
		for id, all := range prepared {
			signers[id], commitments[id] = all[i], all[i].Commitments()
		}
		pkg := must(frost.NewSigningPackage(suite, commitments, []byte("message")))(t)
		shares := signAll(t, signers, pkg)
		for range 4 {
			group.Go(func() {
				if _, err := frost.Aggregate(pkg, maps.Clone(shares), public); err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
}
