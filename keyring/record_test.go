package keyring

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"frostkit/internal/files"
)

func record(n byte) Record {
	return Record{
		Ceremony: bytes.Repeat([]byte{1}, 32), Step: "board", Attempt: bytes.Repeat([]byte{n}, 32),
		Transcript: []byte("transcript"), Bundle: []byte("bundle"),
	}
}

func TestRecords(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	if list, err := LoadRecords(path); err != nil || list != nil {
		t.Fatalf("without a file: %v, %v", list, err)
	}
	finished := record(1)
	finished.Signatures = []byte("signatures")
	other := record(3)
	other.Step = "other"
	for _, p := range []Record{record(1), record(2), other, finished} {
		if err := StoreRecord(t.Context(), path, p); err != nil {
			t.Fatal(err)
		}
	}
	list, err := LoadRecords(path)
	if err != nil || !reflect.DeepEqual(list, []Record{finished, record(2), other}) {
		t.Fatalf("%d records, %v", len(list), err)
	}
	info, err := os.Stat(recordsPath(files.At(path)).Path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := RemoveRecords(t.Context(), path, finished.Ceremony, "board"); err != nil {
		t.Fatal(err)
	}
	if list, err = LoadRecords(path); err != nil || !reflect.DeepEqual(list, []Record{other}) {
		t.Fatalf("%d records, %v", len(list), err)
	}
	if err := RemoveRecords(t.Context(), path, other.Ceremony, "other"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(recordsPath(files.At(path)).Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an empty file is left: %v", err)
	}
}

// The oldest pending records go, and finished ones stay.
func TestRecordsAreBounded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	finished := record(0)
	finished.Signatures = []byte("signatures")
	_ = StoreRecord(t.Context(), path, finished)
	for n := range byte(maxRecords + 5) {
		if err := StoreRecord(t.Context(), path, record(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	list, err := LoadRecords(path)
	if err != nil || len(list) != maxRecords || list[0].Signatures == nil || list[1].Attempt[0] != 7 {
		t.Errorf("%d records, %v", len(list), err)
	}
}

// largest is a record of 255 members with a threshold as high (COCKTAIL-DKG, "Transcript": a key,
// 255 commitments, a proof and an ephemeral key of each).
func largest(n byte) Record {
	const members, threshold = 255, 255
	p := record(n)
	p.Transcript = bytes.Repeat([]byte{n}, 256+members*(32+threshold*32+64+32))
	p.Bundle = bytes.Repeat([]byte{n}, members*(8+48))
	return p
}

func TestRecordOfLargestGroup(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	p := largest(1)
	check(t, StoreRecord(t.Context(), path, p))
	p.Signatures = bytes.Repeat([]byte{1}, 255*64)
	check(t, StoreRecord(t.Context(), path, p))
	if list, err := LoadRecords(path); err != nil || !reflect.DeepEqual(list, []Record{p}) {
		t.Errorf("%d records, %v", len(list), err)
	}
	if info, err := os.Stat(recordsPath(files.At(path)).Path); err != nil || info.Size() > int64(p.size()) {
		t.Errorf("it takes %d bytes, more than %d, %v", info.Size(), p.size(), err)
	}
	check(t, RemoveRecords(t.Context(), path, p.Ceremony, p.Step))
}

// The new record and the finished ones stay, and the file can be read.
func TestRecordOfLargestGroupIsBounded(t *testing.T) {
	attempt := largest(0)
	var list []Record
	for n := range byte(20) {
		attempt.Attempt = []byte{n}
		attempt.Signatures = nil
		if n == 0 {
			attempt.Signatures = []byte("signatures")
		}
		list = withRecord(list, attempt)
	}
	size := 0
	for _, p := range list {
		size += p.size()
	}
	fits := maxRecordsSize / attempt.size()
	if len(list) != fits || list[0].Attempt[0] != 0 || list[1].Attempt[0] != byte(21-fits) || size > maxRecordsSize {
		t.Errorf("%d records of %d bytes are kept, want %d", len(list), size, fits)
	}
}

// Nothing is written that could not be read, and what is new is not what goes.
func TestTooLargeRecordIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	finished := record(1)
	finished.Signatures = []byte("signatures")
	check(t, StoreRecord(t.Context(), path, finished))
	before := readFileText(t, recordsPath(files.At(path)).Path)
	tooLarge := record(2)
	tooLarge.Bundle = make([]byte, maxRecordsSize/2)
	if err := StoreRecord(t.Context(), path, tooLarge); err == nil || readFileText(t, recordsPath(files.At(path)).Path) != before {
		t.Errorf("stored: %v", err)
	}
}

// Version 1 has the transcript in the certificate once more.
func TestRecordOfVersion1(t *testing.T) {
	finished := record(1)
	finished.Signatures = []byte("signatures")
	want := []Record{finished, record(2)}
	signatures := hex.EncodeToString(finished.Signatures)
	first := strings.Replace(string(encodeRecords(want)), `"version": 3`, `"version": 1`, 1)
	first = strings.Replace(first, `"signatures": "`, `"certificate": "`+hex.EncodeToString(finished.Transcript), 1)
	if list, err := decodeRecords([]byte(first)); err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("read %d records, %v", len(list), err)
	}
	for what, mixed := range map[string]string{
		"a certificate in version 2":          strings.Replace(first, `"version": 1`, `"version": 2`, 1),
		"signatures in version 1":             strings.Replace(string(encodeRecords(want)), `"version": 3`, `"version": 1`, 1),
		"a certificate of another transcript": strings.Replace(first, hex.EncodeToString(finished.Transcript)+signatures, signatures, 1),
	} {
		if _, err := decodeRecords([]byte(mixed)); err == nil {
			t.Errorf("read %s", what)
		}
	}
}

// Version 2 has bundles alone. A record is a share or a bundle, and each has its version.
func TestRecordsOfSharesAndBundles(t *testing.T) {
	share := record(1)
	share.Bundle, share.Share = nil, []byte("share")
	want := []Record{share, record(2)}
	encoded := string(encodeRecords(want))
	if list, err := decodeRecords([]byte(encoded)); err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("read %d records, %v", len(list), err)
	}
	second := strings.Replace(string(encodeRecords([]Record{record(2)})), `"version": 3`, `"version": 2`, 1)
	if list, err := decodeRecords([]byte(second)); err != nil || !reflect.DeepEqual(list, []Record{record(2)}) {
		t.Errorf("read %d records of version 2, %v", len(list), err)
	}
	for what, bad := range map[string]string{
		"a share in version 2": strings.Replace(encoded, `"version": 3`, `"version": 2`, 1),
		"a share in version 1": strings.Replace(encoded, `"version": 3`, `"version": 1`, 1),
		"both":                 strings.Replace(encoded, `"share":`, `"bundle": "00", "share":`, 1),
		"neither":              strings.Replace(encoded, `"share":`, `"signatures":`, 1),
	} {
		if _, err := decodeRecords([]byte(bad)); err == nil {
			t.Errorf("read %s", what)
		}
	}
}

func TestInvalidRecords(t *testing.T) {
	good := encodeRecords([]Record{record(1)})
	for _, bad := range [][]byte{
		{},
		[]byte("null x"), good[:len(good)/2], append(bytes.Clone(good), '{'),
		bytes.Replace(good, []byte(`"version": 3`), []byte(`"version": 4`), 1),
		bytes.Replace(good, []byte(`"step"`), []byte(`"stop"`), 1),
		bytes.Replace(good, []byte("0101"), []byte("01"), 1),
		bytes.Replace(good, []byte("0101"), []byte("zz01"), 1),
	} {
		path := filepath.Join(t.TempDir(), "alice.toml")
		if err := os.WriteFile(recordsPath(files.At(path)).Path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadRecords(path); !errors.Is(err, ErrInvalidRecords) {
			t.Errorf("%q: %v", bad, err)
		}
		if err := StoreRecord(context.Background(), path, record(2)); !errors.Is(err, ErrInvalidRecords) {
			t.Errorf("stored over %q: %v", bad, err)
		}
		if left, _ := os.ReadFile(recordsPath(files.At(path)).Path); !bytes.Equal(left, bad) {
			t.Errorf("%q was changed", bad)
		}
	}
}

func TestRecordDoesNotPrint(t *testing.T) {
	if got := fmt.Sprintf("%v %+v %x", record(1), record(1), record(1)); got != "[record] [record] [record]" {
		t.Error(got)
	}
	if text, err := json.Marshal(record(1)); !errors.Is(err, errMarshalRecord) {
		t.Errorf("marshalled %s, %v", text, err)
	}
}

func FuzzDecodeRecords(f *testing.F) {
	f.Add(encodeRecords([]Record{record(1), record(2)}))
	f.Add([]byte(`{"version":1,"pending":null}`))
	f.Add([]byte(`{"version":1,"pending":[{"ceremony":"` + strings.Repeat("00", 32) + `","step":"s","attempt":"` + strings.Repeat("00", 32) + `","transcript":"01","bundle":"02","certificate":"0103"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := decodeRecords(data)
		if err != nil {
			return
		}
		again, err := decodeRecords(encodeRecords(list))
		if err != nil || !reflect.DeepEqual(again, list) {
			t.Errorf("%q read back as %v, %v", data, again, err)
		}
	})
}
