package ceremony

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// No file of the size that is read keeps anybody busy: what is looked up in
// lists is bounded.
func TestLargeFilesAreQuick(t *testing.T) {
	const head = "version: 1\nceremony: x\nthreshold: 2\nmembers:\n"
	members := manyMembers(MaxMembers)
	signing := "  - {message: m, signers: [member-0, member-1], output: o%d}\n"
	named := "  - {name: s%d, message: m, signers: [member-0, member-1], output: o%d, after: [%s]}\n"
	var chain, signings, after strings.Builder
	const steps = MaxSignings / 4
	for i := range steps {
		var names []string
		for j := range maxAfter {
			names = append(names, fmt.Sprintf("s%d", (i+j)%steps))
		}
		fmt.Fprintf(&chain, named, i, i, strings.Join(names, ","))
	}
	for i := range 4 * MaxSignings {
		fmt.Fprintf(&signings, signing, i)
	}
	for i := range 30000 {
		fmt.Fprintf(&after, "n%d,", i)
	}
	tests := []struct{ name, data string }{
		{"signings", head + members + "sign:\n" + signings.String()},
		{"circles", head + members + "sign:\n" + chain.String()},
		{"after", head + members + "sign:\n  - {message: m, signers: [member-0, member-1], output: o, after: [" + after.String() + "]}\n"},
		{"unknown signers", head + members + "sign:\n  - {message: m, signers: [" + strings.Repeat("membre-1,", 30000) + "], output: o}\n"},
		{"unknown keys", head + members + after.String()},
		{"groups", head + members + "groups: {" + strings.ReplaceAll(after.String(), ",", ": {},") + "}\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			started := time.Now()
			data := test.data[:min(len(test.data), MaxSize)]
			if _, err := Parse("large.yaml", []byte(data)); !errors.As(err, new(Problems)) {
				t.Errorf("Parse: %v, want problems", err)
			}
			if took := time.Since(started); took > time.Minute {
				t.Errorf("%d bytes took %s", len(data), took)
			}
		})
	}
}
