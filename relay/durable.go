package relay

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

const (
	// lazyDelay is how long an acknowledgement may stay in memory alone: without
	// it a message is kept that need not be.
	lazyDelay = 100 * time.Millisecond
	// retryDelay is how soon a commit that failed is tried again unasked.
	retryDelay = time.Second
	// clockDelay is how often the clock is stored while nothing else is.
	clockDelay = time.Minute
	// longestGather bounds how long a commit waits for company.
	longestGather = 2 * time.Millisecond
)

// DurableStore is a [Store] that a restart does not empty: a memory store whose
// changes are in a [Journal] before the calls that made them return.
//
// One goroutine commits. While it does, further calls queue up, and the next
// commit is of all of them, so that load makes bigger commits and no queue.
// What a commit writes is what the store holds at that moment, so that the
// journal goes from one state of the store to a later one. When a commit fails,
// the sessions, tokens and messages that it was to add are taken out again, and
// their calls fail; what it was to remove stays removed, and is part of the next
// commit. Messages are handed over once they are durable, so that no cursor ever
// stands for another message than before.
//
// A commit is one record of the journal, or a few. The oldest records are
// removed when too much of the journal is of no use any more; what still counts
// of them is written again with the next commit. Message bodies stay in memory
// while there is room for them, and are read from the journal otherwise.
//
// Not waited for are acknowledgements, which a client that uses cursors repeats
// by naming them, and used challenges, whose tokens are committed with them or
// after them.
//
// Times of expiry are kept by a clock that stands still while no relay runs, and
// so depend on no other clock.
type DurableStore struct {
	*MemoryStore
	disk    Journal
	waiting *group        // for the next commit; guarded by the lock of the memory store
	company int           // calls that the next commit is worth waiting for; guarded likewise
	took    time.Duration // the last commit
	enough  chan struct{} // so many wait
	urgent  chan struct{} // somebody waits for a commit
	lazy    chan struct{} // something is to be committed in a while
	armed   atomic.Bool   // lazy was signalled since the last commit
	failing atomic.Bool   // the last commit that a call waited for failed
	quit    chan struct{}
	done    chan struct{}

	// bodiesPart is the part of Limits.TotalBytes that may be taken before no
	// further body stays in memory.
	bodiesPart int
}

// group is the calls that wait for a commit.
type group struct {
	calls []*waiter
	done  chan struct{}
}

// waiter is a call that waits for a commit.
type waiter struct {
	finish func(err error) error // called under the lock with how the commit ended
	err    error
}

func newGroup() *group { return &group{done: make(chan struct{})} }

var (
	_ Store    = (*DurableStore)(nil)
	_ Writable = (*DurableStore)(nil)
)

// NewDurableStore returns a store with what is in the journal, which it closes
// in the end. It fails if the journal holds something that it cannot read.
func NewDurableStore(disk Journal) (*DurableStore, error) {
	m := NewMemoryStore()
	m.journal = newJournal()
	s := &DurableStore{
		MemoryStore: m,
		disk:        disk,
		waiting:     newGroup(),
		urgent:      make(chan struct{}, 1),
		enough:      make(chan struct{}, 1),
		lazy:        make(chan struct{}, 1),
		quit:        make(chan struct{}),
		done:        make(chan struct{}),
		bodiesPart:  16,
	}
	found, err := m.load(disk, false)
	if err != nil {
		return nil, err
	}
	if !found {
		m.journal.touch(secretName{})
		if err := s.commit(true); err != nil {
			return nil, fmt.Errorf("storing the relay's secret: %w", err)
		}
	}
	go s.run()
	return s, nil
}

// Close commits what is left and closes the journal.
func (s *DurableStore) Close() error {
	close(s.quit)
	<-s.done
	return s.disk.Close()
}

// Writable implements [Writable].
func (s *DurableStore) Writable() bool { return !s.failing.Load() }

// run commits until Close.
func (s *DurableStore) run() {
	defer close(s.done)
	delay := clockDelay
	timer := time.NewTimer(delay)
	defer timer.Stop()
	for {
		force := false
		select {
		case <-s.lazy:
			delay = lazyDelay
			timer.Reset(delay)
			continue
		case <-s.urgent:
			s.gather()
		case <-timer.C:
			force = delay == clockDelay
		case <-s.quit:
			_ = s.commit(true) // what it would have acknowledged nobody waits for
			return
		}
		delay = clockDelay
		if err := s.commit(force); err != nil {
			delay = retryDelay
		}
		timer.Reset(delay)
	}
}

// gather waits, no longer than the last commit took, until as many calls wait
// as did when that ended: those that it let go come back with their next ones.
// Without this they would miss the next commit, which is under way by then, and
// every second commit would be of the same half of the calls.
func (s *DurableStore) gather() {
	s.mu.Lock()
	missing := len(s.waiting.calls) < s.company
	s.mu.Unlock()
	if !missing {
		return
	}
	patience := time.NewTimer(min(s.took, longestGather))
	defer patience.Stop()
	select {
	case <-s.enough:
	case <-patience.C:
	case <-s.quit:
	}
}

// commit writes what has changed, if anything or if force is set, and tells
// those who wait for it.
func (s *DurableStore) commit(force bool) error {
	s.armed.Store(false)
	oldest, err := s.oldest()
	s.lock()
	waiting := s.waiting
	s.waiting = newGroup()
	if err == nil {
		err = s.journal.carry(s.MemoryStore, oldest)
	}
	b := s.journal.take(s.MemoryStore, oldest)
	s.mu.Unlock()
	start := time.Now()
	needed := len(b.names) > 0 || len(oldest) > 0 || force
	if err == nil && needed {
		err = s.disk.Commit(b.Commit)
	}
	s.took = time.Since(start)
	s.mu.Lock()
	defer close(waiting.done)
	defer s.mu.Unlock()
	s.company = len(waiting.calls) + len(s.waiting.calls)
	if len(waiting.calls) > 0 {
		s.failing.Store(err != nil)
	}
	switch {
	case err != nil:
		err = fmt.Errorf("storing: %w", err)
		s.journal.giveBack(b)
	case needed:
		s.journal.written(b)
	}
	for _, w := range waiting.calls {
		w.err = w.finish(err)
	}
	return err
}

// oldest reads the records that the next commit is to remove, if any.
func (s *DurableStore) oldest() (records [][]byte, err error) {
	s.mu.Lock()
	surplus := s.journal.surplus(s.used)
	s.mu.Unlock()
	for number := s.journal.first; surplus > 0 && number < s.journal.next; number++ {
		err := s.disk.Read(number, func(record []byte) error {
			records = append(records, slices.Clone(record))
			surplus -= len(record)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return records, nil
}

// await waits for a commit of all that was changed before; finish is called
// under the lock with how it ended, and what it returns is returned, unless ctx
// ends first.
func (s *DurableStore) await(ctx context.Context, finish func(error) error) error {
	w := &waiter{finish: finish}
	s.mu.Lock()
	waiting := s.waiting
	waiting.calls = append(waiting.calls, w)
	if len(waiting.calls) == s.company {
		signal(s.enough)
	}
	s.mu.Unlock()
	signal(s.urgent)
	select {
	case <-waiting.done:
		return w.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// later has what was changed committed in a while.
func (s *DurableStore) later() {
	if !s.armed.Load() && s.armed.CompareAndSwap(false, true) {
		signal(s.lazy)
	}
}

// asIs has nothing to add to how a commit ended.
func asIs(err error) error { return err }

// SpendChallenge implements [Store].
func (s *DurableStore) SpendChallenge(ctx context.Context, challenge uuid.UUID, owner Key, life time.Duration) error {
	defer s.later()
	return s.MemoryStore.SpendChallenge(ctx, challenge, owner, life)
}

// AddToken implements [Store].
func (s *DurableStore) AddToken(ctx context.Context, token TokenHash, owner Key, from Networks, limits *Limits) error {
	if err := s.MemoryStore.AddToken(ctx, token, owner, from, limits); err != nil {
		return err
	}
	return s.await(ctx, func(err error) error {
		if err != nil {
			s.removeToken(token)
		}
		return err
	})
}

// RemoveToken implements [Store].
func (s *DurableStore) RemoveToken(ctx context.Context, token TokenHash) error {
	if err := s.MemoryStore.RemoveToken(ctx, token); err != nil {
		return err
	}
	return s.await(ctx, asIs)
}

// CreateSession implements [Store].
func (s *DurableStore) CreateSession(ctx context.Context, session *Session, limits *Limits) error {
	for {
		created, err := s.create(session, limits, true)
		if err != nil {
			return err
		}
		gone := false // a call that this one repeats, and whose session could not be stored
		err = s.await(ctx, func(err error) error {
			_, exists := s.sessions[session.ID]
			gone = !exists
			switch {
			case created == nil || !s.alive(created):
			case err == nil:
				s.show(created)
			default:
				s.close(created)
				s.remove(created)
			}
			return err
		})
		if err != nil || created != nil || !gone {
			return err
		}
	}
}

// LeaveSession implements [Store].
func (s *DurableStore) LeaveSession(ctx context.Context, id SessionID, member Key) error {
	if err := s.MemoryStore.LeaveSession(ctx, id, member); err != nil {
		return err
	}
	return s.await(ctx, asIs)
}

// CloseSession implements [Store].
func (s *DurableStore) CloseSession(ctx context.Context, id SessionID, carry bool, limits *Limits) error {
	if err := s.MemoryStore.CloseSession(ctx, id, carry, limits); err != nil {
		return err
	}
	return s.await(ctx, asIs)
}

// Send implements [Store].
func (s *DurableStore) Send(ctx context.Context, envelope *Envelope, limits *Limits) error {
	for {
		q, err := s.queue(envelope, limits, true)
		if err != nil {
			return err
		}
		if q != nil {
			return s.await(ctx, func(err error) error { return s.publish(envelope, q, limits, err) })
		}
		gone := false // a call that this one repeats, and whose message could not be stored
		err = s.await(ctx, func(err error) error {
			session := s.sessions[envelope.Session]
			gone = session == nil || !session.repeated(envelope)
			return err
		})
		if err != nil || !gone {
			return err
		}
	}
}

// publish shows a message that is durable, or takes it back.
func (s *DurableStore) publish(envelope *Envelope, q *queued, limits *Limits, err error) error {
	switch {
	case !s.alive(q.session):
		return ErrSessionNotFound
	case err == nil:
		q.message.hidden = false
		if s.used-s.held.away > limits.TotalBytes/s.bodiesPart {
			s.putAway(q)
		}
		s.wakers.Wake(q.boxes...)
		return nil
	}
	q.session.withdraw(q.message, q.boxes)
	s.used -= q.message.cost()
	s.release(q.session, q.message)
	s.held.remove(q.message.tally())
	if freed := q.session.forget(envelope.Sender, envelope.ID); freed > 0 {
		s.used -= freed
		s.charge(q.session, envelope.Sender, place{}, -freed)
		s.journal.touch(repeatRow{q.session, envelope.Sender, envelope.ID})
	}
	return err
}

// putAway leaves a message's body to the disk.
func (s *DurableStore) putAway(q *queued) {
	body := tally{away: len(q.message.body)}
	q.message.body = nil
	q.session.held.add(body)
	s.held.add(body)
}

// Receive implements [Store].
func (s *DurableStore) Receive(ctx context.Context, box Mailbox, after Cursor, limits *Limits) ([]StoredMessage, Cursor, error) {
	for {
		p, err := s.page(box, after, limits)
		if len(p.messages) > 0 || after > 0 {
			s.later()
		}
		if err != nil || len(p.away) == 0 {
			return p.messages, p.last, err
		}
		switch err := s.fetch(&p); {
		case errors.Is(err, ErrNoRecord) && ctx.Err() == nil:
			continue // what is moved to a new record, or acknowledged, meanwhile
		case err != nil:
			return nil, 0, fmt.Errorf("reading what is stored: %w", err)
		}
		if s.handOver(box, &p) {
			return p.messages, p.last, nil
		}
	}
}

// fetch reads the bodies of a page that are on the disk alone.
func (s *DurableStore) fetch(p *page) error {
	for _, a := range p.away {
		err := s.disk.Read(a.at.record, func(record []byte) error {
			if int(a.at.offset)+int(a.size) > len(record) {
				return errRecord
			}
			p.messages[a.index].Body = slices.Clone(record[a.at.offset:][:a.size])
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
