package durable

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"frostkit/internal/files"
)

var errInjected = errors.New("injected")

func TestWriteFileReplacesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	for _, content := range []string{"a longer first content", "second", ""} {
		if err := WriteFile(path, []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
		assertFile(t, path, content)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v, want 0640", info.Mode(), err)
	}
}

// Whatever fails, the file is as it was and nothing is left beside it.
func TestWriteFileFails(t *testing.T) {
	faults := map[string]func(*Disk){
		"write": func(d *Disk) {
			d.Write = func(f *os.File, b []byte) (int, error) { _, _ = f.Write(b[:len(b)/2]); return len(b) / 2, errInjected }
		},
		"sync":   func(d *Disk) { d.Sync = func(*os.File) error { return errInjected } },
		"rename": func(d *Disk) { d.Rename = func(string, string) error { return errInjected } },
	}
	for name, inject := range faults {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "file")
			if err := WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			disk := System
			inject(&disk)
			if err := disk.WriteFile(path, []byte("new content"), 0o600); !errors.Is(err, errInjected) {
				t.Fatalf("got %v, want the injected error", err)
			}
			assertFile(t, path, "old")
			assertAlone(t, path)
		})
	}
}

func TestWriteFileTellsUnsyncedFolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	disk, syncs := System, 0
	disk.Sync = func(f *os.File) error {
		if syncs++; syncs == 2 {
			return errInjected
		}
		return f.Sync()
	}
	if err := disk.WriteFile(path, []byte("new"), 0o600); !errors.Is(err, ErrUnsynced) || !errors.Is(err, errInjected) {
		t.Fatalf("got %v, want ErrUnsynced", err)
	}
	assertFile(t, path, "new")
}

func TestRemoveLeftovers(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file.toml")
	keep := []string{"file.toml", ".file.toml.tmp", ".file.toml.x1.tmp", ".other.toml.12.tmp"}
	for _, name := range append(keep, ".file.toml.4711.tmp") {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	RemoveLeftovers(files.At(path))
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(keep) {
		t.Errorf("left %v, %v, want %v", entries, err, keep)
	}
}

func assertFile(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("file holds %q, %v, want %q", got, err, want)
	}
}

func assertAlone(t *testing.T, path string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
}
