package relay

import (
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// memorySession is a session and its mailboxes.
type memorySession struct {
	*Session
	closed   bool // off its members' lists
	carries  bool // if closed: takes messages still
	hidden   bool // not yet durable
	expires  time.Time
	saved    time.Time // expires as it is durable
	expiry   *deadline // set for expires, or for what it was before a renewal
	overhead int       // what the session takes beside its messages, in bytes
	held     tally     // its messages
	boxes    map[boxKey]*memoryBox
	repeats  map[Key][]uuid.UUID // the ids of a sender's last messages
	left     []Key               // members that took it off their lists
	number   uint64              // in the journal
	charges  map[charged]int     // who is counted for its overhead, its messages and their ids, in bytes
}

type boxKey struct {
	owner       Key
	coordinator bool
}

// memoryBox is a mailbox: the messages that are not acknowledged, in order.
type memoryBox struct {
	messages []*memoryMessage
	acked    Cursor // the message before messages[0]
	handed   Cursor // the last message handed over
	offered  Cursor // the last that may have been handed over before a restart
	bytes    int    // what the messages would take if they were in this mailbox alone
}

// tally counts messages.
type tally struct {
	bytes    int // what they take
	messages int // how many they are
	away     int // of bytes: bodies that are not in memory
}

func (t *tally) add(more tally) {
	t.bytes += more.bytes
	t.messages += more.messages
	t.away += more.away
}

func (t *tally) remove(less tally) { t.add(tally{-less.bytes, -less.messages, -less.away}) }

// memoryMessage is one message for all mailboxes that hold it.
type memoryMessage struct {
	body       []byte // nil if it is on the disk alone
	record     uint64 // of the journal that has the body, once it is durable
	offset     uint32 // of the body in it
	size       uint32 // of the body
	sender     uint16 // index in Members; past the end for the coordinator
	recipients uint16
	holders    uint16 // recipients that have not acknowledged it
	from       place  // where its sender called from
	keepsEarly bool   // of its sender
	hidden     bool   // not yet durable
}

func newMemorySession(session *Session, expires time.Time) *memorySession {
	return &memorySession{
		Session:  session,
		expires:  expires,
		overhead: SessionCost + MemberCost*len(session.Members),
		boxes:    map[boxKey]*memoryBox{},
		repeats:  map[Key][]uuid.UUID{},
		charges:  map[charged]int{},
	}
}

// ended reports whether the session is closed and takes no more messages.
func (s *memorySession) ended() bool { return s.closed && !s.carries }

// done reports whether nothing is queued, and no call that may be repeated is
// remembered.
func (s *memorySession) done() bool { return s.held.messages == 0 && len(s.repeats) == 0 }

// everybody yields the members, and the coordinator if it is none of them.
func (s *memorySession) everybody() iter.Seq[Key] {
	return func(yield func(Key) bool) {
		for _, k := range s.Members {
			if !yield(k) {
				return
			}
		}
		if !s.HasMember(s.Coordinator) {
			yield(s.Coordinator)
		}
	}
}

// repeated reports whether a message with the envelope's id is queued already.
func (s *memorySession) repeated(envelope *Envelope) bool {
	return envelope.ID != uuid.Nil && slices.Contains(s.repeats[envelope.Sender], envelope.ID)
}

// remember notes the id of a sender's message, and returns how many bytes that
// took; if none, it is in place of the oldest one, which is forgotten.
func (s *memorySession) remember(sender Key, id uuid.UUID) (taken int, forgotten uuid.UUID) {
	ids := s.repeats[sender]
	if len(ids) == RepeatsKept {
		forgotten = ids[0]
		ids = slices.Delete(ids, 0, 1)
	} else {
		taken = RepeatCost
	}
	s.repeats[sender] = append(ids, id)
	s.overhead += taken
	return taken, forgotten
}

// forget forgets the id of a message that was not stored after all, and returns
// how many bytes that gave back.
func (s *memorySession) forget(sender Key, id uuid.UUID) (freed int) {
	ids := s.repeats[sender]
	i := slices.Index(ids, id)
	if i < 0 {
		return 0
	}
	s.repeats[sender] = slices.Delete(ids, i, i+1)
	s.overhead -= RepeatCost
	return RepeatCost
}

// recipients returns the mailboxes of an envelope.
func (s *memorySession) recipients(envelope *Envelope) []Mailbox {
	if len(envelope.Recipients) == 0 {
		return []Mailbox{{s.ID, s.Coordinator, true}}
	}
	boxes := make([]Mailbox, len(envelope.Recipients))
	for i, k := range envelope.Recipients {
		boxes[i] = Mailbox{s.ID, k, false}
	}
	return boxes
}

func (s *memorySession) newMessage(envelope *Envelope, recipients int) *memoryMessage {
	sender := slices.Index(s.Members, envelope.Sender)
	if sender < 0 {
		sender = len(s.Members)
	}
	return &memoryMessage{
		body:       envelope.Body,
		size:       uint32(len(envelope.Body)),
		sender:     uint16(sender),
		recipients: uint16(recipients),
		holders:    uint16(recipients),
		keepsEarly: envelope.KeepsEarly,
		from:       placeOf(envelope.From),
	}
}

// cost is what the message takes in all its mailboxes, in bytes.
func (m *memoryMessage) cost() int {
	return int(m.size) + MessageCost + RecipientCost*int(m.recipients)
}

// costInBox is what the message would take in one mailbox alone, in bytes.
func (m *memoryMessage) costInBox() int { return int(m.size) + MessageCost + RecipientCost }

// away reports whether the body is on the disk alone.
func (m *memoryMessage) away() bool { return m.body == nil && m.size > 0 }

// tally counts the message.
func (m *memoryMessage) tally() tally {
	t := tally{bytes: m.cost(), messages: 1}
	if m.away() {
		t.away = int(m.size)
	}
	return t
}

// roomFor checks the limits on queued messages.
func (s *memorySession) roomFor(boxes []Mailbox, message *memoryMessage, limits *Limits) error {
	if s.held.bytes+message.cost() > limits.SessionBytes {
		return ErrSessionFull
	}
	for _, box := range boxes {
		b := s.box(box)
		if b != nil && b.bytes+message.costInBox() > limits.QueueBytes {
			return ErrQueueFull
		}
	}
	return nil
}

func (s *memorySession) box(box Mailbox) *memoryBox {
	return s.boxes[boxKey{box.Owner, box.Coordinator}]
}

// boxOf is box, with the mailbox made if it is missing.
func (s *memorySession) boxOf(key boxKey) *memoryBox {
	b := s.boxes[key]
	if b == nil {
		b = &memoryBox{}
		s.boxes[key] = b
	}
	return b
}

// queue puts the message into the mailboxes.
func (s *memorySession) queue(boxes []Mailbox, message *memoryMessage) {
	s.held.add(message.tally())
	for _, box := range boxes {
		b := s.boxOf(boxKey{box.Owner, box.Coordinator})
		b.messages = append(b.messages, message)
		b.bytes += message.costInBox()
	}
}

// sender returns the key of a message's sender.
func (s *memorySession) sender(message *memoryMessage) Key {
	if int(message.sender) < len(s.Members) {
		return s.Members[message.sender]
	}
	return s.Coordinator
}

// acknowledge removes the messages up to after that were handed over, and
// returns those that no mailbox holds any more, of each of which it tells.
func (s *memorySession) acknowledge(box Mailbox, after Cursor, j *journal, free func(*memoryMessage)) (freed tally) {
	b := s.box(box)
	if b == nil {
		return freed
	}
	handed := b.handed
	if after != HandedOver {
		handed = max(handed, b.offered)
	}
	last := min(after, handed)
	if b.acked < last {
		j.touch(boxRow{s, boxKey{box.Owner, box.Coordinator}})
	}
	for ; b.acked < last; b.acked++ {
		message := b.messages[0]
		b.messages[0] = nil
		b.messages = b.messages[1:]
		b.bytes -= message.costInBox()
		if message.holders--; message.holders == 0 {
			freed.add(message.tally())
			free(message)
		}
	}
	b.handed = max(b.handed, b.acked)
	if len(b.messages) == 0 {
		b.messages = nil
	}
	s.held.remove(freed)
	return freed
}

// page is what a call hands over.
type page struct {
	messages []StoredMessage
	last     Cursor // of the messages
	away     []away
}

// away is a message of a page whose body is on the disk alone.
type away struct {
	index int
	at    position
	size  uint32
}

// next returns the first messages of a mailbox, up to bytes but at least one.
func (s *memorySession) next(box Mailbox, bytes int) (p page) {
	b := s.box(box)
	if b == nil {
		return p
	}
	count, size := 0, 0
	for ; count < len(b.messages) && !b.messages[count].hidden; count++ {
		size += int(b.messages[count].size)
		if count > 0 && size > bytes {
			break
		}
	}
	if count == 0 {
		return p
	}
	p.messages = make([]StoredMessage, count)
	p.last = b.acked + Cursor(count)
	for i, message := range b.messages[:count] {
		p.messages[i] = StoredMessage{s.sender(message), message.body, message.keepsEarly}
		if message.away() {
			p.away = append(p.away, away{i, position{message.record, message.offset}, message.size})
		}
	}
	return p
}

// handOver notes that a page is handed over; it reports whether the mailbox
// still begins with it.
func (s *memorySession) handOver(box Mailbox, p *page, j *journal) bool {
	b := s.box(box)
	if b == nil || b.acked+Cursor(len(p.messages)) != p.last {
		return false
	}
	if p.last > b.handed {
		b.handed = p.last
		j.touch(boxRow{s, boxKey{box.Owner, box.Coordinator}})
	}
	return true
}

// hides reports whether the mailbox holds messages that are not yet durable.
func (s *memorySession) hides(box Mailbox) bool {
	b := s.box(box)
	return b != nil && len(b.messages) > 0
}

// withdraw takes a hidden message out of its mailboxes.
func (s *memorySession) withdraw(message *memoryMessage, boxes []Mailbox) {
	for _, box := range boxes {
		b := s.box(box)
		for i := len(b.messages) - 1; i >= 0; i-- {
			if b.messages[i] == message {
				b.messages = slices.Delete(b.messages, i, i+1)
				b.bytes -= message.costInBox()
				break
			}
		}
	}
	message.holders = 0
	s.held.remove(message.tally())
}
