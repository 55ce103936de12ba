package frost_test

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"testing"

	"frostkit/frost"
)

// toolMessage is what frost-tools' socket and prompts carry.
type toolMessage struct {
	Message struct {
		Identified *struct {
			Identifier  string          `json:"identifier"`
			Commitments json.RawMessage `json:"commitments"`
		} `json:"IdentifiedCommitments"`
		Package *struct {
			SigningPackage json.RawMessage `json:"signing_package"`
		} `json:"SigningPackageAndRandomizer"`
		Share json.RawMessage `json:"SignatureShare"`
	} `json:"message"`
}

// TestFrostToolsDealer replays a signing that real frost-tools ran.
func TestFrostToolsDealer(t *testing.T) {
	var v struct {
		Public     json.RawMessage `json:"public_key_package_file"`
		Secret     json.RawMessage `json:"secret_share_file_participant_1"`
		Transcript []toolMessage   `json:"signing_transcript"`
	}
	readJSON(t, "learning-frost-dealer-and-sign.json", &v)
	public := must(frost.DecodePublicKeyPackageJSON(suite, v.Public))(t)
	share := must(frost.DecodeSecretShareJSON(suite, v.Secret))(t)
	equalText(t, "public key package", public.EncodeJSON(), compact(t, v.Public))
	equalText(t, "secret share", share.EncodeSecretJSON(), compact(t, v.Secret))
	key := must(share.KeyPackage())(t)
	if want, _ := public.VerifyingShare(key.Identifier()); !key.VerifyingShare().Equal(want) {
		t.Error("the verifying share differs")
	}

	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	var pkg *frost.SigningPackage
	var shares []*frost.SignatureShare
	for _, line := range v.Transcript {
		switch m := line.Message; {
		case m.Identified != nil:
			id := must(frost.ParseIdentifier(suite, m.Identified.Identifier))(t)
			commitments[id] = must(frost.DecodeSigningCommitmentsJSON(suite, m.Identified.Commitments))(t)
		case m.Package != nil:
			pkg = must(frost.DecodeSigningPackageJSON(suite, m.Package.SigningPackage))(t)
			equalText(t, "signing package", pkg.EncodeJSON(), compact(t, m.Package.SigningPackage))
		default:
			shares = append(shares, must(frost.DecodeSignatureShareJSON(suite, m.Share))(t))
		}
	}
	made := must(frost.NewSigningPackage(suite, commitments, pkg.Message()))(t)
	equalText(t, "signing package", made.EncodeJSON(), pkg.EncodeJSON())
	sig := must(frost.Aggregate(pkg, shareOwners(t, pkg, shares, public), public))(t)
	checkEd25519(t, public.VerifyingKey(), pkg.Message(), sig)
	if text := sig.String(); text[:8] != "d558109f" || text[124:] != "5800" {
		t.Errorf("signature %s", text)
	}
}

// shareOwners finds whose the shares are, which the transcript does not say.
func shareOwners(t *testing.T, pkg *frost.SigningPackage, shares []*frost.SignatureShare, public *frost.PublicKeyPackage) map[frost.Identifier]*frost.SignatureShare {
	t.Helper()
	owned := make(map[frost.Identifier]*frost.SignatureShare)
	for _, share := range shares {
		for _, id := range pkg.Identifiers() {
			if frost.VerifySignatureShare(id, share, pkg, public) == nil {
				owned[id] = share
			}
		}
	}
	if len(owned) != len(shares) {
		t.Fatalf("%d of %d shares verify", len(owned), len(shares))
	}
	return owned
}

// TestFrostToolsCredentials reads the packages of a credentials file that real frost-tools wrote.
func TestFrostToolsCredentials(t *testing.T) {
	file := readFile(t, "learning-frost-alice-credentials.toml")
	value := func(name string) []byte {
		match := regexp.MustCompile(`(?m)^` + name + ` = "([0-9a-f]+)"`).FindSubmatch(file)
		return must(hex.DecodeString(string(match[1])))(t)
	}
	public := must(frost.DecodePublicKeyPackagePostcard(suite, value("public_key_package")))(t)
	key := must(frost.DecodeKeyPackagePostcard(suite, value("key_package")))(t)
	equal(t, "public key package", public.EncodePostcard(), value("public_key_package"))
	equal(t, "key package", key.EncodeSecretPostcard(), value("key_package"))
	if err := key.Check(); err != nil {
		t.Error(err)
	}
	if !key.VerifyingKey().Equal(public.VerifyingKey()) || len(public.Identifiers()) != 3 {
		t.Error("the packages do not belong together")
	}
}
