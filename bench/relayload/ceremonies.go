package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

const (
	ceremoniesAtOnce = 500
	ceremonyTimeout  = 4 * time.Minute

	halfOpen       = 10_000
	honestAttempts = 100
)

// ceremony is a DKG of three, 2 of 3, as frostkit's members carry it out: they
// log in, one opens a session, and so on to a group that all have.
type ceremony struct {
	keys   []*commkey.PrivateKey
	groups []string // by member
}

func newCeremony() (*ceremony, error) {
	c := &ceremony{groups: make([]string, 3)}
	for range c.groups {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			return nil, err
		}
		c.keys = append(c.keys, key)
	}
	return c, nil
}

// run runs all members side by side.
func (c *ceremony) run(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, ceremonyTimeout)
	defer cancel()
	errs := make([]error, len(c.keys))
	var members sync.WaitGroup
	for i := range c.keys {
		members.Go(func() { errs[i] = c.member(ctx, s, i) })
	}
	members.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if c.groups[0] == "" || c.groups[1] != c.groups[0] || c.groups[2] != c.groups[0] {
		return fmt.Errorf("the members have different groups: %q", c.groups)
	}
	return nil
}

// member is one member's part.
func (c *ceremony) member(ctx context.Context, s *server, i int) error {
	client, err := relay.NewClient(relay.ClientConfig{URL: s.url.String(), Key: c.keys[i], RootCAs: s.ca})
	if err != nil {
		return err
	}
	defer client.Close()
	dkg := steps.DKG{
		Session: steps.Session{
			Client: client, Self: steps.Peer{Name: c.name(i), Key: c.keys[i].Public()},
			Lookup: c.lookup, Wait: ceremonyTimeout, Notify: func(steps.Notice) {},
		},
		Key: c.keys[i], Ciphersuite: frost.Ed25519(), Threshold: 2, Members: c.publicKeys(), Create: i == 0,
		Timeout: ceremonyTimeout, Random: rand.Reader,
		Save: func(_ *frost.KeyPackage, public *frost.PublicKeyPackage, _ []protocol.Member) error {
			c.groups[i] = public.VerifyingKey().String()
			return nil
		},
	}
	return dkg.Run(ctx)
}

func (c *ceremony) publicKeys() []commkey.PublicKey {
	var keys []commkey.PublicKey
	for _, key := range c.keys {
		keys = append(keys, key.Public())
	}
	return keys
}

func (c *ceremony) name(i int) string { return []string{"Alice", "Bob", "Eve"}[i] }

func (c *ceremony) lookup(key commkey.PublicKey) (string, bool) {
	if i := slices.Index(c.publicKeys(), key); i >= 0 {
		return c.name(i), true
	}
	return "", false
}

// manyCeremonies runs DKGs of three at once, over TLS.
func (b *bench) manyCeremonies(ctx context.Context, k kind) error {
	s, err := k.start(ctx, true)
	if err != nil {
		return err
	}
	defer s.stop()
	start := time.Now()
	var mu sync.Mutex
	var failed []error
	err = inParallel(ceremoniesAtOnce, ceremoniesAtOnce, func(int) error {
		c, err := newCeremony()
		if err != nil {
			return err
		}
		if err := c.run(ctx, s); err != nil {
			mu.Lock()
			defer mu.Unlock()
			failed = append(failed, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%d DKGs of three at once, TLS", ceremoniesAtOnce)
	b.report.add(
		measured(name+", failed", s.kind, 0, float64(len(failed)), "", atMost(0)),
		measured(name+", all done", s.kind, 0, time.Since(start).Seconds(), "s", goal{}),
	)
	return errors.Join(failed[:min(3, len(failed))]...)
}

// slowConnections measures DKGs of three, one after another, alone and beside
// connections that begin and never go on.
func (b *bench) slowConnections(ctx context.Context, k kind) error {
	s, err := k.start(ctx, true)
	if err != nil {
		return err
	}
	defer s.stop()
	alone, err := honest(ctx, s)
	if err != nil {
		return err
	}
	beside, err := besideHalfOpen(ctx, s)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("DKG of three beside %d half-open", halfOpen)
	b.report.add(
		measured("DKG of three alone, 99th percentile", s.kind, 0, milliseconds(alone), "ms", goal{}),
		measured(name+", 99th percentile", s.kind, 0, milliseconds(beside), "ms", atMost(2*milliseconds(alone))),
	)
	return nil
}

// honest returns the 99th percentile of what DKGs take, one after another.
func honest(ctx context.Context, s *server) (time.Duration, error) {
	var all []time.Duration
	for range honestAttempts {
		c, err := newCeremony()
		if err != nil {
			return 0, err
		}
		start := time.Now()
		if err := c.run(ctx, s); err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	slices.Sort(all)
	return all[(99*len(all)+99)/100-1], nil
}

// besideHalfOpen is honest while half-open connections are held.
func besideHalfOpen(ctx context.Context, s *server) (time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	var holders sync.WaitGroup
	defer holders.Wait()
	defer cancel()
	opened := make(chan error, halfOpen)
	for range halfOpen {
		holders.Go(func() { hold(ctx, s, opened) })
	}
	for range halfOpen {
		if err := <-opened; err != nil {
			return 0, err
		}
	}
	return honest(ctx, s)
}

// hold keeps a connection half-open, and opens another when the server ends it.
func hold(ctx context.Context, s *server, opened chan<- error) {
	for first := true; ctx.Err() == nil; first = false {
		conn, err := (&net.Dialer{Timeout: callTimeout}).DialContext(ctx, "tcp", s.url.Host)
		if first {
			opened <- err
		}
		if err != nil {
			return
		}
		_, _ = conn.Write([]byte{22, 3, 1}) // the first bytes of a TLS record
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		_, _ = conn.Read(make([]byte, 1)) // until the server has had enough
		stop()
		_ = conn.Close()
	}
}
