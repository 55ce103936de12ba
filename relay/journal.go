package relay

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The tables of a [Journal].
const (
	relayTable     = "relay"      // "secret" and "clock"
	challengeTable = "challenges" // that were used
	tokenTable     = "tokens"
	sessionTable   = "sessions"
	mailboxTable   = "mailboxes"
	repeatTable    = "repeats" // ids of messages
	messageTable   = "messages"
)

// Tables returns the names of the tables that a [Journal] has, in the order in
// which it is read.
func Tables() []string {
	return []string{relayTable, challengeTable, tokenTable, sessionTable, mailboxTable, repeatTable, messageTable}
}

// Row is a row of a journal's table, or, with a nil Value, its removal.
type Row struct {
	Table string
	Key   []byte // unique in its table
	Value []byte
}

// Journal keeps rows on a disk.
type Journal interface {
	// Load calls yield with every row, table by table in the order of Tables, in
	// each by ascending keys, and returns the first error. Key and Value are
	// valid until yield returns.
	Load(yield func(Row) error) error
	// Commit writes rows, later ones over earlier ones: all of them, and so that a
	// power cut loses none, or, when it fails, none.
	Commit(rows []Row) error
	// Close releases the journal.
	Close() error
}

// journal notes what of a memory store differs from what is durable. What is
// noted is a name; what is written is what then goes by it.
type journal struct {
	dirty    []any // in the order of the changes
	noted    map[any]struct{}
	start    time.Time // when the relay's clock was zero; it stands still while no relay runs
	sessions uint64    // the last number given
	numbers  uint64    // the last number given to a message, or to its id
	messages map[*memoryMessage]*journaledMessage
}

// journaledMessage is what the journal knows of a message that is not removed.
type journaledMessage struct {
	number  uint64
	session *memorySession
	boxes   []Mailbox // until it is durable
}

// Names of what can change, beside spentChallenge, TokenHash, *memorySession
// and *memoryMessage.
type (
	boxRow struct {
		session *memorySession
		box     boxKey
	}
	repeatRow struct {
		session *memorySession
		sender  Key
		id      uuid.UUID
	}
)

func newJournal() *journal {
	return &journal{noted: map[any]struct{}{}, start: time.Now(), messages: map[*memoryMessage]*journaledMessage{}}
}

// touch notes a change.
func (j *journal) touch(name any) {
	if j == nil {
		return
	}
	if _, noted := j.noted[name]; !noted {
		j.noted[name] = struct{}{}
		j.dirty = append(j.dirty, name)
	}
}

// touchAll notes a session with all that it holds.
func (j *journal) touchAll(s *memorySession) {
	if j == nil {
		return
	}
	j.touch(s)
	for key, b := range s.boxes {
		j.touch(boxRow{s, key})
		for _, message := range b.messages {
			j.touch(message)
		}
	}
	for sender, ids := range s.repeats {
		for _, id := range ids {
			j.touch(repeatRow{s, sender, id})
		}
	}
}

// queued notes a new message.
func (j *journal) queued(s *memorySession, message *memoryMessage, boxes []Mailbox) {
	if j == nil {
		return
	}
	j.numbers++
	j.messages[message] = &journaledMessage{j.numbers, s, boxes}
	j.touch(message)
}

// take returns the rows of all changes, and their names.
func (j *journal) take(m *MemoryStore) (rows []Row, names []any) {
	names = j.dirty
	j.dirty = nil
	clear(j.noted)
	rows = make([]Row, 0, len(names)+1)
	for _, name := range names {
		rows = append(rows, j.row(m, name))
	}
	return append(rows, Row{relayTable, []byte("clock"), j.sinceStart(time.Now())}), names
}

// giveBack notes again what could not be written.
func (j *journal) giveBack(names []any) {
	later := j.dirty
	j.dirty = nil
	clear(j.noted)
	for _, name := range slices.Concat(names, later) {
		j.touch(name)
	}
}

// written forgets what the journal knew of messages that are removed.
func (j *journal) written(rows []Row, names []any) {
	for i, name := range names {
		message, ok := name.(*memoryMessage)
		switch {
		case !ok:
		case rows[i].Value == nil:
			delete(j.messages, message)
		default:
			j.messages[message].boxes = nil
		}
	}
}

// sinceStart encodes a time by the relay's clock: 8 bytes, milliseconds.
func (j *journal) sinceStart(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, t.Sub(j.start).Milliseconds())))
}

// row encodes what goes by name in the store.
func (j *journal) row(m *MemoryStore, name any) Row {
	switch name := name.(type) {
	case spentChallenge:
		return j.challengeRow(m, name)
	case TokenHash:
		return j.tokenRow(m, name)
	case *memorySession:
		return j.sessionRow(m, name)
	case boxRow:
		return j.mailboxRow(m, name)
	case repeatRow:
		return j.repeatRow(m, name)
	case *memoryMessage:
		return j.messageRow(m, name)
	}
	panic("relay: internal error: no row for what changed")
}
