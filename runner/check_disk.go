package runner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// probeFolder writes a file into a folder and removes it.
func probeFolder(dir string) error {
	f, err := os.CreateTemp(dir, ".frostkit-check-*.tmp")
	if err != nil {
		return err
	}
	_, err = f.WriteString("frostkit check\n")
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

// nearestFolder returns a folder or, where that is missing, the nearest above it, in which it can be made.
func nearestFolder(dir string) string {
	_, err := os.Stat(dir)
	if above := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && above != dir {
		return nearestFolder(above)
	}
	return dir
}

// unwritable is what a run fails with that cannot write to a folder.
func unwritable(err error) error {
	return failf(ExitStorage, "%w", err).hint("files are written there; make the folder writable, or choose another with --dir")
}
