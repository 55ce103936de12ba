package cocktail

import (
	"encoding/binary"
	"errors"
	"fmt"

	"frostkit/frost"
)

// ErrUnproven is the error of a [BlameMessage] that does not prove what it says, so that it may
// be its author who lies.
var ErrUnproven = errors.New("blame is not proven")

// BlameMessage is what a member tells the others of a [Fault] before it aborts ("Blame-Finding and
// Reporting"). It needs a channel that names its author.
type BlameMessage struct {
	culprit frost.Identifier
	check   Check
	opening []byte // of CheckPlaintext and CheckShare
	setup   *Setup
}

// BlameMessage returns the fault as others can be told of it. What it lets them open is one
// ciphertext with a share that nobody uses.
func (f *Fault) BlameMessage() *BlameMessage {
	return &BlameMessage{culprit: f.Culprit, check: f.Check, opening: f.opening, setup: f.setup}
}

// Culprit returns whom the message blames.
func (m *BlameMessage) Culprit() frost.Identifier { return m.culprit }

// Check returns what failed.
func (m *BlameMessage) Check() Check { return m.check }

// Encode returns the check in 1 byte, the culprit's number in 2 bytes, big-endian, and for
// [CheckPlaintext] and [CheckShare] the key and the nonce of the ciphertext, 32 and 24 bytes. The
// specification leaves the form open.
func (m *BlameMessage) Encode() []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(m.check)}, uint16(m.setup.index[m.culprit]+1))
	return append(b, m.opening...)
}

// DecodeBlameMessage decodes what [BlameMessage.Encode] returns.
func DecodeBlameMessage(setup *Setup, b []byte) (*BlameMessage, error) {
	const doing = "decoding a blame message"
	if len(b) < 3 {
		return nil, fmt.Errorf(doing+": it has %d bytes, want 3 at least", len(b))
	}
	m := &BlameMessage{check: Check(b[0]), setup: setup}
	if m.check < CheckEncoding || m.check > CheckSignature {
		return nil, fmt.Errorf(doing+": check %d is not known", b[0])
	}
	number := int(binary.BigEndian.Uint16(b[1:]))
	if number < 1 || number > len(setup.ids) {
		return nil, fmt.Errorf(doing+": member %d is none of %d", number, len(setup.ids))
	}
	m.culprit = setup.ids[number-1]
	want := 0
	if m.opens() {
		want = openingSize
	}
	if rest := b[3:]; len(rest) != want {
		return nil, fmt.Errorf(doing+": %d bytes follow the culprit, want %d", len(rest), want)
	}
	m.opening = append([]byte(nil), b[3:]...)
	return m, nil
}

// opens reports whether the message shows what opens a ciphertext.
func (m *BlameMessage) opens() bool { return m.check == CheckPlaintext || m.check == CheckShare }

// Verify checks whether the culprit's own round 1 message, as one has it oneself, proves what
// a member with an identifier accuses it of. The error is [ErrUnproven] if not, and for
// checks that this cannot prove: those that are not [Check.Verifiable], and [CheckSignature], for which
// see [Transcript.Verify].
//
// The specification has a member tell the share, which it might have made up. Here it tells the key and
// the nonce under which the ciphertext opens, which is in the culprit's own message: that an honest
// member's ciphertext opens under others is one in 2^128.
func (m *BlameMessage) Verify(accuser frost.Identifier, message *Round1Message) error {
	position, ok := m.setup.index[accuser]
	if !ok || message.sender != m.culprit || !message.setup.equal(m.setup) {
		return ErrUnproven
	}
	switch m.check {
	case CheckProof:
		if message.proof(m.setup.context).verifies() {
			return ErrUnproven
		}
		return nil
	case CheckPlaintext, CheckShare:
		return m.verifyOpened(position, message)
	}
	return ErrUnproven
}

// verifyOpened checks what the ciphertext to the accuser holds.
func (m *BlameMessage) verifyOpened(position int, message *Round1Message) error {
	share, _, err := openWith(m.setup.suite, m.opening, message.ciphertexts[position])
	proven := errors.Is(err, errScalar)
	if m.check == CheckShare {
		proven = err == nil && !shareBelongs(m.setup.suite.Group(), message.commitment, position, share)
	}
	if !proven {
		return ErrUnproven
	}
	return nil
}
