package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	queuedMessages = 100_000
	idleSessions   = 100_000
	idlePolls      = 10_000

	// atOnce is how many connections prepare a bench.
	atOnce = 16
	// perCreator is how many sessions one key may have open.
	perCreator = 32
)

// growth returns by how much a server's memory grows while do runs, and how
// much it is then, in bytes.
func growth(t *target, do func() error) (grown, now int64, err error) {
	before, err := usageOf(t.pids)
	if err != nil {
		return 0, 0, err
	}
	if err := do(); err != nil {
		return 0, 0, err
	}
	after, err := usageOf(t.pids)
	return after.rss - before.rss, after.rss, err
}

// queueMemory measures what a queued message of 600 bytes takes.
func (b *bench) queueMemory(ctx context.Context, k kind) error {
	s, err := k.start(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	// A first load, so that what every connection takes is there already.
	if _, err := (load{worker: newMailer, connections: atOnce, size: b.size, duration: time.Second}).run(ctx, &s.target); err != nil {
		return err
	}
	grown, _, err := growth(&s.target, func() error {
		return inParallel(atOnce, atOnce, func(int) error { return s.queueMessages(ctx, queuedMessages/atOnce, b.size) })
	})
	if err != nil {
		return err
	}
	b.report.add(measured("memory of a queued message of 600 bytes", s.kind, 0,
		float64(grown)/float64(queuedMessages/atOnce*atOnce), "bytes", atMost(700)))
	return nil
}

// queueMessages sends messages that nobody fetches.
func (s *server) queueMessages(ctx context.Context, count, size int) error {
	w, err := newMailer(ctx, &s.target, size)
	if err != nil {
		return err
	}
	m := w.(*mailer)
	defer m.close()
	for range count {
		if _, err := m.call(m.send); err != nil {
			return err
		}
	}
	return nil
}

// sessionMemory measures the memory of a server with many idle sessions of two.
func (b *bench) sessionMemory(ctx context.Context, k kind) error {
	s, err := k.start(ctx, false)
	if err != nil {
		return err
	}
	defer s.stop()
	_, now, err := growth(&s.target, func() error {
		return inParallel(idleSessions/perCreator, atOnce, func(int) error { return s.openSessions(ctx, perCreator) })
	})
	if err != nil {
		return err
	}
	b.report.add(measured(fmt.Sprintf("memory with %d idle sessions", idleSessions), s.kind, 0, float64(now)/(1<<20), "MiB", atMost(512)))
	return nil
}

// openSessions opens sessions of one new member with another.
func (s *server) openSessions(ctx context.Context, count int) error {
	w, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	creator, err := newMembers(&s.target, w, 1)
	if err != nil {
		return err
	}
	other, err := newMember()
	if err != nil {
		return err
	}
	for range count {
		if _, err := creator[0].create(&s.target, w, creator[0], other); err != nil {
			return err
		}
	}
	return nil
}

// idlePollCost measures long polls over TLS in which nothing happens.
func (b *bench) idlePollCost(ctx context.Context, k kind) error {
	s, err := k.start(ctx, true)
	if err != nil {
		return err
	}
	defer s.stop()
	polls, err := s.openPolls(ctx)
	if err != nil {
		return err
	}
	time.Sleep(time.Second) // until all have been received
	before, err := usageOf(s.pids)
	if err != nil {
		return err
	}
	const watched = 5 * time.Second
	time.Sleep(watched)
	after, err := usageOf(s.pids)
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%d idle long polls over TLS", idlePolls)
	b.report.add(
		measured(name+", memory", s.kind, idlePolls, float64(after.rss)/(1<<20), "MiB", atMost(500)),
		measured(name+", processor time", s.kind, idlePolls, 100*float64(after.cpu-before.cpu)/float64(watched), "% of one", atMost(1)),
	)
	return polls.finish()
}

// polls are long polls under way.
type polls struct {
	wires   []*wire
	waiting sync.WaitGroup
	mu      sync.Mutex
	errs    []error
}

// openPolls begins the long polls, as many of each member as it has sessions.
func (s *server) openPolls(ctx context.Context) (*polls, error) {
	p := &polls{wires: make([]*wire, idlePolls)}
	const members = 200
	return p, inParallel(members, atOnce, func(i int) error {
		return s.openPollsOf(ctx, p, p.wires[i*idlePolls/members:(i+1)*idlePolls/members])
	})
}

// openPollsOf begins the long polls of one member, who waits for sessions.
func (s *server) openPollsOf(ctx context.Context, p *polls, wires []*wire) error {
	var m *member
	for i := range wires {
		w, err := s.dial(ctx)
		if err != nil {
			return err
		}
		wires[i] = w
		if m == nil {
			members, err := newMembers(&s.target, w, 1)
			if err != nil {
				return err
			}
			m = members[0]
		}
		request := s.request("list_sessions", m.token, "null", "Prefer: wait=60")
		p.waiting.Go(func() { p.wait(w, request) })
	}
	return nil
}

// wait waits for the answer of one long poll, which is that there is nothing.
func (p *polls) wait(w *wire, request []byte) {
	defer w.close()
	answer, err := w.callWithin(2*time.Minute, request)
	if err == nil && !strings.HasPrefix(string(answer), `{"session_ids":[]`) {
		err = fmt.Errorf("a long poll was answered with %.100q", answer)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.errs = append(p.errs, err)
}

// finish waits until the long polls are over, each with an answer.
func (p *polls) finish() error {
	p.waiting.Wait()
	return errors.Join(p.errs...)
}
