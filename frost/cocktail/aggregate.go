package cocktail

import (
	"bytes"
	"errors"
	"fmt"

	"frostkit/frost"
)

// Round2Message is msg_2i: what a coordinator makes of the round 1 messages of all for one
// recipient, leaving out the ciphertexts to others. A channel that broadcasts every
// [Round1Message] has no need of it.
type Round2Message struct {
	setup       *Setup
	recipient   frost.Identifier
	all         []contribution
	ciphertexts [][]byte
}

// errBroadcast refuses setups whose blame needs that everybody has the whole message of everybody.
var errBroadcast = errors.New("in a setup of an attempt round 1 messages are broadcast as they are")

// NewRound2Message gathers the messages of all members for a recipient. It verifies nothing:
// see [CheckRound1Messages].
func NewRound2Message(setup *Setup, recipient frost.Identifier, messages map[frost.Identifier]*Round1Message) (*Round2Message, error) {
	const doing = "gathering the round 1 messages: %w"
	i, ok := setup.index[recipient]
	if !ok {
		return nil, fmt.Errorf("gathering the round 1 messages: recipient %s is no member", recipient)
	}
	if err := checkMessages(setup, frost.Identifier{}, messages); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if setup.attempt != nil {
		return nil, fmt.Errorf(doing, errBroadcast)
	}
	m := &Round2Message{setup: setup, recipient: recipient}
	for _, id := range setup.ids {
		m.all = append(m.all, messages[id].contribution)
		m.ciphertexts = append(m.ciphertexts, messages[id].ciphertexts[i])
	}
	return m, nil
}

// DecodeRound2Message decodes msg_2i = (C_1 || PoP_1 || E_1 || framed c_1i) || … || (C_n ||
// PoP_n || E_n || framed c_ni). The error is a *[frost.BlameError] with the member whose part
// is malformed, where that can be told; it may be the coordinator that is.
func DecodeRound2Message(setup *Setup, recipient frost.Identifier, b []byte) (*Round2Message, error) {
	const doing = "decoding a round 2 message: %w"
	if _, ok := setup.index[recipient]; !ok {
		return nil, fmt.Errorf("decoding a round 2 message: recipient %s is no member", recipient)
	}
	if setup.attempt != nil {
		return nil, fmt.Errorf(doing, errBroadcast)
	}
	size := contributionSize(setup.suite, setup.threshold)
	if most := len(setup.ids) * (size + lengthSize + MaxCiphertextSize); len(b) > most {
		return nil, fmt.Errorf("decoding a round 2 message: it has %d bytes, want %d at most", len(b), most)
	}
	m := &Round2Message{setup: setup, recipient: recipient}
	contributions, err := m.decodeFrames(bytes.Clone(b), size)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	all, errs := decodeContributions(setup.suite, contributions)
	var faults []*Fault
	for j, err := range errs {
		if err != nil {
			faults = append(faults, &Fault{Culprit: setup.ids[j], Check: CheckEncoding, Err: err, setup: setup})
		}
	}
	if err := blame(faults); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	m.all = all
	return m, nil
}

// decodeFrames decodes the ciphertexts, each of which follows a contribution of so many bytes.
func (m *Round2Message) decodeFrames(b []byte, size int) ([]encodedContribution, error) {
	var contributions []encodedContribution
	for _, id := range m.setup.ids {
		var ciphertext []byte
		err := errShort
		if len(b) >= size {
			contributions = append(contributions, splitContribution(m.setup.suite, size, b[:size]))
			ciphertext, b, err = decodeFrame(m.setup.suite, b[size:])
		}
		if err != nil {
			return nil, blame([]*Fault{{Culprit: id, Check: CheckEncoding, Err: err, setup: m.setup}})
		}
		m.ciphertexts = append(m.ciphertexts, ciphertext)
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last member's part", len(b))
	}
	return contributions, nil
}

// Encode returns the bytes that [DecodeRound2Message] reads.
func (m *Round2Message) Encode() []byte {
	var b []byte
	for j := range m.all {
		b = appendFrame(append(b, m.all[j].encode()...), m.ciphertexts[j])
	}
	return b
}

// NextAggregated does what [Round1.Next] does, with the message that a coordinator made.
func (r *Round1) NextAggregated(m *Round2Message) (*Round2, error) {
	const doing = "round 1 of the key generation: %w"
	self := r.cell.Swap(nil)
	if self == nil {
		return nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	if !m.setup.equal(r.setup) {
		return nil, fmt.Errorf(doing, errors.New("round 2 message is of another session"))
	}
	if m.recipient != self.id {
		return nil, fmt.Errorf("round 1 of the key generation: round 2 message is for %s, not for this member, %s", m.recipient, self.id)
	}
	i := r.setup.index[self.id]
	if !bytes.Equal(m.all[i].encode(), r.own.contribution.encode()) || !bytes.Equal(m.ciphertexts[i], r.own.ciphertexts[i]) {
		return nil, fmt.Errorf(doing, errOwnMessage)
	}
	next, err := self.receive(m.all, m.ciphertexts)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return next, nil
}
