// Package access opens the files that a ceremony file names. The file may be
// somebody else's: what is in its folder is opened, and nothing that leads out of
// it, no program and nothing of the environment, but what is one's own (--local) or
// was allowed (frostkit allow).
package access

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"frostkit/ceremony"
	"frostkit/internal/files"
)

// Kind is what a ceremony file asks for.
type Kind string

// What a ceremony file can ask for.
const (
	Reads       Kind = "reads"       // a file out of its folder
	Writes      Kind = "writes"      // a file out of its folder or a hidden one, with what frostkit keeps beside it
	Starts      Kind = "starts"      // a program, with each decision
	Signs       Kind = "signs"       // without a question
	Environment Kind = "environment" // values of variables
)

// Ask is one thing that goes further than a ceremony file may by itself.
type Ask struct {
	Kind   Kind   `json:"kind"`
	Field  string `json:"field"`            // such as `config of member "Alice"`
	Value  string `json:"value"`            // as it stands in the file
	Target string `json:"target,omitempty"` // the path that it leads to, of a file or a program
	SHA256 string `json:"sha256,omitempty"` // of the program and the files among its arguments, hex

	members []string // whose runs need it; nil: everybody's
	pos     ceremony.Position
}

// same compares what was asked for, wherever it stands.
func (a Ask) same(b Ask) bool {
	return a.Kind == b.Kind && a.Field == b.Field && a.Value == b.Value && a.Target == b.Target && a.SHA256 == b.SHA256
}

// concerns reports whether a run of these members needs it.
func (a Ask) concerns(here []string) bool {
	return a.members == nil || slices.ContainsFunc(here, func(name string) bool { return slices.Contains(a.members, name) })
}

// String says what is asked for, in one line without anything that acts on a terminal.
func (a Ask) String() string {
	switch a.Kind {
	case Reads, Writes:
		return fmt.Sprintf("%s %q (%s %q)", a.Kind, a.Target, a.Field, a.Value)
	case Starts:
		return fmt.Sprintf("starts %s, which is %q (%s)", a.Value, a.Target, a.Field)
	case Signs:
		return fmt.Sprintf("signs without a question (%s %q)", a.Field, a.Value)
	}
	return fmt.Sprintf("takes values of the environment (%s %q)", a.Field, a.Value)
}

// frostkitFolder is what the fields of such folders are called.
const frostkitFolder = "folder of frostkit"

// reportFolders are the folders that frostkit itself writes to, beside credentials and outputs.
var reportFolders = []string{"report", "rehearsal", "recovery"}

// Gate opens what a ceremony file names.
type Gate struct {
	file       *ceremony.File
	home, work *files.Fence // of the file, and of credentials and outputs
	homeDir    string
	workDir    string
	asks       []Ask
	granted    []Ask
}

// Open looks at what a ceremony file asks for. Credentials and outputs are in work,
// which is its folder where that is "". granted is what was allowed.
func Open(file *ceremony.File, work string, granted []Ask) *Gate {
	g := &Gate{file: file, homeDir: file.Dir(), workDir: work, granted: granted}
	if g.workDir == "" {
		g.workDir = g.homeDir
	}
	g.home, g.work = files.NewFence(g.homeDir), files.NewFence(g.workDir)
	for _, p := range slices.Concat(file.Paths(), g.ownPaths()) {
		g.lookAt(p)
	}
	for _, m := range file.Members {
		g.lookAtApproval(m)
	}
	for _, v := range file.Variables {
		g.asks = append(g.asks, Ask{Kind: Environment, Field: v.Field, Value: v.Text, pos: v.Pos})
	}
	return g
}

// ownPaths are those that frostkit writes to by itself.
func (g *Gate) ownPaths() []ceremony.Path {
	var all []ceremony.Path
	relay := RelayFolder(g.file.Path)
	names := append(slices.Clone(reportFolders), relay)
	for _, inside := range []string{"relay.db", "relay.db.new", "relay.lock"} { // which are opened by their paths
		names = append(names, filepath.Join(relay, inside))
	}
	for _, name := range names {
		all = append(all, ceremony.Path{Field: frostkitFolder, Value: name, Pos: g.file.NamePos, Written: true, Work: true})
	}
	return all
}

// RelayFolder is the name of the folder of a ceremony's built-in relay.
func RelayFolder(path string) string { return "." + filepath.Base(path) + ".relay" }

func (g *Gate) fence(p ceremony.Path) (*files.Fence, string) {
	if p.Work {
		return g.work, g.workDir
	}
	return g.home, g.homeDir
}

// lookAt notes a path that leads out of its folder, or to a hidden file that is written.
func (g *Gate) lookAt(p ceremony.Path) {
	if p.Pos.Own {
		return
	}
	kind := Reads
	if p.Written {
		kind = Writes
	}
	fence, dir := g.fence(p)
	name, err := files.Follow(fence, p.Value)
	if err == nil && !(p.Written && p.Field != frostkitFolder && hidden(name)) && !g.isStrange(p) {
		return
	}
	target := ceremony.Resolve(dir, p.Value)
	if real, err := files.At(target).Resolve(); err == nil {
		target = real.Path
	}
	if absolute, err := filepath.Abs(target); err == nil {
		target = absolute
	}
	g.asks = append(g.asks, Ask{Kind: kind, Field: p.Field, Value: p.Value, Target: target, members: p.Members, pos: p.Pos})
}

// isStrange reports whether what is in the place of a file or folder of frostkit's own is neither.
func (g *Gate) isStrange(p ceremony.Path) bool {
	info, err := g.work.Lstat(p.Value)
	return p.Field == frostkitFolder && err == nil && !info.IsDir() && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0
}

// hidden reports whether a file, or a folder that it is in, is one of those that shells and
// other programs read without being told to.
func hidden(name string) bool {
	return slices.ContainsFunc(strings.Split(filepath.ToSlash(name), "/"), func(part string) bool {
		return strings.HasPrefix(part, ".") && part != "."
	})
}

func (g *Gate) lookAtApproval(m ceremony.Member) {
	if m.Approve.Pos.Own {
		return
	}
	ask := Ask{Field: fmt.Sprintf("approve of member %q", m.Name), members: []string{m.Name}, pos: m.Approve.Pos}
	switch m.Approve.By {
	case ceremony.ByDigest:
		ask.Kind, ask.Value = Signs, string(ceremony.ByDigest)
	case ceremony.ByCommand:
		ask.Kind, ask.Value = Starts, fmt.Sprintf("%q", m.Approve.Command)
		ask.Target, ask.SHA256 = g.program(m)
	default:
		return
	}
	g.asks = append(g.asks, ask)
}

// program finds what would be started, with a digest of all that belongs to it in the folder.
func (g *Gate) program(m ceremony.Member) (target, digest string) {
	target = g.Program(m)
	if found, err := exec.LookPath(target); err == nil {
		target = found
	}
	if real, err := files.At(target).Resolve(); err == nil {
		target = real.Path
	}
	hash := sha256.New()
	for _, word := range m.Approve.Command {
		const most = 64 << 20
		if content, _, err := g.home.At(word).Read(most); err == nil {
			one := sha256.Sum256(content)
			hash.Write(one[:])
		}
	}
	return target, hex.EncodeToString(hash.Sum(nil))
}

// Program is the program that approves for a member: relative to the folder of the file that
// names it where its name has a slash, else to be looked up in PATH.
func (g *Gate) Program(m ceremony.Member) string {
	name := m.Approve.Command[0]
	if !strings.Contains(filepath.ToSlash(name), "/") || filepath.IsAbs(name) {
		return name
	}
	path, err := filepath.Abs(filepath.Join(g.ProgramFolder(m), name)) // as Cmd.Dir would shift it
	if err != nil {
		return name
	}
	return path
}

// ProgramFolder is the folder in which a member's program is run.
func (g *Gate) ProgramFolder(m ceremony.Member) string {
	if m.Approve.Pos.Own {
		return filepath.Dir(g.file.Local)
	}
	return g.homeDir
}

// Asks lists what the file asks for, of whatever members.
func (g *Gate) Asks() []Ask { return g.asks }

func (g *Gate) isGranted(a Ask) bool { return slices.ContainsFunc(g.granted, a.same) }

// Refused lists what a run of these members needs and may not: it cannot begin. That a file
// signs without a question is not among them, since a person can be asked.
func (g *Gate) Refused(here []string, kinds ...Kind) ceremony.Problems {
	var problems ceremony.Problems
	for _, a := range g.asks {
		if slices.Contains(kinds, a.Kind) && a.concerns(here) && !g.isGranted(a) {
			problems = append(problems, g.problem(a))
		}
	}
	problems.Sort()
	return problems
}

func (g *Gate) problem(a Ask) ceremony.Problem {
	why := "a ceremony file may not reach out of its folder unless you allowed it"
	switch {
	case a.Kind == Starts:
		why = "a ceremony file may start no program unless you allowed it"
	case a.Kind == Writes && filepath.IsLocal(a.Value) && hidden(a.Value):
		why = "a ceremony file may write no hidden file unless you allowed it"
	}
	hint := g.file.AllowHint()
	if a.Field == frostkitFolder {
		why, hint = "a link in a ceremony's folder may not lead frostkit out of it", fmt.Sprintf("remove what is in the place of %q", a.Value)
	}
	return g.file.Problem(a.pos, "%s %s; %s", a.Field, describe(a), why).WithHint("%s", hint)
}

func describe(a Ask) string {
	switch a.Kind {
	case Starts:
		return fmt.Sprintf("starts %s", a.Value)
	case Writes:
		return fmt.Sprintf("%q is written to %q", a.Value, a.Target)
	}
	return fmt.Sprintf("%q is read from %q", a.Value, a.Target)
}

// MayStart fails where a member's program is not one that may be started as it is now.
func (g *Gate) MayStart(m ceremony.Member) error {
	if m.Approve.Pos.Own {
		return nil
	}
	now := &Gate{file: g.file, home: g.home, homeDir: g.homeDir, granted: g.granted}
	now.lookAtApproval(m)
	for _, a := range now.asks {
		if !g.isGranted(a) {
			return g.problem(a)
		}
	}
	return nil
}

// SignsByDigest reports whether a member signs what has the digest that the file says without a question.
func (g *Gate) SignsByDigest(m ceremony.Member) bool {
	if m.Approve.By != ceremony.ByDigest {
		return false
	}
	return m.Approve.Pos.Own || slices.ContainsFunc(g.granted, func(a Ask) bool {
		return a.Kind == Signs && a.Field == fmt.Sprintf("approve of member %q", m.Name)
	})
}

// Place is where a path of the file leads. What may not be opened there, opening refuses.
func (g *Gate) Place(p ceremony.Path) files.Place {
	fence, dir := g.fence(p)
	if p.Pos.Own {
		return files.At(p.Value)
	}
	for _, a := range g.granted {
		if (a.Kind == Reads || a.Kind == Writes) && a.Field == p.Field && a.Value == p.Value {
			return files.Place{In: files.System, Name: a.Target, Path: ceremony.Resolve(dir, p.Value)}
		}
	}
	return fence.At(p.Value)
}

// Beside is a place of frostkit's own, beside credentials and outputs.
func (g *Gate) Beside(name string) files.Place {
	return g.Place(ceremony.Path{Field: frostkitFolder, Value: name, Written: true, Work: true})
}
