package boltstore

import (
	"errors"
	"fmt"
	"os"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

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
	return guardFile(path, func() error { return db.View(func(tx *bbolt.Tx) error { return verifyRecords(path, tx) }) })
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

// formatOf returns the format of a file, empty if it is none of ours.
func formatOf(tx *bbolt.Tx) string {
	if bucket := tx.Bucket(formatBucket); bucket != nil {
		return string(bucket.Get(formatKey))
	}
	return ""
}

func verifyRecords(path string, tx *bbolt.Tx) error {
	switch found := formatOf(tx); found {
	case format, oldFormat:
		return load(tx, func(uint64, []byte) error { return nil })
	case "":
		return &FileError{Path: path, Reason: "the file is none of a frostkit relay"}
	default:
		return &FileError{Path: path, Reason: fmt.Sprintf("the file has format %q, and this version reads %q", found, format)}
	}
}

// load calls yield with the records of a file of either format.
func load(tx *bbolt.Tx, yield func(number uint64, record []byte) error) error {
	if formatOf(tx) == oldFormat {
		return eachOldRecord(tx, yield)
	}
	return eachRecord(tx, yield)
}
