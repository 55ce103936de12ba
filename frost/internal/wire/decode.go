package wire

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"frostkit/frost/internal/group"
)

// Decoder reads one message. Group elements are gathered while it reads and
// decoded together at the end, so that a group can do that in bulk.
type Decoder struct {
	Suite Suite

	source    source
	field     string // that is being read
	encodings [][]byte
	targets   []target // ascending
}

// source is a form of a message being read.
type source interface {
	header(d *Decoder) error
	structure(d *Decoder, fields []Field) error
	// list calls each for every item, which it reads.
	list(d *Decoder, each func() error) error
	// pairs calls each for every entry of a map, which reads a key and a value.
	pairs(d *Decoder, each func() error) error
	// key reads the key of an entry, of n bytes.
	key(n int) ([]byte, error)
	// fixed reads a byte string of n bytes, variable one of any length. The
	// result of fixed may be overwritten by the next call.
	fixed(n int) ([]byte, error)
	variable() ([]byte, error)
	uint(limit uint64) (uint64, error)
	// some reads whether an optional value follows.
	some() (bool, error)
	// canonical says that the entries of a map must ascend.
	canonical() bool
	// end checks that nothing is left.
	end() error
	// offset returns how many bytes are read, form what they are.
	offset() int
	form() string
	// clear wipes what was copied from the input.
	clear()
}

// target is where decoded elements go, and what they come from: the field, and the
// offset after it in the input.
type target struct {
	from, to int
	one      *group.Element
	list     *[]group.Element
	field    string
	offset   int
}

// DecodeJSON reads JSON into the places that the fields name. Its errors give the
// position in the input and the field, but none of the input's values, any of which may
// be a secret that was put in the wrong place.
func DecodeJSON(s Suite, data []byte, fields ...Field) error {
	return decode(s, &jsonReader{data: data}, fields)
}

// DecodePostcard reads postcard into the places that the fields name, with errors
// like those of [DecodeJSON].
func DecodePostcard(s Suite, data []byte, fields ...Field) error {
	return decode(s, &postcardReader{data: data, size: len(data)}, fields)
}

func decode(s Suite, src source, fields []Field) error {
	d, err := read(s, src, fields)
	if err != nil {
		return err
	}
	return d.decodeElements()
}

// read reads a message but for its elements, which are gathered in the decoder.
func read(s Suite, src source, fields []Field) (*Decoder, error) {
	d := &Decoder{Suite: s, source: src}
	defer src.clear()
	err := d.Struct(fields)
	if err == nil {
		err = src.end()
	}
	if err != nil {
		return nil, d.at(src.offset(), err)
	}
	return d, nil
}

// at says where in the input an error is.
func (d *Decoder) at(offset int, err error) error {
	return fmt.Errorf("byte %d of the %s: %w", offset, d.source.form(), err)
}

// Struct reads the fields of a struct.
func (d *Decoder) Struct(fields []Field) error { return d.source.structure(d, fields) }

// List reads a list by calling each for every item, which it reads.
func (d *Decoder) List(each func() error) error { return d.source.list(d, each) }

// Map reads a map by calling each for every entry, which reads a key by
// [Decoder.Key] and then a value.
func (d *Decoder) Map(each func() error) error { return d.source.pairs(d, each) }

// Key reads the n bytes of a map's key. They are valid until the next read.
func (d *Decoder) Key(n int) ([]byte, error) { return d.source.key(n) }

// Fixed reads n bytes. They are valid until the next read.
func (d *Decoder) Fixed(n int) ([]byte, error) { return d.source.fixed(n) }

// Canonical reports whether the entries of a map must ascend.
func (d *Decoder) Canonical() bool { return d.source.canonical() }

// Element reads an element, which is in x once the whole message is read.
func (d *Decoder) Element(x *group.Element) error {
	from := len(d.encodings)
	err := d.encoding()
	d.gathered(target{from: from, one: x})
	return err
}

func (d *Decoder) encoding() error {
	b, err := d.source.fixed(d.Suite.Group().ElementSize())
	d.encodings = append(d.encodings, bytes.Clone(b))
	return err
}

// gathered keeps where the encodings that were just read go.
func (d *Decoder) gathered(t target) {
	t.to, t.field, t.offset = len(d.encodings), d.field, d.source.offset()
	d.targets = append(d.targets, t)
}

func (d *Decoder) scalar() (group.Scalar, error) {
	b, err := d.source.fixed(d.Suite.Group().ScalarSize())
	if err != nil {
		return nil, err
	}
	return d.Suite.Group().DecodeScalar(b)
}

func (d *Decoder) signature(r *group.Element, z *group.Scalar) error {
	g := d.Suite.Group()
	b, err := d.source.variable()
	if err != nil {
		return err
	}
	if want := g.ElementSize() + g.ScalarSize(); len(b) != want {
		return fmt.Errorf("signature has %d bytes, want %d", len(b), want)
	}
	d.encodings = append(d.encodings, b[:g.ElementSize()])
	d.gathered(target{from: len(d.encodings) - 1, one: r})
	*z, err = g.DecodeScalar(b[g.ElementSize():])
	return err
}

func (d *Decoder) uint(limit uint64) (uint64, error) { return d.source.uint(limit) }

func (d *Decoder) decodeElements() error {
	elements, err := d.Suite.Group().DecodeElements(d.encodings)
	if err == nil {
		d.assign(elements)
	}
	if refused := (*group.ElementError)(nil); errors.As(err, &refused) {
		return d.refused(refused)
	}
	return err
}

// refused says which field an element that was refused is of.
func (d *Decoder) refused(refused *group.ElementError) error {
	t := d.targets[slices.IndexFunc(d.targets, func(t target) bool { return refused.Index < t.to })]
	if t.list != nil {
		return d.at(t.offset, fmt.Errorf("%s[%d]: %w", t.field, refused.Index-t.from, refused.Err))
	}
	return d.at(t.offset, fmt.Errorf("%s: %w", t.field, refused.Err))
}

// assign puts the decoded elements where they belong.
func (d *Decoder) assign(elements []group.Element) {
	for _, t := range d.targets {
		if t.one != nil {
			*t.one = elements[t.from]
		} else {
			*t.list = elements[t.from:t.to:t.to]
		}
	}
}
