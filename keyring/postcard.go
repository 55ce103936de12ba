package keyring

import (
	"encoding/binary"
	"fmt"
)

// postcardReader takes the fields of a contact off the front of rest.
type postcardReader struct {
	rest []byte
}

// version reads Option<u8> and demands None or Some(0).
func (r *postcardReader) version() (present bool, err error) {
	tag, err := r.byte("version")
	if err != nil {
		return false, err
	}
	switch tag {
	case noVersion:
		return false, nil
	case someVersion:
	default:
		return false, fmt.Errorf("%w: version has tag %d, want 0 or 1", ErrInvalidContact, tag)
	}
	version, err := r.byte("version")
	if err != nil {
		return false, err
	}
	if version != 0 {
		return false, fmt.Errorf("%w %d, want 0; update this program or ask for a contact string of version 0", ErrContactVersion, version)
	}
	return true, nil
}

func (r *postcardReader) byte(field string) (byte, error) {
	if len(r.rest) == 0 {
		return 0, fmt.Errorf("%w: ends before its %s", ErrInvalidContact, field)
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b, nil
}

// bytes reads a length and as many bytes.
func (r *postcardReader) bytes(field string) ([]byte, error) {
	length, n := binary.Uvarint(r.rest)
	if n <= 0 {
		return nil, fmt.Errorf("%w: length of its %s is cut or too large", ErrInvalidContact, field)
	}
	// A last group of zero bits says nothing: the same number is shorter without.
	if n > 1 && r.rest[n-1] == 0 {
		return nil, fmt.Errorf("%w: length of its %s is not in the shortest form", ErrInvalidContact, field)
	}
	r.rest = r.rest[n:]
	if length > uint64(len(r.rest)) {
		return nil, fmt.Errorf("%w: ends within its %s: %d bytes of %d", ErrInvalidContact, field, len(r.rest), length)
	}
	b := r.rest[:length]
	r.rest = r.rest[length:]
	return b, nil
}

// appendBytes appends a length and the bytes.
func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}
