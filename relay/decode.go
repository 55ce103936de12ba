package relay

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
)

// bodyError is a request that frostd's web framework, axum, answers with a text
// before frostd sees it.
type bodyError struct {
	status int
	text   string
}

func (e *bodyError) Error() string { return e.text }

// decodable is a request type.
type decodable interface {
	// schema returns serde's name of the type, and the names of its fields in
	// order, the first so many of which are required.
	schema() (name string, fields []string, required int)
	// decodeField reads the value of a field.
	decodeField(field int, d *decoder) error
}

// decoder reads a request's body as serde_json and axum do: names in their case
// only, unknown ones passed over, repeated ones refused, and errors worded and
// placed as theirs, as far as clients see them (see testdata).
type decoder struct {
	json  jsontext.Decoder
	src   bytes.Buffer
	body  []byte
	path  string // of the value being read
	index int    // in the list at path, or -1
}

// decode reads body into request. Byte strings are decoded into memory of their
// own; nothing of body is kept.
func (d *decoder) decode(body []byte, request decodable) error {
	d.body, d.path, d.index = body, "", -1
	d.src = *bytes.NewBuffer(body)
	d.json.Reset(&d.src, jsontext.AllowDuplicateNames(true))
	if err := d.object(request); err != nil {
		return err
	}
	if _, err := d.json.ReadToken(); err != io.EOF {
		return d.syntaxError(err, "trailing characters")
	}
	return nil
}

// object reads the body's one object.
func (d *decoder) object(request decodable) error {
	name, fields, required := request.schema()
	if d.json.PeekKind() != jsontext.KindBeginObject {
		return d.mismatch("struct " + name)
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.syntaxError(err, "")
	}
	seen := 0 // a bit for each field
	for d.json.PeekKind() != jsontext.KindEndObject {
		field, err := d.name(fields)
		if err != nil {
			return err
		}
		if field < 0 {
			if err := d.json.SkipValue(); err != nil {
				return d.syntaxError(err, "")
			}
			continue
		}
		if seen&(1<<field) != 0 {
			return d.dataError("duplicate field `%s`", fields[field])
		}
		seen |= 1 << field
		d.path = fields[field]
		if err := request.decodeField(field, d); err != nil {
			return err
		}
		d.path = ""
	}
	if _, err := d.json.ReadToken(); err != nil {
		return d.syntaxError(err, "")
	}
	for i, field := range fields[:required] {
		if seen&(1<<i) == 0 {
			return d.dataError("missing field `%s`", field)
		}
	}
	return nil
}

// name reads the name of a member of an object and returns its index in
// fields, or -1.
func (d *decoder) name(fields []string) (int, error) {
	raw, err := d.json.ReadValue()
	if err != nil {
		return 0, d.syntaxError(err, "")
	}
	text, err := unquote(raw)
	if err != nil {
		return 0, d.syntaxError(err, "")
	}
	for i, field := range fields {
		if string(text) == field {
			return i, nil
		}
	}
	return -1, nil
}

// unquote returns what a JSON string says, as a part of raw if it can.
func unquote(raw jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// text reads a string; want says what is expected in the error.
func (d *decoder) text(want string) ([]byte, error) {
	if d.json.PeekKind() != jsontext.KindString {
		return nil, d.mismatch(want)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return nil, d.syntaxError(err, "")
	}
	text, err := unquote(raw)
	if err != nil {
		return nil, d.syntaxError(err, "")
	}
	return text, nil
}

// uuid reads a UUID in any of its text forms.
func (d *decoder) uuid() (uuid.UUID, error) {
	text, err := d.text("a UUID string")
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.ParseBytes(text)
	// ParseBytes takes any two bytes for braces.
	braced := len(text) != 38 || text[0] == '{' && text[37] == '}'
	if err != nil || !braced {
		return uuid.Nil, d.dataError("UUID parsing failed: %s", uuidDefect(string(text)))
	}
	return id, nil
}

// uuidDefect says what is wrong with a UUID in the words of the Rust crate uuid.
func uuidDefect(text string) string {
	digits, offset := text, 0
	switch {
	case len(text) > 1 && text[0] == '{' && text[len(text)-1] == '}':
		digits, offset = text[1:len(text)-1], 1
	case strings.HasPrefix(text, "urn:uuid:"):
		digits, offset = text[len("urn:uuid:"):], len("urn:uuid:")
	}
	bad := strings.IndexFunc(digits, func(r rune) bool { return !strings.ContainsRune("0123456789abcdefABCDEF-", r) })
	if bad >= 0 {
		r, _ := utf8.DecodeRuneInString(digits[bad:])
		return fmt.Sprintf("invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `%c` at %d",
			r, bad+offset+1)
	}
	groups := strings.Split(digits, "-")
	switch {
	case len(groups) == 1 && offset == 0:
		return fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(text))
	case len(groups) != 5:
		return fmt.Sprintf("invalid group count: expected 5, found %d", len(groups))
	}
	for i, want := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != want {
			return fmt.Sprintf("invalid group length in group %d: expected %d, found %d", i, want, len(groups[i]))
		}
	}
	return "not a UUID"
}

// bytes reads a byte string of hexadecimal digits in either case.
func (d *decoder) bytes() ([]byte, error) {
	text, err := d.text("a string")
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(text)/2)
	return out, d.unhex(out, text)
}

// unhex decodes text, of which out has half the length.
func (d *decoder) unhex(out, text []byte) error {
	if len(text)%2 != 0 {
		return d.dataError("invalid Base16 length")
	}
	if _, err := hex.Decode(out, text); err != nil {
		return d.dataError("invalid Base16 encoding")
	}
	return nil
}

// keyList is a list of keys as a request gives it.
type keyList struct {
	keys      []Key
	malformed bool // one of them was not of 32 bytes, and is left out
}

// keyList reads a list of byte strings.
func (d *decoder) keyList() (list keyList, err error) {
	if d.json.PeekKind() != jsontext.KindBeginArray {
		return keyList{}, d.mismatch("a sequence")
	}
	if _, err := d.json.ReadToken(); err != nil {
		return keyList{}, d.syntaxError(err, "")
	}
	for d.index = 0; d.json.PeekKind() != jsontext.KindEndArray; d.index++ {
		if err := d.key(&list); err != nil {
			return keyList{}, err
		}
	}
	d.index = -1
	if _, err := d.json.ReadToken(); err != nil {
		return keyList{}, d.syntaxError(err, "")
	}
	return list, nil
}

// key reads one byte string of a list.
func (d *decoder) key(list *keyList) error {
	text, err := d.text("a string")
	if err != nil {
		return err
	}
	var key Key
	if len(text) != hex.EncodedLen(len(key)) {
		list.malformed = true
		return d.unhex(make([]byte, len(text)/2), text)
	}
	if err := d.unhex(key[:], text); err != nil {
		return err
	}
	list.keys = append(list.keys, key)
	return nil
}

// byte reads a whole number of 0 to 255.
func (d *decoder) byte() (uint8, error) {
	n, err := d.number("u8", 8)
	return uint8(n), err
}

// number reads a whole number of so many bits, of the Rust type want.
func (d *decoder) number(want string, bits int) (uint64, error) {
	if d.json.PeekKind() != jsontext.KindNumber {
		return 0, d.mismatch(want)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return 0, d.syntaxError(err, "")
	}
	n, err := strconv.ParseUint(string(raw), 10, bits)
	if err != nil {
		found := unexpected(raw)
		if strings.HasPrefix(found, "integer") {
			return 0, d.dataError("invalid value: %s, expected %s", found, want)
		}
		return 0, d.dataError("invalid type: %s, expected %s", found, want)
	}
	return n, nil
}

// boolean reads true or false.
func (d *decoder) boolean() (bool, error) {
	kind := d.json.PeekKind()
	if kind != jsontext.KindTrue && kind != jsontext.KindFalse {
		return false, d.mismatch("a boolean")
	}
	if _, err := d.json.ReadToken(); err != nil {
		return false, d.syntaxError(err, "")
	}
	return kind == jsontext.KindTrue, nil
}

// mismatch is the error of a value of another kind than wanted.
func (d *decoder) mismatch(want string) error {
	kind := d.json.PeekKind()
	if kind == jsontext.KindBeginArray || kind == jsontext.KindBeginObject {
		// serde refuses these before it reads them; the decoder has to be moved
		// on to where they begin.
		name := map[jsontext.Kind]string{jsontext.KindBeginArray: "sequence", jsontext.KindBeginObject: "map"}[kind]
		if _, err := d.json.ReadToken(); err != nil {
			return d.syntaxError(err, "")
		}
		return d.dataErrorAt(int(d.json.InputOffset())-1, "invalid type: %s, expected %s", name, want)
	}
	raw, err := d.json.ReadValue()
	if err != nil {
		return d.syntaxError(err, "")
	}
	return d.dataError("invalid type: %s, expected %s", unexpected(raw), want)
}

// unexpected names a value that is no list or object as serde does.
func unexpected(raw jsontext.Value) string {
	switch raw.Kind() {
	case jsontext.KindNull:
		return "null"
	case jsontext.KindTrue, jsontext.KindFalse:
		return "boolean `" + string(raw) + "`"
	case jsontext.KindString:
		return "string " + string(raw)
	}
	if bytes.ContainsAny(raw, ".eE") {
		return "floating point `" + string(raw) + "`"
	}
	return "integer `" + string(raw) + "`"
}

// dataError is the error of JSON that does not fit, found where reading stands.
func (d *decoder) dataError(format string, args ...any) error {
	return d.dataErrorAt(int(d.json.InputOffset()), format, args...)
}

func (d *decoder) dataErrorAt(offset int, format string, args ...any) error {
	return d.bodyError(http.StatusUnprocessableEntity, "Failed to deserialize the JSON body into the target type: ",
		fmt.Sprintf(format, args...), offset)
}

// syntaxError is the error of a body that is not JSON.
func (d *decoder) syntaxError(err error, reason string) error {
	offset := int(d.json.InputOffset())
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		offset = int(syntactic.ByteOffset)
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		reason = "EOF while parsing a value"
		offset = len(d.body)
	case reason == "":
		reason = "expected value"
		offset++
	default:
		offset++
	}
	return d.bodyError(http.StatusBadRequest, "Failed to parse the request body as JSON: ", reason, offset)
}

// bodyError words an error after the first offset bytes of the body.
func (d *decoder) bodyError(status int, prefix, reason string, offset int) error {
	before := d.body[:min(offset, len(d.body))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - (bytes.LastIndexByte(before, '\n') + 1)
	switch {
	case d.index >= 0:
		reason = fmt.Sprintf("%s[%d]: %s", d.path, d.index, reason)
	case d.path != "":
		reason = d.path + ": " + reason
	}
	return &bodyError{status, fmt.Sprintf("%s%s at line %d column %d", prefix, reason, line, column)}
}
