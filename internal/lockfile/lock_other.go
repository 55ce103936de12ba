//go:build !windows && (!unix || solaris || aix)

package lockfile

import (
	"errors"
	"os"
)

// TryLock fails: this system has no locks that end with an open file.
func TryLock(*os.File) (taken bool, err error) { return false, errors.ErrUnsupported }
