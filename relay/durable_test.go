package relay_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"frostkit/relay"
	"frostkit/relay/storetest"
)

// tape is a journal in memory, whose calls fail as they are told to.
type tape struct {
	mu      sync.Mutex
	first   uint64
	records [][]byte
	fails   error // of Commit
	unread  error // of Read
	commits int
}

func (j *tape) Load(yield func(uint64, []byte) error) error {
	for i, record := range j.records {
		if err := yield(j.first+uint64(i), record); err != nil {
			return err
		}
	}
	return nil
}

func (j *tape) Commit(c relay.Commit) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.fails != nil {
		return j.fails
	}
	if len(j.records) == 0 {
		j.first = c.Number
	}
	j.records = j.records[:c.Number-j.first]
	for _, record := range c.Records {
		j.records = append(j.records, bytes.Clone(record))
	}
	for ; j.first < c.First; j.first++ {
		j.records = j.records[1:]
	}
	j.commits++
	return nil
}

func (j *tape) Read(number uint64, use func([]byte) error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.unread != nil:
		return j.unread
	case number < j.first || number-j.first >= uint64(len(j.records)):
		return relay.ErrNoRecord
	}
	return use(j.records[number-j.first])
}

func (j *tape) Close() error { return nil }

func (j *tape) bytes() (sum int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, record := range j.records {
		sum += len(record)
	}
	return sum
}

func (j *tape) fail(commit, read error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.fails, j.unread = commit, read
}

func (j *tape) open(t *testing.T) *relay.DurableStore {
	t.Helper()
	store, err := relay.NewDurableStore(j)
	if err != nil {
		t.Fatal(err)
	}
	store.KeepNoBodies()
	return store
}

// The store does the same with all bodies on the disk alone.
func TestDurableStoreWithoutBodies(t *testing.T) {
	storetest.Test(t, storetest.Subject{
		Open: func(t *testing.T) (relay.Store, func(*testing.T) relay.Store) {
			j := &tape{}
			return j.open(t), func(t *testing.T) relay.Store { return j.open(t) }
		},
		Restarts: true,
		Run:      synctest.Test,
		Unit:     time.Second,
	})
}

// post is one session over a store, from the first key to the others.
type post struct {
	*testing.T
	store  *relay.DurableStore
	limits relay.Limits
	*relay.Session
}

func newPost(t *testing.T, store *relay.DurableStore, members int) *post {
	t.Helper()
	p := &post{T: t, store: store, limits: relay.DefaultLimits(), Session: &relay.Session{ID: uuid.New(), MessageCount: 1}}
	for n := range members {
		p.Members = append(p.Members, relay.Key{byte(n), 1})
	}
	p.Coordinator = p.Members[0]
	if err := store.CreateSession(t.Context(), p.Session, &p.limits); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *post) send(body []byte, recipients ...int) error {
	e := &relay.Envelope{Session: p.ID, Sender: p.Members[0], Body: body, ID: uuid.New()}
	for _, n := range recipients {
		e.Recipients = append(e.Recipients, p.Members[n])
	}
	return p.store.Send(p.Context(), e, &p.limits)
}

func (p *post) receive(member int, after relay.Cursor) ([]relay.StoredMessage, relay.Cursor) {
	p.Helper()
	messages, cursor, err := p.store.Receive(p.Context(), relay.Mailbox{Session: p.ID, Owner: p.Members[member]}, after, &p.limits)
	if err != nil {
		p.Fatal(err)
	}
	return messages, cursor
}

// numbered is a body of a size that says which number it has.
func numbered(n, size int) []byte { return fmt.Appendf(nil, "%0*d", size, n) }

// A log that was written many times over is no longer than what it holds and a
// part of that; what waited all the time is there, in order, and after a restart
// too. So are a session's end, names of calls, and tokens.
func TestLogIsKeptShort(t *testing.T) {
	const kept, passing, size = 40, 3000, 20_000
	j := &tape{}
	store := j.open(t)
	p := newPost(t, store, 3)
	token := relay.TokenHash{7}
	removed := newPost(t, store, 2)
	err := errors.Join(
		store.AddToken(t.Context(), token, p.Members[1], relay.Networks{}, &p.limits),
		store.SpendChallenge(t.Context(), uuid.UUID{1}, p.Members[1], time.Hour),
		removed.send([]byte("removed"), 1))
	for n := range kept {
		err = errors.Join(err, p.send(numbered(n, size), 1, 2))
	}
	removed.limits.Grace = time.Nanosecond
	err = errors.Join(err, store.CloseSession(t.Context(), removed.ID, false, &removed.limits))
	if err != nil {
		t.Fatal(err)
	}
	cursor := relay.Cursor(0)
	for cursor < kept {
		messages, next := p.receive(2, cursor)
		if cursor += relay.Cursor(len(messages)); len(messages) == 0 || cursor != next {
			t.Fatalf("received up to %d, want %d", next, cursor)
		}
	}
	for n := range passing {
		if err := p.send(numbered(n, size), 2); err != nil {
			t.Fatal(err)
		}
		messages, next := p.receive(2, cursor)
		if len(messages) != 1 || !bytes.Equal(messages[0].Body, numbered(n, size)) {
			t.Fatalf("passing message %d did not arrive: %d messages", n, len(messages))
		}
		cursor = next
	}
	if got, most := j.bytes(), kept*size*3/2+5<<20; got > most {
		t.Errorf("the log takes %d bytes, want at most %d", got, most)
	}
	for range 2 {
		p.wantKept(kept, size)
		if owner, err := p.store.Token(t.Context(), token); err != nil || owner != p.Members[1] {
			t.Errorf("token of %x: %v", owner[:2], err)
		}
		if err := p.store.SpendChallenge(t.Context(), uuid.UUID{1}, p.Members[1], time.Hour); !errors.Is(err, relay.ErrUnauthorized) {
			t.Errorf("a challenge served twice: %v", err)
		}
		if sessions, err := p.store.Sessions(t.Context(), p.Members[1], &p.limits); err != nil || !slices.Equal(sessions, []relay.SessionID{p.ID}) {
			t.Errorf("sessions %v: %v", sessions, err)
		}
		if err := p.store.Close(); err != nil {
			t.Fatal(err)
		}
		p.store = j.open(t)
	}
	if err := p.store.Close(); err != nil {
		t.Error(err)
	}
}

// wantKept reads what waits for the second member, without acknowledging it.
func (p *post) wantKept(count, size int) {
	p.Helper()
	p.limits.PageBytes = count * size
	messages, _ := p.receive(1, 0)
	for n, m := range messages {
		if !bytes.Equal(m.Body, numbered(n, size)) {
			p.Fatalf("message %d is %q", n, m.Body[:20])
		}
	}
	if len(messages) != count {
		p.Fatalf("received %d messages, want %d", len(messages), count)
	}
}

// Messages are moved from old records to new ones, and acknowledged, while they
// are read.
func TestReadingWhileTheLogMoves(t *testing.T) {
	const senders, each = 4, 150
	j := &tape{}
	store := j.open(t)
	var working sync.WaitGroup
	for range senders {
		p := newPost(t, store, 2)
		working.Go(func() {
			for n := range each {
				if err := p.send(numbered(n, 20_000), 1); err != nil {
					t.Error(err)
				}
			}
		})
		working.Go(func() {
			random := rand.New(rand.NewPCG(1, 1))
			for cursor := relay.Cursor(0); cursor < each; {
				messages, next, err := p.store.Receive(t.Context(), relay.Mailbox{Session: p.ID, Owner: p.Members[1]}, cursor, &p.limits)
				if err != nil {
					t.Error(err)
					return
				}
				for i, m := range messages {
					if !bytes.Equal(m.Body, numbered(int(cursor)+i, 20_000)) {
						t.Errorf("message %d is %.20q", int(cursor)+i, m.Body)
						return
					}
				}
				if random.IntN(3) == 0 && len(messages) > 0 { // else they are read again
					cursor = next
				}
			}
		})
	}
	working.Wait()
	if err := store.Close(); err != nil {
		t.Error(err)
	}
}

// A body that cannot be read is not handed over: what is received next without
// a cursor is the same message.
func TestBodyThatCannotBeRead(t *testing.T) {
	j := &tape{}
	p := newPost(t, j.open(t), 2)
	if err := p.send([]byte("body"), 1); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("input/output error")
	j.fail(nil, broken)
	for range 2 {
		_, _, err := p.store.Receive(t.Context(), relay.Mailbox{Session: p.ID, Owner: p.Members[1]}, relay.HandedOver, &p.limits)
		if !errors.Is(err, broken) {
			t.Fatalf("receiving: %v, want %v", err, broken)
		}
	}
	j.fail(nil, nil)
	if messages, _ := p.receive(1, relay.HandedOver); len(messages) != 1 || string(messages[0].Body) != "body" {
		t.Errorf("received %+v", messages)
	}
	if err := p.store.Close(); err != nil {
		t.Error(err)
	}
}

// Whether a store takes changes shows by those that calls ask for, and not by
// what it writes unasked.
func TestWritable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &tape{}
		p := newPost(t, j.open(t), 2)
		full := errors.New("no space left on device")
		j.fail(full, nil)
		if err := p.send(numbered(0, 10), 1); !errors.Is(err, full) || p.store.Writable() {
			t.Errorf("sending: %v, and the store takes changes: %v", err, p.store.Writable())
		}
		j.fail(nil, nil)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if j.commits < 2 || p.store.Writable() {
			t.Errorf("after %d commits the store takes changes: %v", j.commits, p.store.Writable())
		}
		if err := p.send(numbered(1, 10), 1); err != nil || !p.store.Writable() {
			t.Errorf("sending: %v, and the store takes changes: %v", err, p.store.Writable())
		}
		if err := p.store.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What waits is bounded by what the disk may hold, bodies do not count for what
// the memory may hold, and what is not bodies does.
func TestLimitsOfDiskAndMemory(t *testing.T) {
	for name, test := range map[string]struct {
		set     func(*relay.Limits)
		refusal error
	}{
		"disk":   {func(l *relay.Limits) { l.DiskBytes = 300 << 10 }, relay.ErrDiskFull},
		"memory": {func(l *relay.Limits) { l.TotalBytes = 300 << 10 }, relay.ErrMemoryFull},
	} {
		t.Run(name, func(t *testing.T) {
			j := &tape{}
			p := newPost(t, j.open(t), 2)
			test.set(&p.limits)
			sent := 0
			for err := error(nil); ; sent++ {
				if err = p.send(numbered(sent, 1000), 1); err != nil {
					if !errors.Is(err, test.refusal) {
						t.Fatal(err)
					}
					break
				}
			}
			// Beside its body a message takes MessageCost and RecipientCost, and
			// the names of the last RepeatsKept calls RepeatCost each.
			want := map[string]int{"disk": 300 << 10 / (1000 + 64), "memory": 300 << 10 / 64}[name]
			if sent < want*8/10 || sent > want {
				t.Errorf("%d messages were taken, want about %d", sent, want)
			}
			if err := p.store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
