package oracle_test

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

// ceremony is a key generation: who takes part, and the seed of each.
type ceremony struct {
	ids       []frost.Identifier // ascending
	threshold int
	seeds     map[frost.Identifier]oracle.Seed
}

func (t *trial) ceremony(limit int) *ceremony {
	t.Helper()
	n, threshold := t.group(limit)
	c := &ceremony{ids: t.identifiers(n), threshold: threshold, seeds: make(map[frost.Identifier]oracle.Seed)}
	slices.SortFunc(c.ids, frost.Identifier.Compare)
	for _, id := range c.ids {
		c.seeds[id] = t.seed()
	}
	return c
}

// others are all messages but that of one participant.
func (m perParticipant) without(id frost.Identifier) perParticipant {
	rest := maps.Clone(m)
	delete(rest, id)
	return rest
}

// transcript is all that passes in a key generation, and its outcome.
type transcript struct {
	round1  perParticipant
	round2  map[frost.Identifier]perParticipant // by sender, then receiver
	keys    perParticipant
	publics perParticipant
}

// run generates a key, each participant by its implementation.
func (c *ceremony) run(t *trial, members map[frost.Identifier]implementation) *transcript {
	t.Helper()
	tr := &transcript{
		round1: make(perParticipant), round2: make(map[frost.Identifier]perParticipant),
		keys: make(perParticipant), publics: make(perParticipant),
	}
	first := make(map[frost.Identifier]firstRound)
	for _, id := range c.ids {
		first[id] = must(members[id].begin(t, c.seeds[id], id, c.ids, c.threshold))(t)
		tr.round1[id] = first[id].packet()
	}
	second := make(map[frost.Identifier]secondRound)
	for _, id := range c.ids {
		second[id] = must(first[id].next(t, tr.round1.without(id)))(t)
		tr.round2[id] = second[id].packets()
	}
	for _, id := range c.ids {
		key, public, err := second[id].next(t, tr.receivedBy(id))
		t.check(err)
		tr.keys[id], tr.publics[id] = key, withoutThreshold(t, public)
	}
	return tr
}

// receivedBy are the round 2 packages for one participant, by sender.
func (tr *transcript) receivedBy(id frost.Identifier) perParticipant {
	received := make(perParticipant)
	for sender, packages := range tr.round2 {
		if sender != id {
			received[sender] = packages[id]
		}
	}
	return received
}

func (tr *transcript) text() string {
	text := tr.round1.text()
	for _, id := range tr.round1.sorted() {
		text += tr.round2[id].text()
	}
	return text + tr.keys.text() + tr.publics.text()
}

// TestKeyGeneration generates keys by each implementation alone and by a random mixture of
// them, all from the same seeds: every message and every key has the same bytes.
func TestKeyGeneration(t *testing.T) {
	trials(t, 40, func(t *trial) {
		c := t.ceremony(6)
		var outcomes []outcome
		for _, by := range implementations {
			members := make(map[frost.Identifier]implementation)
			for _, id := range c.ids {
				members[id] = by
			}
			outcomes = append(outcomes, outcome{by: by.name(), result: c.run(t, members).text()})
		}
		mixed := c.run(t, t.members(c.ids))
		sameOutcome(t, append(outcomes, outcome{by: "mixture", result: mixed.text()}), c.seeds)
		for _, public := range mixed.publics {
			if string(public) != string(mixed.publics[c.ids[0]]) {
				t.Errorf("public keys differ: %s, %s", public, mixed.publics[c.ids[0]])
			}
		}
	})
}

// TestKeyGenerationOfBadGroup begins key generations of groups that are none.
func TestKeyGenerationOfBadGroup(t *testing.T) {
	trials(t, 60, func(t *trial) {
		n, threshold := t.group(6)
		ids := t.identifiers(n)
		self, seed := ids[0], t.seed()
		switch t.IntN(4) {
		case 0:
			threshold = t.IntN(2)
		case 1:
			threshold = n + 1
		case 2:
			ids, threshold = ids[:1], 1+t.IntN(2)
		}
		var outcomes []outcome
		for _, by := range implementations {
			round, err := by.begin(t, seed, self, ids, threshold)
			o := outcome{by: by.name(), err: err}
			if err == nil {
				o.result = string(round.packet())
			}
			outcomes = append(outcomes, o)
		}
		sameOutcome(t, outcomes, args{"seed": seed, "identifiers": ids, "min_signers": threshold})
	})
}

// round1Fields are the fields of a round 1 package, to be tampered with.
type round1Fields struct {
	Header           raw          `json:"header"`
	Commitment       []string     `json:"commitment"`
	ProofOfKnowledge oracle.Bytes `json:"proof_of_knowledge"`
}

// spoilProof makes a round 1 package whose proof of knowledge does not verify, but that
// is right in every other way.
func spoilProof(t *trial, pkg raw) raw {
	t.Helper()
	var f round1Fields
	t.check(json.Unmarshal(pkg, &f))
	switch t.IntN(4) {
	case 0:
		copy(f.ProofOfKnowledge[32:], t.scalar())
	case 1:
		copy(f.ProofOfKnowledge, t.point().Bytes())
	case 2:
		copy(f.ProofOfKnowledge[32:], make([]byte, 32))
	default:
		f.Commitment[0] = hexOf(t.point().Bytes())
	}
	return must(json.Marshal(f))(t)
}

// spoilLength makes a round 1 package of another threshold.
func spoilLength(t *trial, pkg raw) raw {
	t.Helper()
	var f round1Fields
	t.check(json.Unmarshal(pkg, &f))
	switch n := len(f.Commitment); t.IntN(3) {
	case 0:
		f.Commitment = f.Commitment[:t.IntN(n)]
	case 1:
		f.Commitment = append(f.Commitment, hexOf(t.point().Bytes()))
	default:
		f.Commitment = append(f.Commitment, f.Commitment...)
	}
	return must(json.Marshal(f))(t)
}

// some returns one or more of the items.
func some[T any](t *trial, items []T) []T {
	t.Helper()
	picked := slices.Clone(items)
	t.Shuffle(len(picked), func(i, j int) { picked[i], picked[j] = picked[j], picked[i] })
	return picked[:1+t.IntN(len(picked))]
}

// blamed checks whom the implementations blame: ours all who are guilty of what the crates look
// at first, the crates the first of them.
func blamed(t *trial, outcomes []outcome, guilty []frost.Identifier) {
	t.Helper()
	guilty = slices.SortedFunc(slices.Values(guilty), frost.Identifier.Compare)
	for _, o := range outcomes {
		got, want := culprits(t, o.err), guilty
		if o.by != (ours{}).name() {
			want = guilty[:1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s blames %s for %v, want %s", o.by, got, o.err, want)
		}
	}
}

// next has every implementation take the same round 1 packages.
func (c *ceremony) next(t *trial, self frost.Identifier, round1 perParticipant) ([]outcome, map[string]secondRound) {
	t.Helper()
	var outcomes []outcome
	second := make(map[string]secondRound)
	for _, by := range implementations {
		first := must(by.begin(t, c.seeds[self], self, c.ids, c.threshold))(t)
		next, err := first.next(t, round1)
		o := outcome{by: by.name(), err: err}
		if err == nil {
			o.result = next.packets().text()
			second[by.name()] = next
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, second
}

// TestBadRound1 takes round 1 packages of which some are wrong.
func TestBadRound1(t *testing.T) {
	trials(t, 80, func(t *trial) {
		c := t.ceremony(6)
		tr := c.run(t, t.members(c.ids))
		self := pick(t, c.ids)
		round1 := tr.round1.without(self)
		guilty := some(t, round1.sorted())
		byProof := false
		switch t.IntN(5) {
		case 0:
			byProof = true
			for _, id := range guilty {
				round1[id] = spoilProof(t, round1[id])
			}
		case 1:
			for _, id := range guilty {
				round1[id] = spoilLength(t, round1[id])
			}
		case 2: // somebody else's package, whose proof is of another identifier
			byProof = true
			guilty = guilty[:1]
			round1[guilty[0]] = tr.round1[pick(t, tr.round1.without(guilty[0]).sorted())]
		case 3:
			delete(round1, guilty[0])
		default:
			round1[t.stranger(c.ids)] = round1[guilty[0]]
		}
		outcomes, _ := c.next(t, self, round1)
		sameOutcome(t, outcomes, args{"seed": c.seeds[self], "identifier": self, "min_signers": c.threshold, "round1": round1})
		if outcomes[0].err == nil {
			t.Error("they are taken")
		}
		if byProof {
			blamed(t, outcomes, guilty)
		}
	})
}

// stranger is an identifier that is none of these.
func (t *trial) stranger(ids []frost.Identifier) frost.Identifier {
	t.Helper()
	for {
		if id := t.identifier(); !slices.Contains(ids, id) {
			return id
		}
	}
}

// TestProofsThatCancel takes two wrong proofs of knowledge whose errors have the sum 0.
func TestProofsThatCancel(t *testing.T) {
	trials(t, 20, func(t *trial) {
		c := t.ceremony(6)
		if len(c.ids) < 3 {
			return
		}
		tr := c.run(t, t.members(c.ids))
		self := c.ids[0]
		round1 := tr.round1.without(self)
		delta := t.scalar()
		for i, id := range c.ids[1:3] {
			var f round1Fields
			t.check(json.Unmarshal(round1[id], &f))
			copy(f.ProofOfKnowledge[32:], addScalar(t, f.ProofOfKnowledge[32:], delta, i == 1))
			round1[id] = must(json.Marshal(f))(t)
		}
		outcomes, _ := c.next(t, self, round1)
		blamed(t, outcomes, c.ids[1:3])
	})
}

// round2Fields are the fields of a round 2 package, and of a signature share but for the name.
type round2Fields struct {
	Header       raw          `json:"header"`
	SigningShare oracle.Bytes `json:"signing_share"`
}

// TestBadRound2 takes round 2 packages of which some are wrong: random ones, ones for somebody
// else, or two whose errors have the sum 0; or too few of them.
func TestBadRound2(t *testing.T) {
	trials(t, 60, func(t *trial) {
		c := t.ceremony(6)
		tr := c.run(t, t.members(c.ids))
		self := pick(t, c.ids)
		round2 := tr.receivedBy(self)
		guilty := some(t, round2.sorted())
		switch kind := t.IntN(5); {
		case kind == 0 && len(guilty) >= 2:
			guilty = guilty[:2]
			delta := t.scalar()
			for i, id := range guilty {
				round2[id] = addToShare(t, round2[id], delta, i == 1)
			}
		case kind == 1 && len(c.ids) >= 3: // for somebody else
			guilty = guilty[:1]
			other := pick(t, tr.round2[guilty[0]].without(self).sorted())
			round2[guilty[0]] = tr.round2[guilty[0]][other]
		case kind == 2:
			delete(round2, guilty[0])
			guilty = nil
		default:
			for _, id := range guilty {
				round2[id] = addToShare(t, round2[id], t.scalar(), false)
			}
		}
		_, second := c.next(t, self, tr.round1.without(self))
		var outcomes []outcome
		for _, by := range implementations {
			_, _, err := second[by.name()].next(t, round2)
			if err == nil {
				t.Errorf("%s takes them", by.name())
			}
			outcomes = append(outcomes, outcome{by: by.name(), err: err})
		}
		sameOutcome(t, outcomes, round2)
		if guilty != nil {
			blamed(t, outcomes, guilty)
		}
	})
}

func addToShare(t *trial, pkg raw, delta []byte, subtract bool) raw {
	t.Helper()
	var f round2Fields
	t.check(json.Unmarshal(pkg, &f))
	f.SigningShare = addScalar(t, f.SigningShare, delta, subtract)
	return must(json.Marshal(f))(t)
}

// TestStrangers is where package frost is stricter: a participant knows who takes part.
// The crates count the others but take whoever sends a good package; version 2 even
// takes one under the participant's own identifier.
func TestStrangers(t *testing.T) {
	trials(t, 10, func(t *trial) {
		c := t.ceremony(5)
		self, stranger := c.ids[0], t.stranger(c.ids)
		c.seeds[stranger] = t.seed()
		packets := make(perParticipant)
		for id, seed := range c.seeds {
			ids := slices.Concat(c.ids[:len(c.ids)-1], []frost.Identifier{stranger})
			if id != stranger {
				ids = c.ids
			}
			packets[id] = must(ours{}.begin(t, seed, id, ids, c.threshold))(t).packet()
		}
		last := c.ids[len(c.ids)-1]
		withStranger := packets.without(self).without(last)
		withSelf := packets.without(stranger).without(last)
		for _, tc := range []struct {
			round1 perParticipant
			takers []string
		}{
			{withStranger, []string{"frost2", "frost3"}},
			{withSelf, []string{"frost2"}},
		} {
			outcomes, _ := c.next(t, self, tc.round1)
			for _, o := range outcomes {
				if slices.Contains(tc.takers, o.by) != (o.err == nil) {
					t.Errorf("%s: %v", o.by, o.err)
				}
			}
		}
	})
}
