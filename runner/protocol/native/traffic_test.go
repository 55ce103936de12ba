package native

import (
	"context"
	"sync"
	"testing"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// counted counts what a member sends: calls of the relay, and the bytes of their payloads.
type counted struct {
	protocol.Transport
	mu           *sync.Mutex
	calls, bytes *int
}

func (c counted) Broadcast(ctx context.Context, to []commkey.PublicKey, payload []byte) error {
	c.mu.Lock()
	*c.calls++
	*c.bytes += len(payload)
	c.mu.Unlock()
	for _, key := range to {
		if err := c.Send(ctx, key, payload); err != nil {
			return err
		}
	}
	return nil
}

// traffic is what n members send in making a group: calls of one member, and bytes of all.
func traffic(t *testing.T, n int) (calls, bytes int) {
	t.Helper()
	people, hub := newPeople(t, n), protocol.NewHub()
	var mu sync.Mutex
	all := 0
	var running sync.WaitGroup
	for _, p := range people {
		cfg := p.config(people, 2)
		running.Go(func() {
			outcome, err := DKG(within(t), counted{hub.Endpoint(p.Key, false), &mu, &all, &bytes}, cfg)
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				return
			}
			outcome.KeyPackage.Destroy()
		})
	}
	running.Wait()
	return all / n, bytes
}

// Each member says each thing once, to all, whatever the size of the group; what grows with its square is
// the encrypted shares, one for each pair.
func TestTraffic(t *testing.T) {
	const share = 8 + 32 + 16 // the length of the ciphertext, the share, its tag
	callsOf4, bytesOf4 := traffic(t, 4)
	callsOf8, bytesOf8 := traffic(t, 8)
	callsOf16, bytesOf16 := traffic(t, 16)
	if callsOf4 != callsOf8 || callsOf8 != callsOf16 {
		t.Errorf("calls of one member: %d, %d and %d in groups of 4, 8 and 16", callsOf4, callsOf8, callsOf16)
	}
	// f(n) = c + b·n + a·n²: a = (f(16) - 3·f(8) + 2·f(4)) / (16² - 3·8² + 2·4²)
	square := (bytesOf16 - 3*bytesOf8 + 2*bytesOf4) / (16*16 - 3*8*8 + 2*4*4)
	t.Logf("%d calls of each member; %d, %d, %d bytes sent in groups of 4, 8 and 16", callsOf4, bytesOf4, bytesOf8, bytesOf16)
	if square != share {
		t.Errorf("%d bytes for each pair of members, want %d", square, share)
	}
}
