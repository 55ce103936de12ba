package protocol

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

// malice is one way in which Carol, the third of three, does wrong.
type malice struct {
	name string
	// fault is what happens on the way; package1 is another round 1 package of
	// Carol's that would be as good as the one she sends.
	fault func(people []person, other []byte) Fault
	// change gives Carol another configuration.
	change func(cfg *DKGConfig)
	// blamed lists who is named by Alice and by Bob; "nobody" where the run
	// succeeds there.
	alice, bob string
	// text is in the error of whoever names somebody.
	text string
	// dropped is how many messages of Carol's Alice drops.
	dropped int
}

func about(id frost.Identifier, pkg []byte) []byte { return fmt.Appendf(nil, "[%q,%s]", id, pkg) }

const otherShare = `{"header":{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"},"signing_share":"0100000000000000000000000000000000000000000000000000000000000000"}`

var malices = []malice{
	{
		name: "wrong share for bob",
		fault: func(p []person, _ []byte) Fault {
			return only(sentFor(p[2].Member, p[1].Member, PhaseRound2), instead([]byte(otherShare)))
		},
		alice: "nobody", bob: "carol", text: "sent a share that does not belong to its commitments",
	},
	{
		name: "wrong proof",
		fault: func(p []person, other []byte) Fault {
			return only(isPackageOf(p[2]), func(e Envelope) []Delivery {
				return []Delivery{{Payload: exchangeProof(e.Payload, other)}}
			})
		},
		alice: "carol", bob: "carol", text: "sent a proof of knowledge that does not verify",
	},
	{
		name: "package copied from alice",
		fault: func(p []person, _ []byte) Fault {
			return only(isPackageOf(p[2]), func(e Envelope) []Delivery {
				return []Delivery{{Payload: asPackageOf(e.Payload, p[2], aliceRound1(p))}}
			})
		},
		alice: "carol", bob: "carol", text: "sent a proof of knowledge that does not verify",
	},
	{
		name:   "longer polynomial",
		change: func(cfg *DKGConfig) { cfg.Threshold = 3 },
		alice:  "carol", bob: "carol", text: "carol sent 3 commitments, threshold is 2",
	},
	{
		name: "different packages to alice and bob",
		fault: func(p []person, other []byte) Fault {
			return only(sentFor(p[2].Member, p[1].Member, PhaseRound1), instead(other))
		},
		alice: "bob, carol", bob: "alice, carol", text: "contradict each other on the round 1 package of carol",
	},
	{
		name: "echo that lies about bob",
		fault: func(p []person, other []byte) Fault {
			return only(sentFor(p[2].Member, p[0].Member, PhaseEcho), instead(about(p[1].Identifier, other)))
		},
		alice: "bob, carol", bob: "alice", text: "the round 1 package of bob",
	},
	{
		name: "no echo and nothing after",
		fault: func(p []person, _ []byte) Fault {
			return only(func(e Envelope) bool { return e.From == p[2].Key && PhaseOf(e.Payload) != PhaseRound1 }, Drop)
		},
		alice: "carol", bob: "carol", text: "waiting for echo of round 1: deadline passed without carol",
	},
	{
		name: "echo of an unknown identifier",
		fault: func(p []person, other []byte) Fault {
			id, _ := frost.NewIdentifier(suite, 77)
			return only(sentFor(p[2].Member, p[0].Member, PhaseEcho), instead(about(id, other)))
		},
		alice: "carol", bob: "alice", text: "who is no member here",
	},
	{
		name: "two round 1 packages",
		fault: func(p []person, other []byte) Fault {
			return only(sentFor(p[2].Member, p[0].Member, PhaseRound1), also(other))
		},
		alice: "carol", bob: "alice", text: "sent two different messages for one place",
	},
	{
		name: "two shares",
		fault: func(p []person, _ []byte) Fault {
			slowBob := only(sentFor(p[1].Member, p[0].Member, PhaseRound2), Delay(time.Second))
			return func(e Envelope) []Delivery {
				if sentFor(p[2].Member, p[0].Member, PhaseRound2)(e) { // once Alice has sent hers to Bob
					return []Delivery{{Payload: e.Payload, Delay: time.Second / 2}, {Payload: []byte(otherShare), Delay: time.Second / 2}}
				}
				return slowBob(e)
			}
		},
		alice: "carol", bob: "nobody", text: "checking round 2: carol sent two different messages for one place",
	},
	{
		name: "package with a point of small order",
		fault: func(p []person, other []byte) Fault {
			return only(sentFor(p[2].Member, Member{}, PhaseRound1), instead(withIdentity(other)))
		},
		alice: "carol", bob: "carol", text: "sent a message that does not decode",
	},
	{
		name: "garbage, oversize, echoes of alice and of carol",
		fault: func(p []person, other []byte) Fault {
			return only(sentFor(p[2].Member, p[0].Member, PhaseRound1), also(nil, []byte("garbage"), make([]byte, MaxMessageSize+1),
				about(p[0].Identifier, other), about(p[2].Identifier, other), []byte(`[{"hiding":0}]`)))
		},
		alice: "nobody", bob: "nobody", dropped: 6,
	},
}

func isPackageOf(p person) func(Envelope) bool {
	return func(e Envelope) bool {
		m, err := decode(suite, PhaseOf(e.Payload), e.Payload)
		if err != nil {
			return false
		}
		return e.From == p.Key && m.phase() == PhaseRound1 || m.phase() == PhaseEcho && m.about() == p.Identifier
	}
}

// asPackageOf replaces the package in a round 1 message or an echo.
func asPackageOf(payload []byte, p person, pkg []byte) []byte {
	if PhaseOf(payload) == PhaseEcho {
		return about(p.Identifier, pkg)
	}
	return pkg
}

// exchangeProof gives a message the proof of another package.
func exchangeProof(payload, other []byte) []byte {
	at := func(b []byte) int {
		return strings.Index(string(b), `"proof_of_knowledge":"`) + len(`"proof_of_knowledge":"`)
	}
	changed := slices.Clone(payload)
	copy(changed[at(changed):][:128], other[at(other):])
	return changed
}

// withIdentity puts the encoding of the identity in place of the first
// commitment.
func withIdentity(pkg []byte) []byte {
	before, after, _ := strings.Cut(string(pkg), `"commitment":["`)
	return []byte(before + `"commitment":["01` + strings.Repeat("0", 62) + after[64:])
}

func seeded() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{1}) }

// round1For makes a round 1 package for one of three people.
func round1For(people []person, i int, random *rand.ChaCha8) []byte {
	cfg := dkg.Config{Ciphersuite: suite, Identifier: people[i].Identifier, Threshold: 2, Random: random}
	for _, p := range people {
		cfg.Participants = append(cfg.Participants, p.Identifier)
	}
	r, err := dkg.New(cfg)
	if err != nil {
		panic(err)
	}
	return r.Package().EncodeJSON()
}

// aliceRound1 is the package that Alice is going to send.
func aliceRound1(people []person) []byte { return round1For(people, 0, seeded()) }

func TestDKGNamesTheCulprit(t *testing.T) {
	for _, test := range malices {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newDKGPeople(t, 3)
				hub := NewHub()
				if test.fault != nil {
					hub.Intercept(test.fault(people, round1For(people, 2, rand.NewChaCha8([32]byte{2}))))
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				ends := generate(ctx, people, 2, plain(hub), func(p person, cfg *DKGConfig) {
					switch {
					case p.Name == "alice":
						cfg.Random = seeded()
					case p.Name == "carol" && test.change != nil:
						test.change(cfg)
					}
				})
				for name, want := range map[string]string{"alice": test.alice, "bob": test.bob} {
					end := ends[name]
					if got := blamed(end.err); got != want {
						t.Errorf("%s blames %s, want %s: %v", name, got, want, end.err)
					}
					if end.saved != (want == "nobody") {
						t.Errorf("%s saved a group: %v", name, end.saved)
					}
					if strings.Contains(want, "carol") && !strings.Contains(end.err.Error(), test.text) {
						t.Errorf("%s: %v, want %q in it", name, end.err, test.text)
					}
				}
				if got := ends["alice"].count(Dropped, people[2].Member); got != test.dropped {
					t.Errorf("alice dropped %d messages of carol, want %d", got, test.dropped)
				}
			})
		})
	}
}

func TestDKGKeepsEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 3)
		other := round1For(people, 2, rand.NewChaCha8([32]byte{2}))
		hub := NewHub()
		hub.Intercept(only(sentFor(people[2].Member, people[1].Member, PhaseRound1), instead(other)))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var culprit *CulpritError
		if err := generate(ctx, people, 2, plain(hub), nil)["alice"].err; !errors.As(err, &culprit) || len(culprit.Evidence) != 2 {
			t.Fatalf("alice: %v, want two pieces of evidence", err)
		}
		own, told := culprit.Evidence[0], culprit.Evidence[1]
		if own.From.Name != "carol" || told.From.Name != "bob" || string(told.Payload) != string(about(people[2].Identifier, other)) {
			t.Errorf("evidence is %s of %s and %s of %s", own.Payload, own.From, told.Payload, told.From)
		}
	})
}
