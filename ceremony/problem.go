package ceremony

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"frostkit/internal/shown"
)

// Position is a place in a ceremony file. Lines and columns count from 1,
// columns in characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	// Own says that the place is in one's own values, and not in the ceremony file.
	Own bool `json:"-"`
}

func (p Position) compare(q Position) int {
	return cmp.Or(compareBool(p.Own, q.Own), cmp.Compare(p.Line, q.Line), cmp.Compare(p.Column, q.Column))
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Problem is one thing wrong with a ceremony file.
type Problem struct {
	File string `json:"file"`
	Position
	Message string `json:"message"`        // what is wrong
	Hint    string `json:"hint,omitempty"` // what to do about it
}

// Error returns the problem in one line, in the form that editors and CI
// systems make a link of: FILE:LINE:COLUMN: MESSAGE; HINT.
func (p Problem) Error() string {
	text := fmt.Sprintf("%s:%d:%d: %s", fileName(p.File), p.Line, p.Column, p.Message)
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return shown.Line(text, shown.MaxLine)
}

// fileName begins a line, which may not be taken for one that says something else.
func fileName(path string) string {
	if strings.Contains(path, ": ") {
		return shown.Quote(path)
	}
	return shown.Escape(path)
}

// WithHint returns the problem with a hint that says what to do about it.
func (p Problem) WithHint(format string, args ...any) Problem {
	p.Hint = fmt.Sprintf(format, args...)
	return p
}

// Problems is everything wrong with a ceremony file, sorted by position.
type Problems []Problem

// Error returns the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Sort sorts the problems by position; those at one place keep their order.
func (ps Problems) Sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int { return a.compare(b.Position) })
}

// sortedAndCut sorts the problems and leaves out those after the first
// MaxProblems, saying so.
func (ps Problems) sortedAndCut() Problems {
	ps.Sort()
	if len(ps) <= MaxProblems {
		return ps
	}
	first := ps[MaxProblems]
	first.Message = fmt.Sprintf("from here on there are %d more problems", len(ps)-MaxProblems)
	return append(ps[:MaxProblems:MaxProblems], first.WithHint("correct those above first"))
}

// Problem returns a problem at a place in this file, for what only a later step
// could find out.
func (f *File) Problem(pos Position, format string, args ...any) Problem {
	path := f.Path
	if pos.Own {
		path = f.Local
	}
	return Problem{File: path, Position: pos, Message: fmt.Sprintf(format, args...)}
}
