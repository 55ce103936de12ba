// Package wire reads and writes the two forms of FROST's messages: JSON as serde_json writes and
// reads it, and postcard (postcard.jamesmunns.com/wire-format). A type is described once, by its
// [Field] list, for both forms and both directions.
//
// Reading JSON accepts what serde_json accepts for a struct that denies unknown
// fields, down to an array in place of the object. Reading postcard is
// stricter than the postcard crate, so that a value has one encoding:
// it refuses overlong varints, bytes after the end, and map keys that do not ascend.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"

	"frostkit/frost/internal/group"
)

// Suite is what the forms need to know of a ciphersuite.
type Suite interface {
	ID() string
	Group() group.Group
}

// Field is one field of a struct.
type Field struct {
	// Name is the field's key in JSON.
	Name string
	// Read reads the value.
	Read func(*Decoder) error
	// Write writes the value; a field without it is read only.
	Write func(*Encoder)
	// Optional says that the field may be absent. It must be the last.
	Optional bool
}

// version is the only version of the header.
const version = 0

var errVersion = fmt.Errorf("version is not %d", version)

// shortID is the suite's name in postcard: the "CRC-32 of the ID string" (the ZF
// implementation's book, "Serialization Format"), big-endian.
func shortID(s Suite) []byte {
	return binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(s.ID())))
}

// Header is the header of every message: version 0 and the ciphersuite.
func Header() Field {
	return Field{
		Name:  "header",
		Read:  func(d *Decoder) error { return d.source.header(d) },
		Write: func(e *Encoder) { e.header() },
	}
}

// The header in JSON is headerBegin, the ID of the ciphersuite, and headerEnd.
const (
	headerBegin = `{"version":0,"ciphersuite":"`
	headerEnd   = `"}`
)

// headerFields are the header's fields in JSON.
var headerFields = []Field{
	{Name: "version", Read: readVersion},
	{Name: "ciphersuite", Read: readCiphersuite},
}

func readVersion(d *Decoder) error {
	n, err := d.uint(255)
	if err == nil && n != version {
		err = errVersion
	}
	return err
}

func readCiphersuite(d *Decoder) error {
	id, err := d.source.(*jsonReader).text()
	if err == nil && string(id) != d.Suite.ID() {
		err = fmt.Errorf("ciphersuite is not %q", d.Suite.ID())
	}
	return err
}

// Scalar is a field of one scalar.
func Scalar(name string, s *group.Scalar) Field {
	return Field{
		Name: name,
		Read: func(d *Decoder) (err error) {
			*s, err = d.scalar()
			return err
		},
		Write: func(e *Encoder) { e.scalar(*s) },
	}
}

// Element is a field of one element.
func Element(name string, x *group.Element) Field {
	return Field{
		Name:  name,
		Read:  func(d *Decoder) error { return d.Element(x) },
		Write: func(e *Encoder) { e.Fixed((*x).Encoding()) },
	}
}

// Elements is a field of a list of elements.
func Elements(name string, list *[]group.Element) Field {
	return Field{
		Name: name,
		Read: func(d *Decoder) error {
			from := len(d.encodings)
			err := d.List(d.encoding)
			d.gathered(target{from: from, list: list})
			return err
		},
		Write: func(e *Encoder) {
			e.List(len(*list), func(i int) { e.Fixed((*list)[i].Encoding()) })
		},
	}
}

// Signature is a field of a Schnorr signature, the encodings of r and z.
func Signature(name string, r *group.Element, z *group.Scalar) Field {
	return Field{
		Name: name,
		Read: func(d *Decoder) error { return d.signature(r, z) },
		Write: func(e *Encoder) {
			e.Variable(slices.Concat((*r).Encoding(), (*z).Bytes()))
		},
	}
}

// Bytes is a field of a byte string of any length.
func Bytes(name string, b *[]byte) Field {
	return Field{
		Name: name,
		Read: func(d *Decoder) (err error) {
			*b, err = d.source.variable()
			return err
		},
		Write: func(e *Encoder) { e.Variable(*b) },
	}
}

// Uint16 is a field of a number from 0 to 65535.
func Uint16(name string, n *uint16) Field {
	return Field{
		Name: name,
		Read: func(d *Decoder) error {
			value, err := d.uint(65535)
			*n = uint16(value)
			return err
		},
		Write: func(e *Encoder) { e.uint(uint64(*n)) },
	}
}

// OptionalUint16 is a last field that is read if it is there: a number, or none.
func OptionalUint16(name string, n **uint16) Field {
	return Field{
		Name:     name,
		Optional: true,
		Read: func(d *Decoder) error {
			if present, err := d.source.some(); !present || err != nil {
				return err
			}
			value, err := d.uint(65535)
			number := uint16(value)
			*n = &number
			return err
		},
	}
}

var errShort = errors.New("input ends too early")
