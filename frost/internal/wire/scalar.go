package wire

import (
	"encoding/hex"
	"sync"

	"frostkit/frost/internal/group"
)

// DecodeScalarJSON reads JSON of a header and one scalar as [DecodeJSON] does, but in less time
// if it is as [EncodeJSON] and serde_json write it.
func DecodeScalarJSON(s Suite, data []byte, name string, x *group.Scalar) error {
	if decodePlainScalar(s, data, name, x) {
		return nil
	}
	return DecodeJSON(s, data, Header(), Scalar(name, x))
}

// plainScalars holds what was read of a scalar while it is decoded. Entries are wiped.
var plainScalars = sync.Pool{New: func() any { return new([64]byte) }}

// decodePlainScalar reads the JSON that [EncodeJSON] writes, with digits of either case, or nothing.
func decodePlainScalar(s Suite, data []byte, name string, x *group.Scalar) bool {
	digits, ok := plainDigits(s, data, name)
	buffer := plainScalars.Get().(*[64]byte)
	defer plainScalars.Put(buffer)
	defer clear(buffer[:])
	n := s.Group().ScalarSize()
	if !ok || n > len(buffer) || len(digits) != 2*n {
		return false
	}
	if _, err := hex.Decode(buffer[:n], digits); err != nil {
		return false
	}
	scalar, err := s.Group().DecodeScalar(buffer[:n])
	if err == nil {
		*x = scalar
	}
	return err == nil
}

// plainDigits returns what is in the place of the scalar's digits.
func plainDigits(s Suite, data []byte, name string) ([]byte, bool) {
	for _, part := range [...]string{`{"header":`, headerBegin, s.ID(), headerEnd, `,"`, name, `":"`} {
		if len(data) < len(part) || string(data[:len(part)]) != part {
			return nil, false
		}
		data = data[len(part):]
	}
	const end = `"}`
	if len(data) < len(end) || string(data[len(data)-len(end):]) != end {
		return nil, false
	}
	return data[:len(data)-len(end)], true
}
