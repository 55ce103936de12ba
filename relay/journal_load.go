package relay

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

// errRow says that a row is not one that this version writes.
var errRow = errors.New("not a row of this version")

// fields reads the fields of a row; what is missing leaves it broken.
type fields struct {
	rest   []byte
	broken bool
}

func (f *fields) take(n int) []byte {
	if len(f.rest) < n {
		f.broken, f.rest = true, nil
		return make([]byte, n)
	}
	out := f.rest[:n]
	f.rest = f.rest[n:]
	return out
}

func (f *fields) byte() byte     { return f.take(1)[0] }
func (f *fields) uint16() uint16 { return be.Uint16(f.take(2)) }
func (f *fields) uint64() uint64 { return be.Uint64(f.take(8)) }
func (f *fields) key() Key       { return Key(f.take(32)) }
func (f *fields) id() uuid.UUID  { return uuid.UUID(f.take(16)) }

// end reports whether all fields were there and nothing else.
func (f *fields) end() bool { return !f.broken && len(f.rest) == 0 }

// loader builds a memory store from the rows of a journal.
type loader struct {
	*MemoryStore
	secret   bool
	byNumber map[uint64]*memorySession
	repeats  map[*memorySession]map[Key][]orderedID
}

type orderedID struct {
	order uint64
	id    uuid.UUID
}

// load reads the journal into the empty store; found tells whether there was
// anything.
func (m *MemoryStore) load(journal Journal) (found bool, err error) {
	l := &loader{m, false, map[uint64]*memorySession{}, map[*memorySession]map[Key][]orderedID{}}
	err = journal.Load(func(r Row) error {
		key, value := fields{rest: r.Key}, fields{rest: r.Value}
		if !l.row(r.Table, &key, &value) || !key.end() || !value.end() {
			return fmt.Errorf("reading row %x of table %q: %w", r.Key, r.Table, errRow)
		}
		return nil
	})
	l.finish()
	return l.secret, err
}

// row reads one row.
func (l *loader) row(table string, key, value *fields) bool {
	switch table {
	case relayTable:
		return l.relayRow(key, value)
	case challengeTable:
		l.spend(spentChallenge{key.id(), key.key()}, l.until(value))
		return true
	case tokenTable:
		hash, until := TokenHash(key.take(32)), l.until(value)
		l.putToken(hash, value.key(), until)
		return true
	case sessionTable:
		return l.sessionRow(key.uint64(), value)
	case mailboxTable:
		return l.mailboxRow(key, value)
	case repeatTable:
		return l.repeatRow(key, value)
	case messageTable:
		return l.messageRow(key.uint64(), value)
	}
	return false
}

func (l *loader) relayRow(key, value *fields) bool {
	switch string(key.take(len(key.rest))) {
	case "clock":
		clock := value.uint64()
		l.journal.start = time.Now().Add(-time.Duration(clock) * time.Millisecond)
		return clock <= maxClock
	case "secret":
		copy(l.MemoryStore.secret[:], value.take(32))
		l.secret = true
		return true
	}
	return false
}

// maxClock is the last time that a clock of int64 nanoseconds can tell, in
// milliseconds, half of it to add to.
const maxClock = math.MaxInt64 / uint64(time.Millisecond) / 2

func (l *loader) until(value *fields) time.Time {
	at := value.uint64()
	value.broken = value.broken || at > maxClock
	return l.journal.deadlineAt(at)
}

func (l *loader) sessionRow(number uint64, value *fields) bool {
	until := l.until(value)
	session := &Session{ID: value.id()}
	flags := value.byte()
	session.MessageCount = value.byte()
	session.Coordinator = value.key()
	for range value.uint16() {
		session.Members = append(session.Members, value.key())
		if value.broken {
			return false
		}
	}
	s := newMemorySession(session, until)
	s.saved, s.number = until, number
	s.closed, s.carries = flags&flagClosed != 0, flags&flagCarries != 0
	for len(value.rest) > 0 {
		i := int(value.uint16())
		if i >= len(s.Members) {
			return false
		}
		s.left = append(s.left, s.Members[i])
	}
	_, twice := l.sessions[s.ID]
	if twice || number == 0 || value.broken || flags&^(flagClosed|flagCarries) != 0 {
		return false
	}
	l.put(s)
	l.byNumber[number] = s
	l.journal.sessions = number
	return true
}

// memberAt returns the member or coordinator of an index.
func (s *memorySession) memberAt(i uint16) (Key, bool) {
	switch {
	case int(i) < len(s.Members):
		return s.Members[i], true
	case int(i) == len(s.Members):
		return s.Coordinator, true
	}
	return Key{}, false
}

// takeBox reads a mailbox of the session.
func (s *memorySession) takeBox(f *fields) (boxKey, bool) {
	owner, ok := s.memberAt(f.uint16())
	flags := f.byte()
	return boxKey{owner, flags == flagCoordinator}, ok && flags <= flagCoordinator
}

func (l *loader) mailboxRow(key, value *fields) bool {
	s := l.byNumber[key.uint64()]
	if s == nil {
		return false
	}
	box, ok := s.takeBox(key)
	b := &memoryBox{acked: Cursor(value.uint64()), handed: Cursor(value.uint64())}
	if !ok || b.handed < b.acked || b.handed >= HandedOver/2 {
		return false
	}
	s.boxes[box] = b
	return true
}

func (l *loader) repeatRow(key, value *fields) bool {
	s := l.byNumber[key.uint64()]
	if s == nil {
		return false
	}
	sender, ok := s.memberAt(key.uint16())
	of := l.repeats[s]
	if of == nil {
		of = map[Key][]orderedID{}
		l.repeats[s] = of
	}
	order := value.uint64()
	of[sender] = append(of[sender], orderedID{order, key.id()})
	l.journal.numbers = max(l.journal.numbers, order)
	return ok
}

func (l *loader) messageRow(number uint64, value *fields) bool {
	s := l.byNumber[value.uint64()]
	if s == nil {
		return false
	}
	sender, flags, recipients := value.uint16(), value.byte(), value.uint16()
	message := &memoryMessage{sender: sender, recipients: recipients, keepsEarly: flags == flagKeepsEarly}
	if flags != 0 && flags != flagKeepsEarly || int(sender) > len(s.Members) {
		return false
	}
	var holders []*memoryBox
	for range recipients {
		b, ok := l.holder(s, value)
		if !ok || value.broken {
			return false
		}
		if b != nil {
			holders = append(holders, b)
		}
	}
	message.body = slices.Clone(value.take(len(value.rest)))
	message.holders = uint16(len(holders))
	l.hold(s, message, holders)
	l.journal.messages[message] = &journaledMessage{number: number, session: s}
	l.journal.numbers = max(l.journal.numbers, number)
	return len(holders) > 0
}

// holder reads a recipient of a message, and returns its mailbox if it has not
// acknowledged the message.
func (l *loader) holder(s *memorySession, value *fields) (*memoryBox, bool) {
	key, ok := s.takeBox(value)
	cursor := Cursor(value.uint64())
	b := s.boxes[key]
	if b == nil {
		b = &memoryBox{}
		s.boxes[key] = b
	}
	switch {
	case cursor <= b.acked:
		return nil, ok
	case cursor != b.acked+Cursor(len(b.messages))+1:
		return nil, false // a message is missing
	}
	return b, ok
}

// hold puts a message into the mailboxes.
func (l *loader) hold(s *memorySession, message *memoryMessage, holders []*memoryBox) {
	s.bytes += message.cost()
	s.messages++
	l.used += message.cost()
	l.messages++
	for _, b := range holders {
		b.messages = append(b.messages, message)
		b.bytes += message.costInBox()
		b.offered = max(b.handed, b.acked+Cursor(len(b.messages)))
	}
}

// finish puts into order what the rows are not ordered by, and forgets that all
// this was a change.
func (l *loader) finish() {
	for _, tokens := range l.tokensOf {
		slices.SortFunc(tokens, func(a, b TokenHash) int { return l.tokens[a].expiry.at.Compare(l.tokens[b].expiry.at) })
	}
	for s, of := range l.repeats {
		for sender, ids := range of {
			slices.SortFunc(ids, func(a, b orderedID) int { return cmp.Compare(a.order, b.order) })
			for _, entry := range ids {
				taken, _ := s.remember(sender, entry.id)
				l.used += taken
			}
		}
	}
	l.journal.dirty = nil
	clear(l.journal.noted)
}
