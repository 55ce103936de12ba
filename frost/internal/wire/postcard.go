package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// postcardReader reads postcard. Its data is what is left of size bytes.
type postcardReader struct {
	data []byte
	size int
}

func (r *postcardReader) canonical() bool { return true }

func (r *postcardReader) offset() int { return r.size - len(r.data) }

func (r *postcardReader) form() string { return "postcard form" }

// clear has nothing to wipe: nothing was copied.
func (r *postcardReader) clear() {}

func (r *postcardReader) header(d *Decoder) error {
	head, err := r.fixed(1 + 4)
	switch {
	case err != nil:
		return err
	case head[0] != version:
		return errVersion
	case !bytes.Equal(head[1:], shortID(d.Suite)):
		return fmt.Errorf("ciphersuite is not %x (%s)", shortID(d.Suite), d.Suite.ID())
	}
	return nil
}

func (r *postcardReader) structure(d *Decoder, fields []Field) error {
	for _, field := range fields {
		if field.Optional && len(r.data) == 0 {
			return nil
		}
		if err := field.read(d); err != nil {
			return err
		}
	}
	return nil
}

func (r *postcardReader) list(_ *Decoder, each func() error) error {
	n, err := r.uint(math.MaxUint64)
	// An item takes a byte at least: a count beyond the input fails at its end.
	for ; err == nil && n > 0; n-- {
		err = each()
	}
	return err
}

func (r *postcardReader) pairs(d *Decoder, each func() error) error { return r.list(d, each) }

func (r *postcardReader) key(n int) ([]byte, error) { return r.fixed(n) }

func (r *postcardReader) fixed(n int) ([]byte, error) {
	if len(r.data) < n {
		return nil, errShort
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b, nil
}

func (r *postcardReader) variable() ([]byte, error) {
	n, err := r.uint(math.MaxUint64)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(r.data)) {
		return nil, errShort
	}
	b, err := r.fixed(int(n))
	return bytes.Clone(b), err
}

// uint reads a varint: seven bits a byte, the low ones first, in as few bytes
// as will do.
func (r *postcardReader) uint(limit uint64) (uint64, error) {
	value, n := binary.Uvarint(r.data)
	switch {
	case n == 0:
		return 0, errShort
	case n < 0 || value > limit:
		return 0, fmt.Errorf("number is above %d", limit)
	case n > 1 && r.data[n-1] == 0:
		return 0, errors.New("number is longer than it needs to be")
	}
	r.data = r.data[n:]
	return value, nil
}

// some reads the tag of an Option.
func (r *postcardReader) some() (bool, error) {
	tag, err := r.fixed(1)
	if err != nil {
		return false, err
	}
	if tag[0] > 1 {
		return false, errors.New("tag of an option is not 0 or 1")
	}
	return tag[0] == 1, nil
}

func (r *postcardReader) end() error {
	if len(r.data) > 0 {
		return fmt.Errorf("%d trailing bytes", len(r.data))
	}
	return nil
}
