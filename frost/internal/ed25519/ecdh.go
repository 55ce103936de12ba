package ed25519

import (
	"filippo.io/edwards25519"

	"frostkit/frost/internal/group"
)

// ECDH returns the encoding (RFC 8032, Section 5.1.2) of s * e, 32 bytes, in constant time.
// Both come from the group of this package.
func ECDH(s group.Scalar, e group.Element) []byte {
	p := new(edwards25519.Point).ScalarMult(inner(s), point(e))
	defer func() { *p = edwards25519.Point{} }()
	return p.Bytes()
}
