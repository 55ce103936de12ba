package oracle_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// These tests read all sources of the program, by which "go test" knows to run the tests
// again when one has changed.

// rustSources are the contents of the Rust files by their names below bench/zf.
func rustSources(t *testing.T) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(sources, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == "target":
			return filepath.SkipDir
		case filepath.Ext(path) == ".rs" || strings.HasPrefix(entry.Name(), "Cargo."):
			b, err := os.ReadFile(path)
			name, _ := filepath.Rel(sources, path)
			files[filepath.ToSlash(name)] = string(b)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func readme(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(sources, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// firsts are what a pattern's group matches, sorted and each once.
func firsts(text, pattern string) []string {
	set := make(map[string]bool)
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		set[match[1]] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// TestReadmeOperations: the README has every operation, and no other.
func TestReadmeOperations(t *testing.T) {
	code := strings.Join(slices.Collect(maps.Values(rustSources(t))), "\n")
	_, tables, _ := strings.Cut(readme(t), "### `frost2`")
	got := firsts(tables, "(?m)^\\| (?:`(?:noise|xeddsa|contact)` \\| )?`([a-z0-9_]+)` \\|")
	if want := firsts(code, `(?m)^ *"([a-z0-9_]+)" => perform`); !slices.Equal(got, want) {
		t.Errorf("README.md has the operations\n%q, the program\n%q", got, want)
	}
}

// TestReadmeVersions: the README has the versions that Cargo.lock has.
func TestReadmeVersions(t *testing.T) {
	lock := rustSources(t)["Cargo.lock"]
	crates := regexp.MustCompile(`([a-z0-9-]+) ([0-9]+\.[0-9]+\.[0-9]+)`).FindAllStringSubmatch(readme(t), -1)
	for _, crate := range crates {
		if !strings.Contains(lock, "name = \""+crate[1]+"\"\nversion = \""+crate[2]+"\"\n") {
			t.Errorf("Cargo.lock lacks %s", crate[0])
		}
	}
	if len(crates) != 9 {
		t.Errorf("README.md has %d versions, want 9", len(crates))
	}
}
