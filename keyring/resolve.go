package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks is how many symbolic links are followed one after the other, as Linux
// does.
const maxLinks = 40

// prepare returns the target of a credentials file, and makes its folder.
func prepare(path string) (target string, err error) {
	if target, err = resolve(path); err != nil {
		return "", err
	}
	return target, os.MkdirAll(filepath.Dir(target), 0o700)
}

// resolve follows symbolic links, as the system does, to a file that need not
// exist: the target of a credentials file. What is kept for a credentials file beside it, such as
// locks and pending shares, is beside the target, so that all paths to it lead to the same.
func resolve(path string) (string, error) {
	next := path
	for range maxLinks {
		dir, name := filepath.Split(next)
		folder, err := resolveFolder(dir)
		if err != nil {
			return "", fmt.Errorf("following %q: %w", path, err)
		}
		target := filepath.Join(folder, name)
		link, err := os.Readlink(target)
		if err != nil {
			return target, nil // no link, or nothing
		}
		if next = link; !filepath.IsAbs(link) {
			next = folder + string(filepath.Separator) + link // Join would take ".." for the way back
		}
	}
	return "", fmt.Errorf("following %q: more than %d symbolic links", path, maxLinks)
}

// resolveFolder returns a folder's path without symbolic links, as far as there are folders.
func resolveFolder(dir string) (string, error) {
	if dir == "" {
		return ".", nil
	}
	real, err := filepath.EvalSymlinks(dir)
	if !errors.Is(err, fs.ErrNotExist) {
		return real, err
	}
	parent, name := filepath.Split(strings.TrimRight(dir, string(filepath.Separator)))
	if name == "" {
		return dir, nil
	}
	if parent, err = resolveFolder(parent); err != nil {
		return "", err
	}
	return filepath.Join(parent, name), nil
}
