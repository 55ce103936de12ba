package cocktail

import (
	"bytes"
	"testing"
)

// What decodes encodes to the same bytes, and nothing panics. The setup is that of the seed corpora:
// two of three members, session "fuzz".

func fuzzParty(f *testing.F) party { return newParty(f, "fuzz", 2, 3) }

func same(t *testing.T, got, want []byte) {
	t.Helper()
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

func FuzzDecodeRound1Message(f *testing.F) {
	p := fuzzParty(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeRound1Message(p.setup, p.ids[0], b); err == nil {
			same(t, m.Encode(), b)
		} else if len(Faults(err)) != 1 {
			t.Errorf("nobody is blamed: %v", err)
		}
	})
}

func FuzzDecodeAttemptMessage(f *testing.F) {
	p := newAttemptParty(f, "fuzz", 2, 3)
	_, messages := p.round1(f, 2)
	f.Add(messages[p.ids[0]].Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeRound1Message(p.setup, p.ids[0], b); err == nil {
			same(t, m.Encode(), b)
		} else if len(Faults(err)) != 1 {
			t.Errorf("nobody is blamed: %v", err)
		}
	})
}

func FuzzDecodeRound2Message(f *testing.F) {
	p := fuzzParty(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := DecodeRound2Message(p.setup, p.ids[0], b); err == nil {
			same(t, m.Encode(), b)
		}
	})
}

func FuzzDecodeTranscript(f *testing.F) {
	for _, p := range []party{newAttemptParty(f, "fuzz", 2, 3), newStaticParty(f, "fuzz", 2, 3)} {
		_, certificate := p.complete(f)
		f.Add(certificate.Transcript().Encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if transcript, err := DecodeTranscript(cs, b); err == nil {
			same(t, transcript.Encode(), b)
		}
	})
}

func FuzzDecodeCertificate(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if certificate, err := DecodeCertificate(cs, b); err == nil {
			same(t, certificate.Encode(), b)
		}
	})
}

func FuzzDecodeSignatures(f *testing.F) {
	p := fuzzParty(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		if signatures, err := p.setup.DecodeSignatures(b); err == nil {
			var encoded []byte
			for _, id := range p.ids {
				encoded = append(encoded, signatures[id].Bytes()...)
			}
			same(t, encoded, b)
		}
	})
}

func FuzzDecodeBundle(f *testing.F) {
	f.Fuzz(func(t *testing.T, members int, b []byte) {
		if bundle, err := DecodeBundle(cs, members, b); err == nil {
			same(t, bundle.Encode(), b)
		}
	})
}

func FuzzDecodeBlameMessage(f *testing.F) {
	p := newAttemptParty(f, "fuzz", 2, 3)
	_, messages := p.round1(f, 2)
	_, shown := disclosed(f, p, 0, 1, messages[p.ids[1]])
	f.Add(shown.Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := DecodeBlameMessage(p.setup, b)
		if err != nil {
			return
		}
		same(t, m.Encode(), b)
		// Nobody cheated.
		if err := m.Verify(p.ids[0], messages[m.Culprit()]); err == nil {
			t.Error("blame of an honest member is proven")
		}
	})
}

func FuzzDecodeStaticPublicKey(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		if key, err := DecodeStaticPublicKey(cs, b); err == nil {
			same(t, key.Bytes(), b)
		}
	})
}
