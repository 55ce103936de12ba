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
	synctest.Test(t, func(t *testing.T) {
		secret := [32]byte{1}
		first, second, stranger := newChallenger(secret), newChallenger(secret), newChallenger([32]byte{2})
		for second.instance&0x0fff == first.instance&0x0fff {
			second = newChallenger(secret)
		}
		seen := map[uuid.UUID]bool{}
		for range 200 { // in one millisecond
			for _, c := range []*challenger{first, second} {
				id := c.issue()
				if seen[id] {
					t.Fatal("the same challenge twice")
				}
				seen[id] = true
				if !first.valid(id, time.Second) || !second.valid(id, time.Second) || stranger.valid(id, time.Second) {
					t.Fatal("the wrong relays take a challenge")
				}
			}
		}
		for ahead, want := range map[int64]bool{-1000: false, -999: true, 0: true, 999: true, 1000: false} {
			id := first.issue() // of a relay whose clock goes ahead by milliseconds, or is late
			binary.BigEndian.PutUint64(id[:8], binary.BigEndian.Uint64(id[:8])+uint64(ahead<<24))
			first.sign(&id)
			if got := second.valid(id, time.Second); got != want {
				t.Errorf("from a relay %d ms ahead: taken %t, want %t", ahead, got, want)
			}
		}
	})
}
