//go:build unix

package boltstore

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// checkOwner refuses the work of the superuser, if uid is that, on a data file of
// another user, who could not open what it leaves there. A path without a file is
// anybody's.
func checkOwner(path string, uid int) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || uid != 0 || stat.Uid == 0 {
		return nil
	}
	owner := strconv.FormatUint(uint64(stat.Uid), 10)
	if known, err := user.LookupId(owner); err == nil {
		owner = known.Username
	}
	return &OwnerError{path, owner}
}
