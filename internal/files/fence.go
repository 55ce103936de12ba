package files

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Fence is a [Folder] that nothing in it leads out of, and that need not exist
// before something is made in it.
type Fence struct {
	path string
	mu   sync.Mutex
	root *os.Root
}

// NewFence is the fence around a folder.
func NewFence(path string) *Fence { return &Fence{path: path} }

// At is a place in the folder.
func (f *Fence) At(name string) Place { return Place{f, name, filepath.Join(f.path, name)} }

func (f *Fence) open() (*os.Root, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.root != nil {
		return f.root, nil
	}
	root, err := os.OpenRoot(f.path)
	if err == nil {
		f.root = root
	}
	return root, err
}

// OpenFile is [os.Root.OpenFile], and so on.
func (f *Fence) OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	return root.OpenFile(name, flag, perm)
}

// Stat follows links that stay in the folder.
func (f *Fence) Stat(name string) (fs.FileInfo, error) {
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	return root.Stat(name)
}

// Lstat follows no link at the end of the name.
func (f *Fence) Lstat(name string) (fs.FileInfo, error) {
	root, err := f.open()
	if err != nil {
		return nil, err
	}
	return root.Lstat(name)
}

// Readlink tells where a link leads.
func (f *Fence) Readlink(name string) (string, error) {
	root, err := f.open()
	if err != nil {
		return "", err
	}
	return root.Readlink(name)
}

// MkdirAll makes a folder in this one, which is made where it is missing.
func (f *Fence) MkdirAll(name string, perm fs.FileMode) error {
	root, err := f.open()
	if errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(f.path, perm); err != nil {
			return err
		}
		root, err = f.open()
	}
	if err != nil || filepath.Clean(name) == "." {
		return err
	}
	return root.MkdirAll(name, perm)
}

// Remove removes a file or an empty folder.
func (f *Fence) Remove(name string) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	return root.Remove(name)
}

// Rename moves a file within the folder.
func (f *Fence) Rename(from, to string) error {
	root, err := f.open()
	if err != nil {
		return err
	}
	return root.Rename(from, to)
}
