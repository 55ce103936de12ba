package boltstore

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"frostkit/relay"
)

// Each write, sync, truncation and rename fails in turn, alone and with all that
// follow, with each error. Meanwhile what would have to be on the disk is refused
// and reads go on; afterwards the store goes on by itself, nothing that was
// acknowledged is lost, and nothing that was refused is there.
func TestDiskFails(t *testing.T) {
	if !alone(t) {
		return
	}
	d := &disk{}
	if err := d.watch(); err != nil {
		t.Fatal(err)
	}
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
		for _, count := range []int{1, 2, math.MaxInt32} {
			at := 1
			for ; failFrom(t, d, at, count, errno); at++ {
			}
			if at < 10 {
				t.Errorf("there were %d calls that could fail", at-1)
			}
			t.Logf("%v: each of %d calls failed, %d at once", errno, at-1, count)
		}
	}
}

// failFrom has calls fail from one on while members send and read; it reports
// whether there were as many.
func failFrom(t *testing.T, d *disk, at, count int, errno syscall.Errno) bool {
	b := newBench(t)
	var names []uuid.UUID
	var refused []int
	var want []string
	d.fail(at, count, errno)
	for n := range 5 {
		names = append(names, uuid.New())
		failing := d.failing()
		err := b.send(names[n], fmt.Sprint(n))
		if b.store.Writable() != (err == nil) {
			t.Errorf("call %d, %v: sending: %v, and the store takes changes: %v", at, errno, err, b.store.Writable())
		}
		switch {
		case err != nil && !errors.Is(err, errno):
			t.Fatalf("call %d, %v: sending: %v", at, errno, err)
		case err != nil:
			refused = append(refused, n)
		case failing && count > at+100:
			t.Errorf("call %d, %v: a message was acknowledged while the disk failed", at, errno)
		default:
			want = append(want, fmt.Sprint(n))
		}
		b.wantReceived(0, want...)
	}
	if count > at+100 && len(refused) > 0 {
		b.wantRefused()
	}
	calls, fired := d.heal()
	if !fired && len(refused) > 0 {
		t.Errorf("%v: none of %d calls failed, and %d messages were refused", errno, calls, len(refused))
	}
	for _, n := range refused {
		want = append(want, fmt.Sprint(n))
		for range 2 {
			if err := b.send(names[n], fmt.Sprint(n)); err != nil {
				t.Fatalf("call %d, %v: sending afterwards: %v", at, errno, err)
			}
		}
	}
	b.wantAfterwards(want)
	return fired
}

// wantRefused expects that nothing is taken that would have to be on the disk.
func (b *bench) wantRefused() {
	b.Helper()
	other := &relay.Session{ID: uuid.New(), Members: []relay.Key{alice, bob}, Coordinator: alice, MessageCount: 1}
	if err := b.store.CreateSession(b.Context(), other, &b.limits); err == nil {
		b.Error("a session was created")
	}
	if err := b.store.AddToken(b.Context(), relay.TokenHash{1}, alice, relay.Networks{}, &b.limits); err == nil {
		b.Error("a token was stored")
	}
}

// wantAfterwards expects the messages, and nothing else, and the same after a
// restart.
func (b *bench) wantAfterwards(want []string) {
	b.Helper()
	for range 2 {
		b.wantReceived(0, want...)
		if sessions, err := b.store.Sessions(b.Context(), alice, &b.limits); err != nil || len(sessions) != 1 {
			b.Errorf("sessions %v, %v", sessions, err)
		}
		if stats, err := b.store.Stats(b.Context()); err != nil || stats.Tokens != 0 || stats.Messages != len(want) {
			b.Errorf("holds %+v, %v", stats, err)
		}
		if err := b.store.Close(); err != nil {
			b.Fatal(err)
		}
		b.store = openStore(b.T, b.dir)
	}
	if err := b.store.Close(); err != nil {
		b.Error(err)
	}
}

// A part of the file that cannot be read is an error of who asks for it, and
// not handed over.
func TestDiskFailsToRead(t *testing.T) {
	b := newBench(t)
	b.limits.TotalBytes = 16 << 10 // so that bodies are on the disk alone
	if err := b.send(uuid.Nil, "body"); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(b.dir, fileName)
	data := b.read(path)
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil { // what bbolt reads first is in memory always
		t.Fatal(err)
	}
	for range 2 {
		_, _, err := b.store.Receive(t.Context(), relay.Mailbox{Session: b.session.ID, Owner: bob}, relay.HandedOver, &b.limits)
		if err == nil || errors.Is(err, relay.ErrSessionNotFound) {
			t.Errorf("receiving: %v", err)
		}
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	b.wantReceived(relay.HandedOver, "body")
	if err := b.store.Close(); err != nil {
		t.Error(err)
	}
}

// A file that may not grow (RLIMIT_FSIZE), as on a disk that is full, still
// takes what fits into it.
func TestFileMayNotGrow(t *testing.T) {
	b := newBench(t)
	info, err := os.Stat(filepath.Join(b.dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	limit := syscall.Rlimit{Cur: uint64(info.Size()) + 256<<10, Max: old.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Fatal(err)
	}
	body := string(make([]byte, 32<<10))
	sent := 0
	for ; sent < 100 && err == nil; sent++ {
		err = b.send(uuid.Nil, body)
	}
	if restored := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); restored != nil {
		t.Fatal(restored)
	}
	if err == nil || sent < 2 {
		t.Fatalf("%d messages sent, the last: %v", sent, err)
	}
	sent--
	if err := b.send(uuid.Nil, body); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if stats, err := b.store.Stats(t.Context()); err != nil || stats.Messages != sent+1 {
		t.Errorf("holds %+v, %v, want %d messages", stats, err, sent+1)
	}
	if err := b.store.Close(); err != nil {
		t.Error(err)
	}
}

// TestPowerCut opens what a power cut may leave. A commit syncs the pages that
// it adds, then writes and syncs the one page that makes them count; so that
// after a cut in the first part any of its pages may be there or not, and after
// one in the second that page may be the old one, the new one, or torn. The
// files before and after real commits tell which pages these are.
func TestPowerCut(t *testing.T) {
	b := newBench(t)
	page := os.Getpagesize()
	path := filepath.Join(b.dir, fileName)
	before := b.read(path)
	for i := range 40 {
		if err := b.send(uuid.New(), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		after := b.read(path)
		pages := changedPages(before, after, page)
		for seed := range 6 {
			cut := slices.Clone(before)
			cut = append(cut, make([]byte, max(0, len(after)-len(cut)))...)
			for n, at := range pages {
				if at >= 2*page && (seed>>(n%3))&1 == 1 { // some of the new pages
					copy(cut[at:min(at+page, len(after))], after[at:])
				}
			}
			b.reopen(cut, i)
		}
		torn := slices.Clone(after)
		for _, at := range pages {
			if at < 2*page {
				copy(torn[at+page/100:at+page], before[at+page/100:])
			}
		}
		b.reopen(torn, i, i+1)
		b.reopen(after, i+1)
		before = after
	}
	if err := b.store.Close(); err != nil {
		t.Error(err)
	}
}

func (b *bench) read(path string) []byte {
	b.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// changedPages returns where the pages are that differ.
func changedPages(before, after []byte, page int) (offsets []int) {
	for at := 0; at < len(after); at += page {
		end := min(at+page, len(after))
		if end > len(before) || !bytes.Equal(before[at:end], after[at:end]) {
			offsets = append(offsets, at)
		}
	}
	return offsets
}

// reopen expects a file to hold the messages up to one of these numbers.
func (b *bench) reopen(data []byte, want ...int) {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, mode); err != nil {
		b.Fatal(err)
	}
	store := openStore(b, dir)
	defer store.Close()
	messages, _, err := store.Receive(b.Context(), relay.Mailbox{Session: b.session.ID, Owner: bob}, 0, &b.limits)
	if err != nil || !slices.Contains(want, len(messages)) {
		b.Fatalf("received %d messages, %v, want %v", len(messages), err, want)
	}
	for i, m := range messages {
		if string(m.Body) != fmt.Sprint(i) {
			b.Fatalf("message %d is %q", i, m.Body)
		}
	}
}
