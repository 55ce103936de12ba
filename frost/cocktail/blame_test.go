package cocktail

import (
	"encoding/hex"
	"errors"
	"maps"
	"strings"
	"testing"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// cheat makes the message of a member that changes what it likes in making it.
type cheat struct {
	proof      func(*contribution)
	shares     func(group.Polynomial) group.Polynomial // after it committed
	ciphertext func(to int, b []byte) []byte
}

func (c cheat) message(t *testing.T, p party, i int) *Round1Message {
	t.Helper()
	polynomial, ephemeral, err := draw(random(7), p.setup)
	if err != nil {
		t.Fatal(err)
	}
	public := must(contribute(p.setup, polynomial, ephemeral))(t)
	if c.proof != nil {
		c.proof(&public)
	}
	if c.shares != nil {
		polynomial = c.shares(polynomial)
	}
	self := member{p.setup, p.ids[i], p.keys[i], p.opening(i), random(8)}
	if p.setup.attempt != nil {
		public.possession = must(sign(p.setup.suite, ephemeral, public.ephemeral, ephemeralMessage(p.setup.context, p.ids[i])))(t)
	}
	ciphertexts := must(self.encryptShares(polynomial, ephemeral, public.ephemeral, nil))(t)
	if c.ciphertext != nil {
		for to := range ciphertexts {
			ciphertexts[to] = c.ciphertext(to, ciphertexts[to])
		}
	}
	return newRound1Message(p.setup, p.ids[i], public, ciphertexts)
}

func one() group.Scalar { return cs.Group().ScalarFromUint16(1) }

func addOne(p group.Polynomial) group.Polynomial { return addOneTo(p, 0) }

func addOneTo(p group.Polynomial, k int) group.Polynomial {
	changed := append(group.Polynomial(nil), p...)
	changed[k] = cs.Group().NewScalar().Add(p[k], one())
	return changed
}

// flip changes a bit of what goes to the second member.
func flip(to int, b []byte) []byte {
	if to == 1 {
		b[0] ^= 1
	}
	return b
}

// Two members of five cheat alike: each of the others names both, and the check.
func TestCheatsAreNamed(t *testing.T) {
	p := newAttemptParty(t, "cheats", 3, 5)
	other := newAttemptParty(t, "another session", 3, 5)
	cases := map[string]struct {
		cheat
		check   Check
		victims []int
	}{
		"shares of another polynomial": {cheat{shares: addOne}, CheckShare, []int{0, 1, 2}},
		"ciphertext changed":           {cheat{ciphertext: flip}, CheckDecryption, []int{1}},
		"proof of another session": {cheat{proof: func(c *contribution) {
			_, messages := other.round1(t, 3)
			c.pop = messages[other.ids[0]].pop
		}}, CheckProof, []int{0, 1, 2}},
		"proof without its ephemeral key": {cheat{proof: func(c *contribution) {
			c.ephemeral = p.keys[0].public.element
		}}, CheckProof, []int{0, 1, 2}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			rounds, messages := p.round1(t, 2)
			messages[p.ids[3]], messages[p.ids[4]] = c.message(t, p, 3), c.message(t, p, 4)
			for _, victim := range c.victims {
				_, err := rounds[victim].Next(messages)
				wantBlame(t, err, c.check, p.ids[3], p.ids[4])
				wantProven(t, p, victim, err, messages)
			}
		})
	}
}

// wantBlame checks that an error blames exactly these for one check.
func wantBlame(t *testing.T, err error, check Check, culprits ...frost.Identifier) {
	t.Helper()
	blamed := (*frost.BlameError)(nil)
	if !errors.As(err, &blamed) {
		t.Fatalf("got %v, want blame for %v", err, culprits)
	}
	faults := Faults(err)
	if len(blamed.Culprits) != len(culprits) || len(faults) != len(culprits) {
		t.Fatalf("got %v, want blame for %v", err, culprits)
	}
	for i, id := range culprits {
		if blamed.Culprits[i] != id || faults[i].Culprit != id || faults[i].Check != check {
			t.Errorf("got %v, want blame for %v: %v", err, culprits, check)
		}
		if !strings.Contains(faults[i].Error(), check.String()) || !strings.Contains(err.Error(), check.String()) {
			t.Errorf("%q and %q do not say %q", faults[i], err, check)
		}
	}
}

// wantProven checks that others can verify the blame, and that it does not stick to others.
func wantProven(t *testing.T, p party, accuser int, err error, messages map[frost.Identifier]*Round1Message) {
	t.Helper()
	for _, fault := range Faults(err) {
		told := must(DecodeBlameMessage(p.setup, fault.BlameMessage().Encode()))(t)
		equal(t, "blame message", told.Encode(), fault.BlameMessage().Encode())
		if told.Culprit() != fault.Culprit || told.Check() != fault.Check {
			t.Errorf("blame message is of %v: %v", told.Culprit(), told.Check())
		}
		if err := told.Verify(p.ids[accuser], messages[fault.Culprit]); err != nil {
			t.Errorf("blame of %v: %v", fault.Culprit, err)
		}
		if err := told.Verify(p.ids[accuser], messages[p.ids[0]]); !errors.Is(err, ErrUnproven) {
			t.Errorf("blame sticks to another's message: %v", err)
		}
	}
}

// A member that copies all of another's contribution knows no shares of it, and is the one named.
func TestCopiedContributionIsNamed(t *testing.T) {
	p := newParty(t, "copy", 2, 3)
	rounds, messages := p.round1(t, 2)
	victim := messages[p.ids[0]]
	messages[p.ids[2]] = newRound1Message(p.setup, p.ids[2], victim.contribution, victim.ciphertexts)
	_, err := rounds[1].Next(messages)
	wantBlame(t, err, CheckDecryption, p.ids[2])
	if err := Faults(err)[0].BlameMessage().Verify(p.ids[1], messages[p.ids[2]]); !errors.Is(err, ErrUnproven) {
		t.Errorf("got %v: a decryption cannot be proven", err)
	}
}

// A plaintext whose scalar is the group's order or above.
func TestPlaintextIsNoScalar(t *testing.T) {
	p := newAttemptParty(t, "plaintext", 2, 3)
	rounds, messages := p.round1(t, 2)
	cheating := messages[p.ids[2]]
	polynomial, ephemeral, err := draw(random(7), p.setup)
	if err != nil {
		t.Fatal(err)
	}
	public := must(contribute(p.setup, polynomial, ephemeral))(t)
	public.possession = must(sign(p.setup.suite, ephemeral, public.ephemeral, ephemeralMessage(p.setup.context, p.ids[2])))(t)
	ciphertexts := append([][]byte(nil), cheating.ciphertexts...)
	to := pair{p.setup.suite, public.ephemeral, p.keys[2].public.element, p.setup.encryption[0], p.setup.context}
	key, nonce := to.keyAndNonce(p.setup.suite.ecdh(ephemeral, to.recipient), p.setup.suite.ecdh(p.keys[2].secret, to.recipient))
	order := must(hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"))(t)
	ciphertexts[0] = must(p.setup.suite.aead(key))(t).Seal(nil, nonce, order, nil)
	messages[p.ids[2]] = newRound1Message(p.setup, p.ids[2], public, ciphertexts)
	_, err = rounds[0].Next(messages)
	wantBlame(t, err, CheckPlaintext, p.ids[2])
	wantProven(t, p, 0, err, messages)
}

// Two members whose wrong shares cancel out, so that the sum is right.
func TestCollusion(t *testing.T) {
	p := newParty(t, "collusion", 2, 4)
	rounds, messages := p.round1(t, 2)
	minusOne := func(polynomial group.Polynomial) group.Polynomial {
		changed := append(group.Polynomial(nil), polynomial...)
		changed[0] = cs.Group().NewScalar().Subtract(polynomial[0], one())
		return changed
	}
	messages[p.ids[2]] = cheat{shares: addOne}.message(t, p, 2)
	messages[p.ids[3]] = cheat{shares: minusOne}.message(t, p, 3)
	_, err := rounds[0].Next(messages)
	wantBlame(t, err, CheckShare, p.ids[2], p.ids[3])
}

// Cheats of different kinds are all named in one error, for what each did.
func TestCheatsTogether(t *testing.T) {
	p := newParty(t, "together", 2, 4)
	rounds, messages := p.round1(t, 2)
	messages[p.ids[2]] = cheat{shares: addOne}.message(t, p, 2)
	messages[p.ids[3]] = cheat{ciphertext: flip}.message(t, p, 3)
	_, err := rounds[1].Next(messages)
	faults := Faults(err)
	if len(faults) != 2 || faults[0].Culprit != p.ids[3] || faults[0].Check != CheckDecryption ||
		faults[1].Culprit != p.ids[2] || faults[1].Check != CheckShare {
		t.Errorf("got %v", err)
	}
}

func TestSendersAreChecked(t *testing.T) {
	p := newParty(t, "senders", 2, 3)
	stranger := must(frost.NewIdentifier(cs, 9))(t)
	for name, c := range map[string]struct {
		change func(map[frost.Identifier]*Round1Message)
		want   string
	}{
		"missing":  {func(m map[frost.Identifier]*Round1Message) { delete(m, p.ids[1]) }, "sent no round 1 message"},
		"stranger": {func(m map[frost.Identifier]*Round1Message) { m[stranger] = m[p.ids[1]] }, "is no member"},
		"swapped":  {func(m map[frost.Identifier]*Round1Message) { m[p.ids[1]] = m[p.ids[2]] }, "is passed as that of"},
		"nil":      {func(m map[frost.Identifier]*Round1Message) { m[p.ids[1]] = nil }, "is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			rounds, messages := p.round1(t, 2)
			c.change(messages)
			if _, err := rounds[0].Next(messages); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if err := CheckRound1Messages(p.setup, messages); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("coordinator got %v, want %q", err, c.want)
			}
		})
	}
}

// A coordinator sees a wrong proof, and a member sees that its own message was altered.
func TestCoordinator(t *testing.T) {
	p := newParty(t, "coordinator", 2, 3)
	rounds, messages := p.round1(t, 2)
	if err := CheckRound1Messages(p.setup, messages); err != nil {
		t.Fatal(err)
	}
	altered := maps.Clone(messages)
	altered[p.ids[0]] = cheat{proof: func(c *contribution) { c.ephemeral = p.keys[0].public.element }}.message(t, p, 0)
	wantBlame(t, CheckRound1Messages(p.setup, altered), CheckProof, p.ids[0])
	if _, err := rounds[0].Next(altered); !errors.Is(err, errOwnMessage) {
		t.Errorf("got %v, want %v", err, errOwnMessage)
	}
	aggregated := must(NewRound2Message(p.setup, p.ids[1], altered))(t)
	_, err := rounds[1].NextAggregated(must(DecodeRound2Message(p.setup, p.ids[1], aggregated.Encode()))(t))
	wantBlame(t, err, CheckProof, p.ids[0])
}

// Members that get what a coordinator aggregates end as others do.
func TestAggregated(t *testing.T) {
	p := newParty(t, "aggregated", 2, 3)
	rounds, messages := p.round1(t, 2)
	direct := must(rounds[0].Next(messages))(t)
	for i, round := range rounds[1:] {
		id := p.ids[i+1]
		encoded := must(NewRound2Message(p.setup, id, messages))(t).Encode()
		next := must(round.NextAggregated(must(DecodeRound2Message(p.setup, id, encoded))(t)))(t)
		if !next.PublicKeyPackage().Equal(direct.PublicKeyPackage()) {
			t.Error("public keys differ")
		}
		if _, err := round.NextAggregated(nil); !errors.Is(err, ErrRoundSpent) {
			t.Errorf("got %v, want %v", err, ErrRoundSpent)
		}
	}
	other := newParty(t, "another session", 2, 3)
	_, strange := other.round1(t, 2)
	for want, m := range map[string]*Round2Message{
		"is for " + p.ids[1].String() + ", not for this member": must(NewRound2Message(p.setup, p.ids[1], messages))(t),
		"is of another session":                                 must(NewRound2Message(other.setup, p.ids[0], strange))(t),
		errOwnMessage.Error():                                   must(NewRound2Message(p.setup, p.ids[0], messages))(t), // of another attempt
	} {
		another, _ := p.round1(t, 3)
		if _, err := another[0].NextAggregated(m); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestBlameMessagesOfLiars(t *testing.T) {
	p := newAttemptParty(t, "liars", 2, 3)
	_, messages := p.round1(t, 2)
	made := make([]byte, disclosureSize(p.setup.suite))
	for _, check := range []Check{CheckEncoding, CheckProof, CheckDecryption, CheckPlaintext, CheckShare, CheckSignature} {
		blame := &BlameMessage{culprit: p.ids[0], check: check, evidence: made, setup: p.setup}
		if err := blame.Verify(p.ids[1], messages[p.ids[0]]); !errors.Is(err, ErrUnproven) {
			t.Errorf("an honest member is blamed: %v: %v", check, err)
		}
	}
	plain := newParty(t, "liars", 2, 3)
	_, messages = plain.round1(t, 2)
	for _, check := range []Check{CheckDecryption, CheckPlaintext, CheckShare} {
		blame := &BlameMessage{culprit: plain.ids[0], check: check, setup: plain.setup}
		if err := blame.Verify(plain.ids[1], messages[plain.ids[0]]); !errors.Is(err, ErrUnproven) {
			t.Errorf("without evidence %v is proven: %v", check, err)
		}
	}
	for name, b := range map[string][]byte{
		"empty":         nil,
		"unknown check": {9, 0, 1},
		"check 0":       {0, 0, 1},
		"member 0":      {byte(CheckProof), 0, 0},
		"no member":     {byte(CheckProof), 0, 4},
		"no key":        {byte(CheckShare), 0, 1},
		"trailing":      {byte(CheckProof), 0, 1, 0},
		"trailing key":  append([]byte{byte(CheckPlaintext), 0, 1}, append(made, 0)...),
	} {
		if _, err := DecodeBlameMessage(p.setup, b); err == nil {
			t.Errorf("%s: it decodes", name)
		}
	}
}
