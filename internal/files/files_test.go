//go:build linux || darwin

package files

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// tree makes links (to what) and, where there is no "to", files below a folder.
func tree(t *testing.T, links map[string]string) (dir string, root *os.Root) {
	t.Helper()
	outer := t.TempDir()
	dir = filepath.Join(outer, "in")
	check(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o700))
	check(t, os.WriteFile(filepath.Join(outer, "secret"), []byte("secret"), 0o600))
	for name, to := range links {
		path := filepath.Join(dir, name)
		if to == "" {
			check(t, os.WriteFile(path, []byte("here"), 0o600))
			continue
		}
		check(t, os.Symlink(strings.ReplaceAll(to, "$DIR", dir), path))
	}
	root, err := os.OpenRoot(dir)
	check(t, err)
	t.Cleanup(func() { _ = root.Close() })
	return dir, root
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var links = map[string]string{
	"file": "", "sub/file": "", "out": "../secret", "up": "..", "chain": "up/secret", "absolute": "$DIR/file",
	"inside": "sub/file", "back": "sub/../file", "folder": "sub", "loop": "loop", "dangling": "new", "dot": ".",
}

func TestWithinNothingLeadsOut(t *testing.T) {
	_, root := tree(t, links)
	for _, name := range []string{"out", "chain", "up/secret", "absolute", "../secret", "sub/../../secret", "/etc/passwd", "dot/up/secret"} {
		p := Within(root, name)
		if data, _, err := p.Read(100); err == nil {
			t.Errorf("%q was read: %q", name, data)
		}
		if _, err := p.Resolve(); !errors.Is(err, ErrOutside) {
			t.Errorf("%q: %v, want ErrOutside", name, err)
		}
		if f, err := p.OpenOwn(); err == nil {
			_ = f.Close()
			t.Errorf("%q was opened for writing", name)
		}
	}
}

func TestWithinLinksAreFollowed(t *testing.T) {
	dir, root := tree(t, links)
	for name, want := range map[string]string{
		"file": "file", "inside": "sub/file", "back": "file", "folder/file": "sub/file", "folder/../file": "file",
		"sub/../file": "file", "dangling": "new", "dot/file": "file", "nothing/there": "nothing/there",
	} {
		got, err := Within(root, name).Resolve()
		if err != nil || got.Name != filepath.FromSlash(want) || got.Path != filepath.Join(dir, want) {
			t.Errorf("%q leads to %+v, %v, want %q", name, got, err, want)
		}
	}
	if data, _, err := Within(root, "inside").Read(2); string(data) != "he" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
}

// What frostkit alone writes is no link, wherever that leads, and a pipe is never
// waited for.
func TestOnlyRegularFiles(t *testing.T) {
	dir, root := tree(t, links)
	check(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for _, name := range []string{"inside", "dangling", "pipe", "sub", "loop"} {
		if f, err := Within(root, name).OpenOwn(); err == nil {
			_ = f.Close()
			t.Errorf("%q was opened", name)
		}
	}
	ended := make(chan error, 1)
	go func() { _, _, err := Within(root, "pipe").Read(10); ended <- err }()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "a named pipe, not a regular file") {
			t.Errorf("reading a pipe: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("reading a pipe waits")
	}
	f, err := Within(root, "sub/own").OpenOwn()
	check(t, err)
	check(t, f.Close())
}

// A folder is listed in order; what is none, such as a pipe that nobody writes to, has no names.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a"} {
		check(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
	}
	check(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	fence := NewFence(dir)
	if names := fence.At(".").Names(); !slices.Equal(names, []string{"a", "b", "pipe"}) {
		t.Errorf("names are %q", names)
	}
	for _, name := range []string{"a", "pipe", "nothing"} {
		if names := fence.At(name).Names(); names != nil {
			t.Errorf("%s has the names %q", name, names)
		}
	}
}
