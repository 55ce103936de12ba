package boltstore

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/gofrs/flock"
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
	return fmt.Sprintf("opening relay data in %q: it is in use by %s; stop that relay, or give this one a folder of its own",
		e.Dir, owner)
}

// lock is a folder that is this process's alone; it ends with the process.
type lock struct{ file *flock.Flock }

func acquire(dir string) (*lock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the relay's data: %w", err)
	}
	path := filepath.Join(dir, lockName)
	file := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(mode))
	locked, err := file.TryLock()
	switch {
	case err != nil:
		return nil, fmt.Errorf("locking relay data in %q: %w", dir, err)
	case !locked:
		owner, _ := os.ReadFile(path) // of no use to whom it cannot be read
		return nil, &LockedError{dir, strings.TrimSpace(string(owner))}
	}
	host, _ := os.Hostname()
	if err := os.WriteFile(path, fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), mode); err != nil {
		return nil, errors.Join(fmt.Errorf("locking relay data in %q: %w", dir, err), file.Unlock())
	}
	return &lock{file}, nil
}

func (l *lock) release() error { return l.file.Unlock() }

// syncFolder makes a renamed file stay renamed after a power cut.
func syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot sync a folder
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
