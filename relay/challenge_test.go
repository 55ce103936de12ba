package relay

import (
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
		early := first.issue()
		second.start = second.start.Add(-500 * time.Millisecond) // its clock is late
		if !second.valid(early, time.Second) {
			t.Error("refused by a relay whose clock is late")
		}
		second.start = second.start.Add(-500 * time.Millisecond)
		if second.valid(early, time.Second) {
			t.Error("taken by a relay whose clock is late by the life of a challenge")
		}
		time.Sleep(time.Second)
		if first.valid(early, time.Second) {
			t.Error("taken after its life")
		}
	})
}
