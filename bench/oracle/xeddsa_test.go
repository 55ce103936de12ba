package oracle_test

import (
	"bytes"
	"crypto/sha512"
	"errors"
	"slices"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/bench/oracle"
	"frostkit/commkey"
	"frostkit/relay/xeddsa"
)

// verifiedByCrate verifies an XEdDSA signature by the crate.
func verifiedByCrate(t *trial, public, message, signature []byte) bool {
	t.Helper()
	err := zf.Ask(oracle.XEdDSA, "verify", args{
		"public": oracle.Bytes(public), "message": oracle.Bytes(message), "signature": oracle.Bytes(signature),
	}, nil)
	if refused := (*oracle.RefusedError)(nil); err != nil && !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return err == nil
}

// negates reports whether XEdDSA negates the secret scalar of a key, whose Edwards form has
// the sign bit.
func negates(t *trial, key *commkey.PrivateKey) bool {
	t.Helper()
	s := must(edwards25519.NewScalar().SetBytesWithClamping(key.SecretBytes()))(t)
	return new(edwards25519.Point).ScalarBaseMult(s).Bytes()[31]&0x80 != 0
}

// TestXEdDSA signs on both sides and verifies on both. The bytes are the same for the same
// randomness where the secret is negated; elsewhere the crate hashes the secret before it
// is reduced, and so has another nonce than the specification.
func TestXEdDSA(t *testing.T) {
	trials(t, 150, func(t *trial) {
		key, seed, message := t.commKey(), t.seed(), t.bytes(t.IntN(100))
		public := key.Public().Bytes()
		signature := must(xeddsa.Sign(seed.Stream(), key, message))(t)
		var theirs oracle.Bytes
		t.check(zf.Ask(oracle.XEdDSA, "sign", args{
			"seed": seed, "private": oracle.Bytes(key.SecretBytes()), "message": oracle.Bytes(message),
		}, &theirs))
		if same := bytes.Equal(signature[:], theirs); same != negates(t, key) {
			t.Errorf("key %x, message %x, seed %x: ours %x, theirs %x", key.SecretBytes(), message, seed, signature, theirs)
		}
		if !xeddsa.Verify(key.Public(), message, theirs) {
			t.Errorf("ours does not verify %x under %x of %x", theirs, public, message)
		}
		if !verifiedByCrate(t, public, message, signature[:]) {
			t.Errorf("the crate does not verify %x under %x of %x", signature, public, message)
		}
	})
}

// TestOddXEdDSA verifies signatures with something wrong.
func TestOddXEdDSA(t *testing.T) {
	trials(t, 300, func(t *trial) {
		key, message := t.commKey(), t.bytes(16)
		public := key.Public()
		fixed := must(xeddsa.Sign(t.seed().Stream(), key, message))(t)
		signature := fixed[:]
		switch t.IntN(7) {
		case 0:
			signature[t.IntN(64)] ^= 1 << t.IntN(8)
		case 1: // libsignal's sign bit
			signature[63] |= 0x80
		case 2:
			copy(signature[32:], addOrder(signature[32:]))
		case 3:
			copy(signature, pick(t, edgeEncodings()))
		case 4:
			signature = signature[:t.IntN(64)]
		case 5: // of the curve or of its twist
			if other, err := commkey.NewPublicKey(t.bytes(32)); err == nil {
				public = other
			}
		default:
			message = append(message, 0)
		}
		ours, theirs := xeddsa.Verify(public, message, signature), verifiedByCrate(t, public.Bytes(), message, signature)
		if ours != theirs {
			t.Errorf("%x under %s of %x: ours %v, theirs %v", signature, public, message, ours, theirs)
		}
	})
}

// TestXEdDSALowOrder is where ours is stricter: a key of low order is no key. Under the
// one with u = 0, whose Edwards form is of order 2, the crate verifies a signature that
// nobody's secret made, for every second message.
func TestXEdDSALowOrder(t *testing.T) {
	trials(t, 1, func(t *trial) {
		public := make([]byte, 32)
		if key, err := commkey.NewPublicKey(public); err == nil {
			t.Errorf("ours takes the key %s", key)
		}
		edwards := torsion()[4].Bytes() // y = -1
		s := t.scalar()
		commitment := baseMult(t, s).Bytes()
		for {
			message := t.bytes(16)
			digest := sha512.Sum512(slices.Concat(commitment, edwards, message))
			challenge := must(edwards25519.NewScalar().SetUniformBytes(digest[:]))(t)
			if challenge.Bytes()[0]&1 != 0 {
				continue
			}
			if !verifiedByCrate(t, public, message, slices.Concat(commitment, s)) {
				t.Errorf("the crate refuses %x of %x", slices.Concat(commitment, s), message)
			}
			return
		}
	})
}
