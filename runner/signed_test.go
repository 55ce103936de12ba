package runner

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"frostkit/frost"
)

func TestSignatureBytes(t *testing.T) {
	cs, err := frost.CiphersuiteByName("ed25519")
	if err != nil {
		t.Fatal(err)
	}
	raw := bytes.Repeat([]byte{0xa7}, 64)
	text := hex.EncodeToString(raw)
	for name, given := range map[string]string{
		"raw": string(raw), "hexadecimal": text, "upper case": strings.ToUpper(text), "wrapped": " " + text[:64] + "\r\n\t" + text[64:] + "\n",
	} {
		if got, err := signatureBytes(cs, []byte(given)); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%s: got %x and %v", name, got, err)
		}
	}
	for given, why := range map[string]string{
		"": "it is empty", "\n": "it is empty", string(raw[:63]): "it has 63 bytes", text[2:]: "hexadecimal of 63 bytes",
		"0x" + text: "begins with 0x", base64.StdEncoding.EncodeToString(raw) + "\n": "it is base64", "\xff\xfea\x00": "UTF-16",
		"\xef\xbb\xbf" + text: "byte order mark",
	} {
		if _, err := signatureBytes(cs, []byte(given)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: got %v, want %q", given, err, why)
		}
	}
}

func TestOtherLineEnds(t *testing.T) {
	for _, c := range []struct{ signed, given, want string }{
		{"a\nb\n", "a\r\nb\r\n", "LF line ends"},
		{"a\r\nb\r\n", "a\nb\n", "CRLF line ends"},
		{"a", "a\n", "no line end at its end"},
		{"a\n", "a", "an LF line end at its end"},
		{"a\nb", "a\r\nb\r\n", "LF line ends and none at its end"},
		{"a\n", "b\n", ""},
	} {
		got := otherLineEnds([]byte(c.given), func(m []byte) bool { return string(m) == c.signed })
		if got != c.want {
			t.Errorf("%q for %q: got %q, want %q", c.given, c.signed, got, c.want)
		}
	}
}

func FuzzSignatureBytes(f *testing.F) {
	f.Add([]byte("0x00"))
	f.Add([]byte(strings.Repeat("a7\n", 64)))
	cs, err := frost.CiphersuiteByName("ed25519")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, err := signatureBytes(cs, raw); err == nil && len(got) != 64 {
			t.Errorf("%q: %d bytes", raw, len(got))
		}
	})
}
