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
	culprit  frost.Identifier
	check    Check
	evidence []byte // of a ciphertext
	setup    *Setup
}

// BlameMessage returns the fault as others can be told of it. What it lets them open is one
// ciphertext with a share that nobody uses.
func (f *Fault) BlameMessage() *BlameMessage {
	return &BlameMessage{culprit: f.Culprit, check: f.Check, evidence: f.evidence, setup: f.setup}
}

// Culprit returns whom the message blames.
func (m *BlameMessage) Culprit() frost.Identifier { return m.culprit }

// Check returns what failed.
func (m *BlameMessage) Check() Check { return m.check }

// Encode returns the check in 1 byte, the culprit's number in 2 bytes, big-endian, and what lets others open a
// ciphertext. The specification leaves the form open. In a setup of [NewAttemptSetup] these are, for
// [CheckDecryption], [CheckPlaintext] and [CheckShare], S^e || S^d || c || z, for ed25519 128 bytes; in others nothing.
func (m *BlameMessage) Encode() []byte {
	b := binary.BigEndian.AppendUint16([]byte{byte(m.check)}, uint16(m.setup.index[m.culprit]+1))
	return append(b, m.evidence...)
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
	if rest := b[3:]; len(rest) != m.evidenceSize() {
		return nil, fmt.Errorf(doing+": %d bytes follow the culprit, want %d", len(rest), m.evidenceSize())
	}
	m.evidence = append([]byte(nil), b[3:]...)
	return m, nil
}

// evidenceSize returns the length of what lets others open the ciphertext, in bytes.
func (m *BlameMessage) evidenceSize() int {
	if m.setup.attempt == nil || !m.check.ofCiphertext() {
		return 0
	}
	return disclosureSize(m.setup.suite)
}

// Verify checks whether the culprit's own round 1 message, as one has it oneself, proves what
// a member with an identifier accuses it of. The error is [ErrUnproven] if not, and for
// checks that this cannot prove: [CheckEncoding], [CheckSignature], for which see [Transcript.Verify], and
// those of a ciphertext where the setup is not one of [NewAttemptSetup].
//
// The specification has a member tell the share, which it might have made up. Here it shows the shared secrets
// of the ciphertext, proven to be those, and everybody opens what the culprit signed with the key and
// nonce that they give. The culprit knows both secrets already, and nobody learns more of the accuser's keys.
func (m *BlameMessage) Verify(accuser frost.Identifier, message *Round1Message) error {
	position, ok := m.setup.index[accuser]
	if !ok || message.sender != m.culprit || !message.setup.equal(m.setup) {
		return ErrUnproven
	}
	proven := false
	switch {
	case m.check == CheckProof:
		proven = !message.possessed(m.setup.context, m.culprit)
	case m.check.ofCiphertext():
		share, err := m.open(position, message)
		proven = m.failed(err, message.commitment, position, share)
	}
	if !proven {
		return ErrUnproven
	}
	return nil
}

// open opens the ciphertext to the accuser.
func (m *BlameMessage) open(position int, message *Round1Message) (group.Scalar, error) {
	s := m.setup.suite
	ciphertext := message.ciphertexts[position]
	if m.setup.attempt == nil {
		return nil, ErrUnproven
	}
	shown, err := decodeDisclosure(s, m.evidence)
	if err != nil {
		return nil, ErrUnproven
	}
	p := pair{s, message.ephemeral, m.setup.keys[m.setup.index[m.culprit]], m.setup.encryption[position], m.setup.context}
	if !p.verifyDisclosure(shown, m.setup.statement(m.setup.ids[position], m.culprit)) {
		return nil, ErrUnproven
	}
	return p.openDisclosed(shown, ciphertext)
}

// failed reports whether what came of opening a ciphertext is what the check says.
func (m *BlameMessage) failed(err error, commitment []group.Element, position int, share group.Scalar) bool {
	switch m.check {
	case CheckDecryption:
		return errors.Is(err, errDecryption)
	case CheckPlaintext:
		return errors.Is(err, errScalar)
	}
	return err == nil && !shareBelongs(m.setup.suite.Group(), commitment, position, share)
}
