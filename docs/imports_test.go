package docs_test

import (
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the picture in architecture.md: for each folder, the others of
// ours that its packages, and what these import in turn, may use.
var mayImport = map[string][]string{
	"ceremony": {"internal"},
	"frost":    {},
	"commkey":  {},
	"internal": {},
	"keyring":  {"frost", "commkey", "internal"},
	"relay":    {"commkey", "internal"},
	"docs":     {},
	"runner":   {"ceremony", "keyring", "relay", "frost", "commkey", "internal", "docs"},
	"cmd":      {"runner", "ceremony", "keyring", "relay", "frost", "commkey", "internal", "docs"},
}

// onlyIn says which one folder may import a library itself.
var onlyIn = map[string]string{
	"gopkg.in/yaml.v3":           "ceremony",
	"github.com/BurntSushi/toml": "keyring",
	"github.com/alecthomas/kong": "runner",

	"go.etcd.io/bbolt":             "relay",
	"github.com/redis/go-redis/v9": "relay",
}

// goList runs go list in the module's root and returns the lines it prints.
func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %v: %v", args, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

func folder(importPath string) string {
	rest, ours := strings.CutPrefix(importPath, "frostkit/")
	if !ours {
		return ""
	}
	top, _, _ := strings.Cut(rest, "/")
	return top
}

func TestImportsGoOneWay(t *testing.T) {
	for top, allowed := range mayImport {
		packages := goList(t, "-deps", "./"+top+"/...")
		if !slices.ContainsFunc(packages, func(p string) bool { return folder(p) == top }) {
			t.Errorf("no package in %s", top)
		}
		for _, p := range packages {
			if f := folder(p); f != "" && f != top && !slices.Contains(allowed, f) {
				t.Errorf("%s depends on %s, which architecture.md does not allow", top, p)
			}
		}
	}
}

// throughTheGate are the files of runner that know the paths of a ceremony file. It may be
// somebody else's, so that they open files through runner/access alone.
var throughTheGate = []string{
	"scene.go", "run.go", "run_generate.go", "run_sign.go", "run_collect.go", "run_report.go", "run_outcome.go", "summary.go",
	"consent.go", "cmd_rehearse.go",
}

func TestCeremoniesOpenFilesThroughTheGate(t *testing.T) {
	for _, name := range throughTheGate {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "runner", name), nil, parser.ImportsOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, imported := range file.Imports {
			if imported.Path.Value == `"os"` || imported.Path.Value == `"os/exec"` {
				t.Errorf("%s imports %s: what a ceremony file names is opened by runner/access", name, imported.Path.Value)
			}
		}
	}
}

func TestLibrariesStayInTheirFolder(t *testing.T) {
	for _, line := range goList(t, "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...") {
		fields := strings.Fields(line)
		for _, imported := range fields[1:] {
			if home, guarded := onlyIn[imported]; guarded && folder(fields[0]) != home {
				t.Errorf("%s imports %s, which belongs to %s alone", fields[0], imported, home)
			}
		}
	}
}
