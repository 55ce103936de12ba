package frost_test

import (
	"encoding/binary"
	"io"
	"math/rand/v2"
)

// newStream returns a reproducible source of randomness.
func newStream(seed uint64) io.Reader {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	return rand.NewChaCha8(key)
}
