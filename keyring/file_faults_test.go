package keyring

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// Whatever step of a write fails, the file is as it was or new, as a whole,
// and no temporary file is left.
func TestFaultsWhileWriting(t *testing.T) {
	fault := errors.New("fault")
	synced := 0
	for what, test := range map[string]struct {
		d     durable.Disk
		isNew bool
	}{
		"write": {d: durable.Disk{Write: func(*os.File, []byte) (int, error) { return 0, fault }, Sync: durable.System.Sync, Rename: durable.System.Rename}},
		"half a write": {d: durable.Disk{Write: func(f *os.File, b []byte) (int, error) {
			n, _ := f.Write(b[:len(b)/2])
			return n, fault
		}, Sync: durable.System.Sync, Rename: durable.System.Rename}},
		"close": {d: durable.Disk{Write: func(f *os.File, b []byte) (int, error) {
			return len(b), f.Close()
		}, Sync: func(*os.File) error { return nil }, Rename: durable.System.Rename}},
		"sync":   {d: durable.Disk{Write: durable.System.Write, Sync: func(*os.File) error { return fault }, Rename: durable.System.Rename}},
		"rename": {d: durable.Disk{Write: durable.System.Write, Sync: durable.System.Sync, Rename: func(string, string) error { return fault }}},
		"sync of the folder": {isNew: true, d: durable.Disk{Write: durable.System.Write, Rename: durable.System.Rename, Sync: func(*os.File) error {
			if synced++; synced == 2 {
				return fault
			}
			return nil
		}}},
	} {
		path := newFile(t, "interop", "n3t2", "alice.before.toml")
		want := readFileText(t, path)
		if test.isNew {
			want = "new"
		}
		err := replace(test.d, files.At(path), []byte("new"))
		if err == nil || !strings.Contains(err.Error(), path) || what != "close" && !errors.Is(err, fault) {
			t.Errorf("%s: %v", what, err)
		}
		if got := readFileText(t, path); got != want {
			t.Errorf("%s: the file is %q", what, got)
		}
		if got := filesIn(t, filepath.Dir(path)); !slices.Equal(got, []string{"alice.toml"}) {
			t.Errorf("%s: folder has %v", what, got)
		}
	}
}

// The data is on the disk before it has the name, and the name before success
// is told.
func TestOrderOfWriting(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	var steps []string
	d := durable.Disk{
		Write: func(f *os.File, b []byte) (int, error) { steps = append(steps, "write"); return f.Write(b) },
		Sync: func(f *os.File) error {
			info, err := f.Stat()
			if err == nil && info.IsDir() {
				steps = append(steps, "sync folder")
			} else {
				steps = append(steps, "sync file")
			}
			return errors.Join(err, f.Sync())
		},
		Rename: func(from, to string) error { steps = append(steps, "rename"); return os.Rename(from, to) },
	}
	if err := replace(d, files.At(path), []byte("new")); err != nil || readFileText(t, path) != "new" {
		t.Fatal(err)
	}
	if want := []string{"write", "sync file", "rename", "sync folder"}; !slices.Equal(steps, want) {
		t.Errorf("steps %q, want %q", steps, want)
	}
}

func TestUpdateAfterContextEnded(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	before := readFileText(t, path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Update(ctx, path, addContact(t, "Carol", daveKey))
	if !errors.Is(err, context.Canceled) || !bytes.Equal([]byte(before), []byte(readFileText(t, path))) {
		t.Errorf("changed the file: %v", err)
	}
}
