package boltstore

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.etcd.io/bbolt"

	"frostkit/relay"
)

// oldFile returns a folder with a file of the version before; testdata/README.md
// says what is in it.
func oldFile(t *testing.T) (dir string, data []byte) {
	t.Helper()
	packed, err := os.ReadFile("testdata/format1.db.gz")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if data, err = io.ReadAll(reader); err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, fileName), data, mode); err != nil {
		t.Fatal(err)
	}
	return dir, data
}

// A file of the version before is inspected as it is, and opened as one of this
// version with all that it held.
func TestOldFormat(t *testing.T) {
	dir, data := oldFile(t)
	path := filepath.Join(dir, fileName)
	found, _, err := Inspect(dir)
	if err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(path); err != nil || !bytes.Equal(now, data) {
		t.Errorf("the file was changed: %v", err)
	}
	want := relay.Stats{Tokens: 2, Sessions: 2, Messages: 5, Bytes: found.Bytes}
	if found.Stats != want || len(found.SessionList) != 2 || found.SessionList[0].ID != (uuid.UUID{1}) {
		t.Errorf("found %+v", found)
	}
	for range 2 {
		wantOldContent(t, dir)
	}
	if now, _, err := Inspect(dir); err != nil || now.Tokens != 2 || now.Sessions != 2 || now.Messages != 5 {
		t.Errorf("holds %+v: %v", now, err)
	}
	db, err := openReadOnly(path)
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bbolt.Tx) error {
		if got := formatOf(tx); got != format {
			t.Errorf("the file has format %q", got)
		}
		return nil
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Error(err)
	}
}

func wantOldContent(t *testing.T, dir string) {
	t.Helper()
	b := &bench{T: t, dir: dir, store: openStore(t, dir), limits: relay.DefaultLimits()}
	first, second := relay.SessionID{1}, relay.SessionID{2}
	b.wantIn(relay.Mailbox{Session: first, Owner: relay.Key{2}}, 1, "two")
	b.wantIn(relay.Mailbox{Session: first, Owner: relay.Key{3}}, 0, "one", "two", "three")
	b.wantIn(relay.Mailbox{Session: first, Owner: relay.Key{9}, Coordinator: true}, 0, "to the coordinator")
	b.wantIn(relay.Mailbox{Session: second, Owner: relay.Key{2}}, 0, "four")
	repeat := &relay.Envelope{
		Session: second, Sender: relay.Key{1}, Recipients: []relay.Key{{2}}, Body: []byte("four"), ID: uuid.UUID{4},
	}
	if err := b.store.Send(t.Context(), repeat, &b.limits); err != nil {
		t.Error(err)
	}
	b.wantIn(relay.Mailbox{Session: second, Owner: relay.Key{2}}, 0, "four")
	if sessions, err := b.store.Sessions(t.Context(), relay.Key{2}, &b.limits); err != nil || len(sessions) != 1 || sessions[0] != first {
		t.Errorf("sessions %v, one was left: %v", sessions, err)
	}
	if owner, err := b.store.Token(t.Context(), relay.TokenHash{2}); err != nil || owner != (relay.Key{2}) {
		t.Errorf("token of %x: %v", owner[:1], err)
	}
	if err := b.store.SpendChallenge(t.Context(), uuid.UUID{5}, relay.Key{1}, time.Hour); !errors.Is(err, relay.ErrUnauthorized) {
		t.Errorf("a challenge served twice: %v", err)
	}
	if err := b.store.Close(); err != nil {
		t.Error(err)
	}
}

// Compact writes such a file in this version's format.
func TestCompactOldFormat(t *testing.T) {
	dir, _ := oldFile(t)
	if _, _, err := Compact(dir); err != nil {
		t.Fatal(err)
	}
	wantOldContent(t, dir)
}

// Damage in such a file is found as well.
func TestDamagedOldFormat(t *testing.T) {
	_, data := oldFile(t)
	refused(t, bytes.ReplaceAll(data, []byte("three"), []byte("THREE")), errChecksum.Error())
}
