package frost_test

import (
	"cmp"
	"crypto/rand"
	"math"
	mathrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// timingLimit is the limit for |t|: above it an operation's time most likely depends on the secret
// ("definitely not constant time" for dudect).
const timingLimit = 10

// samples are the measurements of a timing check.
const samples = 20_000

// timedOperation works on a secret: prepare returns what is timed.
type timedOperation struct {
	name    string
	prepare func(b *testing.B, secret group.Scalar) func()
}

// BenchmarkTiming looks for operations on secrets whose time depends on these, as
// dudect does (Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?"): it measures each for
// one fixed secret and for random ones, in random order, and compares the means by Welch's t-test.
// It prints t, and fails above timingLimit. A control, whose time does depend on its
// secret, must be found.
func BenchmarkTiming(b *testing.B) {
	for _, operation := range secretOperations() {
		b.Run(operation.name, func(b *testing.B) {
			for b.Loop() {
				t := operation.check(b)
				if math.Abs(t) > timingLimit {
					t = operation.check(b) // a machine that is busy gets another chance
				}
				if math.Abs(t) > timingLimit {
					b.Errorf("t is %.1f, the limit is %d", t, timingLimit)
				}
			}
		})
	}
	b.Run("control", func(b *testing.B) {
		for b.Loop() {
			if t := control().check(b); math.Abs(t) <= timingLimit {
				b.Errorf("t is %.1f for an operation in variable time", t)
			}
		}
	})
}

// secretOperations are the operations that package frost does on secrets. The fixed secret is 1, for which
// almost all digits are 0.
func secretOperations() []timedOperation {
	g := suite.Group()
	one := g.ScalarFromUint16(1)
	public := must(g.RandomScalar(rand.Reader))
	return []timedOperation{
		{"BaseMult", func(_ *testing.B, s group.Scalar) func() { return func() { g.BaseMult(s) } }},
		{"MultiplyAdd", func(b *testing.B, s group.Scalar) func() {
			x, z := public(b), g.NewScalar()
			return func() {
				for range 100 {
					z.MultiplyAdd(x, s, z)
				}
			}
		}},
		{"Evaluate", func(b *testing.B, s group.Scalar) func() {
			p, x := group.Polynomial{s, s, s, s, s, s, s}, public(b)
			return func() { p.Evaluate(g, x) }
		}},
		{"Equal", func(_ *testing.B, s group.Scalar) func() {
			return func() {
				for range 50 {
					s.Equal(one)
				}
			}
		}},
		{"Bytes", func(_ *testing.B, s group.Scalar) func() {
			return func() {
				for range 50 {
					s.Bytes()
				}
			}
		}},
		{"Sign", signOperation},
	}
}

// signOperation signs with a share and random nonces.
func signOperation(b *testing.B, share group.Scalar) func() {
	key := frost.KeyPackageOf(suite, number(b, 1), share)
	signer := must(frost.NewSigner(rand.Reader, key))(b)
	commitments := map[frost.Identifier]*frost.SigningCommitments{number(b, 1): signer.Commitments()}
	pkg := must(frost.NewSigningPackage(suite, commitments, []byte("message")))(b)
	pkg.Prepare(key.VerifyingKey()) // what is public takes variable time
	return func() {
		if _, err := signer.Sign(pkg); err != nil {
			b.Fatal(err)
		}
	}
}

// control multiplies in variable time.
func control() timedOperation {
	g := suite.Group()
	return timedOperation{"control", func(_ *testing.B, s group.Scalar) func() {
		element := []group.Element{g.BaseMult(g.ScalarFromUint16(7))}
		return func() { g.VarTimeMultiScalarMult([]group.Scalar{s}, element) }
	}}
}

// check measures and returns t.
func (o timedOperation) check(b *testing.B) float64 {
	g := suite.Group()
	var times [2][]float64
	for range samples {
		// Both classes are prepared alike, so that they find the same caches.
		secrets := [2]group.Scalar{g.ScalarFromUint16(1), must(g.RandomScalar(rand.Reader))(b)}
		class := mathrand.IntN(2)
		f := o.prepare(b, g.NewScalar().Set(secrets[class]))
		start := time.Now()
		f()
		times[class] = append(times[class], float64(time.Since(start)))
	}
	t := welch(crop(times))
	b.ReportMetric(t, "t")
	b.ReportMetric(timingLimit, "limit")
	b.ReportMetric(0, "ns/op")
	return t
}

// crop leaves out the slowest tenth of all measurements, which interrupts and the collector
// made slow.
func crop(times [2][]float64) [2][]float64 {
	all := slices.Sorted(slices.Values(slices.Concat(times[0], times[1])))
	limit := all[len(all)*9/10]
	for i := range times {
		times[i] = slices.DeleteFunc(times[i], func(x float64) bool { return cmp.Compare(x, limit) > 0 })
	}
	return times
}

// welch returns the statistic t of two samples of different variance.
func welch(times [2][]float64) float64 {
	mean0, squared0 := moments(times[0])
	mean1, squared1 := moments(times[1])
	return (mean0 - mean1) / math.Sqrt(squared0+squared1)
}

// moments returns the mean of a sample, and its variance over its size.
func moments(x []float64) (mean, squaredError float64) {
	for _, v := range x {
		mean += v
	}
	n := float64(len(x))
	mean /= n
	for _, v := range x {
		squaredError += (v - mean) * (v - mean)
	}
	return mean, squaredError / (n - 1) / n
}

func TestWelch(t *testing.T) {
	// Example of Welch's test with the statistic worked out by hand: means 3 and 6,
	// variances 2.5 and 2.5 of 5 values each.
	got := welch([2][]float64{{1, 2, 3, 4, 5}, {4, 5, 6, 7, 8}})
	if math.Abs(got+3) > 1e-12 {
		t.Errorf("t is %v, want -3", got)
	}
}
