package relay

import (
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Journal is a log on a disk: records of bytes, numbered from 1 without a gap
// but at the beginning, where they are removed.
type Journal interface {
	// Load calls yield with every record, in order, and returns the first error. A
	// record is valid until yield returns.
	Load(yield func(number uint64, record []byte) error) error
	// Commit adds records and removes old ones: all of it, and so that a power cut
	// undoes none, or, when it fails, nothing that a later Commit does not undo.
	Commit(c Commit) error
	// Read calls use with a record, which is valid until use returns. It fails with
	// [ErrNoRecord], and with the error of use. It may be called while Commit runs.
	Read(number uint64, use func(record []byte) error) error
	// Close releases the journal.
	Close() error
}

// Commit says what a [Journal] is to hold.
type Commit struct {
	Records [][]byte // to add
	Number  uint64   // of the first of Records; what has that number or a higher one is not to count
	First   uint64   // below which all are to be removed
}

// ErrNoRecord says that a [Journal] has no record of a number.
var ErrNoRecord = errors.New("no such record")

// recordBytes is how long a record is at least, unless it is the last of its
// commit. A body is read with its whole record.
const recordBytes = 128 << 10

// journal notes what of a memory store differs from what is durable. What is
// noted is a name; what is written is what then goes by it.
type journal struct {
	dirty    []any // in the order of the changes
	noted    map[any]struct{}
	start    time.Time // when the relay's clock was zero; it stands still while no relay runs
	sessions uint64    // the last number given
	numbers  uint64    // the last number given to a message, or to its id
	byNumber map[uint64]*memorySession
	log
}

// log is what the journal knows of its records. It goes by the commits that
// succeeded, and is used by the goroutine that commits alone.
type log struct {
	first, next uint64 // the numbers of the oldest record and of the one to come
	bytes       int    // of all records
	last        int    // bytes of the last commit
}

// position is where a message's body is on the disk.
type position struct {
	record uint64
	offset uint32 // in bytes, in the record
}

// Names of what can change, beside spentChallenge, TokenHash, *memorySession
// and *queued.
type (
	secretName struct{}
	boxRow     struct {
		session *memorySession
		box     boxKey
	}
	repeatRow struct {
		session *memorySession
		sender  Key
		id      uuid.UUID
	}
	carriedRow struct { // a row as an older record has it
		row     Row
		message *memoryMessage // of the row, or nil
	}
)

func newJournal() *journal {
	return &journal{
		noted: map[any]struct{}{}, start: time.Now(), byNumber: map[uint64]*memorySession{},
		log: log{first: 1, next: 1},
	}
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

// queued notes a new message.
func (j *journal) queued(q *queued) {
	if j != nil {
		j.dirty = append(j.dirty, q)
	}
}

// batch is what is committed at once.
type batch struct {
	Commit
	names   []any
	placed  []placed
	open    []byte // the record being filled
	dropped int    // bytes of the records that the commit removes
}

// placed says where a message's body will be.
type placed struct {
	message *memoryMessage
	at      position
}

// take returns all changes, and has the oldest records removed with them.
func (j *journal) take(m *MemoryStore, oldest [][]byte) *batch {
	b := &batch{Commit: Commit{Number: j.next, First: j.first + uint64(len(oldest))}, names: j.dirty}
	for _, record := range oldest {
		b.dropped += len(record)
	}
	j.dirty = nil
	clear(j.noted)
	for _, name := range b.names {
		b.add(j, m, name)
	}
	b.open = Row{relayTable, []byte("clock"), j.sinceStart(time.Now())}.Append(b.open)
	b.Records = append(b.Records, b.open)
	return b
}

// add adds the row of a name.
func (b *batch) add(j *journal, m *MemoryStore, name any) {
	if len(b.open) >= recordBytes {
		b.Records = append(b.Records, b.open)
		b.open = nil
	}
	switch name := name.(type) {
	case *queued:
		if name.message.holders > 0 && m.alive(name.session) {
			b.open = j.appendMessage(b.open, name)
			b.place(name.message)
		}
	case carriedRow:
		b.open = name.row.Append(b.open)
		if name.message != nil {
			b.place(name.message)
		}
	default:
		if row := j.row(m, name); row.Key != nil {
			b.open = row.Append(b.open)
		}
	}
}

// place notes where a message is whose row, which ends with its body, was added
// last.
func (b *batch) place(message *memoryMessage) {
	at := position{b.Number + uint64(len(b.Records)), uint32(len(b.open)) - message.size}
	b.placed = append(b.placed, placed{message, at})
}

// giveBack notes again what could not be written. What was carried is still
// where it was.
func (j *journal) giveBack(b *batch) {
	later := j.dirty
	j.dirty = nil
	clear(j.noted)
	for _, name := range slices.Concat(b.names, later) {
		switch name := name.(type) {
		case carriedRow:
		case *queued:
			j.queued(name)
		default:
			j.touch(name)
		}
	}
}

// written notes that a batch is durable.
func (j *journal) written(b *batch) {
	for _, p := range b.placed {
		p.message.record, p.message.offset = p.at.record, p.at.offset
	}
	j.last = 0
	for _, record := range b.Records {
		j.last += len(record)
	}
	j.bytes += j.last - b.dropped
	j.first, j.next = b.First, b.Number+uint64(len(b.Records))
}

// slack is how long a log may be whatever it holds, in bytes.
const slack = 4 << 20

// surplus is how many bytes of the oldest records are to be removed by the next
// commit, if what counts takes so many bytes: none while no more than a third
// of the log is of no use, and then more than three times what a commit adds,
// since up to two thirds of them are added again.
func (l *log) surplus(used int) int {
	if l.bytes <= used+used/2+slack {
		return 0
	}
	return 4*l.last + slack/64
}

// sinceStart encodes a time by the relay's clock: 8 bytes, milliseconds.
func (j *journal) sinceStart(t time.Time) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(max(0, t.Sub(j.start).Milliseconds())))
}

// row encodes what goes by a name in the store; without a key there is nothing
// to write.
func (j *journal) row(m *MemoryStore, name any) Row {
	switch name := name.(type) {
	case secretName:
		return Row{relayTable, []byte("secret"), m.secret[:]}
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
	}
	panic("relay: internal error: no row for what changed")
}
