package keyring

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestUpdateWritesThroughLinks(t *testing.T) {
	for _, exists := range []bool{true, false} {
		dir := t.TempDir()
		target := filepath.Join(dir, "real", "alice.toml")
		first, second := filepath.Join(dir, "first.toml"), filepath.Join(dir, "second.toml")
		if err := errors.Join(os.Mkdir(filepath.Dir(target), 0o700), os.Symlink(target, first), os.Symlink("first.toml", second)); err != nil {
			t.Fatal(err)
		}
		if exists {
			writeFile(t, target, readTestdata(t, "interop", "n3t2", "alice.before.toml"))
		}
		if err := Update(t.Context(), second, addContact(t, "Carol", daveKey)); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Lstat(first); err != nil || info.Mode().Type() != fs.ModeSymlink {
			t.Errorf("the link is now %v, %v", info.Mode(), err)
		}
		if !strings.Contains(readFileText(t, target), "Carol") {
			t.Error("the target was not written")
		}
		if got := filesIn(t, dir); !slices.Equal(got, []string{"first.toml", "real", "second.toml"}) {
			t.Errorf("folder of the links has %v", got)
		}
	}
}

func TestLinksInCirclesAreRefused(t *testing.T) {
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	check(t, os.Symlink("loop", loop))
	for _, path := range []string{loop, filepath.Join(loop, "c.toml")} {
		_, loaded := Load(path)
		_, pending := LoadRecords(path)
		_, reserved := Reserve(path, "a-ceremony")
		updated := Update(t.Context(), path, func(*Keyring) error { return nil })
		for _, err := range []error{loaded, pending, reserved, updated} {
			if err == nil || !strings.Contains(err.Error(), "links") {
				t.Errorf("%q: %v", path, err)
			}
		}
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"loop"}) {
		t.Errorf("folder has %v", got)
	}
}

// ways are those to one file, c.toml, past links.
var ways = map[string]struct {
	links       map[string]string // what they lead to, by where they are
	in          string            // the folder that the user is in
	way, target string
}{
	"a link":                              {map[string]string{"c.toml": "data/c.toml"}, ".", "c.toml", "data/c.toml"},
	"a linked folder":                     {map[string]string{"conf": "data/conf"}, ".", "conf/c.toml", "data/conf/c.toml"},
	"from a linked folder":                {map[string]string{"conf": "data/conf"}, "conf", "../c.toml", "data/c.toml"},
	"past a linked folder":                {map[string]string{"conf": "data/conf"}, ".", "conf/../c.toml", "data/c.toml"},
	"a link past a linked folder":         {map[string]string{"conf": "data/conf", "c.toml": "conf/../c.toml"}, ".", "c.toml", "data/c.toml"},
	"a relative link in a linked folder":  {map[string]string{"conf": "data/conf", "data/conf/c.toml": "../c.toml"}, ".", "conf/c.toml", "data/c.toml"},
	"a link to a folder that is made":     {map[string]string{"conf": "data/conf", "data/conf/c.toml": "../new/c.toml"}, ".", "conf/c.toml", "data/new/c.toml"},
	"past a linked folder to new folders": {map[string]string{"conf": "data/conf"}, ".", "conf/../new/newer/c.toml", "data/new/newer/c.toml"},
}

// Whatever way is taken, one file is read, changed and locked, and what is kept
// beside it is beside it.
func TestAllWaysLeadToOneFile(t *testing.T) {
	for what, w := range ways {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			check(t, os.MkdirAll(filepath.Join(dir, "data", "conf"), 0o700))
			for link, to := range w.links {
				check(t, os.Symlink(to, filepath.Join(dir, link)))
			}
			t.Chdir(filepath.Join(dir, w.in))
			target := filepath.Join(dir, w.target)
			checkWay(t, w.way, target)
			if got, want := regularFiles(t, dir), []string{filepath.Join(filepath.Dir(target), ".gitignore"), target, target + ".pending"}; !slices.Equal(got, want) {
				t.Errorf("there are %q, want %q", got, want)
			}
		})
	}
}

// checkWay checks that what is done on one way is seen on the other.
func checkWay(t *testing.T, way, target string) {
	t.Helper()
	check(t, Update(t.Context(), way, addContact(t, "Carol", daveKey)))
	check(t, Update(t.Context(), target, addContact(t, "Eve", eveKey)))
	check(t, Update(t.Context(), way, addContact(t, "Bob", bobKey)))
	check(t, StoreRecord(t.Context(), way, record(1)))
	check(t, StoreRecord(t.Context(), target, record(2)))
	for _, path := range []string{way, target} {
		if k, err := Load(path); err != nil || len(k.Contacts()) != 3 || k.Path() != path {
			t.Errorf("%q: %v, %v", path, k, err)
		}
		if list, err := LoadRecords(path); err != nil || len(list) != 2 {
			t.Errorf("%q: %d pending shares, %v", path, len(list), err)
		}
	}
	release, err := Reserve(way, "a-ceremony")
	check(t, err)
	defer release()
	if _, err := Reserve(target, "a-ceremony"); !errors.Is(err, ErrLocked) {
		t.Errorf("reserved twice: %v", err)
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// regularFiles lists the files in a folder and below, but for locks.
func regularFiles(t *testing.T, dir string) (paths []string) {
	t.Helper()
	check(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.HasSuffix(path, ".lock") {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}
