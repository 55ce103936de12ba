package relay

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Inspection is what a [Journal] holds, for its operator. It has no token, and
// not the relay's secret.
type Inspection struct {
	Stats
	Closed      int             // of the sessions: closed, and still delivering
	TokenList   []TokenRecord   // the next to expire first
	SessionList []SessionRecord // the oldest first
}

// TokenRecord is a token that still serves.
type TokenRecord struct {
	Owner Key
	Left  time.Duration // of its life, by the relay's clock
}

// SessionRecord is a session with what is queued in it.
type SessionRecord struct {
	Session
	Closed  bool // off its members' lists
	Carries bool // closed, and takes messages still
	Left    time.Duration
	Boxes   []MemberRecord // of the members, and of the coordinator if it is none of them
	Queued  []MessageRecord
}

// MemberRecord is a member and the state of its mailboxes.
type MemberRecord struct {
	Key         Key
	LeftSession bool      // took the session off its list
	Box         BoxRecord // as a member
	Coordinator BoxRecord // as the coordinator
}

// BoxRecord is the state of a mailbox.
type BoxRecord struct {
	Acknowledged, HandedOver Cursor
	Queued                   int // messages
}

// MessageRecord is a queued message, once for all that have not acknowledged it.
type MessageRecord struct {
	Sender     Key
	Recipients []Mailbox
	Body       []byte // as it was sent: sealed, if its sender is a member's client
}

// Inspect reads a journal that no store has open.
func Inspect(disk Journal) (*Inspection, error) {
	m := NewMemoryStore()
	m.journal = newJournal()
	if _, err := m.load(disk, true); err != nil {
		return nil, err
	}
	now := m.lock()
	defer m.mu.Unlock()
	out := &Inspection{Stats: Stats{Tokens: len(m.tokens), Sessions: len(m.sessions), Messages: m.held.messages, Bytes: int64(m.used)}}
	for _, t := range m.tokens {
		out.TokenList = append(out.TokenList, TokenRecord{t.owner, t.expiry.at.Sub(now)})
	}
	slices.SortFunc(out.TokenList, func(a, b TokenRecord) int { return cmp.Compare(a.Left, b.Left) })
	sessions := make([]*memorySession, 0, len(m.sessions))
	for _, s := range m.sessions {
		sessions = append(sessions, s)
	}
	slices.SortFunc(sessions, func(a, b *memorySession) int { return cmp.Compare(a.number, b.number) })
	for _, s := range sessions {
		out.SessionList = append(out.SessionList, s.record(now))
		if s.closed {
			out.Closed++
		}
	}
	return out, nil
}

func (s *memorySession) record(now time.Time) SessionRecord {
	out := SessionRecord{Session: *s.Session, Closed: s.closed, Carries: s.carries, Left: s.expires.Sub(now)}
	holders := map[*memoryMessage][]Mailbox{}
	for k := range s.everybody() {
		member := MemberRecord{Key: k, LeftSession: slices.Contains(s.left, k)}
		for coordinator, record := range map[bool]*BoxRecord{false: &member.Box, true: &member.Coordinator} {
			b := s.boxes[boxKey{k, coordinator}]
			if b == nil {
				continue
			}
			*record = BoxRecord{b.acked, b.handed, len(b.messages)}
			for _, message := range b.messages {
				holders[message] = append(holders[message], Mailbox{s.ID, k, coordinator})
			}
		}
		out.Boxes = append(out.Boxes, member)
	}
	for _, message := range slices.SortedFunc(maps.Keys(holders), byPosition) {
		out.Queued = append(out.Queued, MessageRecord{s.sender(message), holders[message], message.body})
	}
	return out
}

// byPosition puts messages into the order in which the journal has them.
func byPosition(a, b *memoryMessage) int {
	return cmp.Or(cmp.Compare(a.record, b.record), cmp.Compare(a.offset, b.offset))
}
