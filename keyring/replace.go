package keyring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// disk is the file system, as far as tests make it fail.
type disk struct {
	write  func(*os.File, []byte) (int, error)
	sync   func(*os.File) error
	rename func(from, to string) error
}

var systemDisk = disk{write: (*os.File).Write, sync: (*os.File).Sync, rename: os.Rename}

// replace gives the file new content, so that after a crash at any point it
// has the old or the new content as a whole:
//
//	openat(".NAME.*.tmp", O_CREAT|O_EXCL, 0600), write, fsync, close
//	rename(".NAME.*.tmp", "NAME")
//	open("."), fsync, close
func (d disk) replace(path string, data []byte) error {
	temporary, err := d.writeTemporary(path, data)
	if err != nil {
		return fmt.Errorf("writing %q: %w; the file is as it was", path, err)
	}
	if err := d.rename(temporary, path); err != nil {
		err = errors.Join(err, os.Remove(temporary))
		return fmt.Errorf("writing %q: %w; the file is as it was", path, err)
	}
	if err := d.syncFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("writing %q: %w; the file is new, but may be the old one after a power cut", path, err)
	}
	return nil
}

// temporaryName is that of the file before it is renamed: ".NAME.DIGITS.tmp".
func temporaryName(path, digits string) string {
	return "." + filepath.Base(path) + "." + digits + ".tmp"
}

// removeLeftovers removes the temporary files of writers that were killed, for
// they hold secrets. Under the lock no other writer is alive.
func removeLeftovers(path string) {
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
func (d disk) writeTemporary(path string, data []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), temporaryName(path, "*")) // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = d.write(f, data)
	if err == nil {
		err = d.sync(f)
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

func (d disk) syncFolder(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // which cannot sync a folder
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.sync(f)
}
