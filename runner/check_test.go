package runner

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"net/http"
	"strings"
	"testing"
	"time"

	"frostkit/ceremony"
	"frostkit/relay"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// The relay tells whole seconds, and an answer takes time: what lies within
// both is no difference.
func TestCheckClock(t *testing.T) {
	tests := []struct {
		name   string
		date   string
		took   time.Duration
		status status
		detail string
	}{
		{"same", at(noon), 0, checkOK, "the same as the relay's"},
		{"same second", at(noon.Add(-700 * time.Millisecond)), 0, checkOK, "the same as the relay's"},
		{"slow answer", at(noon.Add(20 * time.Second)), 25 * time.Second, checkOK, "the same as the relay's"},
		{"ahead", at(noon.Add(-31 * time.Second)), 0, checkOK, "this machine's clock is 30s ahead of the relay's"},
		{"behind", at(noon.Add(30 * time.Second)), 0, checkOK, "this machine's clock is 30s behind the relay's"},
		{"far behind", at(noon.Add(time.Hour)), 0, checkWarning, "this machine's clock is 1h0m0s behind the relay's"},
		{"far ahead", at(noon.AddDate(-1, 0, 0)), 0, checkWarning, "ahead of the relay's"},
		{"not told", "", 0, checkUnknown, "the relay does not tell the time"},
		{"nonsense", "yesterday", 0, checkUnknown, "the relay does not tell the time"},
	}
	for _, test := range tests {
		k := &checkup{}
		k.clock("https://relay", presented{date: test.date, sent: noon, answered: noon.Add(test.took)})
		if f := k.findings[0]; f.Status != test.status || !strings.Contains(f.Detail, test.detail) {
			t.Errorf("%s: %s, %q; want %s, %q", test.name, f.Status, f.Detail, test.status, test.detail)
		}
	}
}

func at(when time.Time) string { return when.UTC().Format(http.TimeFormat) }

func TestCheckCertificate(t *testing.T) {
	certificate := &x509.Certificate{
		DNSNames: []string{"relay.example"}, Subject: pkix.Name{CommonName: "relay\x1b[2J"}, Issuer: pkix.Name{CommonName: "CA"},
	}
	for days, want := range map[int]status{400: checkOK, 15: checkOK, 13: checkWarning, 0: checkWarning} {
		k := &checkup{}
		certificate.NotAfter = noon.AddDate(0, 0, days)
		k.certificate("https://relay", presented{certificate: certificate, answered: noon})
		f := k.findings[0]
		if f.Status != want || !strings.Contains(f.Detail, "for relay.example") || !strings.Contains(f.Detail, "issued by CN=CA") {
			t.Errorf("%d days left: %s, %q; want %s", days, f.Status, f.Detail, want)
		}
		if strings.Contains(f.Detail, "\x1b") {
			t.Errorf("an escape sequence is printed: %q", f.Detail)
		}
	}
	k := &checkup{}
	k.certificate("http://localhost", presented{answered: noon})
	if f := k.findings[0]; f.Status != checkUnknown {
		t.Errorf("without TLS: %+v", f)
	}
}

// The exit code is that of the first check that failed.
func TestCheckVerdict(t *testing.T) {
	k := &checkup{scene: &scene{file: &ceremony.File{Path: "x.yaml"}}}
	k.add("version", "", checkOK, "fine")
	k.add("online", "", checkUnknown, "who knows")
	k.add("plan", "", checkWarning, "careful")
	if err := k.verdict(); err != nil {
		t.Errorf("nothing failed: %v", err)
	}
	k.failed("relay", "https://relay", &relay.UnreachableError{URL: "https://relay", Err: http.ErrServerClosed})
	k.failed("disk", ".", failf(ExitStorage, "full"))
	if err := k.verdict(); classify(err).Code != ExitUnreachable || !strings.Contains(err.Error(), "2 of 5 checks failed") {
		t.Errorf("verdict: %v", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "one": "one", "one\ntwo\n": "two", "one\n\n  two  \n\n": "two", "bad \xff byte": "bad � byte",
		strings.Repeat("x", 100) + "\nend": "end", strings.Repeat("x", 100): strings.Repeat("x", 32),
	} {
		end := &tail{limit: 32}
		for _, b := range []byte(text) {
			if n, err := end.Write([]byte{b}); n != 1 || err != nil {
				t.Fatalf("Write = %d, %v", n, err)
			}
		}
		if got := end.lastLine(); got != want {
			t.Errorf("last line of %q is %q, want %q", text, got, want)
		}
	}
}
