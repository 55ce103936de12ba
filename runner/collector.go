package runner

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// collectorSlack is how much a relay allocates between two collections of
// garbage, in bytes. Go's own rule, as much as there is live, lets a small relay
// collect all the time, and a full one take double of what it holds.
const collectorSlack = 32 << 20

// tuneCollector keeps to collectorSlack from now on, unless the operator set
// GOGC.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		afterCollection(new(collection))
	}
}

// collection is unreachable and so finalized in every cycle of the collector.
type collection struct{ _ *collection }

// afterCollection sets the goal of the next cycle from what is live in this one.
func afterCollection(c *collection) {
	samples := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(samples)
	var base uint64
	for _, sample := range samples {
		base += sample.Value.Uint64()
	}
	debug.SetGCPercent(gcPercent(base))
	runtime.SetFinalizer(c, afterCollection)
}

// gcPercent returns the GOGC that makes collectorSlack of base, the bytes that
// the runtime takes it of: live heap, stacks and globals. Of less than 4 MiB it
// takes it as of 4 MiB.
func gcPercent(base uint64) int {
	return int(max(100*collectorSlack/max(base, 4<<20), 2))
}
