package access

import (
	"path/filepath"

	"frostkit/ceremony"
	"frostkit/internal/files"
)

// Clashes lists the files that a run would write over others, or in the place of frostkit's own, as different
// ways lead to one file: links, other folders, one's own paths. [ceremony.Parse] finds those of one name.
func (g *Gate) Clashes() ceremony.Problems {
	var problems ceremony.Problems
	seen := map[string]ceremony.Path{}
	for _, p := range append([]ceremony.Path{{Field: "the ceremony file", Value: filepath.Base(g.file.Path)}}, g.file.Paths()...) {
		real, ok := g.real(p)
		if !ok {
			continue
		}
		if other, found := seen[real]; found && (p.Written || other.Written) {
			problems = append(problems, g.clash(p, other.Field))
		} else if what := g.ownFile(real, p.Written); what != "" && p.Pos != (ceremony.Position{}) {
			problems = append(problems, g.clash(p, what))
		}
		if _, found := seen[real]; !found || p.Written {
			seen[real] = p
		}
	}
	return problems
}

func (g *Gate) clash(p ceremony.Path, with string) ceremony.Problem {
	return g.file.Problem(p.Pos, "%s, %q, leads to the same file as %s", p.Field, p.Value, with).WithHint("choose another path")
}

// real is the one path of a file, whatever way leads to it.
func (g *Gate) real(p ceremony.Path) (string, bool) {
	path, err := filepath.Abs(g.Place(p).Path)
	if err != nil {
		return "", false
	}
	place, err := files.At(path).Resolve()
	return place.Path, err == nil
}

// ownFile says which of frostkit's own files is at a real path.
func (g *Gate) ownFile(real string, written bool) string {
	work, err := filepath.Abs(g.workDir)
	if err != nil {
		return ""
	}
	if place, err := files.At(work).Resolve(); err == nil {
		work = place.Path
	}
	name, err := filepath.Rel(work, real)
	if err != nil || !filepath.IsLocal(name) {
		return ""
	}
	return g.file.OwnFile(name, written)
}
