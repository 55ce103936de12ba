package keyring

import "testing"

func TestParseContactAsPasted(t *testing.T) {
	alice := Contact{Name: "Alice", Key: mustKey(t, daveKey)}
	s, err := alice.Encode()
	if err != nil {
		t.Fatal(err)
	}
	a, b := s[:40], s[40:]
	for name, text := range map[string]string{
		"wrapped": a + "\n" + b, "indented": a + "\r\n    " + b + "\n", "zero width": s + "\u200b", "no-break": "\u00a0" + s,
		"soft hyphen": a + "\u00ad" + b, "byte order mark": "\ufeff" + s, "quotes": `"` + s + `"`, "curly": "“" + s + "”",
		"guillemets": "« " + s + " »", "single": "'" + s + "'", "angle": "<" + s + ">", "backticks": "```" + s + "```",
		"quoted-printable": a + "=\n" + b + "=", "narrow no-break": "\u202f" + s, "word joiner": a + "\u2060" + b,
	} {
		if got, err := ParseContact(text); err != nil || got != alice {
			t.Errorf("%s: got %v and %v", name, got, err)
		}
	}
	for name, text := range map[string]string{"a letter less": s[:len(s)-1], "a letter between": a + "q" + b, "twice": s + s, "hyphen": a + "-\n" + b} {
		if _, err := ParseContact(text); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

func FuzzUnwrap(f *testing.F) {
	f.Add("<zffrost1\u200b=\n>")
	f.Fuzz(func(t *testing.T, s string) {
		once := Unwrap(s)
		if Unwrap(once) != once {
			t.Errorf("%q: unwrapped twice it differs", s)
		}
	})
}
