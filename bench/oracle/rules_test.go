package oracle_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/edwards25519"
)

// rule is a rule of the crates' JSON that package frost has to keep (FORMATS.md,
// section 4): what becomes of a random value of a type when it is changed so.
type rule struct {
	name, typ string
	accepted  bool
	change    func(*trial, *value)
}

// field returns a member of an object, at a path of names.
func (v *value) field(path ...string) *value {
	for _, name := range path {
		v = v.items[slices.Index(v.names, name)]
	}
	return v
}

// set changes the field at a path to a value.
func set(to func(*trial) *value, path ...string) func(*trial, *value) {
	return func(t *trial, v *value) { *v.field(path...) = *to(t) }
}

func setText(s string, path ...string) func(*trial, *value) {
	return set(func(*trial) *value { return str(s) }, path...)
}

func setLiteral(s string, path ...string) func(*trial, *value) {
	return set(func(*trial) *value { return literal(s) }, path...)
}

func setBytes(b []byte, path ...string) func(*trial, *value) {
	return set(func(*trial) *value { return hexString(b) }, path...)
}

// reverse puts the members of an object into the opposite order.
func reverse(path ...string) func(*trial, *value) {
	return func(_ *trial, v *value) {
		v = v.field(path...)
		slices.Reverse(v.names)
		slices.Reverse(v.items)
	}
}

// asArray makes an array of an object's values.
func asArray(path ...string) func(*trial, *value) {
	return func(_ *trial, v *value) { v.field(path...).kind = '[' }
}

func addMember(name string, path ...string) func(*trial, *value) {
	return func(_ *trial, v *value) { v.field(path...).add(name, literal("0")) }
}

func dropLast(path ...string) func(*trial, *value) {
	return func(_ *trial, v *value) { v = v.field(path...); v.remove(len(v.items) - 1) }
}

func repeatFirst(path ...string) func(*trial, *value) {
	return func(_ *trial, v *value) { v = v.field(path...); v.add(v.names[0], v.items[0].clone()) }
}

func mixedOrder(t *trial) *value {
	p := t.point()
	return hexString(p.Add(p, pick(t, torsion()[1:])).Bytes())
}

// notOnCurve is about half of all encodings.
func notOnCurve(t *trial) *value {
	for {
		b := t.bytes(32)
		if _, err := new(edwards25519.Point).SetBytes(b); err != nil {
			return hexString(b)
		}
	}
}

var rules = []rule{
	{"fields in any order", "KeyPackage", true, reverse()},
	{"header fields in any order", "KeyPackage", true, reverse("header")},
	{"map keys in any order", "SigningPackage", true, reverse("signing_commitments")},
	{"array for the object", "KeyPackage", true, asArray()},
	{"array for the header", "KeyPackage", true, asArray("header")},
	{"array for a map", "SigningPackage", false, asArray("signing_commitments")},
	{"array in another order", "KeyPackage", false, func(t *trial, v *value) { reverse()(t, v); v.kind = '[' }},
	{"array with an item too many", "KeyPackage", false, func(t *trial, v *value) { addMember("x")(t, v); v.kind = '[' }},
	{"array with an item too few", "KeyPackage", false, func(t *trial, v *value) { dropLast()(t, v); v.kind = '[' }},
	{"map key twice, the last counts", "SigningPackage", true, func(t *trial, v *value) {
		m := v.field("signing_commitments")
		id := t.identifier().String()
		m.add(id, t.signingCommitments())
		m.add(strings.ToUpper(id), t.signingCommitments())
	}},
	{"no verifying shares", "PublicKeyPackage", true, set(func(*trial) *value { return object() }, "verifying_shares")},
	{"no commitments", "SecretShare", true, set(func(*trial) *value { return array() }, "commitment")},
	{"signing share 0", "KeyPackage", true, setBytes(make([]byte, 32), "signing_share")},
	{"identifier 0", "KeyPackage", false, setBytes(make([]byte, 32), "identifier")},
	{"threshold 0", "KeyPackage", true, setLiteral("0", "min_signers")},
	{"threshold 65535", "KeyPackage", true, setLiteral("65535", "min_signers")},
	{"threshold 65536", "KeyPackage", false, setLiteral("65536", "min_signers")},
	{"threshold 2.0", "KeyPackage", false, setLiteral("2.0", "min_signers")},
	{"threshold -1", "KeyPackage", false, setLiteral("-1", "min_signers")},
	{"threshold as a string", "KeyPackage", false, setText("2", "min_signers")},
	{"threshold null", "KeyPackage", false, setLiteral("null", "min_signers")},
	{"unknown field", "Round2Package", false, addMember("x")},
	{"unknown field of the header", "Round2Package", false, addMember("x", "header")},
	{"field in another case", "Round2Package", false, func(_ *trial, v *value) { v.names[1] = "Signing_share" }},
	{"missing field", "Round2Package", false, dropLast()},
	{"missing header", "Round2Package", false, func(_ *trial, v *value) { v.remove(0) }},
	{"missing ciphersuite", "Round2Package", false, dropLast("header")},
	{"field twice", "Round2Package", false, func(_ *trial, v *value) { v.add("signing_share", v.items[1].clone()) }},
	{"header field twice", "Round2Package", false, repeatFirst("header")},
	{"version 1", "Round2Package", false, setLiteral("1", "header", "version")},
	{"version 256", "Round2Package", false, setLiteral("256", "header", "version")},
	{"version 0.0", "Round2Package", false, setLiteral("0.0", "header", "version")},
	{"version -0", "Round2Package", false, setLiteral("-0", "header", "version")},
	{"version 00", "Round2Package", false, setLiteral("00", "header", "version")},
	{"another ciphersuite", "Round2Package", false, setText("FROST-P256-SHA256-v1", "header", "ciphersuite")},
	{"ciphersuite in another case", "Round2Package", false, setText("frost-ed25519-sha512-v1", "header", "ciphersuite")},
	{"scalar equal to the order", "SignatureShare", false, setBytes(littleEndian(order), "share")},
	{"scalar with the top bit", "SignatureShare", false, setBytes(slices.Concat(make([]byte, 31), []byte{0x80}), "share")},
	{"scalar of 31 bytes", "SignatureShare", false, setBytes(make([]byte, 31), "share")},
	{"scalar of 33 bytes", "SignatureShare", false, setBytes(make([]byte, 33), "share")},
	{"scalar of an odd number of digits", "SignatureShare", false, setText(strings.Repeat("0", 63), "share")},
	{"empty scalar", "SignatureShare", false, setText("", "share")},
	{"scalar as an array of numbers", "SignatureShare", false, set(func(*trial) *value { return array(literal("0")) }, "share")},
	{"element not on the curve", "SigningCommitments", false, set(notOnCurve, "hiding")},
	{"element of mixed order", "SigningCommitments", false, set(mixedOrder, "binding")},
	{"signature of 63 bytes", "Round1Package", false, setBytes(make([]byte, 63), "proof_of_knowledge")},
	{"message of an odd number of digits", "SigningPackage", false, setText("0", "message")},
	{"message in mixed case", "SigningPackage", true, setText("aAFf", "message")},
	{"threshold of null", "PublicKeyPackage", true, func(_ *trial, v *value) { v.add("min_signers", literal("null")) }},
	{"threshold of the group", "PublicKeyPackage", true, func(_ *trial, v *value) { v.add("min_signers", literal("2")) }},
	{"array without a threshold", "PublicKeyPackage", true, asArray()},
	{"array with a threshold of null", "PublicKeyPackage", true, func(_ *trial, v *value) {
		v.add("min_signers", literal("null"))
		v.kind = '['
	}},
	{"threshold 65536 of the group", "PublicKeyPackage", false, func(_ *trial, v *value) { v.add("min_signers", literal("65536")) }},
}

// TestRules tries every rule on random values: what both versions make of them is as
// written here, and ours agrees.
func TestRules(t *testing.T) {
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			trials(t, 5, func(t *trial) {
				v := codecNamed(r.typ).sample(t)
				if r.typ == "PublicKeyPackage" && len(v.items) == 4 {
					v.remove(3)
				}
				r.change(t, v)
				m := newMessage(codecNamed(r.typ), "json", []byte(v.String()))
				if a := m.check(t); (a.v3 != nil) != r.accepted || (a.ours != nil) != r.accepted {
					t.Errorf("%s: version 3: %s, ours: %s", m.Text, a.v3.or(a.errV3), a.ours.or(a.errOurs))
				}
			})
		})
	}
}

// TestSpelling writes one value in other ways: the first four are JSON, the others are not.
func TestSpelling(t *testing.T) {
	trials(t, 20, func(t *trial) {
		c := pick(t, codecs[:8])
		text := c.sample(t).String()
		for i, spelled := range []string{
			" \t\r\n" + text + " \t\r\n",
			strings.Replace(text, "header", `h\u0065\u0061der`, 1),
			strings.Replace(text, "ED25519", `\u0045\u0044\u0032\u0035519`, 1),
			strings.ReplaceAll(text, ":", " :\n"),
			text + "x", text + "{}", text + ",", text + "\x00", "\ufeff" + text, text + "//", "[" + text + "]",
			strings.Replace(text, "{", "{,", 1), strings.Replace(text, "}", ",}", 1),
			strings.ReplaceAll(text, `"`, "'"), text[:len(text)-1], "",
		} {
			a := newMessage(c, "json", []byte(spelled)).check(t)
			if (a.ours != nil) != (i < 4) {
				t.Errorf("%q: %s", spelled, a.ours.or(a.errOurs))
			}
		}
	})
}

// TestElements decodes encodings of points of every kind, alone.
func TestElements(t *testing.T) {
	c := codecNamed("VerifyingKey")
	trials(t, 2500, func(t *trial) { newMessage(c, "postcard", t.element()).check(t) })
	t.Run("edges", func(t *testing.T) {
		for _, b := range edgeEncodings() {
			if a := newMessage(c, "postcard", b).check(t); a.ours != nil {
				t.Errorf("%x is taken", b)
			}
		}
	})
}

// TestScalars decodes scalars of every kind, alone.
func TestScalars(t *testing.T) {
	trials(t, 1000, func(t *trial) {
		newMessage(codecNamed("Identifier"), "postcard", t.anyScalar()).check(t)
		newMessage(codecNamed("SignatureShare"), "postcard", t.anyScalar()).check(t)
	})
}

// TestTorsionThatCancels decodes messages whose points are outside the group but have
// a sum within it, which a test of the sum alone would miss.
func TestTorsionThatCancels(t *testing.T) {
	trials(t, 100, func(t *trial) {
		small := torsion()[1:]
		i := t.IntN(len(small))
		p, q := t.point(), t.point()
		first := hexString(p.Add(p, small[i]).Bytes())
		second := hexString(q.Add(q, small[len(small)-1-i]).Bytes())
		round1 := t.round1Package()
		round1.field("commitment").items = []*value{first, second}
		commitments := t.signingCommitments()
		*commitments.field("hiding"), *commitments.field("binding") = *first, *second
		for name, v := range map[string]*value{"Round1Package": round1, "SigningCommitments": commitments} {
			if a := newMessage(codecNamed(name), "json", []byte(v.String())).check(t); a.ours != nil {
				t.Errorf("%s is taken", v)
			}
		}
	})
}

// stricter are inputs in postcard that the crates take, or in one case version 3 alone in
// JSON, and that package frost refuses on purpose: one value has one encoding.
var stricter = []struct {
	name, typ string
	change    func(*trial, []byte) []byte
}{
	{"trailing byte", "KeyPackage", func(_ *trial, b []byte) []byte { return append(b, 0) }},
	{"trailing bytes after a signing package", "SigningPackage", func(t *trial, b []byte) []byte { return append(b, t.bytes(3)...) }},
	{"overlong count", "Round1Package", func(_ *trial, b []byte) []byte {
		return slices.Replace(b, headerSize, headerSize+1, b[headerSize]|0x80, 0)
	}},
	{"overlong threshold", "KeyPackage", func(_ *trial, b []byte) []byte {
		return append(b[:headerSize+4*32], b[headerSize+4*32]|0x80, 0)
	}},
	{"option with a tag of 2", "PublicKeyPackage", func(_ *trial, b []byte) []byte { return append(b, 2) }},
	{"option cut short", "PublicKeyPackage", func(_ *trial, b []byte) []byte { return append(b, 1) }},
	{"option with a number too large", "PublicKeyPackage", func(_ *trial, b []byte) []byte { return append(b, 1, 0xff, 0xff, 4) }},
	{"map keys that descend", "PublicKeyPackage", func(t *trial, _ []byte) []byte { return t.twoShares(9, 7) }},
	{"map key twice", "PublicKeyPackage", func(t *trial, _ []byte) []byte { return t.twoShares(7, 7) }},
}

// headerSize is the length of a header in postcard: the version and the short ID.
const headerSize = 1 + 4

// twoShares is a public key package of the participants a and b, in postcard.
func (t *trial) twoShares(a, b byte) []byte {
	t.Helper()
	return slices.Concat([]byte{0, 0xb1, 0x69, 0xf0, 0xda, 2},
		littleEndian(bigInt(a)), t.point().Bytes(), littleEndian(bigInt(b)), t.point().Bytes(), t.point().Bytes())
}

// TestStricter tries where package frost is stricter than the crates, and that it is.
func TestStricter(t *testing.T) {
	for _, s := range stricter {
		t.Run(s.name, func(t *testing.T) {
			trials(t, 5, func(t *trial) {
				v := codecNamed(s.typ).sample(t)
				if s.typ == "PublicKeyPackage" && len(v.items) == 4 {
					v.remove(3)
				}
				valid := must(codecNamed(s.typ).json([]byte(v.String())))(t)
				m := newMessage(codecNamed(s.typ), "postcard", s.change(t, bytes.Clone(valid.postcard)))
				if a := m.check(t); a.v2 == nil || a.v3 == nil || a.ours != nil {
					t.Errorf("%x: version 2: %s, version 3: %s, ours: %s", m.Hex, a.v2.or(a.errV2), a.v3.or(a.errV3), a.ours.or(a.errOurs))
				}
			})
		})
	}
	t.Run("fourth item of an array that is no threshold", func(t *testing.T) {
		trials(t, 5, func(t *trial) {
			v := t.publicKeyPackage()
			v.items, v.kind = append(v.items[:3], literal(pick(t, []string{"65536", "-1", `"x"`, "true", "2.5", ""}))), '['
			a := newMessage(codecNamed("PublicKeyPackage"), "json", []byte(v.String())).check(t)
			if a.v2 != nil || a.v3 == nil || a.ours != nil {
				t.Errorf("%s: version 2: %s, version 3: %s, ours: %s", v, a.v2.or(a.errV2), a.v3.or(a.errV3), a.ours.or(a.errOurs))
			}
		})
	})
}

// TestMessages tries the messages of testdata/messages.jsonl again: those on which
// implementations once differed, and others worth keeping.
func TestMessages(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "messages.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var m message
		if err := json.Unmarshal(line, &m); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		m.check(t)
	}
}
