package cocktail

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// contribution is the part of a member's round 1 message that all members see alike and
// the transcript holds.
type contribution struct {
	commitment []group.Element // C_j
	pop        Signature       // PoP_j
	ephemeral  group.Element   // E_j
	possession Signature       // of E_j: in the messages of an attempt, and in no transcript
}

// contributionSize returns the length of an encoded contribution in bytes.
func contributionSize(s suite, threshold int) int {
	return (threshold+1)*s.Group().ElementSize() + s.signatureSize()
}

// messageHeadSize returns the length of what comes before the ciphertexts in a message, in bytes.
func (s *Setup) messageHeadSize(threshold int) int {
	size := contributionSize(s.suite, threshold)
	if s.attempt != nil {
		size += s.suite.signatureSize()
	}
	return size
}

// encode returns C_j || PoP_j || E_j.
func (c contribution) encode() []byte {
	b := appendElements(nil, c.commitment)
	return append(append(b, c.pop.Bytes()...), c.ephemeral.Encoding()...)
}

// proof returns the proof of possession with what it signs: "context || C_i || E_i", under the
// key C_i0.
func (c contribution) proof(context []byte) signed {
	return newSigned(c.pop, c.commitment[0], c.proofMessage(context))
}

func (c contribution) proofMessage(context []byte) []byte {
	b := appendElements(slices.Clone(context), c.commitment)
	return append(b, c.ephemeral.Encoding()...)
}

// possessionProof returns the proof of possession of E_i with what it signs.
func (c contribution) possessionProof(context []byte, sender frost.Identifier) signed {
	return newSigned(c.possession, c.ephemeral, ephemeralMessage(context, sender))
}

// possessed verifies the proofs of possession.
func (c contribution) possessed(context []byte, sender frost.Identifier) bool {
	return c.proof(context).verifies() && (c.possession.r == nil || c.possessionProof(context, sender).verifies())
}

// ephemeralMessage returns what the proof of possession of E_i signs: framed label || context || identifier.
func ephemeralMessage(context []byte, sender frost.Identifier) []byte {
	return append(append(appendField(nil, []byte(ephemeralTag)), context...), sender.Bytes()...)
}

// encodedContribution is the encoding of a contribution in parts of the right lengths. There may be no proof
// of possession of the ephemeral key.
type encodedContribution struct {
	commitment, pop, ephemeral, possession []byte
}

// splitContribution splits C_j || PoP_j || E_j of the right length, followed by a proof of possession of E_j or
// by nothing.
func splitContribution(s suite, size int, b []byte) encodedContribution {
	ephemeral := size - s.Group().ElementSize()
	pop := ephemeral - s.signatureSize()
	return encodedContribution{b[:pop], b[pop:ephemeral], b[ephemeral:size], b[size:]}
}

// decodeContributions decodes contributions together, which is faster than one by one. Every element
// must be of prime order and not the identity. It returns an error for each, nil for those that are
// well-formed.
func decodeContributions(s suite, encoded []encodedContribution) ([]contribution, []error) {
	var encodings [][]byte
	for _, e := range encoded {
		encodings = append(encodings, e.elements(s)...)
	}
	all, errs := make([]contribution, len(encoded)), make([]error, len(encoded))
	elements, err := s.Group().DecodeElements(encodings)
	for j, e := range encoded {
		count := len(e.elements(s))
		if err == nil {
			all[j], errs[j] = e.assemble(s, elements[j*count:(j+1)*count:(j+1)*count])
		} else {
			all[j], errs[j] = e.decode(s)
		}
	}
	return all, errs
}

// decode decodes one contribution.
func (e encodedContribution) decode(s suite) (contribution, error) {
	encodings := e.elements(s)
	elements, err := s.Group().DecodeElements(encodings)
	if err != nil {
		return contribution{}, fmt.Errorf("%s: %w", contributionPart(err, len(e.commitment)/s.Group().ElementSize()), reason(err))
	}
	return e.assemble(s, elements)
}

// elements returns the encodings of C_j0, …, C_jt-1, R, E_j and, if it is there, the R of its proof.
func (e encodedContribution) elements(s suite) [][]byte {
	size := s.Group().ElementSize()
	encodings := append(slices.Collect(slices.Chunk(e.commitment, size)), e.pop[:size], e.ephemeral)
	if len(e.possession) > 0 {
		encodings = append(encodings, e.possession[:size])
	}
	return encodings
}

// assemble adds the scalar to the elements.
func (e encodedContribution) assemble(s suite, elements []group.Element) (contribution, error) {
	size := s.Group().ElementSize()
	z, err := s.Group().DecodeScalar(e.pop[size:])
	if err != nil {
		return contribution{}, fmt.Errorf("response of the proof of possession: %w", err)
	}
	t := len(e.commitment) / size
	c := contribution{commitment: elements[:t:t], pop: Signature{suite: s, r: elements[t], z: z}, ephemeral: elements[t+1]}
	if len(e.possession) > 0 {
		z, err := s.Group().DecodeScalar(e.possession[size:])
		if err != nil {
			return contribution{}, fmt.Errorf("response of the proof of the ephemeral key: %w", err)
		}
		c.possession = Signature{suite: s, r: elements[t+2], z: z}
	}
	return c, nil
}

// contributionPart names the element that was refused.
func contributionPart(err error, threshold int) string {
	refused := (*group.ElementError)(nil)
	switch {
	case !errors.As(err, &refused):
		return "element"
	case refused.Index < threshold:
		return fmt.Sprintf("commitment %d", refused.Index)
	case refused.Index == threshold:
		return "commitment of the proof of possession"
	case refused.Index == threshold+1:
		return "ephemeral key"
	}
	return "commitment of the proof of the ephemeral key"
}

// Round1Message is msg_1i: what a member broadcasts in round 1. It holds no secret in the clear.
type Round1Message struct {
	setup  *Setup
	sender frost.Identifier
	contribution
	ciphertexts [][]byte // c_i1, …, c_in
	encoded     []byte
}

func newRound1Message(setup *Setup, sender frost.Identifier, c contribution, ciphertexts [][]byte) *Round1Message {
	encoded := append(c.encode(), c.possession.Bytes()...)
	for _, ciphertext := range ciphertexts {
		encoded = appendFrame(encoded, ciphertext)
	}
	return &Round1Message{setup, sender, c, ciphertexts, encoded}
}

// Round1MessageSize returns the length in bytes of a message whose payloads have so many
// bytes in all: for ed25519, 32·t + 96 + 56·n + payloads, and 64 more in an attempt.
func (s *Setup) Round1MessageSize(payloads int) int {
	return s.messageHeadSize(s.threshold) + len(s.ids)*(lengthSize+s.suite.minCiphertextSize()) + payloads
}

// MaxRound1MessageSize returns the length of the longest message in bytes.
func (s *Setup) MaxRound1MessageSize() int {
	return s.messageHeadSize(s.threshold) + len(s.ids)*(lengthSize+MaxCiphertextSize)
}

// DecodeRound1Message decodes msg_1i = C_i || PoP_i || E_i || framed c_i1 || … || framed c_in of
// a member whom the channel names as its sender. In an attempt a proof of possession of E_i follows that. A frame is the ciphertext's length in 8 bytes,
// big-endian, and the ciphertext. The error is a *[frost.BlameError] that names the sender, with
// [CheckEncoding], unless that is no member.
func DecodeRound1Message(setup *Setup, sender frost.Identifier, b []byte) (*Round1Message, error) {
	messages, err := DecodeRound1Messages(setup, map[frost.Identifier][]byte{sender: b})
	return messages[sender], err
}

// DecodeRound1Messages decodes messages together, which is faster than one by one. The
// error names every sender of a malformed one; the others are returned beside it.
func DecodeRound1Messages(setup *Setup, encoded map[frost.Identifier][]byte) (map[frost.Identifier]*Round1Message, error) {
	const doing = "decoding round 1 messages: %w"
	var faults []*Fault
	var messages []*Round1Message
	var contributions []encodedContribution
	for sender, b := range encoded {
		if _, ok := setup.index[sender]; !ok {
			return nil, fmt.Errorf("decoding round 1 messages: sender %s is no member", sender)
		}
		m, err := decodeFrameOf(setup, sender, b)
		if err != nil {
			faults = append(faults, &Fault{Culprit: sender, Check: CheckEncoding, Err: err, setup: setup})
			continue
		}
		messages = append(messages, m)
		contributions = append(contributions, splitContribution(setup.suite, contributionSize(setup.suite, setup.threshold), m.encoded[:setup.messageHeadSize(setup.threshold)]))
	}
	decoded := make(map[frost.Identifier]*Round1Message, len(messages))
	all, errs := decodeContributions(setup.suite, contributions)
	for i, m := range messages {
		if errs[i] != nil {
			faults = append(faults, &Fault{Culprit: m.sender, Check: CheckEncoding, Err: errs[i], setup: setup})
			continue
		}
		m.contribution = all[i]
		decoded[m.sender] = m
	}
	if err := blame(faults); err != nil {
		return decoded, fmt.Errorf(doing, err)
	}
	return decoded, nil
}

// decodeFrameOf decodes a message but for its contribution.
func decodeFrameOf(setup *Setup, sender frost.Identifier, b []byte) (*Round1Message, error) {
	if len(b) > setup.MaxRound1MessageSize() {
		return nil, fmt.Errorf("it has %d bytes, want %d at most", len(b), setup.MaxRound1MessageSize())
	}
	size := setup.messageHeadSize(setup.threshold)
	if len(b) < size {
		return nil, fmt.Errorf("it has %d bytes, want %d at least", len(b), setup.Round1MessageSize(0))
	}
	encoded := bytes.Clone(b)
	ciphertexts, err := decodeFrames(setup.suite, encoded[size:], len(setup.ids))
	if err != nil {
		return nil, cmp.Or(setup.otherThreshold(encoded), err)
	}
	return &Round1Message{setup: setup, sender: sender, ciphertexts: ciphertexts, encoded: encoded}, nil
}

// otherThreshold says how many commitments a message has whose frames only fit with another
// number than the threshold: a longer polynomial would silently raise it.
func (s *Setup) otherThreshold(b []byte) error {
	for t := 1; s.messageHeadSize(t) < len(b); t++ {
		if _, err := decodeFrames(s.suite, b[s.messageHeadSize(t):], len(s.ids)); err == nil {
			return fmt.Errorf("sent %d commitments, threshold is %d", t, s.threshold)
		}
	}
	return nil
}

// Sender returns who sent the message.
func (m *Round1Message) Sender() frost.Identifier { return m.sender }

// Encode returns the bytes that [DecodeRound1Message] reads.
func (m *Round1Message) Encode() []byte { return bytes.Clone(m.encoded) }

// Equal reports whether both are the same message of the same member. Two that are not
// equal, of one member in one session, are equivocation.
func (m *Round1Message) Equal(other *Round1Message) bool {
	return m.sender == other.sender && m.setup.equal(other.setup) && bytes.Equal(m.encoded, other.encoded)
}

// appendFrame appends uint64_be(len(ciphertext)) || ciphertext.
func appendFrame(b, ciphertext []byte) []byte {
	return append(binary.BigEndian.AppendUint64(b, uint64(len(ciphertext))), ciphertext...)
}

// decodeFrames decodes exactly count framed ciphertexts, which it does not copy.
func decodeFrames(s suite, b []byte, count int) ([][]byte, error) {
	if smallest := count * (lengthSize + s.minCiphertextSize()); len(b) < smallest {
		return nil, fmt.Errorf("%d ciphertexts have %d bytes, want %d at least", count, len(b), smallest)
	}
	ciphertexts := make([][]byte, count)
	for i := range ciphertexts {
		var err error
		if ciphertexts[i], b, err = decodeFrame(s, b); err != nil {
			return nil, fmt.Errorf("ciphertext %d: %w", i+1, err)
		}
	}
	if len(b) > 0 {
		return nil, fmt.Errorf("%d bytes follow the last ciphertext", len(b))
	}
	return ciphertexts, nil
}

// decodeFrame decodes one framed ciphertext and returns what follows.
func decodeFrame(s suite, b []byte) (ciphertext, rest []byte, err error) {
	if len(b) < lengthSize {
		return nil, nil, errors.New("it ends in its length")
	}
	length, b := binary.BigEndian.Uint64(b), b[lengthSize:]
	switch {
	case length > MaxCiphertextSize:
		return nil, nil, fmt.Errorf("it has %d bytes, want %d at most", length, MaxCiphertextSize)
	case length < uint64(s.minCiphertextSize()):
		return nil, nil, fmt.Errorf("it has %d bytes, want %d at least", length, s.minCiphertextSize())
	case length > uint64(len(b)):
		return nil, nil, fmt.Errorf("it has %d bytes, and %d are there", length, len(b))
	}
	return b[:length:length], b[length:], nil
}
