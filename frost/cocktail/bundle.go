package cocktail

import (
	"bytes"
	"fmt"

	"frostkit/frost"
)

// Bundle is C^rec_i: the ciphertexts that all members sent to one ("Recovery Data"). Without
// that member's static key it tells nothing; with it, everything: keep it apart from the key, and
// not in public.
type Bundle struct {
	suite       suite
	ciphertexts [][]byte
	encoded     []byte
}

func newBundle(s suite, ciphertexts [][]byte) *Bundle {
	var encoded []byte
	for _, ciphertext := range ciphertexts {
		encoded = appendFrame(encoded, ciphertext)
	}
	return &Bundle{s, ciphertexts, encoded}
}

// DecodeBundle decodes the framed ciphertexts of exactly so many members, 2 to 65535:
// each its length in 8 bytes, big-endian, and the ciphertext.
func DecodeBundle(cs frost.Ciphersuite, members int, b []byte) (*Bundle, error) {
	const doing = "decoding a bundle of ciphertexts: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if members < 2 || members > 1<<16-1 {
		return nil, fmt.Errorf("decoding a bundle of ciphertexts: group has %d members, want 2 to 65535", members)
	}
	if most := members * (lengthSize + MaxCiphertextSize); len(b) > most {
		return nil, fmt.Errorf("decoding a bundle of ciphertexts: it has %d bytes, want %d at most", len(b), most)
	}
	encoded := bytes.Clone(b)
	ciphertexts, err := decodeFrames(s, encoded, members)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return &Bundle{s, ciphertexts, encoded}, nil
}

// Encode returns the bytes that [DecodeBundle] reads.
func (b *Bundle) Encode() []byte { return bytes.Clone(b.encoded) }
