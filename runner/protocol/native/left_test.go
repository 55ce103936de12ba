package native

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/protocol"
)

// silence lets nothing of a member arrive while it holds.
func silence(from *person, holds func() bool) protocol.Fault {
	return only(func(e protocol.Envelope) bool { return e.From == from.Key && holds() }, protocol.Drop)
}

// A coordinator is killed when it has the signatures, before it tells anybody: the signers, who have done
// their part, do not wait for the rest of an hour.
func TestSignersOfADeadCoordinatorLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		cfg := g.coordinateConfig(2)
		cfg.Candidates = members(g.people)[1:]
		hub := protocol.NewHub()
		dead, started := false, time.Now()
		hub.Intercept(silence(g.people[0], func() bool { return dead }))
		cfg.Save = func([]frost.Signature) error { dead = true; return nil }
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		s := g.sign(ctx, hub, cfg, func(p *person, _ *ParticipateConfig) bool { return p != g.people[0] })
		s.mustVerify(t, g, cfg)
		for _, name := range []string{"bob", "carol"} {
			if result := s.results[name]; s.signers[name] != nil || result == nil || result.Signatures != nil || len(result.Signers) != 2 {
				t.Errorf("%s: %v, %v", name, result, s.signers[name])
			}
		}
		if took := time.Since(started); took < coordinatorGone || took > coordinatorGone+longestPause {
			t.Errorf("the signers left after %s", took)
		}
	})
}

// A signer whose share is there is answered for as long as another one is waited for: here one that was
// killed, and is started again after 40 minutes.
func TestSignersOfAWaitingCoordinatorStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		carol := g.people[2]
		cfg := g.coordinateConfig(2)
		cfg.Candidates, cfg.ShareWait = members(g.people)[1:], 0
		hub := protocol.NewHub()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() {
			part := g.participateConfig(carol)
			killed, kill := context.WithTimeout(ctx, time.Minute)
			defer kill()
			part.Progress = func(e protocol.Event) {
				if e.Kind == protocol.Waiting && e.Phase == protocol.PhasePackage {
					kill()
				}
			}
			if _, err := Participate(killed, hub.Endpoint(carol.Key, false), part); err == nil {
				t.Error("carol signed before she was killed")
			}
			time.Sleep(40 * time.Minute)
			if _, err := Participate(ctx, hub.Endpoint(carol.Key, false), g.participateConfig(carol)); err != nil {
				t.Errorf("carol: %v", err)
			}
		})
		s := g.sign(ctx, hub, cfg, func(p *person, _ *ParticipateConfig) bool { return p == g.people[1] })
		running.Wait()
		s.mustVerify(t, g, cfg)
		if result := s.results["bob"]; result == nil || len(result.Signatures) != len(cfg.Messages) || result.Attempts != 2 {
			t.Errorf("bob: %v, %v", result, s.signers["bob"])
		}
	})
}

// A signer is killed when its share is there, and is back while the coordinator waits to hear of it: it gets
// the signatures, without having to sign again.
func TestSignerKilledAfterItsShare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 3, 2)
		bob := g.people[1]
		cfg := g.coordinateConfig(2)
		cfg.Candidates = members(g.people)[1:]
		hub := protocol.NewHub()
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		var running sync.WaitGroup
		running.Go(func() {
			part := g.participateConfig(bob)
			killed, kill := context.WithCancel(ctx)
			defer kill()
			end := newMortal(hub.Endpoint(bob.Key, false))
			part.Progress = func(e protocol.Event) {
				if e.Kind == protocol.Sent && e.Phase == protocol.PhaseShares {
					end.kill()
					kill()
				}
			}
			if _, err := Participate(killed, end, part); err == nil {
				t.Error("bob ended before he was killed")
			}
			time.Sleep(hearPatience / 2)
			var saved []frost.Signature
			part = g.participateConfig(bob)
			part.Save = func(made []frost.Signature) error { saved = made; return nil }
			part.Approve = func(ctx context.Context, _ protocol.Review) error { <-ctx.Done(); return ctx.Err() }
			if _, err := Participate(ctx, hub.Endpoint(bob.Key, false), part); err != nil || len(saved) != len(cfg.Messages) {
				t.Errorf("bob: %v, and %d signatures", err, len(saved))
			}
		})
		s := g.sign(ctx, hub, cfg, func(p *person, _ *ParticipateConfig) bool { return p == g.people[2] })
		running.Wait()
		s.mustVerify(t, g, cfg)
		if s.Attempts != 1 {
			t.Errorf("it took %d attempts", s.Attempts)
		}
	})
}

// Signatures that cannot be saved are not told to anybody.
func TestUnsavedSignaturesAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t, 2, 2)
		cfg := g.coordinateConfig(2)
		full := errors.New("no space left on device")
		cfg.Save = func([]frost.Signature) error { return full }
		s := g.sign(within(t), protocol.NewHub(), cfg, nil)
		if !errors.Is(s.err, full) {
			t.Errorf("coordinator: %v", s.err)
		}
		for name, err := range s.signers {
			var ended *EndedError
			if !errors.As(err, &ended) || ended.Member.Key == (commkey.PublicKey{}) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
