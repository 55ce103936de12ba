// Package steps carries out one member's part of a ceremony: logging in at a
// relay, finding or opening the session, running the protocol over it, and
// saving what came out before the session ends.
//
// It asks and prints nothing: what happens is told as [Notice] values, and
// what must be agreed to goes through the callbacks of its configurations.
package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// NoticeKind says what a [Notice] tells.
type NoticeKind int

// What happens in the order in which it does.
const (
	LoggingIn       NoticeKind = iota
	WaitingSession             // for the session to be opened by another member
	CreatingSession            // opening it
	JoiningSession             // found it
	GettingInfo                // asking the relay who is in it
	Superseded                 // two members opened one at once; going on in the other
	SessionGone                // it was closed before the group was made; waiting for the next
	Progress                   // an event of the protocol
	Lingering                  // waiting before the close for members who are still fetching
	RelayAway                  // the relay cannot be reached, and is tried again
	RelayBack                  // it is reached again
	SessionLost                // the relay has forgotten the one that this member opened; opening another
)

// Notice is one thing that happened.
type Notice struct {
	Kind    NoticeKind
	Session relay.SessionID
	Event   protocol.Event // of Progress
	For     time.Duration  // of Lingering
}

// Awaiting is the notice without the member itself among those who are waited for, where it has another part that
// others are waited for as well.
func (n Notice) Awaiting(self string) Notice {
	n.Event.Awaited = slices.DeleteFunc(slices.Clone(n.Event.Awaited), func(m protocol.Member) bool { return m.Name == self })
	return n
}

// Peer is another member as this member's contacts know it.
type Peer struct {
	Name string
	Key  commkey.PublicKey
}

// Session configures how a member finds its session at a relay.
type Session struct {
	Client *relay.Client
	Self   Peer
	// Lookup returns the name of a known member; self is known by its own name.
	Lookup func(commkey.PublicKey) (name string, ok bool)
	// Stranger, if given, reports whether a key is of nobody whom this member has to do with. Of sessions with strangers
	// alone a member that looks for its own leaves those beyond a few.
	Stranger func(commkey.PublicKey) bool
	ID       relay.SessionID // the session to join; zero: the one that fits
	Wait     time.Duration   // for the session to be opened; zero: do not wait
	Notify   func(Notice)

	seen *seen // from the login on
}

func (s *Session) notify(kind NoticeKind, id relay.SessionID) {
	s.Notify(Notice{Kind: kind, Session: id})
}

func (s *Session) progress(id relay.SessionID) func(protocol.Event) {
	return func(event protocol.Event) {
		s.Notify(Notice{Kind: Progress, Session: id, Event: event})
	}
}

// reach bounds the calls that take a member to its session, by how long it waits for it or,
// where it opens the session itself, for the others.
func (s *Session) reach(ctx context.Context, others time.Duration) (context.Context, context.CancelFunc) {
	return s.Client.Within(ctx, cmp.Or(s.Wait, others))
}

// login logs in and says so.
func (s *Session) login(ctx context.Context, others time.Duration) error {
	ctx, cancel := s.reach(ctx, others)
	defer cancel()
	s.seen = &seen{infos: map[relay.SessionID]relay.SessionInfo{}}
	s.notify(LoggingIn, relay.SessionID{})
	s.Client.TellAway(func(away error) {
		kind := RelayBack
		if away != nil {
			kind = RelayAway
		}
		s.notify(kind, relay.SessionID{})
	})
	return s.Client.Login(ctx)
}

// The calls with which a member leaves are bounded, also when its context has ended: by
// leaveTimeout and what a new connection and two calls take at the relay's latency, and
// in all by longestLeave.
const (
	leaveTimeout = 5 * time.Second
	longestLeave = 30 * time.Second
)

// leaving returns a context for the calls with which a member leaves.
func (s *Session) leaving(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), min(leaveTimeout+4*s.Client.Latency(), longestLeave))
}

// leave closes the session when it is this member's to close, and logs out.
// Nothing depends on either: the relay forgets both in time.
func (s *Session) leave(ctx context.Context, closing relay.SessionID) {
	ctx, cancel := s.leaving(ctx)
	defer cancel()
	if closing != (relay.SessionID{}) {
		_ = s.Client.CloseSession(ctx, closing)
	}
	_ = s.Client.Logout(ctx)
	s.Client.Close()
}

// closeNow closes a session that this member goes on without.
func (s *Session) closeNow(ctx context.Context, id relay.SessionID) {
	ctx, cancel := s.leaving(ctx)
	defer cancel()
	_ = s.Client.CloseSession(ctx, id)
}

// mostSessions is how many sessions a coordinator opens for one signing: more are not lost by a relay.
const mostSessions = 100

// opened is a coordinator's part in sessions that it opens.
type opened struct {
	open  func(context.Context) (relay.SessionID, error)
	run   func(context.Context, relay.SessionID) error
	again func() bool // whether all signers can still take part in another session
}

// inSessions runs a coordinator's part in a session that it opens, and in another one when the relay has forgotten
// that. It returns the last session. A relay that keeps its sessions in memory alone forgets them when it is restarted.
func (s *Session) inSessions(ctx context.Context, timeout time.Duration, part opened) (relay.SessionID, error) {
	id, err := part.open(ctx)
	if err != nil {
		return id, err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for range mostSessions {
		if err = part.run(ctx, id); !closed(err) || ctx.Err() != nil || !part.again() {
			return id, err
		}
		s.notify(SessionLost, id)
		if id, err = part.open(ctx); err != nil {
			return id, err
		}
	}
	return id, err
}

// finishSession takes the session off the lists; members who are slower go on
// in it where the relay allows it.
func (s *Session) finishSession(ctx context.Context, id relay.SessionID) {
	ctx, cancel := s.leaving(ctx)
	defer cancel()
	_ = s.Client.FinishSession(ctx, id)
}

// UnknownMemberError says that a session has a member who is not among the
// contacts.
type UnknownMemberError struct {
	Session relay.SessionID
	Key     commkey.PublicKey
}

// Error names the session and the key.
func (e *UnknownMemberError) Error() string {
	return fmt.Sprintf("session %s has the member %s, who is not among the contacts", e.Session, e.Key)
}

// NoSessionError says that no session fitted until the wait was over.
type NoSessionError struct {
	Waited  time.Duration
	Purpose string // "DKG" or "signing"
	// Of a session that was passed over as Stranger, one of its members, is not
	// among the contacts: who opened it, by name or key. Else zero.
	Opener   string
	Stranger commkey.PublicKey
}

// Error says what was waited for, and how long.
func (e *NoSessionError) Error() string {
	if !e.Stranger.IsZero() {
		return fmt.Sprintf("waiting %s for a %s session: one was passed over that %s opened, as its member %s is not among the contacts",
			e.Waited, e.Purpose, e.Opener, e.Stranger)
	}
	return fmt.Sprintf("waiting for a %s session: none was opened within %s", e.Purpose, e.Waited)
}

// AmbiguousSessionError says that several sessions fit.
type AmbiguousSessionError struct {
	Purpose  string
	Sessions []relay.SessionID
}

// Error lists the sessions.
func (e *AmbiguousSessionError) Error() string {
	return fmt.Sprintf("joining a %s session: %d sessions fit: %v", e.Purpose, len(e.Sessions), e.Sessions)
}

// closed reports whether err says that the session is no longer there.
func closed(err error) bool { return errors.Is(err, relay.ErrSessionNotFound) }

// members names everybody in a session, and fails on one who is not known.
func (s *Session) members(id relay.SessionID, info relay.SessionInfo) ([]Peer, error) {
	peers := make([]Peer, len(info.Members))
	for i, key := range info.Members {
		name, ok := s.Lookup(key)
		if !ok {
			return nil, &UnknownMemberError{Session: id, Key: key}
		}
		peers[i] = Peer{Name: name, Key: key}
	}
	return peers, nil
}
