package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var testRows = []row{
	{size: size{2, 3}, step: "sign", ours: 50 * time.Microsecond, theirs: 40 * time.Microsecond, threads: 1, allocations: 7},
	{size: size{67, 100}, step: "sign", ours: time.Millisecond, theirs: 2 * time.Millisecond, threads: 1},
	{size: size{67, 100}, step: "dkg whole", ours: 100 * time.Millisecond, theirs: 900 * time.Millisecond, threads: 1, bytes: 33 << 20},
	{size: size{67, 100}, step: "dkg whole", ours: 90 * time.Millisecond, theirs: 900 * time.Millisecond, threads: 2},
}

func TestTable(t *testing.T) {
	var b bytes.Buffer
	printTable(&b, testRows)
	lines := strings.Split(b.String(), "\n")
	for i, want := range []string{
		"group step threads ours µs crates µs ratio goal verdict allocations kB growth, ours crates",
		"2-of-3 sign 1 50 40 0.80 1 missed 7 0",
		"67-of-100 sign 1 1000 2000 2.00 0 0 20.0 50.0",
		"67-of-100 dkg whole 1 100000 900000 9.00 8 met 0 33792",
		"67-of-100 dkg whole 2 90000 900000 10.00 14 missed 0 0",
		"",
		"A key generation of one member at 67-of-100 allocates 33.0 MB in all, freed or not: goal below 32 MB, missed.",
	} {
		if got := strings.Join(strings.Fields(lines[i]), " "); got != want {
			t.Errorf("line %d\n got %s\nwant %s", i, got, want)
		}
	}
}

func TestWriteRows(t *testing.T) {
	name := filepath.Join(t.TempDir(), "crypto.json")
	if err := writeRows(name, testRows); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var records []record
	if err := json.Unmarshal(b, &records); err != nil {
		t.Fatal(err)
	}
	if want := (record{"frost-ed25519 3.0.0", 3, 2, "sign", 40}); len(records) != 7 || records[0] != want {
		t.Errorf("%+v", records)
	}
}

func TestMedian(t *testing.T) {
	if got := median([]time.Duration{5, 1, 9}); got != 5 || median(nil) != 0 {
		t.Error(got)
	}
}
