package rehearsal

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"frostkit/ceremony"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// grace is how long the others go on after a member could not.
const grace = 2 * time.Second

var (
	// ErrKilled is how a member ends that a fault stopped.
	ErrKilled = errors.New("was stopped, as the rehearsal says")
	// ErrStopped is how members end who would only wait in vain.
	ErrStopped = errors.New("stopped waiting, as another member had ended")
)

// part is one member's part of a step.
type part struct {
	member      string
	coordinator bool
	run         func(context.Context) error
}

// end is how a part ended.
type end struct {
	member      string
	coordinator bool
	err         error
}

// together runs the parts side by side until all have ended. A while after one
// that matters has failed, those who still wait are stopped.
func (r *Rehearsal) together(ctx context.Context, parts []part, matters func(end) bool) []end {
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	ends := make([]end, len(parts))
	var stopping sync.Once
	var wg sync.WaitGroup
	for i, p := range parts {
		wg.Go(func() {
			ends[i] = end{p.member, p.coordinator, p.run(ctx)}
			if err := ends[i].err; err != nil && !errors.Is(err, ErrKilled) && matters(ends[i]) {
				stopping.Do(func() {
					timer := time.AfterFunc(grace, func() { stop(ErrStopped) })
					context.AfterFunc(ctx, func() { timer.Stop() })
				})
			}
		})
	}
	wg.Wait()
	return ends
}

// judge returns the error of the member who knows best what went wrong: one who
// names a culprit before one who was told, who misses somebody, or was stopped;
// and of these one who was not to lie.
func (r *Rehearsal) judge(ends []end) error {
	failed := slices.DeleteFunc(slices.Clone(ends), func(e end) bool { return e.err == nil })
	if len(failed) == 0 {
		return nil
	}
	return slices.MinFunc(failed, func(a, b end) int { return r.rank(a) - r.rank(b) }).err
}

func (r *Rehearsal) rank(e end) int {
	rank := 0
	if slices.ContainsFunc(r.members[e.member].faults, func(f *fault) bool { return f.Lie() || f.Kind == ceremony.FaultKill }) {
		rank = 100
	}
	var culprit *protocol.CulpritError
	var differ *native.AgreementError
	var missing *protocol.MissingError
	switch {
	case errors.Is(e.err, ErrKilled), errors.Is(e.err, ErrStopped):
		return 1000
	case errors.As(e.err, &culprit):
		return rank + min(len(culprit.Culprits), 50)
	case errors.As(e.err, &differ):
		return rank + 51
	case errors.Is(e.err, protocol.ErrDeclined):
		return rank + 52
	case errors.As(e.err, &missing):
		return rank + 53 + slices.Index(order, missing.Phase) // who is stuck first is missed by others later
	}
	return rank + 99
}

// order is that of the phases.
var order = []string{
	protocol.PhaseGreeting, protocol.PhaseRound1, protocol.PhaseEcho, protocol.PhaseRound2, protocol.PhaseCertificate,
	protocol.PhaseConfirm, protocol.PhaseCommitments, protocol.PhasePackage, protocol.PhaseShares,
}

// killable runs a member's part until it ends or a fault kills the member, and
// then, if the fault says so, once more.
func (m *member) killable(ctx context.Context, run func(ctx context.Context, kill func()) error) error {
	for {
		alive, kill := context.WithCancelCause(ctx)
		m.lives(kill)
		err := run(alive, m.die)
		killed := errors.Is(context.Cause(alive), ErrKilled)
		kill(nil)
		if !killed {
			return err
		}
		again := m.revival()
		if again == 0 {
			return ErrKilled
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return ErrKilled
		}
	}
}

// lives notes how to end a part of the member's.
func (m *member) lives(kill context.CancelCauseFunc) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parts = append(m.parts, kill)
}

// die ends all parts of the member's at once.
func (m *member) die() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, kill := range m.parts {
		kill(ErrKilled)
	}
	m.parts = nil
}

// revival says after what time a killed member is started again, 0: not.
func (m *member) revival() time.Duration {
	for _, f := range m.faults {
		if f.Kind == ceremony.FaultKill && f.hasStruck() {
			return f.After
		}
	}
	return 0
}
