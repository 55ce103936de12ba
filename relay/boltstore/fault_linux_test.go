package boltstore

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"frostkit/relay"
)

// faultyDisk makes the open files of a store fail, in the kernel: their file
// descriptors are made to stand for a device instead.
//
//	/dev/full   every write fails with ENOSPC
//	/dev/null   every write is taken and thrown away, and the sync fails
//	the file    opened for reading alone: every write fails with EBADF
type faultyDisk struct {
	t      *testing.T
	device string // or empty while the disk works
	files  []faultyFile
}

// faultyFile is an open file, with a second descriptor of it while it fails.
type faultyFile struct {
	*os.File
	backup int
}

func (d *faultyDisk) open(name string, flag int, perm os.FileMode) (*os.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	d.files = append(d.files, faultyFile{f, -1})
	if d.device != "" {
		d.swap(&d.files[len(d.files)-1])
	}
	return f, nil
}

// become has all files fail as the device does, those opened from now on too.
func (d *faultyDisk) become(device string) {
	d.device = device
	for i := range d.files {
		d.swap(&d.files[i])
	}
}

// closedFile is what the descriptor of a closed file reads as.
const closedFile = ^uintptr(0)

func (d *faultyDisk) swap(f *faultyFile) {
	d.t.Helper()
	if f.Fd() == closedFile {
		return
	}
	device, err := os.OpenFile(d.device, os.O_RDWR, 0)
	if filepath.Base(d.device) == fileName {
		device, err = os.Open(d.device)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	defer device.Close()
	if f.backup, err = syscall.Dup(int(f.Fd())); err != nil {
		d.t.Fatal(err)
	}
	if err := syscall.Dup3(int(device.Fd()), int(f.Fd()), syscall.O_CLOEXEC); err != nil {
		d.t.Fatal(err)
	}
}

func (d *faultyDisk) heal() {
	d.t.Helper()
	d.device = ""
	for _, f := range d.files {
		if f.backup < 0 {
			continue
		}
		if f.Fd() != closedFile {
			if err := syscall.Dup3(f.backup, int(f.Fd()), syscall.O_CLOEXEC); err != nil {
				d.t.Fatal(err)
			}
		}
		_ = syscall.Close(f.backup)
	}
}

// bench is a store on a faulty disk with one session.
type bench struct {
	*testing.T
	disk    *faultyDisk
	dir     string
	store   *relay.DurableStore
	limits  relay.Limits
	session *relay.Session
}

var alice, bob = relay.Key{1}, relay.Key{2}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		T: t, disk: &faultyDisk{t: t}, dir: t.TempDir(), limits: relay.DefaultLimits(),
		session: &relay.Session{ID: uuid.New(), Members: []relay.Key{alice, bob}, Coordinator: alice, MessageCount: 1},
	}
	j, err := open(b.dir, b.disk.open)
	if err != nil {
		t.Fatal(err)
	}
	if b.store, err = relay.NewDurableStore(j); err != nil {
		t.Fatal(err)
	}
	if err := b.store.CreateSession(t.Context(), b.session, &b.limits); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) send(id uuid.UUID, body string) error {
	return b.store.Send(b.Context(), &relay.Envelope{
		Session: b.session.ID, Sender: alice, Recipients: []relay.Key{bob}, Body: []byte(body), ID: id,
	}, &b.limits)
}

func (b *bench) wantReceived(after relay.Cursor, want ...string) relay.Cursor {
	b.Helper()
	messages, cursor, err := b.store.Receive(b.Context(), relay.Mailbox{Session: b.session.ID, Owner: bob}, after, &b.limits)
	if err != nil {
		b.Fatal(err)
	}
	var got []string
	for _, m := range messages {
		got = append(got, string(m.Body))
	}
	if !slices.Equal(got, want) {
		b.Fatalf("received %q, want %q", got, want)
	}
	return cursor
}

// While the disk fails, what would have to be on it is refused and reads go on;
// afterwards everything goes on by itself, and nothing that was acknowledged is
// lost, nothing that was refused appears.
func TestDiskFails(t *testing.T) {
	for _, device := range []string{"/dev/full", "/dev/null", fileName} {
		t.Run(filepath.Base(device), func(t *testing.T) {
			b := newBench(t)
			named := uuid.New()
			if err := b.send(uuid.Nil, "before"); err != nil {
				t.Fatal(err)
			}
			b.disk.become(filepath.Join(map[bool]string{true: b.dir}[device == fileName], device))
			for i := range 3 {
				if err := b.send(uuid.Nil, "refused"); err == nil {
					t.Errorf("send %d was acknowledged", i)
				}
				if err := b.send(named, "after"); err == nil {
					t.Errorf("send %d with a name was acknowledged", i)
				}
				b.wantReceived(0, "before")
			}
			other := &relay.Session{ID: uuid.New(), Members: []relay.Key{alice, bob}, Coordinator: alice, MessageCount: 1}
			if err := b.store.CreateSession(t.Context(), other, &b.limits); err == nil {
				t.Error("a session was created")
			}
			if err := b.store.AddToken(t.Context(), relay.TokenHash{1}, alice, &b.limits); err == nil {
				t.Error("a token was stored")
			}
			cursor := b.wantReceived(0, "before")
			b.disk.heal()
			b.afterwards(named, cursor)
		})
	}
}

// afterwards expects that the store goes on, and that it is on the disk.
func (b *bench) afterwards(named uuid.UUID, cursor relay.Cursor) {
	for range 2 {
		if err := b.send(named, "after"); err != nil {
			b.Fatal(err)
		}
	}
	b.wantReceived(cursor, "after")
	if err := b.store.Close(); err != nil {
		b.Fatal(err)
	}
	b.store = openStore(b.T, b.dir)
	b.wantReceived(cursor, "after")
	if sessions, err := b.store.Sessions(b.Context(), alice); err != nil || len(sessions) != 1 {
		b.Errorf("sessions %v, %v", sessions, err)
	}
	if stats, err := b.store.Stats(b.Context()); err != nil || stats.Tokens != 0 || stats.Messages != 1 {
		b.Errorf("holds %+v, %v", stats, err)
	}
	if err := b.store.Close(); err != nil {
		b.Error(err)
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
