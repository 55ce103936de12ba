package ceremony

import (
	"strings"
	"testing"
	"time"
)

const faultyFile = `version: 1
ceremony: club
threshold: 2
members:
  Bob: {}
  Bob@home: {}
  Eve: {}
faults:
`

func TestFaults(t *testing.T) {
	file, err := Parse("club.yaml", []byte(faultyFile+`
  - drop:Bob
  - drop:Bob@home@round-1=2
  - delay:Eve@greeting=30s
  - kill:Eve@signatures=1s
  - kill:Eve
  - wrong-share:Eve=Bob@home
  - decline:Bob=not today
  - longer-polynomial:Eve
  - wrong-echo:Bob
  - false-blame:Eve
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []Fault{
		{Kind: FaultDrop, Member: "Bob"},
		{Kind: FaultDrop, Member: "Bob@home", Phase: "round-1", Count: 2},
		{Kind: FaultDelay, Member: "Eve", Phase: "greeting", After: 30 * time.Second},
		{Kind: FaultKill, Member: "Eve", Phase: "signatures", After: time.Second},
		{Kind: FaultKill, Member: "Eve"},
		{Kind: FaultWrongShare, Member: "Eve", Victim: "Bob@home"},
		{Kind: FaultDecline, Member: "Bob", Reason: "not today"},
		{Kind: FaultLongerPolynomial, Member: "Eve"},
		{Kind: FaultWrongEcho, Member: "Bob"},
		{Kind: FaultFalseBlame, Member: "Eve"},
	}
	for i, got := range file.Faults {
		got.Text, got.Pos = "", Position{}
		if got != want[i] {
			t.Errorf("fault %d is %+v, want %+v", i+1, got, want[i])
		}
	}
	without, err := Parse("club.yaml", []byte(strings.TrimSuffix(faultyFile, "faults:\n")))
	if err != nil || without.Digest() != file.Digest() {
		t.Errorf("faults change the digest (%v)", err)
	}
}

func TestBadFaults(t *testing.T) {
	for text, why := range map[string]string{
		"explode:Eve":           `no kind "explode"`,
		"drop":                  "names no member",
		"drop:Mallory":          "names no member",
		"drop:Eve@lunch":        `no phase "lunch"`,
		"drop:Eve=0":            "above 0",
		"drop:Eve=x":            "above 0",
		"delay:Eve":             "not a time",
		"delay:Eve=-1s":         "not a time",
		"kill:Eve=2h":           "not a time",
		"wrong-share:Eve=Eve":   "not another member",
		"wrong-proof:Eve@echo":  "has its own phase",
		"wrong-proof:Eve=maybe": "takes no argument",
	} {
		_, err := Parse("club.yaml", []byte(faultyFile+"  - "+text+"\n"))
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "club.yaml:9:5") {
			t.Errorf("%s: the error is %v, want one with %q at its place", text, err, why)
		}
	}
}
