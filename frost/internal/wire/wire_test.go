package wire

import (
	"bytes"
	"encoding/hex"
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
func TestJSON(t *testing.T) {
	surrogates := `"\ud83d\ude00"`
	for text, want := range map[string]bool{
		body(`7`, `"00ff"`):                                                true,
		body(`0`, `""`):                                                    true,
		body(`65535`, `"00FF"`):                                            true,
		body(`7`, `"0\u0030f\u0046"`):                                      true,
		" \t\r\n" + body(` 7 `, ` "00ff"`) + " \t\r\n":                     true,
		`[` + header + `,7,"00ff"]`:                                        true,
		`[` + header + `,7,"00ff",9]`:                                      true,
		`[` + header + `,7,"00ff",null]`:                                   true,
		`[[0,"FROST-ED25519-SHA512-v1"],7,"00ff"]`:                         true,
		`{"text":"00ff","choice":9,"number":7,"header":` + header + `}`:    true,
		`{"text":"00ff","choice":null,"number":7,"header":` + header + `}`: true,
		`{"te\u0078t":"00ff","number":7,"header":` + header + `}`:          true,
		`{"header":{"ciphersuite":"FROST-ED25519-SHA512-v1","version":0},"number":7,"text":"00ff"}`: true,

		``:                                     false,
		`null`:                                 false,
		`7`:                                    false,
		`"text"`:                               false,
		`{}`:                                   false,
		`[]`:                                   false,
		`[` + header + `,7]`:                   false,
		`[` + header + `,7,"00ff",9,9]`:        false,
		`[` + header + `,7,"00ff",]`:           false,
		`[` + header + ` 7,"00ff"]`:            false,
		body(`65536`, `"00ff"`):                false,
		body(`99999999999999999999`, `"00ff"`): false,
		body(`-1`, `"00ff"`):                   false,
		body(`-0`, `"00ff"`):                   false,
		body(`+7`, `"00ff"`):                   false,
		body(`07`, `"00ff"`):                   false,
		body(`7.0`, `"00ff"`):                  false,
		body(`7e0`, `"00ff"`):                  false,
		body(`"7"`, `"00ff"`):                  false,
		body(`null`, `"00ff"`):                 false,
		body(`true`, `"00ff"`):                 false,
		body(``, `"00ff"`):                     false,
		body(`7`, `"00f"`):                     false,
		body(`7`, `"00fg"`):                    false,
		body(`7`, `"00f `):                     false,
		body(`7`, `'00ff'`):                    false,
		body(`7`, `null`):                      false,
		body(`7`, `[0,255]`):                   false,
		body(`7`, `"00ff\"`):                   false,
		body(`7`, `"00ff\x"`):                  false,
		body(`7`, `"\u003"`):                   false,
		body(`7`, `"\u00zz"`):                  false,
		body(`7`, `"\ud83d"`):                  false,
		body(`7`, `"\ud83dx"`):                 false,
		body(`7`, `"\ud83d\u0030"`):            false,
		body(`7`, `"\ude00"`):                  false,
		body(`7`, surrogates):                  false, // a valid string, of no digits
		body(`7`, "\"00\nff\""):                false,
		body(`7`, "\"\\u0030\n0\""):            false,
		body(`7`, "\"\xff\xff\""):              false,
		"\ufeff" + body(`7`, `"00ff"`):         false,
		body(`7`, `"00ff"`) + `x`:              false,
		body(`7`, `"00ff"`) + `{}`:             false,
		body(`7`, `"00ff"`) + "\x00":           false,
		body(`7`, `"00ff"`)[1:]:                false,
		body(`7`, `"00ff",`):                   false,
		body(`7`, `"00ff","x":1`):              false,
		body(`7`, `"00ff","text":"00ff"`):      false,
		body(`7`, `"00ff","Choice":1`):         false,
		body(`7`, `"00ff","choice":70000`):     false,
		body(`7`, `"00ff","choice":nul`):       false,
		body(`7`, `"00ff","choice":nullx`):     false,
		body(`7`, `"00ff","choice"`):           false,
		body(`7`, `"00ff","":1`):               false,
		body(`7`, `"00ff",7:1`):                false,
		strings.Replace(body(`7`, `""`), `"version":0`, `"version":1`, 1):   false,
		strings.Replace(body(`7`, `""`), `"version":0`, `"version":256`, 1): false,
		strings.Replace(body(`7`, `""`), `"version":0`, `"version":"0"`, 1): false,
		strings.Replace(body(`7`, `""`), `ED25519`, `ed25519`, 1):           false,
		strings.Replace(body(`7`, `""`), `"version":0,`, ``, 1):             false,
		strings.Replace(body(`7`, `""`), header, `null`, 1):                 false,
	} {
		err := DecodeJSON(suite, []byte(text), new(message).fields()...)
		if (err == nil) != want {
			t.Errorf("%s\naccepted %v, want %v: %v", text, err == nil, want, err)
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
