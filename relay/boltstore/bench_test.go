package boltstore

import (
	"testing"

	"frostkit/relay/storetest"
)

// BenchmarkPairs has every send on the disk before it is acknowledged.
func BenchmarkPairs(b *testing.B) {
	store := openStore(b, b.TempDir())
	storetest.Benchmark(b, store, 32)
	if err := store.Close(); err != nil {
		b.Error(err)
	}
}
