package durable

import (
	"os"
	"path/filepath"
	"testing"
)

func TestKeepReplacesNothing(t *testing.T) {
	dir := t.TempDir()
	paths := map[string]bool{}
	for range 50 {
		path, err := Keep(dir, "signature-*.sig", []byte("R, s"))
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode() != 0o600 || info.Size() != 4 {
			t.Errorf("kept as %v, %v", info, err)
		}
		paths[path] = true
	}
	if len(paths) != 50 {
		t.Errorf("%d files for 50", len(paths))
	}
	if path, err := Keep(filepath.Join(dir, "none"), "x-*", nil); err == nil {
		t.Errorf("kept in a folder that is not there: %q", path)
	}
}
