package paste

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"frostkit/commkey"
	"frostkit/runner/input"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testSession = uuid.MustParse("2b9ea4a5-51f2-4f0b-8f4e-3c3c9f2d7b11")

const (
	aliceKey = "9a7eb5b2d1ba9ee3f4ad3d1f1ec6b3d9dd4d2e1c8a2ac5e4c8d6b5f3a2910e31"
	bobKey   = "0b3c1e5d7f92a4b6c8dae0f1325476980b1c2d3e4f5061728394a5b6c7d8e92f"
)

func mustKey(t testing.TB, text string) commkey.PublicKey {
	t.Helper()
	key, err := commkey.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func testBlock(t testing.TB, messages ...string) *Block {
	b := &Block{From: mustKey(t, aliceKey), To: mustKey(t, bobKey), Session: testSession, Number: 2}
	for _, m := range messages {
		b.Messages = append(b.Messages, []byte(m))
	}
	return b
}

func scannerOf(in io.Reader) *Scanner {
	lines := input.New(in)
	return NewScanner(func() (string, error) { return lines.Next(context.Background()) })
}

// scan returns all that is in a text.
func scan(text string) (blocks []*Block, lines []string, damages []error) {
	s := scannerOf(strings.NewReader(text))
	for {
		block, line, err := s.Next()
		var damage *DamageError
		switch {
		case errors.As(err, &damage):
			damages = append(damages, damage)
		case err != nil:
			return blocks, lines, damages
		case block != nil:
			blocks = append(blocks, block)
		default:
			lines = append(lines, line)
		}
	}
}

// The form is fixed: blocks stay in chats for years.
func TestEncode(t *testing.T) {
	want := `-----BEGIN FROSTKIT MESSAGE-----
From: 9a7eb5b2d1ba9ee3f4ad3d1f1ec6b3d9dd4d2e1c8a2ac5e4c8d6b5f3a2910e31
To: 0b3c1e5d7f92a4b6c8dae0f1325476980b1c2d3e4f5061728394a5b6c7d8e92f
Session: 2b9ea4a5-51f2-4f0b-8f4e-3c3c9f2d7b11
Number: 2

BWZpcnN0PHRoZSBzZWNvbmQgbWVzc2FnZSBpcyBsb25nIGVub3VnaCB0byB0YWtl
IG1vcmUgdGhhbiBvbmUgbGluZQ
=tKSZjUB2
-----END FROSTKIT MESSAGE-----
`
	got := testBlock(t, "first", "the second message is long enough to take more than one line").Encode()
	if got != want {
		t.Errorf("block:\n%s\nwant:\n%s", got, want)
	}
}

// What mails and chats do to a block does not change what it says.
func TestScanTolerates(t *testing.T) {
	block := testBlock(t, strings.Repeat("some message ", 40), "and another")
	text := block.Encode()
	for name, mangled := range map[string]string{
		"as it is":        text,
		"CRLF":            strings.ReplaceAll(text, "\n", "\r\n"),
		"no last newline": strings.TrimSuffix(text, "\n"),
		"quoted":          "> " + strings.ReplaceAll(text, "\n", "\n> "),
		"quoted twice":    ">> " + strings.ReplaceAll(text, "\n", "\n> > "),
		"indented":        strings.ReplaceAll(text, "\n", "\n\t    "),
		"trailing spaces": strings.ReplaceAll(text, "\n", "  \n"),
		"no-break spaces": strings.ReplaceAll(text, ": ", ":\u00a0"),
		"invisible":       "\ufeff" + strings.ReplaceAll(text, "\n", "\u200b\n"),
		"double spaced":   strings.ReplaceAll(text, "\n", "\n\n"),
		"without spacing": strings.ReplaceAll(text, "\n\n", "\n"),
		"long dashes":     strings.ReplaceAll(text, "-----", "—–"),
		"a chat's prefix": "[22/11/2026, 12:30] Alice: " + text,
		"text around":     "Hi all,\nhere it is:\n```\n" + text + "```\nBest, A.\n",
		"broken anew":     strings.ReplaceAll(text, "bWVzc2Fn", "bWVz\n> c2Fn"),
	} {
		blocks, _, damages := scan(mangled)
		if len(blocks) != 1 || !reflect.DeepEqual(blocks[0], block) || len(damages) > 0 {
			t.Errorf("%s: found %d blocks, damages %v", name, len(blocks), damages)
		}
	}
}

func TestScanTellsDamage(t *testing.T) {
	text := testBlock(t, strings.Repeat("some message ", 40)).Encode()
	lines := strings.SplitAfter(text, "\n")
	for name, c := range map[string]struct{ text, want string }{
		"a line lost":       {strings.Replace(text, lines[8], "", 1), "its checksum does not fit"},
		"lines swapped":     {strings.Replace(text, lines[7]+lines[8], lines[8]+lines[7], 1), "its checksum does not fit"},
		"a letter changed":  {strings.Replace(text, lines[7][:4], "AAAA", 1), "its checksum does not fit"},
		"no base64":         {strings.Replace(text, lines[7][:4], "A*A!", 1), "its checksum does not fit"},
		"number changed":    {strings.Replace(text, "Number: 2", "Number: 3", 1), "its checksum does not fit"},
		"receiver changed":  {strings.Replace(text, "To: "+bobKey, "To: coordinator", 1), "its checksum does not fit"},
		"no checksum":       {strings.Replace(text, "\n=", "\n", 1), "the checksum is missing"},
		"no receiver":       {strings.Replace(text, "To:", "Cc:", 1), "the header To is missing"},
		"receiver no key":   {strings.Replace(text, bobKey, "0123", 1), "header To"},
		"sender in capital": {strings.Replace(text, "9a7e", "9A7E", 1), "header From"},
		"session no id":     {strings.Replace(text, "2b9ea4a5-", "2b9ea4a5", 1), "header Session"},
		"session braced":    {strings.Replace(text, testSession.String(), "{"+testSession.String()+"}", 1), "header Session"},
		"number zero":       {strings.Replace(text, "Number: 2", "Number: 0", 1), "header Number"},
		"number 02":         {strings.Replace(text, "Number: 2", "Number: 02", 1), "header Number"},
		"cut off":           {text[:400], errNoEnd.Error()},
		"empty":             {begin + "\n" + end + "\n", "a part of it is missing"},
		"too long":          {strings.Replace(text, lines[7], strings.Repeat(lines[7], maxBlock/columns+1), 1), errTooLong.Error()},
	} {
		whole := testBlock(t, "whole")
		blocks, _, damages := scan(c.text + "\n" + whole.Encode())
		if len(damages) != 1 || !strings.Contains(damages[0].Error(), c.want) {
			t.Errorf("%s: damages %v, want %q", name, damages, c.want)
		}
		if len(blocks) != 1 || !reflect.DeepEqual(blocks[0], whole) {
			t.Errorf("%s: the whole block after it is not found", name)
		}
	}
}

// Whom a damaged block is from is told where it can be read.
func TestDamageNamesTheSender(t *testing.T) {
	text := strings.Replace(testBlock(t, "m").Encode(), "Number: 2", "Number: 3", 1)
	_, _, damages := scan(text)
	var damage *DamageError
	if len(damages) != 1 || !errors.As(damages[0], &damage) || damage.From.String() != aliceKey {
		t.Errorf("damages %v", damages)
	}
}

func TestDecodeBodyRefuses(t *testing.T) {
	for name, body := range map[string][]byte{
		"nothing":            {},
		"an empty message":   {0},
		"a message cut off":  {3, 'a', 'b'},
		"a length cut off":   {0x80},
		"a length too long":  bytes.Repeat([]byte{0xff}, 11),
		"a length in excess": {0x81, 0, 'a'},
		"too large":          append([]byte{0x80, 0x80, 4}, make([]byte, 1<<16)...),
	} {
		if messages, err := decodeBody(body); err == nil {
			t.Errorf("%s: read as %d messages", name, len(messages))
		}
	}
}

// Of a line that does not end the beginning is looked at, and an error of the
// lines is returned.
func TestScanLongLines(t *testing.T) {
	s := scannerOf(io.LimitReader(rand.Reader, 1<<18))
	for {
		_, text, err := s.Next()
		if errors.Is(err, input.ErrEnded) {
			return
		}
		if err != nil || len(text) > 4*maxLine {
			t.Fatalf("a line of %d bytes, %v", len(text), err)
		}
	}
}

// What decodes encodes to the same, however it was quoted and broken into lines.
func FuzzScan(f *testing.F) {
	text := testBlock(f, "message", "another").Encode()
	f.Add(text)
	f.Add("hello\r\n> " + strings.ReplaceAll(text, "\n", "\r\n> ") + "bye")
	f.Add(strings.ReplaceAll(text, "-----", "—"))
	f.Add(text[:200] + text)
	coordinators := testBlock(f, "m")
	coordinators.To = commkey.PublicKey{}
	f.Add(coordinators.Encode())
	f.Add(begin + "\n" + begin + "\n" + end)
	f.Fuzz(func(t *testing.T, text string) {
		blocks, _, _ := scan(text)
		for _, block := range blocks {
			again, lines, damages := scan(block.Encode())
			if len(again) != 1 || len(lines) > 0 || len(damages) > 0 || !reflect.DeepEqual(again[0], block) {
				t.Fatalf("%+v encodes to what reads as %v, %q, %v", block, again, lines, damages)
			}
			if !strings.Contains(squeeze(text), squeeze(body(block))) {
				t.Fatalf("%q is read as %q", text, block.Encode())
			}
		}
	})
}

// body is all between the lines BEGIN and END.
func body(b *Block) string {
	return strings.TrimSuffix(strings.TrimPrefix(b.Encode(), begin+"\n"), end+"\n")
}

// squeeze takes everything away that a block may have more of.
func squeeze(text string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		out.WriteString(strings.ReplaceAll(clean(line), " ", ""))
	}
	return out.String()
}
