package runner

import (
	"fmt"

	"frostkit/internal/durable"
)

// writeFile writes a file that is not secret, whole or not at all.
func writeFile(path string, data []byte) error {
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", path, err)}
	}
	return nil
}
