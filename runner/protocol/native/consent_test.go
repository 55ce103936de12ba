package native

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/frost"
	"frostkit/runner/protocol"
)

// A member is shown who may sign and how many do, not the whole group.
func TestReviewShowsCandidates(t *testing.T) {
	g := newGroup(t, 4, 2)
	cfg := g.coordinateConfig(2)
	cfg.Candidates = members(g.people)[:3]
	var seen protocol.Review
	s := g.sign(within(t), protocol.NewHub(), cfg, func(p *person, part *ParticipateConfig) bool {
		if p == g.people[1] {
			part.Approve = func(_ context.Context, r protocol.Review) error {
				seen = r
				return nil
			}
		}
		return p != g.people[3]
	})
	s.mustVerify(t, g, cfg)
	if protocol.Names(seen.Signers) != "alice, bob, carol" || seen.Need != 2 || string(seen.Aux) != "aux" || len(seen.Messages) != 3 {
		t.Errorf("the review has the signers %s, need %d", protocol.Names(seen.Signers), seen.Need)
	}
}

// Of a coordinator that proposes what cannot be nobody is asked.
func TestMaliciousProposal(t *testing.T) {
	other, err := frost.NewIdentifier(suite, 77)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]func(*proposal){
		"unknown candidate": func(x *proposal) { x.candidates = append(x.candidates, other.Bytes()) },
		"no identifier":     func(x *proposal) { x.candidates[0] = []byte{1} },
		"without me":        func(x *proposal) { x.candidates = slices.Delete(x.candidates, 1, 2) },
		"twice":             func(x *proposal) { x.candidates = append(x.candidates, x.candidates[2]) },
		"not in order":      func(x *proposal) { slices.Reverse(x.candidates) },
		"too many":          func(x *proposal) { x.need = 4 },
		"too few":           func(x *proposal) { x.need = 1 },
	}
	for name, change := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t, 3, 2)
				hub := protocol.NewHub()
				hub.Intercept(g.lie(g.people[0], false, g.people[1], kindProposal, func(m *message) {
					x, err := decodeProposal(m.body[len(runID{}):])
					if err != nil {
						panic(err)
					}
					change(&x)
					body := x.encode()
					m.body, m.id = append(m.body[:len(runID{})], body...), proposalID(session, body)
				}))
				s := g.sign(within(t), hub, g.coordinateConfig(2), func(p *person, part *ParticipateConfig) bool {
					if p == g.people[1] {
						part.Approve = func(context.Context, protocol.Review) error { return errors.New("bob was asked") }
					}
					return true
				})
				if got := blamed(s.signers["bob"]); got != "alice" {
					t.Errorf("bob blames %s: %v", got, s.signers["bob"])
				}
			})
		})
	}
}

// What the coordinator tells of those who did not sign, and of each new attempt.
func TestWhyNotSigned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 4, 2)
		cfg := g.coordinateConfig(2)
		var events []protocol.Event
		cfg.Progress = func(e protocol.Event) { events = append(events, e) }
		hub := protocol.NewHub()
		hub.Intercept(g.lie(g.people[1], true, g.people[0], kindShares, func(m *message) { m.body[len(m.body)-20] ^= 1 }))
		s := g.sign(within(t), hub, cfg, func(p *person, part *ParticipateConfig) bool {
			switch p {
			case g.people[2]:
				part.Approve = func(context.Context, protocol.Review) error { return errors.New("not today") }
			case g.people[3]:
				part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
			}
			return true
		})
		s.mustVerify(t, g, cfg)
		if len(s.Excluded) != 2 || !s.Excluded[0].Culprit || !s.Excluded[1].Declined || s.Excluded[1].Said != "not today" {
			t.Errorf("excluded %+v", s.Excluded)
		}
		i := slices.IndexFunc(events, func(e protocol.Event) bool { return e.Kind == protocol.Restarted })
		if i < 0 || events[i].Attempt != 2 || events[i].Member.Name != "bob" || events[i].Reason != "sent a signature share that does not verify" {
			t.Errorf("a new attempt is told of at %d: %+v", i, events)
		}
		for _, p := range g.people {
			if !slices.ContainsFunc(events, func(e protocol.Event) bool { return e.Member.Key == p.Key && e.Tool == "test" }) {
				t.Errorf("the tool of %s is not told", p.Name)
			}
		}
	})
}

// Who was ready and not among the first was not needed.
func TestUnneeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		cfg := g.coordinateConfig(2)
		s := g.sign(within(t), protocol.NewHub(), cfg, func(p *person, part *ParticipateConfig) bool {
			if p == g.people[2] {
				part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
			}
			return true
		})
		s.mustVerify(t, g, cfg)
		if len(s.Excluded) != 1 || s.Excluded[0].Member.Name != "carol" || !s.Excluded[0].Unneeded {
			t.Errorf("excluded %+v", s.Excluded)
		}
	})
}

// Who does not answer the question in time is named, and not the coordinator.
func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		s := g.sign(ctx, protocol.NewHub(), g.coordinateConfig(2), func(p *person, part *ParticipateConfig) bool {
			if p == g.people[1] {
				part.Approve = func(ctx context.Context, _ protocol.Review) error { <-ctx.Done(); return ctx.Err() }
			}
			return true
		})
		var missing *protocol.MissingError
		if !errors.As(s.signers["bob"], &missing) || missing.Phase != protocol.PhaseApproval || protocol.Names(missing.Missing) != "bob" {
			t.Errorf("bob: %v", s.signers["bob"])
		}
		if !errors.As(s.err, &missing) || missing.Phase != protocol.PhaseCommitments || protocol.Names(missing.Missing) != "bob" {
			t.Errorf("coordinator: %v", s.err)
		}
	})
}

// A signer learns for whom the coordinator waited in vain.
func TestSignersLearnWhoIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		hub := protocol.NewHub()
		ended := make(chan error, 1)
		go func() {
			_, err := Participate(ctx, hub.Endpoint(g.people[1].Key, false), g.participateConfig(g.people[1]))
			ended <- err
		}()
		short, stop := context.WithTimeout(ctx, patience)
		defer stop()
		cfg := g.coordinateConfig(2)
		cfg.Candidates = members(g.people)[1:]
		_, err := Coordinate(short, hub.Endpoint(g.people[0].Key, true), cfg)
		for who, err := range map[string]error{"alice": err, "bob": <-ended} {
			var missing *protocol.MissingError
			if !errors.As(err, &missing) || missing.Phase != protocol.PhaseCommitments || protocol.Names(missing.Missing) != "carol" {
				t.Errorf("%s: %v", who, err)
			}
		}
	})
}
