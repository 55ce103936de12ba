package frost_test

import (
	"bytes"
	"encoding/hex"
	"path/filepath"
	"strings"
	"testing"

	"frostkit/frost"
)

// zfProbe is an input that was tried on the ZF implementation.
type zfProbe struct {
	Type     string `json:"type"`
	Format   string `json:"format"`
	Name     string `json:"name"`
	Input    string `json:"input"`
	Accepted bool   `json:"accepted"`
}

// stricter are the probes of postcard that ZF takes and this package refuses.
var stricter = map[string]bool{
	"tail 01 only (truncated Some)":         true,
	"tail 02 (bad option tag)":              true,
	"3.x form + trailing garbage":           true,
	"trailing byte":                         true,
	"map length as non-minimal varint 8300": true,
	"min_signers non-minimal 8200":          true,
}

// Version 2.2.0 refuses min_signers, which only version 3 knows; both forms are
// to be read, so of the two versions the more lenient one counts.
func TestParserProbes(t *testing.T) {
	accepted := make(map[string]bool)
	var probes []zfProbe
	for _, version := range zfVersions {
		v := new(zfGenerated)
		readJSON(t, version.file, v)
		for _, p := range v.Probes {
			key := p.Type + p.Format + p.Name
			accepted[key] = accepted[key] || p.Accepted
		}
		probes = append(probes, v.Probes...)
	}
	if len(probes) != 2*52 {
		t.Errorf("%d probes, want 2 * 52", len(probes))
	}
	for _, p := range probes {
		t.Run(strings.Join([]string{p.Type, p.Format, p.Name}, "/"), func(t *testing.T) {
			want := accepted[p.Type+p.Format+p.Name]
			if p.Format == "postcard" && stricter[p.Name] {
				want = false
			}
			if _, err := p.recode(t); (err == nil) != want {
				t.Errorf("accepted %v, want %v: %v", err == nil, want, err)
			}
		})
	}
}

func (p *zfProbe) recode(t *testing.T) ([]byte, error) {
	t.Helper()
	c, ok := codecs[strings.ReplaceAll(p.Type, "::", "")]
	switch {
	case !ok:
		t.Fatalf("no such type: %s", p.Type)
	case p.Format == "json":
		return c.json([]byte(p.Input))
	}
	return c.postcard(must(hex.DecodeString(p.Input))(t))
}

// TestSerdeSamples are the samples of ZF's own tests of its JSON.
func TestSerdeSamples(t *testing.T) {
	var v struct {
		Samples []struct {
			Test    string `json:"test"`
			Expect  string `json:"expect"`
			Comment string `json:"comment"`
			Text    string `json:"json_text"`
		} `json:"samples"`
	}
	readJSON(t, "serde-json-samples.json", &v)
	if len(v.Samples) != 47 {
		t.Errorf("%d samples, want 47", len(v.Samples))
	}
	types := map[string]string{
		"check_signing_commitments_serialization": "SigningCommitments",
		"check_signing_package_serialization":     "SigningPackage",
		"check_signature_share_serialization":     "SignatureShare",
		"check_secret_share_serialization":        "SecretShare",
		"check_key_package_serialization":         "KeyPackage",
		"check_public_key_package_serialization":  "PublicKeyPackage",
		"check_round1_package_serialization":      "Round1Package",
		"check_round2_package_serialization":      "Round2Package",
	}
	for _, s := range v.Samples {
		_, err := codecs[types[s.Test]].json([]byte(s.Text))
		if (err == nil) != (s.Expect == "accept") {
			t.Errorf("%s (%s): want %s: %v\n%s", s.Test, s.Comment, s.Expect, err, s.Text)
		}
	}
}

// TestSnapshots are ZF's snapshots of its postcard forms.
func TestSnapshots(t *testing.T) {
	types := map[string]string{
		"key_package": "KeyPackage", "public_key_package": "PublicKeyPackage", "public_key_package_new": "PublicKeyPackage",
		"round1_package": "Round1Package", "round2_package": "Round2Package", "secret_share": "SecretShare",
		"signature_share": "SignatureShare", "signing_commitments": "SigningCommitments",
		"signing_nonces": "SigningNonces", "signing_package": "SigningPackage",
	}
	for name, typ := range types {
		t.Run(name, func(t *testing.T) {
			want := snapshot(t, name)
			got := must(codecs[typ].postcard(want))(t)
			if name == "public_key_package_new" {
				want = want[:len(want)-2] // written in the form of version 2
			}
			equal(t, name, got, want)
		})
	}
	public := must(frost.DecodePublicKeyPackagePostcard(suite, snapshot(t, "public_key_package_new")))(t)
	if n, known := public.MinSigners(); n != 2 || !known {
		t.Errorf("threshold %d, known %v", n, known)
	}
}

func snapshot(t testing.TB, name string) []byte {
	t.Helper()
	file := readFile(t, filepath.Join("snapshots", name+"_postcard_serialization.snap"))
	lines := bytes.Split(bytes.TrimSpace(file), []byte("\n"))
	return must(hex.DecodeString(string(lines[len(lines)-1])))(t)
}

func TestSamplesAndElements(t *testing.T) {
	var samples struct {
		Identifier hexBytes `json:"identifier"`
		Proof      hexBytes `json:"proof_of_knowledge"`
		Element1   hexBytes `json:"element1"`
		Element2   hexBytes `json:"element2"`
		Scalar1    hexBytes `json:"scalar1"`
	}
	readJSON(t, "samples.json", &samples)
	equal(t, "identifier", must(frost.DecodeIdentifier(suite, samples.Identifier))(t).Bytes(), samples.Identifier)
	equal(t, "signature", must(frost.DecodeSignature(suite, samples.Proof))(t).Bytes(), samples.Proof)
	for _, b := range []hexBytes{samples.Element1, samples.Element2} {
		equal(t, "element", must(frost.DecodeVerifyingKey(suite, b))(t).Bytes(), b)
	}
	equal(t, "scalar", must(frost.DecodeSigningKey(suite, samples.Scalar1))(t).SecretBytes(), samples.Scalar1)
	var elements struct {
		Elements struct {
			Invalid hexBytes `json:"invalid_element"`
		} `json:"elements"`
	}
	readJSON(t, "elements.json", &elements)
	if _, err := frost.DecodeVerifyingKey(suite, elements.Elements.Invalid); err == nil {
		t.Error("the invalid element decodes")
	}
}
