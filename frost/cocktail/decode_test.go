package cocktail

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"frostkit/frost"
)

// bad are encodings that are no element of prime order.
var bad = map[string]string{
	"identity":      "0100000000000000000000000000000000000000000000000000000000000000",
	"all zero":      "0000000000000000000000000000000000000000000000000000000000000000", // of order 4
	"order 2":       "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"order 8":       "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"mixed order":   "", // of a valid element: see mixedOrder
	"not canonical": "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"minus zero":    "0100000000000000000000000000000000000000000000000000000000000080",
}

// mixedOrder is a point of prime order plus the one of order 2: its y and x are negated.
func mixedOrder(t testing.TB, encoded []byte) []byte {
	t.Helper()
	p := slices.Clone(encoded)
	borrow := 0
	prime := must(hex.DecodeString("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"))(t)
	sign := p[31] & 0x80
	p[31] &= 0x7f
	for i := range p {
		difference := int(prime[i]) - int(p[i]) - borrow
		borrow = 0
		if difference < 0 {
			difference, borrow = difference+256, 1
		}
		p[i] = byte(difference)
	}
	p[31] |= sign ^ 0x80
	return p
}

// Every element of a message is checked, and its sender is blamed.
func TestElementsAreChecked(t *testing.T) {
	p := newParty(t, "elements", 2, 3)
	_, messages := p.round1(t, 2)
	encoded := messages[p.ids[1]].Encode()
	order := must(hex.DecodeString("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"))(t)
	for position, what := range map[int]string{0: "commitment 0", 32: "commitment 1", 64: "commitment of the proof", 128: "ephemeral key"} {
		for name, text := range bad {
			element := must(hex.DecodeString(text))(t)
			if name == "mixed order" {
				element = mixedOrder(t, encoded[position:position+32])
			}
			changed := slices.Clone(encoded)
			copy(changed[position:], element)
			_, err := DecodeRound1Message(p.setup, p.ids[1], changed)
			wantBlame(t, err, CheckEncoding, p.ids[1])
			if !strings.Contains(err.Error(), what) {
				t.Errorf("%s as %s: %v", name, what, err)
			}
			if name == "mixed order" && !strings.Contains(err.Error(), "not of prime order") {
				t.Errorf("%s as %s: %v", name, what, err)
			}
		}
	}
	changed := slices.Clone(encoded)
	copy(changed[96:], order)
	_, err := DecodeRound1Message(p.setup, p.ids[1], changed)
	wantBlame(t, err, CheckEncoding, p.ids[1])
}

// Messages decoded together: every malformed one is named, and the others are there.
func TestDecodeTogether(t *testing.T) {
	p := newParty(t, "together", 2, 5)
	_, messages := p.round1(t, 2)
	encoded := make(map[frost.Identifier][]byte)
	for id, message := range messages {
		encoded[id] = message.Encode()
	}
	encoded[p.ids[1]] = encoded[p.ids[1]][1:]
	copy(encoded[p.ids[3]], make([]byte, 32))
	decoded, err := DecodeRound1Messages(p.setup, encoded)
	wantBlame(t, err, CheckEncoding, p.ids[1], p.ids[3])
	if len(decoded) != 3 {
		t.Errorf("%d messages are there, want 3", len(decoded))
	}
	for id, message := range decoded {
		if !message.Equal(messages[id]) {
			t.Errorf("message of %v differs", id)
		}
	}
}

// A polynomial of another length is told by its length.
func TestOtherThresholdIsTold(t *testing.T) {
	p := newParty(t, "threshold", 3, 5)
	for threshold, want := range map[int]string{2: "sent 2 commitments, threshold is 3", 4: "sent 4 commitments, threshold is 3"} {
		other := newParty(t, "threshold", threshold, 5)
		_, messages := other.round1(t, 2)
		_, err := DecodeRound1Message(p.setup, p.ids[1], messages[p.ids[1]].Encode())
		wantBlame(t, err, CheckEncoding, p.ids[1])
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// Frames are as long as they say, and neither too short nor too long.
func TestFramesAreChecked(t *testing.T) {
	p := newParty(t, "frames", 2, 2)
	_, messages := p.round1(t, 2)
	public := messages[p.ids[0]].encode()
	frames := func(sizes ...int) []byte {
		b := slices.Clone(public)
		for _, size := range sizes {
			b = appendFrame(b, make([]byte, size))
		}
		return b
	}
	for _, sizes := range [][]int{{48, 48}, {MaxCiphertextSize, MaxCiphertextSize}, {48, 1000}} {
		if _, err := DecodeRound1Message(p.setup, p.ids[0], frames(sizes...)); err != nil {
			t.Errorf("%v: %v", sizes, err)
		}
	}
	for name, b := range map[string][]byte{
		"nothing":         nil,
		"no ciphertexts":  public,
		"one ciphertext":  frames(120),
		"three":           frames(48, 48, 48),
		"too short":       frames(48, 47),
		"too long":        frames(48, MaxCiphertextSize+1),
		"trailing byte":   append(frames(48, 48), 0),
		"cut":             frames(48, 49)[:len(public)+2*8+48+48],
		"longer than all": make([]byte, p.setup.MaxRound1MessageSize()+1),
	} {
		_, err := DecodeRound1Message(p.setup, p.ids[0], b)
		if err == nil {
			t.Errorf("%s decodes", name)
			continue
		}
		wantBlame(t, err, CheckEncoding, p.ids[0])
	}
	stranger := must(frost.NewIdentifier(cs, 9))(t)
	if _, err := DecodeRound1Message(p.setup, stranger, frames(48, 48)); err == nil {
		t.Error("a stranger's message decodes")
	}
}

// A message that is cut anywhere does not decode, whatever it is.
func TestEveryCutIsRefused(t *testing.T) {
	p := newParty(t, "cuts", 2, 3)
	_, messages := p.round1(t, 2)
	rounds, signatures := p.round3(t, 2, []byte("extension"))
	certificate := must(rounds[0].Next(signatures))(t)
	aggregated := must(NewRound2Message(p.setup, p.ids[0], messages))(t)
	for name, c := range map[string]struct {
		encoded []byte
		decode  func([]byte) error
	}{
		"round 1 message": {messages[p.ids[0]].Encode(), func(b []byte) error { _, err := DecodeRound1Message(p.setup, p.ids[0], b); return err }},
		"round 2 message": {aggregated.Encode(), func(b []byte) error { _, err := DecodeRound2Message(p.setup, p.ids[0], b); return err }},
		"transcript":      {certificate.Transcript().Encode(), func(b []byte) error { _, err := DecodeTranscript(cs, b); return err }},
		"certificate":     {certificate.Encode(), func(b []byte) error { _, err := DecodeCertificate(cs, b); return err }},
		"signatures":      {certificate.EncodeSignatures(), func(b []byte) error { _, err := p.setup.DecodeSignatures(b); return err }},
		"signature":       {rounds[0].Signature().Bytes(), func(b []byte) error { _, err := DecodeSignature(cs, b); return err }},
		"bundle":          {p.round2(t, 2)[0].Bundle().Encode(), func(b []byte) error { _, err := DecodeBundle(cs, 3, b); return err }},
	} {
		if err := c.decode(c.encoded); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for length := range c.encoded {
			if c.decode(c.encoded[:length]) == nil {
				t.Errorf("%s decodes when cut to %d bytes", name, length)
			}
		}
		if c.decode(append(bytes.Clone(c.encoded), 0)) == nil {
			t.Errorf("%s decodes with a byte after it", name)
		}
	}
}

func TestSetupIsChecked(t *testing.T) {
	p := newParty(t, "setup", 2, 3)
	a, b := p.keys[0].PublicKey(), p.keys[1].PublicKey()
	id := []byte("session")
	for name, c := range map[string]struct {
		session   []byte
		members   []StaticPublicKey
		threshold int
		want      string
	}{
		"empty session": {nil, []StaticPublicKey{a, b}, 2, "session ID is empty"},
		"same key":      {id, []StaticPublicKey{a, b, a}, 2, "members 1 and 3 have the same static key"},
		"no key":        {id, []StaticPublicKey{a, {}}, 2, "static key of member 2"},
		"one member":    {id, []StaticPublicKey{a}, 1, "1 participants"},
		"threshold 0":   {id, []StaticPublicKey{a, b}, 0, "threshold is 0"},
		"threshold 1":   {id, []StaticPublicKey{a, b}, 1, "threshold is 1"},
		"threshold 3":   {id, []StaticPublicKey{a, b}, 3, "threshold is 3"},
		"65536 members": {id, slices.Repeat([]StaticPublicKey{a}, 65536), 2, "65536 members"},
	} {
		if _, err := NewSetup(cs, c.session, c.members, c.threshold); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if _, err := NewSetup(nil, id, []StaticPublicKey{a, b}, 2); err == nil {
		t.Error("a setup without a ciphersuite is made")
	}
	for name, text := range bad {
		if name == "mixed order" {
			text = hex.EncodeToString(mixedOrder(t, a.Bytes()))
		}
		if _, err := DecodeStaticPublicKey(cs, must(hex.DecodeString(text))(t)); err == nil {
			t.Errorf("%s is a static key", name)
		}
	}
	if _, err := DecodeStaticKey(cs, make([]byte, 32)); err == nil {
		t.Error("0 is a static key")
	}
}
