package oracle_test

import (
	"errors"
	"strings"
	"testing"

	"frostkit/bench/oracle"
)

// TestTime times an operation that succeeds, and one that is refused.
func TestTime(t *testing.T) {
	for _, number := range []int{1, 0} {
		times, err := zf.Time(oracle.Frost3, "number", args{"number": number}, 3)
		if err != nil {
			t.Fatal(err)
		}
		if len(times) != 3 {
			t.Errorf("%d times, want 3", len(times))
		}
		for _, d := range times {
			if d < 0 {
				t.Errorf("it took %v", d)
			}
		}
	}
}

// TestFault makes requests that make no sense, after which the program goes on.
func TestFault(t *testing.T) {
	for _, tc := range []struct {
		to      oracle.Recipient
		op      string
		request any
		want    string
	}{
		{"frost4", "number", args{"number": 1}, "unknown variant"},
		{oracle.Frost3, "numb", args{"number": 1}, "no such operation"},
		{oracle.Frost3, "number", args{"number": 1, "x": 2}, "unknown field"},
		{oracle.Frost3, "number", args{"number": "1"}, "invalid type"},
		{oracle.Frost3, "sort", args{"identifiers": []string{"00"}}, "invalid length"},
		{oracle.Frost2, "aggregate", nil, "invalid type"},
	} {
		err := zf.Ask(tc.to, tc.op, tc.request, nil)
		if refused := (*oracle.RefusedError)(nil); errors.As(err, &refused) || err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s %v: %v, want %q", tc.to, tc.op, tc.request, err, tc.want)
		}
	}
	var id string
	if err := zf.Ask(oracle.Frost2, "number", args{"number": 1}, &id); err != nil || len(id) != 64 {
		t.Errorf("identifier %q, %v", id, err)
	}
}

// TestRefused has the crate's reason and its culprits.
func TestRefused(t *testing.T) {
	err := zf.Ask(oracle.Frost2, "number", args{"number": 0}, nil)
	refused := (*oracle.RefusedError)(nil)
	if !errors.As(err, &refused) || refused.Error() != "Error in scalar Field." {
		t.Errorf("error %v", err)
	}
	refused.Culprits = []string{"ab"}
	if got := refused.Error(); got != "Error in scalar Field. culprits [ab]" {
		t.Errorf("error %q", got)
	}
}
