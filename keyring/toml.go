package keyring

import (
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// tomlWriter writes TOML as the Rust crate toml 0.8 does in to_string_pretty,
// which writes frost-client's files: the same order, spacing and quotation marks.
// Its buffer may hold secrets, so what it outgrows is wiped.
type tomlWriter struct {
	b []byte
}

// grow makes room for n more bytes.
func (w *tomlWriter) grow(n int) {
	if cap(w.b)-len(w.b) >= n {
		return
	}
	grown := make([]byte, len(w.b), 2*cap(w.b)+n)
	copy(grown, w.b)
	clear(w.b)
	w.b = grown
}

func (w *tomlWriter) text(s string) {
	w.grow(len(s))
	w.b = append(w.b, s...)
}

// header begins a table.
func (w *tomlWriter) header(path ...string) {
	if len(w.b) > 0 {
		w.text("\n")
	}
	keys := make([]string, len(path))
	for i, key := range path {
		keys[i] = formatKey(key)
	}
	w.text("[" + strings.Join(keys, ".") + "]\n")
}

// field writes a line of a table.
func (w *tomlWriter) field(key string, value any) {
	w.text(formatKey(key) + " = " + formatValue(value) + "\n")
}

// hex writes a line with bytes as lower-case hexadecimal.
func (w *tomlWriter) hex(key string, value []byte) {
	w.text(formatKey(key) + ` = "`)
	w.grow(hex.EncodedLen(len(value)))
	w.b = hex.AppendEncode(w.b, value)
	w.text("\"\n")
}

// fields writes the values that are not tables.
func (w *tomlWriter) fields(values map[string]any) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !isTable(values[key]) {
			w.field(key, values[key])
		}
	}
}

// tables writes the values that are tables, each under a header.
func (w *tomlWriter) tables(values map[string]any, path ...string) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		sub, ok := values[key].(map[string]any)
		if !ok {
			continue
		}
		subpath := append(slices.Clone(path), key)
		if hasFields(sub) || len(sub) == 0 {
			w.header(subpath...)
		}
		w.fields(sub)
		w.tables(sub, subpath...)
	}
}

func isTable(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// hasFields reports whether a table has a value that is not a table, without
// which it needs no header.
func hasFields(values map[string]any) bool {
	for _, v := range values {
		if !isTable(v) {
			return true
		}
	}
	return false
}

// formatKey writes one part of a key, bare where it can be.
func formatKey(key string) string {
	bare := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-'
	}
	if key != "" && strings.IndexFunc(key, func(r rune) bool { return !bare(r) }) < 0 {
		return key
	}
	// The crate takes no character above U+00FF into a literal key.
	literal := strings.ContainsAny(key, `"\`) && !strings.ContainsFunc(key, func(r rune) bool { return isControl(r) || r == '\'' || r > 0xff })
	if literal {
		return "'" + key + "'"
	}
	return `"` + escape(key, `\n`) + `"`
}

// formatString writes a string: between quotation marks, as a literal where
// that saves escapes, on several lines where it has several.
func formatString(s string) string {
	lines := strings.Contains(s, "\n")
	switch {
	case literalString(s) && lines:
		return "'''\n" + s + "'''"
	case literalString(s) && strings.Contains(s, "'"):
		return "'''" + s + "'''"
	case literalString(s):
		return "'" + s + "'"
	case lines:
		return "\"\"\"\n" + escape(s, "\n") + `"""`
	default:
		return `"` + escape(s, `\n`) + `"`
	}
}

// literalString reports whether s has something that would need an escape and
// nothing that a literal string cannot hold.
func literalString(s string) bool {
	return strings.ContainsAny(s, `"\`) && !strings.Contains(s, "'''") && !strings.HasSuffix(s, "'") &&
		!strings.ContainsFunc(strings.ReplaceAll(s, "\n", ""), isControl)
}

// isControl reports whether r must be escaped. A tab need not be.
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

func escape(s, newline string) string {
	var b strings.Builder
	for _, r := range s {
		if short, ok := shortEscapes[r]; ok {
			b.WriteString(short)
			continue
		}
		switch {
		case r == '\n':
			b.WriteString(newline)
		case isControl(r):
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

var shortEscapes = map[rune]string{'\b': `\b`, '\t': `\t`, '\f': `\f`, '\r': `\r`, '"': `\"`, '\\': `\\`}

// formatValue writes a value as the decoder gives it, on one line but for
// strings that have several.
func formatValue(v any) string {
	switch v := v.(type) {
	case string:
		return formatString(v)
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return formatFloat(v)
	case time.Time:
		return formatTime(v)
	case []any:
		return formatArray(v)
	case []map[string]any:
		return formatArray(v)
	case map[string]any:
		return formatInlineTable(v)
	}
	panic(fmt.Sprintf("keyring: internal error: TOML value of type %T", v))
}

// formatFloat writes no exponent, and a fraction always.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "nan"
	case math.IsInf(f, 0):
		return strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'f', -1, 64)), "+")
	case f == math.Trunc(f):
		return strconv.FormatFloat(f, 'f', -1, 64) + ".0"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// formatTime leaves dates and times, of which TOML has four kinds, to the
// library that told them apart.
func formatTime(t time.Time) string {
	line, err := toml.Marshal(map[string]any{"t": t})
	if err != nil {
		panic("keyring: internal error: " + err.Error())
	}
	return strings.TrimSpace(strings.TrimPrefix(string(line), "t = "))
}

func formatArray[T any](values []T) string {
	formatted := make([]string, len(values))
	for i, v := range values {
		formatted[i] = formatValue(v)
	}
	return "[" + strings.Join(formatted, ", ") + "]"
}

func formatInlineTable(values map[string]any) string {
	if len(values) == 0 {
		return "{}"
	}
	var fields []string
	for _, key := range inlineOrder(values) {
		fields = append(fields, formatKey(key)+" = "+formatValue(values[key]))
	}
	return "{ " + strings.Join(fields, ", ") + " }"
}

// inlineOrder sorts keys as the crate does: plain values first, then arrays
// with tables in them, then tables.
func inlineOrder(values map[string]any) []string {
	rank := func(key string) int {
		switch v := values[key].(type) {
		case map[string]any:
			return 2
		case []map[string]any:
			return 1
		case []any:
			if slices.ContainsFunc(v, isTable) {
				return 1
			}
		}
		return 0
	}
	return slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		if order := rank(a) - rank(b); order != 0 {
			return order
		}
		return strings.Compare(a, b)
	})
}
