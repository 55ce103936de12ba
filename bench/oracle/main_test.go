package oracle_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"frostkit/bench/oracle"
	"frostkit/frost"
)

var (
	seed  = flag.Uint64("seed", 9591, "the seed of every trial's randomness")
	only  = flag.Int("trial", -1, "the one trial to run of those of a test")
	scale = flag.Int("scale", 1, "how many times the usual number of trials to run")
)

// sources is the folder of the Rust program.
var sources = filepath.Join("..", "zf")

// suite is ours of what the crates implement.
var suite = frost.Ed25519()

// zf is the Rust program. There is always one: without it no test runs.
var zf *oracle.Program

// versions are the two versions of the FROST crates.
var versions = []oracle.Recipient{oracle.Frost2, oracle.Frost3}

// TestMain builds and starts the Rust program. Without cargo no test is run, which
// is said, and is an error in CI.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if flag.Lookup("test.list").Value.String() != "" {
		return m.Run()
	}
	executable, err := oracle.Build(context.Background(), sources)
	if errors.Is(err, oracle.ErrNoCargo) && os.Getenv("CI") == "" {
		// "go test" turns the second line into "[no tests to run]" behind the
		// package's name. Without m.Run it does not cache that.
		fmt.Println("LEFT OUT: the comparison with the Rust crates:", err)
		fmt.Println("testing: warning: no tests to run")
		return 0
	}
	if err == nil {
		zf, err = oracle.Start(executable)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := zf.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// trial is one of the many random cases of a test.
type trial struct {
	testing.TB
	*rand.Rand
}

// trials runs n random cases, which are the same ones in every run with the same seed.
func trials(t *testing.T, n int, run func(*trial)) {
	t.Helper()
	t.Parallel()
	for i := range n * *scale {
		if *only < 0 || *only == i {
			runTrial(t, i, run)
		}
	}
}

func runTrial(t *testing.T, i int, run func(*trial)) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("this was trial %d: go test ./bench/oracle -run '^%s$' -seed %d -trial %d", i, t.Name(), *seed, i)
		}
	}()
	var key [32]byte
	copy(key[:], fmt.Sprintf("%x %x %s", *seed, i, t.Name()))
	run(&trial{t, rand.New(rand.NewChaCha8(key))})
	if t.Failed() {
		t.FailNow()
	}
}

// bytes returns n random bytes.
func (t *trial) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(t.Uint32())
	}
	return b
}

// seed returns a random seed.
func (t *trial) seed() oracle.Seed { return oracle.Seed(t.bytes(32)) }

// chance returns true once in n times.
func (t *trial) chance(n int) bool { return t.IntN(n) == 0 }

// pick returns one of the items.
func pick[T any](t *trial, items []T) T { return items[t.IntN(len(items))] }

// group returns a random group's size and threshold, the size at most limit.
func (t *trial) group(limit int) (n, threshold int) {
	n = 2 + t.IntN(limit-1)
	return n, 2 + t.IntN(n-1)
}

// identifiers returns n distinct identifiers of all kinds in random order.
func (t *trial) identifiers(n int) []frost.Identifier {
	t.Helper()
	seen := make(map[frost.Identifier]bool)
	var ids []frost.Identifier
	for len(ids) < n {
		if id := t.identifier(); !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *trial) identifier() frost.Identifier {
	t.Helper()
	var id frost.Identifier
	var err error
	switch t.IntN(4) {
	case 0:
		id, err = frost.NewIdentifier(suite, uint16(1+t.IntN(8)))
	case 1:
		id, err = frost.NewIdentifier(suite, uint16(1+t.IntN(65535)))
	case 2:
		id, err = frost.DeriveIdentifier(suite, t.bytes(t.IntN(50)))
	default:
		id, err = frost.DecodeIdentifier(suite, t.scalar())
	}
	t.check(err)
	return id
}

// check fails the test with an error.
func (t *trial) check(err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// must returns v, and fails the test with err.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
