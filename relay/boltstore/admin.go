package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"frostkit/relay"
)

// Inspect reads the data of a relay that does not run. It changes nothing, but
// holds the folder's lock meanwhile. It fails as [Open] does, and if there is no
// data in the folder.
func Inspect(dir string) (found *relay.Inspection, size int64, err error) {
	err = offline(dir, func(j *journal) error {
		if j.db, err = openReadOnly(j.path); err != nil {
			return err
		}
		defer j.db.Close()
		info, err := os.Stat(j.path)
		if err != nil {
			return err
		}
		size = info.Size()
		if found, err = relay.Inspect(j); err != nil {
			return damaged(j.path, err)
		}
		return nil
	})
	return found, size, err
}

// Compact writes the data file of a relay that does not run anew, without the
// room that removed rows have left, and returns its size in bytes before and
// after.
func Compact(dir string) (before, after int64, err error) {
	err = offline(dir, func(j *journal) error {
		info, err := os.Stat(j.path)
		if err != nil {
			return err
		}
		before = info.Size()
		if err := errors.Join(upgrade(j), compact(j)); err != nil {
			return fmt.Errorf("compacting relay data %q: %w", j.path, err)
		}
		if info, err = os.Stat(j.path); err == nil {
			after = info.Size()
		}
		return err
	})
	return before, after, err
}

// offline has work done with the closed, verified file of a folder.
func offline(dir string, work func(*journal) error) (err error) {
	path := filepath.Join(dir, fileName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("opening relay data: %w: has a relay run with --store bolt:%s?", err, dir)
	}
	l, err := acquire(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.release()) }()
	if err := verify(path); err != nil {
		return err
	}
	return work(&journal{path: path, open: os.OpenFile, lock: l})
}
