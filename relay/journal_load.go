package relay

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"
)

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
func (f *fields) uint32() uint32 { return be.Uint32(f.take(4)) }
func (f *fields) uint64() uint64 { return be.Uint64(f.take(8)) }
func (f *fields) key() Key       { return Key(f.take(32)) }
func (f *fields) id() uuid.UUID  { return uuid.UUID(f.take(16)) }

// end reports whether all fields were there and nothing else.
func (f *fields) end() bool { return !f.broken && len(f.rest) == 0 }

// loader builds a memory store from the records of a journal. Sessions are read
// first, since rows that name them may come before them.
type loader struct {
	*MemoryStore
	bodies   bool // to be kept in memory
	secret   bool // was found
	clock    time.Duration
	spent    map[spentChallenge]time.Duration // until when by the clock
	tokens   map[TokenHash]loadedToken
	sessions map[uint64]*loadedSession // nil: removed
	repeats  map[repeatRow]uint64      // their order
	queues   map[*memoryBox][]numbered
	messages []loadedMessage
}

type loadedToken struct {
	until time.Duration
	owner Key
}

type loadedSession struct {
	*memorySession
	until time.Duration
}

type loadedMessage struct {
	*memoryMessage
	session *memorySession
}

// numbered is a message in a mailbox.
type numbered struct {
	cursor  Cursor
	message *memoryMessage
}

// load reads the journal into the empty store; found tells whether there was
// anything.
func (m *MemoryStore) load(disk Journal, bodies bool) (found bool, err error) {
	l := &loader{
		MemoryStore: m, bodies: bodies,
		spent: map[spentChallenge]time.Duration{}, tokens: map[TokenHash]loadedToken{}, sessions: map[uint64]*loadedSession{},
		repeats: map[repeatRow]uint64{}, queues: map[*memoryBox][]numbered{},
	}
	if err := l.pass(disk, l.first); err != nil {
		return false, err
	}
	if err := l.putAll(); err != nil {
		return false, err
	}
	if err := l.pass(disk, l.second); err != nil {
		return false, err
	}
	if err := l.queueAll(); err != nil {
		return false, err
	}
	l.rememberAll()
	l.journal.dirty = nil // none of this was a change
	clear(l.journal.noted)
	return l.secret, nil
}

// pass reads all rows.
func (l *loader) pass(disk Journal, read func(r *Row, key, value *fields, at position) bool) error {
	j := l.journal
	j.bytes = 0
	return disk.Load(func(number uint64, record []byte) error {
		if j.bytes == 0 {
			j.first = number
		}
		j.next = number + 1
		j.bytes += len(record)
		return readRows(record, func(end int, r Row) error {
			key, value := fields{rest: r.Key}, fields{rest: r.Value}
			if !read(&r, &key, &value, position{number, uint32(end)}) {
				return fmt.Errorf("reading row %x of table %q in record %d: %w", r.Key, r.Table, number, errRecord)
			}
			return nil
		})
	})
}

// whole reports whether a row had all its fields and nothing else.
func whole(key, value *fields) bool { return key.end() && value.end() }

// first reads a row of what names no session, and sessions.
func (l *loader) first(r *Row, key, value *fields, _ position) bool {
	switch r.Table {
	case relayTable:
		return l.relayRow(key, value) && whole(key, value)
	case challengeTable:
		l.spent[spentChallenge{key.id(), key.key()}] = value.time()
		return whole(key, value)
	case tokenTable:
		hash := TokenHash(key.take(32))
		if r.Value == nil {
			delete(l.tokens, hash)
			return key.end()
		}
		l.tokens[hash] = loadedToken{value.time(), value.key()}
		return whole(key, value)
	case sessionTable:
		number := key.uint64()
		if r.Value == nil {
			l.sessions[number] = nil
			return key.end()
		}
		return l.sessionRow(number, value) && whole(key, value)
	}
	return true
}

// second reads a row of what belongs to a session.
func (l *loader) second(r *Row, key, value *fields, end position) bool {
	read, of := l.messageRow, value
	switch r.Table {
	case mailboxTable:
		read, of = l.mailboxRow, key
	case repeatTable:
		read, of = l.repeatRow, key
	case messageTable:
		l.journal.numbers = max(l.journal.numbers, key.uint64())
	default:
		return true
	}
	if r.Value == nil {
		return false
	}
	s, known := l.sessions[of.uint64()]
	if known && s == nil {
		return true // a session that was removed later
	}
	return known && read(s.memorySession, key, value, end) && whole(key, value)
}

func (l *loader) relayRow(key, value *fields) bool {
	switch string(key.take(len(key.rest))) {
	case "clock":
		l.clock = value.time()
		return true
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

// time reads a time by the relay's clock.
func (f *fields) time() time.Duration {
	at := f.uint64()
	f.broken = f.broken || at > maxClock
	return time.Duration(at) * time.Millisecond
}

func (l *loader) sessionRow(number uint64, value *fields) bool {
	until := value.time()
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
	s := newMemorySession(session, time.Time{})
	s.number = number
	s.closed, s.carries = flags&flagClosed != 0, flags&flagCarries != 0
	for len(value.rest) > 0 {
		i := int(value.uint16())
		if i >= len(s.Members) {
			return false
		}
		s.left = append(s.left, s.Members[i])
	}
	l.sessions[number] = &loadedSession{s, until}
	return number != 0 && flags&^(flagClosed|flagCarries) == 0
}

// putAll puts into the store what is not queued in sessions.
func (l *loader) putAll() error {
	j := l.journal
	j.start = time.Now().Add(-l.clock)
	for c, until := range l.spent {
		l.spend(c, j.start.Add(until))
	}
	for hash, t := range l.tokens {
		l.putToken(hash, t.owner, place{}, j.start.Add(t.until))
	}
	for _, tokens := range l.tokensOf {
		slices.SortFunc(tokens, func(a, b TokenHash) int {
			return l.MemoryStore.tokens[a].expiry.at.Compare(l.MemoryStore.tokens[b].expiry.at)
		})
	}
	for _, number := range slices.Sorted(maps.Keys(l.sessions)) {
		j.sessions = number
		s := l.sessions[number]
		if s == nil {
			continue
		}
		if _, twice := l.MemoryStore.sessions[s.ID]; twice {
			return fmt.Errorf("reading session %d: %w", number, errRecord)
		}
		s.expires = j.start.Add(s.until)
		s.saved = s.expires
		l.MemoryStore.put(s.memorySession)
		j.byNumber[number] = s.memorySession
	}
	return nil
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

func (l *loader) mailboxRow(s *memorySession, key, value *fields, _ position) bool {
	name, ok := s.takeBox(key)
	b := s.boxOf(name)
	b.acked, b.handed = Cursor(value.uint64()), Cursor(value.uint64())
	return ok && b.acked <= b.handed && b.handed < HandedOver/2
}

func (l *loader) repeatRow(s *memorySession, key, value *fields, _ position) bool {
	sender, ok := s.memberAt(key.uint16())
	r, order := repeatRow{s, sender, key.id()}, value.uint64()
	l.repeats[r] = max(l.repeats[r], order)
	l.journal.numbers = max(l.journal.numbers, order)
	return ok
}

func (l *loader) messageRow(s *memorySession, _, value *fields, end position) bool {
	message, boxes, ok := s.takeMessage(value)
	if !ok {
		return false
	}
	message.record, message.offset = end.record, end.offset-message.size
	if body := value.take(int(message.size)); l.bodies {
		message.body = slices.Clone(body)
	}
	for _, b := range boxes {
		l.queues[b.memoryBox] = append(l.queues[b.memoryBox], numbered{b.cursor, message})
	}
	l.messages = append(l.messages, loadedMessage{message, s})
	return true
}

// recipient is a mailbox that a message was sent to.
type recipient struct {
	*memoryBox
	cursor Cursor
}

// takeMessage reads a message after its session, up to its body.
func (s *memorySession) takeMessage(value *fields) (*memoryMessage, []recipient, bool) {
	sender, flags, recipients := value.uint16(), value.byte(), value.uint16()
	message := &memoryMessage{sender: sender, recipients: recipients, keepsEarly: flags == flagKeepsEarly}
	if flags != 0 && flags != flagKeepsEarly || int(sender) > len(s.Members) || int(recipients) > len(s.Members) {
		return nil, nil, false
	}
	boxes := make([]recipient, recipients)
	for i := range boxes {
		name, ok := s.takeBox(value)
		cursor := Cursor(value.uint64())
		if !ok || cursor == 0 || cursor >= HandedOver/2 {
			return nil, nil, false
		}
		boxes[i] = recipient{s.boxOf(name), cursor}
	}
	message.size = uint32(len(value.rest))
	return message, boxes, !value.broken && recipients > 0
}

// queueAll puts the messages that are not acknowledged into the mailboxes.
func (l *loader) queueAll() error {
	for b, queue := range l.queues {
		slices.SortFunc(queue, func(a, b numbered) int { return cmp.Compare(a.cursor, b.cursor) })
		for _, n := range queue {
			if n.cursor <= b.acked {
				continue
			}
			b.messages = append(b.messages, n.message)
			b.bytes += n.message.costInBox()
			n.message.holders++
			if n.cursor != b.acked+Cursor(len(b.messages)) {
				return fmt.Errorf("reading message %d of a mailbox: the one before it is missing: %w", n.cursor, errRecord)
			}
		}
		b.offered = max(b.handed, b.acked+Cursor(len(b.messages)))
	}
	for _, message := range l.messages {
		if message.holders == 0 {
			continue
		}
		tally := message.tally()
		message.session.held.add(tally)
		l.charge(message.session, message.session.sender(message.memoryMessage), place{}, tally.bytes)
		l.held.add(tally)
		l.used += tally.bytes
	}
	return nil
}

// rememberAll notes the ids of messages in their order.
func (l *loader) rememberAll() {
	rows := slices.SortedFunc(maps.Keys(l.repeats), func(a, b repeatRow) int { return cmp.Compare(l.repeats[a], l.repeats[b]) })
	for _, r := range rows {
		taken, _ := r.session.remember(r.sender, r.id)
		l.used += taken
		l.charge(r.session, r.sender, place{}, taken)
	}
}
