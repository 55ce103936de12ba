package protocol

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
)

var groups = []struct{ n, threshold int }{{2, 2}, {3, 2}, {5, 3}}

func TestDKGOverTheHub(t *testing.T) {
	for _, g := range groups {
		t.Run(fmt.Sprintf("%d of %d", g.threshold, g.n), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			people := newDKGPeople(t, g.n)
			mustAgree(t, people, g.threshold, generate(ctx, people, g.threshold, plain(NewHub()), nil))
			people = newDKGPeople(t, g.n)
			sealed := sealedNetwork(people, plain(NewHub()))
			mustAgree(t, people, g.threshold, generate(ctx, people, g.threshold, sealed, nil))
		})
	}
}

// TestDKGSendsWhatFrostClientSends checks what each member gets from each: the
// round 1 package, the echoes in the order of identifiers, the round 2 package.
// Noise needs the order as well as the peer does.
func TestDKGSendsWhatFrostClientSends(t *testing.T) {
	for _, g := range groups {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		people := newDKGPeople(t, g.n)
		type direction struct{ from, to commkey.PublicKey }
		got := make(map[direction][]string)
		hub := NewHub()
		hub.Intercept(func(e Envelope) []Delivery {
			phase := PhaseOf(e.Payload)
			m, err := decode(suite, phase, e.Payload)
			if err != nil {
				t.Errorf("%s does not decode: %v", e.Payload, err)
				return nil
			}
			got[direction{e.From, e.To}] = append(got[direction{e.From, e.To}], phase+m.about().String())
			return Deliver(e)
		})
		mustAgree(t, people, g.threshold, generate(ctx, people, g.threshold, plain(hub), nil))
		cancel()
		if len(got) != g.n*(g.n-1) {
			t.Errorf("messages went in %d directions, want %d", len(got), g.n*(g.n-1))
		}
		for between, phases := range got {
			want := []string{PhaseRound1}
			for _, id := range thirdIdentifiers(people, between.from, between.to) {
				want = append(want, PhaseEcho+id.String())
			}
			if want = append(want, PhaseRound2); !slices.Equal(phases, want) {
				t.Errorf("%d members: one sent another %q, want %q", g.n, phases, want)
			}
		}
	}
}

func thirdIdentifiers(people []person, one, other commkey.PublicKey) []frost.Identifier {
	var ids []frost.Identifier
	for _, p := range people {
		if p.Key != one && p.Key != other {
			ids = append(ids, p.Identifier)
		}
	}
	slices.SortFunc(ids, frost.Identifier.Compare)
	return ids
}

// TestDKGEndures lets each of the faults that are nobody's fault happen to each
// member and to each kind of message.
func TestDKGEndures(t *testing.T) {
	faults := map[string]func() Fault{
		"delay":  func() Fault { return Delay(30 * time.Second) },
		"repeat": func() Fault { return Repeat },
		"late repeat": func() Fault {
			return func(e Envelope) []Delivery {
				return []Delivery{{Payload: e.Payload}, {Payload: e.Payload, Delay: 10 * time.Second}}
			}
		},
	}
	for name, fault := range faults {
		for _, phase := range []string{"", PhaseRound1, PhaseEcho, PhaseRound2} {
			for i := range 3 {
				t.Run(fmt.Sprintf("%s %s of member %d", name, phase, i), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						people := newDKGPeople(t, 3)
						hub := NewHub()
						hub.Intercept(only(sentFor(people[i].Member, Member{}, phase), fault()))
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
						defer cancel()
						mustAgree(t, people, 2, generate(ctx, people, 2, plain(hub), nil))
					})
				})
			}
		}
	}
}

// TestDKGEnduresSealed is the same for whole members behind seals, whose
// messages must be opened in their order.
func TestDKGEnduresSealed(t *testing.T) {
	for name, fault := range map[string]func() Fault{
		"delay":   func() Fault { return Delay(30 * time.Second) },
		"repeat":  func() Fault { return Repeat },
		"jitter":  func() Fault { return jitter(rand.New(rand.NewPCG(1, 2))) },
		"damaged": func() Fault { return damagedFirst },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newDKGPeople(t, 4)
				hub := NewHub()
				hub.Intercept(fault())
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
				defer cancel()
				mustAgree(t, people, 3, generate(ctx, people, 3, sealedNetwork(people, plain(hub)), nil))
			})
		})
	}
}

// jitter delays each message by up to 30 s.
func jitter(random *rand.Rand) Fault {
	return func(e Envelope) []Delivery {
		return []Delivery{{Payload: e.Payload, Delay: time.Duration(random.Int64N(int64(30 * time.Second)))}}
	}
}

// damagedFirst delivers a damaged copy of each message before the message.
func damagedFirst(e Envelope) []Delivery {
	return append(Corrupt(len(e.Payload)/2)(e), Deliver(e)...)
}

func TestDKGKeepsMessagesThatComeEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 3)
		alice, bob := people[0].Member, people[1].Member
		hub := NewHub()
		// Bob hears from Alice last: Carol's echo and round 2 package are there first.
		hub.Intercept(only(sentFor(alice, bob, PhaseRound1), Delay(30*time.Second)))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		ends := generate(ctx, people, 2, plain(hub), nil)
		mustAgree(t, people, 2, ends)
		var order []string
		for _, e := range ends["bob"].events {
			if e.Kind == Received {
				order = append(order, e.Member.Name+" "+e.Phase)
			}
		}
		early, late := slices.Index(order, "carol "+PhaseEcho), slices.Index(order, "alice "+PhaseRound1)
		if early < 0 || early > late {
			t.Errorf("bob received %q, want carol's echo before alice's round 1", order)
		}
	})
}

// TestDKGTakesRound2ForAnEcho is about frost-client, which leaves its echoes out
// when it reads ours together with the last round 1 package.
func TestDKGTakesRound2ForAnEcho(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 3)
		hub := NewHub()
		hub.Intercept(only(sentFor(people[1].Member, Member{}, PhaseEcho), Drop))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		mustAgree(t, people, 2, generate(ctx, people, 2, plain(hub), nil))
	})
}

// TestDKGComparesLateEchoes: an echo that comes after its sender's round 2
// package still counts.
func TestDKGComparesLateEchoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 3)
		other := round1For(people, 1, rand.NewChaCha8([32]byte{2}))
		toAlice := func(i int, phase string) func(Envelope) bool {
			return sentFor(people[i].Member, people[0].Member, phase)
		}
		hub := NewHub()
		hub.Intercept(func(e Envelope) []Delivery {
			switch {
			case toAlice(2, PhaseEcho)(e):
				return []Delivery{{Payload: about(people[1].Identifier, other), Delay: 10 * time.Second}}
			case toAlice(1, PhaseRound2)(e):
				return Delay(20 * time.Second)(e)
			}
			return Deliver(e)
		})
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := generate(ctx, people, 2, plain(hub), nil)["alice"]
		if blamed(end.err) != "bob, carol" || end.saved {
			t.Errorf("alice: %v, saved %v, want bob and carol blamed", end.err, end.saved)
		}
	})
}

func TestDKGPauseEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		ends := generate(ctx, people, 2, plain(NewHub()), func(_ person, cfg *DKGConfig) {
			cfg.Pause = func() time.Duration { return FrostClientPause }
		})
		if err := ends["alice"].err; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "pausing after round 1") {
			t.Errorf("alice: %v, want the deadline in the pause", err)
		}
	})
}

func TestDKGPausesBetweenRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 3)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		begin := time.Now()
		ends := generate(ctx, people, 2, plain(NewHub()), func(p person, cfg *DKGConfig) {
			if p.Name == "alice" {
				cfg.Pause = func() time.Duration { return FrostClientPause }
			}
		})
		if took := time.Since(begin); took != 2*FrostClientPause {
			t.Errorf("the key generation took %v, want two pauses of %v", took, FrostClientPause)
		}
		mustAgree(t, people, 2, ends)
	})
}

func TestDKGNamesWhoIsMissing(t *testing.T) {
	for phase, last := range map[string]string{
		PhaseRound1: "never seen in this session",
		PhaseEcho:   "last sent: round 1",
		PhaseRound2: "last sent: echo of round 1",
	} {
		t.Run(phase, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newDKGPeople(t, 3)
				mallory := people[2].Member
				silent := false
				hub := NewHub()
				hub.Intercept(only(func(e Envelope) bool {
					silent = silent || sentFor(mallory, Member{}, phase)(e)
					return silent && e.From == mallory.Key
				}, Drop))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				ends := generate(ctx, people, 2, plain(hub), nil)
				for _, name := range []string{"alice", "bob"} {
					var missing *MissingError
					err := ends[name].err
					if !errors.As(err, &missing) || missing.Phase != phase || blamed(err) != "carol" {
						t.Errorf("%s: %v, want carol missing in %s", name, err, phase)
					}
					if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), last) {
						t.Errorf("%s: %v, want it to be about the deadline and say %q", name, err, last)
					}
					if ends[name].saved {
						t.Errorf("%s saved a group", name)
					}
				}
			})
		})
	}
}

// TestDKGNamesTheSenderOfDamage: who sends only what does not open is missing,
// and it is told that something came in that name.
func TestDKGNamesTheSenderOfDamage(t *testing.T) {
	for message := range 3 {
		for _, at := range []int{0, 31, 32, 100} {
			synctest.Test(t, func(t *testing.T) {
				people := newDKGPeople(t, 3)
				hub := NewHub()
				n := 0
				hub.Intercept(only(func(e Envelope) bool {
					if e.From != people[1].Key || e.To != people[0].Key {
						return false
					}
					n++
					return n == message+1
				}, Corrupt(at)))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				end := generate(ctx, people, 2, sealedNetwork(people, plain(hub)), nil)["alice"]
				var missing *MissingError
				if !errors.As(end.err, &missing) || blamed(end.err) != "bob" || missing.Dropped[people[1].Key] == 0 {
					t.Errorf("byte %d of message %d: alice: %v, want bob missing with dropped messages", at, message, end.err)
				}
				if end.count(Dropped, people[1].Member) == 0 {
					t.Error("nothing was reported as dropped")
				}
			})
		}
	}
}

func TestDKGIsCancelled(t *testing.T) {
	people := newDKGPeople(t, 3)
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the user pressed Ctrl-C")
	ends := generate(ctx, people[:1], 2, plain(NewHub()), func(_ person, cfg *DKGConfig) {
		cfg.Members = members(people)
		cfg.Progress = func(e Event) {
			if e.Kind == Waiting {
				cancel(reason)
			}
		}
	})
	err := ends["alice"].err
	if !errors.Is(err, reason) || !strings.Contains(err.Error(), "round 1 of bob, carol") && !strings.Contains(err.Error(), "round 1 of carol, bob") {
		t.Errorf("cancelled run: %v, want the reason and who was awaited", err)
	}
}

// TestMixedThresholds: whoever was given another threshold is named by everybody,
// and knows that it is alone.
func TestMixedThresholds(t *testing.T) {
	for n, want := range map[int]map[string]string{
		3: {"alice": "carol sent 3 commitments, threshold is 2", "bob": "carol sent 3 commitments, threshold is 2", "carol": "alice, bob"},
		4: {"alice": "dave sent 3 commitments, threshold is 2", "carol": "dave sent 3 commitments, threshold is 2", "dave": "sent 2 commitments, threshold is 3 (nobody agrees with this member: compare the thresholds, here 3)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			people := newDKGPeople(t, n)
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			ends := generate(ctx, people, 2, plain(NewHub()), func(p person, cfg *DKGConfig) {
				if p.Key == people[n-1].Key {
					cfg.Threshold = 3
				}
			})
			for name, end := range ends {
				var culprit *CulpritError
				if !errors.As(end.err, &culprit) || end.saved {
					t.Errorf("%s: %v, saved %v", name, end.err, end.saved)
				} else if text := want[name]; !strings.Contains(sortedNames(end.err), text) {
					t.Errorf("%s: %v, want %q in it", name, end.err, text)
				}
			}
		})
	}
}

// sortedNames is an error's text with the culprits in the order of their names.
func sortedNames(err error) string {
	var culprit *CulpritError
	errors.As(err, &culprit)
	return blamed(err) + " " + culprit.Check
}

func TestDKGDropsStrangersAndItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newDKGPeople(t, 4)
		stranger := people[3]
		people = people[:3]
		hub := NewHub()
		pkg := string(round1For(people, 0, seeded()))
		send(t, hub.Endpoint(stranger.Key, false), people[0].Key, pkg)
		send(t, hub.Endpoint(people[0].Key, false), people[0].Key, pkg, pkg)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		ends := generate(ctx, people, 2, plain(hub), nil)
		mustAgree(t, people, 2, ends)
		if s, own := ends["alice"].count(Dropped, stranger.Member), ends["alice"].count(Dropped, people[0].Member); s != 1 || own != 2 {
			t.Errorf("alice dropped %d messages of a stranger and %d of her own, want 1 and 2", s, own)
		}
	})
}

func TestDKGFailsIfItCannotSave(t *testing.T) {
	people := newDKGPeople(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	full := errors.New("disk is full")
	ends := generate(ctx, people, 2, plain(NewHub()), func(p person, cfg *DKGConfig) {
		if p.Name == "bob" {
			cfg.Save = func(*frost.KeyPackage, *frost.PublicKeyPackage) error { return full }
		}
	})
	if end := ends["bob"]; !errors.Is(end.err, full) || end.result != nil {
		t.Errorf("bob: %v, %v, want the error of saving", end.result, end.err)
	}
	if ends["alice"].err != nil {
		t.Errorf("alice: %v", ends["alice"].err)
	}
}

// brokenTransport fails after some calls.
type brokenTransport struct {
	Transport
	mu    sync.Mutex
	calls int
}

var errBroken = errors.New("the relay is gone")

func (b *brokenTransport) fails() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls--
	return b.calls < 0
}

func (b *brokenTransport) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if b.fails() {
		return errBroken
	}
	return b.Transport.Send(ctx, to, payload)
}

func (b *brokenTransport) Receive(ctx context.Context) (Message, error) {
	if b.fails() {
		return Message{}, errBroken
	}
	return b.Transport.Receive(ctx)
}

func TestDKGReportsTheTransportsFailure(t *testing.T) {
	const calls = 12 // 2 + 2 packages, 2 + 2 echoes, 2 + 2 shares
	for n := range calls {
		synctest.Test(t, func(t *testing.T) {
			people := newDKGPeople(t, 3)
			hub := NewHub()
			net := func(p person, coordinator bool) Transport {
				if p.Name == "alice" {
					return &brokenTransport{Transport: hub.Endpoint(p.Key, coordinator), calls: n}
				}
				return hub.Endpoint(p.Key, coordinator)
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			ends := generate(ctx, people, 2, net, nil)
			if err := ends["alice"].err; !errors.Is(err, errBroken) || ends["alice"].saved {
				t.Errorf("after %d calls: %v, want the transport's error", n, err)
			}
		})
	}
}

func TestDKGChecksItsConfiguration(t *testing.T) {
	people := newDKGPeople(t, 3)
	stranger := newDKGPeople(t, 1)[0]
	for name, change := range map[string]func(*DKGConfig){
		"threshold 1":           func(c *DKGConfig) { c.Threshold = 1 },
		"threshold above all":   func(c *DKGConfig) { c.Threshold = 4 },
		"alone":                 func(c *DKGConfig) { c.Members = c.Members[:1] },
		"not a member":          func(c *DKGConfig) { c.Self = stranger.Key },
		"same key twice":        func(c *DKGConfig) { c.Members[2].Key = c.Members[1].Key },
		"same identifier twice": func(c *DKGConfig) { c.Members[2].Identifier = c.Members[1].Identifier },
		"no identifier":         func(c *DKGConfig) { c.Members[1].Identifier = frost.Identifier{} },
		"no key":                func(c *DKGConfig) { c.Members[1].Key = commkey.PublicKey{} },
		"no way to save":        func(c *DKGConfig) { c.Save = nil },
		"no randomness":         func(c *DKGConfig) { c.Random = strings.NewReader("short") },
	} {
		hub := NewHub()
		hub.Intercept(func(e Envelope) []Delivery {
			t.Errorf("%s: a message was sent", name)
			return nil
		})
		ends := generate(t.Context(), people[:1], 2, plain(hub), func(_ person, cfg *DKGConfig) {
			cfg.Members = members(people)
			change(cfg)
		})
		if ends["alice"].err == nil {
			t.Errorf("%s: the key generation succeeded", name)
		}
	}
}
