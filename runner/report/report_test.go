package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var update = flag.Bool("update", false, "write the golden files")

// sample is a report with everything in it, and with what could break a page.
func sample() *Report {
	start := time.Date(2026, 11, 22, 9, 30, 0, 0, time.UTC)
	nasty := `Eve <script>alert("x")</script>`
	return &Report{
		Version: Version, Tool: "frostkit 0.1.0", Ceremony: "board-meeting", File: "board-meeting.yaml",
		Digest: strings.Repeat("df", 32), Protocol: "frostkit", Outcome: Complete, Started: start, Ended: start.Add(1234 * time.Millisecond),
		Groups: []Group{{
			Description: "DKG: Alice, Bob, Eve", Ciphersuite: "FROST-ED25519-SHA512-v1", Threshold: 2,
			VerifyingKey: strings.Repeat("5e", 32), Fingerprint: Fingerprint([]byte("key")), Certificate: "certificate.json", Confirmed: true,
			Unconfirmed: []string{"Bob"}, Attempts: 2, Restarts: []Restart{{2, "Bob", "was started again"}},
			Members: []Member{
				{Name: "Alice", PublicKey: strings.Repeat("a1", 32), Fingerprint: Fingerprint([]byte("a")), Here: true, Version: "frostkit 0.1.0"},
				{Name: "Bob", PublicKey: strings.Repeat("b2", 32), Fingerprint: Fingerprint([]byte("b")), Version: "frostkit <i>0.2</i>"},
				{Name: nasty, PublicKey: strings.Repeat("e3", 32), Fingerprint: Fingerprint([]byte("e"))},
			},
		}},
		Signings: []Signing{{
			Message: "minutes.txt", Size: 12, SHA256: strings.Repeat("0f", 32), Text: "a <b>bold</b> line", Signers: []string{"Alice", "Bob"},
			Coordinator: "Alice", Candidates: []string{"Alice", "Bob", nasty, "Dan", "Fay"}, Need: 2,
			Signature: strings.Repeat("77", 64), Output: "minutes.sig", Valid: true,
			Attempts: 3, Restarts: []Restart{{2, "Dan", "sent a signature share that does not verify"}, {3, "Bob", "was started again"}},
			Absent: []Absence{
				{Member: nasty, Why: "declined", Reason: "not what we agreed"},
				{Member: "Dan", Why: "broke the protocol", Reason: "sent a signature share that does not verify"},
				{Member: "Fay", Why: "not needed"},
			},
		}},
		Timeline: []Span{
			{"Alice", "round 1", 0, 400_000},
			{"Bob", "round 1", 100_000, 420_000},
			{nasty, "round 1", 120_000, 500_000},
			{"Alice", "round 2", 400_000, 1_200_000},
			{"Bob", "round 2", 420_000, 1_234_000},
		},
		Checks: []Check{{"the signature of minutes.txt under the group's key", true, "Ed25519"}},
	}
}

func TestJSONGolden(t *testing.T) {
	got, err := sample().Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, JSONFile, got)
	var again Report
	if err := json.Unmarshal(got, &again); err != nil {
		t.Fatal(err)
	}
	if twice, _ := again.Encode(); !bytes.Equal(twice, got) {
		t.Error("what was read back encodes to something else")
	}
	if empty, _ := (&Report{}).Encode(); bytes.Contains(empty, []byte("null")) {
		t.Errorf("a list is null: %s", empty)
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s differs (%v); write it anew with -update and look at the difference", path, err)
	}
}

func TestPageEscapes(t *testing.T) {
	page, err := sample().HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, never := range []string{"<script", "<b>bold", "<i>0.2", "http://", "https://", "src=\"http", "url("} {
		if bytes.Contains(page, []byte(never)) {
			t.Errorf("the page has %q in it", never)
		}
	}
	for _, want := range []string{
		"&lt;script&gt;", "Complete", "declined", "not what we agreed", "any 2 of Alice, Bob", "Dan: broke the protocol", "Fay: not needed",
		"attempt 3, since Bob was started again", "Bob did not say so", "&lt;i&gt;0.2", strings.Repeat("77", 64), "<svg",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if bytes.Contains(page, []byte("REHEARSAL")) {
		t.Error("a real run is marked as a rehearsal")
	}
}

func TestRehearsalIsMarked(t *testing.T) {
	r := sample()
	r.Rehearsal, r.Outcome, r.Failure = true, Failed, "Eve sent a wrong share"
	page, err := r.HTML()
	if err != nil || !bytes.Contains(page, []byte("REHEARSAL")) || !bytes.Contains(page, []byte("Eve sent a wrong share")) {
		t.Errorf("error %v, page %s", err, page[:min(len(page), 300)])
	}
}

func TestRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewRecorder()
		r.Enter("Alice", "round 1")
		time.Sleep(2 * time.Millisecond)
		r.Enter("Bob", "round 1")
		r.Enter("Alice", "round 1")
		time.Sleep(3 * time.Millisecond)
		r.Enter("Alice", "round 2")
		time.Sleep(time.Millisecond)
		r.Enter("Bob", "")
		time.Sleep(time.Millisecond)
		want := []Span{{"Alice", "round 1", 0, 5000}, {"Bob", "round 1", 2000, 6000}, {"Alice", "round 2", 5000, 7000}}
		got := r.Timeline()
		if len(got) != len(want) {
			t.Fatalf("timeline %v, want %v", got, want)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("span %d is %v, want %v", i, got[i], want[i])
			}
		}
	})
}

func TestDrawFits(t *testing.T) {
	d := draw(sample().Timeline)
	if len(d.Labels) != 3 || len(d.Phases) != 2 || len(d.Ticks) != ticks+1 {
		t.Errorf("drew %d rows, %d phases, %d ticks", len(d.Labels), len(d.Phases), len(d.Ticks))
	}
	for _, b := range d.Bars {
		if b.X < labelWidth || b.X+b.Width > drawingWidth || b.Y+b.Height > d.Height {
			t.Errorf("bar %+v is outside of the drawing", b)
		}
	}
	if empty := draw([]Span{{"Alice", "x", 0, 0}}); empty.Bars[0].Width < narrowest {
		t.Errorf("a bar of no time is not seen: %+v", empty.Bars[0])
	}
}

// A list of the report is there when it is empty, also within the elements of others.
func TestListsAreNeverNull(t *testing.T) {
	full := &Report{}
	addElements(reflect.ValueOf(full).Elem())
	for _, r := range []*Report{{}, full} {
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(data, []byte("null")) {
			t.Errorf("a list is null in\n%s", data)
		}
	}
}

// addElements adds an element with empty lists to each list of structures.
func addElements(report reflect.Value) {
	for i := range report.NumField() {
		if list := report.Field(i); list.Kind() == reflect.Slice && list.Type().Elem().Kind() == reflect.Struct {
			list.Set(reflect.MakeSlice(list.Type(), 1, 1))
			addElements(list.Index(0))
		}
	}
}
