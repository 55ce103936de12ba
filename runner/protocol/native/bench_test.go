package native

import (
	"context"
	"fmt"
	"testing"
	"time"

	"frostkit/runner/protocol"
)

// largest is the time in which the largest group of the benchmark is to be made.
const largest = 30 * time.Second

// BenchmarkDKG makes groups in one process over the hub: the figure is that of all members together.
func BenchmarkDKG(b *testing.B) {
	for _, size := range []struct{ n, threshold int }{{3, 2}, {10, 7}, {30, 20}, {100, 67}} {
		b.Run(fmt.Sprintf("%d of %d", size.threshold, size.n), func(b *testing.B) {
			people := newPeople(b, size.n)
			for b.Loop() {
				for _, p := range people {
					p.records = nil
				}
				ctx, cancel := context.WithTimeout(b.Context(), 3*time.Minute)
				began := time.Now()
				ends := generate(ctx, people, size.threshold, protocol.NewHub(), nil)
				cancel()
				for name, e := range ends {
					if e.err != nil {
						b.Fatalf("%s: %v", name, e.err)
					}
				}
				if took := time.Since(began); took > largest {
					b.Errorf("it took %s, want %s at most", took, largest)
				}
			}
		})
	}
}
