package cocktail

import (
	"bytes"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"frostkit/frost"
)

// No bit of a certificate may differ: all are tried of the short fields, a sample of the rest.
func TestCertificateTampering(t *testing.T) {
	p := newParty(t, "tampering", 2, 3)
	rounds, signatures := p.round3(t, 2, make([]byte, 32))
	certificate := must(rounds[0].Next(signatures))(t)
	encoded := certificate.Encode()
	source := rand.New(random(5))
	header := 8 + len(p.setup.suite.id()) + 8
	for i := range encoded {
		bits := []int{source.IntN(8)}
		if i < header {
			bits = []int{0, 1, 2, 3, 4, 5, 6, 7}
		}
		for _, bit := range bits {
			changed := slices.Clone(encoded)
			changed[i] ^= 1 << bit
			if _, err := DecodeCertificate(cs, changed); err == nil {
				t.Errorf("bit %d of byte %d changed, and the certificate is valid", bit, i)
			}
		}
	}
	again := must(DecodeCertificate(cs, encoded))(t)
	equal(t, "certificate", again.Encode(), encoded)
	if !again.Transcript().HasSessionID([]byte("tampering")) || again.Transcript().HasSessionID([]byte("another")) {
		t.Error("the session ID is not told")
	}
	equal(t, "extension", again.Transcript().Extension(), make([]byte, 32))
}

// Signatures of others, of no one, and over another extension are named.
func TestSignaturesAreNamed(t *testing.T) {
	p := newParty(t, "signatures", 2, 4)
	rounds2 := p.round2(t, 2)
	extension := make([]byte, 32)
	var rounds []*Round3
	signatures := make(map[frost.Identifier]Signature)
	for i, round := range rounds2 {
		given := slices.Clone(extension)
		given[0] = byte(i / 3) // the fourth has another extension
		rounds = append(rounds, must(round.Next(given))(t))
		signatures[p.ids[i]] = rounds[i].Signature()
	}
	_, err := rounds[0].Next(signatures)
	wantBlame(t, err, CheckSignature, p.ids[3])
	_, err = rounds[3].Next(signatures)
	wantBlame(t, err, CheckSignature, p.ids[0], p.ids[1], p.ids[2])
	swapped := maps.Clone(signatures)
	swapped[p.ids[1]], swapped[p.ids[2]], swapped[p.ids[3]] = signatures[p.ids[2]], signatures[p.ids[1]], Signature{}
	_, err = rounds[0].Next(swapped)
	wantBlame(t, err, CheckSignature, p.ids[1], p.ids[2], p.ids[3])
	delete(swapped, p.ids[1])
	blamed := (*frost.BlameError)(nil)
	if _, err = rounds[0].Next(swapped); !errors.As(err, &blamed) || !slices.Equal(blamed.Culprits, p.ids[1:2]) {
		t.Errorf("got %v, want %v missing", err, p.ids[1])
	}
}

// A transcript signature does not verify as one of Ed25519 or of FROST, nor for others.
func TestTranscriptVerify(t *testing.T) {
	p := newParty(t, "verify", 2, 2)
	rounds, signatures := p.round3(t, 2, nil)
	transcript := rounds[0].Transcript()
	if err := transcript.Verify(p.ids[0], signatures[p.ids[0]]); err != nil {
		t.Error(err)
	}
	stranger := must(frost.NewIdentifier(cs, 9))(t)
	for _, c := range []struct {
		id  frost.Identifier
		sig Signature
	}{{p.ids[1], signatures[p.ids[0]]}, {p.ids[0], Signature{}}, {stranger, signatures[p.ids[0]]}} {
		if err := transcript.Verify(c.id, c.sig); !errors.Is(err, ErrInvalidSignature) {
			t.Errorf("got %v, want %v", err, ErrInvalidSignature)
		}
	}
	key := must(frost.DecodeVerifyingKey(cs, p.keys[0].PublicKey().Bytes()))(t)
	foreign := must(frost.DecodeSignature(cs, signatures[p.ids[0]].Bytes()))(t)
	if err := key.Verify(transcript.Encode(), foreign); !errors.Is(err, frost.ErrInvalidSignature) {
		t.Error("a transcript signature is one of FROST")
	}
}

// Members that were shown different messages of one member find out whose by comparing contributions, which are
// what those messages begin with.
func TestSplitView(t *testing.T) {
	p := newParty(t, "split", 2, 3)
	rounds, messages := p.round1(t, 2)
	shown := maps.Clone(messages)
	shown[p.ids[2]] = cheat{}.message(t, p, 2) // from other randomness
	first := must(must(rounds[0].Next(messages))(t).Next(nil))(t)
	second := must(must(rounds[1].Next(shown))(t).Next(nil))(t)
	_, err := first.Next(map[frost.Identifier]Signature{p.ids[1]: second.Signature(), p.ids[2]: first.Signature()})
	wantBlame(t, err, CheckSignature, p.ids[1], p.ids[2])
	for _, id := range p.ids {
		a, _ := first.Transcript().Contribution(id)
		b, _ := second.Transcript().Contribution(id)
		if !bytes.HasPrefix(messages[id].Encode(), a) || !bytes.HasPrefix(shown[id].Encode(), b) {
			t.Errorf("contributions of %s are not those of its messages", id)
		}
		if same := bytes.Equal(a, b); same != (id != p.ids[2]) {
			t.Errorf("that the contributions of %s are the same is %t", id, same)
		}
	}
	if _, found := first.Transcript().Contribution(frost.Identifier{}); found {
		t.Error("who is no member has a contribution")
	}
}

// A member that stored its transcript and its bundle goes on from them, or recovers.
func TestResume(t *testing.T) {
	p := newParty(t, "resume", 2, 3)
	rounds2 := p.round2(t, 2)
	bundle := must(DecodeBundle(cs, 3, rounds2[1].Bundle().Encode()))(t)
	share := secretShare(t, rounds2[1].KeyPackage())
	rounds3, signatures := p.certify(t, rounds2, []byte("digest"))
	transcript := must(DecodeTranscript(cs, rounds3[1].Transcript().Encode()))(t)
	resumed, key, public, err := Resume(p.keys[1], transcript, bundle)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "signature", resumed.Signature().Bytes(), signatures[p.ids[1]].Bytes())
	equal(t, "share", secretShare(t, key), share)
	certificate := must(resumed.Next(must(p.setup.DecodeSignatures(must(rounds3[0].Next(signatures))(t).EncodeSignatures()))(t)))(t)
	if !public.Equal(must(certificate.Transcript().PublicKeyPackage())(t)) {
		t.Error("public keys differ")
	}
	if sig, ok := certificate.Signature(p.ids[1]); !ok || !sig.Equal(resumed.Signature()) {
		t.Error("the certificate does not hold the signature")
	}
}

// Recovery needs this member's key and bundle, unchanged.
func TestRecoverRefuses(t *testing.T) {
	p := newParty(t, "recover", 2, 3)
	rounds2 := p.round2(t, 2)
	rounds3, signatures := p.certify(t, rounds2, nil)
	certificate := must(rounds3[0].Next(signatures))(t)
	if _, _, err := Recover(p.keys[0], certificate, rounds2[1].Bundle()); err == nil {
		t.Error("another's bundle is taken")
	}
	foreign := newParty(t, "x", 2, 4).keys[3]
	if _, _, err := Recover(foreign, certificate, rounds2[0].Bundle()); !errors.Is(err, ErrNotMember) {
		t.Errorf("got %v, want %v", err, ErrNotMember)
	}
	changed := rounds2[0].Bundle().Encode()
	changed[len(changed)-1] ^= 1
	_, _, err := Recover(p.keys[0], certificate, must(DecodeBundle(cs, 3, changed))(t))
	wantBlame(t, err, CheckDecryption, p.ids[2])
	short := must(DecodeBundle(cs, 2, rounds2[0].Bundle().Encode()[:2*56]))(t)
	if _, _, err := Recover(p.keys[0], certificate, short); err == nil {
		t.Error("a bundle of fewer members is taken")
	}
	if _, err := DecodeBundle(cs, 1, changed[:56]); err == nil {
		t.Error("a bundle of one member decodes")
	}
}
