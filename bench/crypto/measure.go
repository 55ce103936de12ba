package main

import (
	"runtime"
	"slices"
	"time"

	"frostkit/bench/oracle"
)

// row is what a step takes on both sides.
type row struct {
	size
	step         string
	ours, theirs time.Duration
	threads      int    // of ours
	allocations  uint64 // of ours, in one run
	bytes        uint64 // allocated by ours in one run, in all
}

// measurement gathers rows.
type measurement struct {
	crates *oracle.Program
	budget time.Duration
	rows   []row
}

// contest is a step to be measured.
type contest struct {
	step string
	// ours does the step once and returns how long it took, without what it prepares.
	ours func() (time.Duration, error)
	// op and request are the step of the crates. Without op ours is measured alone.
	op      string
	request any
}

// rounds is how often the sides alternate.
const rounds = 7

// add measures a step and adds its row.
func (m *measurement) add(s size, c contest) (row, error) {
	var ours, theirs []time.Duration // the median of each round
	r := row{size: s, step: c.step, threads: runtime.GOMAXPROCS(0)}
	if err := r.count(c.ours); err != nil {
		return r, err
	}
	for range rounds {
		mine, err := m.mine(c)
		if err != nil {
			return r, err
		}
		ours = append(ours, median(mine))
		if c.op == "" {
			continue
		}
		repeat := 1
		if len(theirs) > 0 {
			repeat = m.repeat(theirs[0])
		}
		times, err := m.crates.Time(oracle.Frost3, c.op, c.request, repeat)
		if err != nil {
			return r, err
		}
		theirs = append(theirs, median(times))
	}
	r.ours = slices.Min(ours)
	if len(theirs) > 0 {
		r.theirs = slices.Min(theirs[1:]) // the first warms up
	}
	m.rows = append(m.rows, r)
	return r, nil
}

// mine runs our side for a share of the budget.
func (m *measurement) mine(c contest) ([]time.Duration, error) {
	first, err := c.ours()
	if err != nil {
		return nil, err
	}
	var times []time.Duration
	for range m.repeat(first) {
		took, err := c.ours()
		if err != nil {
			return nil, err
		}
		times = append(times, took)
	}
	return times, nil
}

// repeat returns how many runs of so long fill a round's share of the budget.
func (m *measurement) repeat(took time.Duration) int {
	return min(max(int(m.budget/rounds/max(took, 1)), 1), 200)
}

// count counts the allocations of one run.
func (r *row) count(run func() (time.Duration, error)) error {
	before, after := new(runtime.MemStats), new(runtime.MemStats)
	counted = counter{before, after}
	defer func() { counted = counter{} }()
	_, err := run()
	r.allocations = after.Mallocs - before.Mallocs
	r.bytes = after.TotalAlloc - before.TotalAlloc
	return err
}

// counter takes the statistics of the memory around what is timed.
type counter struct{ before, after *runtime.MemStats }

var counted counter

// timed returns how long f takes.
func timed(f func() error) (time.Duration, error) {
	if counted.before != nil {
		runtime.ReadMemStats(counted.before)
	}
	start := time.Now()
	err := f()
	took := time.Since(start)
	if counted.after != nil {
		runtime.ReadMemStats(counted.after)
	}
	return took, err
}

func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[len(times)/2]
}

// sum adds a row that is the sum of others: a step made of steps.
func (m *measurement) sum(step string, parts ...row) row {
	total := row{size: parts[0].size, step: step, threads: parts[0].threads}
	for _, part := range parts {
		total.ours += part.ours
		total.theirs += part.theirs
		total.allocations += part.allocations
		total.bytes += part.bytes
	}
	m.rows = append(m.rows, total)
	return total
}
