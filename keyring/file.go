package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"frostkit/internal/durable"
	"frostkit/internal/files"
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

// File is a credentials file, which need not exist yet. Locks and pending shares
// are beside it, in the same folder.
type File struct{ place files.Place }

// At is the credentials file at a place.
func At(place files.Place) File { return File{place} }

// Path returns the file's path as people know it.
func (f File) Path() string { return f.place.Path }

// resolved is where the file is once links are followed.
func (f File) resolved() (files.Place, error) { return f.place.Resolve() }

// prepare is resolved that makes the folder.
func (f File) prepare() (target files.Place, err error) {
	if target, err = f.resolved(); err != nil {
		return target, err
	}
	return target, target.Dir().MakeFolder(0o700)
}

// Load is [File.Load] of the file at path.
func Load(path string) (*Keyring, error) { return At(files.At(path)).Load() }

// Load reads a credentials file; a missing one is an empty keyring. It takes no
// lock: writers replace the file as a whole. A file that is not understood is a
// [*FileError]. The caller destroys the keyring.
func (f File) Load() (*Keyring, error) {
	target, err := f.resolved()
	if err != nil {
		return nil, fmt.Errorf("reading credentials: %w", err)
	}
	k, original, err := load(f.Path(), target)
	clear(original)
	return k, err
}

// load reads the file that path leads to. It also returns the file's bytes, nil
// when there is none; the caller wipes them.
func load(path string, target files.Place) (*Keyring, []byte, error) {
	data, info, err := target.Read(maxFileSize + 1) // one more than the decoder takes
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
	k.mode = info.Mode()
	return k, data, nil
}

// Update is [File.Update] of the file at path.
func Update(ctx context.Context, path string, change func(*Keyring) error) error {
	return At(files.At(path)).Update(ctx, change)
}

// Update changes a credentials file: it locks the file, reads it as [Load]
// does, runs change on the keyring and replaces the file, all or nothing. Nothing
// is written when change fails or changes nothing. Folders and the file are made
// when missing, with modes 0700 and 0600; of a symbolic link the target is
// replaced. When ctx ends before the lock is free, the error is a
// [*LockedError]. The keyring is destroyed once change has returned and the file is written, with
// the key and the groups that were added to it; change must not update the same file.
func (f File) Update(ctx context.Context, change func(*Keyring) error) error {
	target, unlock, err := f.acquire(ctx)
	if err != nil {
		return fmt.Errorf("changing credentials: %w", err)
	}
	defer unlock()
	durable.RemoveLeftovers(target) // under the lock no other writer is alive
	return rewrite(f.Path(), target, change)
}

// rewrite does the work of [Update] under its lock.
func rewrite(path string, target files.Place, change func(*Keyring) error) error {
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
	return replace(durable.In(target.In), target, after)
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

func checkUnchanged(path string, target files.Place, original []byte) error {
	data, _, err := target.Read(maxFileSize + 1)
	defer clear(data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("writing credentials: %w", err)
	}
	if !bytes.Equal(data, original) {
		return fmt.Errorf("writing %q: %w meanwhile; nothing was written, run the command again", path, ErrChanged)
	}
	return nil
}
