package keyring

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"frostkit/internal/lockfile"
)

// ErrLocked is what [Update] fails with when another process keeps the file
// locked; the error is a [*LockedError].
var ErrLocked = errors.New("in use by another process")

// LockedError says who holds the lock that [Update] waited for.
type LockedError struct {
	// Path is the credentials file.
	Path string
	// PID is the process that holds the lock, 0 when it did not say.
	PID int
	// Err is why the wait ended, such as [context.DeadlineExceeded].
	Err error
}

// Error says who holds the lock, where that is known.
func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID != 0 {
		holder = "process " + strconv.Itoa(e.PID)
	}
	if errors.Is(e.Err, errReserved) {
		return fmt.Sprintf("%q is in use by %s for the same; try again when it has ended", e.Path, holder)
	}
	return fmt.Sprintf("waiting for %q: in use by %s: %v; try again when it has ended", e.Path, holder, e.Err)
}

// Unwrap returns [ErrLocked] and why the wait ended.
func (e *LockedError) Unwrap() []error { return []error{ErrLocked, e.Err} }

// lockRetry is how long a waiting process sleeps between two tries; the lock
// is held for milliseconds.
const lockRetry = 10 * time.Millisecond

// acquire makes ready to write: it returns the target of a credentials file, with
// its folder made and its lock taken.
func acquire(ctx context.Context, path string) (target string, unlock func(), err error) {
	if target, err = prepare(path); err != nil {
		return "", nil, err
	}
	unlock, err = lock(ctx, target)
	return target, unlock, err
}

// lock takes the lock of a credentials file: on a file beside it, since the
// file itself is replaced. The lock file holds its holder's process id and stays,
// as removing it would give two processes a lock each.
func lock(ctx context.Context, target string) (unlock func(), err error) {
	path := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".lock")
	l := flock.New(path, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	if _, err := l.TryLockContext(ctx, lockRetry); err != nil {
		_ = l.Close()
		if ctx.Err() != nil {
			return nil, &LockedError{Path: target, PID: readHolder(path), Err: err}
		}
		return nil, fmt.Errorf("locking: %w; the folder must be writable", err)
	}
	// Who holds it is for the others' error messages: not worth failing for.
	_ = os.WriteFile(path, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return func() {
		_ = os.Truncate(path, 0)
		_ = l.Close()
	}, nil
}

func readHolder(path string) int {
	text, _ := os.ReadFile(path)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// errReserved is why a [Reserve] fails.
var errReserved = errors.New("reserved")

// Reserve keeps other processes from doing the same with a credentials file at
// the same time, such as taking part in one ceremony twice as one member. What
// that is the purpose says, which becomes part of a file name beside the credentials. Other
// purposes, and [Update], are not hindered. It does not wait: where another
// process has reserved the same, the error is a [*LockedError]. Release it in any
// case; the end of the process does so, too.
func Reserve(path, purpose string) (release func(), err error) {
	target, err := prepare(path)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+"."+purpose+".run")
	for {
		release, err = reserve(target, file)
		if err != nil || release != nil {
			return release, err
		}
	}
}

// reserve takes the lock on a file that is removed with it. Where that was just
// done by another process, it has nothing to show and is to be called again.
func reserve(target, file string) (release func(), err error) {
	l := flock.New(file, flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	switch locked, err := l.TryLock(); {
	case err != nil:
		_ = l.Close()
		return nil, fmt.Errorf("%w; the folder must be writable", err)
	case !locked:
		_ = l.Close()
		return nil, &LockedError{Path: target, PID: readHolder(file), Err: errReserved}
	}
	if err := lockfile.CheckInPlace(l); err != nil {
		_ = l.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	_ = os.WriteFile(file, []byte(strconv.Itoa(os.Getpid())+"\n"), 0o600)
	return func() {
		_ = os.Remove(file)
		_ = l.Close()
	}, nil
}
