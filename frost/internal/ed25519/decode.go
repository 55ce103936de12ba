package ed25519

import (
	"errors"
	"fmt"

	"filippo.io/edwards25519/field"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/parallel"
)

var (
	errCanonical = errors.New("element is not in canonical form")
	errCurve     = errors.New("element is not a point on the curve")
	errIdentity  = errors.New("element is the identity")
	errOrder     = errors.New("element is not of prime order")
)

const (
	// leastDecoded is how many elements pay for a goroutine.
	leastDecoded = 32
	// batchFrom is how many elements it takes for the test of their order by subsets
	// to be faster than one by one (BenchmarkDecodeElements).
	batchFrom = 450
)

// DecodeElements is DeserializeElement of RFC 9591, Section 6.1: it decodes as RFC 8032,
// Section 5.1.3, does, and refuses the identity and every point outside the subgroup of
// prime order.
//
// From batchFrom elements on their order is tested in bulk, which errs with a chance of 2^-128
// for whatever input. When that fails, they are tested one by one.
func (edwards25519Group) DecodeElements(encodings [][]byte) ([]group.Element, error) {
	elements := make([]element, len(encodings))
	done := len(encodings) >= batchFrom &&
		decodeEach(elements, encodings, false) == nil && varTimeAllPrimeOrder(elements)
	if !done {
		if err := decodeEach(elements, encodings, true); err != nil {
			return nil, err
		}
	}
	result := make([]group.Element, len(elements))
	for i := range elements {
		result[i] = &elements[i]
	}
	return result, nil
}

// decodeEach decodes in pairs, with the test of the order or without it, and returns the first error.
func decodeEach(elements []element, encodings [][]byte, order bool) error {
	n := len(encodings)
	errs := make([]error, n)
	parallel.For((n+1)/2, leastDecoded/2, func(from, to int) {
		for i := 2 * from; i < min(2*to, n); i += 2 {
			end := min(i+2, n)
			if !decodePair(elements[i:end], encodings[i:end], errs[i:end], order) {
				return
			}
		}
	})
	for i, err := range errs {
		if err != nil {
			return &group.ElementError{Index: i, Err: err}
		}
	}
	return nil
}

// decodePair decodes two encodings, or one, and reports whether there is no error.
func decodePair(elements []element, encodings [][]byte, errs []error, order bool) bool {
	var x, y pair
	for i, b := range encodings {
		if errs[i] = checkEncoding(b); errs[i] == nil {
			_, errs[i] = y[i].SetBytes(b)
		}
	}
	var square [2]bool
	prime := [2]bool{true, true}
	if order {
		var w pair
		var halved [2]bool
		for i := range encodings {
			square[i], halved[i] = varTimeRoots(&x[i], &w[i], &y[i])
		}
		prime = varTimePairings(&x, &w, halved)
	} else {
		square = varTimeRecoverX(&x, &y)
	}
	good := true
	for i, b := range encodings {
		switch {
		case errs[i] != nil:
		case !square[i]:
			errs[i] = errCurve
		default:
			errs[i] = elements[i].set(b, &x[i], &y[i], prime[i])
		}
		good = good && errs[i] == nil
	}
	return good
}

// set sets e to the point with the given coordinates, up to the sign of x, which is in its
// encoding (RFC 8032, Section 5.1.3, Step 4), unless that is the identity or not of prime order.
func (e *element) set(encoding []byte, x, y *field.Element, prime bool) error {
	if x.IsNegative() != int(encoding[elementSize-1]>>7) {
		x.Negate(x)
	}
	if _, err := e.p.SetExtendedCoordinates(x, y, feOne, new(field.Element).Multiply(x, y)); err != nil {
		return errCurve
	}
	switch {
	case e.IsIdentity():
		return errIdentity
	case !prime:
		return errOrder
	}
	e.enc, e.kept = [elementSize]byte(encoding), true
	return nil
}

// checkEncoding checks what can be without a field.
func checkEncoding(b []byte) error {
	if len(b) != elementSize {
		return fmt.Errorf("element has %d bytes, want %d", len(b), elementSize)
	}
	if !canonical(b) {
		return errCanonical
	}
	return nil
}

// canonical reports whether the 255 low bits are below p = 2^255 - 19. The
// other thing that SetBytes lets through, x = 0 with the sign bit set, is
// the identity or the point of order 2, which are refused as such.
func canonical(b []byte) bool {
	if b[31]&0x7f != 0x7f {
		return true
	}
	for _, octet := range b[1:31] {
		if octet != 0xff {
			return true
		}
	}
	return b[0] < 0xed
}
