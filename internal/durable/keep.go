package durable

import (
	"errors"
	"os"
	"path/filepath"
)

// Keep writes data to a new file in a folder, synced and for its owner alone (mode 0600), and returns its path: the
// pattern with the last * replaced by digits that no other file has. It replaces no file and follows no link. When it
// fails there is no file.
func Keep(dir, pattern string, data []byte) (path string, err error) {
	f, err := os.CreateTemp(dir, pattern)
	if err != nil {
		return "", err
	}
	if err := errors.Join(System.fill(f, data, 0o600), f.Close(), System.SyncFolder(dir)); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return filepath.Clean(f.Name()), nil
}
