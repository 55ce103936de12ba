package native

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/frost"
	"frostkit/runner/protocol"
)

// group is a group of people with shares, and a log of all commitments.
type group struct {
	people []*person
	public *frost.PublicKeyPackage
	keys   map[string]*frost.KeyPackage

	mu   sync.Mutex
	seen map[string]int // how often commitments left
}

func newGroup(t testing.TB, n, threshold int) *group {
	t.Helper()
	g := &group{people: newPeople(t, n), keys: map[string]*frost.KeyPackage{}, seen: map[string]int{}}
	var ids []frost.Identifier
	for _, p := range g.people {
		ids = append(ids, p.Identifier)
	}
	shares, public, err := frost.TrustedDealer(rand.Reader, suite, ids, threshold)
	if err != nil {
		t.Fatal(err)
	}
	g.public = public
	for _, p := range g.people {
		if g.keys[p.Name], err = shares[p.Identifier].KeyPackage(); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

func (g *group) coordinateConfig(need int) CoordinateConfig {
	return CoordinateConfig{
		Agreement: Agreement{Digest: sum([]byte("file")), Step: "minutes", Tool: "test"}, Session: session,
		Key: g.people[0].private, PublicKeyPackage: g.public, Candidates: members(g.people), Need: need,
		Messages: [][]byte{[]byte("first"), nil, []byte("third")}, Aux: []byte("aux"), ShareWait: 2 * time.Minute, Progress: g.people[0].event,
	}
}

func (g *group) participateConfig(p *person) ParticipateConfig {
	return ParticipateConfig{
		Agreement: Agreement{Digest: sum([]byte("file")), Step: "minutes", Tool: "test"}, Session: session,
		Key: p.private, KeyPackage: g.keys[p.Name], VerifyingKey: g.public.VerifyingKey(),
		Members: members(g.people), Coordinator: g.people[0].Key, Progress: p.event,
		Approve: func(context.Context, protocol.Review) error { return nil },
		Committed: func(list []*frost.SigningCommitments) {
			g.mu.Lock()
			defer g.mu.Unlock()
			for _, c := range list {
				g.seen[string(c.EncodePostcard())]++
			}
		},
	}
}

// signing is how a signing ended.
type signing struct {
	*Signed
	err     error
	signers map[string]error
	results map[string]*Signed
}

// sign runs the coordinator and the signers; those with a nil part are missing. A part can run again.
func (g *group) sign(ctx context.Context, hub *protocol.Hub, cfg CoordinateConfig, change func(*person, *ParticipateConfig) bool) *signing {
	s := &signing{signers: map[string]error{}, results: map[string]*Signed{}}
	var mu sync.Mutex
	var running sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range g.people {
		part := g.participateConfig(p)
		if change != nil && !change(p, &part) {
			continue
		}
		running.Go(func() {
			result, err := Participate(ctx, hub.Endpoint(p.Key, false), part)
			mu.Lock()
			defer mu.Unlock()
			s.signers[p.Name], s.results[p.Name] = err, result
		})
	}
	s.Signed, s.err = Coordinate(ctx, hub.Endpoint(g.people[0].Key, true), cfg)
	running.Wait()
	return s
}

func (s *signing) mustVerify(t *testing.T, g *group, cfg CoordinateConfig) {
	t.Helper()
	if s.err != nil {
		t.Fatalf("coordinator: %v", s.err)
	}
	if len(s.Signatures) != len(cfg.Messages) || len(s.Signers) != cfg.Need {
		t.Errorf("%d signatures by %s", len(s.Signatures), protocol.Names(s.Signers))
	}
	for i, signature := range s.Signatures {
		if err := g.public.VerifyingKey().Verify(cfg.Messages[i], signature); err != nil {
			t.Errorf("signature %d: %v", i, err)
		}
	}
	for c, times := range g.seen {
		if times != 1 {
			t.Errorf("commitments %x were made %d times", c, times)
		}
	}
}

func TestSign(t *testing.T) {
	g := newGroup(t, 3, 2)
	cfg := g.coordinateConfig(3)
	s := g.sign(within(t), protocol.NewHub(), cfg, nil)
	s.mustVerify(t, g, cfg)
	for name, err := range s.signers {
		if err != nil || len(s.results[name].Signatures) != 3 || len(s.results[name].Signers) != 3 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The first who answer sign; who is silent afterwards is left out, and named.
func TestSignWithoutTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 4, 2)
		cfg := g.coordinateConfig(2)
		mute := g.people[1]
		hub := protocol.NewHub()
		count := 0
		hub.Intercept(only(func(e protocol.Envelope) bool {
			if e.From == mute.Key {
				count++
			}
			return e.From == mute.Key && count > 2 // its greeting and commitments come, and no shares
		}, protocol.Drop))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		s := g.sign(ctx, hub, cfg, func(p *person, part *ParticipateConfig) bool {
			if p != mute { // which is the first to answer
				part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
			}
			return p != g.people[3]
		})
		s.mustVerify(t, g, cfg)
		if len(s.Excluded) != 2 || s.Excluded[0].Member.Name != "bob" || s.Excluded[0].Reason != "was silent for 2m0s" ||
			s.Excluded[1].Member.Name != "dave" || s.Excluded[1].Reason != "was not heard of before the others had signed" {
			t.Errorf("excluded %v", s.Excluded)
		}
	})
}

// lie lets a member's sealed messages of a kind be changed, by their author.
func (g *group) lie(from *person, toCoordinator bool, to *person, k kind, change func(*message)) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		if e.From != from.Key || e.To.IsZero() != toCoordinator || !toCoordinator && e.To != to.Key {
			return protocol.Deliver(e)
		}
		payload, err := openEnvelope(to.private, session, from.Key, e.Payload)
		if err != nil {
			return protocol.Deliver(e)
		}
		m, err := decodeMessage(payload)
		if err != nil || m.kind != k {
			return protocol.Deliver(e)
		}
		m.body = bytes.Clone(m.body)
		change(&m)
		changed, err := sealEnvelope(from.private, session, to.Key, m.encode())
		if err != nil {
			panic(err)
		}
		return []protocol.Delivery{{Payload: changed}}
	}
}

// Case 32: a bad share is never in a signature; its signer is named, and others sign.
func TestBadShare(t *testing.T) {
	for name, change := range map[string]func(*message){
		"wrong":         func(m *message) { m.body[len(m.body)-20] ^= 1 },
		"not canonical": func(m *message) { m.body[len(m.body)-1] = 0xff },
		"too few":       func(m *message) { m.body = items{run: runID(m.body[:16]), list: [][]byte{{1}}}.encode() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 2)
				cfg := g.coordinateConfig(2)
				hub := protocol.NewHub()
				hub.Intercept(g.lie(g.people[1], true, g.people[0], kindShares, change))
				s := g.sign(within(t), hub, cfg, func(p *person, part *ParticipateConfig) bool {
					if p == g.people[2] { // so that the liar is among the first
						part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
					}
					return true
				})
				s.mustVerify(t, g, cfg)
				if len(s.Excluded) != 1 || s.Excluded[0].Member.Name != "bob" || !s.Excluded[0].Culprit || s.Attempts != 2 {
					t.Errorf("excluded %v, %d attempts", s.Excluded, s.Attempts)
				}
			})
		})
	}
}

func TestTooFewAreLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 3)
		hub := protocol.NewHub()
		hub.Intercept(g.lie(g.people[1], true, g.people[0], kindShares, func(m *message) { m.body[len(m.body)-20] ^= 1 }))
		s := g.sign(within(t), hub, g.coordinateConfig(3), nil)
		if got := blamed(s.err); got != "bob" {
			t.Errorf("coordinator blames %s: %v", got, s.err)
		}
		var ended *EndedError
		if !errors.As(s.signers["carol"], &ended) || !strings.Contains(ended.Reason, "bob sent a signature share") {
			t.Errorf("carol: %v", s.signers["carol"])
		}
	})
}

func TestDeclineToSign(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		refuse := func(p *person, part *ParticipateConfig) bool {
			if p == g.people[1] {
				part.Approve = func(context.Context, protocol.Review) error { return errors.New("wrong amount") }
			}
			return true
		}
		s := g.sign(within(t), protocol.NewHub(), g.coordinateConfig(3), refuse)
		if !errors.Is(s.err, protocol.ErrDeclined) || !strings.Contains(s.err.Error(), "bob declined: \"wrong amount\"") {
			t.Errorf("coordinator: %v", s.err)
		}
		if !errors.Is(s.signers["bob"], protocol.ErrDeclined) {
			t.Errorf("bob: %v", s.signers["bob"])
		}
		cfg := g.coordinateConfig(2) // two others are enough
		cfg.Session = session
		s = g.sign(within(t), protocol.NewHub(), cfg, refuse)
		s.mustVerify(t, g, cfg)
	})
}

// Cases 30 and 31: what the coordinator may not send. No share leaves.
func TestMaliciousCoordinator(t *testing.T) {
	rewrite := func(change func(c chosen, own frost.Identifier)) func(g *group, m *message) {
		return func(g *group, m *message) {
			c, err := decodeChosen(suite, m.body[16:], 3)
			if err != nil {
				panic(err)
			}
			change(c, g.people[1].Identifier)
			m.body = append(m.body[:16], c.encode()...)
		}
	}
	other := func(t *testing.T) frost.Identifier {
		id, err := frost.NewIdentifier(suite, 77)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}(t)
	rows := map[string]func(g *group, m *message){
		"without me":         rewrite(func(c chosen, own frost.Identifier) { delete(c, own) }),
		"too few":            rewrite(func(c chosen, own frost.Identifier) { clear2(c, own) }),
		"other commitments":  rewrite(func(c chosen, own frost.Identifier) { c[own] = anyOther(c, own) }),
		"unknown identifier": rewrite(func(c chosen, own frost.Identifier) { c[other] = c[own] }),
		"identity": rewrite(func(c chosen, own frost.Identifier) {
			for id, list := range c {
				if id != own {
					list[0] = bytes.Clone(list[0])
					clear(list[0][len(list[0])-32:])
					list[0][len(list[0])-32] = 1
				}
			}
		}),
		"empty":     func(_ *group, m *message) { m.body = append(m.body[:16], chosen{}.encode()...) },
		"malformed": func(_ *group, m *message) { m.body = m.body[:len(m.body)-1] },
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 2)
				hub := protocol.NewHub()
				hub.Intercept(g.lie(g.people[0], false, g.people[1], kindPackage, func(m *message) { change(g, m) }))
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				s := g.sign(ctx, hub, g.coordinateConfig(3), nil)
				if got := blamed(s.signers["bob"]); got != "alice" {
					t.Errorf("bob blames %s: %v", got, s.signers["bob"])
				}
				if s.err == nil {
					t.Error("there is a signature")
				}
			})
		})
	}
}

// clear2 leaves but one signer.
func clear2(c chosen, own frost.Identifier) {
	for id := range c {
		if id != own {
			delete(c, id)
		}
	}
}

func anyOther(c chosen, own frost.Identifier) [][]byte {
	for id, list := range c {
		if id != own {
			return list
		}
	}
	return nil
}

func TestTwoProposals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		hub := protocol.NewHub()
		once := g.lie(g.people[0], false, g.people[1], kindProposal, func(m *message) {
			m.body[len(m.body)-1] ^= 1 // of the last message
			m.id = proposalID(session, m.body[len(runID{}):])
		})
		hub.Intercept(func(e protocol.Envelope) []protocol.Delivery {
			all := protocol.Deliver(e)
			if other := once(e); string(other[0].Payload) != string(e.Payload) {
				all = append(all, protocol.Delivery{Payload: other[0].Payload, Delay: time.Millisecond})
			}
			return all
		})
		s := g.sign(within(t), hub, g.coordinateConfig(3), func(_ *person, part *ParticipateConfig) bool {
			part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
			return true
		})
		if got := blamed(s.signers["bob"]); got != "alice" {
			t.Errorf("bob blames %s: %v", got, s.signers["bob"])
		}
	})
}

// A signing before, said again in a session with the same ID, misleads nobody.
func TestReplayedSigning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		cfg := g.coordinateConfig(2)
		var recorded []protocol.Envelope
		for range 2 {
			hub := protocol.NewHub()
			for _, e := range recorded {
				_ = hub.Endpoint(e.From, false).Send(t.Context(), e.To, e.Payload)
			}
			hub.Intercept(func(e protocol.Envelope) []protocol.Delivery {
				recorded = append(recorded, e)
				return protocol.Deliver(e)
			})
			s := g.sign(within(t), hub, cfg, nil)
			s.mustVerify(t, g, cfg)
			for name, err := range s.signers {
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		}
	})
}

// Case 8: signers that are killed at any step and run again; the nonces are others then.
func TestSignersKilled(t *testing.T) {
	for seed := range uint64(15) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := mathrand.New(mathrand.NewPCG(seed, 3))
				g := newGroup(t, 3, 2)
				cfg := g.coordinateConfig(2 + int(seed%2))
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				hub := protocol.NewHub()
				var running sync.WaitGroup
				for _, p := range g.people {
					kills := []int{random.IntN(10), random.IntN(10), -1}
					running.Go(func() { g.live(ctx, p, hub, kills) })
				}
				s := &signing{}
				s.Signed, s.err = Coordinate(ctx, hub.Endpoint(g.people[0].Key, true), cfg)
				cancel()
				running.Wait()
				s.mustVerify(t, g, cfg)
			})
		})
	}
}

// live takes part, and again when it was killed.
func (g *group) live(ctx context.Context, p *person, hub *protocol.Hub, kills []int) {
	for _, at := range kills {
		transport := newMortal(hub.Endpoint(p.Key, false))
		part := g.participateConfig(p)
		count := 0
		part.Progress = func(protocol.Event) {
			if count == at {
				transport.kill()
			}
			count++
		}
		_, _ = Participate(ctx, transport, part)
		killed := transport.dead.Err() != nil
		transport.kill()
		if !killed {
			return
		}
	}
}

// Loss, damage, repetition and delays cost a signing time and nothing else.
func TestSignOverABadNetwork(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 4, 2)
				cfg := g.coordinateConfig(3)
				hub := protocol.NewHub()
				hub.Intercept(badNetwork(seed, 4))
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				s := g.sign(ctx, hub, cfg, nil)
				s.mustVerify(t, g, cfg)
			})
		})
	}
}

// Case 33: a coordinator that says nothing more.
func TestSilentCoordinator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		_, err := Participate(ctx, protocol.NewHub().Endpoint(g.people[1].Key, false), g.participateConfig(g.people[1]))
		if got := blamed(err); got != "alice" {
			t.Errorf("missing: %s, %v", got, err)
		}
	})
}

func TestSignAnotherFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		s := g.sign(within(t), protocol.NewHub(), g.coordinateConfig(2), func(p *person, part *ParticipateConfig) bool {
			if p == g.people[1] {
				part.Digest[0] ^= 1
			}
			return true
		})
		var differ *AgreementError
		if !errors.As(s.signers["bob"], &differ) || s.err == nil {
			t.Errorf("bob: %v, coordinator: %v", s.signers["bob"], s.err)
		}
	})
}
