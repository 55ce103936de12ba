// Package shown is the gate between words from elsewhere and people: what a relay answers, members say, files,
// arguments and the environment hold. Behind it nothing acts on a terminal, hides, or turns the direction of what
// is around it, and nothing pretends to be a line of the program.
package shown

import (
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The most that is shown, in bytes.
const (
	// MaxWords is that of one text from elsewhere.
	MaxWords = 200
	// MaxLine is that of a line which the program says, with all that it names.
	MaxLine = 4096
)

const cutMark = "…"

// Words returns a text from elsewhere on one line of at most [MaxWords] bytes, where it is longer with a mark at its
// end. Escaping it once more changes nothing.
func Words(s string) string { return Line(s, MaxWords) }

// Quote returns a text from elsewhere as Go writes it between quotation marks, at most [MaxWords] bytes of it.
func Quote(s string) string {
	quoted := strconv.Quote(s[:min(len(s), MaxWords)])
	if len(s) <= MaxWords && len(quoted) <= MaxWords {
		return Escape(quoted)
	}
	return Line(strings.TrimSuffix(quoted, `"`)+cutMark, MaxWords-1) + `"`
}

// Line is [Words] of at most so many bytes.
func Line(s string, most int) string { return escape(s, most, "") }

// Escape returns a text on one line: what acts on a terminal, hides, or turns the direction of text is written as Go
// writes it in strings, such as \n, \u202e or \xff.
func Escape(s string) string { return escape(s, 0, "") }

// Text is [Escape] that leaves line ends and tabs.
func Text(s string) string { return escape(s, 0, "\n\t") }

// Lines is [Text] of which each line has [MaxLine] bytes at most.
func Lines(s string) string { return indented(s, "") }

// Indented is [Lines] of which all lines after the first begin with a space: none can be taken for another thing that
// the program says.
func Indented(s string) string { return indented(s, "  ") }

func indented(s, by string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if line = escape(line, MaxLine, "\t"); i > 0 && !strings.HasPrefix(line, " ") {
			line = by + line
		}
		lines[i] = line
	}
	return strings.Join(lines, "\n")
}

// escape writes no more than most bytes, or all of them for 0, and leaves the characters in kept.
func escape(s string, most int, kept string) string {
	if clean(s, kept) && (most == 0 || len(s) <= most) {
		return s
	}
	var b strings.Builder
	fits := 0 // bytes after which the mark still has room
	for rest := s; len(rest) > 0; {
		r, n := utf8.DecodeRuneInString(rest)
		b.WriteString(piece(r, rest[:n], kept))
		if rest = rest[n:]; most > 0 && b.Len() > most {
			return b.String()[:fits] + cutMark
		}
		if b.Len() <= most-len(cutMark) {
			fits = b.Len()
		}
	}
	return b.String()
}

func clean(s, kept string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return acts(r) && !strings.ContainsRune(kept, r) })
}

func piece(r rune, encoded, kept string) string {
	switch {
	case r == utf8.RuneError && len(encoded) == 1:
		return Rune(rune(encoded[0]), true)
	case acts(r) && !strings.ContainsRune(kept, r):
		return Rune(r, false)
	}
	return encoded
}

// Rune returns how Go writes a character in strings, or a byte that is none.
func Rune(r rune, raw bool) string {
	if raw {
		return `\x` + strconv.FormatInt(int64(r)|0x100, 16)[1:]
	}
	quoted := strconv.QuoteRuneToASCII(r)
	return quoted[1 : len(quoted)-1]
}

// acts reports whether a character does something else than to be seen: control characters, those of format (which
// turn the direction, have no width, or tag), the separators of lines and paragraphs, and fillers.
func acts(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point)
}

// JSON returns a JSON document that says the same, in which such characters are written \uXXXX.
func JSON(data []byte) []byte {
	if clean(string(data), "\n\t\r") {
		return data
	}
	out := make([]byte, 0, len(data))
	for _, r := range string(data) {
		if acts(r) && !strings.ContainsRune("\n\t\r", r) {
			out = appendJSON(out, r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// appendJSON writes a character as RFC 8259, section 7, does.
func appendJSON(out []byte, r rune) []byte {
	units := []rune{r}
	if r > 0xffff {
		units = []rune{0xd800 + (r-0x10000)>>10, 0xdc00 + (r-0x10000)&0x3ff}
	}
	for _, unit := range units {
		out = append(out, `\u`+strconv.FormatInt(int64(unit)|0x10000, 16)[1:]...)
	}
	return out
}

// writer is the last gate before a screen.
type writer struct{ to io.Writer }

// NewWriter returns a writer of [Text]. Each write is of whole characters.
func NewWriter(to io.Writer) io.Writer { return writer{to} }

// Write writes data as text, and counts what it was given.
func (w writer) Write(data []byte) (int, error) {
	if _, err := io.WriteString(w.to, Text(string(data))); err != nil {
		return 0, err
	}
	return len(data), nil
}
