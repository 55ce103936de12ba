// Package parallel splits a loop over the processors.
package parallel

import (
	"runtime"
	"sync"
)

// For calls each for consecutive parts from..to-1 that make up 0..n-1, at once
// for as many parts as there are processors to use (GOMAXPROCS), and returns when all calls
// have. A part has least indices at least, so that a loop below twice as many
// runs on the caller's goroutine alone. The calls must not touch the same data.
func For(n, least int, each func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n/max(least, 1))
	if parts < 2 {
		each(0, n)
		return
	}
	var group sync.WaitGroup
	for i := 1; i < parts; i++ {
		group.Go(func() { each(i*n/parts, (i+1)*n/parts) })
	}
	each(0, n/parts)
	group.Wait()
}
