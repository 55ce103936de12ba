package steps

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// Generate is one member's part in making a group by frostkit's own protocol. It is
// [DKG] for members who all run frostkit and have the same ceremony file.
//
// It is to be run as long as Records are not empty, even if the group is saved: others may need
// this member to complete theirs. A run with nothing else to do is there for them for as long as Serve, and
// unless that ends early it is the last: after it the certificate is what others recover with. Nothing is
// made twice by it.
type Generate struct {
	Session
	native.Agreement
	Key         *commkey.PrivateKey
	Ciphersuite frost.Ciphersuite
	Threshold   int
	Members     []Peer        // everybody, self included, in the order of the file
	Bundle      bool          // as in [native.DKGConfig]
	Create      bool          // open the session when nobody has
	Timeout     time.Duration // from the session to the group
	Serve       time.Duration // to be there for others when there is nothing else to do; 0: a minute
	Random      io.Reader
	Records     Records
	// Save stores the group durably, or does nothing if it is there. What it is given is only lent.
	Save func(*native.Outcome) error
	// Approve, if given, is asked before round 1. An error declines, and its text reaches the others.
	Approve func(context.Context) error
}

// Run makes the group, or completes what an earlier run began. Sessions that end before the
// group is made are given up for the next one. The caller destroys the key package of an outcome, which
// there is beside an error where a run is interrupted that had the group already.
func (g *Generate) Run(ctx context.Context) (*native.Outcome, error) {
	config, err := g.config()
	if err != nil {
		return nil, err
	}
	defer wipe(config.Records)
	outcome, err := native.Complete(config)
	if err != nil {
		return nil, err
	}
	if err := g.login(ctx, g.Timeout); err != nil {
		return either(ctx, nil, err, outcome)
	}
	m := g.meeting()
	passed := map[relay.SessionID]bool{}
	for {
		at, err := g.meet(ctx, m, passed, outcome)
		if err != nil || at == nil {
			g.leave(ctx, relay.SessionID{})
			if outcome != nil && err == nil {
				return outcome, g.Records.Remove()
			}
			return either(ctx, nil, err, outcome)
		}
		made, err := g.attempt(ctx, m, *at)
		if outcome == nil && g.cutShort(ctx, made, err) {
			outcome = made
			passed[at.id] = true
			g.notify(SessionGone, at.id)
			continue
		}
		if !errors.Is(err, errSuperseded) && !closed(err) {
			before := outcome != nil
			made, err = either(ctx, made, err, outcome)
			return g.finish(ctx, m, *at, made, err, before)
		}
		passed[at.id] = true
		if m.owns(*at) {
			g.closeNow(ctx, at.id)
		}
		g.notify(SessionGone, at.id)
	}
}

// wipe wipes the shares in records.
func wipe(records []native.Record) {
	for _, r := range records {
		clear(r.Share)
	}
}

// cutShort reports whether the session ended before all members said that they have the group: who was
// killed and starts again may open another, and need this member there. Of a relay that
// drops what is not delivered the end of a session says nothing.
func (g *Generate) cutShort(ctx context.Context, made *native.Outcome, err error) bool {
	return err == nil && ctx.Err() == nil && made.Ended && len(made.Unconfirmed) > 0 && g.Client.HasGrace()
}

// either is what a run made or, where that failed or is the same again, what was made before. It fails
// with that where it was interrupted.
func either(ctx context.Context, made *native.Outcome, err error, before *native.Outcome) (*native.Outcome, error) {
	switch {
	case before == nil:
		return made, err
	case made == nil:
		return before, ctx.Err()
	}
	before.KeyPackage.Destroy()
	return made, err
}

func (g *Generate) config() (native.DKGConfig, error) {
	records, err := g.Records.Load()
	config := native.DKGConfig{
		Agreement: g.Agreement, Ciphersuite: g.Ciphersuite, Threshold: g.Threshold, Key: g.Key, Random: g.Random, Serve: g.Serve,
		Bundle: g.Bundle, Records: records, Store: g.Records.Store, Save: g.Save, Approve: g.Approve,
	}
	for _, peer := range g.Members {
		config.Members = append(config.Members, protocol.Member{Name: peer.Name, Key: peer.Key})
	}
	return config, err
}

// nextSession is how long a member that has done its part waits for the next session of those who
// lost the one before.
const nextSession = time.Minute

// meeting finds and opens sessions as [DKG] does.
func (g *Generate) meeting() *DKG {
	m := &DKG{Session: g.Session, Create: g.Create, Timeout: g.Timeout}
	for _, peer := range g.Members {
		m.Members = append(m.Members, peer.Key)
	}
	return m
}

// meet finds the session, or opens it. There is none where the group is made and nobody needs this member.
func (g *Generate) meet(ctx context.Context, m *DKG, passed map[relay.SessionID]bool, made *native.Outcome) (*found, error) {
	switch {
	case g.Create:
		return g.rejoinOrOpen(ctx, m, passed)
	case made == nil:
		at, err := m.meet(ctx, passed)
		return &at, err
	case made.Ended:
		next := *m
		next.Wait = min(m.Wait, nextSession)
		at, err := next.meet(ctx, passed)
		return &at, err
	}
	open, err := g.opened(ctx, m, passed)
	if err != nil || len(open) == 0 {
		return nil, err
	}
	at, err := m.meet(ctx, passed)
	return &at, err
}

// opened returns the sessions of just these members.
func (g *Generate) opened(ctx context.Context, m *DKG, passed map[relay.SessionID]bool) ([]found, error) {
	ctx, cancel := g.reach(ctx, g.Timeout)
	defer cancel()
	open, _, err := g.candidates(ctx, exactly(m.Members), passed)
	return open, err
}

// rejoinOrOpen goes back to the session that this member opened before it was killed, if it had stored a
// share there: the others wait in it, or have left it with the group. Before that everybody starts over
// in a new one.
func (g *Generate) rejoinOrOpen(ctx context.Context, m *DKG, passed map[relay.SessionID]bool) (*found, error) {
	stored, err := HasRecords(g.Records)
	if err != nil {
		return nil, err
	}
	if stored {
		open, err := g.opened(ctx, m, passed)
		if err != nil {
			return nil, err
		}
		if len(open) == 1 {
			at := m.joined(open[0])
			return &at, nil
		}
	}
	at, err := m.meet(ctx, passed)
	return &at, err
}

// attempt runs the protocol in one session.
func (g *Generate) attempt(ctx context.Context, m *DKG, at found) (*native.Outcome, error) {
	config, err := g.config()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	ctx, supersede := context.WithCancelCause(ctx)
	defer supersede(nil)
	watch := m.watch(ctx, at, supersede)
	defer watch.stop()
	var agreed atomic.Bool // everybody is in this session
	config.Session = at.id
	config.Progress = func(event protocol.Event) {
		if event.Kind == protocol.Complete && event.Phase == protocol.PhaseGreeting && !agreed.Swap(true) {
			watch.cancel()
		}
		g.progress(at.id)(event)
	}
	outcome, err := native.DKG(ctx, protocol.NewRelayTransport(g.Client, at.id, false), config)
	if errors.Is(context.Cause(ctx), errSuperseded) {
		g.notify(Superseded, at.id)
		return nil, errSuperseded
	}
	return outcome, err
}

// finish leaves the session. Its creator closes it once all have confirmed, or it was there for them for
// long enough; until then it is where those who have not can meet the others. When it fails, the others
// go on in it until they know why.
func (g *Generate) finish(ctx context.Context, m *DKG, at found, made *native.Outcome, failed error, before bool) (*native.Outcome, error) {
	over := failed == nil && (before && !made.Ended || len(made.Unconfirmed) == 0)
	if over {
		failed = g.Records.Remove()
	}
	switch {
	case m.owns(at) && (over || made == nil && mayCarry(ctx, failed)):
		g.finishSession(ctx, at.id)
		g.leave(ctx, relay.SessionID{})
	case m.owns(at) && made == nil:
		g.leave(ctx, at.id)
	default:
		g.leave(ctx, relay.SessionID{})
	}
	return made, failed
}

// HasRecords reports whether a key generation was begun and is not confirmed by all, so that
// [Generate.Run] is to be run, even if the group is saved.
func HasRecords(r Records) (bool, error) {
	records, err := r.Load()
	return len(records) > 0, err
}
