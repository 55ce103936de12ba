package ceremony

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	there := Found{Key: group, Description: "board", Ciphersuite: "FROST-ED25519-SHA512-v1", Threshold: 2, Members: []string{"Alice", "Bob", "Eve"}, Ordered: true}
	for name, test := range map[string]struct {
		change func(there, wanted *Found)
		want   []Difference
		label  bool
	}{
		"nothing":   {func(*Found, *Found) {}, nil, true},
		"label":     {func(_, w *Found) { w.Description = "The board" }, []Difference{{"description", "board", "The board"}}, true},
		"threshold": {func(_, w *Found) { w.Threshold = 3 }, []Difference{{"threshold", "2", "3"}}, false},
		"suite":     {func(_, w *Found) { w.Ciphersuite = "another" }, []Difference{{"ciphersuite", "FROST-ED25519-SHA512-v1", "another"}}, false},
		"more":      {func(_, w *Found) { w.Members = []string{"Alice", "Bob", "Eve", "Sam"} }, []Difference{{"members", "Alice, Bob, Eve", "Alice, Bob, Eve, Sam"}}, false},
		"less":      {func(_, w *Found) { w.Members = []string{"Alice", "Eve"} }, []Difference{{"members", "Alice, Bob, Eve", "Alice, Eve"}}, false},
		"another":   {func(_, w *Found) { w.Members = []string{"Alice", "Bob", "Sam"} }, []Difference{{"members", "Alice, Bob, Eve", "Alice, Bob, Sam"}}, false},
		"order":     {func(_, w *Found) { w.Members = []string{"Bob", "Alice", "Eve"} }, []Difference{{"order", "Alice, Bob, Eve", "Bob, Alice, Eve"}}, false},
		"order unknown": {func(th, w *Found) {
			th.Ordered, w.Members = false, []string{"Bob", "Alice", "Eve"}
		}, nil, true},
		"key of it": {func(_, w *Found) { w.Key = group }, nil, true},
		"pinned":    {func(_, w *Found) { w.Key = otherGroup }, []Difference{{"key", group, otherGroup}}, false},
		"both": {
			func(_, w *Found) { w.Description, w.Threshold = "The board", 3 },
			[]Difference{{"description", "board", "The board"}, {"threshold", "2", "3"}},
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			th, wanted := there, there
			wanted.Key = ""
			test.change(&th, &wanted)
			got := th.Compare(wanted)
			if !slices.Equal(got, test.want) || OnlyLabel(got) != test.label {
				t.Errorf("got %v, only the label %t, want %v, %t", got, OnlyLabel(got), test.want, test.label)
			}
		})
	}
}

// differingState is that of a file whose group is there with another threshold.
func differingState(f *File) (state State, there Found) {
	state = stateOf(f, f.Names()...)
	g := f.Groups[0]
	state.Groups[g.Name] = nil
	wanted := Found{Description: g.Description, Threshold: g.Threshold, Members: g.Members, Ordered: true}
	there = wanted
	there.Key, there.Threshold = group, g.Threshold+1
	state.Wanted, state.There = map[string]Found{g.Name: wanted}, map[string][]Found{g.Name: {there}}
	return state, there
}

func TestDifferingGroupBlocks(t *testing.T) {
	f := load(t, "board-meeting.yaml")
	state, _ := differingState(f)
	plan, err := f.Plan(state, PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var differing *DifferingError
	if err := plan.Differing(); !errors.As(err, &differing) || !strings.Contains(err.Error(), `threshold: was "3", the file says "2"`) {
		t.Errorf("differing: %v", err)
	}
	for _, s := range plan.Steps {
		if (s.Kind == DKG || s.Kind == Sign) && s.Blocked == "" {
			t.Errorf("step %q is not blocked", s.Title)
		}
	}
}

func TestNewGroupIsMadeBesideTheOther(t *testing.T) {
	f := load(t, "board-meeting.yaml")
	state, there := differingState(f)
	plan, err := f.Plan(state, PlanOptions{NewGroups: []string{OnlyGroup}})
	if err != nil {
		t.Fatal(err)
	}
	made := plan.Groups[0]
	if made.Action != Make || len(made.Others) != 1 || made.Others[0].Key != there.Key || plan.Differing() != nil {
		t.Errorf("plan has %+v, %v", made, plan.Differing())
	}
}
