package ceremony

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected results in testdata")

// problemsOf returns what Parse reports, without the name of the file.
func problemsOf(t *testing.T, data []byte) string {
	t.Helper()
	f, err := Parse("problems.yaml", data)
	if err == nil {
		return "no problem\n"
	}
	var problems Problems
	if f != nil || !errors.As(err, &problems) {
		t.Fatalf("Parse = %v, %T: want no file and Problems", f, err)
	}
	return strings.ReplaceAll(err.Error()+"\n", "problems.yaml:", "")
}

func TestProblems(t *testing.T) {
	path := filepath.Join("testdata", "problems.txtar")
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in, want := archive.Files[i], &archive.Files[i+1]
		t.Run(in.Name, func(t *testing.T) {
			got := problemsOf(t, in.Data)
			if *update {
				want.Data = []byte(got)
			}
			if got != string(want.Data) {
				t.Errorf("reported\n%swant\n%s", got, want.Data)
			}
		})
	}
	if *update {
		if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// Bytes that an archive of text cannot hold.
func TestProblemsOfBytes(t *testing.T) {
	const good = "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\n"
	tests := []struct{ name, data, want string }{
		{"empty", "", `1:1: the file is empty; begin it with "version: 1"`},
		{"two BOMs", "\uFEFF\uFEFF" + good, "1:1: character U+FEFF does not belong in a ceremony file; remove it"},
		{"BOM inside", "version: 1\n# \uFEFF\n", "2:3: character U+FEFF does not belong in a ceremony file; remove it"},
		{"UTF-16", "\xff\xfev\x00", "1:1: byte 0xff is not UTF-8; it is UTF-16; save it as UTF-8"},
		{"UTF-16 unmarked", "v\x00e\x00", "1:2: character U+0000 does not belong in a ceremony file; remove it"},
		{"Latin-1", good + "# caf\xe9\n", "5:6: byte 0xe9 is not UTF-8; save it as UTF-8"},
		{"columns are characters", "# é\xff", "1:4: byte 0xff is not UTF-8; save it as UTF-8"},
		{"escape", "version: 1 # \x1b[2K\n", "1:14: character U+001B does not belong in a ceremony file; remove it"},
		{"bidi override", "version: 1\r\n# \u202e", "2:3: character U+202E does not belong in a ceremony file; remove it"},
		{"next line", "version: 1\u0085", "1:11: character U+0085 does not belong in a ceremony file; remove it"},
		{
			"tabs", "version: 1\nmembers:\n\tA: {}\n  \tB: {}\n",
			"3:1: a tab is used to indent; indent with spaces\n4:3: a tab is used to indent; indent with spaces",
		},
		{"too large", good + strings.Repeat("#", MaxSize), "1:1: the file is larger than 1048576 bytes, the most a ceremony file may have; keep long texts in files of their own"},
		{"10 MB", strings.Repeat("x", 10<<20), "1:1: the file is larger than 1048576 bytes, the most a ceremony file may have; keep long texts in files of their own"},
		{"deep", strings.Repeat("[", 20000), "1:1: reading YAML: exceeded max depth of 10000; look here and just below for indentation, a missing colon, quote or bracket"},
		{"members of 256", "version: 1\nceremony: x\nthreshold: 2\nmembers:\n" + manyMembers(256), "4:1: members has 256 members; name 2 to 255 members"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := problemsOf(t, []byte(test.data)); got != test.want+"\n" {
				t.Errorf("reported\n%swant\n%s\n", got, test.want)
			}
		})
	}
}

func TestManyProblems(t *testing.T) {
	_, err := Parse("many.yaml", []byte(strings.Repeat("\tx\n", 250)))
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != MaxProblems+1 {
		t.Fatalf("Parse reports %d problems, want %d and one for the others", len(problems), MaxProblems)
	}
	const want = "many.yaml:101:1: from here on there are 150 more problems; correct those above first"
	if got := problems[MaxProblems].Error(); got != want {
		t.Errorf("the last is %s, want %s", got, want)
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  member-%d: {}\n", i)
	}
	return b.String()
}

func TestServerURL(t *testing.T) {
	const notHost = "is not a host with a port"
	const clear = "would send logins over the network in the clear"
	tests := []struct{ url, fault string }{
		{"localhost:2744", ""},
		{"relay.example", ""},
		{"relay.example:2744", ""},
		{"127.0.0.1:2744", ""},
		{"[::1]:2744", ""},
		{"https://relay.example", ""},
		{"https://relay.example:65535", ""},
		{"http://localhost:2744", ""},
		{"http://127.8.9.1:2744", ""},
		{"http://[::1]:2744", ""},
		{"http://relay.example:2744", clear},
		{"http://0.0.0.0:2744", clear},
		{"http://localhost.example", clear},
		{"ftp://relay.example", `has the scheme "ftp"`},
		{"HTTPS://relay.example", ""},
		{"", notHost},
		{":2744", notHost},
		{"::1:2744", notHost},
		{"relay.example:", "has no valid port"},
		{"relay.example:0", "has no valid port"},
		{"relay.example:99999", "has no valid port"},
		{"relay.example:02744", "has no valid port"},
		{"relay.example:http", notHost},
		{"https://relay.example/", ""},
		{"relay.example/path", ""},
		{"relay.example?x", notHost},
		{"user@relay.example", "has a user before its host"},
		{"relay example", notHost},
		{"-relay.example", notHost},
		{"relay..example", notHost},
		{"1.2.3", ""},
		{"999.1.1.1:2744", notHost},
		{"[fe80::1%25eth0]:2744", ""},
		{"[127.0.0.1]:2744", notHost},
		{"rélay.example", notHost},
		{strings.Repeat("a.", 127) + "aa", notHost},
	}
	for _, test := range tests {
		t.Run(test.url, func(t *testing.T) {
			if fault, _ := serverFault(test.url); fault != test.fault {
				t.Errorf("serverFault = %q, want %q", fault, test.fault)
			}
		})
	}
}

// Every spelling of an address is the same relay.
func TestServerIsReadAsURLsAre(t *testing.T) {
	for url, want := range map[string]string{
		"127.0.1:2744": "127.0.0.1:2744", "https://RELAY.example/frost/": "relay.example/frost", "http://127.1:80": "http://127.0.0.1:80",
	} {
		if got := (Server{URL: url}).Address(); got != want {
			t.Errorf("%q is %q, want %q", url, got, want)
		}
	}
	if (Server{}).BaseURL() != "" || (Server{}).Address() != BuiltInAddress {
		t.Error("the built-in relay has a URL")
	}
}

func TestLoadOfNoFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of an absent file: %v, want os.ErrNotExist", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Error("Load of a folder succeeds")
	}
	path := filepath.Join(t.TempDir(), "large.yaml")
	if err := os.WriteFile(path, bytes.Repeat([]byte("x"), 10<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.As(err, new(Problems)) {
		t.Errorf("Load of 10 MB: %v, want Problems", err)
	}
}

// What a later step finds out is reported in the form of what Parse finds.
func TestProblemOfFile(t *testing.T) {
	f := parse(t, "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\nsign:\n  - {message: m.txt, signers: [B, A], output: o}\n")
	p := f.Problem(f.Sign[0].MessagePos, "message %q is not there", "m.txt").WithHint("write it")
	if got, want := p.Error(), `test.yaml:6:15: message "m.txt" is not there; write it`; got != want {
		t.Errorf("Error() = %s, want %s", got, want)
	}
	problems := Problems{p, f.Problem(f.Members[1].Pos, "second"), f.Problem(f.NamePos, "first")}
	problems.Sort()
	if got := problems.Error(); !strings.HasPrefix(got, "test.yaml:2:11: first\ntest.yaml:4:18: second\ntest.yaml:6") {
		t.Errorf("sorted problems are\n%s", got)
	}
}

func parse(t *testing.T, data string) *File {
	t.Helper()
	f, err := Parse("test.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNearest(t *testing.T) {
	known := []string{"threshold", "server", "sign"}
	for word, want := range map[string]string{
		"treshold": "threshold", "Threshold": "threshold", "servers": "server", "signs": "sign",
		"x": "", "protocols": "", "": "", strings.Repeat("t", 1000): "",
	} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
	if got := distance("kitten", "sitting"); got != 3 {
		t.Errorf("distance(kitten, sitting) = %d, want 3", got)
	}
	if !slices.Equal(known, []string{"threshold", "server", "sign"}) {
		t.Error("nearest changed its argument")
	}
}
