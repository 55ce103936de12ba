package runner

import (
	"fmt"
	"os"
	"path/filepath"

	"frostkit/internal/durable"
)

// writeFile writes a file that is not secret, whole or not at all.
func writeFile(path string, data []byte) error {
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", path, err)}
	}
	return nil
}

// writeOutput is writeFile that makes the folder as well.
func writeOutput(path string, data []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("making the folder of %q: %w", path, err)}
	}
	return writeFile(path, data)
}
