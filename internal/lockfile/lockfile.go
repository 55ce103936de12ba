// Package lockfile is about lock files that are removed when nobody needs them.
package lockfile

import (
	"io/fs"
	"os"

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
