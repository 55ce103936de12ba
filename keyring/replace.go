package keyring

import (
	"errors"
	"fmt"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// replace gives a credentials file new content, as a whole or not at all, and
// for its owner's eyes alone. The disk is another than durable.System in tests.
func replace(disk durable.Disk, target files.Place, data []byte) error {
	err := disk.WriteFile(target.Name, data, 0o600)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, durable.ErrUnsynced):
		return fmt.Errorf("writing %q: %w", target.Path, err)
	}
	return fmt.Errorf("writing %q: %w; the file is as it was", target.Path, err)
}
