package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func pending(n byte) Pending {
	return Pending{
		Ceremony: bytes.Repeat([]byte{1}, 32), Step: "board", Attempt: bytes.Repeat([]byte{n}, 32),
		Transcript: []byte("transcript"), Bundle: []byte("bundle"),
	}
}

func TestPending(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	if list, err := LoadPending(path); err != nil || list != nil {
		t.Fatalf("without a file: %v, %v", list, err)
	}
	finished := pending(1)
	finished.Certificate = []byte("certificate")
	other := pending(3)
	other.Step = "other"
	for _, p := range []Pending{pending(1), pending(2), other, finished} {
		if err := StorePending(t.Context(), path, p); err != nil {
			t.Fatal(err)
		}
	}
	list, err := LoadPending(path)
	if err != nil || !reflect.DeepEqual(list, []Pending{finished, pending(2), other}) {
		t.Fatalf("%d records, %v", len(list), err)
	}
	info, err := os.Stat(pendingPath(path))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := RemovePending(t.Context(), path, finished.Ceremony, "board"); err != nil {
		t.Fatal(err)
	}
	if list, err = LoadPending(path); err != nil || !reflect.DeepEqual(list, []Pending{other}) {
		t.Fatalf("%d records, %v", len(list), err)
	}
	if err := RemovePending(t.Context(), path, other.Ceremony, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(pendingPath(path)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty file is left: %v", err)
	}
}

// The oldest unfinished records go, and finished ones stay.
func TestPendingIsBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	finished := pending(0)
	finished.Certificate = []byte("certificate")
	_ = StorePending(t.Context(), path, finished)
	for n := range byte(maxPending + 5) {
		if err := StorePending(t.Context(), path, pending(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := LoadPending(path)
	if err != nil || len(list) != maxPending || list[0].Certificate == nil || list[1].Attempt[0] != 7 {
		t.Errorf("%d records, %v", len(list), err)
	}
}

func TestInvalidPending(t *testing.T) {
	good := encodePending([]Pending{pending(1)})
	for _, bad := range [][]byte{
		{},
		[]byte("null x"), good[:len(good)/2], append(bytes.Clone(good), '{'),
		bytes.Replace(good, []byte(`"version": 1`), []byte(`"version": 2`), 1),
		bytes.Replace(good, []byte(`"step"`), []byte(`"stop"`), 1),
		bytes.Replace(good, []byte("0101"), []byte("01"), 1),
		bytes.Replace(good, []byte("0101"), []byte("zz01"), 1),
	} {
		path := filepath.Join(t.TempDir(), "alice.toml")
		if err := os.WriteFile(pendingPath(path), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadPending(path); !errors.Is(err, ErrInvalidPending) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := StorePending(context.Background(), path, pending(2)); !errors.Is(err, ErrInvalidPending) {
			t.Errorf("stored over %q: %v", bad, err)
		}
		if left, _ := os.ReadFile(pendingPath(path)); !bytes.Equal(left, bad) {
			t.Errorf("%q was changed", bad)
		}
	}
}

func TestPendingDoesNotPrint(t *testing.T) {
	if got := fmt.Sprintf("%v %+v %x", pending(1), pending(1), pending(1)); got != "[pending share] [pending share] [pending share]" {
		t.Error(got)
	}
}

func FuzzDecodePending(f *testing.F) {
	f.Add(encodePending([]Pending{pending(1), pending(2)}))
	f.Add([]byte(`{"version":1,"pending":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decodePending(data)
		if err != nil {
			return
		}
		again, err := decodePending(encodePending(list))
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%q read back as %v, %v", data, again, err)
		}
	})
}
