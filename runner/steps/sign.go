package steps

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// Coordinate opens a signing session and collects the signatures.
type Coordinate struct {
	Session
	Key              *commkey.PrivateKey
	PublicKeyPackage *frost.PublicKeyPackage
	Signers          []protocol.Member
	Messages         [][]byte
	Timeout          time.Duration
}

// Run returns a signature for each message, in their order, each verified
// under the group's key. It closes the session, however it ends. A session that the relay has forgotten it
// opens anew, within the same Timeout, before it has a share: signers leave when they have sent theirs.
func (c *Coordinate) Run(ctx context.Context) (signatures []frost.Signature, err error) {
	if err := c.login(ctx, c.Timeout); err != nil {
		return nil, err
	}
	var shared atomic.Bool
	run := func(ctx context.Context, id relay.SessionID) (err error) {
		signatures, err = c.coordinate(ctx, id, &shared)
		return err
	}
	id, err := c.inSessions(ctx, c.Timeout, opened{c.open, run, func() bool { return !shared.Load() }})
	c.leave(ctx, id)
	return signatures, err
}

func (c *Coordinate) coordinate(ctx context.Context, id relay.SessionID, shared *atomic.Bool) ([]frost.Signature, error) {
	transport := protocol.Seal(protocol.NewRelayTransport(c.Client, id, true), c.Key, protocol.Keys(c.Signers), c.Self.Key)
	return protocol.Coordinate(ctx, transport, protocol.CoordinateConfig{
		PublicKeyPackage: c.PublicKeyPackage,
		Signers:          c.Signers,
		Messages:         c.Messages,
		Progress: func(e protocol.Event) {
			if e.Kind == protocol.Received && e.Phase == protocol.PhaseShares {
				shared.Store(true)
			}
			c.progress(id)(e)
		},
	})
}

func (c *Coordinate) open(ctx context.Context) (relay.SessionID, error) {
	ctx, cancel := c.reach(ctx, c.Timeout)
	defer cancel()
	c.notify(CreatingSession, relay.SessionID{})
	return c.Client.CreateSession(ctx, protocol.Keys(c.Signers), len(c.Messages))
}

// Participate takes part in a signing session of a group.
type Participate struct {
	Session
	Key        *commkey.PrivateKey
	KeyPackage *frost.KeyPackage
	Members    []protocol.Member   // of the group
	Signers    []commkey.PublicKey // of the session, when known beforehand
	Random     io.Reader
	Timeout    time.Duration
	// Approve is asked before anything is signed; an error declines.
	Approve func(context.Context, protocol.Review) error
}

// Run signs what the session's coordinator asks for, once Approve agrees, which is asked about the same once. When the
// session is gone before that, it goes on in the coordinator's next one, if it waits for sessions.
func (p *Participate) Run(ctx context.Context) error {
	if err := p.login(ctx, p.Timeout); err != nil {
		return err
	}
	defer p.leave(ctx, relay.SessionID{})
	approve := once(p.Approve)
	passed := map[relay.SessionID]bool{}
	var gone error // how the session before ended
	for {
		at, err := p.find(ctx, "signing", p.fits, passed)
		if none := (*NoSessionError)(nil); gone != nil && errors.As(err, &none) {
			return gone
		}
		if err != nil {
			return err
		}
		p.notify(JoiningSession, at.id)
		err = p.participate(ctx, at, approve)
		if !closed(err) || p.Wait == 0 || p.ID != (relay.SessionID{}) {
			return err
		}
		p.notify(SessionGone, at.id)
		gone, passed[at.id] = err, true
	}
}

func (p *Participate) participate(ctx context.Context, at found, approve func(context.Context, protocol.Review) error) error {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	transport := protocol.Seal(protocol.NewRelayTransport(p.Client, at.id, false), p.Key, protocol.Keys(p.Members), at.info.Coordinator)
	return protocol.Participate(ctx, transport, protocol.ParticipateConfig{
		KeyPackage:   p.KeyPackage,
		Members:      p.Members,
		Coordinator:  at.info.Coordinator,
		MessageCount: at.info.MessageCount,
		Random:       p.Random,
		Approve:      approve,
		Progress:     p.progress(at.id),
	})
}

// fits takes the sessions that a member of the group opened for members of it.
func (p *Participate) fits(info relay.SessionInfo) bool {
	if p.Signers != nil && !exactly(p.Signers)(info) {
		return false
	}
	group := protocol.Keys(p.Members)
	for _, key := range info.Members {
		if !slices.Contains(group, key) {
			return false
		}
	}
	return slices.Contains(group, info.Coordinator) && slices.Contains(info.Members, p.Self.Key)
}
