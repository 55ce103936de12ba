package keyring

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"frostkit/internal/shown"
)

// EscapeName makes a name that came from somebody else fit for a terminal: what
// does not print or is invisible (control characters, bidi overrides, zero-width
// and other default-ignorable characters, spaces other than U+0020) is written as
// Go writes it in strings, such as \n, \u202e or \xff. A backslash is doubled, so
// that two names never print alike for their escapes.
func EscapeName(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(shown.Rune(rune(s[0]), true))
		case r == '\\':
			b.WriteString(`\\`)
		case invisible(r):
			b.WriteString(shown.Rune(r, false))
		default:
			b.WriteRune(r)
		}
		s = s[n:]
	}
	return b.String()
}

// quoteName puts an escaped name between quotation marks.
func quoteName(s string) string { return `"` + EscapeName(s) + `"` }

// blanks print as nothing though Unicode counts them as letters and symbols.
const blanks = "\u2800" // BRAILLE PATTERN BLANK

func invisible(r rune) bool {
	return !strconv.IsPrint(r) || ignorable(r) || strings.ContainsRune(blanks, r)
}

// ignorable reports whether r is one of Unicode's Default_Ignorable_Code_Point.
func ignorable(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// NameWarnings names the contacts that can be taken for each other or for something that they are
// not. Names look alike that differ in case, in white space, in invisible characters, or in Greek,
// Cyrillic and full-width letters that are drawn like Latin ones. Show it when a contact was added.
func (k *Keyring) NameWarnings() []string {
	var warnings []string
	bySkeleton := map[string]Contact{}
	for _, c := range k.Contacts() {
		if EscapeName(c.Name) != strings.ReplaceAll(c.Name, `\`, `\\`) {
			warnings = append(warnings, fmt.Sprintf("contact %s (%s) has invisible characters in its name", quoteName(c.Name), c.Key))
		}
		if other, ok := bySkeleton[skeleton(c.Name)]; ok {
			warnings = append(warnings, fmt.Sprintf("contact %s (%s) looks like contact %s (%s); find out whose keys they are", quoteName(c.Name), c.Key, quoteName(other.Name), other.Key))
		}
		bySkeleton[skeleton(c.Name)] = c
	}
	return warnings
}

// The letters that are drawn like a Latin one in most fonts, each before the
// Latin letter: Cyrillic, then Greek (Unicode Technical Standard 39, Section 4).
var drawnAlike = strings.NewReplacer(
	"а", "a", "е", "e", "о", "o", "р", "p", "с", "c", "у", "y", "х", "x", "ѕ", "s", "і", "i", "ј", "j", "ԁ", "d", "һ", "h", "ӏ", "l", "ԛ", "q", "ԝ", "w",
	"А", "A", "В", "B", "Е", "E", "К", "K", "М", "M", "Н", "H", "О", "O", "Р", "P", "С", "C", "Т", "T", "У", "Y", "Х", "X", "Ѕ", "S", "І", "I", "Ј", "J",
	"α", "a", "ι", "i", "κ", "k", "ν", "v", "ο", "o", "ρ", "p", "υ", "u",
	"Α", "A", "Β", "B", "Ε", "E", "Ζ", "Z", "Η", "H", "Ι", "I", "Κ", "K", "Μ", "M", "Ν", "N", "Ο", "O", "Ρ", "P", "Τ", "T", "Υ", "Y", "Χ", "X",
)

// skeleton maps names that look alike to the same text.
func skeleton(name string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || strings.ContainsRune(blanks, r):
			return ' '
		case ignorable(r) || unicode.IsControl(r):
			return -1
		case r >= '！' && r <= '～': // the full-width forms of ASCII
			return r - '！' + '!'
		default:
			return r
		}
	}, name)
	return strings.Join(strings.Fields(strings.ToLower(drawnAlike.Replace(visible))), " ")
}
