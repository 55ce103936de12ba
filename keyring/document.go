package keyring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

var (
	// ErrInvalidFile is what reading a credentials file fails with when it is
	// not one; the error is a [*FileError] that says where.
	ErrInvalidFile = errors.New("invalid credentials file")
	// ErrVersion is what reading a credentials file of another version fails
	// with; it is an [ErrInvalidFile] too.
	ErrVersion = fmt.Errorf("%w: unknown version", ErrInvalidFile)
)

// FileError says what is wrong with a file, and where.
type FileError struct {
	// Path is the file's.
	Path string
	// Line and Column count from 1, the column in characters; both are 0 when
	// the problem is with the file as a whole.
	Line, Column int
	// Err is the problem. It matches [ErrInvalidFile] and holds no secret.
	Err error
}

// Error says which file, where in it, and what is wrong there.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.Path, e.Line, e.Column, e.Err)
}

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

const (
	// maxFileSize is the size of the largest file read, in bytes: some six hundred
	// groups of 255 members.
	maxFileSize = 64 << 20
	// maxBrackets bounds how deep tables and arrays can be nested, and with it
	// the stack that the decoder takes.
	maxBrackets = 1 << 16
)

// document is a decoded TOML file that knows where its keys stand.
type document struct {
	path string
	data []byte
	meta toml.MetaData
	root map[string]any
}

// openBrackets counts what may nest: all brackets but those of plain table headers, of which a
// file may have many.
func openBrackets(data []byte) int {
	count := 0
	for line := range bytes.Lines(data) {
		n := bytes.Count(line, []byte("[")) + bytes.Count(line, []byte("{"))
		line = bytes.TrimSpace(line)
		if n == 1 && bytes.HasPrefix(line, []byte("[")) && bytes.HasSuffix(line, []byte("]")) {
			n = 0
		}
		count += n
	}
	return count
}

func decodeDocument(path string, data []byte) (*document, error) {
	d := &document{path: path, data: data}
	if len(data) > maxFileSize {
		return nil, d.whole("%w: larger than %d MiB", ErrInvalidFile, maxFileSize>>20)
	}
	if openBrackets(data) > maxBrackets {
		return nil, d.whole("%w: more than %d arrays and inline tables", ErrInvalidFile, maxBrackets)
	}
	var err error
	d.meta, err = toml.Decode(string(data), &d.root)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		// The error itself holds the whole input, secrets included: it ends here.
		return nil, d.at(syntax.Position.Start, fmt.Errorf("%w: %s", ErrInvalidFile, censor(syntax.Message)))
	case err != nil:
		return nil, d.whole("%w: %s", ErrInvalidFile, censor(err.Error()))
	}
	return d, nil
}

// secretText is what a key may look like that lost its quotation marks.
var secretText = regexp.MustCompile(`[0-9A-Fa-f]{8,}`)

// censor takes what may be a secret out of the decoder's message.
func censor(message string) string {
	return EscapeName(secretText.ReplaceAllString(message, "…"))
}

func (d *document) whole(format string, args ...any) error {
	return &FileError{Path: d.path, Err: fmt.Errorf(format, args...)}
}

// at makes an error of the byte at an offset.
func (d *document) at(offset int, err error) error {
	before := d.data[:min(max(offset, 0), len(d.data))]
	lineStart := bytes.LastIndexByte(before, '\n') + 1
	return &FileError{
		Path:   d.path,
		Line:   bytes.Count(before, []byte("\n")) + 1,
		Column: utf8.RuneCount(before[lineStart:]) + 1,
		Err:    err,
	}
}

// offset returns where the value at path begins, or the first one below it.
func (d *document) offset(path []string) int {
	for _, key := range d.meta.Keys() {
		if len(key) >= len(path) && slices.Equal(key[:len(path)], path) {
			if start, ok := d.locate(key); ok {
				return start
			}
		}
	}
	return 0
}

// locate asks the decoder where a key's value is. It tells in the errors of an
// Unmarshaler only, so one that fails is run on the value.
func (d *document) locate(key toml.Key) (start int, ok bool) {
	var level map[string]toml.Primitive
	meta, err := toml.Decode(string(d.data), &level)
	for i, part := range key {
		value, found := level[part]
		if err != nil || !found {
			return 0, false
		}
		if i < len(key)-1 {
			level = nil
			err = meta.PrimitiveDecode(value, &level)
			continue
		}
		err = meta.PrimitiveDecode(value, failing{})
	}
	var located toml.ParseError
	if !errors.As(err, &located) || located.Position.Line == 0 {
		return 0, false // a table that has no header of its own
	}
	return located.Position.Start, true
}

// failing is an Unmarshaler that takes nothing.
type failing struct{}

func (failing) UnmarshalTOML(any) error { return errors.ErrUnsupported }

// table is a table of a document whose fields are taken out one by one; what
// is left at the end is unknown.
type table struct {
	doc  *document
	path []string
	rest map[string]any
}

func (d *document) table() *table {
	return &table{doc: d, rest: maps.Clone(d.root)}
}

// errorf makes an error of a field, or of the table when the field is missing
// or "". Its text begins with the field's name.
func (t *table) errorf(field, format string, args ...any) error {
	path := t.path
	if field != "" {
		path = append(slices.Clone(t.path), field)
	}
	return t.fail(field, fmt.Errorf("%w: %s: %w", ErrInvalidFile, describe(path), fmt.Errorf(format, args...)))
}

// describe writes a path for people, with names that came from elsewhere escaped.
func describe(path []string) string {
	parts := make([]string, len(path))
	for i, key := range path {
		if parts[i] = key; formatKey(key) != key {
			parts[i] = quoteName(key)
		}
	}
	return strings.Join(parts, ".")
}

func (t *table) fail(field string, err error) error {
	if path := append(slices.Clone(t.path), field); t.doc.meta.IsDefined(path...) {
		return t.doc.at(t.doc.offset(path), err)
	}
	return t.doc.at(t.doc.offset(t.path), err)
}

// take removes a field of type T; ok is false when it is missing.
func take[T any](t *table, field string) (value T, ok bool, err error) {
	found, ok := t.rest[field]
	if !ok {
		return value, false, nil
	}
	value, ok = found.(T)
	if !ok {
		return value, false, t.errorf(field, "has the wrong type, want %s", typeName(value))
	}
	delete(t.rest, field)
	return value, true, nil
}

func typeName(v any) string {
	switch v.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	default:
		return "a table"
	}
}

// required removes a field of type T that must be there.
func required[T any](t *table, field string) (T, error) {
	value, ok, err := take[T](t, field)
	if err == nil && !ok {
		err = t.errorf(field, "is missing; the file may be cut short")
	}
	return value, err
}

// hex removes a field of hexadecimal digits in either case.
func (t *table) hex(field string) ([]byte, error) {
	text, err := required[string](t, field)
	if err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(text)
	switch {
	case errors.Is(err, hex.ErrLength):
		return nil, t.errorf(field, "has an odd number of hexadecimal digits: %d", len(text))
	case err != nil:
		return nil, t.errorf(field, "is not hexadecimal")
	}
	return b, nil
}

// tables removes a field that holds tables alone, by name; none when it is
// missing.
func (t *table) tables(field string) ([]*table, error) {
	all, ok, err := t.table(field)
	if err != nil || !ok {
		return nil, err
	}
	var tables []*table
	for _, name := range slices.Sorted(maps.Keys(all.rest)) {
		one, _, err := all.table(name)
		if err != nil {
			return nil, err
		}
		tables = append(tables, one)
	}
	return tables, nil
}

// table removes a field that is a table.
func (t *table) table(field string) (sub *table, ok bool, err error) {
	values, ok, err := take[map[string]any](t, field)
	return &table{doc: t.doc, path: append(slices.Clone(t.path), field), rest: maps.Clone(values)}, ok, err
}

func (t *table) name() string { return t.path[len(t.path)-1] }
