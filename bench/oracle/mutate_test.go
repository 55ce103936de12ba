package oracle_test

import (
	"encoding/hex"
	"slices"
	"strings"

	"frostkit/bench/oracle"
)

// mutate makes a random change somewhere in a value, which may stay valid.
func (t *trial) mutate(root *value) {
	t.Helper()
	v := pick(t, root.all())
	if t.chance(12) {
		*v = *t.replacement(root)
		return
	}
	switch v.kind {
	case '{':
		t.mutateObject(v)
	case '[':
		t.mutateArray(v)
	case '"':
		v.text = t.mutateText(v.text)
	default:
		v.text = pick(t, literals)
	}
}

// literals are what may stand for a number or null.
var literals = []string{
	"0", "1", "2", "255", "256", "65535", "65536", "4294967295", "4294967296", "18446744073709551615",
	"18446744073709551616", "184467440737095516160000000000", "-0", "-1", "+0", "00", "01", "0.0", "2.0", "2.", ".5", "0e0", "2e0", "2E+0",
	"1e400", "-1e-400", "0x0", "null", "nul", "nulll", "Null", "true", "false", "NaN", "Infinity", `"0"`, `"2"`, "", "2 2",
}

// replacement is a value that belongs elsewhere or nowhere.
func (t *trial) replacement(root *value) *value {
	t.Helper()
	return pick(t, []*value{
		literal(pick(t, literals)), str(""), array(), object(), array(literal("0")), object("a", literal("0")),
		header(), pick(t, root.all()).clone(),
	})
}

func (t *trial) mutateObject(v *value) {
	t.Helper()
	n := len(v.items)
	if n == 0 {
		v.add("", t.pointValue())
		return
	}
	i, j := t.IntN(n), t.IntN(n)
	switch t.IntN(9) {
	case 0, 1: // any order
		t.Shuffle(n, v.swap)
	case 2, 3: // the array that serde takes for a struct, in order
		v.kind = '['
	case 4: // a member twice, with the same or another's value
		v.add(v.names[i], v.items[j].clone())
	case 5:
		v.remove(i)
	case 6:
		v.add(pick(t, []string{"", "x", "a\u00e9", "version", "Header", v.names[i] + "s"}), t.replacement(v))
	case 7:
		v.names[i] = t.mutateText(v.names[i])
	default:
		v.items[i], v.items[j] = v.items[j], v.items[i]
	}
}

func (v *value) swap(i, j int) {
	v.names[i], v.names[j] = v.names[j], v.names[i]
	v.items[i], v.items[j] = v.items[j], v.items[i]
}

func (v *value) remove(i int) {
	if v.kind == '{' {
		v.names = append(v.names[:i], v.names[i+1:]...)
	}
	v.items = append(v.items[:i], v.items[i+1:]...)
}

func (t *trial) mutateArray(v *value) {
	t.Helper()
	n := len(v.items)
	if n == 0 || t.chance(3) {
		v.items = append(v.items, t.replacement(v))
		return
	}
	i, j := t.IntN(n), t.IntN(n)
	switch t.IntN(3) {
	case 0:
		v.remove(i)
	case 1:
		v.items = append(v.items, v.items[i].clone())
	default:
		v.items[i], v.items[j] = v.items[j], v.items[i]
	}
}

// mutateText changes a string, which is hexadecimal digits or a name. The result is what
// stands between the quotation marks.
func (t *trial) mutateText(s string) string {
	t.Helper()
	if b, err := hex.DecodeString(s); err == nil && len(b) >= 32 && t.chance(2) {
		return t.mutateEncoding(b)
	}
	at := t.IntN(len(s) + 1)
	switch t.IntN(6) {
	case 0:
		return strings.ToUpper(s)
	case 1:
		return strings.ToUpper(s[:at]) + s[at:]
	case 2: // in place of, or before, a character
		odd := []string{
			"g", " ", "_", "é", "\x00", "\n", "\xff", `\u0000`, `\ud800`, `\udc00`, `\ud83d\ude00`, `\ude00\ud83d`, `\ud800\u0041`, `\ud800x`,
			`\x30`, `\/`, `\"`, `\\`, `\b`, `\n`, `\u30`, `\u003`, `\u00`, `\U0030`, `\`, `"`, "0", "00", "\u2028", "\xed\xa0\x80",
		}
		return s[:at] + pick(t, odd) + s[min(len(s), at+t.IntN(2)):]
	case 3:
		return s[:at]
	case 4:
		return s + s[at:]
	}
	return pick(t, []string{"", "0", "FROST-ED25519-SHA512-v0", "FROST-RISTRETTO255-SHA512-v1", "frost-ed25519-sha512-v1"})
}

// mutateEncoding puts something else in place of 32 bytes: an element or a scalar of
// any kind, or the same with a bit changed.
func (t *trial) mutateEncoding(b []byte) string {
	t.Helper()
	at := 32 * t.IntN(len(b)/32)
	switch t.IntN(3) {
	case 0:
		copy(b[at:], t.element())
	case 1:
		copy(b[at:], t.anyScalar())
	default:
		b[at+t.IntN(32)] ^= 1 << t.IntN(8)
	}
	return hex.EncodeToString(b)
}

// mutateBytes makes a random change in a message, of either form.
func (t *trial) mutateBytes(b []byte) []byte {
	t.Helper()
	at := t.IntN(len(b) + 1)
	end := min(len(b), at+t.IntN(4))
	before, after := string(b[:at]), string(b[end:])
	switch t.IntN(6) {
	case 0:
		return []byte(before)
	case 1:
		return []byte(before + after)
	case 2:
		return []byte(before + string(t.bytes(end-at)) + after)
	case 3:
		return []byte(before + pick(t, []string{",", ":", "}", "]", "{", "[", `"`, "0", "\x00", "\f", "\v", "\u00a0", "\ufeff", "/**/"}) + after)
	case 4:
		return append(b, pick(t, []string{"\x00", " ", "\n", "x", "{}", "\x01\x02", "]", ","})...)
	}
	if len(b) == 0 {
		return b
	}
	b[t.IntN(len(b))] ^= 1 << t.IntN(8)
	return b
}

// postcardOf makes a random value of a type in postcard, by version 3.
func (t *trial) postcardOf(c codec) []byte {
	t.Helper()
	d := must(newMessage(c, "json", []byte(c.sample(t).String())).decodeBy(t, oracle.Frost3))(t)
	return append(d.postcard, d.tail()...)
}

// mutatePostcard makes a random change in postcard: 32 bytes anywhere that may be those
// of an element or a scalar, a byte that may be a length, or something else.
func (t *trial) mutatePostcard(b []byte) []byte {
	t.Helper()
	at := t.IntN(len(b) + 1)
	switch t.IntN(6) {
	case 0, 1: // aligned as the items of most types are
		if n := (len(b) - headerSize) / 32; n > 0 {
			at = headerSize + 32*t.IntN(n)
		}
		return overwrite(b, at+t.IntN(3), pick(t, [][]byte{t.element(), t.anyScalar()}))
	case 2: // an overlong varint of the same number
		if at < len(b) && b[at] < 0x80 {
			return slices.Replace(b, at, at+1, pick(t, [][]byte{{b[at] | 0x80, 0}, {b[at] | 0x80, 0x80, 0}, {b[at] | 0x80, 0x80, 0x80, 0}})...)
		}
		return b
	case 3: // another length
		if headerSize < len(b) {
			b[headerSize] += byte(t.IntN(5)) - 2
		}
		return b
	case 4: // what may be the tail of a public key package
		return append(b, pick(t, [][]byte{{0}, {1}, {2}, {1, 2}, {1, 0x82, 0}, {1, 0xff, 0xff, 3}, {1, 0x80, 0x80, 4}, {1, 2, 0}})...)
	}
	return t.mutateBytes(b)
}

// overwrite puts b2 over b at a place, as far as b reaches.
func overwrite(b []byte, at int, b2 []byte) []byte {
	if at < len(b) {
		copy(b[at:], b2)
	}
	return b
}
