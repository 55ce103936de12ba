package keyring

import (
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"frostkit/internal/durable"
	"frostkit/internal/files"
)

// maxIgnored is the size up to which a .gitignore is added to, in bytes.
const maxIgnored = 1 << 20

// ignore keeps the credentials and what is beside them under their name out of commits, by lines in a .gitignore.
// One that is there gets the lines that it lacks at its end, where they count for more than what is before. A link,
// or what else is no regular file, is left alone. That fails nothing: a key is not refused because git would see it.
func ignore(target files.Place) {
	own := target.Beside(".gitignore")
	mode := fs.FileMode(0o644)
	info, err := own.Lstat()
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil || !info.Mode().IsRegular() || info.Size() > maxIgnored:
		return
	default:
		mode = info.Mode().Perm()
	}
	before, _, err := own.Read(maxIgnored)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	if after := withLines(string(before), ignored(filepath.Base(target.Name))); after != string(before) {
		_ = durable.Write(own, []byte(after), mode)
	}
}

// ignored are the lines for credentials of such a name: none for a name that no line can hold.
func ignored(name string) []string {
	if strings.ContainsAny(name, "\r\n") {
		return nil
	}
	pattern := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, ` `, `\ `).Replace(name)
	return []string{"/" + pattern, "/" + pattern + ".*", "/." + pattern + ".*"}
}

// withLines adds the lines that a text lacks.
func withLines(text string, lines []string) string {
	there := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for _, line := range lines {
		if slices.Contains(there, line) {
			continue
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += line + "\n"
	}
	return text
}
