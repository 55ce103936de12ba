package access

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"frostkit/internal/durable"
)

// Grant is what was allowed to one ceremony file, as it was then.
type Grant struct {
	Version int       `json:"version"` // 1
	File    string    `json:"file"`    // its path, absolute and without links
	SHA256  string    `json:"sha256"`  // of its content, hex
	Allowed time.Time `json:"allowed"`
	Asks    []Ask     `json:"asks"`
}

// Store is the folder in which grants are kept, a file for each ceremony file.
type Store struct{ folder string }

// UserStore is the store in the user's configuration folder.
func UserStore() (Store, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return Store{}, fmt.Errorf("finding the configuration folder: %w", err)
	}
	return Store{filepath.Join(dir, "frostkit", "allowed")}, nil
}

// canonical is the path by which a file is known, whatever way leads to it.
func canonical(path string) (string, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(absolute); err == nil {
		return real, nil
	}
	return absolute, nil
}

func (s Store) record(file string) string {
	digest := sha256.Sum256([]byte(file))
	return filepath.Join(s.folder, hex.EncodeToString(digest[:16])+".json")
}

// digest is that of a file's content.
func digest(content []byte) string {
	d := sha256.Sum256(content)
	return hex.EncodeToString(d[:])
}

// Find returns what was allowed to the file at path with this content: nil where it was not, or
// has changed since.
func (s Store) Find(path string, content []byte) []Ask {
	file, err := canonical(path)
	if err != nil {
		return nil
	}
	g, err := readGrant(s.record(file))
	if err != nil || g.File != file || g.SHA256 != digest(content) {
		return nil
	}
	return g.Asks
}

func readGrant(path string) (Grant, error) {
	var g Grant
	data, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(data, &g)
	}
	if err == nil && g.Version != 1 {
		err = fmt.Errorf("reading %q: version %d is not known", path, g.Version)
	}
	return g, err
}

// Allow remembers what a file with this content may do.
func (s Store) Allow(path string, content []byte, asks []Ask, now time.Time) error {
	file, err := canonical(path)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(Grant{1, file, digest(content), now.UTC().Truncate(time.Second), asks}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder, 0o700); err != nil {
		return err
	}
	return durable.WriteFile(s.record(file), append(data, '\n'), 0o600)
}

// Revoke forgets what was allowed to the file at path, and reports whether anything was.
func (s Store) Revoke(path string) (bool, error) {
	file, err := canonical(path)
	if err != nil {
		return false, err
	}
	err = os.Remove(s.record(file))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// List returns all grants, by the paths of the files.
func (s Store) List() ([]Grant, error) {
	entries, err := os.ReadDir(s.folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Grant
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".json") {
			continue
		}
		g, err := readGrant(filepath.Join(s.folder, entry.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, g)
	}
	slices.SortFunc(all, func(a, b Grant) int { return strings.Compare(a.File, b.File) })
	return all, nil
}

// Changed reports whether the file is another one than was allowed, or gone.
func (g Grant) Changed() bool {
	content, err := os.ReadFile(g.File)
	return err != nil || digest(content) != g.SHA256
}
