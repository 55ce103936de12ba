package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"frostkit/internal/durable"
)

// ErrChanged is what [Update] fails with when a program that does not take the
// lock, such as frost-client, changed the file meanwhile.
var ErrChanged = errors.New("file was changed by another program")

// DefaultPath returns where frost-client keeps its credentials: frost/credentials.toml
// in the platform's local configuration folder (docs/formats.md, section 1).
func DefaultPath() (string, error) {
	// On Windows the local folder is that of caches, the other one roams.
	folder := os.UserConfigDir
	if runtime.GOOS == "windows" {
		folder = os.UserCacheDir
	}
	dir, err := folder()
	if err != nil {
		return "", fmt.Errorf("finding the configuration folder: %w; name a credentials file", err)
	}
	return filepath.Join(dir, "frost", "credentials.toml"), nil
}

// Load reads a credentials file; a missing one is an empty keyring. It takes no
// lock: writers replace the file as a whole. A file that is not understood is a
// [*FileError]. The caller destroys the keyring.
func Load(path string) (*Keyring, error) {
	target, err := resolve(path)
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	k, original, err := load(path, target)
	clear(original)
	return k, err
}

// load reads the file that path leads to. It also returns the file's bytes, nil
// when there is none; the caller wipes them.
func load(path, target string) (*Keyring, []byte, error) {
	data, mode, err := readFile(target, maxFileSize)
	if errors.Is(err, fs.ErrNotExist) {
		return newKeyring(path), nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("reading credentials: %w", err)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, nil, fmt.Errorf("reading credentials: %w", &FileError{
			Path: path, Line: 1, Column: 1,
			Err: fmt.Errorf("%w: file is empty; restore it from a backup, or remove it to begin anew", ErrInvalidFile),
		})
	}
	k, err := decode(path, data)
	if err != nil {
		clear(data)
		return nil, nil, fmt.Errorf("reading credentials: %w", err)
	}
	k.mode = mode
	return k, data, nil
}

// readFile reads one byte more than most, for the decoder to refuse.
func readFile(path string, most int64) ([]byte, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, 0, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	return data, info.Mode(), err
}

// Update changes a credentials file: it locks the file, reads it as [Load]
// does, runs change on the keyring and replaces the file, all or nothing. Nothing
// is written when change fails or changes nothing. Folders and the file are made
// when missing, with modes 0700 and 0600; of a symbolic link the target is
// replaced. When ctx ends before the lock is free, the error is a
// [*LockedError]. The keyring is destroyed once change has returned and the file is written, with
// the key and the groups that were added to it; change must not update the same file.
func Update(ctx context.Context, path string, change func(*Keyring) error) error {
	target, unlock, err := acquire(ctx, path)
	if err != nil {
		return fmt.Errorf("changing credentials: %w", err)
	}
	defer unlock()
	durable.RemoveLeftovers(target) // under the lock no other writer is alive
	return rewrite(path, target, change)
}

// rewrite does the work of [Update] under its lock.
func rewrite(path, target string, change func(*Keyring) error) error {
	k, original, err := load(path, target)
	if err != nil {
		return err
	}
	defer clear(original)
	defer k.Destroy()
	before := k.encode()
	defer clear(before)
	if err := change(k); err != nil {
		return err
	}
	after := k.encode()
	defer clear(after)
	if original != nil && bytes.Equal(before, after) {
		return nil
	}
	if err := checkWritable(k, after); err != nil {
		return err
	}
	if err := checkUnchanged(path, target, original); err != nil {
		return err
	}
	return replace(durable.System, target, after)
}

// checkWritable reads back what is about to be written.
func checkWritable(k *Keyring, encoded []byte) error {
	again, err := decode(k.path, encoded)
	if err != nil {
		return fmt.Errorf("writing credentials, which could not be read again, so nothing was written: %w", err)
	}
	again.Destroy()
	return nil
}

func checkUnchanged(path, target string, original []byte) error {
	data, _, err := readFile(target, maxFileSize)
	defer clear(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing credentials: %w", err)
	}
	if !bytes.Equal(data, original) {
		return fmt.Errorf("writing %q: %w meanwhile; nothing was written, run the command again", path, ErrChanged)
	}
	return nil
}
