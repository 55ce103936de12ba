package relay

import (
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
)

// repeatsKept is how many message ids of one sender a session remembers, to
// know a repeated call.
const repeatsKept = 64

// memorySession is a session and its mailboxes.
type memorySession struct {
	*Session
	closed   bool // off its members' lists
	carries  bool // if closed: takes messages still
	expires  time.Time
	expiry   *deadline // set for expires, or for what it was before a renewal
	overhead int       // what the session takes beside its messages, in bytes
	bytes    int       // what its messages take
	messages int       // how many they are
	boxes    map[boxKey]*memoryBox
	repeats  map[Key][]uuid.UUID // the ids of a sender's last messages
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
	bytes    int    // what the messages would take if they were in this mailbox alone
}

// memoryMessage is one message for all mailboxes that hold it.
type memoryMessage struct {
	body       []byte
	sender     uint16 // index in Members; past the end for the coordinator
	recipients uint16
	holders    uint16 // recipients that have not acknowledged it
	keepsEarly bool   // of its sender
}

func newMemorySession(session *Session, expires time.Time) *memorySession {
	return &memorySession{
		Session:  session,
		expires:  expires,
		overhead: sessionCost + memberCost*len(session.Members),
		boxes:    map[boxKey]*memoryBox{},
		repeats:  map[Key][]uuid.UUID{},
	}
}

// ended reports whether the session is closed and takes no more messages.
func (s *memorySession) ended() bool { return s.closed && !s.carries }

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

// remember notes the message's id, in place of the oldest one noted, and
// returns how many bytes that took.
func (s *memorySession) remember(envelope *Envelope) (taken int) {
	if envelope.ID == uuid.Nil {
		return 0
	}
	ids := s.repeats[envelope.Sender]
	if len(ids) == repeatsKept {
		ids = slices.Delete(ids, 0, 1)
	} else {
		taken = repeatCost
	}
	s.repeats[envelope.Sender] = append(ids, envelope.ID)
	s.overhead += taken
	return taken
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
		sender:     uint16(sender),
		recipients: uint16(recipients),
		holders:    uint16(recipients),
		keepsEarly: envelope.KeepsEarly,
	}
}

// cost is what the message takes in all its mailboxes, in bytes.
func (m *memoryMessage) cost() int {
	return len(m.body) + messageCost + recipientCost*int(m.recipients)
}

// costInBox is what the message would take in one mailbox alone, in bytes.
func (m *memoryMessage) costInBox() int { return len(m.body) + messageCost + recipientCost }

// roomFor checks the limits on queued messages.
func (s *memorySession) roomFor(boxes []Mailbox, message *memoryMessage, limits *Limits) error {
	if s.bytes+message.cost() > limits.SessionBytes {
		return errSessionFull
	}
	for _, box := range boxes {
		b := s.box(box)
		if b != nil && b.bytes+message.costInBox() > limits.QueueBytes {
			return errQueueFull
		}
	}
	return nil
}

func (s *memorySession) box(box Mailbox) *memoryBox {
	return s.boxes[boxKey{box.Owner, box.Coordinator}]
}

// queue puts the message into the mailboxes.
func (s *memorySession) queue(boxes []Mailbox, message *memoryMessage) {
	s.bytes += message.cost()
	s.messages++
	for _, box := range boxes {
		b := s.box(box)
		if b == nil {
			b = &memoryBox{}
			s.boxes[boxKey{box.Owner, box.Coordinator}] = b
		}
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
// returns how many bytes and whole messages that gave back.
func (s *memorySession) acknowledge(box Mailbox, after Cursor) (freed, messages int) {
	b := s.box(box)
	if b == nil {
		return 0, 0
	}
	for ; b.acked < min(after, b.handed); b.acked++ {
		message := b.messages[0]
		b.messages[0] = nil
		b.messages = b.messages[1:]
		b.bytes -= message.costInBox()
		if message.holders--; message.holders == 0 {
			freed += message.cost()
			messages++
		}
	}
	if len(b.messages) == 0 {
		b.messages = nil
	}
	s.bytes -= freed
	s.messages -= messages
	return freed, messages
}

// next hands over the first messages of a mailbox, up to page bytes but at
// least one, with the cursor of the last.
func (s *memorySession) next(box Mailbox, page int) ([]StoredMessage, Cursor) {
	b := s.box(box)
	if b == nil || len(b.messages) == 0 {
		return nil, 0
	}
	count, bytes := 0, 0
	for count < len(b.messages) && (count == 0 || bytes+len(b.messages[count].body) <= page) {
		bytes += len(b.messages[count].body)
		count++
	}
	out := make([]StoredMessage, count)
	for i, message := range b.messages[:count] {
		out[i] = StoredMessage{s.sender(message), message.body, message.keepsEarly}
	}
	last := b.acked + Cursor(count)
	b.handed = max(b.handed, last)
	return out, last
}
