package cocktail

import (
	"crypto/cipher"
	"crypto/sha512"
	"encoding/binary"

	"golang.org/x/crypto/chacha20poly1305"

	"frostkit/frost"
	"frostkit/frost/internal/ed25519"
	"frostkit/frost/internal/group"
)

// Domain separation of COCKTAIL(Ed25519, SHA-512).
var (
	ed25519H6    = []byte("COCKTAIL-DKG-Ed25519-SHA512-H6")
	ed25519H7    = []byte("COCKTAIL-DKG-Ed25519-SHA512-H7")
	ed25519Nonce = []byte("COCKTAIL-DKG-Ed25519-SHA512-NONCE")
)

// ed25519Parameters is COCKTAIL(Ed25519, SHA-512), by the strategy
// "Raw-Edwards-with-subgroup-check".
type ed25519Parameters struct {
	cs frost.Ciphersuite
}

func (ed25519Parameters) id() string { return "COCKTAIL(Ed25519, SHA-512)" }

func (ed25519Parameters) hash(parts ...[]byte) []byte {
	h := sha512.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// ecdh encodes as RFC 8032 does. The table "ECDH Shared-Secret Encoding" of v0.2.1 says
// ristretto255 for this suite; all test vectors, of which the specification says that they "MUST" be
// reproduced, have the encoding of RFC 8032 (github.com/C2SP/C2SP, issue 299, point 2).
func (ed25519Parameters) ecdh(secret group.Scalar, public group.Element) []byte {
	return ed25519.ECDH(secret, public)
}

// deriveKeyAndNonce is, for a hash of at least 56 bytes, k = tmp[0:32] and iv = tmp[32:56] with
// tmp = H(prefix || x || E || P_s || P_r || len(extra) || extra).
func (p ed25519Parameters) deriveKeyAndNonce(x, ephemeral, sender, recipient, context []byte) (key, nonce []byte) {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(context)))
	tmp := p.hash(ed25519H6, x, ephemeral, sender, recipient, length, context)
	return tmp[:keySize], tmp[keySize : keySize+nonceSize]
}

func (ed25519Parameters) aead(key []byte) (cipher.AEAD, error) { return chacha20poly1305.NewX(key) }

// nonceScalar and challengeScalar use that H2 of FROST(Ed25519, SHA-512) is the
// specification's HashToScalar: SHA-512 without a prefix, reduced from 64 bytes.
func (p ed25519Parameters) nonceScalar(parts ...[]byte) group.Scalar {
	return p.cs.H2(append([][]byte{ed25519Nonce}, parts...)...)
}

func (p ed25519Parameters) challengeScalar(parts ...[]byte) group.Scalar {
	return p.cs.H2(append([][]byte{ed25519H7}, parts...)...)
}
