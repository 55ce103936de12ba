package nearmiss

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOf(t *testing.T) {
	known := []string{"Alice", "Bob", "Eve", "serve", "compact"}
	for text, want := range map[string]string{
		"bob": "Bob", "Alcie": "Alice", "alice": "Alice", "sevre": "serve", "Carol": "", "": "", "Bo": "Bob", "xyz": "", "Bob": "",
	} {
		if got := Of(text, known); got != want {
			t.Errorf("%q is like %q, want %q", text, got, want)
		}
	}
}

func TestFile(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"board-meeting.yaml", "Alice.toml", "minutes.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"board-meeting.yml": "board-meeting.yaml", "alice.toml": "Alice.toml", "minutes.docx": "minutes.txt", "other": "",
	} {
		if want != "" {
			want = filepath.Join(dir, want)
		}
		if got := File(filepath.Join(dir, name)); got != want {
			t.Errorf("%q is like %q, want %q", name, got, want)
		}
	}
	if got := File(filepath.Join(dir, "nowhere", "Alice.toml")); got != "" {
		t.Errorf("found %q", got)
	}
}
