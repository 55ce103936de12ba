package cocktail

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"frostkit/frost"
)

var cs = frost.Ed25519()

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func equal(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("%s\n got %x\nwant %x", what, got, want)
	}
}

// random is a deterministic source of randomness.
func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

// party is a group of members before the key generation.
type party struct {
	setup *Setup
	keys  []*StaticKey
	// attempt are the keys of an attempt, if it is one that has such.
	attempt []*StaticKey
	ids     []frost.Identifier
}

// opening returns what opens the shares of a member.
func (p party) opening(i int) *StaticKey {
	if p.attempt != nil {
		return p.attempt[i]
	}
	return p.keys[i]
}

// attemptOf describes an attempt of a party, whose shares are encrypted to the attempt's keys.
func (p party) attemptOf(session string, threshold int) Attempt {
	a := Attempt{ID: []byte(session), Threshold: threshold, Digest: []byte("digest of a ceremony file"), Step: "treasury"}
	for i, key := range p.keys {
		m := AttemptMember{Communication: []byte{byte(i), 1, 2}, Static: key.PublicKey()}
		if p.attempt != nil {
			m.Encryption = p.attempt[i].PublicKey()
		}
		a.Members = append(a.Members, m)
	}
	return a
}

// newAttemptParty is a party with keys that were made for the attempt.
func newAttemptParty(t testing.TB, session string, threshold, n int) party {
	t.Helper()
	p := newParty(t, session, threshold, n)
	source := random(9)
	for range n {
		p.attempt = append(p.attempt, must(GenerateAttemptKey(cs, source))(t))
	}
	p.setup = must(NewAttemptSetup(cs, p.attemptOf(session, threshold)))(t)
	return p
}

// newStaticParty is a party of an attempt whose shares are encrypted to the static keys.
func newStaticParty(t testing.TB, session string, threshold, n int) party {
	t.Helper()
	p := newParty(t, session, threshold, n)
	p.setup = must(NewAttemptSetup(cs, p.attemptOf(session, threshold)))(t)
	return p
}

// config is what a member begins with.
func (p party) config(i int) Config {
	config := Config{Setup: p.setup, Key: p.keys[i]}
	if p.attempt != nil {
		config.AttemptKey = p.attempt[i]
	}
	return config
}

func newParty(t testing.TB, session string, threshold, n int) party {
	t.Helper()
	var p party
	var members []StaticPublicKey
	source := random(1)
	for range n {
		scalar := must(cs.Group().RandomScalar(source))(t)
		p.keys = append(p.keys, must(DecodeStaticKey(cs, scalar.Bytes()))(t))
		members = append(members, p.keys[len(p.keys)-1].PublicKey())
	}
	p.setup = must(NewSetup(cs, []byte(session), members, threshold))(t)
	p.ids = p.setup.Identifiers()
	return p
}

// round1 begins the key generation of every member.
func (p party) round1(t testing.TB, seed byte) ([]*Round1, map[frost.Identifier]*Round1Message) {
	t.Helper()
	var rounds []*Round1
	messages := make(map[frost.Identifier]*Round1Message)
	source := random(seed)
	for i := range p.keys {
		config := p.config(i)
		config.Random = source
		rounds = append(rounds, must(New(config))(t))
		messages[p.ids[i]] = rounds[i].Message()
	}
	return rounds, messages
}

func (p party) round2(t testing.TB, seed byte) []*Round2 {
	t.Helper()
	rounds1, messages := p.round1(t, seed)
	var rounds []*Round2
	for _, round := range rounds1 {
		rounds = append(rounds, must(round.Next(messages))(t))
	}
	return rounds
}

func (p party) round3(t testing.TB, seed byte, extension []byte) ([]*Round3, map[frost.Identifier]Signature) {
	t.Helper()
	return p.certify(t, p.round2(t, seed), extension)
}

func (p party) certify(t testing.TB, rounds2 []*Round2, extension []byte) ([]*Round3, map[frost.Identifier]Signature) {
	t.Helper()
	var rounds []*Round3
	signatures := make(map[frost.Identifier]Signature)
	for i, round := range rounds2 {
		rounds = append(rounds, must(round.Next(extension))(t))
		signatures[p.ids[i]] = rounds[i].Signature()
	}
	return rounds, signatures
}

// secretShare returns a key package's signing share.
func secretShare(t testing.TB, key *frost.KeyPackage) []byte {
	t.Helper()
	var fields struct {
		Share hexBytes `json:"signing_share"`
	}
	if err := json.Unmarshal(key.EncodeSecretJSON(), &fields); err != nil {
		t.Fatal(err)
	}
	return fields.Share
}
