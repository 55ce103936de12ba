package frost

import (
	"fmt"

	"frostkit/frost/internal/group"
)

// SignedMessage is a message with its signature and the key that it is to verify under.
type SignedMessage struct {
	Key       VerifyingKey
	Message   []byte
	Signature Signature
}

// BatchError is the error of [VerifyBatch]. It matches [ErrInvalidSignature].
type BatchError struct {
	// Invalid are the indices of the signatures that do not verify, ascending.
	Invalid []int
}

// Error counts the invalid signatures and names the first.
func (e *BatchError) Error() string {
	return fmt.Sprintf("%d signatures do not verify, the first at index %d", len(e.Invalid), e.Invalid[0])
}

// Unwrap returns [ErrInvalidSignature].
func (e *BatchError) Unwrap() error { return ErrInvalidSignature }

// VerifyBatch verifies signatures together, under one key or several, in
// less time than each by [VerifyingKey.Verify], and accepts what that does: the sum of their
// equations is checked with random weights of 128 bits, and if that fails, each signature.
// The error is a *[BatchError] that names all invalid ones. No signatures are valid.
func VerifyBatch(batch []SignedMessage) error {
	if batchVerifies(batch) {
		return nil
	}
	var invalid []int
	for i, m := range batch {
		if m.Key.Verify(m.Message, m.Signature) != nil {
			invalid = append(invalid, i)
		}
	}
	if len(invalid) > 0 {
		return &BatchError{invalid}
	}
	return nil
}

// batchVerifies reports whether all signatures are of one suite, and
// (sum of w * z) * G = sum of w * R + (w * c) * key for random weights w.
func batchVerifies(batch []SignedMessage) bool {
	if len(batch) == 0 {
		return true
	}
	cs := batch[0].Key.suite
	if cs == nil {
		return false
	}
	g := cs.Group()
	left := g.NewScalar()
	var scalars []group.Scalar
	var elements []group.Element
	for i, weight := range g.RandomWeights(len(batch)) {
		m := batch[i]
		if m.Key.suite != cs || m.Signature.suite != cs {
			return false
		}
		left.MultiplyAdd(weight, m.Signature.z, left)
		c := challenge(cs, m.Signature.r, m.Key.element, m.Message)
		scalars = append(scalars, weight, c.Multiply(c, weight))
		elements = append(elements, m.Signature.r, m.Key.element)
	}
	return g.VarTimeMultiScalarMult(scalars, elements).Equal(g.BaseMult(left))
}
