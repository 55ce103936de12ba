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
