package cocktail

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"frostkit/frost"
)

// complete takes a party through all rounds, and returns the certificate.
func (p party) complete(t testing.TB) ([]*Round2, *Certificate) {
	t.Helper()
	rounds2 := p.round2(t, 2)
	rounds3, signatures := p.certify(t, rounds2, []byte("extension"))
	return rounds2, must(rounds3[0].Next(signatures))(t)
}

// A key generation with keys of the attempt: its certificate says what it is for, and the share that a member
// stored is all it needs.
func TestAttempt(t *testing.T) {
	p := newAttemptParty(t, "attempt", 2, 3)
	rounds2, certificate := p.complete(t)
	again := must(DecodeCertificate(cs, certificate.Encode()))(t)
	equal(t, "certificate", again.Encode(), certificate.Encode())
	transcript := again.Transcript()
	a, ok := transcript.Setup().Attempt()
	if !ok || a.Step != "treasury" || !bytes.Equal(a.Members[1].Communication, []byte{1, 1, 2}) || !transcript.HasSessionID([]byte("attempt")) {
		t.Errorf("the transcript is of %+v", a)
	}
	equal(t, "context", transcript.Setup().Context(), p.setup.Context())
	for i, round := range rounds2 {
		if round.Bundle() != nil {
			t.Error("there is a bundle, which nothing opens")
		}
		restarted, public, err := ResumeShare(p.keys[i], transcript, round.KeyPackage())
		if err != nil || !public.Equal(round.PublicKeyPackage()) {
			t.Fatalf("resuming: %v", err)
		}
		own, _ := certificate.Signature(p.ids[i])
		equal(t, "signature", restarted.Signature().Bytes(), own.Bytes())
		if _, err := transcript.CheckShare(p.keys[(i+1)%3].PublicKey(), round.KeyPackage()); err == nil {
			t.Error("a share passes as another member's")
		}
	}
	other := newAttemptParty(t, "another", 2, 3).round2(t, 3)
	if _, _, err := ResumeShare(p.keys[0], transcript, other[0].KeyPackage()); err == nil {
		t.Error("the share of another group passes")
	}
}

// Static keys open nothing of an attempt; where the members agreed on it they do.
func TestRecoverable(t *testing.T) {
	p := newAttemptParty(t, "attempt", 2, 3)
	_, messages := p.round1(t, 2)
	_, certificate := p.complete(t)
	if _, _, err := Recover(p.keys[0], certificate, bundleOf(p, messages, 0)); !errors.Is(err, ErrAttemptKeys) {
		t.Errorf("got %v, want %v", err, ErrAttemptKeys)
	}
	static := newStaticParty(t, "attempt", 2, 3)
	rounds2, certificate := static.complete(t)
	key, _, err := Recover(static.keys[0], certificate, rounds2[0].Bundle())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "recovered share", secretShare(t, key), secretShare(t, rounds2[0].KeyPackage()))
}

// bundleOf gathers the ciphertexts to a member from recorded messages.
func bundleOf(p party, messages map[frost.Identifier]*Round1Message, i int) *Bundle {
	var ciphertexts [][]byte
	for _, id := range p.ids {
		ciphertexts = append(ciphertexts, messages[id].ciphertexts[i])
	}
	return newBundle(p.setup.suite, ciphertexts)
}

func TestAttemptRefuses(t *testing.T) {
	p := newAttemptParty(t, "attempt", 2, 3)
	for want, change := range map[string]func(*Attempt){
		"attempt key of member 2 is the attempt key of member 1": func(a *Attempt) { a.Members[1].Encryption = a.Members[0].Encryption },
		"attempt key of member 1 is the static key of member 3":  func(a *Attempt) { a.Members[0].Encryption = a.Members[2].Static },
		"attempt key of member 2 is the static key of member 2":  func(a *Attempt) { a.Members[1].Encryption = a.Members[1].Static },
		"member 3 has no attempt key":                            func(a *Attempt) { a.Members[2].Encryption = StaticPublicKey{} },
		"members 1 and 3 have the same static key":               func(a *Attempt) { a.Members[2].Static = a.Members[0].Static },
		"static key of member 2 is not of the suite":             func(a *Attempt) { a.Members[1].Static = StaticPublicKey{} },
		"ID, digest and step":                                    func(a *Attempt) { a.ID = nil },
		"have 7, 25 and 1025 bytes":                              func(a *Attempt) { a.Step = strings.Repeat("s", 1025) },
		"communication key of member 1":                          func(a *Attempt) { a.Members[0].Communication = make([]byte, 1025) },
		"threshold":                                              func(a *Attempt) { a.Threshold = 4 },
	} {
		a := p.attemptOf("attempt", 2)
		change(&a)
		if _, err := NewAttemptSetup(cs, a); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	another := must(GenerateAttemptKey(cs, nil))(t)
	destroyed := must(GenerateAttemptKey(cs, nil))(t)
	destroyed.Destroy()
	for name, key := range map[string]*StaticKey{"another's": another, "destroyed": destroyed} {
		if _, err := New(Config{Setup: p.setup, Key: p.keys[0], AttemptKey: key}); err == nil {
			t.Errorf("a member begins with a key of the attempt that is %s", name)
		}
	}
	_, messages := p.round1(t, 2)
	first := must(New(Config{Setup: p.setup, Key: p.keys[0]}))(t)
	if _, err := first.Next(withOwn(messages, p, 0)); err == nil {
		t.Error("a member goes on without the key of the attempt")
	}
	if _, err := NewRound2Message(p.setup, p.ids[0], nil); err == nil {
		t.Error("a coordinator gathers the messages of an attempt")
	}
}

// Every field of an attempt changes the context.
func TestContextBindsTheAttempt(t *testing.T) {
	p := newAttemptParty(t, "attempt", 2, 3)
	seen := map[string]string{string(p.setup.Context()): "nothing"}
	for name, change := range map[string]func(*Attempt){
		"ID":            func(a *Attempt) { a.ID = []byte("attempU") },
		"threshold":     func(a *Attempt) { a.Threshold = 3 },
		"digest":        func(a *Attempt) { a.Digest[0] ^= 1 },
		"step":          func(a *Attempt) { a.Step += "2" },
		"order":         func(a *Attempt) { a.Members[0], a.Members[1] = a.Members[1], a.Members[0] },
		"communication": func(a *Attempt) { a.Members[2].Communication = []byte{9} },
		"attempt key":   func(a *Attempt) { a.Members[2].Encryption = must(GenerateAttemptKey(cs, nil))(t).PublicKey() },
		"recipients": func(a *Attempt) {
			for i := range a.Members {
				a.Members[i].Encryption = StaticPublicKey{}
			}
		},
	} {
		a := p.attemptOf("attempt", 2)
		change(&a)
		context := string(must(NewAttemptSetup(cs, a))(t).Context())
		if other, found := seen[context]; found {
			t.Errorf("with another %s the context is that with another %s", name, other)
		}
		seen[context] = name
	}
}

func TestPossession(t *testing.T) {
	key := must(GenerateAttemptKey(cs, random(3)))(t)
	fields := [][]byte{[]byte("session"), []byte("member"), []byte("run"), []byte("nonce")}
	proof := must(key.ProvePossession(fields...))(t)
	if err := key.PublicKey().VerifyPossession(proof, fields...); err != nil {
		t.Fatal(err)
	}
	other := must(GenerateAttemptKey(cs, random(4)))(t)
	for name, err := range map[string]error{
		"another key":     other.PublicKey().VerifyPossession(proof, fields...),
		"another field":   key.PublicKey().VerifyPossession(proof, []byte("session"), []byte("member"), []byte("run"), []byte("noncf")),
		"a field moved":   key.PublicKey().VerifyPossession(proof, []byte("sessionm"), []byte("ember"), []byte("run"), []byte("nonce")),
		"a field fewer":   key.PublicKey().VerifyPossession(proof, fields[:3]...),
		"no proof":        key.PublicKey().VerifyPossession(Signature{}, fields...),
		"no key":          StaticPublicKey{}.VerifyPossession(proof, fields...),
		"another's proof": key.PublicKey().VerifyPossession(must(other.ProvePossession(fields...))(t), fields...),
	} {
		if !errors.Is(err, ErrInvalidSignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
	key.Destroy()
	if _, err := key.ProvePossession(fields...); !errors.Is(err, frost.ErrDestroyed) {
		t.Errorf("a destroyed key proves: %v", err)
	}
}

// A transcript of an attempt has one encoding: each changed bit is refused or is another's transcript.
func TestAttemptTranscriptIsCanonical(t *testing.T) {
	p := newAttemptParty(t, "attempt", 2, 2)
	_, certificate := p.complete(t)
	encoded := certificate.Transcript().Encode()
	for i := range p.setup.head {
		changed := slices.Clone(encoded)
		changed[i] ^= 1
		if transcript, err := DecodeTranscript(cs, changed); err == nil && !bytes.Equal(transcript.Encode(), changed) {
			t.Errorf("byte %d: it has another encoding", i)
		}
		if _, err := DecodeTranscript(cs, encoded[:i]); err == nil {
			t.Errorf("cut at %d it decodes", i)
		}
	}
}

// blameParties are all setups in which a ciphertext at fault is proven to all.
func blameParties(t *testing.T, session string, threshold, n int) map[string]party {
	return map[string]party{
		"attempt keys": newAttemptParty(t, session, threshold, n),
		"static keys":  newStaticParty(t, session, threshold, n),
	}
}

// Whatever is wrong with a ciphertext, all see it by the shared secrets: also that it does not decrypt.
func TestBlameIsDecidedByAll(t *testing.T) {
	for name, p := range blameParties(t, "blame", 3, 5) {
		for check, cheating := range map[Check]cheat{CheckShare: {shares: addOne}, CheckDecryption: {ciphertext: flip}} {
			t.Run(fmt.Sprint(name, "/", check), func(t *testing.T) {
				rounds, messages := p.round1(t, 2)
				messages[p.ids[3]] = cheating.message(t, p, 3)
				_, err := rounds[1].Next(messages)
				wantBlame(t, err, check, p.ids[3])
				wantProven(t, p, 1, err, messages)
			})
		}
	}
}

// A proof of possession of the ephemeral key is another member's, of another session, or not there.
func TestEphemeralKeyIsPossessed(t *testing.T) {
	p, other := newAttemptParty(t, "attempt", 2, 3), newAttemptParty(t, "another", 2, 3)
	_, strange := other.round1(t, 2)
	rounds, messages := p.round1(t, 2)
	for name, message := range map[string]*Round1Message{
		"another member's": messages[p.ids[0]],
		"another session":  strange[p.ids[2]],
	} {
		polynomial, _, err := draw(random(7), p.setup)
		if err != nil {
			t.Fatal(err)
		}
		copied := contribution{commitment: polynomial.Commit(cs.Group()), ephemeral: message.ephemeral, possession: message.possession}
		cs.Group().Normalize(copied.commitment...)
		copied.pop = must(sign(p.setup.suite, polynomial[0], copied.commitment[0], copied.proofMessage(p.setup.context)))(t)
		changed := maps.Clone(messages)
		changed[p.ids[2]] = newRound1Message(p.setup, p.ids[2], copied, messages[p.ids[2]].ciphertexts)
		_, err = must(New(withRandom(p.config(1))))(t).Next(withOwn(changed, p, 1))
		_ = rounds
		wantBlame(t, err, CheckProof, p.ids[2])
		wantProven(t, p, 1, err, changed)
		if t.Failed() {
			t.Fatal(name)
		}
	}
	encoded := messages[p.ids[0]].Encode()
	head := contributionSize(p.setup.suite, 2)
	if _, err := DecodeRound1Message(p.setup, p.ids[0], slices.Delete(slices.Clone(encoded), head, head+64)); err == nil {
		t.Error("a message without the proof decodes")
	}
}

func withRandom(c Config) Config { c.Random = rand.Reader; return c }

// withOwn leaves out a member's own message, which is of an earlier round.
func withOwn(messages map[frost.Identifier]*Round1Message, p party, i int) map[frost.Identifier]*Round1Message {
	others := maps.Clone(messages)
	delete(others, p.ids[i])
	return others
}
