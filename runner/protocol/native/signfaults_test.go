package native

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/runner/protocol"
)

// signingScene is a signing of three, led by the first, in which messages of some kinds occur.
type signingScene struct {
	name string
	up   []kind // from signers to the coordinator
	down []kind // from the coordinator to signers
	need int
	// lie is what one of them does wrong, may be nil.
	lie    func(g *group) protocol.Fault
	change func(p *person, part *ParticipateConfig)
	check  func(t *testing.T, g *group, cfg CoordinateConfig, s *signing)
}

func declines(p *person, part *ParticipateConfig) {
	if p.Name == "bob" {
		part.Approve = func(context.Context, protocol.Review) error { return errors.New("no") }
	}
}

var signingScenes = []signingScene{
	{
		name: "signing", need: 3,
		up: []kind{kindHello, kindCommitments, kindShares}, down: []kind{kindProposal, kindPackage, kindSigned},
		check: func(t *testing.T, g *group, cfg CoordinateConfig, s *signing) {
			s.mustVerify(t, g, cfg)
			if s.Attempts != 1 || len(s.Excluded) > 0 {
				t.Errorf("%d attempts, without %v", s.Attempts, s.Excluded)
			}
			s.mustEndWell(t)
		},
	},
	{
		name: "bad share", need: 2, down: []kind{kindAgain},
		lie: func(g *group) protocol.Fault {
			return g.lie(g.people[1], true, g.people[0], kindShares, func(m *message) { m.body[len(m.body)-20] ^= 1 })
		},
		change: func(p *person, part *ParticipateConfig) {
			if p.Name == "carol" { // so that the liar is among the first
				part.Approve = func(context.Context, protocol.Review) error { time.Sleep(time.Second); return nil }
			}
		},
		check: func(t *testing.T, g *group, cfg CoordinateConfig, s *signing) {
			s.mustVerify(t, g, cfg)
			if len(s.Excluded) != 1 || s.Excluded[0].Member.Name != "bob" || !s.Excluded[0].Culprit {
				t.Errorf("without %v", s.Excluded)
			}
		},
	},
	{
		name: "declined", need: 3, up: []kind{kindDecline}, down: []kind{kindEnd}, change: declines,
		check: func(t *testing.T, _ *group, _ CoordinateConfig, s *signing) {
			if !errors.Is(s.err, protocol.ErrDeclined) && blamed(s.err) != "bob" {
				t.Errorf("coordinator: %v, want that bob declined or is missing", s.err)
			}
			var ended *EndedError
			if err := s.signers["carol"]; !errors.As(err, &ended) && blamed(err) != "alice" {
				t.Errorf("carol: %v, want that it ended, or that alice is missing", err)
			}
		},
	},
}

// mustEndWell checks that the signers ended without an error, maybe without hearing of the signature.
func (s *signing) mustEndWell(t *testing.T) {
	t.Helper()
	for name, err := range s.signers {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every fault of the network at the first message of every kind of a signing, from and to each signer.
func TestFaultAtEveryMessageOfASigning(t *testing.T) {
	for _, scene := range signingScenes {
		for _, k := range scene.up {
			scene.runAll(t, k, direction{0, 0})
			scene.runAll(t, k, direction{1, 0}, direction{2, 0})
		}
		for _, k := range scene.down {
			scene.runAll(t, k, direction{0, 0})
			scene.runAll(t, k, direction{0, 1}, direction{0, 2})
		}
	}
}

func (s signingScene) runAll(t *testing.T, k kind, at ...direction) {
	for number, name := range strikeNames {
		t.Run(fmt.Sprintf("%s: %s of kind %d, %v", s.name, name, k, at), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { s.run(t, k, at, number) })
		})
	}
}

func (s signingScene) run(t *testing.T, k kind, at []direction, number int) {
	g := newGroup(t, 3, 2)
	cfg := g.coordinateConfig(s.need)
	cfg.Messages = cfg.Messages[:1]
	lie := protocol.Fault(protocol.Deliver)
	if s.lie != nil {
		lie = s.lie(g)
	}
	hub := protocol.NewHub()
	all := strikeAll(g.people, k, at, number)
	hub.Intercept(oneAfterTheOther(append([]protocol.Fault{lie}, faultsOf(g.people, all)...)...))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ended := g.sign(ctx, hub, cfg, func(p *person, part *ParticipateConfig) bool {
		if s.change != nil {
			s.change(p, part)
		}
		return true
	})
	s.check(t, g, cfg, ended)
	for _, struck := range all {
		if ended.err == nil {
			struck.mustBeCounted(t)
		}
	}
}

// A member with 30 s of latency, who signs or coordinates, changes nothing but the time.
func TestLatencyOfASigning(t *testing.T) {
	for slow := range 3 {
		synctest.Test(t, func(t *testing.T) {
			g := newGroup(t, 3, 2)
			cfg := g.coordinateConfig(3)
			hub := protocol.NewHub()
			key := g.people[slow].Key
			hub.Intercept(only(func(e protocol.Envelope) bool {
				return e.From == key || e.To == key || e.To.IsZero() && slow == 0
			}, protocol.Delay(30*time.Second)))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			s := g.sign(ctx, hub, cfg, nil)
			s.mustVerify(t, g, cfg)
			s.mustEndWell(t)
			if s.Attempts != 1 || len(s.Excluded) > 0 {
				t.Errorf("%d attempts, without %v", s.Attempts, s.Excluded)
			}
		})
	}
}
