package protocol

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"time"

	"frostkit/commkey"
)

// Hub carries messages in memory, for tests and rehearsals, with frostd's two
// mailboxes: what a member sends to nobody in particular goes to the
// coordinator's, all else to the recipient's own.
type Hub struct {
	mu    sync.Mutex
	boxes map[commkey.PublicKey]*queue // the coordinator's has the zero key
	fault Fault
}

// queue holds what was delivered and not yet received.
type queue struct {
	messages []Message
	arrived  chan struct{} // holds a token while there may be messages
}

// Envelope is a message on its way through a [Hub].
type Envelope struct {
	From commkey.PublicKey
	// To is the recipient, zero for the coordinator.
	To      commkey.PublicKey
	Payload []byte
}

// Delivery is what a [Fault] lets arrive of a message.
type Delivery struct {
	Payload []byte
	Delay   time.Duration
}

// Fault decides what arrives of a message: nothing, the payload, another one,
// several, now or later. It may keep and change the payload. A Hub calls it for
// one message at a time.
type Fault func(Envelope) []Delivery

// NewHub returns a Hub without mail.
func NewHub() *Hub {
	return &Hub{boxes: make(map[commkey.PublicKey]*queue), fault: Deliver}
}

// Endpoint returns the hub as one member sees it, as the session's coordinator
// or not. A coordinator who is also a member has an endpoint for each role.
func (h *Hub) Endpoint(key commkey.PublicKey, coordinator bool) Transport {
	e := &endpoint{hub: h, self: key, box: key}
	if coordinator {
		e.box = commkey.PublicKey{}
	}
	return e
}

// Intercept makes every message go through a fault from now on.
func (h *Hub) Intercept(f Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

func (h *Hub) send(e Envelope) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, d := range h.fault(e) {
		m := Message{From: e.From, Payload: bytes.Clone(d.Payload)}
		if d.Delay <= 0 {
			h.deliver(e.To, m)
			continue
		}
		time.AfterFunc(d.Delay, func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.deliver(e.To, m)
		})
	}
}

// deliver and the next two are called with the lock held.
func (h *Hub) deliver(box commkey.PublicKey, m Message) {
	q := h.queue(box)
	q.messages = append(q.messages, m)
	q.signal()
}

func (h *Hub) queue(box commkey.PublicKey) *queue {
	q := h.boxes[box]
	if q == nil {
		q = &queue{arrived: make(chan struct{}, 1)}
		h.boxes[box] = q
	}
	return q
}

func (q *queue) signal() {
	select {
	case q.arrived <- struct{}{}:
	default:
	}
}

// pop takes the oldest message of a mailbox, or returns what to wait for.
func (h *Hub) pop(box commkey.PublicKey) (m Message, arrived <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.queue(box)
	if len(q.messages) == 0 {
		return Message{}, q.arrived
	}
	m = q.messages[0]
	q.messages = slices.Delete(q.messages, 0, 1)
	if len(q.messages) > 0 {
		q.signal()
	}
	return m, nil
}

// endpoint is one member's Transport over a Hub.
type endpoint struct {
	hub  *Hub
	self commkey.PublicKey
	box  commkey.PublicKey
}

// Send puts the message into the recipient's mailbox.
func (e *endpoint) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	e.hub.send(Envelope{From: e.self, To: to, Payload: bytes.Clone(payload)})
	return nil
}

// Receive takes the oldest message from the endpoint's mailbox.
func (e *endpoint) Receive(ctx context.Context) (Message, error) {
	for {
		m, arrived := e.hub.pop(e.box)
		if arrived == nil {
			return m, nil
		}
		select {
		case <-arrived:
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		}
	}
}
