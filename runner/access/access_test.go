package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"frostkit/ceremony"
)

// parse makes a ceremony of Alice and Bob in a folder, with these values of Bob and of the only signing.
func parse(t *testing.T, dir, bob, message, output string) (*ceremony.File, []byte) {
	t.Helper()
	content := []byte("version: 1\nceremony: x\nthreshold: 2\nmembers: {Alice: {}, Bob: {" + bob + "}}\n" +
		"sign: [{message: " + message + ", signers: [Alice, Bob], output: " + output + "}]\n")
	f, err := ceremony.Parse(filepath.Join(dir, "c.yaml"), content)
	if err != nil {
		t.Fatal(err)
	}
	return f, content
}

func refused(g *Gate, here ...string) int { return len(g.Refused(here, Reads, Writes, Starts)) }

// What stays in the folder is nobody's to allow, whatever way leads there.
func TestWithinTheFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"m", "sub/m", "sub/../m", "./m", "new/m"} {
		f, _ := parse(t, dir, "config: "+path+".toml", path, path+".sig")
		if g := Open(f, "", nil); len(g.Asks()) != 0 {
			t.Errorf("%q asks for %v", path, g.Asks())
		}
	}
}

// Each that goes further is refused to whom it concerns, until it was allowed, and never more than that.
func TestAsks(t *testing.T) {
	tests := map[string]struct {
		bob, message, output string
		kind                 Kind
		alice                bool // it concerns Alice, too
	}{
		"credentials above":        {"config: ../b.toml", "m", "o", Writes, false},
		"absolute credentials":     {"config: /b.toml", "m", "o", Writes, false},
		"hidden credentials":       {"config: .ssh/b.toml", "m", "o", Writes, false},
		"a command":                {"approve: {command: [decide]}", "m", "o", Starts, false},
		"a message above":          {"", "a/../../m", "o", Reads, true},
		"an output above":          {"", "m", "../o", Writes, true},
		"an absolute output":       {"", "m", "/o", Writes, true},
		"a hidden output":          {"", "m", "a/.o", Writes, true},
		"a message by a link":      {"", "out/m", "o", Reads, true},
		"an output by a link":      {"", "m", "out/o", Writes, true},
		"a link to a link":         {"", "far/m", "o", Reads, true},
		"an absolute link to here": {"", "here/m", "o", Reads, true},
	}
	for what, test := range tests {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			for name, to := range map[string]string{"out": "..", "far": "out", "here": dir} {
				if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			}
			f, _ := parse(t, dir, test.bob, test.message, test.output)
			asks := Open(f, "", nil).Asks()
			if len(asks) != 1 || asks[0].Kind != test.kind {
				t.Fatalf("asks for %v", asks)
			}
			g := Open(f, "", nil)
			if refused(g, "Bob") != 1 || (refused(g, "Alice") == 1) != test.alice {
				t.Errorf("refused to Bob %d times, to Alice %d", refused(g, "Bob"), refused(g, "Alice"))
			}
			if text := g.Refused([]string{"Bob"}, test.kind).Error(); !strings.Contains(text, "frostkit allow ") || !strings.Contains(text, "--local") {
				t.Errorf("%s: no word on what to do", text)
			}
			if refused(Open(f, "", asks), "Bob") != 0 {
				t.Error("refused though allowed")
			}
			other := asks[0]
			other.Target += "x"
			if refused(Open(f, "", []Ask{other}), "Bob") != 1 {
				t.Error("allowed by what leads elsewhere")
			}
		})
	}
}

// Consent by the digest that somebody else wrote is none.
func TestDigestOfSomebodyElse(t *testing.T) {
	dir := t.TempDir()
	content := "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {approve: digest}, B: {}}\n" +
		"sign: [{message: m, sha256: " + strings.Repeat("a", 64) + ", signers: [A, B], output: o}]\n"
	f, err := ceremony.Parse(filepath.Join(dir, "c.yaml"), []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	g := Open(f, "", nil)
	if g.SignsByDigest(f.Members[0]) || refused(g, "A") != 0 {
		t.Error("it signs by the file's digest, or cannot be asked")
	}
	if !Open(f, "", g.Asks()).SignsByDigest(f.Members[0]) {
		t.Error("it does not, though allowed")
	}
}

// What was allowed holds for the very content, at the very place.
func TestStore(t *testing.T) {
	s, dir := Store{filepath.Join(t.TempDir(), "allowed")}, t.TempDir()
	f, content := parse(t, dir, "config: ../b.toml", "m", "o")
	if err := s.Allow(f.Path, content, Open(f, "", nil).Asks(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if granted := s.Find(f.Path, content); refused(Open(f, "", granted), "Bob") != 0 {
		t.Errorf("refused with %v", granted)
	}
	if s.Find(f.Path, append(content, '\n')) != nil || s.Find(filepath.Join(t.TempDir(), "c.yaml"), content) != nil {
		t.Error("found for another content or place")
	}
	for want, found := range []bool{true, false} {
		if got, err := s.Revoke(f.Path); got != found || err != nil {
			t.Errorf("revoked for time %d: %v, %v", want+1, got, err)
		}
	}
	if s.Find(f.Path, content) != nil {
		t.Error("found after it was revoked")
	}
}
