package files

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

// ErrOutside is what following a link fails with that leads out of its folder.
var ErrOutside = errors.New("leads out of the folder")

func isExist(err error) bool { return errors.Is(err, fs.ErrExist) }
func isGone(err error) bool  { return errors.Is(err, fs.ErrNotExist) }

// Resolve follows symbolic links, as the system does, to a file that need not
// exist, so that all ways to it lead to one place. In a folder that nothing leads
// out of, one that does is an [ErrOutside].
func (p Place) Resolve() (Place, error) {
	follow := Follow
	if p.anywhere() {
		follow = func(_ Folder, name string) (string, error) { return resolve(name) }
	}
	name, err := follow(p.In, p.Name)
	if err != nil {
		return Place{}, fmt.Errorf("following %q: %w", p.Path, err)
	}
	if p.anywhere() {
		return At(name), nil
	}
	path := p.Path
	if name != filepath.Clean(p.Name) {
		path = filepath.Join(strings.TrimSuffix(filepath.Clean(p.Path), filepath.Clean(p.Name)), name)
	}
	return Place{p.In, name, path}, nil
}

// Follow follows the symbolic links on a way through a folder, as far as there is
// one, and returns the way without them. It fails with [ErrOutside] where that is
// absolute or goes above the folder.
func Follow(in Folder, name string) (string, error) {
	if filepath.IsAbs(name) {
		return "", ErrOutside
	}
	done, rest, links := ".", parts(name), 0
	for len(rest) > 0 {
		part := rest[0]
		rest = rest[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if done == "." {
				return "", ErrOutside
			}
			done = filepath.Dir(done)
			continue
		}
		next := filepath.Join(done, part)
		link, err := in.Readlink(next)
		if err != nil { // no link, or nothing
			done = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("more than %d symbolic links", maxLinks)
		}
		if filepath.IsAbs(link) || filepath.VolumeName(link) != "" {
			return "", ErrOutside
		}
		rest = append(parts(link), rest...)
	}
	return done, nil
}

func parts(name string) []string {
	return strings.Split(filepath.ToSlash(name), "/")
}

// resolve is [Place.Resolve] anywhere.
func resolve(path string) (string, error) {
	next := path
	for range maxLinks {
		dir, name := filepath.Split(next)
		folder, err := resolveFolder(dir)
		if err != nil {
			return "", err
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
	return "", fmt.Errorf("more than %d symbolic links", maxLinks)
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
