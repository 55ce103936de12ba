// Package testheap finds in the heap what tests expect to be wiped.
package testheap

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// Watched is a secret that is looked for, kept so that it is not found itself.
type Watched struct{ complement []byte }

// Watch watches for a secret, of which it takes over b, and stops garbage collection until the test
// ends, so that whatever was not wiped is found.
func Watch(t *testing.T, b []byte) Watched {
	t.Helper()
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	flip(b)
	return Watched{b}
}

// InHeap reports whether the secret is in a dump of the heap, be it in use or garbage.
func (w Watched) InHeap(t *testing.T) bool {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "heap"))
	if err != nil {
		t.Fatal(err)
	}
	debug.WriteHeapDump(file.Fd())
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	dump, err := os.ReadFile(file.Name())
	if err != nil {
		t.Fatal(err)
	}
	defer clear(dump)
	flip(dump)
	return bytes.Contains(dump, w.complement)
}

func flip(b []byte) {
	for i := range b {
		b[i] ^= 0xff
	}
}
