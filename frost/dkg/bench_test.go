package dkg

import (
	"crypto/rand"
	"fmt"
	"testing"

	"frostkit/frost"
)

// BenchmarkMember measures each part of the key generation of one member, from the JSON that it
// receives, for identifiers that are numbers and for derived ones.
func BenchmarkMember(b *testing.B) {
	for _, size := range []struct{ t, n int }{{2, 3}, {7, 10}, {67, 100}} {
		for _, derived := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d-of-%d/derived=%v", size.t, size.n, derived), func(b *testing.B) {
				benchmarkMember(b, size.t, benchIDs(b, size.n, derived))
			})
		}
	}
}

func benchIDs(b *testing.B, n int, derived bool) []frost.Identifier {
	ids := numbers(b, n)
	for i := range ids {
		if derived {
			ids[i] = must(frost.DeriveIdentifier(suite, fmt.Append(nil, i)))(b)
		}
	}
	return ids
}

func benchmarkMember(b *testing.B, threshold int, ids []frost.Identifier) {
	config := Config{Ciphersuite: suite, Identifier: ids[0], Participants: ids, Threshold: threshold, Random: rand.Reader}
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(New(config))(b)
		}
	})
	r := begin(b, ids, threshold, seeded())
	messages := sentRound1(r)
	delete(messages, ids[0])
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(DecodeRound1PackagesJSON(suite, messages))(b)
		}
	})
	packages := must(DecodeRound1PackagesJSON(suite, messages))(b)
	polynomial := *r.round1[ids[0]].cell.Load()
	b.Run("next 1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := r.round1[ids[0]].check(packages); err != nil {
				b.Fatal(err)
			}
			newRound2(r.round1[ids[0]], polynomial, packages)
		}
	})
	for _, id := range ids {
		r.round2[id] = newRound2(r.round1[id], *r.round1[id].cell.Load(), packagesOf(r))
	}
	received := r.received2(b, ids[0])
	state := *r.round2[ids[0]].cell.Load()
	b.Run("next 2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			again := state
			again.share = suite.Group().NewScalar().Set(state.share)
			r.round2[ids[0]].cell.Store(&again)
			if _, _, err := r.round2[ids[0]].Next(received); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// packagesOf returns everybody's round 1 package.
func packagesOf(r *run) map[frost.Identifier]*Round1Package {
	packages := make(map[frost.Identifier]*Round1Package)
	for _, id := range r.ids {
		packages[id] = r.round1[id].Package()
	}
	return packages
}

func BenchmarkDecodeRound2Package(b *testing.B) {
	b.ReportAllocs()
	message := (&Round2Package{suite: suite, share: suite.Group().ScalarFromUint16(1)}).EncodeSecretJSON()
	for b.Loop() {
		must(DecodeRound2PackageJSON(suite, message))(b)
	}
}
