package oracle

import (
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20"
)

// Seed is the seed of an operation's randomness.
type Seed [chacha20.KeySize]byte

// MarshalText returns hexadecimal digits.
func (s Seed) MarshalText() ([]byte, error) { return Bytes(s[:]).MarshalText() }

// Stream returns the bytes that the Rust program draws for a seed: the key stream of
// ChaCha20 with this key and nonce 0, from block 0. The FROST crates draw what package
// frost draws, so that both make the same secrets of the same seed.
func (s Seed) Stream() io.Reader {
	cipher, err := chacha20.NewUnauthenticatedCipher(s[:], make([]byte, chacha20.NonceSize))
	if err != nil {
		panic(fmt.Sprintf("oracle: internal error: %v", err)) // the lengths are right
	}
	return &stream{cipher}
}

type stream struct {
	cipher *chacha20.Cipher
}

func (s *stream) Read(b []byte) (int, error) {
	clear(b)
	s.cipher.XORKeyStream(b, b)
	return len(b), nil
}
