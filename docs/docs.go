// Package docs holds what is written about frostkit, for the program to print; its tests keep that true.
package docs

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Topic returns the document of this name, such as "ceremony-file", and whether there is one.
func Topic(name string) (text []byte, ok bool) {
	text, err := files.ReadFile(name + ".md")
	return text, err == nil
}

// Topics returns the names of all documents.
func Topics() []string {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("docs: internal error: " + err.Error()) // they are part of the program
	}
	names := make([]string, len(entries))
	for i, entry := range entries {
		names[i] = strings.TrimSuffix(entry.Name(), ".md")
	}
	return names
}
