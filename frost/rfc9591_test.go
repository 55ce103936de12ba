package frost_test

import (
	"bytes"
	"slices"
	"strconv"
	"testing"

	"frostkit/frost"
)

// rfcVector is a file of the form that RFC 9591, Appendix E, is made from.
type rfcVector struct {
	cs     frost.Ciphersuite
	Config struct {
		MaxParticipants string `json:"MAX_PARTICIPANTS"`
		MinParticipants string `json:"MIN_PARTICIPANTS"`
	} `json:"config"`
	Inputs struct {
		GroupSecretKey    hexBytes   `json:"group_secret_key"`
		GroupPublicKey    hexBytes   `json:"group_public_key"`
		VerifyingKeyKey   hexBytes   `json:"verifying_key_key"`
		Message           hexBytes   `json:"message"`
		Coefficients      []hexBytes `json:"share_polynomial_coefficients"`
		ParticipantShares []struct {
			Identifier uint16   `json:"identifier"`
			Share      hexBytes `json:"participant_share"`
		} `json:"participant_shares"`
	} `json:"inputs"`
	RoundOne struct {
		Outputs []rfcRoundOne `json:"outputs"`
	} `json:"round_one_outputs"`
	RoundTwo struct {
		Outputs []struct {
			Identifier uint16   `json:"identifier"`
			SigShare   hexBytes `json:"sig_share"`
		} `json:"outputs"`
	} `json:"round_two_outputs"`
	FinalOutput struct {
		Sig hexBytes `json:"sig"`
	} `json:"final_output"`
}

type rfcRoundOne struct {
	Identifier        uint16   `json:"identifier"`
	HidingRandomness  hexBytes `json:"hiding_nonce_randomness"`
	BindingRandomness hexBytes `json:"binding_nonce_randomness"`
	HidingNonce       hexBytes `json:"hiding_nonce"`
	BindingNonce      hexBytes `json:"binding_nonce"`
	HidingCommitment  hexBytes `json:"hiding_nonce_commitment"`
	BindingCommitment hexBytes `json:"binding_nonce_commitment"`
	BindingFactor     hexBytes `json:"binding_factor"`
}

func TestRFC9591(t *testing.T) {
	for _, name := range []string{"frost-ed25519-sha512.json", "zf-ed25519-vectors.json", "vectors-big-identifier.json"} {
		t.Run(name, func(t *testing.T) {
			v := rfcVector{cs: suite}
			readJSON(t, name, &v)
			v.run(t)
		})
	}
}

func (v *rfcVector) run(t *testing.T) {
	shares, public := v.split(t)
	signers := make(map[frost.Identifier]*frost.Signer)
	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	for _, out := range v.RoundOne.Outputs {
		id := v.id(t, out.Identifier)
		signers[id] = out.signer(t, must(shares[id].KeyPackage())(t))
		commitments[id] = signers[id].Commitments()
	}
	pkg := must(frost.NewSigningPackage(v.cs, commitments, v.Inputs.Message))(t)
	for i, factor := range pkg.BindingFactors(public.VerifyingKey()) {
		equal(t, "binding factor", factor, v.RoundOne.Outputs[i].BindingFactor)
	}
	sigShares := signAll(t, signers, pkg)
	for _, out := range v.RoundTwo.Outputs {
		id := v.id(t, out.Identifier)
		equal(t, "signature share", sigShares[id].EncodePostcard(), out.SigShare)
		if err := frost.VerifySignatureShare(id, sigShares[id], pkg, public); err != nil {
			t.Error(err)
		}
	}
	sig := must(frost.Aggregate(pkg, sigShares, public))(t)
	equal(t, "signature", sig.Bytes(), v.FinalOutput.Sig)
	if err := public.VerifyingKey().Verify(v.Inputs.Message, sig); err != nil {
		t.Error(err)
	}
	if v.cs == suite {
		checkEd25519(t, public.VerifyingKey(), v.Inputs.Message, sig)
	}
}

func (v *rfcVector) id(t *testing.T, n uint16) frost.Identifier {
	t.Helper()
	return must(frost.NewIdentifier(v.cs, n))(t)
}

// split shares the vector's key with the vector's coefficients.
func (v *rfcVector) split(t *testing.T) (map[frost.Identifier]*frost.SecretShare, *frost.PublicKeyPackage) {
	var coefficients [][]byte
	for _, c := range v.Inputs.Coefficients {
		coefficients = append(coefficients, c)
	}
	n := must(strconv.Atoi(v.Config.MaxParticipants))(t)
	threshold := must(strconv.Atoi(v.Config.MinParticipants))(t)
	key := must(frost.DecodeSigningKey(v.cs, v.Inputs.GroupSecretKey))(t)
	var ids []frost.Identifier
	for i := range n {
		ids = append(ids, v.id(t, uint16(i+1)))
	}
	random := scalarReader(coefficients...)
	if v.cs != suite {
		random = bytes.NewReader(slices.Concat(coefficients...))
	}
	shares, public, err := frost.Split(random, key, ids, threshold)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "group public key", public.VerifyingKey().Bytes(), slices.Concat(v.Inputs.GroupPublicKey, v.Inputs.VerifyingKeyKey))
	for _, p := range v.Inputs.ParticipantShares {
		equal(t, "participant share", shares[v.id(t, p.Identifier)].SigningShare(), p.Share)
	}
	return shares, public
}

// signer draws the vector's nonces from the vector's randomness.
func (out *rfcRoundOne) signer(t *testing.T, key *frost.KeyPackage) *frost.Signer {
	random := bytes.NewReader(slices.Concat(out.HidingRandomness, out.BindingRandomness))
	signer := must(frost.NewSigner(random, key))(t)
	const head = 5
	equal(t, "nonces", signer.Nonces().EncodePostcard()[head:head+64], slices.Concat(out.HidingNonce, out.BindingNonce))
	equal(t, "commitments", signer.Commitments().EncodePostcard()[head:], slices.Concat(out.HidingCommitment, out.BindingCommitment))
	return signer
}
