package ceremony

import (
	"maps"
	"slices"
	"strings"
)

// suggest is suggest until there are more problems than are reported: looking
// for what somebody meant takes longer than anything else here.
func (r *reader) suggest(word string, known []string) string {
	if len(r.problems) > MaxProblems {
		return "correct those above first"
	}
	return suggest(word, known)
}

// suggest returns a hint for a word that is not among the known ones.
func suggest(word string, known []string) string {
	if near := nearest(word, known); near != "" {
		return "did you mean " + quote(near) + "?"
	}
	const limit = 16
	if len(known) > limit {
		return "look for it among the members"
	}
	quoted := make([]string, len(known))
	for i, k := range known {
		quoted[i] = quote(k)
	}
	return "known are: " + strings.Join(quoted, ", ")
}

// nearest returns the known word that a misspelt one most likely stands for, or
// "" when none is near.
func nearest(word string, known []string) string {
	best, least := "", 1+min(2, len(word)/2)
	for _, k := range known {
		if d := distance(strings.ToLower(word), strings.ToLower(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance returns how many characters must be inserted, deleted or replaced to
// make b of a (Levenshtein). Texts too long to be one of ours are far.
func distance(a, b string) int {
	from, to := []rune(a), []rune(b)
	if len(from) > MaxNameLength || len(to) > MaxNameLength {
		return MaxNameLength
	}
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i, x := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j, y := range to {
			replaced := diagonal
			if x != y {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return row[len(to)]
}

// sortedKeys returns the keys of a map in order.
func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
