package relay

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Send implements [Store].
func (m *MemoryStore) Send(_ context.Context, envelope *Envelope, limits *Limits) error {
	_, err := m.queue(envelope, limits, false)
	return err
}

// queued is a message in its mailboxes.
type queued struct {
	session *memorySession
	message *memoryMessage
	boxes   []Mailbox
}

// queue is Send; a hidden message is not handed over before it is shown. It
// returns nil for a repeated call.
func (m *MemoryStore) queue(envelope *Envelope, limits *Limits, hidden bool) (*queued, error) {
	now := m.lock()
	defer m.mu.Unlock()
	s, ok := m.visible(envelope.Session)
	switch {
	case !ok:
		return nil, ErrSessionNotFound
	case s.repeated(envelope):
		return nil, nil
	case s.ended():
		return nil, ErrSessionNotFound
	}
	boxes := s.recipients(envelope)
	message := s.newMessage(envelope, len(boxes))
	if err := s.roomFor(boxes, message, limits); err != nil {
		return nil, err
	}
	if err := m.roomOf(envelope.Sender, envelope.From, message.cost(), limits); err != nil {
		return nil, err
	}
	message.hidden = hidden
	m.used += message.cost() + m.remember(s, envelope)
	m.charge(s, envelope.Sender, message.from, message.cost())
	m.held.add(message.tally())
	s.queue(boxes, message)
	q := &queued{s, message, boxes}
	m.journal.queued(q)
	m.renew(s, now, limits)
	if !hidden {
		m.wakers.Wake(boxes...)
	}
	return q, nil
}

// remember notes a message's id, and returns how many bytes that took.
func (m *MemoryStore) remember(s *memorySession, envelope *Envelope) (taken int) {
	if envelope.ID == uuid.Nil {
		return 0
	}
	m.journal.touch(repeatRow{s, envelope.Sender, envelope.ID})
	taken, forgotten := s.remember(envelope.Sender, envelope.ID)
	m.charge(s, envelope.Sender, place{}, taken)
	if taken == 0 {
		m.journal.touch(repeatRow{s, envelope.Sender, forgotten})
	}
	return taken
}

// renewals is how many parts of its life a session may grow younger by before
// that is made durable.
const renewals = 64

// renew lets an open session live on.
func (m *MemoryStore) renew(s *memorySession, now time.Time, limits *Limits) {
	if s.closed {
		return
	}
	s.expires = now.Add(limits.SessionIdle)
	if s.expires.Sub(s.saved) > limits.SessionIdle/renewals {
		m.journal.touch(s)
	}
}

// Receive implements [Store].
func (m *MemoryStore) Receive(_ context.Context, box Mailbox, after Cursor, limits *Limits) ([]StoredMessage, Cursor, error) {
	p, err := m.page(box, after, limits)
	return p.messages, p.last, err
}

// page is Receive, but that a page with bodies that are away is yet to be
// handed over.
func (m *MemoryStore) page(box Mailbox, after Cursor, limits *Limits) (p page, err error) {
	now := m.lock()
	defer m.mu.Unlock()
	s, ok := m.visible(box.Session)
	if !ok {
		return p, ErrSessionNotFound
	}
	freed := s.acknowledge(box, after, m.journal, func(message *memoryMessage) { m.release(s, message) })
	m.used -= freed.bytes
	m.held.remove(freed)
	p = s.next(box, limits.PageBytes)
	switch {
	case len(p.messages) > 0:
		m.renew(s, now, limits)
		if len(p.away) == 0 {
			s.handOver(box, &p, m.journal)
		}
	case s.ended() && !s.hides(box):
		if s.done() {
			m.remove(s)
		}
		return p, ErrSessionNotFound
	}
	return p, nil
}

// handOver hands over a page, unless another call came between.
func (m *MemoryStore) handOver(box Mailbox, p *page) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.visible(box.Session)
	return ok && s.handOver(box, p, m.journal)
}
