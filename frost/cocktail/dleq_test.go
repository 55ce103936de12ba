package cocktail

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"slices"
	"testing"
	"testing/quick"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

var update = flag.Bool("update", false, "write testdata/attempt.json anew")

// disclosed is what a victim of a party shows of a dealer that cheats it.
func disclosed(t testing.TB, p party, victim, dealer int, message *Round1Message) (pair, *BlameMessage) {
	t.Helper()
	s := p.setup.suite
	to := pair{s, message.ephemeral, p.setup.keys[dealer], p.setup.encryption[victim], p.setup.context}
	about := p.setup.statement(p.ids[victim], p.ids[dealer])
	evidence := must(to.disclose(p.opening(victim).secret, about, random(5)))(t)
	return to, &BlameMessage{culprit: p.ids[dealer], check: CheckDecryption, evidence: evidence, setup: p.setup}
}

// What liars show of an honest member's ciphertext, and what is no proof, blames nobody.
func TestForgedBlameIsRefused(t *testing.T) {
	p := newAttemptParty(t, "forgeries", 2, 3)
	_, messages := p.round1(t, 2)
	cheating := cheat{ciphertext: flip}.message(t, p, 0)
	_, proven := disclosed(t, p, 1, 0, cheating)
	if err := proven.Verify(p.ids[1], cheating); err != nil {
		t.Fatalf("the true proof: %v", err)
	}
	stranger := must(GenerateAttemptKey(cs, random(6)))(t)
	_, ofAnother := disclosed(t, p, 2, 0, cheating)
	forged := map[string][]byte{
		"another's secrets":  ofAnother.evidence,
		"no secrets":         nil,
		"zeros":              make([]byte, 128),
		"a stranger's proof": strangersProof(t, p, stranger, cheating),
		"secrets swapped":    slices.Concat(proven.evidence[32:64], proven.evidence[:32], proven.evidence[64:]),
		"a proof of nothing": slices.Concat(proven.evidence[:64], make([]byte, 64)),
		"low order":          slices.Concat(make([]byte, 32), proven.evidence[32:]),
	}
	for i := range 128 {
		changed := slices.Clone(proven.evidence)
		changed[i] ^= 1
		forged["changed byte "+string(rune('0'+i))] = changed
	}
	for name, evidence := range forged {
		blame := &BlameMessage{culprit: p.ids[0], check: CheckDecryption, evidence: evidence, setup: p.setup}
		if err := blame.Verify(p.ids[1], cheating); !errors.Is(err, ErrUnproven) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := proven.Verify(p.ids[2], cheating); !errors.Is(err, ErrUnproven) {
		t.Errorf("another accuser's proof: %v", err)
	}
	for _, check := range []Check{CheckDecryption, CheckPlaintext, CheckShare} {
		_, honest := disclosed(t, p, 1, 0, messages[p.ids[0]])
		honest.check = check
		if err := honest.Verify(p.ids[1], messages[p.ids[0]]); !errors.Is(err, ErrUnproven) {
			t.Errorf("an honest member is blamed: %v: %v", check, err)
		}
	}
	for _, check := range []Check{CheckPlaintext, CheckShare} {
		if proven.check = check; proven.Verify(p.ids[1], cheating) == nil {
			t.Errorf("what does not decrypt passes as %v", check)
		}
	}
}

// strangersProof is a proof with a key that is nobody's, for the secrets that it makes.
func strangersProof(t *testing.T, p party, stranger *StaticKey, message *Round1Message) []byte {
	to := pair{p.setup.suite, message.ephemeral, p.setup.keys[0], stranger.public.element, p.setup.context}
	return must(to.disclose(stranger.secret, p.setup.statement(p.ids[1], p.ids[0]), random(6)))(t)
}

// For whatever keys, a proof verifies, shows the shared secrets that the sender has, and is bound to what it is about.
func TestDisclosures(t *testing.T) {
	s := must(suiteOf(cs))(t)
	property := func(seeds [3][32]byte, context [64]byte, about []byte) bool {
		f, e, d := scalarOf(s, seeds[0][:]), scalarOf(s, seeds[1][:]), scalarOf(s, seeds[2][:])
		to := pair{s, baseMult(s, e), baseMult(s, d), baseMult(s, f), context[:]}
		encoded, err := to.disclose(f, about, bytes.NewReader(seeds[2][:]))
		if err != nil {
			return false
		}
		shown, err := decodeDisclosure(s, encoded)
		return err == nil && to.verifyDisclosure(shown, about) && !to.verifyDisclosure(shown, append(slices.Clone(about), 0)) &&
			bytes.Equal(shown.ephemeral.Encoding(), s.ecdh(e, to.recipient)) && bytes.Equal(shown.static.Encoding(), s.ecdh(d, to.recipient))
	}
	if err := quick.Check(property, &quick.Config{MaxCount: 50}); err != nil {
		t.Error(err)
	}
}

func scalarOf(s suite, seed []byte) group.Scalar { return s.H2(seed) }

func baseMult(s suite, x group.Scalar) group.Element {
	e := s.Group().BaseMult(x)
	s.Group().Normalize(e)
	return e
}

// A source of randomness that repeats itself, or fails, gives no nonce away.
func TestDisclosureNonces(t *testing.T) {
	p := newAttemptParty(t, "nonces", 2, 3)
	_, messages := p.round1(t, 2)
	seen := make(map[string]bool)
	for _, victim := range []int{1, 2} {
		for _, dealer := range []int{0, 3 - victim} {
			_, blame := disclosed(t, p, victim, dealer, messages[p.ids[dealer]])
			seen[string(blame.evidence[64:96])] = true
		}
	}
	if len(seen) != 4 {
		t.Errorf("%d challenges of 4 differ", len(seen))
	}
	to, _ := disclosed(t, p, 1, 0, messages[p.ids[0]])
	if _, err := to.disclose(p.opening(1).secret, nil, bytes.NewReader(nil)); err == nil {
		t.Error("a proof is made without randomness")
	}
}

// attemptVector is testdata/attempt.json: what package cocktail adds to the specification.
type attemptVector struct {
	Note       string            `json:"note"`
	StaticKeys []string          `json:"static_secret_keys"`
	Attempt    []string          `json:"attempt_secret_keys"`
	Possession []string          `json:"possession_proofs"`
	Context    string            `json:"context"`
	Messages   []string          `json:"round1_messages"`
	Cheating   string            `json:"cheating_round1_message_of_1"`
	Blames     map[string]string `json:"blame_of_1_by_2"`
	Transcript string            `json:"transcript"`
	Signatures string            `json:"signatures"`
	Shares     []string          `json:"signing_shares"`
}

// The vectors of an attempt of 2 of 3 members, byte for byte. They are made by -update.
func TestAttemptVectors(t *testing.T) {
	const path = "testdata/attempt.json"
	made := must(json.MarshalIndent(makeAttemptVector(t), "", "  "))(t)
	made = append(made, '\n')
	if *update {
		if err := os.WriteFile(path, made, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(made, must(os.ReadFile(path))(t)) {
		t.Errorf("%s has other vectors", path)
	}
}

func makeAttemptVector(t *testing.T) attemptVector {
	p := newAttemptParty(t, "attempt", 2, 3)
	v := attemptVector{
		Note:    "ID \"attempt\", digest \"digest of a ceremony file\", step \"treasury\", communication keys 000102, 010102, 020102; extension \"extension\"; possession over \"session\" and the member's number",
		Context: hex.EncodeToString(p.setup.Context()), Blames: make(map[string]string),
	}
	_, messages := p.round1(t, 2)
	for i, id := range p.ids {
		v.StaticKeys = append(v.StaticKeys, hex.EncodeToString(p.keys[i].secret.Bytes()))
		v.Attempt = append(v.Attempt, hex.EncodeToString(p.attempt[i].secret.Bytes()))
		proof := must(p.attempt[i].ProvePossession([]byte("session"), []byte{byte(i + 1)}))(t)
		v.Possession = append(v.Possession, proof.String())
		v.Messages = append(v.Messages, hex.EncodeToString(messages[id].Encode()))
	}
	rounds2, certificate := p.complete(t)
	for _, round := range rounds2 {
		v.Shares = append(v.Shares, hex.EncodeToString(secretShare(t, round.KeyPackage())))
	}
	v.Transcript = hex.EncodeToString(certificate.Transcript().Encode())
	v.Signatures = hex.EncodeToString(certificate.EncodeSignatures())
	cheating := cheat{ciphertext: flip}.message(t, p, 0)
	v.Cheating = hex.EncodeToString(cheating.Encode())
	_, blame := disclosed(t, p, 1, 0, cheating)
	v.Blames["decryption"] = hex.EncodeToString(blame.Encode())
	return v
}

// Who has all traffic and, afterwards, the communication keys of as many members as sign, has the group's key only
// where the shares were encrypted to the static keys.
func TestRecordedTraffic(t *testing.T) {
	for name, c := range map[string]struct {
		party
		wins bool
	}{
		"keys of the attempt": {newAttemptParty(t, "recorded", 2, 3), false},
		"static keys":         {newStaticParty(t, "recorded", 2, 3), true},
		"as specified":        {newParty(t, "recorded", 2, 3), true},
	} {
		t.Run(name, func(t *testing.T) {
			rounds1, messages := c.round1(t, 4)
			var signers []*frost.KeyPackage
			for _, i := range []int{0, 2} {
				signers = append(signers, stolen(c.party, i, messages))
			}
			if won := signers[0] != nil && signers[1] != nil; won != c.wins {
				t.Errorf("the attacker has shares: %t, want %t", won, c.wins)
			}
			genuine := must(rounds1[0].Next(messages))(t)
			if c.wins {
				equal(t, "stolen share", secretShare(t, signers[0]), secretShare(t, genuine.KeyPackage()))
			}
		})
	}
}

// stolen makes a member's key package of recorded messages with the member's static key, nil where that opens nothing. It
// tries the static key as the key that the shares are encrypted to.
func stolen(p party, i int, messages map[frost.Identifier]*Round1Message) *frost.KeyPackage {
	attacker := &member{p.setup, p.ids[i], p.keys[i], p.keys[i], random(1)}
	var all []contribution
	var ciphertexts [][]byte
	for _, id := range p.ids {
		all, ciphertexts = append(all, messages[id].contribution), append(ciphertexts, messages[id].ciphertexts[i])
	}
	outcome, _, err := attacker.openAll(all, ciphertexts)
	if err != nil {
		return nil
	}
	return outcome.private
}
