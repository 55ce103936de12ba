package relay

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// A record is rows, one after another, of tables. Of two rows with the same key
// the later one counts; of a removed session none does. A message counts while
// one of its mailboxes has not acknowledged it, a time until it has come.
const (
	relayTable     = "relay"      // "secret" and "clock"
	challengeTable = "challenges" // that were used
	tokenTable     = "tokens"
	sessionTable   = "sessions"
	mailboxTable   = "mailboxes"
	repeatTable    = "repeats" // ids of messages
	messageTable   = "messages"
)

// Tables returns the names of all tables.
func Tables() []string {
	return []string{relayTable, challengeTable, tokenTable, sessionTable, mailboxTable, repeatTable, messageTable}
}

var tables = Tables()

// Row is a row of a table, or, with a nil Value, its removal.
type Row struct {
	Table      string // one of Tables
	Key, Value []byte
}

const (
	rowHeader = 1 + 1 + 4
	removal   = math.MaxUint32 // in place of a value's length
)

// Append appends the row to a record: table (1, index in Tables), length of the
// key (1), length of the value (4) or 2^32-1 for a removal, key, value.
func (r Row) Append(record []byte) []byte {
	size := uint32(removal)
	if r.Value != nil {
		size = uint32(len(r.Value))
	}
	record = append(record, byte(slices.Index(tables, r.Table)), byte(len(r.Key)))
	record = be.AppendUint32(record, size)
	record = append(record, r.Key...)
	return append(record, r.Value...)
}

// errRecord says that a record is not one that this version writes.
var errRecord = errors.New("not a record of this version")

// readRows calls yield with the rows of a record and where each ends in it.
func readRows(record []byte, yield func(end int, r Row) error) error {
	for f := (fields{rest: record}); len(f.rest) > 0; {
		table, keySize, size := int(f.byte()), int(f.byte()), f.uint32()
		if table >= len(tables) {
			return errRecord
		}
		r := Row{Table: tables[table], Key: f.take(keySize)}
		if size != removal {
			if uint64(size) > uint64(len(f.rest)) {
				return errRecord
			}
			r.Value = f.take(int(size))
		}
		if f.broken {
			return errRecord
		}
		if err := yield(len(record)-len(f.rest), r); err != nil {
			return err
		}
	}
	return nil
}

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
	until, ok := m.spent[c]
	if !ok {
		return Row{}
	}
	return Row{challengeTable, slices.Concat(c.challenge[:], c.owner[:]), j.sinceStart(until)}
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
	if !m.alive(s) {
		return j.removedSession(s)
	}
	if s.number == 0 {
		j.sessions++
		s.number = j.sessions
		j.byNumber[s.number] = s
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
	return Row{sessionTable, s.key(), v}
}

// removedSession removes a session, with all its rows.
func (j *journal) removedSession(s *memorySession) Row {
	if s.number == 0 {
		return Row{}
	}
	delete(j.byNumber, s.number)
	return Row{sessionTable, s.key(), nil}
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
	b := r.session.boxes[r.box]
	if b == nil || !m.alive(r.session) {
		return Row{}
	}
	return Row{
		mailboxTable, r.session.appendBox(r.session.key(), r.box),
		be.AppendUint64(be.AppendUint64(make([]byte, 0, 16), uint64(b.acked)), uint64(b.handed)),
	}
}

// repeatRow: session (8), sender (2), id (16); a number in the order of the ids
// (8).
func (j *journal) repeatRow(m *MemoryStore, r repeatRow) Row {
	if !m.alive(r.session) || !slices.Contains(r.session.repeats[r.sender], r.id) {
		return Row{}
	}
	key := append(be.AppendUint16(r.session.key(), r.session.index(r.sender)), r.id[:]...)
	j.numbers++
	return Row{repeatTable, key, be.AppendUint64(nil, j.numbers)}
}

// appendMessage appends the row of a new message. Key: a number in the order of
// the messages (8). Value: session (8), sender (2), flags (1), count of
// recipients (2), of each the mailbox (3) and the cursor (8), body.
func (j *journal) appendMessage(record []byte, q *queued) []byte {
	s, message := q.session, q.message
	j.numbers++
	record = append(record, byte(slices.Index(tables, messageTable)), 8)
	record = be.AppendUint32(record, uint32(8+2+1+2+11*len(q.boxes)+len(message.body)))
	record = be.AppendUint64(record, j.numbers)
	record = be.AppendUint64(record, s.number)
	record = be.AppendUint16(record, message.sender)
	var flags byte
	if message.keepsEarly {
		flags = flagKeepsEarly
	}
	record = append(record, flags)
	record = be.AppendUint16(record, uint16(len(q.boxes)))
	for _, box := range q.boxes {
		record = s.appendBox(record, boxKey{box.Owner, box.Coordinator})
		record = be.AppendUint64(record, uint64(s.box(box).cursorOf(message)))
	}
	return append(record, message.body...)
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
