package cocktail

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"frostkit/frost"
)

// sizes are those of groups, threshold of members.
var sizes = [][2]int{{2, 3}, {7, 10}, {20, 30}, {67, 100}}

// BenchmarkMember is all that one member does, decoding included: with keys of the attempt, and as specified without.
func BenchmarkMember(b *testing.B) {
	for _, size := range sizes {
		for form, p := range map[string]party{"": newAttemptParty(b, "bench", size[0], size[1]), "/specified": newParty(b, "bench", size[0], size[1])} {
			_, messages := p.round1(b, 1)
			_, signatures := p.round3(b, 1, nil)
			b.Run(fmt.Sprintf("%dof%d%s", size[0], size[1], form), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					p.member(b, messages, signatures)
				}
			})
		}
	}
}

// member goes through the key generation as the first member, whose randomness is that of
// messages and signatures.
func (p party) member(b *testing.B, messages map[frost.Identifier]*Round1Message, signatures map[frost.Identifier]Signature) {
	config := p.config(0)
	config.Random = random(1)
	round1 := must(New(config))(b)
	received := must(DecodeRound1Messages(p.setup, encodings(messages)))(b)
	round3 := must(must(round1.Next(received))(b).Next(nil))(b)
	decoded := make(map[frost.Identifier]Signature)
	for id, sig := range signatures {
		decoded[id] = must(DecodeSignature(cs, sig.Bytes()))(b)
	}
	must(round3.Next(decoded))(b)
}

func encodings(messages map[frost.Identifier]*Round1Message) map[frost.Identifier][]byte {
	encoded := make(map[frost.Identifier][]byte, len(messages))
	for id, message := range messages {
		encoded[id] = message.encoded
	}
	return encoded
}

// BenchmarkGroup is a whole group in one process, where each member decodes what it gets.
func BenchmarkGroup(b *testing.B) {
	for _, size := range sizes {
		p := newAttemptParty(b, "bench", size[0], size[1])
		b.Run(fmt.Sprintf("%dof%d", size[0], size[1]), func(b *testing.B) {
			for b.Loop() {
				p.group(b)
			}
		})
	}
}

func (p party) group(b *testing.B) {
	rounds1, messages := p.round1(b, 1)
	rounds2 := make([]*Round2, len(rounds1))
	inParallel(len(rounds1), func(i int) {
		received := must(DecodeRound1Messages(p.setup, encodings(messages)))(b)
		rounds2[i] = must(rounds1[i].Next(received))(b)
	})
	rounds3, signatures := p.certify(b, rounds2, make([]byte, 32))
	inParallel(len(rounds3), func(i int) {
		decoded := make(map[frost.Identifier]Signature)
		for id, sig := range signatures {
			decoded[id] = must(DecodeSignature(cs, sig.Bytes()))(b)
		}
		must(rounds3[i].Next(decoded))(b)
	})
}

// inParallel does n things on as many goroutines as there are processors.
func inParallel(n int, do func(int)) {
	var wait sync.WaitGroup
	for worker := range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := worker; i < n; i += runtime.GOMAXPROCS(0) {
				do(i)
			}
		})
	}
	wait.Wait()
}

func BenchmarkDecodeRound1Message67of100(b *testing.B) {
	p := newParty(b, "bench", 67, 100)
	round := must(New(Config{Setup: p.setup, Key: p.keys[0], Random: rand.Reader}))(b)
	b.ReportAllocs()
	for b.Loop() {
		must(DecodeRound1Message(p.setup, p.ids[0], round.Message().encoded))(b)
	}
}

func BenchmarkDecodeCertificate67of100(b *testing.B) {
	p := newParty(b, "bench", 67, 100)
	rounds, signatures := p.round3(b, 1, nil)
	encoded := must(rounds[0].Next(signatures))(b).Encode()
	b.ReportAllocs()
	for b.Loop() {
		must(DecodeCertificate(cs, encoded))(b)
	}
}
