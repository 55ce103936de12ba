package relay

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
)

// MemoryStore is a [Store] that a restart of the relay empties. It has no
// goroutine: what is due is removed by the next call, whichever that is.
type MemoryStore struct {
	wakers  Wakers
	secret  [32]byte
	journal *journal // what is yet to be made durable; nil: nothing is

	mu        sync.Mutex
	due       deadlines
	used      int                          // bytes, to compare with the limits
	held      tally                        // messages in all sessions
	spent     map[spentChallenge]time.Time // until when
	tokens    map[TokenHash]memoryToken
	tokensOf  map[Key][]TokenHash // the oldest first
	sessions  map[SessionID]*memorySession
	openOf    map[Key][]SessionID // open sessions on the key's list, the oldest first
	createdBy map[Key]int         // open sessions
	naming    map[naming]int      // open sessions on somebody's list, by who created them
	ledger    ledger              // who had stored what
}

type memoryToken struct {
	owner  Key
	from   place
	expiry *deadline
}

// naming is a key that created sessions, and another one that they name.
type naming struct{ creator, named Key }

type spentChallenge struct {
	challenge uuid.UUID
	owner     Key
}

var _ Store = (*MemoryStore)(nil)

// NewMemoryStore returns an empty store.
func NewMemoryStore() *MemoryStore {
	m := &MemoryStore{
		spent:     map[spentChallenge]time.Time{},
		tokens:    map[TokenHash]memoryToken{},
		tokensOf:  map[Key][]TokenHash{},
		sessions:  map[SessionID]*memorySession{},
		openOf:    map[Key][]SessionID{},
		createdBy: map[Key]int{},
		naming:    map[naming]int{},
		ledger:    newLedger(),
	}
	_, _ = rand.Read(m.secret[:]) // never fails
	return m
}

// lock locks the store and removes what is due.
func (m *MemoryStore) lock() (now time.Time) {
	m.mu.Lock()
	now = time.Now()
	for remove := m.due.pop(now); remove != nil; remove = m.due.pop(now) {
		remove(now)
	}
	return now
}

// Close does nothing.
func (m *MemoryStore) Close() error { return nil }

// Secret implements [Store].
func (m *MemoryStore) Secret(context.Context) ([32]byte, error) { return m.secret, nil }

// SpendChallenge implements [Store].
func (m *MemoryStore) SpendChallenge(_ context.Context, challenge uuid.UUID, owner Key, life time.Duration) error {
	now := m.lock()
	defer m.mu.Unlock()
	entry := spentChallenge{challenge, owner}
	if _, spent := m.spent[entry]; spent {
		return ErrUnauthorized
	}
	m.spend(entry, now.Add(life))
	return nil
}

func (m *MemoryStore) spend(entry spentChallenge, until time.Time) {
	m.spent[entry] = until
	m.journal.touch(entry)
	m.due.push(until, func(time.Time) { delete(m.spent, entry) })
}

// AddToken implements [Store].
func (m *MemoryStore) AddToken(_ context.Context, token TokenHash, owner Key, from Networks, limits *Limits) error {
	now := m.lock()
	defer m.mu.Unlock()
	if err := m.roomOf(owner, from, TokenCost, limits); err != nil {
		return err
	}
	for len(m.tokensOf[owner]) >= limits.TokensPerKey {
		m.removeToken(m.tokensOf[owner][0])
	}
	m.putToken(token, owner, placeOf(from), now.Add(limits.TokenLife))
	return nil
}

func (m *MemoryStore) putToken(token TokenHash, owner Key, from place, until time.Time) {
	m.used += TokenCost
	m.ledger.charge(owner, from.networks(), TokenCost)
	expiry := m.due.push(until, func(time.Time) { m.removeToken(token) })
	m.tokens[token] = memoryToken{owner, from, expiry}
	m.tokensOf[owner] = append(m.tokensOf[owner], token)
	m.journal.touch(token)
}

// Token implements [Store].
func (m *MemoryStore) Token(_ context.Context, token TokenHash) (Key, error) {
	m.lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[token]
	if !ok {
		return Key{}, ErrUnauthorized
	}
	return t.owner, nil
}

// RemoveToken implements [Store].
func (m *MemoryStore) RemoveToken(_ context.Context, token TokenHash) error {
	m.lock()
	defer m.mu.Unlock()
	m.removeToken(token)
	return nil
}

func (m *MemoryStore) removeToken(token TokenHash) {
	t, ok := m.tokens[token]
	if !ok {
		return
	}
	m.used -= TokenCost
	m.ledger.charge(t.owner, t.from.networks(), -TokenCost)
	m.due.cancel(t.expiry)
	delete(m.tokens, token)
	dropFrom(m.tokensOf, t.owner, token)
	m.journal.touch(token)
}

// CreateSession implements [Store].
func (m *MemoryStore) CreateSession(_ context.Context, session *Session, limits *Limits) error {
	_, err := m.create(session, limits, false)
	return err
}

// create is CreateSession; a hidden session is there for nobody before it is
// shown. It returns nil for a session that is there already.
func (m *MemoryStore) create(session *Session, limits *Limits, hidden bool) (*memorySession, error) {
	now := m.lock()
	defer m.mu.Unlock()
	if _, exists := m.sessions[session.ID]; exists {
		return nil, nil
	}
	s := newMemorySession(session, now.Add(limits.SessionIdle))
	if err := m.roomFor(s, limits); err != nil {
		return nil, err
	}
	s.hidden = hidden
	m.put(s)
	return s, nil
}

// put adds a session.
func (m *MemoryStore) put(s *memorySession) {
	m.used += s.overhead
	m.charge(s, s.Coordinator, placeOf(s.From), s.overhead)
	m.sessions[s.ID] = s
	m.schedule(s)
	m.journal.touch(s)
	if s.closed {
		return
	}
	m.createdBy[s.Coordinator]++
	for k := range s.everybody() {
		if !slices.Contains(s.left, k) {
			m.openOf[k] = append(m.openOf[k], s.ID)
			m.naming[naming{s.Coordinator, k}]++
		}
	}
	if !s.hidden {
		m.show(s)
	}
}

// show lets everybody see a session.
func (m *MemoryStore) show(s *memorySession) {
	s.hidden = false
	for k := range s.everybody() {
		m.wakers.Wake(Topic{Owner: k})
	}
}

// visible returns a session that is there for everybody.
func (m *MemoryStore) visible(id SessionID) (*memorySession, bool) {
	s, ok := m.sessions[id]
	return s, ok && !s.hidden
}

// roomFor checks the limits on sessions.
func (m *MemoryStore) roomFor(s *memorySession, limits *Limits) error {
	if m.createdBy[s.Coordinator] >= limits.SessionsPerCreator {
		return ErrCreatorFull
	}
	for k := range s.everybody() {
		if k != s.Coordinator && m.naming[naming{s.Coordinator, k}] >= limits.SessionsPerMember {
			return ErrMemberFull
		}
	}
	return m.roomOf(s.Coordinator, s.From, s.overhead, limits)
}

// roomOf checks that there is room for so many bytes more, and that a key may have
// them stored from there.
func (m *MemoryStore) roomOf(key Key, from Networks, bytes int, limits *Limits) error {
	if err := m.room(bytes, limits); err != nil {
		return err
	}
	return m.ledger.room(key, from, bytes, limits)
}

// room checks that there is room for so many bytes more. A durable store has
// everything on the disk, and bodies that wait there alone.
func (m *MemoryStore) room(bytes int, limits *Limits) error {
	bytes += m.used
	switch {
	case bytes-m.held.away > limits.TotalBytes:
		return ErrMemoryFull
	case m.journal != nil && bytes > limits.DiskBytes:
		return ErrDiskFull
	}
	return nil
}

// Session implements [Store].
func (m *MemoryStore) Session(_ context.Context, id SessionID) (*Session, bool, error) {
	m.lock()
	defer m.mu.Unlock()
	s, ok := m.visible(id)
	if !ok {
		return nil, false, ErrSessionNotFound
	}
	return s.Session, s.ended(), nil
}

// Sessions implements [Store].
func (m *MemoryStore) Sessions(_ context.Context, member Key, limits *Limits) ([]SessionID, error) {
	m.lock()
	defer m.mu.Unlock()
	open := slices.Clone(m.openOf[member])
	open = slices.DeleteFunc(open, func(id SessionID) bool { return m.sessions[id].hidden })
	return FairShare(open, member, func(id SessionID) Key { return m.sessions[id].Coordinator }, limits.SessionsListed), nil
}

// FairShare returns the sessions that [Store.Sessions] returns of a member's, which
// are given the oldest first.
func FairShare(open []SessionID, member Key, creator func(SessionID) Key, most int) []SessionID {
	if len(open) <= most {
		return open
	}
	turn, of := map[Key]int{}, make(map[SessionID]int, len(open))
	for _, id := range open {
		if by := creator(id); by != member {
			turn[by]++
			of[id] = turn[by]
		}
	}
	slices.SortStableFunc(open, func(a, b SessionID) int { return of[a] - of[b] })
	return open[:most]
}

// LeaveSession implements [Store].
func (m *MemoryStore) LeaveSession(_ context.Context, id SessionID, member Key) error {
	m.lock()
	defer m.mu.Unlock()
	s, ok := m.visible(id)
	if !ok || s.closed {
		return ErrSessionNotFound
	}
	if !slices.Contains(s.left, member) {
		s.left = append(s.left, member)
		m.journal.touch(s)
	}
	m.unlist(s, member)
	m.wakers.Wake(Topic{Owner: member})
	return nil
}

// Stats implements [Counter].
func (m *MemoryStore) Stats(context.Context) (Stats, error) {
	m.lock()
	defer m.mu.Unlock()
	return Stats{Tokens: len(m.tokens), Sessions: len(m.sessions), Messages: m.held.messages, Bytes: int64(m.used)}, nil
}

// CloseSession implements [Store].
func (m *MemoryStore) CloseSession(_ context.Context, id SessionID, carry bool, limits *Limits) error {
	now := m.lock()
	defer m.mu.Unlock()
	s, ok := m.visible(id)
	if !ok || s.ended() {
		return ErrSessionNotFound
	}
	m.close(s)
	s.carries = carry
	m.journal.touch(s)
	if s.done() && !carry {
		m.remove(s)
		return nil
	}
	s.expires = now.Add(limits.Grace)
	m.schedule(s)
	return nil
}

// close takes a session off its members' lists, unless it is off already, and
// wakes who waits.
func (m *MemoryStore) close(s *memorySession) {
	for k := range s.everybody() {
		m.wakers.Wake(Mailbox{s.ID, k, false}, Mailbox{s.ID, k, true})
	}
	if s.closed {
		return
	}
	s.closed = true
	if m.createdBy[s.Coordinator]--; m.createdBy[s.Coordinator] == 0 {
		delete(m.createdBy, s.Coordinator)
	}
	for k := range s.everybody() {
		m.unlist(s, k)
		m.wakers.Wake(Topic{Owner: k})
	}
}

// unlist takes a session off a list, if it is on it.
func (m *MemoryStore) unlist(s *memorySession, k Key) {
	if dropFrom(m.openOf, k, s.ID) {
		addTo(m.naming, naming{s.Coordinator, k}, -1)
	}
}

// schedule has the session looked at when it expires as things stand.
func (m *MemoryStore) schedule(s *memorySession) {
	m.due.cancel(s.expiry)
	s.expiry = m.due.push(s.expires, func(now time.Time) { m.expire(s, now) })
}

// expire removes a session whose time has come, or, if it was renewed since
// that time was set, looks again at the new one.
func (m *MemoryStore) expire(s *memorySession, now time.Time) {
	if s.expires.After(now) {
		m.schedule(s)
		return
	}
	s.carries = false
	m.close(s)
	m.remove(s)
}

// remove forgets a closed session and all that is queued in it.
func (m *MemoryStore) remove(s *memorySession) {
	m.used -= s.overhead + s.held.bytes
	m.discharge(s)
	m.held.remove(s.held)
	m.due.cancel(s.expiry)
	delete(m.sessions, s.ID)
	m.journal.touch(s)
}

// Watch implements [Store].
func (m *MemoryStore) Watch(topic Topic) (<-chan struct{}, func()) { return m.wakers.Watch(topic) }

// dropFrom removes value from the key's list, and the list once it is empty. It
// reports whether it was there.
func dropFrom[K, V comparable](lists map[K][]V, key K, value V) bool {
	list := lists[key]
	i := slices.Index(list, value)
	if i < 0 {
		return false
	}
	if list = slices.Delete(list, i, i+1); len(list) == 0 {
		delete(lists, key)
		return true
	}
	lists[key] = list
	return true
}
