// Package durable replaces files so that after a crash at any point the old or
// the new content is there as a whole, and never a part of either.
package durable

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"frostkit/internal/files"
)

// Disk is a folder of the file system, as far as tests make it fail.
type Disk struct {
	Write  func(*os.File, []byte) (int, error)
	Sync   func(*os.File) error
	Rename func(from, to string) error
	Folder files.Folder // that names are in; nil stands for files.System
}

// System is the disk of this machine.
var System = In(files.System)

// In is the disk as it is seen in a folder.
func In(folder files.Folder) Disk {
	return Disk{Write: (*os.File).Write, Sync: (*os.File).Sync, Rename: folder.Rename, Folder: folder}
}

func (d Disk) folder() files.Folder {
	if d.Folder == nil {
		return files.System
	}
	return d.Folder
}

// ErrUnsynced is wrapped by the error of a replacement that was made, and whose
// folder could not be synced: after a power cut the old content may be back.
var ErrUnsynced = errors.New("the file is new, but may be the old one after a power cut")

// Write gives a file at a place new content and this mode.
func Write(p files.Place, data []byte, mode fs.FileMode) error {
	return In(p.In).WriteFile(p.Name, data, mode)
}

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
		return errors.Join(err, d.folder().Remove(temporary))
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

// RemoveLeftovers removes the temporary files beside a file of writers that were
// killed. The caller makes sure that no other writer is alive.
func RemoveLeftovers(p files.Place) {
	dir, err := p.In.OpenFile(filepath.Dir(p.Name), os.O_RDONLY, 0)
	if err != nil {
		return
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	for _, name := range names {
		parts := strings.Split(name, ".")
		digits := parts[max(len(parts)-2, 0)]
		if _, err := strconv.ParseUint(digits, 10, 64); err == nil && name == temporaryName(p.Name, digits) {
			_ = p.Beside(name).Remove()
		}
	}
}

// writeTemporary writes a file beside path that is on the disk when it
// returns, or none.
func (d Disk) writeTemporary(path string, data []byte, mode fs.FileMode) (name string, err error) {
	f, name, err := d.createTemporary(path)
	if err != nil {
		return "", err
	}
	err = d.fill(f, data, mode)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return "", errors.Join(err, d.folder().Remove(name))
	}
	return name, nil
}

// createTemporary makes a file with mode 0600 that is no other's.
func (d Disk) createTemporary(path string) (*os.File, string, error) {
	for {
		digits := strconv.FormatUint(uint64(rand.Uint32()), 10)
		name := filepath.Join(filepath.Dir(path), temporaryName(path, digits))
		f, err := d.folder().OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if !errors.Is(err, fs.ErrExist) {
			return f, name, err
		}
	}
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
	f, err := d.folder().OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return d.Sync(f)
}
