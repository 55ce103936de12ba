package rehearsal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
	"frostkit/runner/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var protocols = []ceremony.Protocol{ceremony.Frostkit, ceremony.FrostClient}

const file = `version: 1
ceremony: club
protocol: %s
threshold: 2
members:
  Alice: {}
  Bob: {}
  Eve: {}
sign:
  - message: minutes.txt
    signers: [Alice, Eve]
    output: minutes.sig
`

// rehearsed carries the ceremony out, and says who is named, how it ended, and
// how long it took.
type rehearsed struct {
	group    *Group
	signing  *Signing
	findings []Finding
	err      error
	took     time.Duration
}

func rehearse(t *testing.T, speak ceremony.Protocol, faults ...string) (out rehearsed) {
	t.Helper()
	f, err := ceremony.Parse("club.yaml", fmt.Appendf(nil, file, speak))
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{File: f, Tool: "test"}
	for _, text := range faults {
		fault, err := f.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Faults = append(cfg.Faults, fault)
	}
	r, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Destroy()
	started := time.Now()
	out.findings, out.err = r.DKG(t.Context(), f.Groups[0])
	if out.err == nil {
		out.group, _ = r.Group("")
		out.signing, out.findings, out.err = r.Sign(t.Context(), f.Sign[0], []byte("minutes"))
	}
	out.took = time.Since(started)
	return out
}

// named returns the culprits or, where nobody is one, the missing of an error.
func named(err error) string {
	var culprit *protocol.CulpritError
	var missing *protocol.MissingError
	var who []string
	switch {
	case errors.As(err, &culprit):
		for _, m := range culprit.Culprits {
			who = append(who, m.Name)
		}
	case errors.As(err, &missing):
		for _, m := range missing.Missing {
			who = append(who, "missing "+m.Name)
		}
	case errors.Is(err, protocol.ErrDeclined):
		return "declined"
	case err != nil:
		return err.Error()
	}
	slices.Sort(who)
	return strings.Join(who, ", ")
}

// Each row is a thing that goes wrong with the network or a machine, the case of
// the threat model that it is, and who must be named for it by somebody honest;
// "" where all goes well. What members do wrong is in misdeeds.
var rows = []struct {
	number      int
	fault       string
	frostkit    string
	frostClient string
}{
	{15, "drop:Bob@round-1=1", "", "missing Bob"},
	{15, "delay:Bob=30s", "", ""},
	{15, "reorder:Bob", "", ""},
	{16, "corrupt:Bob@round-1", "missing Bob", "missing Bob"},
	{8, "kill:Bob@round-1", "missing Bob", "missing Bob"},
	{8, "kill:Bob@round-1=1s", "", "n/a"},
	{8, "kill:Bob@signatures=1s", "", "n/a"},
}

func TestFaults(t *testing.T) {
	for _, row := range rows {
		for _, speak := range protocols {
			want := map[ceremony.Protocol]string{ceremony.Frostkit: row.frostkit, ceremony.FrostClient: row.frostClient}[speak]
			if want == "n/a" {
				continue
			}
			t.Run(fmt.Sprintf("%d %s %s", row.number, row.fault, speak), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := rehearse(t, speak, row.fault)
					if who := named(got.err); who != want {
						t.Errorf("named %q, want %q: %v\nfindings %v", who, want, got.err, got.findings)
					}
					if (got.err == nil) != (got.signing != nil) {
						t.Errorf("error %v, and a signing %v", got.err, got.signing)
					}
				})
			})
		}
	}
}

// Without faults there is a signature at once, and a group with a certificate
// that no real ceremony has.
func TestNothingGoesWrong(t *testing.T) {
	for _, speak := range protocols {
		t.Run(string(speak), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := rehearse(t, speak)
				if got.err != nil || len(got.findings) > 0 || got.took > 0 {
					t.Fatalf("%v, findings %v, took %s", got.err, got.findings, got.took)
				}
				if (got.group.Certificate != nil) != (speak == ceremony.Frostkit) {
					t.Fatalf("a certificate of %d bytes", len(got.group.Certificate))
				}
				if speak == ceremony.FrostClient {
					return
				}
				f, _ := ceremony.Parse("club.yaml", fmt.Appendf(nil, file, speak))
				made, err := cocktail.DecodeCertificate(frost.Ed25519(), got.group.Certificate)
				if err != nil {
					t.Fatal(err)
				}
				real, rehearsed := f.Digest(), report.RehearsalDigest(f.Digest())
				if extension := string(made.Transcript().Extension()); strings.HasPrefix(extension, string(real[:])) || extension != string(rehearsed[:])+"group" {
					t.Errorf("the members signed for %x", extension)
				}
			})
		})
	}
}

func TestFaultsThatCannotBe(t *testing.T) {
	f, err := ceremony.Parse("club.yaml", fmt.Appendf(nil, file, ceremony.FrostClient))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"wrong-signature:Eve", "false-blame:Eve", "kill:Eve=1s"} {
		fault, err := f.ParseFault(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(Config{File: f, Faults: []ceremony.Fault{fault}}); err == nil {
			t.Errorf("%s is rehearsed with frost-client's protocol", text)
		}
	}
}

// Where the file has candidates, one who sends a bad share, declines or is
// silent is left out and named, and the others sign.
func TestCandidates(t *testing.T) {
	for fault, why := range map[string]string{
		"bad-signature-share:Bob": "broke the protocol",
		"decline:Bob=not today":   "declined",
		"drop:Bob@shares":         "silent",
	} {
		t.Run(fault, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				text := strings.Replace(fmt.Sprintf(file, ceremony.Frostkit), "[Alice, Eve]", "{candidates: [Alice, Bob, Eve], need: 2, wait: 1s}", 1)
				f, err := ceremony.Parse("club.yaml", []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				parsed, err := f.ParseFault(fault)
				if err != nil {
					t.Fatal(err)
				}
				late, err := f.ParseFault("delay:Eve@commitments=500ms") // so that Bob is among the first
				if err != nil {
					t.Fatal(err)
				}
				r, err := New(Config{File: f, Tool: "test", Faults: []ceremony.Fault{parsed, late}})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Destroy()
				if _, err := r.DKG(t.Context(), f.Groups[0]); err != nil {
					t.Fatal(err)
				}
				signing, _, err := r.Sign(t.Context(), f.Sign[0], []byte("minutes"))
				if err != nil {
					t.Fatal(err)
				}
				if slices.Contains(signing.Signers, "Bob") || len(signing.Excluded) != 1 || signing.Excluded[0].Member.Name != "Bob" {
					t.Fatalf("signed by %v, without %+v; want without Bob", signing.Signers, signing.Excluded)
				}
				if got, _ := signing.Excluded[0].Why(); got != why {
					t.Errorf("Bob %s, want %s", got, why)
				}
			})
		})
	}
}
