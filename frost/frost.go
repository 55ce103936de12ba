// Package frost implements FROST, two-round threshold Schnorr signatures (RFC
// 9591): any threshold of the holders of key shares sign together, with a signature that
// verifies as one by a single key.
//
// Keys come from [TrustedDealer], from [Split], or without a dealer from the
// packages frost/cocktail and frost/dkg. To sign, each signer makes a [Signer], which publishes its
// [SigningCommitments]; the coordinator gathers them in a [SigningPackage]; each
// signer's [Signer.Sign] answers it, once, with a [SignatureShare]; and
// [Aggregate] makes the [Signature] of them, or names those who sent a wrong share.
//
// Everything is written against a [Ciphersuite], which keys carry with them.
// The wire forms are those of the ZF implementation (github.com/ZcashFoundation/frost) in its
// versions 2 and 3, JSON and postcard. Reading JSON accepts and refuses what ZF does. Reading
// postcard is stricter: overlong varints, trailing bytes and map keys out of
// order are errors, so that what decodes encodes to the same bytes again.
//
// A value of a type of this package is valid once it exists. Secrets neither print
// nor marshal; they are wiped by Destroy as far as Go allows: copies that
// the compiler and the arithmetic leave on stacks and in registers are out of reach.
// Operations on secrets take constant time. What takes variable time works on public values.
//
// A program that is built with GOEXPERIMENT=runtimesecret, where Go offers that, also wipes what
// these operations leave on stacks and in registers: making, decoding and encoding a
// [SigningKey], and [SigningKey.Sign]; [TrustedDealer] and [Split]; decoding, encoding and verifying
// a [SecretShare] and a [KeyPackage]; [NewSigners] and [Signer.Sign]; the rounds of frost/dkg,
// and decoding and encoding its Round2Package; and of frost/cocktail DecodeStaticKey, the
// rounds, Resume and Recover. Secrets that are merely compared or copied, and all that happens
// outside these three packages, are not covered.
//
// The package does no input or output beside reading randomness, and keeps no clock. Large groups
// are worked on by as many goroutines as GOMAXPROCS allows, none of which outlives the call
// that started it.
package frost

import (
	"fmt"

	"frostkit/frost/internal/ed25519"
	"frostkit/frost/internal/group"
)

// Ciphersuite is a FROST ciphersuite (RFC 9591, Section 6): a group of prime
// order and hashes. Suites are comparable by ==. Its methods below Name are for the packages
// under frost, and so their types are internal: suites are added in this module.
type Ciphersuite interface {
	// ID returns the name in the wire forms, such as "FROST-ED25519-SHA512-v1".
	ID() string
	// Name returns the short name, such as "ed25519".
	Name() string

	// Group returns the group.
	Group() group.Group
	// H1 hashes the concatenation of its arguments to a binding factor, H2 to
	// the challenge, H3 to a nonce (RFC 9591, Section 3.2).
	// H1Each is H1 of prefix || suffix for each suffix, all of which the signers'
	// binding factors are.
	H1(m ...[]byte) group.Scalar
	H1Each(prefix []byte, suffixes [][]byte) []group.Scalar
	H2(m ...[]byte) group.Scalar
	H3(m ...[]byte) group.Scalar
	// H4 hashes the message, H5 the list of commitments.
	H4(m ...[]byte) []byte
	H5(m ...[]byte) []byte
	// HDKG hashes to the challenge of a proof of knowledge, HID to an
	// identifier, as in the ZF implementation.
	HDKG(m ...[]byte) group.Scalar
	HID(m ...[]byte) group.Scalar
}

var ed25519Suite = new(ed25519.Suite)

// suites are those that can be found by ID and name.
var suites = []Ciphersuite{ed25519Suite}

// Ed25519 returns FROST(Ed25519, SHA-512) of RFC 9591, Section 6.1. Its signatures
// are those of Ed25519 (RFC 8032).
func Ed25519() Ciphersuite { return ed25519Suite }

// CiphersuiteByID returns the suite with the ID of its wire forms, such as
// "FROST-ED25519-SHA512-v1".
func CiphersuiteByID(id string) (Ciphersuite, error) {
	for _, cs := range suites {
		if cs.ID() == id {
			return cs, nil
		}
	}
	return nil, fmt.Errorf("looking up ciphersuite %q: not known, want %s", id, known(Ciphersuite.ID))
}

// CiphersuiteByName returns the suite of a short name, such as "ed25519".
func CiphersuiteByName(name string) (Ciphersuite, error) {
	for _, cs := range suites {
		if cs.Name() == name {
			return cs, nil
		}
	}
	return nil, fmt.Errorf("looking up ciphersuite %q: not known, want %s", name, known(Ciphersuite.Name))
}

func known(label func(Ciphersuite) string) string {
	text := ""
	for i, cs := range suites {
		if i > 0 {
			text += " or "
		}
		text += fmt.Sprintf("%q", label(cs))
	}
	return text
}
