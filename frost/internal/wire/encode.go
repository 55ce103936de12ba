package wire

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"

	"frostkit/frost/internal/group"
)

// Encoder writes one message, in JSON or else in postcard. A buffer that it
// leaves behind while it grows is wiped.
type Encoder struct {
	suite Suite
	json  bool
	buf   []byte
}

// EncodeJSON returns the fields' values as compact JSON.
func EncodeJSON(s Suite, fields []Field) []byte {
	e := &Encoder{suite: s, json: true, buf: make([]byte, 0, 512)}
	e.Struct(fields)
	return e.buf
}

// EncodePostcard returns the fields' values in postcard.
func EncodePostcard(s Suite, fields []Field) []byte {
	e := &Encoder{suite: s, buf: make([]byte, 0, 256)}
	e.Struct(fields)
	return e.buf
}

// grow makes room for n more bytes.
func (e *Encoder) grow(n int) {
	if cap(e.buf)-len(e.buf) < n {
		old := e.buf
		e.buf = append(make([]byte, 0, 2*cap(old)+n), old...)
		clear(old)
	}
}

func (e *Encoder) raw(s string) {
	e.grow(len(s))
	e.buf = append(e.buf, s...)
}

// separate writes the comma between two values of JSON.
func (e *Encoder) separate() {
	if !e.json || len(e.buf) == 0 {
		return
	}
	switch e.buf[len(e.buf)-1] {
	case '{', '[', ':':
	default:
		e.raw(",")
	}
}

func (e *Encoder) name(s string) {
	e.separate()
	e.raw(`"` + s + `":`)
}

// Struct writes the fields of a struct.
func (e *Encoder) Struct(fields []Field) {
	e.open("{")
	for _, field := range fields {
		if field.Write == nil {
			continue
		}
		if e.json {
			e.name(field.Name)
		}
		field.Write(e)
	}
	e.shut("}")
}

func (e *Encoder) open(bracket string) {
	if e.json {
		e.separate()
		e.raw(bracket)
	}
}

func (e *Encoder) shut(bracket string) {
	if e.json {
		e.raw(bracket)
	}
}

// List writes n items by calling each.
func (e *Encoder) List(n int, each func(i int)) { e.sequence("[", "]", n, each) }

// Map writes n entries by calling each, which writes a key by [Encoder.Key] and then a value.
func (e *Encoder) Map(n int, each func(i int)) { e.sequence("{", "}", n, each) }

func (e *Encoder) sequence(open, shut string, n int, each func(i int)) {
	e.open(open)
	if !e.json {
		e.uint(uint64(n))
	}
	for i := range n {
		each(i)
	}
	e.shut(shut)
}

// Key writes the key of a map's entry.
func (e *Encoder) Key(b []byte) {
	e.Fixed(b)
	if e.json {
		e.raw(":")
	}
}

// Fixed writes a byte string whose length the reader knows.
func (e *Encoder) Fixed(b []byte) {
	if !e.json {
		e.grow(len(b))
		e.buf = append(e.buf, b...)
		return
	}
	e.separate()
	e.grow(2*len(b) + 2)
	e.buf = append(e.buf, '"')
	e.buf = hex.AppendEncode(e.buf, b)
	e.buf = append(e.buf, '"')
}

// Variable writes a byte string of any length.
func (e *Encoder) Variable(b []byte) {
	if !e.json {
		e.uint(uint64(len(b)))
	}
	e.Fixed(b)
}

func (e *Encoder) scalar(s group.Scalar) {
	b := s.Bytes()
	e.Fixed(b)
	clear(b)
}

func (e *Encoder) uint(n uint64) {
	e.separate()
	e.grow(20)
	if e.json {
		e.buf = strconv.AppendUint(e.buf, n, 10)
	} else {
		e.buf = binary.AppendUvarint(e.buf, n)
	}
}

func (e *Encoder) header() {
	if e.json {
		e.separate()
		e.raw(headerBegin)
		e.raw(e.suite.ID())
		e.raw(headerEnd)
		return
	}
	e.Fixed(slices.Concat([]byte{version}, shortID(e.suite)))
}
