package runner

import (
	"errors"
	"os"
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
