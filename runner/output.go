package runner

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// writeFile writes a file that is not secret, whole or not at all.
func writeFile(path string, data []byte) error {
	if err := durable.WriteFile(path, data, 0o644); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", path, err)}
	}
	return nil
}

// writeOutput is writeFile that makes the folder as well.
func writeOutput(place files.Place, data []byte) error {
	if err := place.Dir().MakeFolder(0o755); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("making the folder of %q: %w", place, err)}
	}
	if err := durable.Write(place, data, 0o644); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", place, err)}
	}
	return nil
}

// maxSpared is the size up to which a file is looked into before it is replaced, in
// bytes: signatures and their hexadecimal form are shorter.
const maxSpared = 1 << 10

// spare refuses to replace a file with something in it, unless that is as good as what
// is to be written. Under the names of the tools that replace it all the same, it warns.
func (e *Env) spare(path string, asGood func(content []byte) bool) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil // what cannot be written is told by who writes
	}
	if info.Size() <= maxSpared {
		if content, err := os.ReadFile(path); err == nil && asGood(content) {
			return nil
		}
	}
	if e.called != frostkit {
		e.warn([]string{fmt.Sprintf("%q is replaced", path)})
		return nil
	}
	return failf(ExitStorage, "%q is there already, with something else in it, which would be lost", path).
		hint("name another file, or move this one away; nothing was begun")
}

// keepAside copies a file with something in it to a free name beside it, NAME-1.EXT and so on, before it is
// replaced. A file of the same content that is kept already is enough.
func (e *Env) keepAside(path string) error {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() == 0 {
		return nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return failf(ExitStorage, "keeping what is in %q: %w", path, err)
	}
	extension := filepath.Ext(path)
	for n := 1; ; n++ {
		kept := fmt.Sprintf("%s-%d%s", strings.TrimSuffix(path, extension), n, extension)
		if before, err := os.ReadFile(kept); err == nil && bytes.Equal(before, content) {
			return nil
		}
		err := writeNew(kept, content, info.Mode().Perm())
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return failf(ExitStorage, "keeping what is in %q: %w", path, err)
		}
		e.warn([]string{fmt.Sprintf("%q is replaced; what was in it is kept in %q", path, kept)})
		return nil
	}
}

// writeNew writes a file that is not there, synced.
func writeNew(path string, content []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(path)
	}
	return err
}
