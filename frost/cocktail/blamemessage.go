package cocktail

import (
	"encoding/binary"
	"errors"
	"fmt"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// ErrUnproven is the error of a [BlameMessage] that does not prove what it says, so that it may
// be its author who lies.
var ErrUnproven = errors.New("blame is not proven")

// BlameMessage is what a member tells the others of a [Fault] before it aborts ("Blame-Finding and
// Reporting"). It needs a channel that names its author.
type BlameMessage struct {
	culprit frost.Identifier
	check   Check
	share   []byte // of CheckShare: the invalid share s_ji
	setup   *Setup
}

// BlameMessage returns the fault as others can be told of it. A share that is told is none
// that anybody uses.
func (f *Fault) BlameMessage() *BlameMessage {
	m := &BlameMessage{culprit: f.Culprit, check: f.Check, setup: f.setup}
	if f.share != nil {
		m.share = f.share.Bytes()
	}
	return m
}

// Culprit returns whom the message blames.
func (m *BlameMessage) Culprit() frost.Identifier { return m.culprit }

// Check returns what failed.
func (m *BlameMessage) Check() Check { return m.check }

// Encode returns the check in 1 byte, the culprit's number in 2 bytes, big-endian, and for
// [CheckShare] the share, for ed25519 32 bytes. The specification leaves the form open.
func (m *BlameMessage) Encode() []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(m.check)}, uint16(m.setup.index[m.culprit]+1))
	return append(b, m.share...)
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
	switch rest := b[3:]; {
	case m.check == CheckShare:
		if _, err := setup.suite.Group().DecodeScalar(rest); err != nil {
			return nil, fmt.Errorf(doing+": %w", err)
		}
		m.share = append([]byte(nil), rest...)
	case len(rest) > 0:
		return nil, fmt.Errorf(doing+": %d bytes follow it", len(rest))
	}
	return m, nil
}

// Verify checks whether the culprit's own round 1 message, as one has it oneself, proves what
// a member with an identifier accuses it of. The error is [ErrUnproven] if not, and for
// checks that this cannot prove: those that are not [Check.Verifiable], and [CheckSignature], for which
// see [Transcript.Verify].
//
// What it proves of a share is that this share does not belong to the culprit's commitments. That
// the culprit sent this share, the specification has others take from the accuser, since
// only the two can decrypt it.
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
	case CheckShare:
		return m.verifyShare(position, message.commitment)
	}
	return ErrUnproven
}

func (m *BlameMessage) verifyShare(position int, commitment []group.Element) error {
	share, err := m.setup.suite.Group().DecodeScalar(m.share)
	if err != nil || shareBelongs(m.setup.suite.Group(), commitment, position, share) {
		return ErrUnproven
	}
	return nil
}
