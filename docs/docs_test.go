package docs

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"frostkit/ceremony"
	"frostkit/runner"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// documents are all Markdown files of the project.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, pattern := range []string{"*.md", "*/*.md", "*/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, found...)
	}
	if len(paths) < 4 {
		t.Fatalf("found only %v", paths)
	}
	return paths
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range documents(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range link.FindAllStringSubmatch(string(data), -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), found[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, found[1], err)
			}
		}
	}
}

// The README's ceremony file is one.
func TestReadmeCeremonyFile(t *testing.T) {
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(blocks) == 0 {
		t.Fatal("no YAML in the README")
	}
	for _, block := range blocks {
		if _, err := ceremony.Parse("README.md", []byte(block[1])); err != nil {
			t.Error(err)
		}
	}
}

// help is what `frostkit --help` prints.
func help(t *testing.T) string {
	t.Helper()
	env := runner.System()
	var out bytes.Buffer
	env.Stdout, env.Stderr = &out, &out
	if code := runner.Main([]string{"frostkit", "--help"}, env); code != 0 {
		t.Fatalf("exit code %d: %s", code, out.String())
	}
	return out.String()
}

// The README names every command of the program.
func TestReadmeNamesEveryCommand(t *testing.T) {
	readme := read(t, "README.md")
	commands := regexp.MustCompile(`(?m)^  ([a-z][a-z-]+) {2,}\S`).FindAllStringSubmatch(help(t), -1)
	if len(commands) < 20 {
		t.Fatalf("found only %d commands in the help", len(commands))
	}
	for _, command := range commands {
		if !regexp.MustCompile("`" + command[1] + "[ `]").MatchString(readme) {
			t.Errorf("the README does not name the command %q", command[1])
		}
	}
}

func TestReadmeExitCodes(t *testing.T) {
	readme := read(t, "README.md")
	for _, code := range []int{
		runner.ExitOK, runner.ExitFailed, runner.ExitUsage, runner.ExitInput, runner.ExitRefused, runner.ExitUnreachable,
		runner.ExitMissing, runner.ExitCulprit, runner.ExitDeclined, runner.ExitStorage, runner.ExitDisagreed, runner.ExitInterrupted,
	} {
		if !strings.Contains(readme, "\n| "+strconv.Itoa(code)+" | ") {
			t.Errorf("the README does not explain exit code %d", code)
		}
	}
}

// The picture of the folders shows those that there are.
func TestArchitectureShowsEveryFolder(t *testing.T) {
	text := read(t, "docs/architecture.md")
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		name := entry.Name()
		if entry.IsDir() && !strings.HasPrefix(name, ".") && name != "bin" && !strings.Contains(text, "`"+name) {
			t.Errorf("architecture.md does not show the folder %s", name)
		}
	}
	for _, named := range regexp.MustCompile("(?m)^\\| `([a-z/]+)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", named[1])); err != nil {
			t.Errorf("architecture.md shows the folder %s: %v", named[1], err)
		}
	}
}

// Every test that the threat model names is there.
func TestThreatModelNamesTests(t *testing.T) {
	text := strings.NewReplacer("`TestX`", "", "`x.txtar`", "").Replace(read(t, "docs/threat-model.md"))
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		for _, found := range regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`).FindAllStringSubmatch(string(data), -1) {
			tests[found[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllStringSubmatch(text, -1)
	if len(named) < 40 {
		t.Fatalf("found only %d tests in the text", len(named))
	}
	for _, name := range named {
		if !tests[name[1]] {
			t.Errorf("threat-model.md names %s, which is no test", name[1])
		}
	}
	for _, script := range regexp.MustCompile("`([a-z_]+\\.txtar)`").FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("..", "testscripts", script[1])); err != nil {
			t.Error(err)
		}
	}
}
