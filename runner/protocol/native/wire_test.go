package native

import (
	"strings"
	"testing"
	"testing/synctest"

	"frostkit/runner/protocol"
)

// What no honest member sends does not decode.
func TestDecodersRefuse(t *testing.T) {
	accusations := make([]accusation, 3)
	long := strings.Repeat("x", maxReason+1)
	rows := map[string]func() error{
		"greeting with a record twice": func() error {
			_, err := decodeGreeting(greeting{version: Version, held: []held{{attempt: recordID(1)}, {attempt: recordID(1), finished: true}}}.encode())
			return err
		},
		"greeting with 17 records": func() error {
			x := greeting{version: Version}
			for i := range maxHeld + 1 {
				x.held = append(x.held, held{attempt: recordID(byte(i))})
			}
			_, err := decodeGreeting(x.encode())
			return err
		},
		"abort with as many accusations as members": func() error {
			_, err := decodeAbort(abort{why: whyBlame, blames: accusations}.encode(), 3)
			return err
		},
		"abort with a long reason": func() error {
			_, err := decodeAbort(abort{why: whyFailed, reason: long}.encode(), 3)
			return err
		},
		"want of a member twice": func() error {
			_, err := decodeWant(want{kindRound1, []uint16{1, 2, 2}}.encode())
			return err
		},
		"want out of order": func() error {
			_, err := decodeWant(want{kindRound1, []uint16{2, 1}}.encode())
			return err
		},
		"views of one member too many": func() error {
			_, err := decodeViews(make([]byte, 4*32), 3)
			return err
		},
		"end with a long reason": func() error {
			_, err := decodeEnding(ending{reason: long}.encode())
			return err
		},
		"end in a phase in which nobody waits": func() error {
			_, err := decodeEnding(ending{phase: "\x1b[2J"}.encode())
			return err
		},
		"end without a phase and with missing members": func() error {
			_, err := decodeEnding(ending{missing: [][]byte{{1}}}.encode())
			return err
		},
	}
	for name, decode := range rows {
		if decode() == nil {
			t.Errorf("%s decodes", name)
		}
	}
	if _, err := decodeAbort(abort{why: whyBlame, blames: accusations[:2]}.encode(), 3); err != nil {
		t.Errorf("abort with an accusation of each other member: %v", err)
	}
}

// Facts of another member are any text: what it calls them is shown so that it cannot be taken for
// something else.
func TestForeignFactsAreQuoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		ends := generate(within(t), people, 2, protocol.NewHub(), func(p *person, cfg *DKGConfig) {
			if p.Name == "carol" {
				cfg.Digest[0] ^= 1
				cfg.Facts = append(cfg.Facts, Fact{"\x1b[2Jfile\nnew line", "1"}, Fact{"ceremony", "second\x07"})
			}
		})
		for _, p := range people[:2] {
			text := ends[p.Name].err.Error()
			for _, line := range []string{
				"\n  ceremony:\n    \"board\" at alice, bob\n    \"board, second\\a\" at carol",
				"\n  \"\\x1b[2Jfile\\nnew line\":\n    (nothing) at alice, bob\n    \"1\" at carol",
			} {
				if !strings.Contains(text, line) {
					t.Errorf("%s: %q lacks %q", p.Name, text, line)
				}
			}
		}
	})
}
