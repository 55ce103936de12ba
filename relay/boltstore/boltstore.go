// Package boltstore keeps a relay's state in a file, by bbolt.
//
// The folder has the file "relay.db" and, while a relay runs, a lock. The file
// holds a log: one record for all that is committed at once, so that a commit
// writes a few pages whatever it changes. Every record carries a checksum, the
// file a version. A file of the version before is written anew as one of this
// version; what is damaged, foreign or of any other version is refused and never
// written to.
package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"

	"go.etcd.io/bbolt"

	"frostkit/internal/durable"
	"frostkit/relay"
)

const (
	fileName = "relay.db"
	mode     = 0o600
	// format names this layout of the file, in formatBucket and under formatKey.
	format = "frostkit relay 2"
)

var (
	formatBucket = []byte("format")
	formatKey    = []byte("format")
)

// Open returns the store in a folder, which is made if it is missing. It fails
// with a [LockedError] while another process has the folder open, with an
// [OwnerError] where root opens another user's file, and with a [FileError] if the
// file in it is not one of ours, or is damaged.
func Open(dir string) (*relay.DurableStore, error) {
	j, err := open(dir, os.OpenFile)
	if err != nil {
		return nil, err
	}
	store, err := relay.NewDurableStore(j)
	if err != nil {
		return nil, errors.Join(damaged(j.path, err), j.Close())
	}
	return store, nil
}

// Remove removes the files of a store that is closed, and the folder if nothing
// else is in it. It fails with a [LockedError] while a process has the folder open.
func Remove(dir string) error {
	l, err := acquire(dir)
	if err != nil {
		return err
	}
	err = os.Remove(filepath.Join(dir, fileName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err := errors.Join(err, l.remove()); err != nil {
		return fmt.Errorf("removing the relay's data: %w", err)
	}
	_ = os.Remove(dir) // it stays where something else is in it
	return nil
}

// openFile opens a file as os.OpenFile does; tests give files that fail.
type openFile func(name string, flag int, perm os.FileMode) (*os.File, error)

// journal is a [relay.Journal] in a file.
type journal struct {
	path   string
	open   openFile
	lock   *lock
	broken bool // a sync failed, so that nobody knows what of the file is on the disk

	mu sync.RWMutex // held for writing while the file is replaced
	db *bbolt.DB
}

func open(dir string, file openFile) (j *journal, err error) {
	l, err := acquire(dir)
	if err != nil {
		return nil, err
	}
	j = &journal{path: filepath.Join(dir, fileName), open: file, lock: l}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.release())
		}
	}()
	if _, err := os.Stat(j.path); errors.Is(err, fs.ErrNotExist) {
		if err := j.replace(create); err != nil {
			return nil, fmt.Errorf("making the relay's data file: %w", err)
		}
	}
	if err := verify(j.path); err != nil {
		return nil, err
	}
	if err := upgrade(j); err != nil {
		return nil, fmt.Errorf("bringing relay data %q to this version's format: %w", j.path, err)
	}
	if j.db, err = j.openDB(j.path); err != nil {
		return nil, err
	}
	return j, nil
}

// options keep the list of free pages out of the file: it would be written with
// each commit, and is found again by reading the file once.
func options(file openFile) *bbolt.Options {
	return &bbolt.Options{
		NoFreelistSync: true,
		FreelistType:   bbolt.FreelistMapType,
		NoStatistics:   true,
		Timeout:        1, // the folder is locked: only a copy of the file could be open elsewhere
		OpenFile:       file,
	}
}

func (j *journal) openDB(path string) (db *bbolt.DB, err error) {
	err = guard(func() (err error) {
		db, err = bbolt.Open(path, mode, options(j.open))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening relay data %q: %w", path, err)
	}
	return db, nil
}

// guard turns the panics of bbolt over a damaged file, and faults of reading it,
// into errors.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	return f()
}

// create fills a new file.
func create(db *bbolt.DB) error {
	return db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucket(logBucket); err != nil {
			return err
		}
		b, err := tx.CreateBucket(formatBucket)
		if err != nil {
			return err
		}
		return b.Put(formatKey, []byte(format))
	})
}

// replace puts a new file in the place of the journal's: whole, or not at all.
func (j *journal) replace(fill func(*bbolt.DB) error) (err error) {
	temporary := j.path + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary)
		}
	}()
	db, err := j.openDB(temporary)
	if err != nil {
		return err
	}
	if err := errors.Join(guard(func() error { return fill(db) }), db.Close()); err != nil {
		return err
	}
	if err := os.Rename(temporary, j.path); err != nil {
		return err
	}
	return durable.System.SyncFolder(filepath.Dir(j.path))
}

// Load implements [relay.Journal].
func (j *journal) Load(yield func(number uint64, record []byte) error) error {
	return guard(func() error { return j.db.View(func(tx *bbolt.Tx) error { return load(tx, yield) }) })
}

// Read implements [relay.Journal].
func (j *journal) Read(number uint64, use func(record []byte) error) error {
	j.mu.RLock()
	defer j.mu.RUnlock()
	return guard(func() error {
		return j.db.View(func(tx *bbolt.Tx) error {
			key := recordKey(number)
			sealed := tx.Bucket(logBucket).Get(key)
			if sealed == nil {
				return relay.ErrNoRecord
			}
			record, err := unseal(key, sealed)
			if err != nil {
				return fmt.Errorf("reading %q: %w", j.path, err)
			}
			return use(record)
		})
	})
}

// Commit implements [relay.Journal].
func (j *journal) Commit(c relay.Commit) error {
	if j.broken {
		if err := j.renew(); err != nil {
			return fmt.Errorf("writing the relay's data anew after a failed sync: %w", err)
		}
	}
	err := guard(func() error { return j.db.Update(func(tx *bbolt.Tx) error { return change(tx, c) }) })
	if err == nil {
		return nil
	}
	// A write that failed leaves the file as it was. Of a sync that failed nobody
	// knows what it left out, and a second sync does not make up for it.
	var write *fs.PathError
	j.broken = !errors.As(err, &write) || write.Op != "write"
	return fmt.Errorf("writing %q: %w", j.path, err)
}

// renew copies the file into a new one. What the copy has beyond the last commit
// that succeeded, the commit that follows puts right.
func (j *journal) renew() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := guard(j.db.Close); err != nil {
		return err
	}
	err := compact(j)
	db, openErr := j.openDB(j.path)
	if openErr != nil {
		return errors.Join(err, openErr)
	}
	j.db = db
	j.broken = err != nil
	return err
}

// compact copies the rows of the closed journal into a new file, and puts it in
// its place.
func compact(j *journal) error {
	source, err := openReadOnly(j.path)
	if err != nil {
		return err
	}
	defer source.Close()
	return j.replace(func(db *bbolt.DB) error { return bbolt.Compact(db, source, 1<<20) })
}

// upgrade writes a file of the old format anew.
func upgrade(j *journal) error {
	source, err := openReadOnly(j.path)
	if err != nil {
		return err
	}
	defer source.Close()
	return source.View(func(tx *bbolt.Tx) error {
		if formatOf(tx) != oldFormat {
			return nil
		}
		return j.replace(func(db *bbolt.DB) error {
			if err := create(db); err != nil {
				return err
			}
			return load(tx, func(number uint64, record []byte) error {
				add := relay.Commit{Records: [][]byte{record}, Number: number}
				return db.Update(func(tx *bbolt.Tx) error { return change(tx, add) })
			})
		})
	})
}

// Close implements [relay.Journal].
func (j *journal) Close() error { return errors.Join(guard(j.db.Close), j.lock.release()) }
