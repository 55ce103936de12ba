package frost_test

import (
	"encoding/json"
	"slices"
	"testing"

	"frostkit/frost"
)

// zfGenerated is what the ZF implementation of one version produced.
type zfGenerated struct {
	IdentifierDerive []struct {
		Input      hexBytes `json:"input_hex"`
		Identifier string   `json:"identifier"`
	} `json:"identifier_derive"`
	IdentifierU16 []struct {
		U16        uint16 `json:"u16"`
		Identifier string `json:"identifier"`
	} `json:"identifier_u16"`
	IdentifierSortOrder []string  `json:"identifier_sort_order"`
	Split               zfSplit   `json:"dealer_split_2of3"`
	SignDealer          zfSigning `json:"sign_dealer_1_3"`
	SignDealerEmpty     zfSigning `json:"sign_dealer_1_2_3_empty_message"`
	DKG                 zfKeys    `json:"dkg_2of3_derived_identifiers"`
	SignDKG             zfSigning `json:"sign_dkg_alice_charlie"`
	DKG3of5             zfKeys    `json:"dkg_3of5_default_identifiers"`
	Probes              []zfProbe `json:"parser_probes"`
}

type zfKeys struct {
	MinSigners int             `json:"min_signers"`
	JSON       json.RawMessage `json:"public_key_package_json"`
	Postcard   hexBytes        `json:"public_key_package_postcard"`

	Participants []struct {
		Identifier string          `json:"identifier"`
		JSON       json.RawMessage `json:"key_package_json"`
		Postcard   hexBytes        `json:"key_package_postcard"`
	} `json:"participants"`
}

type zfSplit struct {
	zfKeys
	SigningKey hexBytes `json:"signing_key"`

	Participants []struct {
		Identifier     string          `json:"identifier"`
		SecretJSON     json.RawMessage `json:"secret_share_json"`
		SecretPostcard hexBytes        `json:"secret_share_postcard"`
		JSON           json.RawMessage `json:"key_package_json"`
		Postcard       hexBytes        `json:"key_package_postcard"`
	} `json:"participants"`
}

type zfSigning struct {
	Message      hexBytes        `json:"message"`
	JSON         json.RawMessage `json:"signing_package_json"`
	Postcard     hexBytes        `json:"signing_package_postcard"`
	Participants []struct {
		Identifier          string          `json:"identifier"`
		NoncesJSON          json.RawMessage `json:"nonces_json"`
		NoncesPostcard      hexBytes        `json:"nonces_postcard"`
		CommitmentsJSON     json.RawMessage `json:"commitments_json"`
		CommitmentsPostcard hexBytes        `json:"commitments_postcard"`
		ShareJSON           json.RawMessage `json:"signature_share_json"`
		ShareBytes          hexBytes        `json:"signature_share_bytes"`
	} `json:"participants"`
	Signature     hexBytes `json:"signature"`
	SignatureJSON string   `json:"signature_json"`
	VerifyingKey  hexBytes `json:"verifying_key"`
}

// zfVersions are the recorded versions; with says whether they write min_signers
// into a public key package.
var zfVersions = []struct {
	file string
	with bool
}{
	{"ed25519-frost-core-2.2.0.json", false},
	{"ed25519-frost-core-3.0.0.json", true},
}

func eachVersion(t *testing.T, test func(t *testing.T, v *zfGenerated, withMinSigners bool)) {
	for _, version := range zfVersions {
		t.Run(version.file, func(t *testing.T) {
			v := new(zfGenerated)
			readJSON(t, version.file, v)
			test(t, v, version.with)
		})
	}
}

func TestZFIdentifiers(t *testing.T) {
	eachVersion(t, func(t *testing.T, v *zfGenerated, _ bool) {
		for _, c := range v.IdentifierDerive {
			if id := must(frost.DeriveIdentifier(suite, c.Input))(t); id.String() != c.Identifier {
				t.Errorf("derived from %x: %s, want %s", []byte(c.Input), id, c.Identifier)
			}
		}
		for _, c := range v.IdentifierU16 {
			if id := number(t, c.U16); id.String() != c.Identifier {
				t.Errorf("of %d: %s, want %s", c.U16, id, c.Identifier)
			}
		}
		var ids []frost.Identifier
		for _, text := range v.IdentifierSortOrder {
			ids = append(ids, must(frost.ParseIdentifier(suite, text))(t))
		}
		slices.Reverse(ids)
		slices.SortFunc(ids, frost.Identifier.Compare)
		for i, text := range v.IdentifierSortOrder {
			if ids[i].String() != text {
				t.Errorf("in order, %d: %s, want %s", i, ids[i], text)
			}
		}
	})
}

// checkForms checks that both forms decode and encode to the same bytes again.
func checkForms(t *testing.T, name string, raw json.RawMessage, postcard []byte) {
	t.Helper()
	want := compact(t, raw)
	equalText(t, name, must(codecs[name].json(want))(t), want)
	equal(t, name, must(codecs[name].postcard(postcard))(t), postcard)
}

// check checks a public key package in both forms: what is read is the same,
// the threshold known or not, and what is written is the form of version 2.
func (k *zfKeys) check(t *testing.T, withMinSigners bool) *frost.PublicKeyPackage {
	t.Helper()
	fromJSON := must(frost.DecodePublicKeyPackageJSON(suite, k.JSON))(t)
	fromPostcard := must(frost.DecodePublicKeyPackagePostcard(suite, k.Postcard))(t)
	if !fromJSON.Equal(fromPostcard) {
		t.Error("JSON and postcard differ")
	}
	wantJSON, wantPostcard := compact(t, k.JSON), []byte(k.Postcard)
	if withMinSigners {
		wantJSON = append(wantJSON[:len(wantJSON)-len(`,"min_signers":2}`)], '}')
		wantPostcard = wantPostcard[:len(wantPostcard)-2]
	}
	for _, public := range []*frost.PublicKeyPackage{fromJSON, fromPostcard} {
		if n, known := public.MinSigners(); known != withMinSigners || known && n != k.MinSigners {
			t.Errorf("threshold %d, known %v", n, known)
		}
		equalText(t, "public key package", public.EncodeJSON(), wantJSON)
		equal(t, "public key package", public.EncodePostcard(), wantPostcard)
	}
	return fromJSON
}

func TestZFSplit(t *testing.T) {
	eachVersion(t, func(t *testing.T, v *zfGenerated, with bool) {
		recorded := v.Split.check(t, with)
		var ids []frost.Identifier
		for _, p := range v.Split.Participants {
			ids = append(ids, must(frost.ParseIdentifier(suite, p.Identifier))(t))
		}
		key := must(frost.DecodeSigningKey(suite, v.Split.SigningKey))(t)
		// The coefficient a_1 of the recorded polynomial is f(1) - f(0).
		g := suite.Group()
		share := must(frost.DecodeSecretShareJSON(suite, v.Split.Participants[0].SecretJSON))(t)
		f1 := must(g.DecodeScalar(share.SigningShare()))(t)
		f0 := must(g.DecodeScalar(v.Split.SigningKey))(t)
		shares, public, err := frost.Split(scalarReader(g.NewScalar().Subtract(f1, f0).Bytes()), key, ids, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !public.Equal(recorded) {
			t.Error("public key package differs")
		}
		for i, p := range v.Split.Participants {
			checkForms(t, "SecretShare", p.SecretJSON, p.SecretPostcard)
			checkForms(t, "KeyPackage", p.JSON, p.Postcard)
			equal(t, "secret share", shares[ids[i]].EncodeSecretPostcard(), p.SecretPostcard)
			equal(t, "key package", must(shares[ids[i]].KeyPackage())(t).EncodeSecretPostcard(), p.Postcard)
		}
	})
}

func TestZFSigning(t *testing.T) {
	eachVersion(t, func(t *testing.T, v *zfGenerated, with bool) {
		dealt := make(map[string]json.RawMessage)
		for _, p := range v.Split.Participants {
			dealt[p.Identifier] = p.JSON
		}
		generated := make(map[string]json.RawMessage)
		for _, p := range v.DKG.Participants {
			generated[p.Identifier] = p.JSON
		}
		v.SignDealer.check(t, dealt, v.Split.check(t, with))
		v.SignDealerEmpty.check(t, dealt, v.Split.check(t, with))
		v.SignDKG.check(t, generated, v.DKG.check(t, with))
	})
}

func (s *zfSigning) check(t *testing.T, keys map[string]json.RawMessage, public *frost.PublicKeyPackage) {
	t.Helper()
	checkForms(t, "SigningPackage", s.JSON, s.Postcard)
	pkg := must(frost.DecodeSigningPackageJSON(suite, s.JSON))(t)
	equal(t, "message", pkg.Message(), s.Message)
	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	shares := make(map[frost.Identifier]*frost.SignatureShare)
	for _, p := range s.Participants {
		checkForms(t, "SigningNonces", p.NoncesJSON, p.NoncesPostcard)
		checkForms(t, "SigningCommitments", p.CommitmentsJSON, p.CommitmentsPostcard)
		checkForms(t, "SignatureShare", p.ShareJSON, p.ShareBytes)
		key := must(frost.DecodeKeyPackageJSON(suite, keys[p.Identifier]))(t)
		if err := key.Check(); err != nil {
			t.Error(err)
		}
		signer := frost.NewSignerWithNonces(key, must(frost.DecodeNoncesJSON(suite, p.NoncesJSON))(t))
		commitments[key.Identifier()] = signer.Commitments()
		equal(t, "commitments", signer.Commitments().EncodePostcard(), p.CommitmentsPostcard)
		shares[key.Identifier()] = must(signer.Sign(pkg))(t)
		equal(t, "share", shares[key.Identifier()].EncodePostcard(), p.ShareBytes)
	}
	made := must(frost.NewSigningPackage(suite, commitments, s.Message))(t)
	equal(t, "signing package", made.EncodePostcard(), s.Postcard)
	sig := must(frost.Aggregate(pkg, shares, public))(t)
	equal(t, "signature", sig.Bytes(), s.Signature)
	if sig.String() != s.SignatureJSON {
		t.Errorf("signature as text: %s", sig)
	}
	equal(t, "verifying key", public.VerifyingKey().Bytes(), s.VerifyingKey)
	checkEd25519(t, public.VerifyingKey(), s.Message, sig)
}

// The key packages of the recorded key generations; package dkg replays those.
func TestZFKeyGenerationForms(t *testing.T) {
	eachVersion(t, func(t *testing.T, v *zfGenerated, with bool) {
		for _, keys := range []*zfKeys{&v.DKG, &v.DKG3of5} {
			keys.check(t, with)
			for _, p := range keys.Participants {
				checkForms(t, "KeyPackage", p.JSON, p.Postcard)
			}
		}
	})
}
