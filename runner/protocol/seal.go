package protocol

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"frostkit/commkey"
	"frostkit/relay/sealed"
)

// Limits of a peer's messages that are held as they do not open yet.
const (
	maxHeld     = 1 << 10 // messages
	maxHeldSize = 1 << 20 // bytes
)

var (
	errNotOpened = errors.New("it does not open: damaged, or one before it is missing")
	errNoPeer    = errors.New("it is from nobody with whom this member has a seal")
)

// Seal makes a transport whose messages only the recipient can open and only
// the sender can have made, over one that promises neither: Noise K with one
// state per direction and peer, as frost-client's (cipher.rs). A coordinator
// who signs as well has a transport for each role, sealed apart.
//
// The peers are those with whom the member exchanges messages; coordinator is
// the one of them whom the zero key of Send stands for, or zero where there is
// none. Messages open in the order in which they were sealed: one that comes
// early is held until those before it have come, and one that comes twice
// counts once. One that does not open makes Receive return an
// [*UnreadableError], even if it opens later.
func Seal(t Transport, self *commkey.PrivateKey, peers []commkey.PublicKey, coordinator commkey.PublicKey) Transport {
	s := &sealing{
		inner:       t,
		self:        self,
		coordinator: coordinator,
		senders:     make(map[commkey.PublicKey]*sealed.Sender, len(peers)),
		receivers:   make(map[commkey.PublicKey]*opening, len(peers)),
	}
	for _, peer := range peers {
		s.senders[peer] = nil
		s.receivers[peer] = &opening{opened: make(map[[sha256.Size]byte]bool)}
	}
	return s
}

// sealing is the transport that Seal makes.
type sealing struct {
	inner       Transport
	self        *commkey.PrivateKey
	coordinator commkey.PublicKey
	senders     map[commkey.PublicKey]*sealed.Sender // nil before the first message
	receivers   map[commkey.PublicKey]*opening
	ready       []Message // opened, not yet handed out
}

// opening is the direction from one peer.
type opening struct {
	state  *sealed.Receiver           // nil before the first message
	opened map[[sha256.Size]byte]bool // digests of what has been opened
	held   [][]byte                   // what might open later, oldest first
	size   int                        // of all of it, in bytes
}

// Send seals the payload for the recipient and sends it.
func (s *sealing) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	peer := to
	if peer.IsZero() {
		peer = s.coordinator
	}
	state, known := s.senders[peer]
	if !known {
		return fmt.Errorf("sealing a message: there is no seal with %s", peer)
	}
	if state == nil {
		var err error
		if state, err = sealed.NewSender(s.self, peer); err != nil {
			return err
		}
		s.senders[peer] = state
	}
	ciphertext, err := state.Seal(payload)
	if err != nil {
		return err
	}
	return s.inner.Send(ctx, to, ciphertext)
}

// Receive returns the next message that opens.
func (s *sealing) Receive(ctx context.Context) (Message, error) {
	for len(s.ready) == 0 {
		m, err := s.inner.Receive(ctx)
		if err != nil {
			return Message{}, err
		}
		if err := s.take(m); err != nil {
			return Message{}, &UnreadableError{From: m.From, Err: err}
		}
	}
	m := s.ready[0]
	s.ready = s.ready[1:]
	return m, nil
}

// take opens a message and those that were waiting for it.
func (s *sealing) take(m Message) error {
	direction, known := s.receivers[m.From]
	if !known {
		return errNoPeer
	}
	if direction.state == nil {
		var err error
		if direction.state, err = sealed.NewReceiver(s.self, m.From); err != nil {
			return err
		}
	}
	if direction.opened[sha256.Sum256(m.Payload)] {
		return nil
	}
	plaintext, err := direction.open(m.Payload)
	if err != nil {
		direction.hold(m.Payload)
		return errNotOpened
	}
	for ; err == nil; plaintext, err = direction.next() {
		s.ready = append(s.ready, Message{From: m.From, Payload: plaintext})
	}
	return nil
}

func (o *opening) open(ciphertext []byte) ([]byte, error) {
	plaintext, err := o.state.Open(ciphertext)
	if err == nil {
		o.opened[sha256.Sum256(ciphertext)] = true
	}
	return plaintext, err
}

// next opens the first of the held messages that opens now.
func (o *opening) next() ([]byte, error) {
	for i, ciphertext := range o.held {
		if plaintext, err := o.open(ciphertext); err == nil {
			o.release(i)
			return plaintext, nil
		}
	}
	return nil, errNotOpened
}

// hold keeps a message for later, once, and lets go of the oldest if there is too
// much. What is shorter than a tag never opens.
func (o *opening) hold(ciphertext []byte) {
	same := func(held []byte) bool { return bytes.Equal(held, ciphertext) }
	if len(ciphertext) < sealed.NextOverhead || slices.ContainsFunc(o.held, same) {
		return
	}
	o.held, o.size = append(o.held, ciphertext), o.size+len(ciphertext)
	for len(o.held) > maxHeld || o.size > maxHeldSize {
		o.release(0)
	}
}

func (o *opening) release(i int) {
	o.size -= len(o.held[i])
	o.held = slices.Delete(o.held, i, i+1)
}
