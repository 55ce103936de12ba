package report

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Recorder collects the timeline of a run from what its members do. It may be
// used by several goroutines at once.
type Recorder struct {
	start time.Time

	mu      sync.Mutex
	spans   []Span
	current map[string]int // index of each member's open span
}

// NewRecorder starts the clock.
func NewRecorder() *Recorder {
	return &Recorder{start: time.Now(), current: map[string]int{}}
}

// Started is when the clock was started.
func (r *Recorder) Started() time.Time { return r.start }

// Enter notes that a member is now in the phase; the phase that it was in ends.
// An empty phase ends it alone.
func (r *Recorder) Enter(member, phase string) {
	now := time.Since(r.start).Microseconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	if i, open := r.current[member]; open {
		if r.spans[i].Phase == phase {
			return
		}
		r.spans[i].To = now
		delete(r.current, member)
	}
	if phase != "" {
		r.current[member] = len(r.spans)
		r.spans = append(r.spans, Span{Member: member, Phase: phase, From: now, To: now})
	}
}

// Timeline returns the spans so far, those that are open up to now, in the
// order in which they began.
func (r *Recorder) Timeline() []Span {
	now := time.Since(r.start).Microseconds()
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := slices.Clone(r.spans)
	for _, i := range r.current {
		spans[i].To = now
	}
	slices.SortStableFunc(spans, func(a, b Span) int { return cmp.Compare(a.From, b.From) })
	return spans
}
