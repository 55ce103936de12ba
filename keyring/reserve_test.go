package keyring

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "Alice.toml")
	release, err := Reserve(path, "a-ceremony")
	if err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := Reserve(path, "a-ceremony"); !errors.As(err, &locked) || !errors.Is(err, ErrLocked) || locked.PID != os.Getpid() {
		t.Errorf("a second time: %v", err)
	} else if !strings.Contains(err.Error(), path) {
		t.Errorf("%v does not name the file", err)
	}
	other, err := Reserve(path, "another")
	if err != nil {
		t.Fatalf("for something else: %v", err)
	}
	other()
	release()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 0 {
		t.Errorf("afterwards there are %v, %v", entries, err)
	}
	if release, err = Reserve(path, "a-ceremony"); err != nil {
		t.Fatalf("after the release: %v", err)
	}
	release()
}

// The file is removed with the lock, and still nobody has it twice.
func TestReserveIsExclusive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "Alice.toml")
	var holders atomic.Int32
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for done := 0; done < 50; {
				release, err := Reserve(path, "a-ceremony")
				if errors.Is(err, ErrLocked) {
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold it at once", n)
				}
				holders.Add(-1)
				release()
				done++
			}
		})
	}
	running.Wait()
}
