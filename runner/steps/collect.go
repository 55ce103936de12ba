package steps

import (
	"context"
	"errors"
	"io"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// Collect opens a signing session of frostkit's own protocol and collects the signatures. It is
// [Coordinate] for members who all run frostkit.
type Collect struct {
	Session
	native.Agreement
	Key              *commkey.PrivateKey
	PublicKeyPackage *frost.PublicKeyPackage
	Candidates       []protocol.Member // who may sign, with their identifiers
	Need             int               // how many sign: the first who answer; 0: all
	ShareWait        time.Duration     // for the shares of those who sign before others take their place; 0: no limit
	Messages         [][]byte
	Aux              []byte // shown to the signers and not signed
	Timeout          time.Duration
	// Save stores the signatures before the signers are told of them and let go.
	Save func([]frost.Signature) error
	// Signatures, if given, are there already, and only told to whoever comes.
	Signatures []frost.Signature
}

// Run returns a signature for each message, in their order, each verified under the group's
// key, with who signed and who was left out. It closes the session, however it ends, and before that
// what this member left open when it was killed. A session that the relay has forgotten it opens anew, within the
// same Timeout.
func (c *Collect) Run(ctx context.Context) (*native.Signed, error) {
	if err := c.login(ctx, c.Timeout); err != nil {
		return nil, err
	}
	var signed *native.Signed
	run := func(ctx context.Context, id relay.SessionID) (err error) {
		signed, err = c.collect(ctx, id)
		return err
	}
	id, err := c.inSessions(ctx, c.Timeout, opened{c.open, run, func() bool { return true }})
	if err != nil {
		c.leave(ctx, id)
		return nil, err
	}
	c.finishSession(ctx, id)
	c.leave(ctx, relay.SessionID{})
	return signed, nil
}

// open creates the session. Whoever waits in one that was left over moves on to it.
func (c *Collect) open(ctx context.Context) (relay.SessionID, error) {
	ctx, cancel := c.reach(ctx, c.Timeout)
	defer cancel()
	keys := protocol.Keys(c.Candidates)
	leftOver := func(info relay.SessionInfo) bool {
		return exactly(keys)(info) && info.Coordinator == c.Self.Key && info.MessageCount == len(c.Messages)
	}
	open, _, err := c.candidates(ctx, leftOver, nil)
	if err != nil {
		return relay.SessionID{}, err
	}
	for _, at := range open {
		if err := c.Client.CloseSession(ctx, at.id); err != nil && !closed(err) {
			return relay.SessionID{}, err
		}
	}
	c.notify(CreatingSession, relay.SessionID{})
	return c.Client.CreateSession(ctx, keys, len(c.Messages))
}

func (c *Collect) collect(ctx context.Context, id relay.SessionID) (*native.Signed, error) {
	return native.Coordinate(ctx, protocol.NewRelayTransport(c.Client, id, true), native.CoordinateConfig{
		Agreement: c.Agreement, Session: id, Key: c.Key, PublicKeyPackage: c.PublicKeyPackage,
		Candidates: c.Candidates, Need: c.Need, ShareWait: c.ShareWait, Messages: c.Messages, Aux: c.Aux,
		Save: c.Save, Signatures: c.Signatures, Progress: c.progress(id),
	})
}

// Answer takes part in a signing session of frostkit's own protocol. It is [Participate] for members
// who all run frostkit.
type Answer struct {
	Session
	native.Agreement
	Key          *commkey.PrivateKey
	KeyPackage   *frost.KeyPackage
	VerifyingKey frost.VerifyingKey
	Members      []protocol.Member   // of the group
	Candidates   []commkey.PublicKey // of the session, when known beforehand
	Coordinator  commkey.PublicKey   // when known beforehand; zero: whoever opens a session
	Random       io.Reader
	Timeout      time.Duration
	// Approve is asked before anything is signed, once for the same; an error declines, and its text reaches
	// the coordinator.
	Approve func(context.Context, protocol.Review) error
	// Save stores the signatures, if this member is told of them.
	Save func([]frost.Signature) error
	// Committed, if given, is told of the commitments of all nonces before they leave.
	Committed func([]*frost.SigningCommitments)
}

// Run signs what the session's coordinator asks for, once Approve agrees. When the session ends before
// this member is told of signatures, it goes on in the coordinator's next one; having signed it waits
// for that no longer than [nextSession].
func (a *Answer) Run(ctx context.Context) (*native.Signed, error) {
	if err := a.login(ctx, a.Timeout); err != nil {
		return nil, err
	}
	defer a.leave(ctx, relay.SessionID{})
	passed := map[relay.SessionID]bool{}
	approve := once(a.Approve)
	session := a.Session
	var untold *native.Signed // what this member signed last, without being told the signatures
	for {
		at, err := session.find(ctx, "signing", a.fits, passed)
		var none *NoSessionError
		if untold != nil && errors.As(err, &none) {
			return untold, nil
		}
		if err != nil {
			return nil, err
		}
		a.notify(JoiningSession, at.id)
		signed, err := a.answer(ctx, at, approve)
		switch {
		case err == nil && signed.Ended && a.Client.HasGrace():
			untold, session.Wait = signed, min(a.Wait, nextSession)
		case !closed(err):
			return signed, err
		}
		a.notify(SessionGone, at.id)
		passed[at.id] = true
	}
}

func (a *Answer) answer(ctx context.Context, at found, approve func(context.Context, protocol.Review) error) (*native.Signed, error) {
	ctx, cancel := context.WithTimeout(ctx, a.Timeout)
	defer cancel()
	return native.Participate(ctx, protocol.NewRelayTransport(a.Client, at.id, false), native.ParticipateConfig{
		Agreement: a.Agreement, Session: at.id, Key: a.Key, KeyPackage: a.KeyPackage, VerifyingKey: a.VerifyingKey,
		Members: a.Members, Coordinator: at.info.Coordinator, Random: a.Random, Approve: approve,
		Save: a.Save, Committed: a.Committed, Progress: a.progress(at.id),
	})
}

// fits takes the sessions that a member of the group opened for members of it.
func (a *Answer) fits(info relay.SessionInfo) bool {
	p := Participate{Session: a.Session, Members: a.Members, Signers: a.Candidates}
	return p.fits(info) && (a.Coordinator.IsZero() || a.Coordinator == info.Coordinator)
}
