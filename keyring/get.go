package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// ErrInvalidPath is what [Get] fails with when the path cannot be read.
var ErrInvalidPath = errors.New("invalid path")

// Value is a value of a TOML file. It may be a secret: what its methods return
// is for the one who asked for it by its path.
type Value struct {
	v any
}

// Get returns the value at a path in any TOML file, as the tool tq does. The
// path is keys joined by dots, such as communication_key.pubkey; a key with other
// characters than letters, digits, '_' and '-' may be quoted as in TOML
// (contact."name.with.dots".pubkey); [0] or .0 is the first element of an array. A
// path of "" or "." is the whole file. Errors are [ErrInvalidPath], [ErrNotFound]
// and, for data that is not TOML, a [*FileError] without a path.
func Get(data []byte, path string) (Value, error) {
	steps, err := parsePath(path)
	if err != nil {
		return Value{}, fmt.Errorf("reading path %s: %w", quoteName(path), err)
	}
	d, err := decodeDocument("", data)
	if err != nil {
		return Value{}, err
	}
	var value any = d.root
	for _, s := range steps {
		if value, err = s.of(value); err != nil {
			return Value{}, fmt.Errorf("getting %s: %w", quoteName(path), err)
		}
	}
	return Value{v: value}, nil
}

// Raw returns a string without its quotation marks, anything else as
// [Value.TOML] does: tq with --raw.
func (v Value) Raw() string {
	if s, ok := v.v.(string); ok {
		return s
	}
	return v.TOML()
}

// TOML returns the value as it may stand behind a key, tables inline: tq
// without --raw.
func (v Value) TOML() string { return formatValue(v.v) }

// JSON returns the value as compact JSON, with dates as strings: tq with
// --output json. NaN and infinities, which JSON has not, are null.
func (v Value) JSON() []byte {
	b, err := json.Marshal(jsonValue(v.v))
	if err != nil {
		panic("keyring: internal error: " + err.Error())
	}
	return b
}

func jsonValue(v any) any {
	switch v := v.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
		return v
	case []any:
		return jsonArray(v)
	case []map[string]any:
		return jsonArray(v)
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, value := range v {
			object[key] = jsonValue(value)
		}
		return object
	case string, bool, int64:
		return v
	}
	return formatValue(v) // a date or a time
}

func jsonArray[T any](values []T) []any {
	array := make([]any, len(values))
	for i, v := range values {
		array[i] = jsonValue(v)
	}
	return array
}

// step is one part of a path.
type step struct {
	key     string
	bracket bool // the key is an array's index and nothing else
}

// of returns the value that the step leads to.
func (s step) of(value any) (any, error) {
	switch value := value.(type) {
	case map[string]any:
		if found, ok := value[s.key]; ok && !s.bracket {
			return found, nil
		}
		return nil, fmt.Errorf("%w: table has no key %s", ErrNotFound, quoteName(s.key))
	case []any:
		return element(value, s.key)
	case []map[string]any:
		return element(value, s.key)
	}
	return nil, fmt.Errorf("%w: %s is looked for in a value that is neither a table nor an array", ErrNotFound, quoteName(s.key))
}

func element[T any](array []T, index string) (any, error) {
	i, err := strconv.Atoi(index)
	if err != nil || i < 0 || i >= len(array) {
		return nil, fmt.Errorf("%w: array has %d elements and no %s", ErrNotFound, len(array), quoteName(index))
	}
	return array[i], nil
}

// parsePath splits a path into its steps.
func parsePath(path string) ([]step, error) {
	rest := strings.TrimLeft(path, ".") // as tq takes it
	var steps []step
	for rest != "" {
		key, after, err := cutKey(rest)
		if err != nil {
			return nil, err
		}
		steps = append(steps, step{key: key})
		if after, steps, err = cutIndexes(after, steps); err != nil {
			return nil, err
		}
		if after == "" {
			break
		}
		if after[0] != '.' || after == "." {
			return nil, fmt.Errorf("%w: want a dot and a key before %s", ErrInvalidPath, quoteName(after))
		}
		rest = after[1:]
	}
	return steps, nil
}

// cutKey takes a quoted or a bare key off the front of a path. A bare one may
// have any character but a dot and a bracket, as tq takes it.
func cutKey(path string) (key, rest string, err error) {
	if path[0] != '"' && path[0] != '\'' {
		end := strings.IndexAny(path, ".[")
		if end < 0 {
			end = len(path)
		}
		if end == 0 {
			return "", "", fmt.Errorf("%w: no key before %s", ErrInvalidPath, quoteName(path))
		}
		return path[:end], path[end:], nil
	}
	end := closingQuote(path)
	if end < 0 {
		return "", "", fmt.Errorf("%w: quotation mark is not closed in %s", ErrInvalidPath, quoteName(path))
	}
	var table map[string]any
	if _, err := toml.Decode(path[:end+1]+"=0", &table); err != nil || len(table) != 1 {
		return "", "", fmt.Errorf("%w: key %s is not quoted as in TOML", ErrInvalidPath, quoteName(path[:end+1]))
	}
	return slices.Collect(maps.Keys(table))[0], path[end+1:], nil
}

// closingQuote returns where the quotation mark is that closes the first, or -1.
func closingQuote(s string) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return i
		case s[i] == '\\' && s[0] == '"':
			i++
		}
	}
	return -1
}

// cutIndexes takes the indexes in brackets off the front of a path.
func cutIndexes(path string, steps []step) (string, []step, error) {
	for strings.HasPrefix(path, "[") {
		index, rest, ok := strings.Cut(path[1:], "]")
		if _, err := strconv.ParseUint(index, 10, 31); !ok || err != nil {
			return "", nil, fmt.Errorf("%w: want a number and a bracket in %s", ErrInvalidPath, quoteName(path))
		}
		steps = append(steps, step{key: index, bracket: true})
		path = rest
	}
	return path, steps, nil
}
