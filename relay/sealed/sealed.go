// Package sealed encrypts the messages between members with
// Noise_K_25519_ChaChaPoly_BLAKE2s (The Noise Protocol Framework, revision 34,
// section 7.4), as frost-client does: no prologue, keyed by the communication
// keys of both sides, one state per direction and peer.
//
// The first message of a direction is the handshake message with its payload,
// the next ones are transport messages of that handshake. So messages are
// opened in the order in which they were sealed, and a lost one ends its
// direction; a message that does not open changes nothing. A coordinator who
// is a signer too talks to itself through two such states.
//
// The copy of the private key that a handshake is given is wiped after it, and so is the
// ephemeral key. What cannot be wiped is left to the garbage collector: the copies of both that
// golang.org/x/crypto/curve25519 makes for each Diffie-Hellman, and the key
// schedule inside flynn/noise.
package sealed

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/flynn/noise"

	"frostkit/commkey"
)

const (
	// MaxMessage is the largest sealed message in bytes (Noise, section 3).
	MaxMessage = 65535
	// FirstOverhead is what sealing adds to the first message of a direction in
	// bytes: an ephemeral public key and a tag.
	FirstOverhead = commkey.Size + tagSize
	// NextOverhead is what sealing adds to every later message in bytes: a tag.
	NextOverhead = tagSize

	tagSize = 16
)

var (
	// ErrTooLong says that a message would be, or is, over [MaxMessage].
	ErrTooLong = errors.New("sealed message is longer than 65535 bytes")
	// ErrOpen says that a message is not the next one that the peer sealed for
	// this member: altered, out of order, or somebody else's.
	ErrOpen = errors.New("message does not open with the sender's key")
)

var suite = noise.NewCipherSuite(noise.DH25519, noise.CipherChaChaPoly, noise.HashBLAKE2s)

// pair is what a direction is keyed by.
type pair struct {
	self     *commkey.PrivateKey
	peer     commkey.PublicKey
	random   io.Reader
	prologue []byte
}

// newPair checks the keys of a direction.
func newPair(self *commkey.PrivateKey, peer commkey.PublicKey) (pair, error) {
	if self == nil || peer.IsZero() {
		return pair{}, errors.New("sealing messages needs one's own key and the peer's")
	}
	return pair{self: self, peer: peer, random: rand.Reader}, nil
}

// handshake makes a fresh state of pattern K and calls use with it. A state
// serves one try: flynn/noise leaves one that failed half changed.
func (p pair) handshake(initiator bool, use func(*noise.HandshakeState) error) error {
	secret := p.self.SecretBytes()
	defer clear(secret)
	state, err := noise.NewHandshakeState(noise.Config{
		CipherSuite:   suite,
		Random:        p.random,
		Pattern:       noise.HandshakeK,
		Initiator:     initiator,
		Prologue:      p.prologue,
		StaticKeypair: noise.DHKey{Private: secret, Public: p.self.Public().Bytes()},
		PeerStatic:    p.peer.Bytes(),
	})
	if err != nil {
		return err
	}
	defer func() { clear(state.LocalEphemeral().Private) }()
	return use(state)
}

// Sender seals the messages of one direction, in order. Its methods may be
// called concurrently.
type Sender struct {
	mu        sync.Mutex
	keys      pair
	transport *noise.CipherState // nil before the first message
}

// NewSender returns the state for messages from self to peer. It keeps self,
// which must not be destroyed before the first message is sealed.
func NewSender(self *commkey.PrivateKey, peer commkey.PublicKey) (*Sender, error) {
	keys, err := newPair(self, peer)
	if err != nil {
		return nil, err
	}
	return &Sender{keys: keys}, nil
}

// Seal returns the next message of the direction: plaintext and 48 bytes, or 16
// after the first message. It fails with [ErrTooLong] and changes nothing if
// that is over [MaxMessage].
func (s *Sender) Seal(plaintext []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transport == nil {
		return s.first(plaintext)
	}
	if len(plaintext)+NextOverhead > MaxMessage {
		return nil, sealingError(s.keys.peer, len(plaintext), ErrTooLong)
	}
	out, err := s.transport.Encrypt(nil, nil, plaintext)
	if err != nil {
		return nil, sealingError(s.keys.peer, len(plaintext), err)
	}
	return out, nil
}

func (s *Sender) first(plaintext []byte) (out []byte, err error) {
	if len(plaintext)+FirstOverhead > MaxMessage {
		return nil, sealingError(s.keys.peer, len(plaintext), ErrTooLong)
	}
	err = s.keys.handshake(true, func(state *noise.HandshakeState) (err error) {
		// -> e, es, ss; the pattern is one-way, so only the first state is used.
		out, s.transport, _, err = state.WriteMessage(nil, plaintext)
		return err
	})
	if err != nil {
		return nil, sealingError(s.keys.peer, len(plaintext), err)
	}
	return out, nil
}

func sealingError(peer commkey.PublicKey, size int, err error) error {
	return fmt.Errorf("sealing %d bytes for %v: %w", size, peer, err)
}

// Receiver opens the messages of one direction, in order. Its methods may be
// called concurrently.
type Receiver struct {
	mu        sync.Mutex
	keys      pair
	transport *noise.CipherState // nil before the first message
}

// NewReceiver returns the state for messages from peer to self. It keeps self,
// which must not be destroyed before the first message is opened.
func NewReceiver(self *commkey.PrivateKey, peer commkey.PublicKey) (*Receiver, error) {
	keys, err := newPair(self, peer)
	if err != nil {
		return nil, err
	}
	return &Receiver{keys: keys}, nil
}

// Open returns the plaintext of the next message of the direction. It fails
// with [ErrTooLong] or [ErrOpen], and then still waits for that message.
func (r *Receiver) Open(message []byte) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(message) > MaxMessage {
		return nil, r.openingError(message, ErrTooLong)
	}
	if r.transport == nil {
		return r.first(message)
	}
	plaintext, err := r.transport.Decrypt(nil, nil, message)
	if err != nil {
		return nil, r.openingError(message, ErrOpen)
	}
	return plaintext, nil
}

func (r *Receiver) first(message []byte) (plaintext []byte, err error) {
	err = r.keys.handshake(false, func(state *noise.HandshakeState) (err error) {
		plaintext, r.transport, _, err = state.ReadMessage(nil, message)
		return err
	})
	if err != nil {
		return nil, r.openingError(message, ErrOpen)
	}
	return plaintext, nil
}

func (r *Receiver) openingError(message []byte, err error) error {
	return fmt.Errorf("opening %d bytes from %v: %w", len(message), r.keys.peer, err)
}
