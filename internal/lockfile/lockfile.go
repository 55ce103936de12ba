// Package lockfile is about waiting for lock files, and about those that are removed when nobody
// needs them.
package lockfile

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// CheckInPlace checks that the file that l has locked is the one at its path. It is
// an [fs.ErrNotExist] that another process removed it between opening and locking:
// the next process would lock another file, so that this lock keeps nobody out.
func CheckInPlace(l *flock.Flock) error {
	held, err := l.Stat()
	if err != nil {
		return err
	}
	there, err := os.Stat(l.Path())
	if err == nil && !os.SameFile(held, there) {
		err = fs.ErrNotExist
	}
	return err
}

const (
	// retry is how long a waiting process sleeps between two tries; locks are held for milliseconds.
	retry = 10 * time.Millisecond
	// moment is how long a wait lasts before it is told.
	moment = time.Second
)

type toldKey struct{}

// Wait is what a process waits for.
type Wait struct {
	Path   string     // the file or folder that is locked, as people know it
	Holder func() int // the process that has said that it has locked it, 0 where none has; nil: unknown
}

// TellWaits returns a context with which [Wait.Lock] calls told, once it has waited for a moment.
func TellWaits(ctx context.Context, told func(path string, holder int)) context.Context {
	return context.WithValue(ctx, toldKey{}, told)
}

// Lock tries to take a lock until it has it, try fails or ctx ends, and fails with ctx's error then.
func (w Wait) Lock(ctx context.Context, try func() (taken bool, err error)) error {
	if told, ok := ctx.Value(toldKey{}).(func(string, int)); ok {
		defer time.AfterFunc(moment, func() { told(w.Path, w.holder()) }).Stop()
	}
	ticker := time.NewTicker(retry)
	defer ticker.Stop()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if taken, err := try(); taken || err != nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

func (w Wait) holder() int {
	if w.Holder == nil {
		return 0
	}
	return w.Holder()
}
