package parallel

import (
	"runtime"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Every index is handed out once, in parts that are not too small.
func TestForCoversAll(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
	for _, least := range []int{0, 1, 3, 10} {
		for n := range 40 {
			seen := make([]atomic.Int32, n)
			var calls atomic.Int32
			For(n, least, func(from, to int) {
				calls.Add(1)
				for i := from; i < to; i++ {
					seen[i].Add(1)
				}
			})
			for i := range seen {
				if seen[i].Load() != 1 {
					t.Errorf("n %d, least %d: index %d is visited %d times", n, least, i, seen[i].Load())
				}
			}
			if got := int(calls.Load()); got > 1 && (got > 4 || n/got < least) {
				t.Errorf("n %d, least %d: %d calls", n, least, got)
			}
		}
	}
}

// What a goroutine costs: the figure behind the least sizes of the callers, whose parts
// take a hundred microseconds at least.
func BenchmarkFor(b *testing.B) {
	for b.Loop() {
		For(2, 1, func(int, int) {})
	}
}
