package ed25519

import (
	"errors"
	"fmt"

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
	batchFrom = 300
)

// DecodeElements is DeserializeElement of RFC 9591, Section 6.1: "decode …
// as per [RFC8032], Section 5.1.3", refusing the identity and every point
// outside the subgroup of prime order.
//
// From batchFrom elements on their order is tested in bulk, which errs with a chance of 2^-128
// for whatever input. When that fails, they are tested one by one.
func (edwards25519Group) DecodeElements(encodings [][]byte) ([]group.Element, error) {
	elements := make([]element, len(encodings))
	done := len(encodings) >= batchFrom &&
		decodeEach(elements, encodings, (*element).decompress) == nil && varTimeAllPrimeOrder(elements)
	if !done {
		if err := decodeEach(elements, encodings, (*element).decode); err != nil {
			return nil, err
		}
	}
	result := make([]group.Element, len(elements))
	for i := range elements {
		result[i] = &elements[i]
	}
	return result, nil
}

// decodeEach decodes one by one and returns the first error.
func decodeEach(elements []element, encodings [][]byte, decode func(*element, []byte) error) error {
	errs := make([]error, len(encodings))
	parallel.For(len(encodings), leastDecoded, func(from, to int) {
		for i := from; i < to; i++ {
			if errs[i] = decode(&elements[i], encodings[i]); errs[i] != nil {
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

func (e *element) decode(b []byte) error {
	if err := e.decompress(b); err != nil {
		return err
	}
	if !varTimePrimeOrder(&e.p) {
		return errOrder
	}
	return nil
}

// decompress decodes a point of the curve that is not the identity, and keeps the encoding.
func (e *element) decompress(b []byte) error {
	if len(b) != elementSize {
		return fmt.Errorf("element has %d bytes, want %d", len(b), elementSize)
	}
	if !canonical(b) {
		return errCanonical
	}
	if _, err := e.p.SetBytes(b); err != nil {
		return errCurve
	}
	if e.IsIdentity() {
		return errIdentity
	}
	e.enc, e.kept = [elementSize]byte(b), true
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
