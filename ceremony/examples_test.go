package ceremony

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// examples returns the paths of all example files.
func examples(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("..", "examples", "*.yaml"))
	if err != nil || len(paths) < 4 {
		t.Fatalf("found the examples %v, %v", paths, err)
	}
	return paths
}

func load(t testing.TB, name string) *File {
	t.Helper()
	f, err := Load(filepath.Join("..", "examples", name), Environment(exampleVariables))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// exampleVariables are the environment variables that examples refer to.
func exampleVariables(name string) (string, bool) {
	if name == "RELEASE_SHA256" {
		return strings.Repeat("0a", 32), true
	}
	return "", false
}

// Every example reads, has its messages beside it, and signs something.
func TestExamples(t *testing.T) {
	for _, path := range examples(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			f := load(t, filepath.Base(path))
			if len(f.Sign) == 0 {
				t.Error("nothing is signed")
			}
			for _, s := range f.Sign {
				message, err := os.ReadFile(Resolve(f.Dir(), s.Message))
				if err != nil || len(message) == 0 {
					t.Errorf("message of %d bytes, %v", len(message), err)
				}
			}
			checkFile(t, f)
			checkPlans(t, f)
		})
	}
}

func TestBoardMeeting(t *testing.T) {
	f := load(t, "board-meeting.yaml")
	if f.Version != 1 || f.Name != "board-meeting" || f.Ciphersuite != "ed25519" || f.Threshold != 2 || !f.Server.BuiltIn() {
		t.Errorf("read %+v", f)
	}
	if !slices.Equal(f.Names(), []string{"Alice", "Bob", "Eve"}) || f.Groups[0].Creator() != "Alice" || len(f.RemoteMembers()) != 0 {
		t.Errorf("members are %+v", f.Members)
	}
	if bob, ok := f.Member("Bob"); !ok || bob.Config != "Bob.toml" || bob.Pos != (Position{Line: 11, Column: 3}) {
		t.Errorf("Bob is %+v, %v", bob, ok)
	}
	if _, ok := f.Member("bob"); ok {
		t.Error("names are taken without regard to case")
	}
	s := f.Sign[0]
	if s.Message != "board-meeting-250917.txt" || s.Output != "board-meeting-250917.sig" || s.Coordinator() != "Alice" ||
		s.SignerPos[1] != (Position{Line: 17, Column: 22}) || f.Groups[0].Description != "DKG: Alice, Bob, Eve" {
		t.Errorf("signing is %+v of %+v", s, f.Groups)
	}
}

func TestRemoteMember(t *testing.T) {
	f := load(t, "remote-member.yaml")
	if f.Server.Address() != "relay.example:2744" || f.Server.BaseURL() != "https://relay.example:2744" {
		t.Errorf("server is %+v", f.Server)
	}
	if local := f.LocalMembers(); len(local) != 1 || local[0].Name != "Alice" || len(f.RemoteMembers()) != 2 {
		t.Errorf("members here are %+v", local)
	}
	if bob, _ := f.Member("Bob"); !bob.Remote() || bob.ContactPos.Column != 14 {
		t.Errorf("Bob is %+v", bob)
	}
}

// Members compare the names of steps, and that of a group is in the transcript that they sign: they stay.
func TestStepNames(t *testing.T) {
	f := parse(t, `{version: 1, ceremony: x, threshold: 2, members: {A: {}, B: {}}, groups: {board: {members: [A, B]}, both: {members: [A, B]}},
 sign: [{message: m, output: one, group: both, signers: [A, B]}, {message: m, output: two, group: board, signers: [B, A], name: second}]}`)
	names := []string{load(t, "board-meeting.yaml").Groups[0].StepName(), f.Groups[0].StepName(), f.Sign[0].StepName(), f.Sign[1].StepName()}
	if want := []string{"group", "board", "signing 1", "signing 2"}; !slices.Equal(names, want) {
		t.Errorf("steps are called %q, want %q", names, want)
	}
}

// What a person can reasonably write is taken.
func TestAccepted(t *testing.T) {
	tests := []struct{ name, data string }{
		{"block style", "version: 1\nceremony: x\nthreshold: 2\nmembers:\n  A: {}\n  B: {}\n"},
		{"flow style", `{version: 1, ceremony: x, threshold: 2, members: {A: {}, B: {}}}`},
		{"JSON", `{"version": 1, "ceremony": "x", "threshold": 2, "members": {"A": {}, "B": {}}}`},
		{"any order", "members: {A: {}, B: {}}\nthreshold: 2\nceremony: x\nversion: 1"},
		{"CRLF", "version: 1\r\nceremony: x\r\nthreshold: 2\r\nmembers:\r\n  A: {}\r\n  B: {}\r\n"},
		{"document marks", "---\nversion: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\n...\n"},
		{"empty parts", "version: 1\nceremony: x\nthreshold: 2\nserver: {}\ngroup: {}\nsign: []\nmembers: {A: {}, B: {}}\n"},
		{"names like words of YAML", "version: 1\nceremony: x\nthreshold: 2\nmembers: {No: {}, 'null': {}, \"7\": {}, =: {}}\n"},
		{"names in any script", "version: 1\nceremony: x\nthreshold: 2\nmembers: {Élodie: {}, 李雷: {}, a b c: {}, name.with.dots: {}, 'quo\"te': {}}\n"},
		{"paths elsewhere", "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {config: /srv/a.toml}, B: {config: ../b.toml}}\n"},
		{"everyone elsewhere", "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {contact: zffrost1qyqqxsn0}, B: {contact: zffrost1qyqqx3tk}}\n"},
		{"the same message twice", "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\nsign:\n- {message: m, signers: [A, B], output: 1.sig}\n- {message: m, signers: [B, A], output: 2.sig}\n"},
		{"255 members", "version: 1\nceremony: x\nthreshold: 255\nmembers:\n" + manyMembers(255)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f, err := Parse("accepted.yaml", []byte(test.data))
			if err != nil {
				t.Fatal(err)
			}
			checkFile(t, f)
			if f.Groups[0].Description != "x" || f.Ciphersuite != "ed25519" || f.Protocol != DefaultProtocol ||
				f.Timeouts != (Timeouts{10 * time.Minute, time.Hour, time.Hour, time.Minute}) {
				t.Errorf("defaults are %+v, %q, %q, %+v", f.Groups, f.Ciphersuite, f.Protocol, f.Timeouts)
			}
		})
	}
}
