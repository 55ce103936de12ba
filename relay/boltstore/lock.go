package boltstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"

	"frostkit/internal/lockfile"
)

const lockName = "relay.lock"

// LockedError says that another process has the folder open.
type LockedError struct {
	Dir   string
	Owner string // such as "process 4711 on host"; empty if that is not known
}

// Error says which folder, who, and what to do.
func (e *LockedError) Error() string {
	owner := e.Owner
	if owner == "" {
		owner = "another process"
	}
	return fmt.Sprintf("opening relay data in %q: it is in use by %s; stop that relay, or give this one a folder of its own (--store bolt:DIR)",
		e.Dir, owner)
}

// OwnerError says that the superuser is about to work with another user's data,
// which that user's relay could not open any more.
type OwnerError struct {
	Path  string
	Owner string // the name, or the number, of the file's owner
}

// Error says which file, whose, and what to do.
func (e *OwnerError) Error() string {
	return fmt.Sprintf("opening relay data %q: it belongs to %s, who could not open what root leaves there; run this as that user: runuser -u %s -- frostkit …",
		e.Path, e.Owner, e.Owner)
}

// lock is a folder that is this process's alone; it ends with the process.
type lock struct{ file *flock.Flock }

func acquire(dir string) (*lock, error) {
	if err := checkOwner(filepath.Join(dir, fileName), os.Geteuid()); err != nil {
		return nil, err
	}
	for {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("making the folder of the relay's data: %w", err)
		}
		file := flock.New(filepath.Join(dir, lockName), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(mode))
		locked, err := file.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist): // the folder was removed just now
			continue
		case err != nil:
			return nil, fmt.Errorf("locking relay data in %q: %w", dir, err)
		case !locked:
			owner, _ := os.ReadFile(file.Path()) // of no use to whom it cannot be read
			return nil, &LockedError{dir, strings.TrimSpace(string(owner))}
		}
		if err := claim(file); err == nil {
			return &lock{file}, nil
		} else if err = errors.Join(err, file.Unlock()); !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("locking relay data in %q: %w", dir, err)
		}
	}
}

// claim says in a lock file who holds it. It is an [fs.ErrNotExist] that the file was removed just now.
func claim(file *flock.Flock) error {
	if err := lockfile.CheckInPlace(file); err != nil {
		return err
	}
	host, _ := os.Hostname()
	return os.WriteFile(file.Path(), fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), mode)
}

func (l *lock) release() error { return l.file.Unlock() }

// remove is release that leaves no file.
func (l *lock) remove() error {
	removed := os.Remove(l.file.Path()) // as long as nobody else has it
	err := l.release()
	if removed != nil { // Windows removes no file that is open
		removed = os.Remove(l.file.Path())
	}
	return errors.Join(removed, err)
}
