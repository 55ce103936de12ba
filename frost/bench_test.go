package frost_test

import (
	"fmt"
	"maps"
	"testing"

	"frostkit/frost"
)

// BenchmarkSigning measures each step of a signing by the threshold of a group.
func BenchmarkSigning(b *testing.B) {
	for _, size := range []struct{ t, n int }{{2, 3}, {7, 10}, {67, 100}} {
		b.Run(fmt.Sprintf("%d-of-%d", size.t, size.n), func(b *testing.B) {
			keys, public := deal(b, newStream(1), numbers(b, size.n), size.t)
			for _, id := range sorted(keys)[size.t:] {
				delete(keys, id)
			}
			signers, pkg := commit(b, newStream(2), keys, []byte("message"))
			last := pkg.Identifiers()[size.t-1]
			nonces := signers[last].Nonces().Clone()
			shares := signAll(b, signers, pkg)
			b.Run("sign", func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					pkg.Forget()
					must(frost.NewSignerWithNonces(keys[last], nonces).Sign(pkg))(b)
				}
			})
			benchmarkSteps(b, keys, pkg, shares, public)
		})
	}
}

func benchmarkSteps(b *testing.B, keys map[frost.Identifier]*frost.KeyPackage, pkg *frost.SigningPackage, shares map[frost.Identifier]*frost.SignatureShare, public *frost.PublicKeyPackage) {
	last := pkg.Identifiers()[len(pkg.Identifiers())-1]
	random := newStream(3)
	b.Run("commit", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(frost.NewSigner(random, keys[last]))(b)
		}
	})
	json := pkg.EncodeJSON()
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(frost.DecodeSigningPackageJSON(suite, json))(b)
		}
	})
	b.Run("verify share", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pkg.Forget()
			if err := frost.VerifySignatureShare(last, shares[last], pkg, public); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("aggregate", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pkg.Forget()
			must(frost.Aggregate(pkg, shares, public))(b)
		}
	})
	wrong := maps.Clone(shares)
	wrong[last] = wrong[last].Tamper()
	b.Run("aggregate and blame", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			pkg.Forget()
			if _, err := frost.Aggregate(pkg, wrong, public); err == nil {
				b.Fatal("aggregates")
			}
		}
	})
}
