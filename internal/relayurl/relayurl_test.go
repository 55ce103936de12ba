package relayurl

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"relay.example:2744":             "https://relay.example:2744",
		"Relay.EXAMPLE.:2744":            "https://relay.example:2744",
		"HTTPS://relay.example":          "https://relay.example",
		"https://relay.example/":         "https://relay.example",
		"https://relay.example/frost":    "https://relay.example/frost",
		"relay.example/a/b%20c//":        "https://relay.example/a/b%20c",
		" relay.example:2744\r\n":        "https://relay.example:2744",
		"relay_1:2744":                   "https://relay_1:2744",
		"http://localhost:2744":          "http://localhost:2744",
		"http://[::1]:2744":              "http://[::1]:2744",
		"http://127.8.9.1":               "http://127.8.9.1",
		"http://127.1:80":                "http://127.0.0.1:80",
		"127.0.1:2744":                   "https://127.0.0.1:2744",
		"127.1:2744":                     "https://127.0.0.1:2744",
		"0x7f000001:2744":                "https://127.0.0.1:2744",
		"0X7F.1:2744":                    "https://127.0.0.1:2744",
		"2130706433:2744":                "https://127.0.0.1:2744",
		"0177.0.0.01:2744":               "https://127.0.0.1:2744",
		"1.2.3":                          "https://1.2.0.3",
		"127.0.0.1.":                     "https://127.0.0.1",
		"0":                              "https://0.0.0.0",
		"4294967295":                     "https://255.255.255.255",
		"0x":                             "https://0.0.0.0",
		"[2001:DB8::1]:2744":             "https://[2001:db8::1]:2744",
		"[::ffff:1.2.3.4]":               "https://[::ffff:1.2.3.4]",
		"[fe80::1%eth0]:2744":            "https://[fe80::1%25eth0]:2744",
		"[fe80::1%25eth0]:2744":          "https://[fe80::1%25eth0]:2744",
		"[::]:2744":                      "https://[::]:2744",
		"relay.example:65535":            "https://relay.example:65535",
		"":                               "is not a host",
		":2744":                          "is not a host",
		"::1:2744":                       "is not a host",
		"relay.example:":                 "no valid port",
		"relay.example:0":                "no valid port",
		"relay.example:99999":            "no valid port",
		"relay.example:02744":            "no valid port",
		"relay.example:99999999999999":   "no valid port",
		"relay.example:http":             "is not a host",
		"http://relay.example:2744":      "in the clear",
		"http://0.0.0.0:2744":            "in the clear",
		"http://localhost.evil":          "in the clear",
		"http://128.1":                   "in the clear",
		"ftp://relay.example":            `the scheme "ftp"`,
		"user@relay.example":             "user before its host",
		"https://relay.example@evil":     "user before its host",
		"relay.example?x":                "is not a host",
		"relay.example#x":                "is not a host",
		"relay.example/../x":             "path that no relay",
		"relay.example/%2e%2e/x":         "path that no relay",
		"relay.example//x":               "path that no relay",
		"relay example":                  "is not a host",
		"relay.example\n:2744":           "is not a host",
		"-relay.example":                 "is not a host",
		"relay..example":                 "is not a host",
		"256.1.1.1":                      "is not a host",
		"1.2.3.4.5":                      "is not a host",
		"4294967296":                     "is not a host",
		"1.2.65536":                      "is not a host",
		"0x7f.08":                        "is not a host",
		"[fe80::1%]:2744":                "zone",
		"[fe80::1%a b]":                  "is not a host",
		"[127.0.0.1]:2744":               "is not a host",
		"[::1":                           "is not a host",
		"rélay.example":                  "is not a host",
		strings.Repeat("a.", 127) + "aa": "is not a host",
		strings.Repeat("a", 64):          "is not a host",
	} {
		address, err := Parse(text)
		switch {
		case err != nil && strings.HasPrefix(want, "http"):
			t.Errorf("%q: %v, want %s", text, err, want)
		case err != nil && !strings.Contains(err.Error(), want):
			t.Errorf("%q: %v, want what says %q", text, err, want)
		case err == nil && address.String() != want:
			t.Errorf("%q is %s, want %s", text, address, want)
		}
		if err == nil {
			if again, err := Parse(address.String()); err != nil || again != address {
				t.Errorf("%q is %v, and that is %v, %v", text, address, again, err)
			}
		}
	}
}

func TestOrigin(t *testing.T) {
	for text, want := range map[string]string{
		"relay.example/frost": "https://relay.example:443",
		"http://127.1":        "http://127.0.0.1:80",
		"[::1]:2744":          "https://[::1]:2744",
	} {
		if address, err := Parse(text); err != nil || address.Origin() != want {
			t.Errorf("%q: %s, %v, want %s", text, address.Origin(), err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("https://relay.example:2744/frost")
	f.Add("0x7f.1:80")
	f.Add("[fe80::1%25eth0]")
	f.Fuzz(func(t *testing.T, text string) {
		address, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(address.String()); err != nil || again != address {
			t.Errorf("%q is %+v, and that is %+v, %v", text, address, again, err)
		}
	})
}
