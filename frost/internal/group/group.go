// Package group says what FROST needs of a prime-order group (RFC 9591,
// Section 3.1): scalars, elements, their encodings, and the operations that a
// suite can do faster in bulk than one by one.
//
// Scalars and elements are changed by their methods in the manner of math/big:
// the receiver, which may be an argument too, takes the result and is returned. Both sides of an operation
// must come from the same group. Operations are constant-time but for those
// whose name begins with VarTime, which are for public values alone.
package group

import (
	"fmt"
	"io"
)

// Scalar is an integer modulo the order of the group.
type Scalar interface {
	// Set makes the receiver x.
	Set(x Scalar) Scalar
	// Add makes the receiver x + y.
	Add(x, y Scalar) Scalar
	// Subtract makes the receiver x - y.
	Subtract(x, y Scalar) Scalar
	// Multiply makes the receiver x * y.
	Multiply(x, y Scalar) Scalar
	// MultiplyAdd makes the receiver x * y + z.
	MultiplyAdd(x, y, z Scalar) Scalar
	// Invert makes the receiver 1 / x, and 0 for x = 0.
	Invert(x Scalar) Scalar
	// Equal reports whether the receiver is x.
	Equal(x Scalar) bool
	// IsZero reports whether the receiver is 0.
	IsZero() bool
	// Bytes returns the encoding, of the group's ScalarSize, in a new slice.
	Bytes() []byte
	// Clear makes the receiver 0, wiping it.
	Clear()
}

// Element is a member of the group.
type Element interface {
	// Set makes the receiver x.
	Set(x Element) Element
	// Add makes the receiver x + y.
	Add(x, y Element) Element
	// Equal reports whether the receiver is x.
	Equal(x Element) bool
	// IsIdentity reports whether the receiver is the identity.
	IsIdentity() bool
	// Encoding returns the encoding, of the group's ElementSize. It is kept
	// from decoding or Normalize, else computed; the caller must not change it.
	Encoding() []byte
}

// Group is a group of prime order with its encodings.
type Group interface {
	// ScalarSize returns the length of an encoded scalar in bytes.
	ScalarSize() int
	// ElementSize returns the length of an encoded element in bytes.
	ElementSize() int

	// NewScalar returns 0.
	NewScalar() Scalar
	// NewElement returns the identity.
	NewElement() Element
	// ScalarFromUint16 returns n.
	ScalarFromUint16(n uint16) Scalar
	// RandomScalar returns a scalar that is uniform among all but 0.
	RandomScalar(random io.Reader) (Scalar, error)
	// RandomWeights returns n independent scalars, uniform among the numbers below 2^128, from
	// crypto/rand: what many equations are multiplied by to be checked as one sum.
	RandomWeights(n int) []Scalar

	// DecodeScalar decodes ScalarSize bytes below the order of the group.
	DecodeScalar(b []byte) (Scalar, error)
	// VarTimeCompareScalars orders two encoded scalars, which are public, by their numbers.
	VarTimeCompareScalars(a, b string) int
	// DecodeElements decodes encodings and keeps them. It refuses what has not
	// ElementSize bytes, what is not canonical, the identity, and what lies outside
	// the group, by an *ElementError for the first such encoding.
	DecodeElements(encodings [][]byte) ([]Element, error)
	// Normalize computes and keeps the encodings of elements, which are not
	// changed afterwards and may then be shared between goroutines.
	Normalize(elements ...Element)

	// BaseMult returns s times the generator.
	BaseMult(s Scalar) Element
	// VarTimeMultiScalarMult returns the sum of scalars[i] * elements[i].
	VarTimeMultiScalarMult(scalars []Scalar, elements []Element) Element
	// VarTimeEvaluate returns for each x the value of a polynomial of which the
	// commitment is given, one element at least: the sum of x^k * commitment[k].
	VarTimeEvaluate(commitment []Element, xs []Scalar) []Element
	// VarTimeWeightedEvaluate returns the sum of weights[l] times the value of
	// commitments[l] at x.
	VarTimeWeightedEvaluate(weights []Scalar, commitments [][]Element, x Scalar) Element
	// VarTimeDoubleBaseMult returns a * A + b * generator.
	VarTimeDoubleBaseMult(a Scalar, A Element, b Scalar) Element
}

// ElementError says which of several encodings was refused, and why.
type ElementError struct {
	Index int
	Err   error
}

// Error names the reason.
func (e *ElementError) Error() string { return fmt.Sprintf("decoding a group element: %v", e.Err) }
