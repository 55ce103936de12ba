package ceremony

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"gopkg.in/yaml.v3"
)

const shared = `version: 1
ceremony: shared
threshold: 2
server: {url: relay.example}
members: {Alice: {config: "${THEIRS}/a.toml"}, Bob: {approve: digest}}
sign:
  - {name: first, message: ../m, signers: [Alice, Bob], output: o1}
  - {message: m2, sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa, signers: [Bob, Alice], output: o2}
`

const mine = `version: 1
server: {url: "${RELAY}", ca: ca.pem}
members:
  Alice: {config: "${KEYS}/a.toml", approve: {command: [./look, "${KEYS}"]}}
sign:
  - {signing: first, message: m, sha256: "${DIGEST}", output: /sigs/o1}
  - {signing: 2, output: o2}
timeouts: {sign: 5h}
`

func mineVariables(name string) (string, bool) {
	value, ok := map[string]string{"RELAY": "mine.example:1", "KEYS": "keys", "DIGEST": strings.Repeat("f", 64)}[name]
	return value, ok
}

// One's own values replace those of the ceremony file, may use the environment, and are
// no part of what members agree on.
func TestLocal(t *testing.T) {
	f, err := Parse("their/shared.yaml", []byte(shared), Local("my/mine.yaml", []byte(mine), mineVariables))
	if err != nil {
		t.Fatal(err)
	}
	own, err := filepath.Abs("my")
	if err != nil {
		t.Fatal(err)
	}
	got := []string{
		f.Server.URL, f.Server.CA, f.Members[0].Config, strings.Join(f.Members[0].Approve.Command, " "), f.Sign[0].Message, f.Sign[0].SHA256,
		f.Sign[0].Output, f.Sign[1].Output, f.Timeouts.Sign.String(), f.Timeouts.DKG.String(),
	}
	want := []string{
		"mine.example:1", filepath.Join(own, "ca.pem"), filepath.Join(own, "keys/a.toml"), "./look keys", filepath.Join(own, "m"), strings.Repeat("f", 64),
		"/sigs/o1", filepath.Join(own, "o2"), "5h0m0s", "1h0m0s",
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d is %q, want %q", i+1, got[i], want[i])
		}
	}
	if !f.Members[0].ConfigPos.Own || !f.Members[0].Approve.Pos.Own || f.Members[1].Approve.Pos.Own || len(f.Variables) != 0 {
		t.Errorf("whose values: %+v, %+v", f.Members, f.Variables)
	}
	without := parse(t, strings.Replace(strings.Replace(shared, "${THEIRS}/", "", 1), "approve: digest", "", 1))
	if f.Digest() != without.Digest() {
		t.Error("one's own values changed the digest")
	}
}

func TestLocalProblems(t *testing.T) {
	for own, want := range map[string]string{
		"members: {Alicia: {}}":      `mine.yaml:1:11: the ceremony has no member "Alicia"; did you mean "Alice"?`,
		"members: {Alice: {cfg: x}}": `mine.yaml:1:19: member "Alice" has no key "cfg"`,
		"sign: [{signing: 3}]":       `mine.yaml:1:18: the ceremony has no signing "3"`,
		"sign: [{output: x}]":        `mine.yaml:1:8: an element of sign lacks the key "signing"`,
		"sign: [{signing: 2, sha256: " + strings.Repeat("b", 64) + "}]": `mine.yaml:1:29: sha256 of signing 2 is bbbb`,
		"sign: [{signing: 1}, {signing: 1}]":                            `mine.yaml:1:32: sign has the signing "1" twice`,
		"threshold: 2":                                                  `mine.yaml:1:1: the file has no key "threshold"`,
		"server: {url: \"${NOT}\"}":                                     `mine.yaml:1:15: url of server "${NOT}" refers to the environment variable NOT, which is not set`,
		"version: 2":                                                    `mine.yaml:1:10: version 2`,
		"members: [":                                                    `mine.yaml:1:1: reading YAML`,
		"members: {Alice: {config: ~/x}}":                               `mine.yaml:1:27: config of member "Alice" "~/x" begins with ~`,
	} {
		text := strings.Replace(strings.Replace(shared, "${THEIRS}/", "", 1), "approve: digest", "", 1)
		_, err := Parse("shared.yaml", []byte(text), Local("mine.yaml", []byte(own), mineVariables))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", own, err, want)
		}
	}
}

func TestLocalSchema(t *testing.T) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(LocalSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
	if err != nil {
		t.Fatal(err)
	}
	for text, valid := range map[string]bool{mine: true, "threshold: 2": false, "members: {A: {config: 1}}": false, "sign: [{output: x}]": false} {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(text), &node); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(instance(t, node.Content[0])); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Every path that a file can have is in Paths, which is what those who open files go by: a
// key that is missing there would be a way out of the folder.
func TestPathsHasEveryPath(t *testing.T) {
	f := parse(t, "version: 1\nceremony: x\nthreshold: 2\nserver: {url: h, ca: c}\nmembers: {A: {config: a}, B: {}}\nsign: [{message: m, signers: [A, B], output: o}]\n")
	known := map[string]bool{}
	for _, p := range f.Paths() {
		key, _, _ := strings.Cut(p.Field, " of ")
		known[key] = true
		if p.Value == "" || p.Pos == (Position{}) {
			t.Errorf("%+v lacks a value or a place", p)
		}
	}
	for _, o := range objects(fileObject) {
		for _, k := range o.keys {
			if k.value.form == pathForm && !known[k.name] {
				t.Errorf("the key %s of %s is a path, which File.Paths does not list", k.name, o.name)
			}
		}
	}
}
