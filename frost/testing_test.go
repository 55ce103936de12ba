package frost_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

var suite = frost.Ed25519()

// hexBytes is a byte string that JSON holds in hexadecimal digits.
type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readJSON(t testing.TB, name string, v any) {
	t.Helper()
	if err := json.Unmarshal(readFile(t, name), v); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

// compact is JSON of a test vector as the product writes it.
func compact(t testing.TB, raw json.RawMessage) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}

func equalText(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

// must returns v, and fails the test with err.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func number(t testing.TB, n uint16) frost.Identifier {
	t.Helper()
	return must(frost.NewIdentifier(suite, n))(t)
}

func numbers(t testing.TB, n int) []frost.Identifier {
	t.Helper()
	var ids []frost.Identifier
	for i := range n {
		ids = append(ids, number(t, uint16(i+1)))
	}
	return ids
}

// scalarReader is a source of randomness from which the ed25519 suite draws the given scalars.
func scalarReader(scalars ...[]byte) io.Reader {
	var b []byte
	for _, s := range scalars {
		b = append(append(b, s...), make([]byte, 64-len(s))...)
	}
	return bytes.NewReader(b)
}

func sorted[V any](m map[frost.Identifier]V) []frost.Identifier {
	return slices.SortedFunc(maps.Keys(m), frost.Identifier.Compare)
}

// checkEd25519 checks a signature with the standard library.
func checkEd25519(t testing.TB, key frost.VerifyingKey, message []byte, sig frost.Signature) {
	t.Helper()
	if err := key.Verify(message, sig); err != nil {
		t.Error(err)
	}
	if !ed25519.Verify(key.Bytes(), message, sig.Bytes()) {
		t.Error("crypto/ed25519 does not verify the signature")
	}
}

// codec decodes one form of a type and encodes it again.
type codec func(b []byte) ([]byte, error)

func recode[T any](decode func(frost.Ciphersuite, []byte) (T, error), encode func(T) []byte) codec {
	return func(b []byte) ([]byte, error) {
		v, err := decode(suite, b)
		if err != nil {
			return nil, err
		}
		return encode(v), nil
	}
}

// codecs are the forms of every message, by ZF's name of the type.
var codecs = map[string]struct{ json, postcard codec }{
	"SigningCommitments": {
		recode(frost.DecodeSigningCommitmentsJSON, (*frost.SigningCommitments).EncodeJSON),
		recode(frost.DecodeSigningCommitmentsPostcard, (*frost.SigningCommitments).EncodePostcard),
	},
	"SigningNonces": {
		recode(frost.DecodeNoncesJSON, (*frost.Nonces).EncodeJSON),
		recode(frost.DecodeNoncesPostcard, (*frost.Nonces).EncodePostcard),
	},
	"SigningPackage": {
		recode(frost.DecodeSigningPackageJSON, (*frost.SigningPackage).EncodeJSON),
		recode(frost.DecodeSigningPackagePostcard, (*frost.SigningPackage).EncodePostcard),
	},
	"SignatureShare": {
		recode(frost.DecodeSignatureShareJSON, (*frost.SignatureShare).EncodeJSON),
		recode(frost.DecodeSignatureSharePostcard, (*frost.SignatureShare).EncodePostcard),
	},
	"SecretShare": {
		recode(frost.DecodeSecretShareJSON, (*frost.SecretShare).EncodeSecretJSON),
		recode(frost.DecodeSecretSharePostcard, (*frost.SecretShare).EncodeSecretPostcard),
	},
	"KeyPackage": {
		recode(frost.DecodeKeyPackageJSON, (*frost.KeyPackage).EncodeSecretJSON),
		recode(frost.DecodeKeyPackagePostcard, (*frost.KeyPackage).EncodeSecretPostcard),
	},
	"PublicKeyPackage": {
		recode(frost.DecodePublicKeyPackageJSON, (*frost.PublicKeyPackage).EncodeJSON),
		recode(frost.DecodePublicKeyPackagePostcard, (*frost.PublicKeyPackage).EncodePostcard),
	},
	"Round1Package": {
		recode(dkg.DecodeRound1PackageJSON, (*dkg.Round1Package).EncodeJSON),
		recode(dkg.DecodeRound1PackagePostcard, (*dkg.Round1Package).EncodePostcard),
	},
	"Round2Package": {
		recode(dkg.DecodeRound2PackageJSON, (*dkg.Round2Package).EncodeSecretJSON),
		recode(dkg.DecodeRound2PackagePostcard, (*dkg.Round2Package).EncodeSecretPostcard),
	},
}

// deal splits a new key among the ids and returns the key packages.
func deal(t testing.TB, random io.Reader, ids []frost.Identifier, threshold int) (map[frost.Identifier]*frost.KeyPackage, *frost.PublicKeyPackage) {
	t.Helper()
	shares, public, err := frost.TrustedDealer(random, suite, ids, threshold)
	if err != nil {
		t.Fatal(err)
	}
	keys := make(map[frost.Identifier]*frost.KeyPackage)
	for id, share := range shares {
		keys[id] = must(share.KeyPackage())(t)
	}
	return keys, public
}

// commit makes a signer for each key and the package of their commitments.
func commit(t testing.TB, random io.Reader, keys map[frost.Identifier]*frost.KeyPackage, message []byte) (map[frost.Identifier]*frost.Signer, *frost.SigningPackage) {
	t.Helper()
	signers := make(map[frost.Identifier]*frost.Signer)
	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	for _, id := range sorted(keys) {
		signers[id] = must(frost.NewSigner(random, keys[id]))(t)
		commitments[id] = signers[id].Commitments()
	}
	return signers, must(frost.NewSigningPackage(suite, commitments, message))(t)
}

// signAll returns every signer's share.
func signAll(t testing.TB, signers map[frost.Identifier]*frost.Signer, pkg *frost.SigningPackage) map[frost.Identifier]*frost.SignatureShare {
	t.Helper()
	shares := make(map[frost.Identifier]*frost.SignatureShare)
	for id, signer := range signers {
		shares[id] = must(signer.Sign(pkg))(t)
	}
	return shares
}
