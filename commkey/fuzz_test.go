package commkey

import (
	"strings"
	"testing"
)

// What decodes encodes to the same text, and is a key that a member can have.
func FuzzParsePublicKey(f *testing.F) {
	for text := range refused {
		f.Add(text)
	}
	f.Add("ffd81f130b4b779ffd99169e62aea3df127b9c5aa30c36605e3fe7158adc6f49")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := ParsePublicKey(text)
		if err != nil {
			return
		}
		if key.String() != strings.ToLower(text) || !key.canonical() || key.lowOrder() {
			t.Errorf("ParsePublicKey(%q) = %v", text, key)
		}
	})
}

// Private keys: nothing panics, and no error repeats the text.
func FuzzParsePrivateKey(f *testing.F) {
	f.Add("89e8a7e551bd4fdf7553be9b3dba74c3f09a03ecaa1e841e99cf31dcd306e84e")
	f.Add("not a key at all")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParsePrivateKey(text); err != nil && len(text) > 8 && strings.Contains(err.Error(), text) {
			t.Errorf("error %q repeats the key", err)
		}
	})
}
