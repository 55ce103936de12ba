package msm

import (
	"math/bits"

	"filippo.io/edwards25519"

	"frostkit/frost/internal/parallel"
)

const (
	// strausFrom is how many terms it takes for tables to be faster than the library, which
	// works alike, and pippengerFrom for buckets to be faster than tables (BenchmarkMultiScalarMult).
	strausFrom    = 8
	pippengerFrom = 120
)

// VarTimeMultiScalarMult returns the sum of scalars[i] * points[i], for slices of the
// same length: by the library below strausFrom terms, from there with tables as Straus did, and
// from pippengerFrom on in buckets as Pippenger did.
func VarTimeMultiScalarMult(scalars []*edwards25519.Scalar, points []*edwards25519.Point) *edwards25519.Point {
	if len(points) < strausFrom {
		return new(edwards25519.Point).VarTimeMultiScalarMult(scalars, points)
	}
	var sum extended
	if len(points) < pippengerFrom {
		sum = newTables(extend(points), 1).sum(wordsOf(scalars))
	} else {
		sum = pippenger(wordsOf(scalars), points, pippengerWidth(len(points)))
	}
	return sum.point()
}

// pippengerWidth returns the width of the windows that costs the least for n terms:
// each window takes an addition per term and two per bucket.
func pippengerWidth(n int) int {
	best, least := 0, 0
	for width := 4; width <= 14; width++ {
		// 7 multiplications to add a term, 17 to empty a bucket.
		cost := (253/width + 1) * (7*n + 17<<(width-1))
		if best == 0 || cost < least {
			best, least = width, cost
		}
	}
	return best
}

// pippenger adds the terms window by window of their scalars. In a window every point goes
// to the bucket of its digit, whose sum is multiplied once.
func pippenger(words [][5]uint64, points []*edwards25519.Point, width int) extended {
	operands := toAffine(extend(points))
	windows := bitLen(words)/width + 1
	digits := make([][]int16, len(words))
	for i := range words {
		digits[i] = signedWindows(&words[i], width, windows)
	}
	sums := make([]extended, windows)
	parallel.For(windows, 1, func(from, to int) {
		b := newBuckets(1<<(width-1) + 1)
		for i := from; i < to; i++ {
			b.reset()
			for j := range operands {
				if digit := int(digits[j][i]); digit > 0 {
					b.add(digit, &operands[j], false)
				} else if digit < 0 {
					b.add(-digit, &operands[j], true)
				}
			}
			sums[i] = b.weightedSum()
		}
	})
	return horner(sums, width)
}

// horner returns the sum of 2^(width*i) * sums[i].
func horner(sums []extended, width int) extended {
	total := sums[len(sums)-1]
	for i := len(sums) - 2; i >= 0; i-- {
		total.shift(width)
		total.accumulate(&sums[i])
	}
	return total
}

// shift multiplies v by 2^n, for n above 0.
func (v *extended) shift(n int) {
	var sum completed
	var double projective
	double.fromExtended(v)
	for range n - 1 {
		double.fromCompleted(sum.double(&double))
	}
	v.fromCompleted(sum.double(&double))
}

// buckets are sums of points by number.
type buckets struct {
	sums []extended
	used []bool
}

func newBuckets(n int) *buckets { return &buckets{make([]extended, n), make([]bool, n)} }

func (b *buckets) reset() { clear(b.used) }

// add adds a point, or subtracts it.
func (b *buckets) add(i int, p *affine, negative bool) {
	sum := &b.sums[i]
	if !b.used[i] {
		b.used[i] = true
		sum.setAffine(p, negative)
		return
	}
	var c completed
	sum.fromCompleted(c.addAffine(sum, p, negative))
}

// merge adds the sum of bucket j to that of bucket i.
func (b *buckets) merge(i, j int) {
	switch {
	case b.used[i] && b.used[j]:
		b.sums[i].accumulate(&b.sums[j])
	case b.used[j]:
		b.used[i], b.sums[i] = true, b.sums[j]
	}
}

// weightedSum returns the sum of i times bucket i: as the sum of the running
// sums from the last bucket down.
func (b *buckets) weightedSum() extended {
	total := identity
	for i := len(b.sums) - 2; i > 0; i-- {
		b.merge(i, i+1)
	}
	for i := 1; i < len(b.sums); i++ {
		if b.used[i] {
			total.accumulate(&b.sums[i])
		}
	}
	return total
}

// subsets is how many random subsets buckets serve at a time.
const subsets = 8

// VarTimeSubsetSums returns, for each of 8 * passes subsets of the points, the sum of its
// members in affine coordinates. Point i is in subset 8*p + b if bit b of
// masks[i*passes+p] is set. It takes an addition per point and pass: points with
// the same byte share a bucket.
func VarTimeSubsetSums(points []*edwards25519.Point, masks []byte, passes int) []*edwards25519.Point {
	operands := toAffine(extend(points))
	sums := make([]extended, subsets*passes)
	parallel.For(passes, 1, func(from, to int) {
		b := newBuckets(1 << subsets)
		for pass := from; pass < to; pass++ {
			b.reset()
			for i := range operands {
				if mask := masks[i*passes+pass]; mask != 0 {
					b.add(int(mask), &operands[i], false)
				}
			}
			b.subsetSums(sums[subsets*pass:][:subsets])
		}
	})
	normalize(sums)
	result := make([]*edwards25519.Point, len(sums))
	for i := range sums {
		result[i] = sums[i].point()
	}
	return result
}

// subsetSums stores in sums[b] the sum of the buckets whose number has bit b, from
// the highest bit on folding the upper half into the lower one.
func (b *buckets) subsetSums(sums []extended) {
	for bit := bits.Len(uint(len(b.sums)-1)) - 1; bit >= 0; bit-- {
		half := 1 << bit
		sums[bit] = identity
		for i := range half {
			if b.used[half+i] {
				sums[bit].accumulate(&b.sums[half+i])
			}
			if i > 0 {
				b.merge(i, half+i)
			}
		}
	}
}
