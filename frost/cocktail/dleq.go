package cocktail

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// Domain separation of the proofs that shared secrets are what they are said to be.
const (
	dleqChallengeTag = "frostkit shared secret challenge 1"
	dleqNonceTag     = "frostkit shared secret nonce 1"
)

// disclosure is the two shared secrets of a ciphertext, S^e = f * E and S^d = f * P, with a proof that f is the
// discrete logarithm of the recipient's key F: one proof by Chaum and Pedersen of three equal
// logarithms, made non-interactive by a hash of all that it is about.
type disclosure struct {
	ephemeral, static   group.Element
	challenge, response group.Scalar
}

func disclosureSize(s suite) int { return 2 * (s.Group().ElementSize() + s.Group().ScalarSize()) }

// statement is what a proof is bound to besides keys and secrets: framed COCKTAIL-DKG suite || framed context ||
// identifier of who opens || identifier of who encrypted.
type statement []byte

func (s *Setup) statement(opener, sender frost.Identifier) statement {
	b := appendField(nil, []byte(s.suite.id()))
	return append(append(appendField(b, s.context), opener.Bytes()...), sender.Bytes()...)
}

// disclose returns S^e || S^d || c || z, for the recipient with the secret f. The nonce is hashed of the secret, of
// fresh randomness and of all that the proof is about: neither a weak source nor a repeated one gives one
// nonce to two challenges.
func (p pair) disclose(f group.Scalar, about statement, random io.Reader) ([]byte, error) {
	ephemeral, static := p.suite.ecdh(f, p.ephemeral), p.suite.ecdh(f, p.sender)
	encoded := f.Bytes()
	defer clear(encoded)
	var fresh [32]byte
	if _, err := io.ReadFull(random, fresh[:]); err != nil {
		return nil, fmt.Errorf("reading the random part of a proof: %w", err)
	}
	points := p.points(ephemeral, static)
	k := p.suite.H2(appendField(nil, []byte(dleqNonceTag)), encoded, fresh[:], about, points)
	defer k.Clear()
	if k.IsZero() {
		return nil, errors.New("nonce of a proof is 0")
	}
	// A = k * B, k * E, k * P
	commitment := p.suite.Group().BaseMult(k)
	c := p.challenge(about, points, slices.Concat(commitment.Encoding(), p.suite.ecdh(k, p.ephemeral), p.suite.ecdh(k, p.sender)))
	// z = k + c * f
	z := p.suite.Group().NewScalar().MultiplyAdd(c, f, k)
	return slices.Concat(ephemeral, static, c.Bytes(), z.Bytes()), nil
}

// points returns F || E || P || S^e || S^d.
func (p pair) points(ephemeral, static []byte) []byte {
	return slices.Concat(p.recipient.Encoding(), p.ephemeral.Encoding(), p.sender.Encoding(), ephemeral, static)
}

// challenge returns c = HashToScalar(framed label || statement || points || commitments).
func (p pair) challenge(about statement, points, commitments []byte) group.Scalar {
	return p.suite.H2(appendField(nil, []byte(dleqChallengeTag)), about, points, commitments)
}

// decodeDisclosure decodes S^e || S^d || c || z: canonical elements of prime order, scalars below the order.
func decodeDisclosure(s suite, b []byte) (d disclosure, err error) {
	if len(b) != disclosureSize(s) {
		return d, fmt.Errorf("shared secrets with their proof have %d bytes, want %d", len(b), disclosureSize(s))
	}
	element, scalar := s.Group().ElementSize(), s.Group().ScalarSize()
	elements, err := s.Group().DecodeElements([][]byte{b[:element], b[element : 2*element]})
	if err != nil {
		return d, fmt.Errorf("shared secret %s: %w", position(err), reason(err))
	}
	rest := b[2*element:]
	if d.challenge, err = s.Group().DecodeScalar(rest[:scalar]); err != nil {
		return d, fmt.Errorf("challenge of the proof: %w", err)
	}
	if d.response, err = s.Group().DecodeScalar(rest[scalar:]); err != nil {
		return d, fmt.Errorf("response of the proof: %w", err)
	}
	d.ephemeral, d.static = elements[0], elements[1]
	return d, nil
}

// verifyDisclosure reports whether the proof holds: c is the challenge for A = z * B - c * F, z * E - c * S^e,
// z * P - c * S^d. All elements were decoded, so that they are of prime order.
func (p pair) verifyDisclosure(d disclosure, about statement) bool {
	g := p.suite.Group()
	minusC := g.NewScalar()
	minusC.Subtract(minusC, d.challenge)
	commitment := func(base, point group.Element) []byte {
		return g.VarTimeMultiScalarMult([]group.Scalar{d.response, minusC}, []group.Element{base, point}).Encoding()
	}
	commitments := slices.Concat(g.VarTimeDoubleBaseMult(minusC, p.recipient, d.response).Encoding(),
		commitment(p.ephemeral, d.ephemeral), commitment(p.sender, d.static))
	points := p.points(d.ephemeral.Encoding(), d.static.Encoding())
	return p.challenge(about, points, commitments).Equal(d.challenge)
}

// openDisclosed decrypts a ciphertext with its shared secrets.
func (p pair) openDisclosed(d disclosure, ciphertext []byte) (share group.Scalar, err error) {
	share, _, err = p.openWith(slices.Clone(d.ephemeral.Encoding()), slices.Clone(d.static.Encoding()), ciphertext)
	return share, err
}
