// Command crypto measures each step of package frost and of the Rust crates of the
// Zcash Foundation in turn, on the same inputs, and prints one table: what one
// member or the coordinator takes, decoding included where bytes arrive.
//
//	go run ./bench/crypto [-json FILE] [-zf DIRECTORY] [-budget DURATION]
//
// Both run on one thread, but for the row that says otherwise. The sides run in turn, several times
// each. A figure is the median of the round in which that was lowest, the one least disturbed by
// what else the machine does. The exit status is 0 whether or not the goals are met.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"frostkit/bench/oracle"
)

// sizes are the groups; those with more than dkgLimit members do not generate keys
// without a dealer.
var sizes = []size{{2, 3}, {7, 10}, {67, 100}, {667, 1000}}

const dkgLimit = 100

// size is a threshold and a number of members.
type size struct{ t, n int }

func main() {
	out := flag.String("json", "bench/out/crypto.json", "`file` for the rows")
	dir := flag.String("zf", "bench/zf", "`directory` of the Rust program")
	budget := flag.Duration("budget", 300*time.Millisecond, "time for each side of a step")
	flag.Parse()
	if err := run(*out, *dir, *budget); err != nil {
		fmt.Fprintln(os.Stderr, "crypto: error:", err)
		os.Exit(1)
	}
}

func run(out, dir string, budget time.Duration) error {
	executable, err := oracle.Build(context.Background(), dir)
	if err != nil {
		return err
	}
	crates, err := oracle.Start(executable)
	if err != nil {
		return err
	}
	runtime.GOMAXPROCS(1)
	m := &measurement{crates: crates, budget: budget}
	for _, s := range sizes {
		if err := m.measure(s); err != nil {
			return fmt.Errorf("measuring %d-of-%d: %w", s.t, s.n, err)
		}
	}
	if err := crates.Close(); err != nil {
		return err
	}
	printTable(os.Stdout, m.rows)
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	return writeRows(out, m.rows)
}

// measure measures all steps of a group.
func (m *measurement) measure(s size) error {
	fmt.Fprintf(os.Stderr, "measuring %d-of-%d\n", s.t, s.n)
	if err := m.signing(s); err != nil {
		return err
	}
	if s.n > dkgLimit {
		return nil
	}
	return m.dkg(s)
}
