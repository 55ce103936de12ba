// Package durable replaces files so that after a crash at any point the old or
// the new content is there as a whole, and never a part of either.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// Disk is the file system, as far as tests make it fail.
type Disk struct {
	Write  func(*os.File, []byte) (int, error)
	Sync   func(*os.File) error
	Rename func(from, to string) error
}

// System is the disk of this machine.
var System = Disk{Write: (*os.File).Write, Sync: (*os.File).Sync, Rename: os.Rename}

// ErrUnsynced is wrapped by the error of a replacement that was made, and whose
// folder could not be synced: after a power cut the old content may be back.
var ErrUnsynced = errors.New("the file is new, but may be the old one after a power cut")

// WriteFile gives the file at path new content and this mode, on the system's
// disk.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	return System.WriteFile(path, data, mode)
}

// WriteFile gives the file at path new content and this mode:
//
//	openat(".NAME.*.tmp", O_CREAT|O_EXCL, 0600), write, fchmod, fsync, close
//	rename(".NAME.*.tmp", "NAME")
//	open("."), fsync, close
//
// When it fails the file is as it was, unless the error is an [ErrUnsynced].
func (d Disk) WriteFile(path string, data []byte, mode fs.FileMode) error {
	temporary, err := d.writeTemporary(path, data, mode)
	if err != nil {
		return err
	}
	if err := d.Rename(temporary, path); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := d.SyncFolder(filepath.Dir(path)); err != nil {
		return errors.Join(ErrUnsynced, err)
	}
	return nil
}

// temporaryName is that of the file before it is renamed: ".NAME.DIGITS.tmp".
func temporaryName(path, digits string) string {
	return "." + filepath.Base(path) + "." + digits + ".tmp"
}

// RemoveLeftovers removes the temporary files beside path of writers that were
// killed. The caller makes sure that no other writer is alive.
func RemoveLeftovers(path string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, entry := range entries {
		parts := strings.Split(entry.Name(), ".")
		digits := parts[max(len(parts)-2, 0)]
		if _, err := strconv.ParseUint(digits, 10, 64); err == nil && entry.Name() == temporaryName(path, digits) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}

// writeTemporary writes a file beside path that is on the disk when it
// returns, or none.
func (d Disk) writeTemporary(path string, data []byte, mode fs.FileMode) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), temporaryName(path, "*")) // with mode 0600
	if err != nil {
		return "", err
	}
	err = d.fill(f, data, mode)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (d Disk) fill(f *os.File, data []byte, mode fs.FileMode) error {
	if _, err := d.Write(f, data); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil {
		return err
	}
	return d.Sync(f)
}

// SyncFolder makes what was renamed in a folder stay renamed after a power cut.
func (d Disk) SyncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot sync a folder
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.Sync(f)
}
