package relay

import (
	"encoding/binary"
	"slices"
	"time"
)

// Rows are of fixed fields, numbers big-endian; a member of a session is its
// index in Members, the coordinator that is no member the index after the last.

const (
	flagClosed = 1 << iota
	flagCarries
)

const (
	flagCoordinator = 1 << iota // of a mailbox
	flagKeepsEarly              // of a message's sender
)

var be = binary.BigEndian

// challengeRow: challenge (16), owner (32); until when.
func (j *journal) challengeRow(m *MemoryStore, c spentChallenge) Row {
	row := Row{challengeTable, slices.Concat(c.challenge[:], c.owner[:]), nil}
	if until, ok := m.spent[c]; ok {
		row.Value = j.sinceStart(until)
	}
	return row
}

// tokenRow: hash (32); until when, owner (32).
func (j *journal) tokenRow(m *MemoryStore, hash TokenHash) Row {
	row := Row{tokenTable, hash[:], nil}
	if token, ok := m.tokens[hash]; ok {
		row.Value = append(j.sinceStart(token.expiry.at), token.owner[:]...)
	}
	return row
}

// alive reports whether the store still has the session.
func (m *MemoryStore) alive(s *memorySession) bool { return m.sessions[s.ID] == s }

func (s *memorySession) key() []byte { return be.AppendUint64(nil, s.number) }

// index returns the number by which rows name a member or the coordinator.
func (s *memorySession) index(k Key) uint16 {
	if i := slices.Index(s.Members, k); i >= 0 {
		return uint16(i)
	}
	return uint16(len(s.Members))
}

// sessionRow: number (8); until when, id (16), flags (1), message count (1),
// coordinator (32), count of members (2), members (32 each), those who left (2
// each).
func (j *journal) sessionRow(m *MemoryStore, s *memorySession) Row {
	if s.number == 0 {
		j.sessions++
		s.number = j.sessions
	}
	row := Row{sessionTable, s.key(), nil}
	if !m.alive(s) {
		return row
	}
	s.saved = s.expires
	var flags byte
	if s.closed {
		flags |= flagClosed
	}
	if s.carries {
		flags |= flagCarries
	}
	v := append(j.sinceStart(s.expires), s.ID[:]...)
	v = append(v, flags, s.MessageCount)
	v = append(v, s.Coordinator[:]...)
	v = be.AppendUint16(v, uint16(len(s.Members)))
	for i := range s.Members {
		v = append(v, s.Members[i][:]...)
	}
	for _, k := range s.left {
		v = be.AppendUint16(v, s.index(k))
	}
	row.Value = v
	return row
}

// appendBox encodes a mailbox of the session in 3 bytes.
func (s *memorySession) appendBox(b []byte, box boxKey) []byte {
	var flags byte
	if box.coordinator {
		flags = flagCoordinator
	}
	return append(be.AppendUint16(b, s.index(box.owner)), flags)
}

// mailboxRow: session (8), mailbox (3); the last message acknowledged (8), the
// last one handed over (8).
func (j *journal) mailboxRow(m *MemoryStore, r boxRow) Row {
	row := Row{mailboxTable, r.session.appendBox(r.session.key(), r.box), nil}
	if b := r.session.boxes[r.box]; b != nil && m.alive(r.session) {
		row.Value = be.AppendUint64(be.AppendUint64(nil, uint64(b.acked)), uint64(b.handed))
	}
	return row
}

// repeatRow: session (8), sender (2), id (16); a number in the order of the ids
// (8).
func (j *journal) repeatRow(m *MemoryStore, r repeatRow) Row {
	key := append(be.AppendUint16(r.session.key(), r.session.index(r.sender)), r.id[:]...)
	row := Row{repeatTable, key, nil}
	if m.alive(r.session) && slices.Contains(r.session.repeats[r.sender], r.id) {
		j.numbers++
		row.Value = be.AppendUint64(nil, j.numbers)
	}
	return row
}

// messageRow: number (8); session (8), sender (2), flags (1), count of
// recipients (2), of each the mailbox (3) and the cursor (8), body. A message
// that some have acknowledged is not written again: their mailboxes tell.
func (j *journal) messageRow(m *MemoryStore, message *memoryMessage) Row {
	known := j.messages[message]
	s := known.session
	row := Row{messageTable, be.AppendUint64(nil, known.number), nil}
	if message.holders == 0 || !m.alive(s) {
		return row
	}
	var flags byte
	if message.keepsEarly {
		flags = flagKeepsEarly
	}
	v := make([]byte, 0, 8+2+1+2+11*len(known.boxes)+len(message.body))
	v = be.AppendUint64(v, s.number)
	v = be.AppendUint16(v, message.sender)
	v = append(v, flags)
	v = be.AppendUint16(v, uint16(len(known.boxes)))
	for _, box := range known.boxes {
		v = s.appendBox(v, boxKey{box.Owner, box.Coordinator})
		v = be.AppendUint64(v, uint64(s.box(box).cursorOf(message)))
	}
	row.Value = append(v, message.body...)
	return row
}

// cursorOf returns the message's number; new messages are at the end.
func (b *memoryBox) cursorOf(message *memoryMessage) Cursor {
	for i := len(b.messages) - 1; i >= 0; i-- {
		if b.messages[i] == message {
			return b.acked + Cursor(i) + 1
		}
	}
	panic("relay: internal error: a new message is not in its mailbox")
}

// deadlineAt is the time of a row by the clock of this process.
func (j *journal) deadlineAt(milliseconds uint64) time.Time {
	return j.start.Add(time.Duration(milliseconds) * time.Millisecond)
}
