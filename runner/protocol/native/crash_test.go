package native

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

var errKilled = errors.New("killed")

// mortal is a transport of a member that can be killed: from then on nothing leaves it, and nothing
// arrives.
type mortal struct {
	protocol.Transport
	dead context.Context
	kill context.CancelFunc
}

func newMortal(t protocol.Transport) *mortal {
	m := &mortal{Transport: t}
	m.dead, m.kill = context.WithCancel(context.Background())
	return m
}

func (m *mortal) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if m.dead.Err() != nil {
		return errKilled
	}
	return m.Transport.Send(ctx, to, payload)
}

func (m *mortal) Receive(ctx context.Context) (protocol.Message, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer context.AfterFunc(m.dead, cancel)()
	defer cancel()
	in, err := m.Transport.Receive(ctx)
	if m.dead.Err() != nil {
		return protocol.Message{}, errKilled
	}
	return in, err
}

// live runs a member's part, and again whenever it is killed, until it has a group. It is killed for
// the i-th time when its run comes to the event number kills[i].
func (p *person) live(ctx context.Context, people []*person, threshold int, hub *protocol.Hub, kills []int) end {
	for {
		transport := newMortal(hub.Endpoint(p.Key, false))
		cfg := p.config(people, threshold)
		count, at := 0, -1
		if len(kills) > 0 {
			at, kills = kills[0], kills[1:]
		}
		die := func() {
			if count == at {
				transport.kill()
			}
			count++
		}
		cfg.Progress = func(e protocol.Event) { p.event(e); die() }
		cfg.Store = func(r Record) error { // before, in the middle and after
			die()
			if transport.dead.Err() != nil {
				return errKilled
			}
			defer die()
			return p.store(r)
		}
		cfg.Save = func(o *Outcome) error {
			die()
			if transport.dead.Err() != nil {
				return errKilled
			}
			defer die()
			return p.save(o)
		}
		outcome, err := DKG(ctx, transport, cfg)
		killed := transport.dead.Err() != nil
		transport.kill()
		if !killed || ctx.Err() != nil {
			return end{outcome, err}
		}
	}
}

// survive checks that all have one group, however they ended.
func survive(t *testing.T, people []*person, ends map[string]end) {
	t.Helper()
	group := ""
	for _, p := range people {
		if len(p.groups) != 1 {
			t.Fatalf("%s has %d groups, and ended with %v", p.Name, len(p.groups), ends[p.Name].err)
		}
		for id := range p.groups {
			if group != "" && id != group {
				t.Fatalf("%s has another group", p.Name)
			}
			group = id
		}
	}
}

// liveAll runs all people's parts with their kills.
func liveAll(ctx context.Context, people []*person, threshold int, hub *protocol.Hub, kills map[string][]int) map[string]end {
	var mu sync.Mutex
	ends := make(map[string]end)
	var running sync.WaitGroup
	for _, p := range people {
		running.Go(func() {
			e := p.live(ctx, people, threshold, hub, kills[p.Name])
			mu.Lock()
			defer mu.Unlock()
			ends[p.Name] = e
		})
	}
	running.Wait()
	return ends
}

// Cases 8 and 15: a member that is killed at any step and run again completes, and nobody else ends
// with a group that it lacks.
func TestKilledAtEveryStep(t *testing.T) {
	for step := range 45 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
				defer cancel()
				ends := liveAll(ctx, people, 2, protocol.NewHub(), map[string][]int{"bob": {step}})
				survive(t, people, ends)
			})
		})
	}
}

// Everybody is killed again and again, at random steps.
func TestKilledAtRandom(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				people := newPeople(t, 3)
				kills := map[string][]int{}
				for _, p := range people {
					for range 1 + random.IntN(3) {
						kills[p.Name] = append(kills[p.Name], random.IntN(40))
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				survive(t, people, liveAll(ctx, people, 2, protocol.NewHub(), kills))
			})
		})
	}
}

// badNetwork is all of it: 30 % loss, damage, repetition, and delays that reorder.
func badNetwork(seed, stream uint64) protocol.Fault {
	random := rand.New(rand.NewPCG(seed, stream))
	return func(e protocol.Envelope) []protocol.Delivery {
		switch x := random.Float64(); {
		case x < 0.3:
			return nil
		case x < 0.4:
			return protocol.Repeat(e)
		case x < 0.45:
			return protocol.Corrupt(random.IntN(200))(e)
		}
		return protocol.Delay(time.Duration(random.IntN(30)) * time.Second)(e)
	}
}

func TestBadNetwork(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 4)
				hub := protocol.NewHub()
				hub.Intercept(badNetwork(seed, 2))
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				ends := generate(ctx, people, 3, hub, nil)
				survive(t, people, ends)
			})
		})
	}
}

// Who runs with another file is told in which fields, and by whom.
func TestDifferentFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		ends := generate(within(t), people, 2, protocol.NewHub(), func(p *person, cfg *DKGConfig) {
			if p.Name == "carol" {
				cfg.Digest[0] ^= 1
				cfg.Facts = []Fact{{"ceremony", "bored"}}
			}
		})
		for _, p := range people {
			var differ *AgreementError
			if !errors.As(ends[p.Name].err, &differ) {
				t.Fatalf("%s: %v", p.Name, ends[p.Name].err)
			}
			last := differ.Differences[len(differ.Differences)-1]
			if last.Field != "ceremony" || len(last.Values) != 3 || last.Values[2].Value != `"bored"` {
				t.Errorf("%s: %v", p.Name, differ)
			}
		}
	})
}

// A whole earlier session, replayed, changes nothing.
func TestReplayedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		var recorded []protocol.Envelope
		hub.Intercept(func(e protocol.Envelope) []protocol.Delivery {
			recorded = append(recorded, e)
			return protocol.Deliver(e)
		})
		mustAgree(t, people, 2, generate(within(t), people, 2, hub, nil))
		for _, p := range people {
			p.records, p.groups = nil, map[string][]byte{}
		}
		again := protocol.NewHub()
		for _, e := range recorded { // in the same session, before anything else
			_ = again.Endpoint(e.From, false).Send(t.Context(), e.To, e.Payload)
		}
		ends := generate(within(t), people, 2, again, nil)
		survive(t, people, ends)
		mustAgree(t, people, 2, ends)
	})
}

// A member that was killed with a pending share, and comes when the others have left, completes as soon as
// one of them is there.
func TestCompletedByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		hub := protocol.NewHub()
		dead := newMortal(hub.Endpoint(people[1].Key, false))
		var running sync.WaitGroup
		for _, p := range people {
			cfg := p.config(people, 2)
			var transport protocol.Transport = hub.Endpoint(p.Key, false)
			if p == people[1] {
				transport = dead
				cfg.Progress = func(e protocol.Event) {
					if e.Kind == protocol.Sent && e.Phase == protocol.PhaseCertificate {
						dead.kill()
					}
				}
			}
			running.Go(func() { _, _ = DKG(ctx, transport, cfg) })
		}
		running.Wait()
		if len(people[0].groups) != 1 || len(people[1].groups) != 0 {
			t.Fatalf("alice has %d groups, bob %d", len(people[0].groups), len(people[1].groups))
		}
		ctx, cancel = context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		again := protocol.NewHub()
		began := time.Now()
		ends := map[string]end{}
		var mu sync.Mutex
		for _, p := range people[:2] {
			cfg := p.config(people, 2)
			running.Go(func() {
				outcome, err := DKG(ctx, again.Endpoint(p.Key, false), cfg)
				mu.Lock()
				defer mu.Unlock()
				ends[p.Name] = end{outcome, err}
			})
		}
		running.Wait()
		survive(t, people, ends)
		if took := time.Since(began); took > 2*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

// The group is an ordinary one: members sign with it by frost-client's protocol.
func TestSignByFrostClientsProtocol(t *testing.T) {
	people := newPeople(t, 3)
	ends := generate(within(t), people, 2, protocol.NewHub(), nil)
	mustAgree(t, people, 2, ends)
	hub := protocol.NewHub()
	var running sync.WaitGroup
	for _, p := range people[:2] {
		cfg := protocol.ParticipateConfig{
			KeyPackage: ends[p.Name].KeyPackage, Members: ends[p.Name].Members, Coordinator: people[0].Key,
			Approve: func(context.Context, protocol.Review) error { return nil },
		}
		running.Go(func() {
			if err := protocol.Participate(within(t), hub.Endpoint(p.Key, false), cfg); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		})
	}
	signatures, err := protocol.Coordinate(within(t), hub.Endpoint(people[0].Key, true), protocol.CoordinateConfig{
		PublicKeyPackage: ends["alice"].PublicKeyPackage, Signers: members(people[:2]), Messages: [][]byte{[]byte("message")},
	})
	running.Wait()
	if err != nil || ends["carol"].PublicKeyPackage.VerifyingKey().Verify([]byte("message"), signatures[0]) != nil {
		t.Errorf("signatures %v, %v", signatures, err)
	}
}
