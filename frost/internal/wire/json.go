package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader reads JSON (RFC 8259) token by token.
type jsonReader struct {
	data    []byte
	pos     int
	scratch []byte
}

func (r *jsonReader) canonical() bool { return false }

func (r *jsonReader) offset() int { return r.pos }

func (r *jsonReader) form() string { return "JSON" }

func (r *jsonReader) clear() { clear(r.scratch[:cap(r.scratch)]) }

// next skips white space and returns the byte after it, 0 at the end.
func (r *jsonReader) next() byte {
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; c {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return c
		}
	}
	return 0
}

// take consumes c after white space.
func (r *jsonReader) take(c byte) error {
	switch got := r.next(); {
	case got == c && r.pos < len(r.data):
		r.pos++
		return nil
	case r.pos == len(r.data):
		return errShort
	default:
		return fmt.Errorf("found %q, want %q", got, c)
	}
}

func (r *jsonReader) end() error {
	r.next()
	if r.pos < len(r.data) {
		return errors.New("trailing characters")
	}
	return nil
}

// sequence reads what stands between open and close, separated by commas.
func (r *jsonReader) sequence(open, shut byte, each func() error) error {
	if err := r.take(open); err != nil {
		return err
	}
	if r.next() == shut {
		return r.take(shut)
	}
	for {
		if err := each(); err != nil {
			return err
		}
		if r.next() != ',' {
			return r.take(shut)
		}
		r.pos++
	}
}

// header has a short way for the header as everybody writes it.
func (r *jsonReader) header(d *Decoder) error {
	rest, found := bytes.CutPrefix(r.data[r.pos:], []byte(headerBegin))
	if found {
		rest, found = bytes.CutPrefix(rest, []byte(d.Suite.ID()))
	}
	if found && bytes.HasPrefix(rest, []byte(headerEnd)) {
		r.pos = len(r.data) - len(rest) + len(headerEnd)
		return nil
	}
	return r.structure(d, headerFields)
}

func (r *jsonReader) list(_ *Decoder, each func() error) error { return r.sequence('[', ']', each) }

func (r *jsonReader) pairs(_ *Decoder, each func() error) error { return r.sequence('{', '}', each) }

// structure reads an object, or as serde does an array of the fields in order.
func (r *jsonReader) structure(d *Decoder, fields []Field) error {
	if r.next() == '[' {
		return r.tuple(d, fields)
	}
	return r.object(d, fields)
}

func (r *jsonReader) object(d *Decoder, fields []Field) error {
	var seen uint
	err := r.sequence('{', '}', func() error {
		name, err := r.text()
		if err != nil {
			return err
		}
		i := fieldIndex(fields, name)
		switch {
		case i < 0:
			return unknownField(name)
		case seen&(1<<i) != 0:
			return fmt.Errorf("duplicate field %q", name)
		}
		seen |= 1 << i
		if err := r.take(':'); err != nil {
			return err
		}
		return fields[i].read(d)
	})
	if err != nil {
		return err
	}
	for i, field := range fields {
		if seen&(1<<i) == 0 && !field.Optional {
			return fmt.Errorf("missing field %q", field.Name)
		}
	}
	return nil
}

// unknownField names a field, unless that may be the digits of a value.
func unknownField(name []byte) error {
	if len(name) > 40 || bytes.ContainsAny(name, "0123456789") {
		return errors.New("unknown field")
	}
	return fmt.Errorf("unknown field %q", name)
}

func (f Field) read(d *Decoder) error {
	d.field = f.Name
	if err := f.Read(d); err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	return nil
}

func fieldIndex(fields []Field, name []byte) int {
	for i, field := range fields {
		if field.Name == string(name) {
			return i
		}
	}
	return -1
}

func (r *jsonReader) tuple(d *Decoder, fields []Field) error {
	n := 0
	err := r.sequence('[', ']', func() error {
		if n == len(fields) {
			return fmt.Errorf("array has more than %d items", n)
		}
		n++
		return fields[n-1].read(d)
	})
	if err == nil && n < len(fields) && !fields[n].Optional {
		err = fmt.Errorf("missing field %q", fields[n].Name)
	}
	return err
}

func (r *jsonReader) key(n int) ([]byte, error) {
	b, err := r.fixed(n)
	if err != nil {
		return nil, err
	}
	return b, r.take(':')
}

func (r *jsonReader) fixed(n int) ([]byte, error) {
	if cap(r.scratch) < n {
		r.scratch = make([]byte, n)
	}
	dst := r.scratch[:n]
	if r.plainHex(dst) {
		return dst, nil
	}
	digits, err := r.text()
	if err != nil {
		return nil, err
	}
	if len(digits) != 2*n {
		return nil, fmt.Errorf("string has %d bytes, want %d hexadecimal digits", len(digits), 2*n)
	}
	return r.hex(dst, digits)
}

// plainHex reads a string of exactly the digits of dst without escapes, or nothing.
func (r *jsonReader) plainHex(dst []byte) bool {
	if r.next() != '"' || len(r.data)-r.pos < 2*len(dst)+2 {
		return false
	}
	digits := r.data[r.pos+1 : r.pos+1+2*len(dst)]
	if r.data[r.pos+1+len(digits)] != '"' {
		return false
	}
	if _, err := hex.Decode(dst, digits); err != nil {
		return false
	}
	r.pos += len(digits) + 2
	return true
}

func (r *jsonReader) variable() ([]byte, error) {
	digits, err := r.text()
	if err != nil {
		return nil, err
	}
	return r.hex(make([]byte, len(digits)/2), digits)
}

func (r *jsonReader) hex(dst, digits []byte) ([]byte, error) {
	if _, err := hex.Decode(dst, digits); err != nil {
		return nil, errors.New("string is not hexadecimal")
	}
	return dst, nil
}

// uint reads a number without sign, fraction or exponent.
func (r *jsonReader) uint(limit uint64) (uint64, error) {
	r.next()
	start, n := r.pos, uint64(0)
	for ; r.pos < len(r.data) && '0' <= r.data[r.pos] && r.data[r.pos] <= '9'; r.pos++ {
		n = min(10*n+uint64(r.data[r.pos]-'0'), limit+1)
	}
	digits := r.data[start:r.pos]
	switch {
	case len(digits) == 0:
		return 0, errors.New("value is not a number from 0")
	case len(digits) > 1 && digits[0] == '0':
		return 0, errors.New("number begins with 0")
	case n > limit:
		return 0, fmt.Errorf("number is above %d", limit)
	}
	return n, nil
}

// some reads null as no value.
func (r *jsonReader) some() (bool, error) {
	if r.next() == 'n' && bytes.HasPrefix(r.data[r.pos:], []byte("null")) {
		r.pos += len("null")
		return false, nil
	}
	return true, nil
}

// text reads a string. The result is part of the input unless the string has
// escapes.
func (r *jsonReader) text() ([]byte, error) {
	if err := r.take('"'); err != nil {
		return nil, err
	}
	start := r.pos
	for r.pos < len(r.data) {
		switch c := r.data[r.pos]; {
		case c == '"':
			r.pos++
			return utf8Text(r.data[start : r.pos-1])
		case c == '\\':
			return r.escapedText(start)
		case c < 0x20:
			return nil, errors.New("control character in a string")
		}
		r.pos++
	}
	return nil, errShort
}

func utf8Text(b []byte) ([]byte, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("string is not UTF-8")
	}
	return b, nil
}

// escapedText reads on in a string that begins at start, from its first escape.
func (r *jsonReader) escapedText(start int) ([]byte, error) {
	out := append(make([]byte, 0, 2*(r.pos-start)+128), r.data[start:r.pos]...)
	for r.pos < len(r.data) {
		c := r.data[r.pos]
		r.pos++
		switch {
		case c == '"':
			return utf8Text(out)
		case c < 0x20:
			return nil, errors.New("control character in a string")
		case c != '\\':
			out = append(out, c)
		default:
			char, err := r.escape()
			if err != nil {
				return nil, err
			}
			out = utf8.AppendRune(out, char)
		}
	}
	return nil, errShort
}

// escape reads an escape after its backslash.
func (r *jsonReader) escape() (rune, error) {
	if r.pos == len(r.data) {
		return 0, errShort
	}
	c := r.data[r.pos]
	r.pos++
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return r.unicodeEscape()
	}
	return 0, fmt.Errorf("unknown escape %q in a string", c)
}

var errSurrogate = errors.New("lone surrogate in a string")

// unicodeEscape reads the digits after \u, and with a high surrogate the whole
// of the low one.
func (r *jsonReader) unicodeEscape() (rune, error) {
	high, err := r.hex16()
	if err != nil || !utf16.IsSurrogate(high) {
		return high, err
	}
	if !bytes.HasPrefix(r.data[r.pos:], []byte(`\u`)) {
		return 0, errSurrogate
	}
	r.pos += 2
	low, err := r.hex16()
	if err != nil {
		return 0, err
	}
	if char := utf16.DecodeRune(high, low); char != utf8.RuneError {
		return char, nil
	}
	return 0, errSurrogate
}

func (r *jsonReader) hex16() (rune, error) {
	if len(r.data)-r.pos < 4 {
		return 0, errShort
	}
	var b [2]byte
	if _, err := hex.Decode(b[:], r.data[r.pos:r.pos+4]); err != nil {
		return 0, errors.New(`escape \u without four hexadecimal digits`)
	}
	r.pos += 4
	return rune(b[0])<<8 | rune(b[1]), nil
}
