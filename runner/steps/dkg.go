package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// DKG is one member's part in making a group.
type DKG struct {
	Session
	Key         *commkey.PrivateKey
	Ciphersuite frost.Ciphersuite
	Threshold   int
	Members     []commkey.PublicKey // everybody, self included; nil: whoever the session names
	Create      bool                // open the session when nobody has; needs Members
	Timeout     time.Duration       // from the session to the group
	Linger      time.Duration       // before closing at a relay that drops undelivered messages
	Random      io.Reader
	// Prepare, if given, takes room for a group of this many members, before the first message of an
	// attempt leaves.
	Prepare func(members int) error
	// Save stores the group durably. Only when it has succeeded does the run
	// go on to leave the session.
	Save func(*frost.KeyPackage, *frost.PublicKeyPackage, []protocol.Member) error
}

// errSuperseded ends an attempt in a session that lost to another one opened
// at the same moment.
var errSuperseded = errors.New("another member opened the session first")

// LostShareError says that the session was closed after this member had sent
// its part and before it had everybody else's.
type LostShareError struct {
	Session relay.SessionID
	Err     error
}

// Error says which session, and that others may have the group.
func (e *LostShareError) Error() string {
	return fmt.Sprintf("making the group: session %s was closed before this member had its share, and others may have the group: %v", e.Session, e.Err)
}

// Unwrap returns the relay's error.
func (e *LostShareError) Unwrap() error { return e.Err }

// Run makes the group. Sessions that end before this member's round 2 packages
// leave are given up for the next one; what fails later is returned.
func (d *DKG) Run(ctx context.Context) error {
	if err := d.login(ctx, d.Timeout); err != nil {
		return err
	}
	passed := map[relay.SessionID]bool{}
	for {
		at, err := d.meet(ctx, passed)
		if err != nil {
			d.leave(ctx, relay.SessionID{})
			return err
		}
		err = d.attempt(ctx, at)
		if !errors.Is(err, errSuperseded) && !errors.Is(err, errEarlyClose) {
			d.finish(ctx, at, err)
			return err
		}
		passed[at.id] = true
		if d.owns(at) {
			d.closeNow(ctx, at.id)
		}
	}
}

func (d *DKG) owns(at found) bool { return at.info.Coordinator == d.Self.Key }

// meet finds the session, or opens it.
func (d *DKG) meet(ctx context.Context, passed map[relay.SessionID]bool) (found, error) {
	if !d.Create || d.ID != (relay.SessionID{}) {
		return d.join(ctx, passed)
	}
	ctx, cancel := d.reach(ctx, d.Timeout)
	defer cancel()
	if err := d.closeLeftOver(ctx, passed); err != nil {
		return found{}, err
	}
	open, _, err := d.candidates(ctx, exactly(d.Members), passed)
	if err != nil {
		return found{}, err
	}
	if len(open) > 0 {
		return d.joined(preferred(open)), nil
	}
	return d.open(ctx, passed)
}

func (d *DKG) join(ctx context.Context, passed map[relay.SessionID]bool) (found, error) {
	fits := d.knownMembers
	if d.Members != nil {
		fits = exactly(d.Members)
	}
	at, err := d.find(ctx, forDKG, fits, passed)
	if err != nil {
		return found{}, err
	}
	return d.joined(at), nil
}

func (d *DKG) joined(at found) found {
	d.notify(JoiningSession, at.id)
	return at
}

// closeLeftOver closes the sessions of just these members that this member
// opened in an earlier run: whoever waits in one moves on to the next.
func (d *DKG) closeLeftOver(ctx context.Context, passed map[relay.SessionID]bool) error {
	open, _, err := d.candidates(ctx, exactly(d.Members), passed)
	if err != nil {
		return err
	}
	for _, at := range open {
		if !d.owns(at) {
			continue
		}
		if err := d.Client.CloseSession(ctx, at.id); err != nil && !closed(err) {
			return err
		}
		passed[at.id] = true
	}
	return nil
}

// open creates the session. Who created one in the same moment sees both
// afterwards, and all go on in the preferred one.
func (d *DKG) open(ctx context.Context, passed map[relay.SessionID]bool) (found, error) {
	d.notify(CreatingSession, relay.SessionID{})
	id, err := d.Client.CreateSession(ctx, d.Members, 1)
	if err != nil {
		return found{}, err
	}
	own := found{id, relay.SessionInfo{MessageCount: 1, Members: d.Members, Coordinator: d.Self.Key}}
	all, _, err := d.candidates(ctx, exactly(d.Members), passed)
	if err != nil {
		d.closeNow(ctx, id)
		return found{}, err
	}
	if len(all) == 0 || preferred(all).id == id {
		return own, nil
	}
	passed[id] = true
	if err := d.Client.CloseSession(ctx, id); err != nil && !closed(err) {
		return found{}, err
	}
	d.notify(Superseded, id)
	return d.joined(preferred(all)), nil
}

// errEarlyClose ends an attempt whose session was closed while everybody could
// still start over in another one.
var errEarlyClose = errors.New("the session was closed before this member's round 2 packages left")

// attempt runs the protocol in one session.
func (d *DKG) attempt(ctx context.Context, at found) error {
	d.notify(GettingInfo, at.id)
	peers, err := d.members(at.id, at.info)
	if err != nil {
		return err
	}
	members, err := d.identified(at.id, peers)
	if err != nil {
		return err
	}
	if d.Prepare != nil {
		if err := d.Prepare(len(members)); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, d.Timeout)
	defer cancel()
	ctx, supersede := context.WithCancelCause(ctx)
	defer supersede(nil)
	var committed atomic.Bool // with what leaves, others can make the group
	watch := d.watch(ctx, at, supersede)
	defer watch.stop()
	err = d.run(ctx, at, members, &committed, func(event protocol.Event) {
		if event.Kind == protocol.Complete && event.Phase == protocol.PhaseRound1 {
			watch.cancel() // everybody is in this session
		}
		d.progress(at.id)(event)
	})
	switch {
	case errors.Is(context.Cause(ctx), errSuperseded):
		d.notify(Superseded, at.id)
		return errSuperseded
	case closed(err) && !committed.Load() && d.ID == (relay.SessionID{}):
		d.notify(SessionGone, at.id)
		return errEarlyClose
	case closed(err) && committed.Load():
		return &LostShareError{Session: at.id, Err: err}
	}
	return err
}

// noticing notes when the first round 2 package of this member is about to leave: until then nobody
// can have the group.
type noticing struct {
	protocol.Transport
	committed *atomic.Bool
}

// Send hands a message over.
func (n noticing) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if protocol.PhaseOf(payload) == protocol.PhaseRound2 {
		n.committed.Store(true)
	}
	return n.Transport.Send(ctx, to, payload)
}

// run carries out the DKG over sealed messages.
func (d *DKG) run(ctx context.Context, at found, members []protocol.Member, committed *atomic.Bool, progress func(protocol.Event)) error {
	mail := protocol.NewRelayTransport(d.Client, at.id, false)
	transport := noticing{protocol.Seal(mail, d.Key, protocol.Keys(members), at.info.Coordinator), committed}
	result, err := protocol.DKG(ctx, transport, protocol.DKGConfig{
		Pause:       func() time.Duration { return d.pause(mail, members) },
		Ciphersuite: d.Ciphersuite,
		Threshold:   d.Threshold,
		Self:        d.Self.Key,
		Members:     members,
		Random:      d.Random,
		Progress:    progress,
		Save:        func(key *frost.KeyPackage, pub *frost.PublicKeyPackage) error { return d.Save(key, pub, members) },
	})
	if err == nil {
		result.KeyPackage.Destroy()
	}
	return err
}

// pause is what members who run frost-client need between rounds.
func (d *DKG) pause(mail *protocol.RelayTransport, members []protocol.Member) time.Duration {
	others := slices.DeleteFunc(protocol.Keys(members), func(key commkey.PublicKey) bool { return key == d.Self.Key })
	if mail.KeepEarly(others) {
		return 0
	}
	return protocol.FrostClientPause
}

// identified gives each member the identifier that frost-client gives it.
func (d *DKG) identified(id relay.SessionID, peers []Peer) ([]protocol.Member, error) {
	members := make([]protocol.Member, len(peers))
	for i, peer := range peers {
		identifier, err := protocol.DKGIdentifier(d.Ciphersuite, id, peer.Key)
		if err != nil {
			return nil, err
		}
		members[i] = protocol.Member{Name: peer.Name, Key: peer.Key, Identifier: identifier}
	}
	return members, nil
}

// finish leaves the session. Its creator closes it, after a while at a relay
// that drops what is not yet delivered.
func (d *DKG) finish(ctx context.Context, at found, failed error) {
	if !d.owns(at) {
		d.leave(ctx, relay.SessionID{})
		return
	}
	carry := mayCarry(ctx, failed)
	if carry && !d.Client.HasGrace() && d.Linger > 0 {
		d.Notify(Notice{Kind: Lingering, Session: at.id, For: d.Linger})
		select {
		case <-time.After(d.Linger):
		case <-ctx.Done():
		}
	}
	if carry {
		d.finishSession(ctx, at.id)
		d.leave(ctx, relay.SessionID{})
		return
	}
	d.leave(ctx, at.id)
}

// mayCarry reports whether the others have a use for the session still: they
// make the group without waiting for this member, or find the same culprit. Of
// a session that was given up they have none.
func mayCarry(ctx context.Context, failed error) bool {
	var missing *protocol.MissingError
	return ctx.Err() == nil && !errors.As(failed, &missing)
}

// watcher looks for a session that goes before the own one.
type watcher struct {
	cancel context.CancelFunc
	done   chan struct{}
}

func (w *watcher) stop() {
	w.cancel()
	<-w.done
}

// watch ends the attempt when, in a session that this member opened, another
// one appears that all members prefer.
func (d *DKG) watch(ctx context.Context, at found, supersede context.CancelCauseFunc) *watcher {
	ctx, cancel := context.WithCancel(ctx)
	w := &watcher{cancel: cancel, done: make(chan struct{})}
	if !d.owns(at) || !d.Create {
		close(w.done)
		return w
	}
	go func() {
		defer close(w.done)
		for {
			all, listed, err := d.candidates(ctx, exactly(d.Members), nil)
			if err != nil {
				return // the attempt itself meets the same error, and reports it
			}
			if len(all) > 0 && preferred(all).id != at.id {
				supersede(errSuperseded)
				return
			}
			if _, err := d.Client.WaitSessions(ctx, listed); err != nil {
				return
			}
		}
	}()
	return w
}
