package lockfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

func TestCheckInPlace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	l := flock.New(path)
	if locked, err := l.TryLock(); err != nil || !locked {
		t.Fatal(locked, err)
	}
	defer l.Close()
	if err := CheckInPlace(l); err != nil {
		t.Errorf("a lock in its place: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := CheckInPlace(l); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock on a file that was removed: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := CheckInPlace(l); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock on a file that was replaced: %v", err)
	}
}
