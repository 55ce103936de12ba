package runner

import "testing"

// A relay that holds much does not take double of it, nor does one that holds
// little collect all the time.
func TestGCPercent(t *testing.T) {
	for _, test := range []struct {
		base uint64 // bytes
		want int
	}{
		{0, 800},
		{4 << 20, 800},
		{32 << 20, 100},
		{256 << 20, 12},
		{64 << 30, 2},
	} {
		if got := gcPercent(test.base); got != test.want {
			t.Errorf("gcPercent(%d) = %d, want %d", test.base, got, test.want)
		}
	}
}
