// Package operate is what the operator of a relay needs beside the relay:
// certificates and lists of keys that are read again when their files change,
// certificates by ACME, metrics, and the listener for them.
package operate

import (
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery is how often files are looked at, at most.
const lookEvery = time.Second

// File is a value that is read from files, and read again once they change. It
// has no goroutine: who asks for the value has the files looked at.
type File[T any] struct {
	what  string // in the log
	paths []string
	read  func() (T, error)
	log   *slog.Logger

	mu     sync.Mutex
	value  T
	seen   []os.FileInfo
	looked time.Time
}

// NewFile reads a value from the files at paths. What names the value in the
// log.
func NewFile[T any](log *slog.Logger, what string, read func() (T, error), paths ...string) (*File[T], error) {
	f := &File[T]{what: what, paths: paths, read: read, log: log}
	f.seen, f.looked = f.look(), time.Now()
	value, err := read()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", what, err)
	}
	f.value = value
	return f, nil
}

// Get returns the value, from the files as they were a second ago at the
// oldest. Where they cannot be read the value stays as it is.
func (f *File[T]) Get() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	if now.Sub(f.looked) < lookEvery {
		return f.value
	}
	f.looked = now
	if seen := f.look(); !same(seen, f.seen) {
		f.seen = seen
		f.reread()
	}
	return f.value
}

// Reload reads the files, whether they changed or not.
func (f *File[T]) Reload() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.seen, f.looked = f.look(), time.Now()
	f.reread()
}

func (f *File[T]) reread() {
	value, err := f.read()
	if err != nil {
		f.log.Error("keeping what was read before", "what", f.what, "error", err)
		return
	}
	f.value = value
	f.log.Info("read again", "what", f.what)
}

// look returns what tells versions of the files apart; nil for one that is not
// there.
func (f *File[T]) look() []os.FileInfo {
	infos := make([]os.FileInfo, len(f.paths))
	for i, path := range f.paths {
		if info, err := os.Stat(path); err == nil {
			infos[i] = info
		}
	}
	return infos
}

func same(a, b []os.FileInfo) bool {
	for i := range a {
		switch {
		case (a[i] == nil) != (b[i] == nil):
			return false
		case a[i] == nil:
		case !os.SameFile(a[i], b[i]) || !a[i].ModTime().Equal(b[i].ModTime()) || a[i].Size() != b[i].Size():
			return false
		}
	}
	return true
}
