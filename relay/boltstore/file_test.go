package boltstore

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"frostkit/relay"
)

// filled returns a folder with a store of many rows that is closed.
func filled(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	store := openStore(t, dir)
	limits := relay.DefaultLimits()
	for n := range byte(10) {
		s := &relay.Session{ID: uuid.New(), Members: []relay.Key{{1}, {2}, {3}}, Coordinator: relay.Key{9: n}, MessageCount: 1}
		err := errors.Join(
			store.CreateSession(t.Context(), s, &limits),
			store.AddToken(t.Context(), relay.TokenHash{n}, relay.Key{n}, relay.Networks{}, &limits),
			store.Send(t.Context(), &relay.Envelope{
				Session: s.ID, Sender: relay.Key{1}, Recipients: []relay.Key{{2}, {3}}, Body: make([]byte, 900), ID: uuid.New(),
			}, &limits))
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// refused expects that a file is refused and left as it is.
func refused(t *testing.T, data []byte, want string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, fileName)
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	store, err := Open(dir)
	if err == nil {
		_ = store.Close()
		t.Fatalf("opened, want %q", want)
	}
	var file *FileError
	if !errors.As(err, &file) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("opening: %v, want %q", err, want)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
		t.Errorf("the file was changed, or is gone: %v", err)
	}
}

func TestFilesThatAreNotOurs(t *testing.T) {
	refused(t, nil, "empty")
	refused(t, []byte("#!/bin/sh\n"), "none of a frostkit relay")
	refused(t, bytes.Repeat([]byte("SQLite format 3\000"), 10_000), "none of a frostkit relay")
	for want, fill := range map[string]func(*bbolt.Tx) error{
		"none of a frostkit relay": func(tx *bbolt.Tx) error { _, err := tx.CreateBucket([]byte("wallet")); return err },
		`format "frostkit relay 3"`: func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucket(formatBucket)
			return errors.Join(err, b.Put(formatKey, []byte("frostkit relay 3")))
		},
	} {
		path := filepath.Join(t.TempDir(), "other.db")
		db, err := bbolt.Open(path, mode, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(fill), db.Close()); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, data, want)
	}
}

// Whatever is damaged, the file is refused and left alone, or, where the damage
// is in what is not used, read as it was written.
func TestDamagedFiles(t *testing.T) {
	good := filled(t)
	data, err := os.ReadFile(filepath.Join(good, fileName))
	if err != nil {
		t.Fatal(err)
	}
	want, _, err := Inspect(good)
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	detected := 0
	for i := range 300 {
		damaged := bytes.Clone(data)
		if i%10 == 0 {
			damaged = damaged[:random.IntN(len(damaged)-1)+1]
		} else {
			damaged[random.IntN(len(damaged))] ^= 1 << random.IntN(8)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, fileName)
		if err := os.WriteFile(path, damaged, mode); err != nil {
			t.Fatal(err)
		}
		found, _, err := Inspect(dir)
		switch {
		case err == nil && found.Stats != want.Stats:
			t.Fatalf("damage %d: found %+v, want %+v", i, found.Stats, want.Stats)
		case err != nil:
			detected++
		}
		if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, damaged) {
			t.Fatalf("damage %d: the file was changed: %v", i, err)
		}
	}
	if detected == 0 {
		t.Error("no damage was found")
	}
	t.Logf("%d of 300 damaged files refused, the others hold what they held", detected)
}

func TestSecondRelay(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	var locked *LockedError
	if _, err := Open(dir); !errors.As(err, &locked) || !strings.Contains(err.Error(), "process ") {
		t.Errorf("a second relay: %v", err)
	}
	if _, _, err := Inspect(dir); !errors.As(err, &locked) {
		t.Errorf("inspecting while a relay runs: %v", err)
	}
	if err := errors.Join(store.Close(), Remove(dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is left: %v", err)
	}
	if _, _, err := Inspect(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("inspecting nothing: %v", err)
	}
}

// Whoever removes a store leaves what others have in its folder, and the store that another one has opened there.
func TestRemove(t *testing.T) {
	dir := t.TempDir()
	store := openStore(t, dir)
	var locked *LockedError
	if err := Remove(dir); !errors.As(err, &locked) {
		t.Errorf("removing while a relay runs: %v", err)
	}
	other := filepath.Join(dir, "other")
	if err := errors.Join(os.WriteFile(other, nil, mode), store.Close(), Remove(dir)); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "other" {
		t.Errorf("left are %v, %v", left, err)
	}
}

// A lock that is removed while others wait for it is nobody else's.
func TestRemovedLockIsNone(t *testing.T) {
	dir := t.TempDir()
	var holders atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for taken := 0; taken < 50; {
				l, err := acquire(dir)
				var locked *LockedError
				if errors.As(err, &locked) {
					runtime.Gosched()
					continue
				}
				if err != nil {
					t.Error(err)
					return
				}
				if n := holders.Add(1); n != 1 {
					t.Errorf("%d hold the lock", n)
				}
				taken++
				holders.Add(-1)
				if err := l.remove(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestCompact(t *testing.T) {
	dir := filled(t)
	before, _, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	was, is, err := Compact(dir)
	if err != nil || is <= 0 || is > was {
		t.Errorf("compacted from %d to %d bytes: %v", was, is, err)
	}
	after, size, err := Inspect(dir)
	if err != nil || size != is || after.Stats != before.Stats || len(after.SessionList) != 10 {
		t.Errorf("holds %+v in %d bytes: %v, want %+v in %d", after, size, err, before, is)
	}
	for _, s := range after.SessionList {
		if len(s.Queued) != 1 || len(s.Queued[0].Recipients) != 2 || len(s.Queued[0].Body) != 900 {
			t.Errorf("session %+v", s)
		}
	}
}
