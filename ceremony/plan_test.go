package ceremony

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

const (
	group      = "4fc7a4a1bd7a0e6c2ff5d0e5e8ac6e8c4d5b0e3f9a7c1d2b3e4f5a6b7c8d9e0f"
	otherGroup = "0f9e8d7c6b5a4f3e2d1c7a9f3e0b5d4c8e6ace8e5e0d5ff26c0e7abda1a4c74f"
)

// stateOf is the state of a ceremony up to its group, for the members named.
func stateOf(f *File, names ...string) State {
	s := State{Keys: map[string]bool{}, Contacts: map[string]map[string]bool{}, Groups: map[string]map[string]string{}}
	for _, g := range f.Groups {
		s.Groups[g.Name] = map[string]string{}
	}
	for _, name := range names {
		for _, made := range s.Groups {
			made[name] = group
		}
		s.Keys[name], s.Contacts[name] = true, map[string]bool{}
		for _, other := range f.Members {
			s.Contacts[name][other.Name] = other.Name != name
		}
	}
	return s
}

const spread = `version: 1
ceremony: spread
ciphersuite: ed25519
threshold: 2
server: {url: "https://relay.example", ca: relay.pem}
members:
  Alice: {config: /srv/alice.toml}
  Bob: {config: "-b.toml", contact: zffrost1qyqqxsn0vgsgfcp5u377xmr5xmsgjtxutjfv2t26g3y729905j2z76y3e56r7tsjyxqzu}
  Eve: {}
protocol: frost-client
sign:
  - {message: a.txt, signers: [Eve, Bob, Alice], output: ../a.sig}
  - {message: b.txt, signers: [Bob, Eve], output: b.sig}
`

const several = `version: 1
ceremony: several
threshold: 3
protocol: frostkit
server: {url: relay.example}
members: {Alice: {}, Bob: {}, Eve: {}, Sam: {}}
groups:
  audit:
    description: Audit committee
    threshold: 2
    members: [Sam, Bob, Eve]
    after: [minutes]
  board: {}
sign:
  - {name: report, group: audit, message: report.txt, signers: {candidates: [Eve, Sam, Bob], need: 2}, output: report.sig}
  - {name: minutes, group: board, message: minutes.txt, signers: [Alice, Bob, Eve], output: minutes.sig}
`

// planCases are plans by the name of their golden text.
func planCases(t *testing.T) map[string]func() (*Plan, error) {
	board, remote, apart := load(t, "board-meeting.yaml"), load(t, "remote-member.yaml"), parse(t, spread)
	board.Path, remote.Path = "board-meeting.yaml", "remote-member.yaml"
	begun := stateOf(board, "Alice", "Bob")
	begun.Groups, begun.Contacts["Bob"]["Eve"] = nil, false
	done := stateOf(board, "Alice", "Bob", "Eve")
	done.Signatures = []SignatureState{ValidSignature}
	other := stateOf(board, "Alice", "Bob", "Eve")
	other.Signatures = []SignatureState{OtherFile}
	split := stateOf(board, "Alice", "Bob")
	split.Groups[""]["Bob"], split.Signatures = otherGroup, []SignatureState{ValidSignature}
	bob := stateOf(board, "Bob")
	bob.Groups = nil
	committees := parse(t, several)
	made := stateOf(committees, "Alice", "Bob", "Eve", "Sam")
	made.Groups["audit"] = nil
	made.Signatures = []SignatureState{NoSignature, ValidSignature}
	plan := func(f *File, s State, o PlanOptions) func() (*Plan, error) {
		return func() (*Plan, error) { return f.Plan(s, o) }
	}
	return map[string]func() (*Plan, error){
		"new":                        plan(board, State{}, PlanOptions{}),
		"begun":                      plan(board, begun, PlanOptions{}),
		"group-made":                 plan(board, stateOf(board, "Alice", "Bob", "Eve"), PlanOptions{}),
		"done":                       plan(board, done, PlanOptions{}),
		"another-file-at-output":     plan(board, other, PlanOptions{}),
		"split":                      plan(board, split, PlanOptions{}),
		"as-bob-without-contacts":    plan(board, State{}, PlanOptions{As: "Bob"}),
		"as-bob-with-contacts":       plan(board, bob, PlanOptions{As: "Bob"}),
		"as-eve-who-does-not-sign":   plan(board, stateOf(board, "Eve"), PlanOptions{As: "Eve"}),
		"remote":                     plan(remote, State{}, PlanOptions{}),
		"remote-as-eve":              plan(remote, State{}, PlanOptions{As: "Eve"}),
		"spread-over-folders":        plan(apart, State{}, PlanOptions{Dir: "out", MessageDir: "examples"}),
		"spread-as-bob":              plan(apart, State{}, PlanOptions{As: "Bob"}),
		"several":                    plan(committees, State{}, PlanOptions{}),
		"several-on-the-way":         plan(committees, made, PlanOptions{}),
		"several-as-alice":           plan(committees, State{}, PlanOptions{As: "Alice"}),
		"signature-before-the-group": plan(board, State{Signatures: []SignatureState{ValidSignature}}, PlanOptions{}),
	}
}

func TestPlans(t *testing.T) {
	path := filepath.Join("testdata", "plans.txtar")
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: archive.Comment}
	for name, makePlan := range planCases(t) {
		plan, err := makePlan()
		if err != nil {
			t.Fatal(err)
		}
		got.Files = append(got.Files, txtar.File{Name: name + ".txt", Data: []byte(plan.Text())})
		if name == "new" || name == "as-bob-without-contacts" {
			got.Files = append(got.Files, txtar.File{Name: name + ".json", Data: indented(t, plan)})
		}
	}
	slices.SortFunc(got.Files, func(a, b txtar.File) int { return strings.Compare(a.Name, b.Name) })
	if *update {
		if err := os.WriteFile(path, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	compareArchives(t, got.Files, archive.Files)
}

func compareArchives(t *testing.T, got, want []txtar.File) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d plans, want %d", len(got), len(want))
	}
	for i, g := range got {
		if g.Name != want[i].Name || !bytes.Equal(g.Data, want[i].Data) {
			t.Errorf("%s is\n%s\nwant %s\n%s", g.Name, g.Data, want[i].Name, want[i].Data)
		}
	}
}

func indented(t *testing.T, plan *Plan) []byte {
	t.Helper()
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(plan); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPlanDone(t *testing.T) {
	for name, makePlan := range planCases(t) {
		plan, err := makePlan()
		if err != nil {
			t.Fatal(err)
		}
		want := name == "done" || name == "as-eve-who-does-not-sign"
		if got := plan.Done(); got != want {
			t.Errorf("plan %s: Done() = %v, want %v", name, got, want)
		}
	}
}

// The order of the steps is that of their kinds, and the same state gives the
// same plan.
func TestPlanIsAFunction(t *testing.T) {
	f := load(t, "council.yaml")
	first, err := f.Plan(stateOf(f, "Ada", "Efua"), PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var kinds []Kind
	for _, s := range first.Steps {
		kinds = append(kinds, s.Kind)
	}
	if want := []Kind{Keygen, Contacts, Relay, DKG, Sign, Verify}; !slices.Equal(kinds, want) {
		t.Errorf("steps are %v, want %v", kinds, want)
	}
	for range 10 {
		again, err := f.Plan(stateOf(f, "Ada", "Efua"), PlanOptions{})
		if err != nil || !bytes.Equal(indented(t, first), indented(t, again)) {
			t.Fatalf("the same state gives another plan, %v", err)
		}
	}
}

func TestPlanForNobody(t *testing.T) {
	tests := []struct{ members, as, want string }{
		{"{Alice: {}, Bob: {}}", "Bobb", `planning "x": no member is named "Bobb"; did you mean "Bob"?`},
		{"{Alice: {}, Bob: {}}", "bob", `planning "x": no member is named "bob"; did you mean "Bob"?`},
		{"{Alice: {}, Bob: {}}", "Mallory", `planning "x": no member is named "Mallory"; known are: "Alice", "Bob"`},
		{
			"{A: {contact: zffrost1qyqqxsn0}, B: {contact: zffrost1qyqqx3tk}}", "",
			`planning "x": every member has a contact and is run elsewhere; say whose part is run here with --as`,
		},
	}
	for _, test := range tests {
		f := parse(t, "version: 1\nceremony: x\nthreshold: 2\nmembers: "+test.members)
		if _, err := f.Plan(State{}, PlanOptions{As: test.as}); err == nil || err.Error() != test.want {
			t.Errorf("planning as %q: %v, want %s", test.as, err, test.want)
		}
	}
}
