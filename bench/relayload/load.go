package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// load says what to do to a server.
type load struct {
	name        string // what is counted
	worker      func(context.Context, *target, int) (worker, error)
	connections int
	size        int           // of a message in bytes
	duration    time.Duration // of the time that counts; a fifth of it goes before
}

// outcome is what a load found.
type outcome struct {
	Rate     float64       // per second
	P50, P99 time.Duration // of one
	CPU      time.Duration // of the server, for one
	Behind   time.Duration // of what the server keeps its state in, for one
	RSS      int64         // of the server at the end, in bytes
	Errors   int
	First    error // of the errors
}

// run applies the load. An error of it says that it could not be applied.
func (l load) run(ctx context.Context, t *target) (outcome, error) {
	workers, err := l.prepare(ctx, t)
	if err != nil {
		return outcome{}, err
	}
	from := time.Now().Add(l.duration / 5)
	until := from.Add(l.duration)
	all := make([]tally, len(workers))
	var running sync.WaitGroup
	for i, w := range workers {
		running.Go(func() { all[i].work(w, from, until) })
	}
	time.Sleep(time.Until(from))
	before, err := t.usage()
	if err != nil {
		return outcome{}, err
	}
	time.Sleep(time.Until(until))
	after, err := t.usage()
	if err != nil {
		return outcome{}, err
	}
	running.Wait()
	return l.sum(all, before, after), nil
}

// prepare makes the workers, several at a time.
func (l load) prepare(ctx context.Context, t *target) ([]worker, error) {
	workers := make([]worker, l.connections)
	err := inParallel(l.connections, 8, func(i int) (err error) {
		workers[i], err = l.worker(ctx, t, l.size)
		return err
	})
	return workers, err
}

// inParallel calls do for 0 to count-1, so many at a time, until one fails.
func inParallel(count, atOnce int, do func(int) error) error {
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, atOnce)
	for k := range errs {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < count && errs[k] == nil; i = int(next.Add(1)) - 1 {
				errs[k] = do(i)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// tally is what one worker found.
type tally struct {
	took   []time.Duration
	errors int
	first  error
}

// work has w work until the end of the load; what it begins and ends within
// the time that counts, counts.
func (t *tally) work(w worker, from, until time.Time) {
	start := time.Now()
	for start.Before(until) && t.errors == 0 {
		t.note(w.once())
		end := time.Now()
		if start.After(from) && end.Before(until) {
			t.took = append(t.took, end.Sub(start))
		}
		start = end
	}
	t.note(w.finish())
}

func (t *tally) note(err error) {
	if err == nil {
		return
	}
	t.errors++
	if t.first == nil {
		t.first = err
	}
}

func (l load) sum(all []tally, before, after usage) outcome {
	var took []time.Duration
	out := outcome{RSS: after.rss}
	for i := range all {
		took = append(took, all[i].took...)
		out.Errors += all[i].errors
		if out.First == nil {
			out.First = all[i].first
		}
	}
	if len(took) == 0 {
		return out
	}
	slices.Sort(took)
	out.Rate = float64(len(took)) / l.duration.Seconds()
	out.P50, out.P99 = took[len(took)/2], took[len(took)*99/100]
	out.CPU = (after.cpu - before.cpu) / time.Duration(len(took))
	out.Behind = (after.behind - before.behind) / time.Duration(len(took))
	return out
}

// String is the outcome in a line.
func (o outcome) String() string {
	return fmt.Sprintf("%8.0f/s  p50 %v  p99 %v  server %v each, %d MiB  %d errors",
		o.Rate, o.P50.Round(10*time.Microsecond), o.P99.Round(10*time.Microsecond), o.CPU.Round(100*time.Nanosecond), o.RSS>>20, o.Errors)
}
