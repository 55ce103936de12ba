package cocktail

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// Signature is a Schnorr signature of COCKTAIL-DKG ("Schnorr Signature Scheme"), as which
// proofs of possession and transcript signatures are made. It is domain-separated from
// [frost.Signature], and does not verify as one. The zero value is none.
type Signature struct {
	_     [0]func() // not comparable by ==
	suite suite
	r     group.Element
	z     group.Scalar
}

// DecodeSignature decodes the encodings of R and z, for ed25519 64 bytes, with R of
// prime order and z below the group's order: Steps 1 and 2 of "Schnorr Verify Algorithm".
func DecodeSignature(cs frost.Ciphersuite, b []byte) (Signature, error) {
	const doing = "decoding a signature: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return Signature{}, fmt.Errorf(doing, err)
	}
	if len(b) != s.signatureSize() {
		return Signature{}, fmt.Errorf("decoding a signature: it has %d bytes, want %d", len(b), s.signatureSize())
	}
	signatures, err := decodeSignatures(s, b)
	if err != nil {
		return Signature{}, fmt.Errorf(doing, err)
	}
	return signatures[0], nil
}

// decodeSignatures decodes the concatenation of signatures.
func decodeSignatures(s suite, b []byte) ([]Signature, error) {
	size, elementSize := s.signatureSize(), s.Group().ElementSize()
	var encodings [][]byte
	signatures := make([]Signature, 0, len(b)/size)
	for i := range len(b) / size {
		encoded := b[i*size : (i+1)*size]
		z, err := s.Group().DecodeScalar(encoded[elementSize:])
		if err != nil {
			return nil, fmt.Errorf("response of signature %d: %w", i+1, err)
		}
		encodings = append(encodings, encoded[:elementSize])
		signatures = append(signatures, Signature{suite: s, z: z})
	}
	elements, err := s.Group().DecodeElements(encodings)
	if err != nil {
		return nil, fmt.Errorf("commitment of signature %s: %w", position(err), reason(err))
	}
	for i := range signatures {
		signatures[i].r = elements[i]
	}
	return signatures, nil
}

// position returns the number, from 1, of the element that was refused.
func position(err error) string {
	if refused := (*group.ElementError)(nil); errors.As(err, &refused) {
		return fmt.Sprint(refused.Index + 1)
	}
	return "?"
}

// Bytes returns the encoding, for ed25519 64 bytes, nil for the zero value.
func (s Signature) Bytes() []byte {
	if s.r == nil {
		return nil
	}
	return slices.Concat(s.r.Encoding(), s.z.Bytes())
}

// String returns the encoding in lower-case hexadecimal digits.
func (s Signature) String() string { return hex.EncodeToString(s.Bytes()) }

// Equal reports whether both are the same signature of the same suite.
func (s Signature) Equal(other Signature) bool {
	if s.r == nil || other.r == nil {
		return s.r == nil && other.r == nil
	}
	return s.suite == other.suite && s.r.Equal(other.r) && s.z.Equal(other.z)
}

// sign is "Schnorr Sign Algorithm" with the secret key sk of the public key pk.
func sign(s suite, sk group.Scalar, pk group.Element, message []byte) (Signature, error) {
	encoded := sk.Bytes()
	defer clear(encoded)
	// k = HashToScalar(prefix_nonce || encode(sk) || m)
	k := s.nonceScalar(encoded, message)
	defer k.Clear()
	// "Reject k = 0 … MUST abort signing immediately"
	if k.IsZero() {
		return Signature{}, errors.New("signing: nonce is 0: begin a session with another ID")
	}
	r := s.Group().BaseMult(k)
	s.Group().Normalize(r)
	// c = HashToScalar(prefix_H7 || R || pk || m), z = k + c * sk
	c := s.challengeScalar(r.Encoding(), pk.Encoding(), message)
	return Signature{suite: s, r: r, z: s.Group().NewScalar().MultiplyAdd(c, sk, k)}, nil
}

// signed is a signature with its key and the challenge that they and the message make.
type signed struct {
	Signature
	key       group.Element
	challenge group.Scalar
}

// newSigned computes the challenge: "c = HashToScalar(prefix_H7 || R || pk || m)".
func newSigned(sig Signature, key group.Element, message []byte) signed {
	return signed{sig, key, sig.suite.challengeScalar(sig.r.Encoding(), key.Encoding(), message)}
}

// verifies reports whether z * B = R + c * pk: Steps 4 to 6 of "Schnorr Verify Algorithm".
func (s signed) verifies() bool {
	g := s.suite.Group()
	minusC := g.NewScalar()
	minusC.Subtract(minusC, s.challenge)
	return g.VarTimeDoubleBaseMult(minusC, s.key, s.z).Equal(s.r)
}

// invalid returns the positions of the signatures that do not verify. All are checked at once,
// and one by one only if that fails.
func invalid(s suite, all []signed) []int {
	if batchVerifies(s, all) {
		return nil
	}
	var failed []int
	for i := range all {
		if !all[i].verifies() {
			failed = append(failed, i)
		}
	}
	return failed
}

// batchVerifies reports whether the sum of w_j * (R_j + c_j * pk_j - z_j * B) is the identity, for
// random weights w_j of 128 bits. If a signature does not verify, the weights for which it is so
// are one in 2^128.
func batchVerifies(s suite, all []signed) bool {
	g := s.Group()
	scalars := make([]group.Scalar, 0, 2*len(all))
	elements := make([]group.Element, 0, 2*len(all))
	sum := g.NewScalar()
	for i, w := range g.RandomWeights(len(all)) {
		scalars = append(scalars, w, g.NewScalar().Multiply(w, all[i].challenge))
		elements = append(elements, all[i].r, all[i].key)
		sum.MultiplyAdd(w, all[i].z, sum)
	}
	return g.VarTimeMultiScalarMult(scalars, elements).Equal(g.BaseMult(sum))
}
