package relay

import (
	"context"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"frostkit/commkey"
)

// SessionID names a session at a relay.
type SessionID = uuid.UUID

// Key is a member's communication key as a relay holds it: checked when its
// owner logs in and when a new session names it, opaque from then on.
type Key [commkey.Size]byte

// TokenHash is the SHA-256 of an access token; no store sees a token.
type TokenHash [32]byte

// Session is what does not change about a session; it must not be modified.
type Session struct {
	ID           SessionID
	Members      []Key // 2 to 255 distinct keys, as the creator listed them
	Coordinator  Key   // the creator, one of Members or not
	MessageCount uint8
	From         Networks // where the call came from that created it; not told after a restart
}

// HasMember reports whether k is one of the session's members.
func (s *Session) HasMember(k Key) bool { return slices.Contains(s.Members, k) }

// Admits reports whether k is a member of the session or its coordinator.
func (s *Session) Admits(k Key) bool { return s.Coordinator == k || s.HasMember(k) }

// Mailbox names one queue of messages: every member has one in a session, and
// the coordinator one more.
type Mailbox struct {
	Session     SessionID
	Owner       Key
	Coordinator bool
}

// Envelope is a message on its way into one or more mailboxes.
type Envelope struct {
	Session    SessionID
	Sender     Key    // a member or the coordinator
	Recipients []Key  // members' mailboxes, without repeats; none: the coordinator's
	Body       []byte // the store keeps it; nobody modifies it
	KeepsEarly bool   // the sender keeps messages that come before it can use them
	From       Networks
	// ID, unless it is zero, makes a repeat of the same Sender's call count once.
	ID uuid.UUID
}

// StoredMessage is a message in a mailbox. Body must not be modified.
type StoredMessage struct {
	Sender     Key
	Body       []byte
	KeepsEarly bool // of the sender
}

// Cursor numbers the messages of a mailbox from 1, in the order in which they
// came. The messages up to a cursor are acknowledged by naming it.
type Cursor uint64

// HandedOver stands for the last message that the mailbox handed over.
const HandedOver Cursor = math.MaxUint64

// Topic is something that can be waited for: a message in a mailbox, or, with
// the Session zero, a change in the list of the Owner's sessions.
type Topic = Mailbox

// Store holds a relay's state. Its methods are atomic, may be called
// concurrently, and hold no lock while they wait for anything. They check no
// authorization beyond what they say; they fail with the errors named, with a
// [LimitError], or with an error of the storage.
type Store interface {
	// Secret returns 32 random bytes, the same for all relays over the store.
	Secret(ctx context.Context) ([32]byte, error)

	// SpendChallenge records for life that owner used challenge to log in. It
	// fails with [ErrUnauthorized] if that is recorded already.
	SpendChallenge(ctx context.Context, challenge uuid.UUID, owner Key, life time.Duration) error

	// AddToken stores a token for Limits.TokenLife, for a login that came from there.
	// The oldest of the owner's tokens gives way where there would be more than
	// Limits.TokensPerKey.
	AddToken(ctx context.Context, token TokenHash, owner Key, from Networks, limits *Limits) error
	// Token returns the token's owner, or fails with [ErrUnauthorized].
	Token(ctx context.Context, token TokenHash) (Key, error)
	// RemoveToken forgets the token, if it is there.
	RemoveToken(ctx context.Context, token TokenHash) error

	// CreateSession opens a session. One whose ID is there already is left as it
	// is, without an error: equal IDs come from a repeated call.
	CreateSession(ctx context.Context, session *Session, limits *Limits) error
	// Session returns a session, and whether it is closed and only delivers; one
	// that still carries messages counts as open. It fails with
	// [ErrSessionNotFound].
	Session(ctx context.Context, id SessionID) (session *Session, closed bool, err error)
	// Sessions returns the open sessions whose member or coordinator is member,
	// the oldest first. Of more than Limits.SessionsListed it returns so many: first
	// those that the member created, then the oldest of each other creator, then the
	// second of each, and so on, so that no creator crowds out another one's.
	Sessions(ctx context.Context, member Key, limits *Limits) ([]SessionID, error)
	// LeaveSession takes an open session off one member's list, and out of the
	// count of Limits.SessionsPerMember; the session itself goes on, and what the
	// member is sent there stays. A second time it does nothing. It fails with
	// [ErrSessionNotFound].
	LeaveSession(ctx context.Context, id SessionID, member Key) error
	// CloseSession takes a session off its members' lists. For Limits.Grace it
	// still delivers what is queued, knows repeats of calls of Send and, if carry is
	// set, takes and delivers more.
	// It fails with [ErrSessionNotFound].
	CloseSession(ctx context.Context, id SessionID, carry bool, limits *Limits) error

	// Send puts a message into mailboxes of an open session, into all or none,
	// and renews the session. It fails with [ErrSessionNotFound].
	Send(ctx context.Context, envelope *Envelope, limits *Limits) error
	// Receive acknowledges the messages up to after, of those that were handed
	// over, and removes them. It returns the next ones, in order, and the cursor
	// of the last of them; if there are any it renews an open session. It fails
	// with [ErrSessionNotFound]; so does a closed session's mailbox once it is
	// empty.
	Receive(ctx context.Context, box Mailbox, after Cursor, limits *Limits) ([]StoredMessage, Cursor, error)

	// Watch returns a channel that gets a value after each change of the topic
	// that follows, several changes in a row counting as one, and a function that
	// ends the watch.
	Watch(topic Topic) (wake <-chan struct{}, stop func())

	// Close releases the store; no other method may be called after.
	Close() error
}

// Stats says what a store holds.
type Stats struct {
	Tokens   int
	Sessions int   // open ones and closed ones that still deliver
	Messages int   // not acknowledged, one for many recipients counted once
	Bytes    int64 // as Limits.DiskBytes counts them, and for a store in memory Limits.TotalBytes
}

// Counter is a [Store] that can say what it holds, cheaply: it is asked
// whenever the metrics are read.
type Counter interface {
	Stats(ctx context.Context) (Stats, error)
}

// Writable is a [Store] on which changes can fail.
type Writable interface {
	// Writable reports whether the last change that a call asked for was stored, or
	// none was asked for yet.
	Writable() bool
}
