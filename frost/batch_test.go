package frost_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"frostkit/frost"
)

// signed returns signatures of n messages under a few keys.
func signed(t testing.TB, n int) []frost.SignedMessage {
	t.Helper()
	random := newStream(11)
	var keys []*frost.SigningKey
	for range 3 {
		keys = append(keys, must(frost.GenerateSigningKey(random, suite))(t))
	}
	batch := make([]frost.SignedMessage, n)
	for i := range batch {
		key := keys[i%len(keys)]
		message := fmt.Append(nil, "message ", i)
		batch[i] = frost.SignedMessage{Key: key.VerifyingKey(), Message: message, Signature: must(key.Sign(random, message))(t)}
	}
	return batch
}

func TestVerifyBatch(t *testing.T) {
	all := signed(t, 41) // the last and the first have different keys, as all neighbours have
	rapid.Check(t, func(r *rapid.T) {
		batch := slices.Clone(all[:rapid.IntRange(0, len(all)).Draw(r, "n")])
		var wrong []int
		for i := range batch {
			if rapid.IntRange(0, 9).Draw(r, "wrong") != 0 {
				continue
			}
			wrong = append(wrong, i)
			switch rapid.IntRange(0, 3).Draw(r, "how") {
			case 0:
				batch[i].Message = nil
			case 1:
				batch[i].Key = all[(i+1)%len(all)].Key
			case 2:
				batch[i].Signature = all[(i+3)%len(all)].Signature
			case 3:
				batch[i] = frost.SignedMessage{}
			}
		}
		err := frost.VerifyBatch(batch)
		var refused *frost.BatchError
		switch {
		case len(wrong) == 0 && err != nil:
			r.Error(err)
		case len(wrong) > 0 && (!errors.As(err, &refused) || !slices.Equal(refused.Invalid, wrong)):
			r.Errorf("%v, want %v", err, wrong)
		case len(wrong) > 0 && !errors.Is(err, frost.ErrInvalidSignature):
			r.Error(err)
		}
	})
}

// Signatures whose errors cancel in the plain sum of their equations are found.
func TestVerifyBatchFindsErrorsThatCancel(t *testing.T) {
	batch := signed(t, 2)
	one := suite.Group().ScalarFromUint16(1)
	for i, sign := range []bool{true, false} {
		z := must(suite.Group().DecodeScalar(batch[i].Signature.Bytes()[32:]))(t)
		if sign {
			z.Add(z, one)
		} else {
			z.Subtract(z, one)
		}
		batch[i].Signature = must(frost.DecodeSignature(suite, append(batch[i].Signature.Bytes()[:32], z.Bytes()...)))(t)
	}
	var refused *frost.BatchError
	if err := frost.VerifyBatch(batch); !errors.As(err, &refused) || !slices.Equal(refused.Invalid, []int{0, 1}) {
		t.Error(err)
	}
}

func TestVerifyBatchOfSeveralSuites(t *testing.T) {
	batch := signed(t, 1)
	key := must(frost.GenerateSigningKey(newStream(1), new(p256)))(t)
	batch = append(batch, frost.SignedMessage{Key: key.VerifyingKey(), Signature: must(key.Sign(newStream(2), nil))(t)})
	if err := frost.VerifyBatch(batch); err != nil {
		t.Error(err)
	}
}

func BenchmarkVerifyBatch(b *testing.B) {
	for _, n := range []int{1, 8, 64, 512} {
		batch := signed(b, n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if err := frost.VerifyBatch(batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
