// Package files opens files in a folder that nothing in it leads out of, or anywhere.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Folder is what files are opened in. An [*os.Root] is one: it follows links
// that stay in it, and looks at each part of a name when it opens it.
type Folder interface {
	OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error)
	Stat(name string) (fs.FileInfo, error)
	Lstat(name string) (fs.FileInfo, error)
	Readlink(name string) (string, error)
	MkdirAll(name string, perm fs.FileMode) error
	Remove(name string) error
	Rename(from, to string) error
}

// System is the whole file system, by paths as package os takes them.
var System Folder = system{}

type system struct{}

// OpenFile is [os.OpenFile], and so on.
func (system) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	return os.OpenFile(name, flag, perm)
}
func (system) Stat(name string) (fs.FileInfo, error)        { return os.Stat(name) }
func (system) Lstat(name string) (fs.FileInfo, error)       { return os.Lstat(name) }
func (system) Readlink(name string) (string, error)         { return os.Readlink(name) }
func (system) MkdirAll(name string, perm fs.FileMode) error { return os.MkdirAll(name, perm) }
func (system) Remove(name string) error                     { return os.Remove(name) }
func (system) Rename(from, to string) error                 { return os.Rename(from, to) }

// Place is where a file is, or may be made.
type Place struct {
	In   Folder
	Name string // in that folder
	Path string // as people know it
}

// At is a place anywhere.
func At(path string) Place { return Place{System, path, path} }

// Within is a place in a folder that nothing leads out of.
func Within(root *os.Root, name string) Place {
	return Place{root, name, filepath.Join(root.Name(), name)}
}

// String returns the path as people know it.
func (p Place) String() string { return p.Path }

// Beside is another file in the same folder.
func (p Place) Beside(name string) Place {
	return Place{p.In, filepath.Join(filepath.Dir(p.Name), name), filepath.Join(filepath.Dir(p.Path), name)}
}

// Plus is the place whose name has this at its end.
func (p Place) Plus(suffix string) Place { return Place{p.In, p.Name + suffix, p.Path + suffix} }

// Sub is a place in the folder that this one is.
func (p Place) Sub(name string) Place {
	return Place{p.In, filepath.Join(p.Name, name), filepath.Join(p.Path, name)}
}

// Dir is the folder of the file.
func (p Place) Dir() Place { return Place{p.In, filepath.Dir(p.Name), filepath.Dir(p.Path)} }

// Stat follows links, and Lstat does not.
func (p Place) Stat() (fs.FileInfo, error) { return p.In.Stat(p.Name) }

// Lstat does not follow links.
func (p Place) Lstat() (fs.FileInfo, error) { return p.In.Lstat(p.Name) }

// Remove removes the file.
func (p Place) Remove() error { return p.In.Remove(p.Name) }

// MakeFolder makes the folder that the place is, and those above it.
func (p Place) MakeFolder(perm fs.FileMode) error { return p.In.MkdirAll(p.Name, perm) }

// Names lists the files in the folder that the place is, in order; none where there is no such folder.
func (p Place) Names() []string {
	if info, err := p.Stat(); err != nil || !info.IsDir() {
		return nil
	}
	f, err := p.In.OpenFile(p.Name, os.O_RDONLY|nonblocking, 0) // a pipe in its place is not waited for
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	slices.Sort(names)
	return names
}

// anywhere reports whether the place was named by somebody who may name any.
func (p Place) anywhere() bool { return p.In == System }

// Open opens the file for reading. In a folder that is not to be trusted it must
// be a regular file: opening a pipe waits, and opening a device does things.
func (p Place) Open() (*os.File, error) {
	if p.anywhere() {
		return os.Open(p.Name)
	}
	if info, err := p.In.Stat(p.Name); err != nil {
		return nil, p.named(err)
	} else if err := p.regular(info); err != nil {
		return nil, err
	}
	f, err := p.In.OpenFile(p.Name, os.O_RDONLY|nonblocking, 0)
	if err != nil {
		return nil, p.named(err)
	}
	info, err := f.Stat() // it may have been replaced
	if err == nil {
		err = p.regular(info)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// named is an error of opening the file, with its path as people know it.
func (p Place) named(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return &fs.PathError{Op: "open", Path: p.Path, Err: of.Err}
	}
	return err
}

func (p Place) regular(info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "open", Path: p.Path, Err: fmt.Errorf("it is %s, not a regular file", kind(info.Mode()))}
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "something else"
}

// Read reads the file, and no more than so many bytes of it.
func (p Place) Read(most int64) ([]byte, fs.FileInfo, error) {
	f, err := p.Open()
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most))
	return data, info, err
}

// OpenOwn opens a file that frostkit alone writes for reading and writing, and
// makes it with mode 0600 where it is missing. It follows no link, and takes
// nothing but a regular file.
func (p Place) OpenOwn() (*os.File, error) {
	for {
		f, err := p.In.OpenFile(p.Name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil || !isExist(err) {
			return f, err
		}
		before, err := p.Lstat()
		if isGone(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		if err := p.regular(before); err != nil {
			return nil, err
		}
		f, err = p.In.OpenFile(p.Name, os.O_RDWR|nonblocking, 0)
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if after, err := f.Stat(); err == nil && os.SameFile(before, after) {
			return f, nil
		}
		_ = f.Close() // what is there was replaced meanwhile
	}
}
