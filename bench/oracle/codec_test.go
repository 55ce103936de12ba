package oracle_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"unicode/utf8"

	"frostkit/bench/oracle"
)

// message is an input of a decoder. It prints as a line of testdata/messages.jsonl,
// from which it is tried again in every run.
type message struct {
	Type string       `json:"type"`
	Form string       `json:"form"`
	Text string       `json:"text,omitempty"`
	Hex  oracle.Bytes `json:"hex,omitempty"`
	Note string       `json:"note,omitempty"`
}

func newMessage(c codec, form string, input []byte) message {
	m := message{Type: c.name, Form: form}
	if form == "json" && utf8.Valid(input) {
		m.Text = string(input)
	} else {
		m.Hex = input
	}
	return m
}

func (m message) input() []byte {
	if m.Text != "" {
		return []byte(m.Text)
	}
	return m.Hex
}

// decodeBy has a version of the crates decode a message.
func (m message) decodeBy(tb testing.TB, version oracle.Recipient) (*decoded, error) {
	tb.Helper()
	var recoded struct {
		JSON     oracle.Bytes `json:"json"`
		Postcard oracle.Bytes `json:"postcard"`
	}
	err := zf.Ask(version, "recode", args{"type": m.Type, "form": m.Form, "input": oracle.Bytes(m.input())}, &recoded)
	if refused := (*oracle.RefusedError)(nil); errors.As(err, &refused) {
		return nil, err
	}
	if err != nil {
		tb.Fatal(err)
	}
	d := &decoded{recoded.JSON, recoded.Postcard, unknown}
	if m.Type == "PublicKeyPackage" {
		d.cutThreshold(tb)
	}
	return d, nil
}

// cutThreshold brings what version 3 wrote into the form of version 2.
func (d *decoded) cutThreshold(tb testing.TB) {
	tb.Helper()
	var fields struct {
		MinSigners *int `json:"min_signers"`
	}
	if err := json.Unmarshal(d.json, &fields); err != nil {
		tb.Fatal(err)
	}
	if fields.MinSigners == nil {
		return
	}
	d.threshold = *fields.MinSigners
	begin, inJSON := bytes.CutSuffix(d.json, fmt.Appendf(nil, `,"min_signers":%d}`, d.threshold))
	form2, inPostcard := bytes.CutSuffix(d.postcard, d.tail())
	if !inJSON || !inPostcard {
		tb.Fatalf("threshold %d is not where it ought to be: %s %x", d.threshold, d.json, d.postcard)
	}
	d.json, d.postcard = append(begin, '}'), form2
}

// tail is how version 3 writes the threshold in postcard: Some and a varint, and nothing
// for none.
func (d *decoded) tail() []byte {
	if d.threshold == unknown {
		return nil
	}
	return binary.AppendUvarint([]byte{1}, uint64(d.threshold))
}

// answers are what the three implementations make of a message: nil for a refusal.
type answers struct {
	ours, v2, v3          *decoded
	errOurs, errV2, errV3 error
}

func (m message) decode(tb testing.TB) answers {
	tb.Helper()
	var a answers
	c := codecNamed(m.Type)
	decode := c.json
	if m.Form == "postcard" {
		decode = c.postcard
	}
	a.ours, a.errOurs = decode(m.input())
	a.v2, a.errV2 = m.decodeBy(tb, oracle.Frost2)
	a.v3, a.errV3 = m.decodeBy(tb, oracle.Frost3)
	return a
}

// check fails the test if the implementations do not agree on a message as they ought to.
func (m message) check(tb testing.TB) answers {
	tb.Helper()
	a := m.decode(tb)
	agree := a.agreeOnJSON
	if m.Form == "postcard" {
		agree = a.agreeOnPostcard
	}
	if complaint := agree(m); complaint != "" {
		line, err := json.Marshal(m)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Fatalf("%s\n%s\nours: %v\n  v2: %v\n  v3: %v", complaint, line,
			a.ours.or(a.errOurs), a.v2.or(a.errV2), a.v3.or(a.errV3))
	}
	return a
}

// or describes a decoded value, or else an error.
func (d *decoded) or(err error) string {
	if d == nil {
		return err.Error()
	}
	return string(d.json) + " " + hex.EncodeToString(d.postcard)
}

// agreeOnJSON: package frost takes what either version takes, as the same value.
// The versions differ on public key packages alone, of whose thresholds version 2
// does not know.
func (a answers) agreeOnJSON(m message) string {
	switch {
	case m.Type != "PublicKeyPackage" && (a.v2 == nil) != (a.v3 == nil):
		return "version 2 and version 3 differ"
	case a.v2 != nil && !a.v2.equal(a.v3):
		return "version 3 does not take what version 2 does"
	case a.ours == nil && a.v3 != nil && a.sloppyTail(m):
		return ""
	case (a.ours == nil) != (a.v3 == nil):
		return "ours and version 3 differ in what they take"
	case a.ours != nil && !a.ours.equal(a.v3):
		return "ours and version 3 differ in what they read"
	}
	return ""
}

// sloppyTail: of a public key package written as an array, version 3 takes everything that
// its reader can skip as a fourth item, and ignores it unless it is a threshold. Package
// frost refuses what is neither a threshold nor null.
func (a answers) sloppyTail(m message) bool {
	array := bytes.HasPrefix(bytes.TrimSpace(m.input()), []byte("["))
	return array && m.Type == "PublicKeyPackage" && a.v2 == nil && a.v3.threshold == unknown
}

// agreeOnPostcard: the versions take the same, and of that package frost takes what
// version 3 would have written itself. So it refuses overlong varints, trailing bytes,
// and maps whose keys do not ascend. It also takes the option None, which version 3
// reads but writes as nothing.
func (a answers) agreeOnPostcard(m message) string {
	if (a.v2 == nil) != (a.v3 == nil) {
		return "version 2 and version 3 differ"
	}
	canonical := a.v3 != nil && a.v3.wouldWrite(m)
	switch {
	case a.v3 != nil && !bytes.Equal(a.v2.postcard, a.v3.postcard):
		return "version 2 and version 3 differ in what they read"
	case (a.ours != nil) != canonical:
		return "ours differs from what version 3 would have written"
	case a.ours != nil && !a.ours.equal(a.v3):
		return "ours and version 3 differ in what they read"
	}
	return ""
}

func (d *decoded) wouldWrite(m message) bool {
	rest, same := bytes.CutPrefix(m.input(), d.postcard)
	none := m.Type == "PublicKeyPackage" && d.threshold == unknown && bytes.Equal(rest, []byte{0})
	return same && (none || bytes.Equal(rest, d.tail()))
}

func (d *decoded) equal(other *decoded) bool {
	return d != nil && other != nil && d.threshold == other.threshold &&
		bytes.Equal(d.json, other.json) && bytes.Equal(d.postcard, other.postcard)
}

// TestCodecs decodes random values, plain and in every manner that JSON can be
// written, and what little changes make of them.
func TestCodecs(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			trials(t, 150, func(t *trial) {
				sample := c.sample(t)
				plain := newMessage(c, "json", []byte(sample.String())).check(t)
				if plain.ours == nil {
					t.Fatalf("%s: %v", sample, plain.errOurs)
				}
				if plain.v2 != nil && string(plain.v2.json) != sample.String() {
					t.Fatalf("%s is written as %s", sample, plain.v2.json)
				}
				newMessage(c, "postcard", plain.ours.postcard).check(t)
				newMessage(c, "json", []byte(sample.write(t.loose()))).check(t)
			})
		})
	}
}

// TestMutatedJSON decodes values in JSON with one to three things wrong.
func TestMutatedJSON(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			trials(t, 400, func(t *trial) {
				v := c.sample(t)
				for range 1 + t.IntN(3) {
					t.mutate(v)
				}
				s := style{}
				if t.chance(2) {
					s = t.loose()
				}
				input := []byte(v.write(s))
				if t.chance(4) {
					input = t.mutateBytes(input)
				}
				newMessage(c, "json", input).check(t)
			})
		})
	}
}

// TestMutatedPostcard decodes values in postcard with one to three things wrong.
func TestMutatedPostcard(t *testing.T) {
	for _, c := range codecs {
		t.Run(c.name, func(t *testing.T) {
			trials(t, 300, func(t *trial) {
				input := t.postcardOf(c)
				for range t.IntN(4) {
					input = t.mutatePostcard(input)
				}
				newMessage(c, "postcard", input).check(t)
			})
		})
	}
}
