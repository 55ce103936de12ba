package wire

import (
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/parallel"
)

// DecodeJSONEach reads each message into the places that its fields name, as
// [DecodeJSON] does, and returns the error of each: nil where it decodes. The
// elements of all messages are decoded together, so that a group can do that
// in bulk. Only if one is refused each message's are decoded by themselves.
func DecodeJSONEach(s Suite, messages [][]byte, fields [][]Field) []error {
	decoders := make([]*Decoder, len(messages))
	errs := make([]error, len(messages))
	parallel.For(len(messages), 1, func(from, to int) {
		for i := from; i < to; i++ {
			decoders[i], errs[i] = read(s, &jsonReader{data: messages[i]}, fields[i])
		}
	})
	var encodings [][]byte
	for i, d := range decoders {
		if errs[i] == nil {
			encodings = append(encodings, d.encodings...)
		}
	}
	elements, err := s.Group().DecodeElements(encodings)
	for i, d := range decoders {
		switch {
		case errs[i] != nil:
		case err != nil:
			errs[i] = d.decodeElements()
		default:
			var own []group.Element
			own, elements = elements[:len(d.encodings)], elements[len(d.encodings):]
			d.assign(own)
		}
	}
	return errs
}
