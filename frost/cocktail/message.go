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
}

// contributionSize returns the length of an encoded contribution in bytes.
func contributionSize(s suite, threshold int) int {
	return (threshold+1)*s.Group().ElementSize() + s.signatureSize()
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

// decodeContribution decodes the three parts, whose lengths the caller has checked. Every
// element must be of prime order and not the identity.
func decodeContribution(s suite, commitment, pop, ephemeral []byte) (contribution, error) {
	size := s.Group().ElementSize()
	z, err := s.Group().DecodeScalar(pop[size:])
	if err != nil {
		return contribution{}, fmt.Errorf("z of the proof of possession: %w", err)
	}
	var encodings [][]byte
	for encoded := range slices.Chunk(commitment, size) {
		encodings = append(encodings, encoded)
	}
	encodings = append(encodings, pop[:size], ephemeral)
	elements, err := s.Group().DecodeElements(encodings)
	if err != nil {
		return contribution{}, fmt.Errorf("%s: %w", contributionPart(err, len(encodings)-2), reason(err))
	}
	t := len(elements) - 2
	return contribution{elements[:t:t], Signature{suite: s, r: elements[t], z: z}, elements[t+1]}, nil
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
		return "R of the proof of possession"
	}
	return "ephemeral key"
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
	encoded := c.encode()
	for _, ciphertext := range ciphertexts {
		encoded = appendFrame(encoded, ciphertext)
	}
	return &Round1Message{setup, sender, c, ciphertexts, encoded}
}

// Round1MessageSize returns the length in bytes of a message whose payloads have so many
// bytes in all: for ed25519, 32·t + 96 + 56·n + payloads.
func (s *Setup) Round1MessageSize(payloads int) int {
	return contributionSize(s.suite, s.threshold) + len(s.ids)*(lengthSize+s.suite.minCiphertextSize()) + payloads
}

// MaxRound1MessageSize returns the length of the longest message in bytes.
func (s *Setup) MaxRound1MessageSize() int {
	return contributionSize(s.suite, s.threshold) + len(s.ids)*(lengthSize+MaxCiphertextSize)
}

// DecodeRound1Message decodes msg_1i = C_i || PoP_i || E_i || framed c_i1 || … || framed c_in of
// a member whom the channel names as its sender. A frame is the ciphertext's length in 8 bytes,
// big-endian, and the ciphertext. The error is a *[frost.BlameError] that names the sender, with
// [CheckEncoding], unless that is no member.
func DecodeRound1Message(setup *Setup, sender frost.Identifier, b []byte) (*Round1Message, error) {
	if _, ok := setup.index[sender]; !ok {
		return nil, fmt.Errorf("decoding a round 1 message: sender %s is no member", sender)
	}
	m, err := decodeRound1Message(setup, sender, bytes.Clone(b))
	if err != nil {
		return nil, fmt.Errorf("decoding a round 1 message: %w",
			blame([]*Fault{{Culprit: sender, Check: CheckEncoding, Err: err, setup: setup}}))
	}
	return m, nil
}

func decodeRound1Message(setup *Setup, sender frost.Identifier, b []byte) (*Round1Message, error) {
	s := setup.suite
	if len(b) > setup.MaxRound1MessageSize() {
		return nil, fmt.Errorf("it has %d bytes, want %d at most", len(b), setup.MaxRound1MessageSize())
	}
	size := contributionSize(s, setup.threshold)
	if len(b) < size {
		return nil, fmt.Errorf("it has %d bytes, want %d at least", len(b), setup.Round1MessageSize(0))
	}
	ciphertexts, err := decodeFrames(s, b[size:], len(setup.ids))
	if err != nil {
		return nil, cmp.Or(setup.otherThreshold(b), err)
	}
	c, err := decodeContributionRow(s, b[:size], setup.threshold)
	if err != nil {
		return nil, err
	}
	return &Round1Message{setup, sender, c, ciphertexts, b}, nil
}

// otherThreshold says how many commitments a message has whose frames only fit with another
// number than the threshold: a longer polynomial would silently raise it.
func (s *Setup) otherThreshold(b []byte) error {
	for t := 1; contributionSize(s.suite, t) < len(b); t++ {
		if _, err := decodeFrames(s.suite, b[contributionSize(s.suite, t):], len(s.ids)); err == nil {
			return fmt.Errorf("sent %d commitments, threshold is %d", t, s.threshold)
		}
	}
	return nil
}

// decodeContributionRow decodes C_j || PoP_j || E_j of the right length.
func decodeContributionRow(s suite, b []byte, threshold int) (contribution, error) {
	end := threshold * s.Group().ElementSize()
	return decodeContribution(s, b[:end], b[end:end+s.signatureSize()], b[end+s.signatureSize():])
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

// appendFrame appends "uint64_be(len(c)) || c".
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
