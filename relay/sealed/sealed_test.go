package sealed

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"frostkit/commkey"
)

// vector is one vector, whichever file it came from.
type vector struct {
	initStatic, respStatic, ephemeral, prologue []byte
	messages                                    []exchange
}

type exchange struct{ payload, ciphertext []byte }

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func readVectors(t testing.TB, name string) []map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+"-Noise_K_25519_ChaChaPoly_BLAKE2s.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Vectors []map[string]any }
	if err := json.Unmarshal(b, &file); err != nil || len(file.Vectors) == 0 {
		t.Fatalf("%s: %d vectors, %v", name, len(file.Vectors), err)
	}
	return file.Vectors
}

// vectors returns all vectors by name.
func vectors(t testing.TB) map[string]vector {
	t.Helper()
	all := map[string]vector{}
	for _, source := range []string{"cacophony", "snow"} {
		for i, v := range readVectors(t, source) {
			all[fmt.Sprint(source, " ", i)] = cacophony(t, v)
		}
	}
	for i, v := range readVectors(t, "flynn") {
		all[fmt.Sprint("flynn ", i)] = flynn(t, v)
	}
	return all
}

// cacophony reads a vector in the form that cacophony and snow share.
func cacophony(t testing.TB, v map[string]any) vector {
	t.Helper()
	text := func(v map[string]any, name string) []byte { s, _ := v[name].(string); return unhex(t, s) }
	out := vector{
		initStatic: text(v, "init_static"), respStatic: text(v, "resp_static"),
		ephemeral: text(v, "init_ephemeral"), prologue: text(v, "init_prologue"),
	}
	for _, m := range v["messages"].([]any) {
		m := m.(map[string]any)
		out.messages = append(out.messages, exchange{text(m, "payload"), text(m, "ciphertext")})
	}
	return out
}

// flynn reads a vector of flynn/noise. Its third message goes back under the
// second cipher state, which a one-way pattern deletes (Noise, section 7.4).
func flynn(t testing.TB, v map[string]any) vector {
	t.Helper()
	text := func(name string) []byte { s, _ := v[name].(string); return unhex(t, s) }
	out := vector{
		initStatic: text("init_static"), respStatic: text("resp_static"),
		ephemeral: text("gen_init_ephemeral"), prologue: text("prologue"),
	}
	for i := range 2 {
		name := fmt.Sprintf("msg_%d_", i)
		out.messages = append(out.messages, exchange{text(name + "payload"), text(name + "ciphertext")})
	}
	return out
}

func private(t testing.TB, b []byte) *commkey.PrivateKey {
	t.Helper()
	key, err := commkey.NewPrivateKey(b)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// states returns both ends of one direction.
func states(t testing.TB, from, to *commkey.PrivateKey) (*Sender, *Receiver) {
	t.Helper()
	sender, err := NewSender(from, to.Public())
	if err != nil {
		t.Fatal(err)
	}
	receiver, err := NewReceiver(to, from.Public())
	if err != nil {
		t.Fatal(err)
	}
	return sender, receiver
}

func generate(t testing.TB) *commkey.PrivateKey {
	t.Helper()
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestVectors(t *testing.T) {
	for name, v := range vectors(t) {
		t.Run(name, func(t *testing.T) {
			sender, receiver := states(t, private(t, v.initStatic), private(t, v.respStatic))
			sender.keys.prologue, receiver.keys.prologue = v.prologue, v.prologue
			sender.keys.random = bytes.NewReader(v.ephemeral)
			for i, m := range v.messages {
				sealed, err := sender.Seal(m.payload)
				if err != nil || !bytes.Equal(sealed, m.ciphertext) {
					t.Fatalf("message %d sealed as %x, %v, want %x", i, sealed, err, m.ciphertext)
				}
				opened, err := receiver.Open(m.ciphertext)
				if err != nil || !bytes.Equal(opened, m.payload) {
					t.Fatalf("message %d opened as %x, %v, want %x", i, opened, err, m.payload)
				}
			}
		})
	}
}

// recorded is a message that frost-client sealed and received.
type recorded struct {
	Session     string `json:"session_id"`
	Sender      string
	Recipient   string
	Coordinator bool `json:"as_coordinator"`
	Ciphertext  string
	Plaintext   string
}

// readRecorded returns a ceremony's messages in order and its members' keys.
func readRecorded(t testing.TB, ceremony string) ([]recorded, map[string]*commkey.PrivateKey) {
	t.Helper()
	dir := filepath.Join("..", "testdata", "interop", ceremony)
	file, err := os.Open(filepath.Join(dir, "plaintexts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var messages []recorded
	keys := map[string]*commkey.PrivateKey{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var m recorded
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
		keys[m.Sender] = recordedKey(t, filepath.Join(dir, m.Sender+".before.toml"))
	}
	return messages, keys
}

var privkey = regexp.MustCompile(`(?m)^privkey = "([0-9a-f]{64})"$`)

func recordedKey(t testing.TB, credentials string) *commkey.PrivateKey {
	t.Helper()
	b, err := os.ReadFile(credentials)
	if err != nil {
		t.Fatal(err)
	}
	match := privkey.FindSubmatch(b)
	if match == nil {
		t.Fatalf("%s has no private key", credentials)
	}
	return private(t, unhex(t, string(match[1])))
}

func TestOpensWhatFrostClientSealed(t *testing.T) {
	for ceremony, count := range map[string]int{"n2t2": 10, "n3t2": 24, "n3t2-redpallas": 24} {
		messages, keys := readRecorded(t, ceremony)
		if len(messages) != count {
			t.Fatalf("%s has %d messages, want %d", ceremony, len(messages), count)
		}
		type direction struct {
			session, sender, recipient string
			coordinator                bool
		}
		receivers := map[direction]*Receiver{}
		for i, m := range messages {
			d := direction{m.Session, m.Sender, m.Recipient, m.Coordinator}
			if receivers[d] == nil {
				_, receivers[d] = states(t, keys[m.Sender], keys[m.Recipient])
			}
			opened, err := receivers[d].Open(unhex(t, m.Ciphertext))
			if err != nil || string(opened) != m.Plaintext {
				t.Errorf("%s, message %d (%v): opened %q, %v", ceremony, i, d, opened, err)
			}
		}
	}
}

func TestFailedOpenChangesNothing(t *testing.T) {
	alice, bob := generate(t), generate(t)
	sender, receiver := states(t, alice, bob)
	for i, plaintext := range []string{"first", "second", "third"} {
		message, err := sender.Seal([]byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range spoiled(t, message, alice, bob) {
			if opened, err := receiver.Open(bad); !errors.Is(err, ErrOpen) || opened != nil {
				t.Fatalf("message %d: Open(%x) = %q, %v", i, bad, opened, err)
			}
		}
		if opened, err := receiver.Open(message); err != nil || string(opened) != plaintext {
			t.Fatalf("message %d opened as %q, %v", i, opened, err)
		}
		if _, err := receiver.Open(message); !errors.Is(err, ErrOpen) {
			t.Fatalf("message %d opened twice: %v", i, err)
		}
	}
}

// spoiled returns what is like message and must not open instead of it: cut,
// altered in each byte, with an ephemeral key of low order, from another
// handshake, and sealed by somebody else.
func spoiled(t *testing.T, message []byte, from, to *commkey.PrivateKey) [][]byte {
	t.Helper()
	lowOrder := append(make([]byte, 32), message...)
	bad := [][]byte{nil, message[:1], message[:len(message)-1], append(message, 0), lowOrder}
	for i := range message {
		altered := bytes.Clone(message)
		altered[i] ^= 1
		bad = append(bad, altered)
	}
	stranger, _ := states(t, generate(t), to)
	foreign, err := stranger.Seal([]byte("foreign"))
	if err != nil {
		t.Fatal(err)
	}
	other, _ := states(t, from, to)
	if _, err := other.Seal(nil); err != nil {
		t.Fatal(err)
	}
	next, err := other.Seal([]byte("of another handshake"))
	if err != nil {
		t.Fatal(err)
	}
	return append(bad, foreign, next)
}

func TestOneselfAsPeer(t *testing.T) {
	self := generate(t)
	sender, receiver := states(t, self, self)
	for _, plaintext := range []string{"commitments", "share"} {
		message, err := sender.Seal([]byte(plaintext))
		if err != nil {
			t.Fatal(err)
		}
		if opened, err := receiver.Open(message); err != nil || string(opened) != plaintext {
			t.Fatalf("opened %q, %v", opened, err)
		}
	}
}

func TestLengths(t *testing.T) {
	sender, receiver := states(t, generate(t), generate(t))
	for _, overhead := range []int{FirstOverhead, NextOverhead} {
		if _, err := sender.Seal(make([]byte, MaxMessage-overhead+1)); !errors.Is(err, ErrTooLong) {
			t.Fatalf("sealed a message over the limit: %v", err)
		}
		longest := make([]byte, MaxMessage-overhead)
		message, err := sender.Seal(longest)
		if err != nil || len(message) != MaxMessage {
			t.Fatalf("the longest message has %d bytes, %v", len(message), err)
		}
		if _, err := receiver.Open(append(bytes.Clone(message), 0)); !errors.Is(err, ErrTooLong) {
			t.Fatalf("opened a message over the limit: %v", err)
		}
		if opened, err := receiver.Open(message); err != nil || !bytes.Equal(opened, longest) {
			t.Fatalf("the longest message opened as %d bytes, %v", len(opened), err)
		}
	}
}

func TestSealWithoutRandomCanBeRetried(t *testing.T) {
	sender, receiver := states(t, generate(t), generate(t))
	sender.keys.random = bytes.NewReader(nil)
	if _, err := sender.Seal([]byte("m")); err == nil {
		t.Fatal("sealed without random")
	}
	sender.keys.random = rand.Reader
	message, err := sender.Seal([]byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	if opened, err := receiver.Open(message); err != nil || string(opened) != "m" {
		t.Fatalf("opened %q, %v", opened, err)
	}
}

func TestNewRefusesMissingKeys(t *testing.T) {
	self := generate(t)
	if _, err := NewSender(nil, self.Public()); err == nil {
		t.Error("made a sender without its own key")
	}
	if _, err := NewReceiver(self, commkey.PublicKey{}); err == nil {
		t.Error("made a receiver without a peer")
	}
}

func FuzzOpen(f *testing.F) {
	messages, keys := readRecorded(f, "n2t2")
	for _, m := range messages {
		f.Add(unhex(f, m.Ciphertext))
	}
	f.Add([]byte{})
	f.Add(make([]byte, 48))
	alice, bob := keys["alice"], keys["bob"]
	f.Fuzz(func(t *testing.T, message []byte) {
		sender, receiver := states(t, alice, bob)
		for _, plaintext := range []string{"first", "next"} {
			opened, err := receiver.Open(message)
			if err == nil {
				return // a recorded message from Alice to Bob, or the fuzzer forged one
			}
			if opened != nil {
				t.Fatalf("opened %x beside %v", opened, err)
			}
			valid, err := sender.Seal([]byte(plaintext))
			if err != nil {
				t.Fatal(err)
			}
			if opened, err := receiver.Open(valid); err != nil || string(opened) != plaintext {
				t.Fatalf("after %x the next message opened as %q, %v", message, opened, err)
			}
		}
	})
}
