package oracle_test

import (
	"crypto/sha512"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/bench/oracle"
)

// verifyAlike verifies a signature by all implementations.
func verifyAlike(t *trial, key, message, signature []byte) bool {
	t.Helper()
	var outcomes []outcome
	for _, by := range implementations {
		outcomes = append(outcomes, outcome{by: by.name(), err: by.verify(t, key, message, signature)})
	}
	sameOutcome(t, outcomes, args{
		"key": oracle.Bytes(key), "message": oracle.Bytes(message), "signature": oracle.Bytes(signature),
	})
	return outcomes[0].err == nil
}

// TestVerification verifies signatures with what is known to tell implementations of
// Ed25519 apart: keys and R with a component of small order, or of it alone, in
// encodings that are not canonical too; s not below the order; or one bit changed.
func TestVerification(t *testing.T) {
	trials(t, 800, func(t *trial) {
		message := t.bytes(t.IntN(64))
		secret, nonce := t.edgeScalar(), t.edgeScalar()
		key := new(edwards25519.Point).ScalarBaseMult(secret)
		commitment := new(edwards25519.Point).ScalarBaseMult(nonce)
		if t.chance(2) {
			key.Add(key, pick(t, torsion()))
			commitment.Add(commitment, pick(t, torsion()))
		}
		keyBytes, commitmentBytes := key.Bytes(), commitment.Bytes()
		if t.chance(8) {
			keyBytes = pick(t, edgeEncodings())
		}
		if t.chance(8) {
			commitmentBytes = pick(t, edgeEncodings())
		}
		s := schnorr(t, keyBytes, commitmentBytes, message, secret, nonce)
		signature := slices.Concat(commitmentBytes, s)
		switch t.IntN(8) {
		case 0:
			signature[t.IntN(64)] ^= 1 << t.IntN(8)
		case 1: // s + order
			copy(signature[32:], addOrder(s))
		case 2:
			message = append(message, 0)
		case 3:
			signature = signature[:t.IntN(64)]
		}
		verifyAlike(t, keyBytes, message, signature)
	})
}

// edgeScalar is a random scalar, or seldom 0 or 1.
func (t *trial) edgeScalar() *edwards25519.Scalar {
	t.Helper()
	s := t.scalar()
	if t.chance(10) {
		s = littleEndian(bigInt(byte(t.IntN(2))))
	}
	return must(edwards25519.NewScalar().SetCanonicalBytes(s))(t)
}

// schnorr returns s = r + H(R, A, M) * a.
func schnorr(t *trial, key, commitment, message []byte, a, r *edwards25519.Scalar) []byte {
	t.Helper()
	digest := sha512.Sum512(slices.Concat(commitment, key, message))
	challenge := must(edwards25519.NewScalar().SetUniformBytes(digest[:]))(t)
	return challenge.MultiplyAdd(challenge, a, r).Bytes()
}

// addOrder returns a scalar plus the order of the group, in 32 bytes.
func addOrder(s []byte) []byte {
	n := fromLittleEndian(s)
	return littleEndian(n.Add(n, order))
}

// readVectors reads vectors that package frost is tested with too.
func readVectors(tb testing.TB, name string, into any) {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "frost", "testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		tb.Fatal(err)
	}
}

// TestCCTV verifies the signatures of the Community Cryptography Test Vectors.
func TestCCTV(t *testing.T) {
	var vectors []struct {
		Key oracle.Bytes `json:"key"`
		Sig oracle.Bytes `json:"sig"`
		Msg string       `json:"msg"`
	}
	readVectors(t, "cctv-ed25519vectors.json", &vectors)
	if len(vectors) != 914 {
		t.Errorf("%d vectors, want 914", len(vectors))
	}
	for _, v := range vectors {
		verifyAlike(&trial{TB: t}, v.Key, []byte(v.Msg), v.Sig)
	}
}

// TestWycheproof verifies the signatures of Wycheproof: as none of them is of a key of
// small order, what all take is what the vectors say.
func TestWycheproof(t *testing.T) {
	var vectors struct {
		TestGroups []struct {
			PublicKey struct {
				PK oracle.Bytes `json:"pk"`
			} `json:"publicKey"`
			Tests []struct {
				ID     int          `json:"tcId"`
				Msg    oracle.Bytes `json:"msg"`
				Sig    oracle.Bytes `json:"sig"`
				Result string       `json:"result"`
			} `json:"tests"`
		} `json:"testGroups"`
	}
	readVectors(t, "wycheproof-ed25519_test.json", &vectors)
	n := 0
	for _, group := range vectors.TestGroups {
		for _, v := range group.Tests {
			n++
			valid := verifyAlike(&trial{TB: t}, group.PublicKey.PK, v.Msg, v.Sig)
			if valid != (v.Result == "valid") {
				t.Errorf("test %d verifies: %v, want %s", v.ID, valid, v.Result)
			}
		}
	}
	if n != 151 {
		t.Errorf("%d vectors, want 151", n)
	}
}
