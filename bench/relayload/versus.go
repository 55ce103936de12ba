package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// loads are measured with every kind of server, in turns with frostd where
// there is one, so that both have the same of what else the machine does.
var loads = []load{
	{name: "pairs", worker: newMailer, connections: 1},
	{name: "pairs", worker: newMailer, connections: 32},
	{name: "pairs", worker: newMailer, connections: 64},
	{name: "pairs", worker: newMailer, connections: 500},
	{name: "logins", worker: newVisitor, connections: 32},
}

// goals are those of one kind of server, by what the rows say: the figure, the
// unit where it compares with another kind in the same turns, and the
// connections.
type goals map[string]goal

var memoryGoals = goals{
	"pairs, x frostd, 32": atLeast(1.2),
	"pairs, server's processor time for each, x frostd, 32": atMost(1),
	"pairs, x frostd, 64":                  atLeast(1),
	"pairs, 99th percentile, x frostd, 64": atMost(1),
	"logins, x frostd, 32":                 atLeast(1),
}

// boltGoals are for a store that has every message on disk before it says so.
var boltGoals = goals{
	"pairs, 32":                  atLeast(5000),
	"pairs, 99th percentile, 32": atMost(30),
	"pairs, x memory, 32":        atLeast(0.7),
}

// compare applies the loads to servers of a kind and, if there is one, to the
// peer.
func (b *bench) compare(ctx context.Context, k kind) error {
	own, err := k.start(ctx, false)
	if err != nil {
		return err
	}
	defer own.stop()
	var peer *server
	if b.peer != nil {
		if peer, err = b.peer.start(ctx, false); err != nil {
			return err
		}
		defer peer.stop()
	}
	for _, l := range loads {
		l.size, l.duration = b.size, b.duration
		ours, theirs, err := b.turns(ctx, l, own, peer)
		if err != nil {
			return fmt.Errorf("%s with %d connections: %w", l.name, l.connections, err)
		}
		if peer != nil {
			b.report.add(l.rows(peer, theirs)...)
		}
		b.report.add(l.rows(own, ours)...)
		if peer != nil {
			b.report.add(l.ratios(own, peer, ours, theirs)...)
		}
		if err := firstError(ours, theirs); err != nil {
			return fmt.Errorf("%s with %d connections: %w", l.name, l.connections, err)
		}
	}
	return nil
}

// compareWithMemory measures what it costs to have messages on the disk: pairs
// in turns with the store in memory.
func (b *bench) compareWithMemory(ctx context.Context, k kind) error {
	base := kinds(*frostkit)[0]
	if k.name == base.name {
		return nil
	}
	own, err := k.start(ctx, false)
	if err != nil {
		return err
	}
	defer own.stop()
	memory, err := base.start(ctx, false)
	if err != nil {
		return err
	}
	defer memory.stop()
	l := load{name: "pairs", worker: newMailer, connections: 32, size: b.size, duration: b.duration}
	ours, theirs, err := b.turns(ctx, l, own, memory)
	if err != nil {
		return err
	}
	b.report.add(l.ratios(own, memory, ours, theirs)...)
	return firstError(ours, theirs)
}

// turns applies one load in turns, to the peer only if there is one.
func (b *bench) turns(ctx context.Context, l load, own, peer *server) (ours, theirs []outcome, err error) {
	for range b.rounds {
		if peer != nil {
			o, err := l.run(ctx, &peer.target)
			if err != nil {
				return nil, nil, err
			}
			theirs = append(theirs, o)
		}
		o, err := l.run(ctx, &own.target)
		if err != nil {
			return nil, nil, err
		}
		ours = append(ours, o)
	}
	return ours, theirs, nil
}

func firstError(outcomes ...[]outcome) error {
	for _, o := range slices.Concat(outcomes...) {
		if o.First != nil {
			return o.First
		}
	}
	return nil
}

func rate(o outcome) float64 { return o.Rate }
func p50(o outcome) float64  { return milliseconds(o.P50) }
func p99(o outcome) float64  { return milliseconds(o.P99) }
func cpu(o outcome) float64  { return float64(o.CPU) / float64(time.Microsecond) }

func behind(o outcome) float64 { return float64(o.Behind) / float64(time.Microsecond) }
func rss(o outcome) float64    { return float64(o.RSS) / (1 << 20) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// rows are the medians of the outcomes.
func (l load) rows(s *server, outcomes []outcome) []row {
	errors := 0
	for _, o := range outcomes {
		errors += o.Errors
	}
	value := func(what string, of func(outcome) float64, unit string) row {
		name := l.name + what
		g := s.goals[fmt.Sprintf("%s, %d", name, l.connections)]
		return measured(name, s.kind, l.connections, median(outcomes, of), unit, g)
	}
	rows := []row{
		value("", rate, "per s"),
		value(", 50th percentile", p50, "ms"),
		value(", 99th percentile", p99, "ms"),
		value(", server's processor time for each", cpu, "us"),
		value(", server's memory", rss, "MiB"),
		measured(l.name+", errors", s.kind, l.connections, float64(errors), "", atMost(0)),
	}
	if len(s.behind) > 0 {
		rows = append(rows, value(", redis-server's processor time", behind, "us"))
	}
	return rows
}

// ratios compare with the peer turn by turn.
func (l load) ratios(s, peer *server, ours, theirs []outcome) []row {
	unit := "x " + peer.kind
	ratio := func(what string, of func(outcome) float64) row {
		turns := make([]float64, len(ours))
		for i := range ours {
			turns[i] = of(ours[i]) / of(theirs[i])
		}
		name := l.name + what
		g := s.goals[fmt.Sprintf("%s, %s, %d", name, unit, l.connections)]
		return measured(name, s.kind, l.connections, median(turns, func(v float64) float64 { return v }), unit, g)
	}
	return []row{
		ratio("", rate),
		ratio(", 99th percentile", p99),
		ratio(", server's processor time for each", cpu),
	}
}

func median[T any](all []T, of func(T) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}
