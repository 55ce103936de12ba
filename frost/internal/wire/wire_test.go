package wire

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"frostkit/frost/internal/ed25519"
	"frostkit/frost/internal/group"
)

var suite = new(ed25519.Suite)

// message has a field of each kind that is not of the group.
type message struct {
	number uint16
	text   []byte
	choice *uint16
}

func (m *message) fields() []Field {
	return []Field{Header(), Uint16("number", &m.number), Bytes("text", &m.text), OptionalUint16("choice", &m.choice)}
}

const header = `{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"}`

// body is the JSON of a message with a field's value replaced.
func body(number, text string) string {
	return `{"header":` + header + `,"number":` + number + `,"text":` + text + `}`
}

// The cases are those of serde_json for a struct that denies unknown fields.
var jsonAccepted = []string{
	body(`7`, `"00ff"`),
	body(`0`, `""`),
	body(`65535`, `"00FF"`),
	body(`7`, `"0\u0030f\u0046"`),
	" \t\r\n" + body(` 7 `, ` "00ff"`) + " \t\r\n",
	`[` + header + `,7,"00ff"]`,
	`[` + header + `,7,"00ff",9]`,
	`[` + header + `,7,"00ff",null]`,
	`[[0,"FROST-ED25519-SHA512-v1"],7,"00ff"]`,
	`{"text":"00ff","choice":9,"number":7,"header":` + header + `}`,
	`{"text":"00ff","choice":null,"number":7,"header":` + header + `}`,
	`{"te\u0078t":"00ff","number":7,"header":` + header + `}`,
	`{"header":{"ciphersuite":"FROST-ED25519-SHA512-v1","version":0},"number":7,"text":"00ff"}`,
}

var jsonRefused = []string{
	``,
	`null`,
	`7`,
	`"text"`,
	`{}`,
	`[]`,
	`[` + header + `,7]`,
	`{"header":` + header + `,"number":7,"text":"\`,
	`{"header":` + header + `,"number":7,"text":"\u00`,
	`[` + header + `,7,"00ff",9,9]`,
	`[` + header + `,7,"00ff",]`,
	`[` + header + ` 7,"00ff"]`,
	body(`65536`, `"00ff"`),
	body(`99999999999999999999`, `"00ff"`),
	body(`-1`, `"00ff"`),
	body(`-0`, `"00ff"`),
	body(`+7`, `"00ff"`),
	body(`07`, `"00ff"`),
	body(`7.0`, `"00ff"`),
	body(`7e0`, `"00ff"`),
	body(`"7"`, `"00ff"`),
	body(`null`, `"00ff"`),
	body(`true`, `"00ff"`),
	body(``, `"00ff"`),
	body(`7`, `"00f"`),
	body(`7`, `"00fg"`),
	body(`7`, `"00f `),
	body(`7`, `'00ff'`),
	body(`7`, `null`),
	body(`7`, `[0,255]`),
	body(`7`, `"00ff\"`),
	body(`7`, `"00ff\x"`),
	body(`7`, `"\u003"`),
	body(`7`, `"\u00zz"`),
	body(`7`, `"\ud83d"`),
	body(`7`, `"\ud83dx"`),
	body(`7`, `"\ud83d\u0030"`),
	body(`7`, `"\ude00"`),
	body(`7`, `"\ud83d\ude00"`), // a valid string, of no digits
	body(`7`, "\"00\nff\""),
	body(`7`, "\"\\u0030\n0\""),
	body(`7`, "\"\xff\xff\""),
	"\ufeff" + body(`7`, `"00ff"`),
	body(`7`, `"00ff"`) + `x`,
	body(`7`, `"00ff"`) + `{}`,
	body(`7`, `"00ff"`) + "\x00",
	body(`7`, `"00ff"`)[1:],
	body(`7`, `"00ff",`),
	body(`7`, `"00ff","x":1`),
	body(`7`, `"00ff","text":"00ff"`),
	body(`7`, `"00ff","Choice":1`),
	body(`7`, `"00ff","choice":70000`),
	body(`7`, `"00ff","choice":nul`),
	body(`7`, `"00ff","choice":nullx`),
	body(`7`, `"00ff","choice"`),
	body(`7`, `"00ff","":1`),
	body(`7`, `"00ff",7:1`),
	strings.Replace(body(`7`, `""`), `"version":0`, `"version":1`, 1),
	strings.Replace(body(`7`, `""`), `"version":0`, `"version":256`, 1),
	strings.Replace(body(`7`, `""`), `"version":0`, `"version":"0"`, 1),
	strings.Replace(body(`7`, `""`), `ED25519`, `ed25519`, 1),
	strings.Replace(body(`7`, `""`), `"version":0,`, ``, 1),
	strings.Replace(body(`7`, `""`), header, `null`, 1),
}

// Escapes are of no use in digits, and so are tested by what they come out as.
func TestEscapes(t *testing.T) {
	r := &jsonReader{data: []byte(`"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u20AC"`)}
	text, err := r.text()
	if want := "a\"\\/\b\f\n\r\té😀€"; err != nil || string(text) != want {
		t.Errorf("%q, want %q: %v", text, want, err)
	}
}

func TestJSON(t *testing.T) {
	for _, text := range jsonAccepted {
		if err := DecodeJSON(suite, []byte(text), new(message).fields()...); err != nil {
			t.Errorf("%s\n%v", text, err)
		}
	}
	for _, text := range jsonRefused {
		if DecodeJSON(suite, []byte(text), new(message).fields()...) == nil {
			t.Errorf("%s\nis accepted", text)
		}
	}
}

// Cut anywhere, a message is an error.
func TestTruncated(t *testing.T) {
	m := &message{number: 300, text: []byte("text")}
	json := EncodeJSON(suite, m.fields())
	for n := range json {
		if DecodeJSON(suite, json[:n], new(message).fields()...) == nil {
			t.Errorf("%s decodes", json[:n])
		}
	}
	postcard := EncodePostcard(suite, m.fields())
	for n := range postcard {
		if DecodePostcard(suite, postcard[:n], new(message).fields()...) == nil {
			t.Errorf("%x decodes", postcard[:n])
		}
	}
}

func TestPostcard(t *testing.T) {
	const head = "00b169f0da"
	for text, want := range map[string]bool{
		head + "07" + "0200ff":               true,
		head + "00" + "00":                   true,
		head + "ffff03" + "00":               true,
		head + "07" + "0200ff" + "00":        true,
		head + "07" + "0200ff" + "0109":      true,
		head + "07" + "0200ff" + "01ac02":    true,
		"":                                   false,
		head:                                 false,
		"01b169f0da" + "07" + "00":           false,
		"00b169f0db" + "07" + "00":           false,
		head + "808004" + "00":               false, // 65536
		head + "8700" + "00":                 false, // 7 in two bytes
		head + "87" + "00":                   false,
		head + "ffffffffffffffffff01" + "00": false,
		head + "ffffffffffffffffffff01":      false,
		head + "07" + "0300ff":               false,
		head + "07" + "820000ff":             false,
		head + "07" + "ffffffffffffffff7f":   false,
		head + "07" + "0200ff" + "01":        false,
		head + "07" + "0200ff" + "02":        false,
		head + "07" + "0200ff" + "0000":      false,
		head + "07" + "0200ff" + "010900":    false,
		head + "07" + "0200ff" + "018900":    false,
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		err = DecodePostcard(suite, b, new(message).fields()...)
		if (err == nil) != want {
			t.Errorf("%s: accepted %v, want %v: %v", text, err == nil, want, err)
		}
	}
}

// A count that promises more than the input holds costs no more than the input.
func TestHugeCounts(t *testing.T) {
	for _, count := range []string{"ffffffff0f", "ffffffffffffffff7f"} {
		b, err := hex.DecodeString("00b169f0da" + count)
		if err != nil {
			t.Fatal(err)
		}
		allocated := testing.AllocsPerRun(1, func() {
			var elements []group.Element
			if DecodePostcard(suite, b, Header(), Elements("list", &elements)) == nil {
				t.Error("decodes")
			}
		})
		if allocated > 100 {
			t.Errorf("%v allocations", allocated)
		}
	}
}

// Errors name the place, and repeat no value of a secret.
func TestErrorsHoldNoSecret(t *testing.T) {
	const digits = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7"
	for _, value := range []string{`"` + digits + `"`, `"` + digits[:64] + `"`, `"` + digits[:63] + `"`, `"` + digits[:63] + `x"`, digits} {
		var s group.Scalar
		err := DecodeJSON(suite, []byte(`{"secret":`+value+`}`), Scalar("secret", &s))
		if err == nil || strings.Contains(err.Error(), digits[:8]) || !strings.Contains(err.Error(), "secret: ") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// A secret in the place of anything else is not repeated either: the error has the place and the field.
func TestErrorsHoldNoMisplacedSecret(t *testing.T) {
	const digits = "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75eff" // no element
	one := hex.EncodeToString(suite.Group().BaseMult(suite.Group().ScalarFromUint16(1)).Encoding())
	prefix := `{"header":` + header
	for text, want := range map[string]string{
		prefix + `,"list":[],"one":"` + digits + `"}`:                                                     "one: element is not",
		prefix + `,"list":["` + one + `","` + digits + `","` + one + `"],"one":"` + one + `"}`:            "list[1]: element is not",
		prefix + `,"` + digits + `":[]}`:                                                                  "unknown field",
		prefix + `,"` + digits[:20] + `":[]}`:                                                             "unknown field",
		strings.Replace(prefix, suite.ID(), digits, 1) + `,"list":[],"one":"` + one + `"}`:                "header: ciphersuite: ",
		strings.Replace(prefix, suite.ID(), suite.ID()+digits[:8], 1) + `,"list":[],"one":"` + one + `"}`: "header: ciphersuite: ",
	} {
		var x group.Element
		var list []group.Element
		err := DecodeJSON(suite, []byte(text), Header(), Elements("list", &list), Element("one", &x))
		at := strings.Index(text, digits[:8])
		end := `"`
		if strings.HasPrefix(want, "list") {
			end = `]`
		}
		place := fmt.Sprintf("byte %d of the JSON: ", at+strings.Index(text[at:], end)+1)
		if err == nil || strings.Contains(err.Error(), digits[:6]) || !strings.HasPrefix(err.Error(), place+want) {
			t.Errorf("%s: %v, want %s%s", text, err, place, want)
		}
	}
}

// The buffers that the encoder leaves behind as it grows are wiped.
func TestEncoderWipes(t *testing.T) {
	e := &Encoder{suite: suite, buf: make([]byte, 0, 8)}
	e.Fixed([]byte("secret"))
	left := e.buf[:6]
	e.Fixed(bytes.Repeat([]byte("x"), 100))
	if !bytes.Equal(left, make([]byte, 6)) || len(e.buf) != 106 {
		t.Errorf("left behind: %q", left)
	}
}

func TestRoundTrip(t *testing.T) {
	choice := uint16(9)
	for _, m := range []*message{{number: 65535, text: []byte{}}, {text: []byte("text"), choice: &choice}} {
		json, postcard := new(message), new(message)
		if err := DecodeJSON(suite, EncodeJSON(suite, m.fields()), json.fields()...); err != nil {
			t.Error(err)
		}
		if err := DecodePostcard(suite, EncodePostcard(suite, m.fields()), postcard.fields()...); err != nil {
			t.Error(err)
		}
		for _, got := range []*message{json, postcard} {
			if got.number != m.number || !bytes.Equal(got.text, m.text) || got.choice != nil {
				t.Errorf("%+v comes back as %+v", m, got)
			}
		}
	}
}
