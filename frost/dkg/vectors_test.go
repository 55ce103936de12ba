package dkg

import (
	"encoding/json"
	"io"
	"strconv"
	"testing"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// recordedRun is a key generation that the ZF implementation ran.
type recordedRun struct {
	MinSigners   int                   `json:"min_signers"`
	Participants []recordedParticipant `json:"participants"`
	PublicJSON   json.RawMessage       `json:"public_key_package_json"`
}

type recordedParticipant struct {
	Identifier           string          `json:"identifier"`
	Round1SecretJSON     json.RawMessage `json:"round1_secret_package_json"`
	Round1SecretPostcard hexBytes        `json:"round1_secret_package_postcard"`
	Round1JSON           json.RawMessage `json:"round1_package_json"`
	Round1Postcard       hexBytes        `json:"round1_package_postcard"`
	Round2SecretJSON     json.RawMessage `json:"round2_secret_package_json"`
	Round2SecretPostcard hexBytes        `json:"round2_secret_package_postcard"`
	Round2Sent           map[string]struct {
		JSON     json.RawMessage `json:"json"`
		Postcard hexBytes        `json:"postcard"`
	} `json:"round2_packages_sent_by_recipient"`
	KeyJSON     json.RawMessage `json:"key_package_json"`
	KeyPostcard hexBytes        `json:"key_package_postcard"`
}

// TestZFKeyGeneration replays recorded key generations with their secrets, and
// compares every message and every state.
func TestZFKeyGeneration(t *testing.T) {
	for _, file := range []string{"ed25519-frost-core-2.2.0.json", "ed25519-frost-core-3.0.0.json"} {
		t.Run(file, func(t *testing.T) {
			var v struct {
				Derived *recordedRun `json:"dkg_2of3_derived_identifiers"`
				Numbers *recordedRun `json:"dkg_3of5_default_identifiers"`
			}
			readJSON(t, file, &v)
			v.Derived.replay(t)
			v.Numbers.replay(t)
		})
	}
}

func (v *recordedRun) replay(t *testing.T) {
	t.Helper()
	byID := make(map[frost.Identifier]*recordedParticipant)
	var ids []frost.Identifier
	for i := range v.Participants {
		id := must(frost.ParseIdentifier(suite, v.Participants[i].Identifier))(t)
		ids = append(ids, id)
		byID[id] = &v.Participants[i]
	}
	r := begin(t, ids, v.MinSigners, func(id frost.Identifier) io.Reader { return byID[id].random(t, id) })
	for id, p := range byID {
		equalText(t, "round 1 package", r.round1[id].Package().EncodeJSON(), compact(t, p.Round1JSON))
		equal(t, "round 1 package", r.round1[id].Package().EncodePostcard(), p.Round1Postcard)
		r.round1[id].secret().check(t, 1, compact(t, p.Round1SecretJSON), p.Round1SecretPostcard)
	}
	r.toRound2(t)
	for id, p := range byID {
		r.round2[id].secret().check(t, 2, compact(t, p.Round2SecretJSON), p.Round2SecretPostcard)
		for to, sent := range r.round2[id].Packages() {
			equalText(t, "round 2 package", sent.EncodeSecretJSON(), compact(t, p.Round2Sent[to.String()].JSON))
			equal(t, "round 2 package", sent.EncodeSecretPostcard(), p.Round2Sent[to.String()].Postcard)
		}
	}
	keys, public := r.finish(t)
	for id, p := range byID {
		equalText(t, "key package", keys[id].EncodeSecretJSON(), compact(t, p.KeyJSON))
		equal(t, "key package", keys[id].EncodeSecretPostcard(), p.KeyPostcard)
	}
	if !public.Equal(must(frost.DecodePublicKeyPackageJSON(suite, v.PublicJSON))(t)) {
		t.Errorf("public key package: %s", public.EncodeJSON())
	}
	if n, known := public.MinSigners(); n != v.MinSigners || !known {
		t.Errorf("threshold %d, known %v", n, known)
	}
}

// random is the randomness that the participant drew its secrets from.
func (p *recordedParticipant) random(t *testing.T, id frost.Identifier) io.Reader {
	t.Helper()
	var secret struct {
		Coefficients []hexBytes `json:"coefficients"`
	}
	if err := json.Unmarshal(p.Round1SecretJSON, &secret); err != nil {
		t.Fatal(err)
	}
	var coefficients [][]byte
	for _, c := range secret.Coefficients {
		coefficients = append(coefficients, c)
	}
	return scripted(t, id, coefficients, must(DecodeRound1PackageJSON(suite, p.Round1JSON))(t))
}

// TestVectorsDKG replays vectors_dkg.json, whose signing_shares are keyed by the sender.
func TestVectorsDKG(t *testing.T) {
	var v struct {
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	readJSON(t, "vectors_dkg.json", &v)
	type participant struct {
		SigningKey     hexBytes            `json:"signing_key"`
		Coefficient    hexBytes            `json:"coefficient"`
		Commitments    []hexBytes          `json:"vss_commitments"`
		Proof          hexBytes            `json:"proof_of_knowledge"`
		SigningShares  map[string]hexBytes `json:"signing_shares"`
		VerifyingShare hexBytes            `json:"verifying_share"`
		SigningShare   hexBytes            `json:"signing_share"`
	}
	ids := numbers(t, 3)
	recorded := make(map[frost.Identifier]*participant)
	for i, id := range ids {
		recorded[id] = new(participant)
		if err := json.Unmarshal(v.Inputs[strconv.Itoa(i+1)], recorded[id]); err != nil {
			t.Fatal(err)
		}
	}
	r := begin(t, ids, 2, func(id frost.Identifier) io.Reader {
		p := recorded[id]
		form := append([]byte{0, 0xb1, 0x69, 0xf0, 0xda, byte(len(p.Commitments))}, p.Commitments[0]...)
		form = append(append(append(form, p.Commitments[1]...), byte(len(p.Proof))), p.Proof...)
		return scripted(t, id, [][]byte{p.SigningKey, p.Coefficient}, must(DecodeRound1PackagePostcard(suite, form))(t))
	})
	for id, p := range recorded {
		own := r.round1[id].Package()
		equal(t, "proof of knowledge", append(own.proofR.Encoding(), own.proofZ.Bytes()...), p.Proof)
		for k, c := range p.Commitments {
			equal(t, "commitment", own.commitment[k].Encoding(), c)
		}
	}
	r.toRound2(t)
	for id, p := range recorded {
		for i, from := range ids {
			if from != id {
				equal(t, "share", r.round2[from].Packages()[id].share.Bytes(), p.SigningShares[strconv.Itoa(i+1)])
			}
		}
	}
	keys, public := r.finish(t)
	for id, p := range recorded {
		equal(t, "verifying share", keys[id].VerifyingShare().Bytes(), p.VerifyingShare)
		equal(t, "signing share", keys[id].EncodeSecretPostcard()[5+32:5+64], p.SigningShare)
	}
	var key hexBytes
	if err := json.Unmarshal(v.Inputs["verifying_key"], &key); err != nil {
		t.Fatal(err)
	}
	equal(t, "verifying key", public.VerifyingKey().Bytes(), key)
}

// TestFrostToolsKeyGeneration checks what participant 1 of three saw of a key generation by real
// frost-tools: its own round 1 package and those of 2 and 3, the shares it sent
// and those it received, and its keys.
func TestFrostToolsKeyGeneration(t *testing.T) {
	var v struct {
		Messages []struct {
			Message json.RawMessage `json:"message"`
		} `json:"messages"`
	}
	readJSON(t, "learning-frost-dkg-cli.json", &v)
	g := suite.Group()
	ids := numbers(t, 3)
	var commitments [][]group.Element
	for i, id := range ids {
		raw := v.Messages[i].Message
		p := must(DecodeRound1PackageJSON(suite, raw))(t)
		equalText(t, "round 1 package", p.EncodeJSON(), compact(t, raw))
		if !p.proofVerifies(id) {
			t.Errorf("proof of %s does not verify", id)
		}
		commitments = append(commitments, p.commitment)
	}
	// The shares, as sender and recipient, in the order in which they were shown.
	for i, way := range [][2]int{{0, 1}, {0, 2}, {1, 0}, {2, 0}} {
		raw := v.Messages[3+i].Message
		p := must(DecodeRound2PackageJSON(suite, raw))(t)
		equalText(t, "round 2 package", p.EncodeSecretJSON(), compact(t, raw))
		x := g.ScalarFromUint16(uint16(way[1] + 1))
		if !g.BaseMult(p.share).Equal(group.VarTimeEvaluate(g, commitments[way[0]], x)) {
			t.Errorf("share from %d to %d does not belong to its commitments", way[0]+1, way[1]+1)
		}
	}
	key := must(frost.DecodeKeyPackageJSON(suite, v.Messages[7].Message))(t)
	public := must(frost.DecodePublicKeyPackageJSON(suite, v.Messages[8].Message))(t)
	sum := make([]group.Element, 2)
	for k := range sum {
		sum[k] = g.NewElement()
		for _, c := range commitments {
			sum[k].Add(sum[k], c[k])
		}
	}
	g.Normalize(sum...)
	share := must(g.DecodeScalar(key.EncodeSecretPostcard()[5+32 : 5+64]))(t)
	gotKey, gotPublic, err := frost.AssembleKeys(suite, ids[0], share, sum, ids)
	if err != nil {
		t.Fatal(err)
	}
	equalText(t, "key package", gotKey.EncodeSecretJSON(), compact(t, v.Messages[7].Message))
	equalText(t, "public key package", gotPublic.EncodeJSON(), compact(t, v.Messages[8].Message))
	if !gotPublic.Equal(public) {
		t.Error("public key package differs")
	}
}
