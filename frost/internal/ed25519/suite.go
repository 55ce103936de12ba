// Package ed25519 is the ciphersuite FROST(Ed25519, SHA-512) of RFC 9591,
// Section 6.1, over filippo.io/edwards25519.
package ed25519

import (
	"crypto/sha512"
	"hash"

	"frostkit/frost/internal/group"
)

// contextString is that of RFC 9591, Section 6.1, and the suite's name in every
// wire form.
const contextString = "FROST-ED25519-SHA512-v1"

// Suite is the ciphersuite. The zero value is ready to use.
type Suite struct{}

// ID returns the context string.
func (*Suite) ID() string { return contextString }

// Name returns the short name.
func (*Suite) Name() string { return "ed25519" }

// Group returns the prime-order group of edwards25519.
func (*Suite) Group() group.Group { return edwards25519Group{} }

// H1 hashes to the binding factor (RFC 9591, Section 6.1).
func (*Suite) H1(m ...[]byte) group.Scalar { return hashToScalar(contextString+"rho", m) }

// H1Each is H1 of prefix || suffix for each suffix, with the state of the hash after the
// prefix computed once.
func (*Suite) H1Each(prefix []byte, suffixes [][]byte) []group.Scalar {
	state := sha512.New()
	state.Write([]byte(contextString + "rho"))
	state.Write(prefix)
	scalars := make([]group.Scalar, len(suffixes))
	for i, suffix := range suffixes {
		h, err := state.(hash.Cloner).Clone()
		if err != nil {
			panic("ed25519: internal error: " + err.Error())
		}
		h.Write(suffix)
		scalars[i] = reduce(h.Sum(nil))
	}
	return scalars
}

// H2 hashes to the challenge. It has no prefix, so that signatures verify as
// those of RFC 8032.
func (*Suite) H2(m ...[]byte) group.Scalar { return hashToScalar("", m) }

// H3 hashes to a nonce.
func (*Suite) H3(m ...[]byte) group.Scalar { return hashToScalar(contextString+"nonce", m) }

// H4 hashes the message to 64 bytes.
func (*Suite) H4(m ...[]byte) []byte { return digest(contextString+"msg", m) }

// H5 hashes the list of commitments to 64 bytes.
func (*Suite) H5(m ...[]byte) []byte { return digest(contextString+"com", m) }

// HDKG hashes to the challenge of the proof of knowledge of a key generation,
// which RFC 9591 leaves out; the tag is that of the ZF implementation.
func (*Suite) HDKG(m ...[]byte) group.Scalar { return hashToScalar(contextString+"dkg", m) }

// HID hashes to an identifier, with the tag of the ZF implementation.
func (*Suite) HID(m ...[]byte) group.Scalar { return hashToScalar(contextString+"id", m) }

// digest returns SHA-512 of the prefix and the parts, in 64 bytes.
func digest(prefix string, parts [][]byte) []byte {
	h := sha512.New()
	h.Write([]byte(prefix))
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

func hashToScalar(prefix string, parts [][]byte) group.Scalar {
	return reduce(digest(prefix, parts))
}

// reduce interprets the 64 bytes of a hash as a little-endian integer, reduces
// it modulo the order of the group, and wipes them.
func reduce(digest []byte) group.Scalar {
	defer clear(digest)
	s := new(scalar)
	if _, err := s.s.SetUniformBytes(digest); err != nil {
		panic("ed25519: internal error: " + err.Error())
	}
	return s
}
