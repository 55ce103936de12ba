package cocktail

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// Config is what a member begins a key generation with.
type Config struct {
	// Setup is what all members agree on.
	Setup *Setup
	// Key is this member's static key, which is one of the setup's.
	Key *StaticKey
	// AttemptKey is the pair of this member's key in a setup by [NewAttemptSetup] that has such keys, and nil
	// in others. Without it a member can send its message, and [Round1.Next] fails. It stays the caller's to destroy.
	AttemptKey *StaticKey
	// Payloads are encrypted to members, this one too, beside their shares; nil is none.
	// Each has at most [MaxCiphertextSize] - 48 bytes for ed25519. They are authenticated, but not
	// part of the transcript ("Optional Application Payloads").
	Payloads map[frost.Identifier][]byte
	// Random is where secrets come from; nil is crypto/rand.
	Random io.Reader
}

// member is one of the members in its session. A round hands it on, and is then spent.
type member struct {
	setup *Setup
	id    frost.Identifier
	key   *StaticKey
	// opening is the pair of the key that shares are encrypted to: of the attempt, or key.
	opening *StaticKey
	random  io.Reader // for proofs
}

// errOwnMessage tells a coordinator, or a channel, that alters messages.
var errOwnMessage = errors.New("this member's own message came back altered")

// Round1 is a member that has drawn its polynomial, and waits for the messages of the
// others. The polynomial and the ephemeral secret are wiped already: the member's own
// share is in its message, like the others'. It neither prints nor marshals.
type Round1 struct {
	guard
	setup *Setup
	own   *Round1Message
	// cell is emptied by the first to use it. A copy of the Round1 has the same cell.
	cell *atomic.Pointer[member]
}

// New draws the secrets of a member and makes its message: Round 1.
func New(config Config) (*Round1, error) {
	const doing = "beginning a key generation: %w"
	id, err := config.check()
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	random := config.Random
	if random == nil {
		random = rand.Reader
	}
	self := member{config.Setup, id, config.Key, config.opening(), random}
	r := &Round1{setup: config.Setup, cell: new(atomic.Pointer[member])}
	secret.Do(func() { r.own, err = self.begin(random, config.Payloads) })
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	r.cell.Store(&self)
	return r, nil
}

// begin draws the secrets and makes the message of them, after which they are wiped.
func (m member) begin(random io.Reader, payloads map[frost.Identifier][]byte) (*Round1Message, error) {
	polynomial, ephemeral, err := draw(random, m.setup)
	if err != nil {
		return nil, err
	}
	defer polynomial.Clear()
	defer ephemeral.Clear()
	c, err := contribute(m.setup, polynomial, ephemeral)
	if err != nil {
		return nil, err
	}
	ciphertexts, err := m.encryptShares(polynomial, ephemeral, c.ephemeral, payloads)
	if err != nil {
		return nil, err
	}
	if m.setup.attempt != nil {
		c.possession, err = sign(m.setup.suite, ephemeral, c.ephemeral, ephemeralMessage(m.setup.context, m.id))
	}
	return newRound1Message(m.setup, m.id, c, ciphertexts), err
}

// check checks the configuration, and returns who this member is.
func (c Config) check() (frost.Identifier, error) {
	if c.Setup == nil {
		return frost.Identifier{}, errors.New("no setup is given")
	}
	most := MaxCiphertextSize - c.Setup.suite.minCiphertextSize()
	for id, payload := range c.Payloads {
		if _, ok := c.Setup.index[id]; !ok {
			return frost.Identifier{}, fmt.Errorf("payload is for %s, who is no member", id)
		}
		if len(payload) > most {
			return frost.Identifier{}, fmt.Errorf("payload for %s has %d bytes, want %d at most", id, len(payload), most)
		}
	}
	id, err := c.Setup.self(c.Key)
	if err != nil {
		return id, err
	}
	return id, c.checkAttemptKey(id)
}

// opening returns the pair of the key that this member's shares are encrypted to.
func (c Config) opening() *StaticKey {
	if c.Setup.Recoverable() {
		return c.Key
	}
	return c.AttemptKey
}

// checkAttemptKey checks that the key which opens this member's shares is the setup's.
func (c Config) checkAttemptKey(id frost.Identifier) error {
	if c.AttemptKey == nil {
		return nil
	}
	if err := c.AttemptKey.usable(); err != nil {
		return fmt.Errorf("key of the attempt: %w", err)
	}
	if !c.AttemptKey.public.element.Equal(c.Setup.encryption[c.Setup.index[id]]) {
		return errors.New("key of the attempt is not the one that the members agreed on")
	}
	return nil
}

// draw draws the polynomial f_i and the ephemeral secret e_i: Round 1, Steps 1 and 3.
// None of their scalars is 0.
func draw(random io.Reader, setup *Setup) (group.Polynomial, group.Scalar, error) {
	g := setup.suite.Group()
	constant, err := g.RandomScalar(random)
	if err != nil {
		return nil, nil, err
	}
	defer constant.Clear()
	polynomial, err := group.RandomPolynomial(random, g, constant, setup.threshold)
	if err != nil {
		return nil, nil, err
	}
	ephemeral, err := g.RandomScalar(random)
	if err != nil {
		polynomial.Clear()
		return nil, nil, err
	}
	return polynomial, ephemeral, nil
}

// contribute makes the public part of the message: Round 1, Steps 2 to 4.
func contribute(setup *Setup, polynomial group.Polynomial, ephemeral group.Scalar) (c contribution, err error) {
	g := setup.suite.Group()
	c.commitment = polynomial.Commit(g)
	c.ephemeral = g.BaseMult(ephemeral)
	g.Normalize(c.ephemeral)
	c.pop, err = sign(setup.suite, polynomial[0], c.commitment[0], c.proofMessage(setup.context))
	return c, err
}

// encryptShares evaluates the polynomial for each member, this one too, and encrypts
// the share with its payload: Round 1, Step 5.
func (m member) encryptShares(polynomial group.Polynomial, e group.Scalar, ephemeral group.Element, payloads map[frost.Identifier][]byte) ([][]byte, error) {
	g := m.setup.suite.Group()
	ciphertexts := make([][]byte, len(m.setup.ids))
	for j, id := range m.setup.ids {
		share := polynomial.Evaluate(g, g.ScalarFromUint16(uint16(j+1)))
		p := pair{m.setup.suite, ephemeral, m.key.public.element, m.setup.encryption[j], m.setup.context}
		var err error
		ciphertexts[j], err = p.seal(e, m.key.secret, share, payloads[id])
		share.Clear()
		if err != nil {
			return nil, fmt.Errorf("encrypting the share of %s: %w", id, err)
		}
	}
	return ciphertexts, nil
}

// Message returns what the member broadcasts.
func (r *Round1) Message() *Round1Message { return r.own }

// Destroy abandons the key generation, after which [Round1.Next] returns [ErrRoundSpent].
func (r *Round1) Destroy() { r.cell.Store(nil) }

// Next takes the messages of all other members, by their sender, and goes through Round 2: it
// verifies every proof of possession, and opens and verifies every share. The member's own
// message may be among them, as it was sent.
//
// The error is a *[frost.BlameError] where members are to blame. A second call, a call that
// races with the first and a call on a copy get [ErrRoundSpent].
func (r *Round1) Next(messages map[frost.Identifier]*Round1Message) (*Round2, error) {
	const doing = "round 1 of the key generation: %w"
	self := r.cell.Swap(nil)
	if self == nil {
		return nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	if err := checkMessages(r.setup, self.id, messages); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if own, found := messages[self.id]; found && !own.Equal(r.own) {
		return nil, fmt.Errorf(doing, errOwnMessage)
	}
	all := make([]contribution, len(r.setup.ids))
	ciphertexts := make([][]byte, len(r.setup.ids))
	for j, id := range r.setup.ids {
		message, found := messages[id]
		if !found {
			message = r.own
		}
		all[j], ciphertexts[j] = message.contribution, message.ciphertexts[r.setup.index[self.id]]
	}
	next, err := self.receive(all, ciphertexts)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return next, nil
}

// CheckRound1Messages does for a coordinator what it can do without a key: it checks that there
// is a message of every member and of nobody else, and verifies the proofs of possession. The error is
// a *[frost.BlameError] where members are to blame.
func CheckRound1Messages(setup *Setup, messages map[frost.Identifier]*Round1Message) error {
	const doing = "checking the round 1 messages: %w"
	if err := checkMessages(setup, frost.Identifier{}, messages); err != nil {
		return fmt.Errorf(doing, err)
	}
	all := make([]contribution, len(setup.ids))
	for j, id := range setup.ids {
		all[j] = messages[id].contribution
	}
	if err := blame(proofFaults(setup, all)); err != nil {
		return fmt.Errorf(doing, err)
	}
	return nil
}

// checkMessages checks whose messages these are, and that they are of this session.
func checkMessages(setup *Setup, self frost.Identifier, messages map[frost.Identifier]*Round1Message) error {
	if err := checkSenders(setup, self, "round 1 message", messages); err != nil {
		return err
	}
	for id, message := range messages {
		switch {
		case message == nil:
			return fmt.Errorf("message of %s is nil", id)
		case message.sender != id:
			return fmt.Errorf("message of %s is passed as that of %s", message.sender, id)
		case !message.setup.equal(setup):
			return fmt.Errorf("message of %s was decoded for another session", id)
		}
	}
	return nil
}
