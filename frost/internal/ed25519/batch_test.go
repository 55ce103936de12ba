package ed25519

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"filippo.io/edwards25519"

	"frostkit/frost/internal/group"
)

// encodings returns those of n random elements.
func encodings(t testing.TB, n int) [][]byte {
	t.Helper()
	elements := make([]group.Element, n)
	for i := range elements {
		elements[i] = g.BaseMult(randomScalar(t))
	}
	g.Normalize(elements...)
	encoded := make([][]byte, n)
	for i, e := range elements {
		encoded[i] = e.Encoding()
	}
	return encoded
}

// shifted returns the encoding of a point plus another.
func shifted(t testing.TB, encoded []byte, by *edwards25519.Point) []byte {
	t.Helper()
	p, err := new(edwards25519.Point).SetBytes(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return p.Add(p, by).Bytes()
}

// checkRefused checks that decoding names an encoding and the reason.
func checkRefused(t *testing.T, encoded [][]byte, index int, reason error) {
	t.Helper()
	_, err := g.DecodeElements(encoded)
	var refused *group.ElementError
	if !errors.As(err, &refused) || refused.Index != index || refused.Err != reason {
		t.Errorf("%v, want index %d: %v", err, index, reason)
	}
}

// In bulk the same is refused as one by one, and named: a component of small order of
// every kind, anywhere, and what is refused for other reasons.
func TestBatchRefusesWhatSinglesDo(t *testing.T) {
	const n = batchFrom + 10
	all := encodings(t, n)
	elements, err := g.DecodeElements(all)
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if string(elements[i].Encoding()) != string(all[i]) {
			t.Errorf("element %d differs", i)
		}
	}
	for i, small := range torsion(t)[1:] {
		at := (i * 67) % n
		good := all[at]
		all[at] = shifted(t, good, small)
		checkRefused(t, all, at, errOrder)
		all[at] = good
	}
	last := all[n-1]
	for encoding, reason := range map[string]error{
		string(g.NewElement().Encoding()):                                errIdentity,
		"\x02" + string(make([]byte, 31)):                                errCurve,
		string(append([]byte{0xee}, append(bytesOf(0xff, 30), 0x7f)...)): errCanonical,
	} {
		all[n-1] = []byte(encoding)
		checkRefused(t, all, n-1, reason)
	}
	all[n-1] = last
}

func bytesOf(b byte, n int) []byte {
	s := make([]byte, n)
	for i := range s {
		s[i] = b
	}
	return s
}

// Components of small order that cancel in the sum of all points are found, as ZF's crates find
// them, which test each point by itself. The first point is named.
func TestBatchRefusesComponentsThatCancel(t *testing.T) {
	const n = batchFrom
	for _, small := range torsion(t)[1:] {
		all := encodings(t, n)
		all[17] = shifted(t, all[17], small)
		all[n-1] = shifted(t, all[n-1], new(edwards25519.Point).Negate(small))
		checkRefused(t, all, 17, errOrder)
	}
}

// The hash with a midstate is the hash.
func TestH1Each(t *testing.T) {
	cs := new(Suite)
	for _, size := range []int{0, 1, 101, 102, 160, 300} {
		prefix := make([]byte, size)
		_, _ = rand.Read(prefix)
		suffixes := [][]byte{nil, {1}, make([]byte, 32), make([]byte, 200)}
		for i, got := range cs.H1Each(prefix, suffixes) {
			if !got.Equal(cs.H1(prefix, suffixes[i])) {
				t.Errorf("prefix of %d bytes, suffix %d: another scalar", size, i)
			}
		}
	}
}

// Weights are distinct numbers of 128 bits.
func TestRandomWeights(t *testing.T) {
	seen := make(map[string]bool)
	var union [32]byte
	for _, w := range g.RandomWeights(200) {
		b := w.Bytes()
		seen[string(b)] = true
		for i := range b {
			union[i] |= b[i]
		}
	}
	if len(seen) != 200 {
		t.Errorf("%d distinct weights of 200", len(seen))
	}
	for i, b := range union {
		if want := byte(0xff); i < 16 && b != want || i >= 16 && b != 0 {
			t.Errorf("byte %d has the bits %x", i, b)
		}
	}
}

// What decoding costs by the number of elements: the figures behind batchFrom.
func BenchmarkDecodeElements(b *testing.B) {
	for _, n := range []int{1, 134, 200, 300, 400, 1334, 6732} {
		all := encodings(b, n)
		elements := make([]element, n)
		b.Run(fmt.Sprintf("single/%d", n), func(b *testing.B) {
			for b.Loop() {
				if err := decodeEach(elements, all, true); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("batch/%d", n), func(b *testing.B) {
			for b.Loop() {
				if decodeEach(elements, all, false) != nil || !varTimeAllPrimeOrder(elements) {
					b.Fatal("not decoded")
				}
			}
		})
	}
}
