package msm

import (
	"filippo.io/edwards25519"

	"frostkit/frost/internal/parallel"
)

// VarTimeEvaluate returns the value at each x of the polynomial whose
// coefficients are points, one at least, the constant term first: the sum of x^k *
// coefficients[k]. They must lie in the subgroup of prime order, where the powers may be
// reduced modulo the order.
//
// An x below 2^16 goes by Horner's rule with short multiplications. The others share
// tables of the multiples of the coefficients.
func VarTimeEvaluate(coefficients []*edwards25519.Point, xs []*edwards25519.Scalar) []*edwards25519.Point {
	values := make([]*edwards25519.Point, len(xs))
	var large []int
	var small []int
	words := make([][5]uint64, len(xs))
	for i, x := range xs {
		words[i] = bitsOf(x)
		if bitLen(words[i:i+1]) <= shortBits {
			small = append(small, i)
		} else {
			large = append(large, i)
		}
	}
	operands := extend(coefficients)
	parallel.For(len(small), leastEvaluations, func(from, to int) {
		for _, i := range small[from:to] {
			values[i] = evaluateShort(operands, words[i][0])
		}
	})
	if len(large) > 0 {
		t := newTables(operands[1:], len(large))
		parallel.For(len(large), leastEvaluations, func(from, to int) {
			for _, i := range large[from:to] {
				values[i] = t.evaluate(&operands[0], xs[i])
			}
		})
	}
	return values
}

// VarTimeWeightedEvaluate returns the sum of weights[l] times the value at x of the polynomial
// whose coefficients are polynomials[l], of which [VarTimeEvaluate] says more.
func VarTimeWeightedEvaluate(weights []*edwards25519.Scalar, polynomials [][]*edwards25519.Point, x *edwards25519.Scalar) *edwards25519.Point {
	if words := bitsOf(x); bitLen([][5]uint64{words}) <= shortBits {
		return VarTimeMultiScalarMult(weights, evaluateEachShort(polynomials, words[0]))
	}
	var scalars []*edwards25519.Scalar
	var points []*edwards25519.Point
	for l, coefficients := range polynomials {
		power := weights[l]
		for _, coefficient := range coefficients {
			scalars, points = append(scalars, power), append(points, coefficient)
			power = new(edwards25519.Scalar).Multiply(power, x)
		}
	}
	return VarTimeMultiScalarMult(scalars, points)
}

// evaluateEachShort evaluates several polynomials at an x of shortBits at most.
func evaluateEachShort(polynomials [][]*edwards25519.Point, x uint64) []*edwards25519.Point {
	values := make([]*edwards25519.Point, len(polynomials))
	parallel.For(len(polynomials), leastEvaluations, func(from, to int) {
		for l := from; l < to; l++ {
			values[l] = evaluateShort(extend(polynomials[l]), x)
		}
	})
	return values
}

func extend(points []*edwards25519.Point) []extended {
	all := make([]extended, len(points))
	for i, p := range points {
		all[i].set(p)
	}
	return all
}

const (
	// shortBits is up to what length of x Horner's rule wins (BenchmarkEvaluate).
	shortBits = 16
	// leastEvaluations is how many evaluations pay for a goroutine.
	leastEvaluations = 4
)

// evaluateShort evaluates by Horner's rule, for x of shortBits at most.
func evaluateShort(coefficients []extended, x uint64) *edwards25519.Point {
	value := identity
	var digits [256]int8
	writeNAF(digits[:], 1, &[5]uint64{x}, 2)
	for k := len(coefficients) - 1; k >= 0; k-- {
		value.multiplyShort(&digits)
		value.accumulate(&coefficients[k])
	}
	return value.point()
}

// multiplyShort multiplies v by the number of at most shortBits with the given
// non-adjacent form of width 2.
func (v *extended) multiplyShort(digits *[256]int8) {
	var operand cached
	var sum completed
	var p extended
	operand.fromExtended(v)
	double := noPoint
	top := shortBits
	for top > 0 && digits[top] == 0 {
		top--
	}
	for i := top; i >= 0; i-- {
		sum.double(&double)
		if digits[i] != 0 {
			sum.add(p.fromCompleted(&sum), &operand, digits[i] < 0)
		}
		double.fromCompleted(&sum)
	}
	v.fromCompleted(&sum)
}

// tables are the odd multiples of points, for sums with several lists of scalars.
type tables struct {
	width     int
	multiples []affine // 2^(width-2) of the first point, then of the next
}

// newTables makes the tables for so many sums.
func newTables(points []extended, sums int) *tables {
	t := &tables{width: tableWidth(sums)}
	size := 1 << (t.width - 2)
	all := make([]extended, size*len(points))
	for i := range points {
		oddMultiples(all[size*i:][:size], &points[i])
	}
	t.multiples = toAffine(all)
	return t
}

// tableWidth returns the width of the non-adjacent form that costs the least for so
// many sums, per point.
func tableWidth(sums int) int {
	best, least := 0, 0
	for width := 4; width <= 8; width++ {
		// 18 multiplications to make an entry, 7 to add one.
		cost := 18<<(width-2) + 7*sums*253/(width+1)
		if best == 0 || cost < least {
			best, least = width, cost
		}
	}
	return best
}

// oddMultiples stores P, 3P, 5P and so on.
func oddMultiples(multiples []extended, point *extended) {
	var sum completed
	var double projective
	var twice extended
	var operand cached
	twice.fromCompleted(sum.double(double.fromExtended(point)))
	operand.fromExtended(&twice)
	multiples[0] = *point
	for i := range multiples[1:] {
		multiples[i+1].fromCompleted(sum.add(&multiples[i], &operand, false))
	}
}

// evaluate returns the constant plus the sum of x^k times the k-th point, k from 1.
func (t *tables) evaluate(constant *extended, x *edwards25519.Scalar) *edwards25519.Point {
	powers := make([][5]uint64, t.points())
	power := new(edwards25519.Scalar).Set(x)
	for i := range powers {
		powers[i] = bitsOf(power)
		power.Multiply(power, x)
	}
	value := t.sum(powers)
	value.accumulate(constant)
	return value.point()
}

// points returns how many points the tables are of.
func (t *tables) points() int { return len(t.multiples) >> (t.width - 2) }

// sum returns the sum of the points times numbers, as Straus adds: the doublings are
// shared by all.
func (t *tables) sum(numbers [][5]uint64) extended {
	n, size := len(numbers), 1<<(t.width-2)
	digits := make([]int8, 256*n)
	for i := range numbers {
		writeNAF(digits[i:], n, &numbers[i], t.width)
	}
	var p extended
	var sum completed
	double := noPoint
	for position := bitLen(numbers); position >= 0; position-- {
		sum.double(&double)
		for i, digit := range digits[position*n : (position+1)*n] {
			switch {
			case digit > 0:
				sum.addAffine(p.fromCompleted(&sum), &t.multiples[size*i+int(digit)/2], false)
			case digit < 0:
				sum.addAffine(p.fromCompleted(&sum), &t.multiples[size*i-int(digit)/2], true)
			}
		}
		double.fromCompleted(&sum)
	}
	return *p.fromCompleted(&sum)
}
