package boltstore

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"frostkit/relay"
)

// messageTable is the table whose keys ascend.
const messageTable = "messages"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(table string, key, value []byte) uint32 {
	sum := crc32.Update(0, castagnoli, []byte(table))
	return crc32.Update(crc32.Update(sum, castagnoli, key), castagnoli, value)
}

// seal returns a row's value as the file has it: with a checksum of the row.
func seal(r *relay.Row) []byte {
	sum := checksum(r.Table, r.Key, r.Value)
	return binary.BigEndian.AppendUint32(r.Value, sum)
}

// errChecksum says that a row is not as it was written.
var errChecksum = errors.New("a checksum is wrong")

// unseal returns the value of a row of the file.
func unseal(table string, key, sealed []byte) ([]byte, error) {
	split := len(sealed) - 4
	if split < 0 || checksum(table, key, sealed[:split]) != binary.BigEndian.Uint32(sealed[split:]) {
		return nil, fmt.Errorf("row %x of table %q: %w", key, table, errChecksum)
	}
	return sealed[:split:split], nil
}

// rows calls yield with all rows.
func rows(tx *bbolt.Tx, yield func(relay.Row) error) error {
	for _, table := range relay.Tables() {
		bucket := tx.Bucket([]byte(table))
		if bucket == nil {
			return fmt.Errorf("table %q is missing", table)
		}
		var last []byte
		err := bucket.ForEach(func(key, sealed []byte) error {
			if last != nil && bytes.Compare(last, key) >= 0 {
				return fmt.Errorf("table %q is out of order", table)
			}
			last = key
			value, err := unseal(table, key, sealed)
			if err != nil {
				return err
			}
			return yield(relay.Row{Table: table, Key: key, Value: value})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// FileError says that the relay's data file cannot be used; it was not changed.
type FileError struct {
	Path   string
	Reason string
	Err    error // or nil
}

// Error says which file, why, and what to do.
func (e *FileError) Error() string {
	text := fmt.Sprintf("opening relay data %q: %s", e.Path, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text + "; it is left as it is: restore a copy of it, or move it away and start again without what it holds"
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

func damaged(path string, err error) error {
	return &FileError{Path: path, Reason: "the file is damaged", Err: err}
}

func openReadOnly(path string) (db *bbolt.DB, err error) {
	o := options(os.OpenFile)
	o.ReadOnly = true
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, mode, o)
		return err
	})
	return db, err
}

// verify reads the whole file, before anything opens it for writing.
func verify(path string) (err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("opening relay data: %w", err)
	case info.Size() == 0:
		return &FileError{Path: path, Reason: "the file is empty"}
	}
	db, err := openReadOnly(path)
	switch {
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrVersionMismatch):
		return &FileError{Path: path, Reason: "the file is none of a frostkit relay, or is damaged", Err: err}
	case errors.Is(err, berrors.ErrChecksum):
		return damaged(path, err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("opening relay data: %w", err)
	case err != nil:
		return damaged(path, err)
	}
	defer db.Close()
	return guardFile(path, func() error { return db.View(func(tx *bbolt.Tx) error { return verifyRows(path, tx) }) })
}

// guardFile is guard, with what is not a FileError made one.
func guardFile(path string, f func() error) error {
	err := guard(f)
	var known *FileError
	if err == nil || errors.As(err, &known) {
		return err
	}
	return damaged(path, err)
}

func verifyRows(path string, tx *bbolt.Tx) error {
	bucket := tx.Bucket(formatBucket)
	if bucket == nil {
		return &FileError{Path: path, Reason: "the file is none of a frostkit relay"}
	}
	if found := bucket.Get(formatKey); string(found) != format {
		return &FileError{Path: path, Reason: fmt.Sprintf("the file has format %q, and this version reads %q", found, format)}
	}
	return rows(tx, func(relay.Row) error { return nil })
}
