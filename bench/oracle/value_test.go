package oracle_test

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// value is a value of JSON that can be made wrong: an object keeps the order of its
// members and may have them twice, and a number is any text.
type value struct {
	kind  byte     // '{', '[', '"', or '0' for a number and any other literal
	names []string // of an object's members
	items []*value // an object's members, or an array's items
	text  string   // what a string holds, or the literal
}

func str(s string) *value { return &value{kind: '"', text: s} }

func hexString(b []byte) *value { return str(hex.EncodeToString(b)) }

func literal(s string) *value { return &value{kind: '0', text: s} }

func number(n int) *value { return literal(strconv.Itoa(n)) }

func array(items ...*value) *value { return &value{kind: '[', items: items} }

// object makes an object of names and values in turn.
func object(members ...any) *value {
	v := &value{kind: '{'}
	for i := 0; i < len(members); i += 2 {
		v.add(members[i].(string), members[i+1].(*value))
	}
	return v
}

func (v *value) add(name string, item *value) {
	v.names = append(v.names, name)
	v.items = append(v.items, item)
}

// all returns v and everything within.
func (v *value) all() []*value {
	values := []*value{v}
	for _, item := range v.items {
		values = append(values, item.all()...)
	}
	return values
}

// clone returns a copy that shares nothing.
func (v *value) clone() *value {
	c := &value{kind: v.kind, names: append([]string(nil), v.names...), text: v.text}
	for _, item := range v.items {
		c.items = append(c.items, item.clone())
	}
	return c
}

// String writes the value as serde_json does, without white space.
func (v *value) String() string { return v.write(style{}) }

// style is how to write JSON: functions that may change what stands between two tokens,
// and a string.
type style struct {
	space func() string
	quote func(string) string
}

func (v *value) write(s style) string {
	if s.space == nil {
		s.space = func() string { return "" }
	}
	if s.quote == nil {
		s.quote = func(text string) string { return `"` + text + `"` }
	}
	switch v.kind {
	case '"':
		return s.quote(v.text)
	case '0':
		return v.text
	}
	var items []string
	for i, item := range v.items {
		text := s.space() + item.write(s) + s.space()
		if v.kind == '{' {
			text = s.space() + s.quote(v.names[i]) + s.space() + ":" + text
		}
		items = append(items, text)
	}
	shut := map[byte]string{'{': "}", '[': "]"}[v.kind]
	return string(v.kind) + strings.Join(items, ",") + s.space() + shut
}

// loose is a style with white space here and there, and characters escaped that need
// not be.
func (t *trial) loose() style {
	return style{
		space: func() string {
			if t.chance(3) {
				return pick(t, []string{" ", "\t", "\n", "\r", "  \r\n\t"})
			}
			return ""
		},
		quote: func(text string) string {
			rarity := 2 + t.IntN(100)
			var b strings.Builder
			for _, c := range text {
				switch {
				case c < 0x80 && t.chance(rarity):
					fmt.Fprintf(&b, pick(t, []string{`\u%04x`, `\u%04X`}), c)
				default:
					b.WriteRune(c)
				}
			}
			return `"` + b.String() + `"`
		},
	}
}
