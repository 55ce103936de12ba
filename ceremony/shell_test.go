package ceremony

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

var nasty = []string{
	"plain", "", " ", "a b", "'", "''", `"`, `\`, `\'`, "$HOME", "$(id)", "`id`", "a;b", "a&b|c>d<e", "*", "?", "[a]", "~",
	"~root", "#x", "!x", "{a,b}", "a=b", "-n", "--", "tab\there", "line\nbreak", "\x01\x7f", "Élodie", "李雷", `quo"te`, `it's "$x"`,
}

// The shell itself says what a quoted word is.
func TestQuote(t *testing.T) {
	for _, word := range nasty {
		out, err := exec.Command("sh", "-c", "printf '%s|' "+Quote(word)+" end").Output()
		if err != nil || string(out) != word+"|end|" {
			t.Errorf("the shell reads %s as %q, %v, want %q", Quote(word), out, err, word)
		}
	}
	if got := Quote("Alice.toml"); got != "Alice.toml" {
		t.Errorf("Quote(Alice.toml) = %s: quotes where none are needed", got)
	}
}

// Every command of a plan reaches the program as the words that were meant,
// whatever the names.
func TestCommandsInShell(t *testing.T) {
	names := []string{"it's \"$x\" `y`", "李 雷; rm -rf"}
	f := &File{
		Path: "x.yaml", Version: 1, Name: "x", Ciphersuite: "ed25519", Protocol: FrostClient, Threshold: 2,
		Groups: []Group{{Description: "-d $(id)", Threshold: 2, Members: names}},
		Sign:   []Signing{{Message: "-m *.txt", Signers: names, Output: "o'.sig"}},
		order:  []int{0, 1},
	}
	for _, name := range names {
		f.Members = append(f.Members, Member{Name: name, Config: name + ".toml"})
	}
	plan, err := f.Plan(State{}, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range plan.Steps {
		for _, c := range s.Commands {
			got = append(got, words(t, c.Shell))
		}
	}
	a, b := names[0], names[1]
	want := []string{
		"init|--name|" + a + "|-c|" + a + ".toml",
		"init|--name|" + b + "|-c|" + b + ".toml",
		"import|<export|--name|" + b + "|-c|" + b + ".toml>|-c|" + a + ".toml",
		"import|<export|--name|" + a + "|-c|" + a + ".toml>|-c|" + b + ".toml",
		"relay|--dev",
		"dkg|--description=-d $(id)|-s|localhost:2744|-S|" + b + "|-t|2|-c|" + a + ".toml",
		"dkg|--description=-d $(id)|-s|localhost:2744|-t|2|-c|" + b + ".toml",
		"coordinator|--group=-d $(id)|-s|localhost:2744|-S|" + a + "," + b + "|-m|./-m *.txt|-o|o'.sig|-c|" + a + ".toml",
		"participant|--group=-d $(id)|-s|localhost:2744|-c|" + a + ".toml",
		"participant|--group=-d $(id)|-s|localhost:2744|-c|" + b + ".toml",
		"verify|-m|./-m *.txt|-s|o'.sig|-C|" + a + ".toml",
	}
	if !slices.Equal(got, want) {
		t.Errorf("the shell runs\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// words returns what a shell passes to frostkit, separated by bars; what a
// command inside another one prints is its own words in angle brackets.
func words(t *testing.T, command string) string {
	t.Helper()
	const frostkit = `frostkit() { if [ "$1" = export ]; then printf '<'; fi; first=$1; printf '%s' "$1"; shift; printf '|%s' "$@"
		if [ "$first" = export ]; then printf '>'; fi; }; `
	out, err := exec.Command("sh", "-c", frostkit+command).Output()
	if err != nil {
		t.Fatalf("running %s: %v", command, err)
	}
	return string(out)
}
