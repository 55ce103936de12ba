package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/google/uuid"

	"frostkit/frost/cocktail"
	"frostkit/relay/xeddsa"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// Said is a message that a member is about to say, for tests to change.
type Said struct {
	From, To string
	Phase    string
	Kind     uint8            // of frostkit's protocol, else 0
	ID       native.AttemptID // of frostkit's protocol
	Number   uint32           // of the attempt, of frostkit's protocol
	Body     []byte           // JSON in frost-client's protocol
	Silent   bool             // it is not said
	After    []Said           // said after it, of the same session, attempt and recipient
	Later    []Said           // said a second after it

	liar   *nativeLiar // nil in frost-client's protocol
	letter native.Letter
}

// SessionID returns the ID of the session, of frostkit's protocol.
func (s *Said) SessionID() [16]byte { return s.liar.session.id }

// Context returns what COCKTAIL-DKG's context is for the attempt of the message.
func (s *Said) Context() ([]byte, error) {
	return s.setup().Context(), nil
}

func (s *Said) setup() *cocktail.Setup {
	s.liar.mu.Lock()
	defer s.liar.mu.Unlock()
	return s.liar.setups[s.ID]
}

// Ephemeral returns the 64 bytes of which the ephemeral secret of a round 1
// message was made, and Static the sender's static secret.
func (s *Said) Ephemeral() []byte { return bytes.Clone(s.liar.drawn.bytes) }

// Static returns the sender's static secret.
func (s *Said) Static() []byte { return xeddsa.EdwardsPrivateKey(s.liar.self.key) }

// RecipientOf returns a member's public key of the attempt.
func (s *Said) RecipientOf(name string) ([]byte, error) {
	attempt, _ := s.setup().Attempt()
	for _, m := range attempt.Members {
		if bytes.Equal(m.Communication, s.liar.Key(name).Bytes()) {
			return m.Encryption.Bytes(), nil
		}
	}
	return nil, errNothingToChange
}

// Other returns a second round 1 message that is as good as the one that is said.
func (s *Said) Other() ([]byte, error) { return s.liar.forge(s.ID) }

// Tamper lets a test change what members say. It is called by many goroutines.
func (r *Rehearsal) Tamper(change func(*Said)) {
	told := &retold{envelopes: map[[sha256.Size]byte][]byte{}}
	r.tamper = func(m *mouth, l letter) ([][]byte, error) {
		s := &Said{From: m.self.name, To: r.byKey(l.to).name, Phase: l.phase, Body: bytes.Clone(l.payload)}
		if liar, ok := m.liar.(*nativeLiar); ok {
			opened, err := liar.open(l.to, l.payload)
			if err != nil {
				return nil, err
			}
			s.liar, s.letter, s.Kind, s.ID, s.Number, s.Body = liar, opened, opened.Kind, opened.Attempt, opened.Number, bytes.Clone(opened.Body)
		}
		change(s)
		later, err := told.payloads(s, s.Later, l)
		if err != nil {
			return nil, err
		}
		for _, payload := range later {
			time.AfterFunc(time.Second, func() { _ = m.Transport.Send(m.alive, l.to, payload) })
		}
		return told.payloads(s, s.all(), l)
	}
}

// all lists what is said in the end.
func (s *Said) all() []Said {
	if s.Silent {
		return s.After
	}
	return append([]Said{*s}, s.After...)
}

// retold keeps what was sealed or signed anew: it is said again in the same words.
type retold struct {
	mu        sync.Mutex
	envelopes map[[sha256.Size]byte][]byte
}

func (t *retold) payloads(s *Said, list []Said, l letter) ([][]byte, error) {
	var all [][]byte
	for _, x := range list {
		payload, err := t.payload(s, x, l)
		if err != nil {
			return nil, err
		}
		all = append(all, payload)
	}
	return all, nil
}

func (t *retold) payload(s *Said, x Said, l letter) ([]byte, error) {
	if s.liar == nil {
		return x.Body, nil
	}
	if x.Kind == s.letter.Kind && x.ID == s.letter.Attempt && bytes.Equal(x.Body, s.letter.Body) {
		return l.payload, nil
	}
	digest := sha256.Sum256(append(append(bytes.Clone(l.payload), x.Kind), x.Body...))
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.envelopes[digest] == nil {
		changed := s.letter
		changed.Kind, changed.Attempt, changed.Body = x.Kind, x.ID, x.Body
		envelope, err := changed.Envelope(s.liar.session.id, s.liar.self.key, l.to)
		if err != nil {
			return nil, err
		}
		t.envelopes[digest] = envelope
	}
	return t.envelopes[digest], nil
}

// Meeting is a session as the relay knows it.
type Meeting struct {
	ID uuid.UUID
	// Deliver hands an envelope over that was sent before.
	Deliver func(protocol.Envelope)
}

// Relay lets a test decide what arrives, and under which ID members meet.
func (r *Rehearsal) Relay(relay func(*Meeting) protocol.Fault) {
	r.relay = func(s *session) protocol.Fault {
		m := &Meeting{ID: s.id, Deliver: func(e protocol.Envelope) {
			_ = s.hub.Endpoint(e.From, false).Send(context.Background(), e.To, e.Payload)
		}}
		fault := relay(m)
		s.id = m.ID
		return fault
	}
}
