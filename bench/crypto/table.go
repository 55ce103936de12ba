package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// goal returns how many times as fast as the crates ours ought to be, 0 for a
// step without a goal.
func (r row) goal() float64 {
	large := r.n > 10
	switch {
	case !large && r.threads == 1:
		return 1
	case !large:
		return 0
	case r.step == "dkg whole" && r.threads == 2:
		return 14
	case r.step == "dkg whole":
		return 8
	case r.step == "sign from JSON":
		return 3
	case r.step == "aggregate" && r.n == 100:
		return 2
	case r.step == "name a bad share" && r.n == 100:
		return 5
	case r.step == "deal":
		return 1
	}
	return 0
}

func (r row) ratio() float64 { return float64(r.theirs) / float64(max(r.ours, 1)) }

// memoryGoal is what one member's key generation at 67-of-100 may take, in bytes.
const memoryGoal = 32 << 20

func printTable(w io.Writer, rows []row) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "group\tstep\tthreads\tours µs\tcrates µs\tratio\tgoal\tverdict\tallocations\tkB\tgrowth, ours\tcrates\t")
	previous := make(map[string]row)
	for _, r := range rows {
		name := fmt.Sprint(r.step, r.threads)
		fmt.Fprintf(t, "%d-of-%d\t%s\t%d\t%.0f\t%.0f\t%.2f\t%s\t%d\t%d\t%s\t\n", r.t, r.n, r.step, r.threads,
			micros(r.ours), micros(r.theirs), r.ratio(), r.verdict(), r.allocations, r.bytes>>10, r.growth(previous[name]))
		previous[name] = r
	}
	t.Flush()
	for _, r := range rows {
		if r.step == "dkg whole" && r.threads == 1 && r.n == 100 {
			fmt.Fprintf(w, "\nA key generation of one member at %d-of-%d allocates %.1f MB in all, freed or not: goal below 32 MB, %s.\n",
				r.t, r.n, float64(r.bytes)/(1<<20), met(r.bytes < memoryGoal))
		}
	}
	fmt.Fprintln(w, "Dkg whole on one thread is the sum of its parts, on two threads it is measured as a whole; the crates use one.")
}

func (r row) verdict() string {
	goal := r.goal()
	if goal == 0 {
		return "\t"
	}
	return fmt.Sprintf("%.0f\t%s", goal, met(r.ratio() >= goal))
}

func met(yes bool) string {
	if yes {
		return "met"
	}
	return "missed"
}

// growth says how many times as long as in the group before a step takes on each side.
func (r row) growth(before row) string {
	if before.ours == 0 {
		return "\t"
	}
	return fmt.Sprintf("%.1f\t%.1f", float64(r.ours)/float64(before.ours), float64(r.theirs)/float64(before.theirs))
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// record is a row of the file.
type record struct {
	Implementation string  `json:"impl"`
	N              int     `json:"n"`
	T              int     `json:"t"`
	Step           string  `json:"step"`
	Microseconds   float64 `json:"us"`
}

func writeRows(name string, rows []row) error {
	var records []record
	for _, r := range rows {
		ours := "frostkit"
		if r.threads > 1 {
			ours = fmt.Sprintf("frostkit, %d threads", r.threads)
		} else {
			records = append(records, record{"frost-ed25519 3.0.0", r.n, r.t, r.step, micros(r.theirs)})
		}
		records = append(records, record{ours, r.n, r.t, r.step, micros(r.ours)})
	}
	b, err := json.MarshalIndent(records, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(b, '\n'), 0o644)
}
