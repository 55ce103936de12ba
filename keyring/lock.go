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

	"frostkit/internal/files"
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

// acquire makes ready to write: it returns where a credentials file is, with
// its folder made and its lock taken.
func (f File) acquire(ctx context.Context) (target files.Place, unlock func(), err error) {
	if target, err = f.prepare(); err != nil {
		return target, nil, err
	}
	if unlock, err = lock(ctx, target); err == nil {
		ignore(target)
	}
	return target, unlock, err
}

// hidden is a file beside the credentials that is not for people.
func hidden(target files.Place, suffix string) files.Place {
	return target.Beside("." + filepath.Base(target.Name) + suffix)
}

// lock takes the lock of a credentials file: on a file beside it, since the
// file itself is replaced. The lock file holds its holder's process id and stays,
// as removing it would give two processes a lock each.
func lock(ctx context.Context, target files.Place) (unlock func(), err error) {
	own := hidden(target, ".lock")
	l, err := own.OpenOwn()
	if err != nil {
		return nil, fmt.Errorf("locking: %w; the folder must be writable", err)
	}
	wait := lockfile.Wait{Path: target.Path, Holder: func() int { return readHolder(own) }}
	if err := wait.Lock(ctx, func() (bool, error) { return lockfile.TryLock(l) }); err != nil {
		_ = l.Close()
		if ctx.Err() != nil {
			return nil, &LockedError{Path: target.Path, PID: readHolder(own), Err: ctx.Err()}
		}
		return nil, fmt.Errorf("locking: %w; the folder must be writable", err)
	}
	sayHolder(l)
	return func() {
		_ = l.Truncate(0)
		_ = l.Close()
	}, nil
}

// sayHolder writes who holds a lock, for the others' error messages: not worth
// failing for.
func sayHolder(l *os.File) {
	_ = l.Truncate(0)
	_, _ = l.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
}

func readHolder(own files.Place) int {
	const longest = 32 // bytes
	text, _, _ := own.Read(longest)
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text)))
	return pid
}

// errReserved is why a [Reserve] fails.
var errReserved = errors.New("reserved")

// Reserve is [File.Reserve] of the file at path.
func Reserve(path, purpose string) (release func(), err error) {
	return At(files.At(path)).Reserve(purpose)
}

// Reserve keeps other processes from doing the same with a credentials file at
// the same time, such as taking part in one ceremony twice as one member. What
// that is the purpose says, which becomes part of a file name beside the credentials. Other
// purposes, and [Update], are not hindered. It does not wait: where another
// process has reserved the same, the error is a [*LockedError]. Release it in any
// case; the end of the process does so, too.
func (f File) Reserve(purpose string) (release func(), err error) {
	target, err := f.prepare()
	if err != nil {
		return nil, err
	}
	own := hidden(target, "."+purpose+".run")
	for {
		release, err = reserve(target, own)
		if err != nil || release != nil {
			return release, err
		}
	}
}

// reserve takes the lock on a file that is removed with it. Where that was just
// done by another process, it has nothing to show and is to be called again.
func reserve(target, own files.Place) (release func(), err error) {
	l, err := own.OpenOwn()
	if err != nil {
		return nil, fmt.Errorf("%w; the folder must be writable", err)
	}
	switch taken, err := lockfile.TryLock(l); {
	case err != nil:
		_ = l.Close()
		return nil, fmt.Errorf("%w; the folder must be writable", err)
	case !taken:
		_ = l.Close()
		return nil, &LockedError{Path: target.Path, PID: readHolder(own), Err: errReserved}
	}
	if there, err := own.Lstat(); err != nil || !isSame(l, there) {
		_ = l.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		return nil, err
	}
	sayHolder(l)
	return func() {
		_ = own.Remove()
		_ = l.Close()
	}, nil
}

// isSame reports whether an open file is the one at its path.
func isSame(l *os.File, there fs.FileInfo) bool {
	held, err := l.Stat()
	return err == nil && os.SameFile(held, there)
}
