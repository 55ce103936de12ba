package keyring

import (
	"strings"
	"unicode"
)

// pastedMarks are what mail, chat and YAML put around a text or between its lines, none
// of which bech32 uses: quotes, brackets, and the = of quoted-printable.
const pastedMarks = "\"'`´<>()[]{}‘’‚‛“”„‟‹›«»「」『』=,;"

// Unwrap takes from a contact string what was put there on its way: blanks of all kinds, characters
// without width, and marks. The checksum tells whether the rest is whole.
func Unwrap(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) || strings.ContainsRune(pastedMarks, r) {
			return -1
		}
		return r
	}, s)
}
