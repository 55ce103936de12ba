package relay

import (
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// Relays over the same store take one another's challenges, and never give out
// the same one.
func TestChallengesOfSeveralRelays(t *testing.T) {
	for _, bound := range []bool{false, true} {
		testChallenges(t, bound)
	}
}

func testChallenges(t *testing.T, bound bool) {
	synctest.Test(t, func(t *testing.T) {
		secret := [32]byte{1}
		first, second, stranger := newChallenger(secret, bound), newChallenger(secret, bound), newChallenger([32]byte{2}, bound)
		for second.instance&0x0fff == first.instance&0x0fff {
			second = newChallenger(secret, bound)
		}
		seen := map[uuid.UUID]bool{}
		for range 200 { // in one millisecond
			for _, c := range []*challenger{first, second} {
				id := c.issue()
				if seen[id] {
					t.Fatal("the same challenge twice")
				}
				seen[id] = true
				if isBound(id) != bound {
					t.Fatalf("%s is bound: %t", id, isBound(id))
				}
				turned := id // a bound one into one that is not, and the reverse
				turned[6] ^= 0xf0
				if first.valid(turned, time.Second) {
					t.Fatal("a challenge of another version is taken")
				}
				if !first.valid(id, time.Second) || !second.valid(id, time.Second) || stranger.valid(id, time.Second) {
					t.Fatal("the wrong relays take a challenge")
				}
			}
		}
		for ahead, want := range map[int64]bool{-1000: false, -999: true, 0: true, 999: true, 1000: false} {
			shift := 24
			if bound {
				shift = 16
			}
			id := first.issue() // of a relay whose clock goes ahead by milliseconds, or is late
			binary.BigEndian.PutUint64(id[:8], binary.BigEndian.Uint64(id[:8])+uint64(ahead<<shift))
			first.sign(&id)
			if got := second.valid(id, time.Second); got != want {
				t.Errorf("from a relay %d ms ahead: taken %t, want %t", ahead, got, want)
			}
		}
	})
}
