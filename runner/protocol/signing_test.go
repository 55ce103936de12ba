package protocol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay/sealed"
)

func TestSigning(t *testing.T) {
	for _, size := range groups {
		for _, messages := range [][][]byte{{[]byte("one")}, {[]byte("one"), {}, []byte("three")}, {make([]byte, 30000)}} {
			t.Run(fmt.Sprintf("%d of %d, %d messages", size.threshold, size.n, len(messages)), func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				g := newGroup(t, size.n, size.threshold)
				g.sign(ctx, plain(NewHub()), g.people[:size.threshold], messages, nil).mustVerify(t, g)
				// The coordinator need not sign, and more than the threshold may.
				sealed := sealedNetwork(g.people, plain(NewHub()))
				g.sign(ctx, sealed, g.people[size.n-size.threshold:], messages, nil).mustVerify(t, g)
				sealed = sealedNetwork(g.people, plain(NewHub()))
				end := g.sign(ctx, sealed, g.people, messages, nil)
				end.mustVerify(t, g)
				for name, r := range end.reviews {
					checkReview(t, name, r, g, messages)
				}
			})
		}
	}
}

func checkReview(t *testing.T, name string, r Review, g *group, messages [][]byte) {
	t.Helper()
	if len(r.Messages) != len(messages) || !bytes.Equal(bytes.Join(r.Messages, []byte("|")), bytes.Join(messages, []byte("|"))) {
		t.Errorf("%s was shown %q, want %q", name, r.Messages, messages)
	}
	if Names(r.Signers) != Names(members(g.people)) || r.Coordinator != g.people[0].Member || len(r.Aux) != 0 {
		t.Errorf("%s was shown signers %v, coordinator %v, aux %q", name, r.Signers, r.Coordinator, r.Aux)
	}
	if !r.VerifyingKey.Equal(g.public.VerifyingKey()) {
		t.Errorf("%s was shown the group %v", name, r.VerifyingKey)
	}
}

// TestSigningSendsWhatFrostClientSends: two messages by each signer, one to
// each.
func TestSigningSendsWhatFrostClientSends(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	g := newGroup(t, 3, 2)
	type direction struct{ from, to commkey.PublicKey }
	got := make(map[direction]string)
	hub := NewHub()
	hub.Intercept(func(e Envelope) []Delivery {
		got[direction{e.From, e.To}] += PhaseOf(e.Payload) + ";"
		return Deliver(e)
	})
	g.sign(ctx, plain(hub), g.people[:2], [][]byte{[]byte("message")}, nil).mustVerify(t, g)
	for _, p := range g.people[:2] {
		if up := got[direction{p.Key, commkey.PublicKey{}}]; up != PhaseCommitments+";"+PhaseShares+";" {
			t.Errorf("%s sent %s", p.Name, up)
		}
		if down := got[direction{g.people[0].Key, p.Key}]; down != PhasePackage+";" {
			t.Errorf("%s was sent %s", p.Name, down)
		}
	}
	if len(got) != 4 {
		t.Errorf("messages went in %d directions, want 4", len(got))
	}
}

func TestSigningEndures(t *testing.T) {
	for name, fault := range map[string]Fault{"delay": Delay(30 * time.Second), "repeat": Repeat, "damaged": damagedFirst} {
		for i := range 2 {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 2)
				hub := NewHub()
				hub.Intercept(only(sentFor(g.people[i].Member, Member{}, ""), fault))
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
				defer cancel()
				net := sealedNetwork(g.people, plain(hub))
				end := g.sign(ctx, net, g.people[:2], [][]byte{[]byte(name)}, nil)
				end.mustVerify(t, g)
			})
		}
	}
}

func TestSignersStartInAnyOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		hub := NewHub()
		hub.Intercept(only(sentFor(g.people[1].Member, Member{}, PhaseCommitments), Delay(50*time.Second)))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := g.sign(ctx, plain(hub), g.people, [][]byte{[]byte("message")}, nil)
		end.mustVerify(t, g)
	})
}

func TestDeclining(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		hub := NewHub()
		hub.Intercept(only(sentFor(g.people[1].Member, Member{}, PhaseShares), func(Envelope) []Delivery {
			t.Error("a share left the member who declined")
			return nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		reason := errors.New("this is not what we agreed")
		end := g.sign(ctx, plain(hub), g.people[:2], [][]byte{[]byte("message")}, func(p person, cfg *ParticipateConfig) {
			if p.Name == "bob" {
				cfg.Approve = func(context.Context, Review) error { return reason }
			}
		})
		if err := end.signers["bob"]; !errors.Is(err, ErrDeclined) || !errors.Is(err, reason) {
			t.Errorf("bob: %v, want that he declined and why", err)
		}
		var missing *MissingError
		if !errors.As(end.err, &missing) || missing.Phase != PhaseShares || blamed(end.err) != "bob" || end.signatures != nil {
			t.Errorf("coordinator: %v, want bob's share missing", end.err)
		}
		if end.signers["alice"] != nil {
			t.Errorf("alice: %v", end.signers["alice"])
		}
	})
}

func TestApprovalEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := g.sign(ctx, plain(NewHub()), g.people, [][]byte{[]byte("message")}, func(_ person, cfg *ParticipateConfig) {
			cfg.Approve = func(ctx context.Context, _ Review) error {
				<-ctx.Done()
				return nil // too late to agree
			}
		})
		for name, err := range end.signers {
			if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrDeclined) {
				t.Errorf("%s: %v, want the deadline", name, err)
			}
			var missing *MissingError
			if !errors.As(err, &missing) || missing.Phase != PhaseApproval || Names(missing.Missing) != name {
				t.Errorf("%s: %v, want its own approval to be missing", name, err)
			}
		}
	})
}

func TestCoordinatorNamesWhoIsMissing(t *testing.T) {
	for phase, last := range map[string]string{PhaseCommitments: "never seen", PhaseShares: "last sent: commitments"} {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t, 3, 2)
			hub := NewHub()
			hub.Intercept(only(sentFor(g.people[2].Member, Member{}, phase), Drop))
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			end := g.sign(ctx, plain(hub), g.people[1:], [][]byte{[]byte("message")}, nil)
			var missing *MissingError
			if !errors.As(end.err, &missing) || missing.Phase != phase || blamed(end.err) != "carol" || !strings.Contains(end.err.Error(), last) {
				t.Errorf("coordinator: %v, want carol missing in %s", end.err, phase)
			}
			if phase == PhaseCommitments && blamed(end.signers["bob"]) != "alice" {
				t.Errorf("bob: %v, want the coordinator missing", end.signers["bob"])
			}
		})
	}
}

// coordinatorLie is what a coordinator sends instead of the right package.
var coordinatorLies = []struct {
	name string
	lie  func(g *group, honest signingPackages) []byte
	text string // in bob's error; "" if he signs
}{
	{"honest", func(_ *group, p signingPackages) []byte { return p.encode() }, ""},
	{"without bob", func(g *group, p signingPackages) []byte {
		return repackage(p, func(c map[frost.Identifier]*frost.SigningCommitments) {
			delete(c, g.people[1].Identifier)
			c[g.people[2].Identifier] = c[g.people[0].Identifier]
		})
	}, "sent a signing package without this member"},
	{"altered commitments", func(g *group, p signingPackages) []byte {
		return repackage(p, func(c map[frost.Identifier]*frost.SigningCommitments) {
			c[g.people[1].Identifier] = c[g.people[0].Identifier]
		})
	}, "other commitments than this member's"},
	{"fewer than the threshold", func(g *group, p signingPackages) []byte {
		return repackage(p, func(c map[frost.Identifier]*frost.SigningCommitments) { delete(c, g.people[0].Identifier) })
	}, "with 1 signers, the threshold is 2"},
	{"unknown signer", func(g *group, p signingPackages) []byte {
		return repackage(p, func(c map[frost.Identifier]*frost.SigningCommitments) {
			id, _ := frost.NewIdentifier(suite, 77)
			c[id] = c[g.people[0].Identifier]
		})
	}, "who is not in the group"},
	{"a signer twice", func(g *group, p signingPackages) []byte {
		own, _ := p.list[0].Commitments(g.people[1].Identifier)
		twice := fmt.Appendf(nil, `"signing_commitments":{%q:%s,`, g.people[1].Identifier, own.EncodeJSON())
		return bytes.Replace(p.encode(), []byte(`"signing_commitments":{`), twice, 1)
	}, "an unknown or a repeated field"},
	{"identity commitment", func(_ *group, p signingPackages) []byte {
		before, after, _ := bytes.Cut(p.encode(), []byte(`"hiding":"`))
		return fmt.Appendf(nil, `%s"hiding":"01%s%s`, before, strings.Repeat("0", 62), after[64:])
	}, "sent a message that does not decode"},
	{"empty list", func(_ *group, _ signingPackages) []byte {
		return []byte(`{"signing_package":[],"aux_msg":"","randomizer":[]}`)
	}, "empty list"},
	{"no signers", func(_ *group, _ signingPackages) []byte {
		return []byte(`{"signing_package":[{"header":{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"},"signing_commitments":{},"message":""}],"aux_msg":"","randomizer":[]}`)
	}, "checking signing package: alice sent"},
	{"two packages for one message", func(_ *group, p signingPackages) []byte {
		p.list = append(p.list, p.list[0])
		return p.encode()
	}, "sent 2 signing packages, the session signs 1 messages"},
	{"randomizer", func(_ *group, p signingPackages) []byte {
		return bytes.Replace(p.encode(), []byte(`"randomizer":[`), []byte(`"randomizer":["00"`), 1)
	}, "carries randomizers"},
	{"garbage first", func(_ *group, _ signingPackages) []byte { return []byte("garbage") }, "waiting for signing package: deadline passed without alice (never seen in this session; 1 unusable messages in this name)"},
}

// repackage makes a package of the same message with other commitments.
func repackage(p signingPackages, change func(map[frost.Identifier]*frost.SigningCommitments)) []byte {
	list := make(map[frost.Identifier]*frost.SigningCommitments)
	for _, id := range p.list[0].Identifiers() {
		list[id], _ = p.list[0].Commitments(id)
	}
	change(list)
	pkg, err := frost.NewSigningPackage(suite, list, p.list[0].Message())
	if err != nil {
		panic(err)
	}
	return signingPackages{list: []*frost.SigningPackage{pkg}}.encode()
}

// TestParticipantRefusesWrongPackages: no share leaves, nobody is asked, and the
// coordinator is named.
func TestParticipantRefusesWrongPackages(t *testing.T) {
	for _, test := range coordinatorLies {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 2)
				alice, bob := g.people[0].Member, g.people[1].Member
				hub := NewHub()
				shareLeft := false
				hub.Intercept(func(e Envelope) []Delivery {
					shareLeft = shareLeft || sentFor(bob, Member{}, PhaseShares)(e)
					if !sentFor(alice, bob, PhasePackage)(e) {
						return Deliver(e)
					}
					m, err := decode(suite, PhasePackage, e.Payload)
					if err != nil {
						t.Fatal(err)
					}
					return []Delivery{{Payload: test.lie(g, m.(signingPackages))}}
				})
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				end := g.sign(ctx, plain(hub), g.people[:2], [][]byte{[]byte("message")}, nil)
				if test.text == "" {
					end.mustVerify(t, g)
					return
				}
				err := end.signers["bob"]
				if blamed(err) != "alice" || !strings.Contains(err.Error(), test.text) {
					t.Errorf("bob: %v, want alice blamed and %q", err, test.text)
				}
				if _, asked := end.reviews["bob"]; asked || shareLeft {
					t.Errorf("bob was asked: %v; a share of his left: %v", asked, shareLeft)
				}
			})
		})
	}
}

func TestParticipantDemandsOneSignerSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		hub := NewHub()
		hub.Intercept(only(sentFor(g.people[0].Member, g.people[1].Member, PhasePackage), func(e Envelope) []Delivery {
			m, _ := decode(suite, PhasePackage, e.Payload)
			p := m.(signingPackages)
			extra, _ := decode(suite, PhasePackage, repackage(signingPackages{list: p.list[1:]}, func(c map[frost.Identifier]*frost.SigningCommitments) {
				c[g.people[2].Identifier] = c[g.people[0].Identifier]
			}))
			p.list[1] = extra.(signingPackages).list[0]
			return []Delivery{{Payload: p.encode()}}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := g.sign(ctx, plain(hub), g.people[:2], [][]byte{[]byte("one"), []byte("two")}, nil)
		if err := end.signers["bob"]; blamed(err) != "alice" || !strings.Contains(err.Error(), "different signers") {
			t.Errorf("bob: %v", err)
		}
	})
}

// TestSecondPackageStopsTheQuestion: while Bob thinks about one message, the
// coordinator sends him another.
func TestSecondPackageStopsTheQuestion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		hub := NewHub()
		hub.Intercept(only(sentFor(g.people[0].Member, g.people[1].Member, PhasePackage), func(e Envelope) []Delivery {
			m, _ := decode(suite, PhasePackage, e.Payload)
			list := make(map[frost.Identifier]*frost.SigningCommitments)
			for _, id := range m.(signingPackages).list[0].Identifiers() {
				list[id], _ = m.(signingPackages).list[0].Commitments(id)
			}
			other, _ := frost.NewSigningPackage(suite, list, []byte("another message"))
			second := signingPackages{list: []*frost.SigningPackage{other}}.encode()
			return []Delivery{{Payload: e.Payload}, {Payload: e.Payload, Delay: time.Second}, {Payload: second, Delay: 5 * time.Second}}
		}))
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := g.sign(ctx, plain(hub), g.people, [][]byte{[]byte("message")}, func(p person, cfg *ParticipateConfig) {
			if p.Name == "bob" {
				cfg.Approve = func(ctx context.Context, _ Review) error { <-ctx.Done(); return context.Cause(ctx) }
			}
		})
		err := end.signers["bob"]
		var culprit *CulpritError
		if !errors.As(err, &culprit) || blamed(err) != "alice" || len(culprit.Evidence) != 2 || errors.Is(err, ErrDeclined) {
			t.Errorf("bob: %v, want alice blamed for two packages", err)
		}
		if n := end.journals["bob"].count(Repeated, g.people[0].Member); n != 1 {
			t.Errorf("bob saw %d repeats, want 1", n)
		}
	})
}

const shareOfOne = `{"header":{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"},"share":"0100000000000000000000000000000000000000000000000000000000000000"}`

// TestCoordinatorNamesCulprits: what signers other than Alice do wrong.
func TestCoordinatorNamesCulprits(t *testing.T) {
	for name, test := range map[string]struct {
		fault  func(g *group) Fault
		blamed string
		text   string
	}{
		"bad share": {func(g *group) Fault {
			return only(sentFor(g.people[1].Member, Member{}, PhaseShares), instead([]byte("["+shareOfOne+","+shareOfOne+"]")))
		}, "bob", "bob sent a signature share that does not verify"},
		"two bad shares": {func(g *group) Fault {
			return only(func(e Envelope) bool { return PhaseOf(e.Payload) == PhaseShares && e.From != g.people[0].Key }, instead([]byte("["+shareOfOne+","+shareOfOne+"]")))
		}, "bob, carol", "sent a signature share that does not verify"},
		"one share for two messages": {func(g *group) Fault {
			return only(sentFor(g.people[1].Member, Member{}, PhaseShares), instead([]byte("["+shareOfOne+"]")))
		}, "bob", "sent signature shares for 1 messages, the session signs 2"},
		"commitments for one message": {func(g *group) Fault {
			return only(sentFor(g.people[1].Member, Member{}, PhaseCommitments), func(e Envelope) []Delivery {
				m, _ := decode(suite, PhaseCommitments, e.Payload)
				return []Delivery{{Payload: commitments{list: m.(commitments).list[:1]}.encode()}}
			})
		}, "bob", "sent commitments for 1 messages, the session signs 2"},
		"two commitments": {func(g *group) Fault {
			return only(sentFor(g.people[1].Member, Member{}, PhaseCommitments), func(e Envelope) []Delivery {
				m, _ := decode(suite, PhaseCommitments, e.Payload)
				l := m.(commitments).list
				return []Delivery{{Payload: e.Payload}, {Payload: commitments{list: []*frost.SigningCommitments{l[1], l[0]}}.encode()}}
			})
		}, "bob", "sent two different messages for one place"},
		"undecodable share": {func(g *group) Fault {
			return only(sentFor(g.people[1].Member, Member{}, PhaseShares), instead([]byte(`[{"share":7}]`)))
		}, "bob", "sent a message that does not decode"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 3)
				hub := NewHub()
				hub.Intercept(func(e Envelope) []Delivery {
					if e.From == g.people[2].Key && PhaseOf(e.Payload) == PhaseCommitments {
						return Delay(time.Second)(e) // so that there is time to see a second message
					}
					return test.fault(g)(e)
				})
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				end := g.sign(ctx, plain(hub), g.people, [][]byte{[]byte("one"), []byte("two")}, nil)
				if blamed(end.err) != test.blamed || !strings.Contains(end.err.Error(), test.text) || end.signatures != nil {
					t.Errorf("coordinator: %v, want %s blamed and %q", end.err, test.blamed, test.text)
				}
			})
		})
	}
}

func TestCoordinatorDropsStrangersAndEarlyShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		hub := NewHub()
		send(t, hub.Endpoint(g.people[2].Key, false), commkey.PublicKey{}, "["+shareOfOne+"]") // not chosen
		send(t, hub.Endpoint(g.people[1].Key, false), commkey.PublicKey{}, "["+shareOfOne+"]") // too early
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		end := g.sign(ctx, plain(hub), g.people[:2], [][]byte{[]byte("message")}, nil)
		end.mustVerify(t, g)
		if a, b := end.count(Dropped, g.people[1].Member), end.count(Dropped, g.people[2].Member); a != 1 || b != 1 {
			t.Errorf("dropped %d messages of bob and %d of carol, want 1 each", a, b)
		}
	})
}

func TestCoordinatorChecksItsConfiguration(t *testing.T) {
	g := newGroup(t, 3, 2)
	strangers := newGroup(t, 5, 2)
	for name, change := range map[string]func(*CoordinateConfig){
		"nobody":            func(c *CoordinateConfig) { c.Signers = nil },
		"somebody twice":    func(c *CoordinateConfig) { c.Signers[1] = c.Signers[0] },
		"stranger":          func(c *CoordinateConfig) { c.Signers[1] = strangers.people[4].Member },
		"no message":        func(c *CoordinateConfig) { c.Messages = nil },
		"too many messages": func(c *CoordinateConfig) { c.Messages = make([][]byte, 256) },
		"too long":          func(c *CoordinateConfig) { c.Messages = [][]byte{make([]byte, 33000)} },
	} {
		cfg := CoordinateConfig{PublicKeyPackage: g.public, Signers: members(g.people), Messages: [][]byte{[]byte("message")}}
		change(&cfg)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if _, err := Coordinate(ctx, NewHub().Endpoint(g.people[0].Key, true), cfg); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want an error before anything is awaited", name, err)
		}
		cancel()
	}
}

func TestParticipantChecksItsConfiguration(t *testing.T) {
	g := newGroup(t, 3, 2)
	stranger := newPeople(t, 1)[0]
	for name, change := range map[string]func(*ParticipateConfig){
		"unknown coordinator":  func(c *ParticipateConfig) { c.Coordinator = stranger.Key },
		"nobody approves":      func(c *ParticipateConfig) { c.Approve = nil },
		"too many messages":    func(c *ParticipateConfig) { c.MessageCount = 256 },
		"less than no message": func(c *ParticipateConfig) { c.MessageCount = -1 },
		"no randomness":        func(c *ParticipateConfig) { c.Random = strings.NewReader("short") },
		"somebody twice":       func(c *ParticipateConfig) { c.Members[1] = c.Members[0] },
	} {
		hub := NewHub()
		hub.Intercept(func(Envelope) []Delivery {
			t.Errorf("%s: a message was sent", name)
			return nil
		})
		cfg := g.participateConfig(g.people[1], 1)
		change(&cfg)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if err := Participate(ctx, hub.Endpoint(g.people[1].Key, false), cfg); err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v, want an error before anything is sent", name, err)
		}
		cancel()
	}
}

// TestTooLongPackageIsNotSent: the message alone would fit.
func TestTooLongPackageIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		g := newGroup(t, 2, 2)
		end := g.sign(ctx, plain(NewHub()), g.people, [][]byte{make([]byte, (MaxMessageSize-sealed.FirstOverhead)/2)}, nil)
		if end.err == nil || !strings.Contains(end.err.Error(), "bytes, at most 65487 can be sent") {
			t.Errorf("coordinator: %v, want an error about the size", end.err)
		}
	})
}

func TestSecretsAreWiped(t *testing.T) {
	g := newGroup(t, 2, 2)
	p, err := newParticipation(NewHub().Endpoint(g.people[1].Key, false), g.participateConfig(g.people[1], 2))
	if err != nil {
		t.Fatal(err)
	}
	p.destroy()
	for _, signer := range p.signers {
		if _, err := signer.Sign(nil); !errors.Is(err, frost.ErrNoncesSpent) {
			t.Errorf("signing after the end: %v, want that the nonces are gone", err)
		}
	}
	share, err := decode(suite, PhaseRound2, []byte(otherShare))
	if err != nil {
		t.Fatal(err)
	}
	s := &session{kept: map[slot]message{{}: share}}
	s.wipe()
	if strings.Contains(string(share.encode()), `"01000`) {
		t.Error("a round 2 package is there after the end")
	}
}
