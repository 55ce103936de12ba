// Package nearmiss finds what somebody may have meant who typed something else.
package nearmiss

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Of returns what is most like text among known, or "" where nothing is: the case of letters aside, a third
// of them may differ, and two at most.
func Of(text string, known []string) string {
	best, least := "", min(2, (len(text)+2)/3)+1
	for _, candidate := range known {
		d := distance(strings.ToLower(text), strings.ToLower(candidate))
		if d < least && candidate != text {
			best, least = candidate, d
		}
	}
	return best
}

// File returns the path of a file that is there and named most like the one at path, or "". A file that
// has another extension alone counts.
func File(path string) string {
	dir, name := filepath.Split(path)
	entries, err := os.ReadDir(filepath.Clean(dir + "."))
	if err != nil {
		return ""
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	if near := Of(name, names); near != "" {
		return dir + near
	}
	stem := strings.TrimSuffix(name, filepath.Ext(name))
	for _, other := range names {
		if stem != "" && other != name && strings.TrimSuffix(other, filepath.Ext(other)) == stem {
			return dir + other
		}
	}
	return ""
}

// distance is how many characters have to be put in, taken out, changed, or swapped with the next one
// (optimal string alignment).
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	rows := make([][]int, len(from)+1)
	for i := range rows {
		rows[i] = make([]int, len(to)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := range from {
		for j := range to {
			changed := rows[i][j]
			if from[i] != to[j] {
				changed++
			}
			d := min(changed, rows[i][j+1]+1, rows[i+1][j]+1)
			if i > 0 && j > 0 && slices.Equal(from[i-1:i+1], []rune{to[j], to[j-1]}) {
				d = min(d, rows[i-1][j-1]+1)
			}
			rows[i+1][j+1] = d
		}
	}
	return rows[len(from)][len(to)]
}
