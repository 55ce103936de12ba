package shown

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"Alice":        "Alice",
		"アリス":          "アリス",
		"אליס":         "אליס",
		"أليس":         "أليس",
		"🦊 ❤️":         "🦊 ❤️",
		`C:\keys`:      `C:\keys`,
		"\x1b[2J":      `\x1b[2J`,
		"a\nb\r\tc":    `a\nb\r\tc`,
		"\u202eabc":    `\u202eabc`,
		"\u2066\u200f": `\u2066\u200f`,
		"\u200b\u2028": `\u200b\u2028`,
		"\u009b2J":     `\u009b2J`,
		"\xff":         `\xff`,
		"\x7f":         `\x7f`,
		"\U000e0041":   `\U000e0041`,
	} {
		if got := Words(in); got != want {
			t.Errorf("%q is shown as %q, want %q", in, got, want)
		}
		if once := Words(in); Words(once) != once {
			t.Errorf("%q is escaped twice", in)
		}
	}
}

func TestWordsAreCut(t *testing.T) {
	for _, in := range []string{strings.Repeat("a", 5<<20), strings.Repeat("é", 101), strings.Repeat("\x1b", 51), strings.Repeat("a", 199) + "\x1b"} {
		got := Words(in)
		if len(got) > MaxWords || !strings.HasSuffix(got, cutMark) || !utf8.ValidString(got) || strings.HasSuffix(strings.TrimSuffix(got, cutMark), `\`) {
			t.Errorf("%.20q of %d bytes is shown as %q", in, len(in), got)
		}
	}
	if full := strings.Repeat("a", MaxWords); Words(full) != full {
		t.Error("what fits is cut")
	}
}

func TestLinesCannotBeTakenForAnother(t *testing.T) {
	if got, want := Indented("a\nfrostkit: error: none\n  b\x1b"), "a\n  frostkit: error: none\n  b\\x1b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestJSONSaysTheSame(t *testing.T) {
	text := "a\u202e\u009b\x7f\U000e0041ア\u2028"
	data, err := json.Marshal(text)
	if err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(JSON(data), &back); err != nil || back != text {
		t.Errorf("got %q (%v), want %q", back, err, text)
	}
	if strings.ContainsFunc(string(JSON(data)), acts) {
		t.Errorf("%q is in it as it was", JSON(data))
	}
}

func TestWriter(t *testing.T) {
	var out bytes.Buffer
	if n, err := NewWriter(&out).Write([]byte("a\tb\x1b]0;x\x07\n")); n != 10 || err != nil || out.String() != "a\tb\\x1b]0;x\\a\n" {
		t.Errorf("wrote %q: %d, %v", out.String(), n, err)
	}
}
