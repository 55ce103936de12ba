package docs_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/relay/boltstore"
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

// named returns what a pattern finds in the source files of a folder.
func named(t *testing.T, pattern, folder string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, filepath.Join(folder, filepath.Base(path))), -1) {
			names = append(names, found[1])
		}
	}
	if len(names) < 4 {
		t.Fatalf("found only %q in %s by %s", names, folder, pattern)
	}
	return names
}

// report.md has every word that the stream of events may use.
func TestReportListsEveryEvent(t *testing.T) {
	_, text, _ := strings.Cut(read(t, "docs/report.md"), "\n## Events\n")
	text = strings.Join(strings.Fields(text), " ")
	for _, words := range [][]string{
		named(t, `(?m)^\s\w+ +Kind += "([^"]+)"`, "runner/protocol"),
		named(t, `steps\.\w+: +"([^"]+)"`, "runner"),
		named(t, `(?m)^\sPhase\w+ += "([^"]+)"`, "runner/protocol"),
		named(t, `(?m)^\s\w+ +Kind += "([^"]+)"`, "ceremony"),
		named(t, `stepState = "([^"]+)"`, "runner"),
	} {
		for _, word := range words {
			if !strings.Contains(text, "`"+word+"`") {
				t.Errorf("report.md does not say what %q is", word)
			}
		}
	}
}

// listedFiles are the files of the table in formats.md, as patterns of paths.
func listedFiles(t *testing.T) (patterns []*regexp.Regexp) {
	t.Helper()
	_, section, _ := strings.Cut(read(t, "docs/formats.md"), "\n## 7. Files\n")
	for _, row := range regexp.MustCompile(`(?m)^\| (.*?) \|`).FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			pattern := regexp.MustCompile(`\b(NAME|KEY|DIGEST|FILE|GROUP|HOST|N)\b|\\\*`).ReplaceAllString(regexp.QuoteMeta(name[1]), `[^/]+`)
			pattern = strings.Replace(pattern, "OUTPUT", `[^/]+\.sig`, 1)
			if strings.HasSuffix(pattern, "/") {
				pattern += ".*"
			}
			patterns = append(patterns, regexp.MustCompile(`^(.*/)?`+pattern+`$`))
		}
	}
	if len(patterns) < 20 {
		t.Fatalf("found only %v", patterns)
	}
	return patterns
}

// leave has the program write files of every kind below the working folder: what
// it does not write itself unless it is interrupted, its packages write.
func leave(t *testing.T) {
	t.Helper()
	t.Setenv("CAROOT", "ca")
	for _, args := range [][]string{
		{"frostkit", "run", "board-meeting.yaml"},
		{"frostkit", "rehearse", "board-meeting.yaml"},
		{"frostkit", "cert", "make", "localhost", "127.0.0.1"},
		{"trusted-dealer"},
	} {
		var out bytes.Buffer
		env := runner.System()
		env.Stdin, env.Stdout, env.Stderr = &out, &out, &out
		if code := runner.Main(args, env); code != 0 {
			t.Fatalf("%q exits with %d: %s", args, code, &out)
		}
	}
	record := keyring.Record{Ceremony: make([]byte, 32), Attempt: make([]byte, 32), Transcript: []byte{1}, Bundle: []byte{1}}
	release, err := keyring.Reserve("Alice.toml", "0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	store, err := boltstore.Open(".board-meeting.yaml.relay")
	if err := errors.Join(err, keyring.StoreRecord(t.Context(), "Alice.toml", record)); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}

// Every file that the program leaves is in the table of formats.md.
func TestFormatsListEveryFile(t *testing.T) {
	patterns := listedFiles(t)
	given := []string{"board-meeting.yaml", "board-meeting-250917.txt"}
	texts := make([]string, len(given))
	for i, name := range given {
		texts[i] = read(t, filepath.Join("examples", name))
	}
	t.Chdir(t.TempDir())
	for i, name := range given {
		if err := os.WriteFile(name, []byte(texts[i]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leave(t)
	files := 0
	err := filepath.WalkDir(".", func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() || slices.Contains(given, path) {
			return err
		}
		files++
		if !slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(filepath.ToSlash(path)) }) {
			t.Errorf("formats.md does not list %s", path)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Fatalf("found %d files, %v", files, err)
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
