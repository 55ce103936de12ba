package frost_test

import (
	"bytes"
	"encoding/hex"
	"maps"
	"slices"
	"testing"

	"frostkit/frost"
)

// fuzzPostcard checks that nothing panics, and that what decodes encodes to the same bytes
// but for a tail of a public key package that says the threshold.
func fuzzPostcard(f *testing.F, name string, snapshots ...string) {
	for _, s := range snapshots {
		f.Add(snapshot(f, s))
	}
	for _, p := range seeds(f) {
		if p.Type == name && p.Format == "postcard" {
			f.Add(must(hex.DecodeString(p.Input))(f))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		again, err := codecs[name].postcard(b)
		if err != nil {
			return
		}
		if name == "PublicKeyPackage" && bytes.HasPrefix(b, again) && len(b)-len(again) <= 4 {
			b = again
		}
		equal(t, "encoded again", again, b)
	})
}

// fuzzJSON checks that nothing panics, and that what decodes encodes to bytes
// that decode to the same.
func fuzzJSON(f *testing.F, name string) {
	for _, p := range seeds(f) {
		if p.Type == name && p.Format == "json" {
			f.Add([]byte(p.Input))
		}
	}
	for _, s := range jsonSeeds(f) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		once, err := codecs[name].json(b)
		if err != nil {
			return
		}
		equalText(t, "encoded again", must(codecs[name].json(once))(t), once)
	})
}

func seeds(f *testing.F) []zfProbe {
	f.Helper()
	v := new(zfGenerated)
	readJSON(f, zfVersions[1].file, v)
	return v.Probes
}

func jsonSeeds(f *testing.F) [][]byte {
	f.Helper()
	var v struct {
		Samples []struct {
			Text string `json:"json_text"`
		} `json:"samples"`
	}
	readJSON(f, "serde-json-samples.json", &v)
	var texts [][]byte
	for _, s := range v.Samples {
		texts = append(texts, []byte(s.Text))
	}
	return texts
}

func FuzzSigningCommitmentsJSON(f *testing.F) { fuzzJSON(f, "SigningCommitments") }
func FuzzSigningPackageJSON(f *testing.F)     { fuzzJSON(f, "SigningPackage") }
func FuzzSignatureShareJSON(f *testing.F)     { fuzzJSON(f, "SignatureShare") }
func FuzzSecretShareJSON(f *testing.F)        { fuzzJSON(f, "SecretShare") }
func FuzzKeyPackageJSON(f *testing.F)         { fuzzJSON(f, "KeyPackage") }
func FuzzPublicKeyPackageJSON(f *testing.F)   { fuzzJSON(f, "PublicKeyPackage") }
func FuzzRound1PackageJSON(f *testing.F)      { fuzzJSON(f, "Round1Package") }
func FuzzRound2PackageJSON(f *testing.F)      { fuzzJSON(f, "Round2Package") }

func FuzzSigningCommitmentsPostcard(f *testing.F) {
	fuzzPostcard(f, "SigningCommitments", "signing_commitments")
}

func FuzzSigningPackagePostcard(f *testing.F) { fuzzPostcard(f, "SigningPackage", "signing_package") }

func FuzzSignatureSharePostcard(f *testing.F) { fuzzPostcard(f, "SignatureShare", "signature_share") }
func FuzzSecretSharePostcard(f *testing.F)    { fuzzPostcard(f, "SecretShare", "secret_share") }
func FuzzKeyPackagePostcard(f *testing.F)     { fuzzPostcard(f, "KeyPackage", "key_package") }
func FuzzPublicKeyPackagePostcard(f *testing.F) {
	fuzzPostcard(f, "PublicKeyPackage", "public_key_package", "public_key_package_new")
}
func FuzzRound1PackagePostcard(f *testing.F) { fuzzPostcard(f, "Round1Package", "round1_package") }
func FuzzRound2PackagePostcard(f *testing.F) { fuzzPostcard(f, "Round2Package", "round2_package") }

// fuzzBytes checks that nothing panics, and that what decodes encodes to the same bytes.
func fuzzBytes(f *testing.F, again codec) {
	b := snapshot(f, "signing_package")
	for i := 0; i+32 <= len(b); i += 32 {
		f.Add(b[i : i+32])
	}
	var samples map[string]hexBytes
	readJSON(f, "samples.json", &samples)
	for _, name := range slices.Sorted(maps.Keys(samples)) {
		f.Add([]byte(samples[name]))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if encoded, err := again(b); err == nil {
			equal(t, "encoded again", encoded, b)
		}
	})
}

func FuzzIdentifier(f *testing.F) {
	fuzzBytes(f, recode(frost.DecodeIdentifier, frost.Identifier.Bytes))
}

func FuzzVerifyingKey(f *testing.F) {
	fuzzBytes(f, recode(frost.DecodeVerifyingKey, frost.VerifyingKey.Bytes))
}

func FuzzSignature(f *testing.F) {
	fuzzBytes(f, recode(frost.DecodeSignature, frost.Signature.Bytes))
}

func FuzzSigningKey(f *testing.F) {
	fuzzBytes(f, recode(frost.DecodeSigningKey, (*frost.SigningKey).SecretBytes))
}
