package keyring

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frostkit/internal/files"
)

// A group that the credentials do not take is kept, and added once they do.
func TestGroupIsKeptUntilItCanBeSaved(t *testing.T) {
	for name, spoil := range map[string]func(path string) (mend func()){
		"damaged meanwhile": func(path string) func() {
			before := mustRead(t, path)
			writeFile(t, path, "version = 9\n")
			return func() { writeFile(t, path, string(before)) }
		},
		"locked by another one": func(path string) func() {
			unlock, err := lock(t.Context(), files.At(path))
			if err != nil {
				t.Fatal(err)
			}
			return unlock
		},
	} {
		t.Run(name, func(t *testing.T) {
			path, group := ownerWithGroup(t)
			place, err := At(files.At(path)).ReserveGroup(GroupSize(3, group.Description, group.ServerURL))
			if err != nil {
				t.Fatal(err)
			}
			mend := spoil(path)
			var unsaved *UnsavedError
			impatient, cancel := context.WithCancel(t.Context())
			cancel()
			if err := place.Save(impatient, group); !errors.As(err, &unsaved) {
				t.Fatalf("saved where that is not possible: %v", err)
			}
			if saved, err := At(files.At(path)).SaveUnsaved(t.Context()); len(saved) > 0 || err != nil {
				t.Errorf("touched what another one is at: %v, %v", saved, err)
			}
			if err := place.Close(); err != nil {
				t.Fatal(err)
			}
			if kept := At(files.At(path)).Unsaved(); len(kept) != 1 || kept[0] != unsaved.Path {
				t.Errorf("kept: %v, said: %s", kept, unsaved.Path)
			}
			if _, err := At(files.At(path)).SaveUnsaved(impatient); err == nil {
				t.Error("added to what cannot take it")
			}
			mend()
			saved, err := At(files.At(path)).SaveUnsaved(t.Context())
			if err != nil || len(saved) != 1 || saved[0].ID() != group.ID() {
				t.Fatalf("saved: %v, %v", saved, err)
			}
			mustHaveShare(t, path, group.ID())
			mustBeAlone(t, path)
		})
	}
}

// A place that was not used leaves nothing, be it closed or left by a process that was killed.
func TestUnusedPlace(t *testing.T) {
	path, group := ownerWithGroup(t)
	place, err := At(files.At(path)).ReserveGroup(4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := place.Close(); err != nil {
		t.Fatal(err)
	}
	mustBeAlone(t, path)
	left := path + unsavedMark + "abcd"
	writeFile(t, left, "\n\n\n")
	if saved, err := At(files.At(path)).SaveUnsaved(t.Context()); len(saved) > 0 || err != nil {
		t.Errorf("saved: %v, %v", saved, err)
	}
	mustBeAlone(t, path)
	place, err = At(files.At(path)).ReserveGroup(4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := place.Save(t.Context(), group); err != nil {
		t.Fatal(err)
	}
	if err := place.Close(); err != nil {
		t.Fatal(err)
	}
	mustHaveShare(t, path, group.ID())
	mustBeAlone(t, path)
}

// What is too much for the file is told before anything is made.
func TestReserveBeyondTheLimit(t *testing.T) {
	path, _ := ownerWithGroup(t)
	if _, err := At(files.At(path)).ReserveGroup(maxFileSize); !errors.Is(err, ErrNoRoom) {
		t.Errorf("made room: %v", err)
	}
	mustBeAlone(t, path)
}

// ownerWithGroup makes credentials whose owner has a share of a group that is not in them.
func ownerWithGroup(t *testing.T) (path string, group *Group) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "alice.toml")
	writeFile(t, path, string(decodeFile(t, "interop", "n3t2", "alice.before.toml").encode()))
	return path, newGroup(t, deal(t, 2, aliceKey, bobKey, eveKey))
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func mustHaveShare(t *testing.T, path, id string) {
	t.Helper()
	k, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Destroy()
	group, ok := k.Group(id)
	if !ok {
		t.Fatal("the group is not there")
	}
	key, err := group.KeyPackage()
	if err == nil {
		err = key.Check()
	}
	if err != nil {
		t.Error(err)
	}
}

// mustBeAlone checks that nothing lies beside the credentials but their lock and the .gitignore.
func mustBeAlone(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name := entry.Name(); name != filepath.Base(path) && name != ".gitignore" && !strings.HasSuffix(name, ".lock") {
			t.Errorf("%s is there", name)
		}
	}
}
