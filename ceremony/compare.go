package ceremony

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Action says what a run does about a group.
type Action string

// What can be done about a group.
const (
	Nothing Action = "nothing" // it is there as the file describes it
	Make    Action = "make"    // its key is made
	Differs Action = "differs" // it is there otherwise than the file describes it, and nothing is made
)

// Difference is a value of a group that is there, against that of the file.
type Difference struct {
	Field string `json:"field"` // "key", "description", "ciphersuite", "threshold", "members" or "order", that of the members
	Old   string `json:"old"`   // of the group that is there
	New   string `json:"new"`   // of the file
}

// Found is a group as credentials or a certificate have it, or as a file wants it.
type Found struct {
	Key         string   `json:"key"` // verifying key (hex)
	Description string   `json:"description"`
	Ciphersuite string   `json:"ciphersuite"` // its ID
	Threshold   int      `json:"threshold"`
	Members     []string `json:"members"` // by their names in the file, as far as they are in it
	Ordered     bool     `json:"-"`       // Members are in the order in which they made the group
}

// Compare returns what differs between the group that is there and the one that the file wants, field by field.
func (f Found) Compare(wanted Found) []Difference {
	var differences []Difference
	add := func(field, was, is string) {
		if was != is {
			differences = append(differences, Difference{field, was, is})
		}
	}
	if wanted.Key != "" {
		add("key", f.Key, wanted.Key)
	}
	add("description", f.Description, wanted.Description)
	add("ciphersuite", f.Ciphersuite, wanted.Ciphersuite)
	add("threshold", strconv.Itoa(f.Threshold), strconv.Itoa(wanted.Threshold))
	was, is := strings.Join(f.Members, ", "), strings.Join(wanted.Members, ", ")
	switch {
	case !slices.Equal(sorted(f.Members), sorted(wanted.Members)):
		add("members", was, is)
	case f.Ordered && wanted.Ordered:
		add("order", was, is)
	}
	return differences
}

// OnlyLabel reports whether nothing but the description differs: the key is the same.
func OnlyLabel(differences []Difference) bool {
	return !slices.ContainsFunc(differences, func(d Difference) bool { return d.Field != "description" })
}

func sorted(names []string) []string { return slices.Sorted(slices.Values(names)) }

// String returns how many of whom can sign.
func (f Found) String() string {
	return fmt.Sprintf("%d of %s", f.Threshold, strings.Join(f.Members, ", "))
}

// String returns the difference in words.
func (d Difference) String() string {
	return fmt.Sprintf("%s: was %q, the file says %q", d.Field, d.Old, d.New)
}

// DifferingError says that groups are there otherwise than the file describes them.
type DifferingError struct{ Groups []string } // the steps' reasons

// Error says of each group what differs.
func (e *DifferingError) Error() string { return strings.Join(e.Groups, "; ") }

// Differing returns a [DifferingError] if groups of the plan differ from those that are there.
func (p *Plan) Differing() error {
	var reasons []string
	for _, s := range p.Steps {
		if s.Kind == DKG && p.action(s.Group) == Differs {
			reasons = append(reasons, s.Why+"; "+s.Blocked)
		}
	}
	if len(reasons) == 0 {
		return nil
	}
	return &DifferingError{reasons}
}

// IsDiffering reports whether a step cannot be taken since its group differs from the one that is there.
func (p *Plan) IsDiffering(s Step) bool {
	return (s.Kind == DKG || s.Kind == Sign || s.Kind == Verify) && p.action(s.Group) == Differs
}

func (p *Plan) action(group string) Action {
	for _, g := range p.Groups {
		if g.Name == group {
			return g.Action
		}
	}
	return Nothing
}
