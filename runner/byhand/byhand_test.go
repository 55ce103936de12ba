package byhand

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"frostkit/frost"
	"frostkit/runner/input"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// person is somebody at a console: what is printed is read by the test, which
// types the answers.
type person struct {
	t      *testing.T
	typing *io.PipeWriter
	screen *bufio.Reader
	done   chan error
}

// sit starts a program at a console.
func sit(t *testing.T, program func(*Console) error) *person {
	in, typing := io.Pipe()
	screen, out := io.Pipe()
	p := &person{t: t, typing: typing, screen: bufio.NewReader(screen), done: make(chan error, 1)}
	go func() {
		err := program(&Console{In: input.New(in), Out: out, Log: io.Discard})
		out.Close()
		in.Close()
		p.done <- err
	}()
	return p
}

// see reads the screen up to a line that matches, and returns the line.
func (p *person) see(pattern string) string {
	p.t.Helper()
	for {
		line, err := p.screen.ReadString('\n')
		if line = strings.TrimSuffix(line, "\n"); regexp.MustCompile(pattern).MatchString(line) {
			return line
		}
		if err != nil {
			p.t.Fatalf("waiting for %q on the screen: %v", pattern, err)
		}
	}
}

func (p *person) enter(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.typing, text+"\n"); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) leave() error {
	go func() { _, _ = io.Copy(io.Discard, p.screen) }()
	return <-p.done
}

const packageLine = `^\{"header"`

// Three people make a key by hand, and two of them sign with it; they chose
// identifiers that do not follow one another.
func TestByHand(t *testing.T) {
	numbers := []string{"1", "300", "7"}
	ids := make([]string, len(numbers))
	people := make([]*person, len(numbers))
	first := make([]string, len(numbers))
	for i, n := range numbers {
		people[i] = sit(t, func(c *Console) error { return Generate(t.Context(), c, frost.Ed25519(), rand.Reader) })
		people[i].see("minimum number")
		people[i].enter("2")
		people[i].see("maximum number")
		people[i].enter("3")
		people[i].see("Your identifier")
		people[i].enter(n)
		ids[i] = regexp.MustCompile("[0-9a-f]{64}").FindString(people[i].see("Round 1 Package to send"))
		first[i] = people[i].see(packageLine)
	}
	second := exchange(people, ids, first)
	keys, public := finish(people, ids, second)
	signature := signByHand(t, ids[:2], keys[:2], public)
	key, err := frost.DecodePublicKeyPackageJSON(frost.Ed25519(), []byte(public))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := frost.ParseSignature(frost.Ed25519(), signature)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.VerifyingKey().Verify([]byte("hello"), sig); err != nil {
		t.Error(err)
	}
}

// What is typed wrongly is asked for again: nothing was made of it, and nobody begins anew.
func TestMistakesAreAskedForAgain(t *testing.T) {
	ids, first := make([]string, 2), make([]string, 2)
	people := make([]*person, 2)
	for i, n := range []string{"1", "2"} {
		people[i] = sit(t, func(c *Console) error { return Generate(t.Context(), c, frost.Ed25519(), rand.Reader) })
		p := people[i]
		p.correct("minimum number", "", "one", "3")
		p.correct("maximum number", "-1", "2")
		p.see("threshold 3 exceeds the 2 members")
		p.correct("minimum number", "2")
		p.correct("maximum number", "2")
		p.correct("Your identifier", "alice", "0", "65536", n)
		ids[i] = regexp.MustCompile("[0-9a-f]{64}").FindString(p.see("Round 1 Package to send"))
		first[i] = p.see(packageLine)
	}
	second := make([]string, 2)
	for i, p := range people {
		other := 1 - i
		p.see("sender's identifier")
		p.enter(fmt.Sprint(other + 1))
		p.see("is no identifier in hexadecimal; that of participant . is " + ids[other])
		p.correct("sender's identifier", "", "zz", ids[i], `"`+ids[other]+`"`)
		p.correct("Round 1 Package", "", "nonsense", first[i], first[other])
		p.see("Round 2 Package to send")
		second[i] = p.see(packageLine)
	}
	for i, p := range people {
		other := 1 - i
		p.correct("sender's identifier", strings.Repeat("09", 32), "3", ids[other])
		p.correct("Round 2 Package", first[other], second[other])
		if err := p.leave(); err != nil {
			t.Error(err)
		}
	}
}

// correct types answers, of which the last one is right.
func (p *person) correct(question string, answers ...string) {
	p.t.Helper()
	for i, text := range answers {
		p.see(question)
		p.enter(text)
		if i < len(answers)-1 {
			p.see("Please enter it once more")
		}
	}
}

// The same member's package is taken once, whoever it is said to be of.
func TestTheSamePeerTwice(t *testing.T) {
	var ids, first []string
	var people []*person
	for _, n := range []string{"1", "2", "3"} {
		p := sit(t, func(c *Console) error { return Generate(t.Context(), c, frost.Ed25519(), rand.Reader) })
		p.correct("minimum number", "2")
		p.correct("maximum number", "3")
		p.correct("Your identifier", n)
		ids = append(ids, regexp.MustCompile("[0-9a-f]{64}").FindString(p.see("Round 1 Package to send")))
		first = append(first, p.see(packageLine))
		people = append(people, p)
	}
	p := people[0]
	p.correct("sender's identifier", ids[1])
	p.correct("Round 1 Package", first[1])
	p.correct("sender's identifier", ids[1], ids[2])
	p.correct("Round 1 Package", first[1], first[2])
	p.see("ROUND 2: SEND")
	for _, p := range people {
		p.typing.Close()
		_ = p.leave()
	}
}

// exchange carries the first packages, and returns those of round 2 by sender
// and receiver.
func exchange(people []*person, ids, first []string) map[[2]string]string {
	second := map[[2]string]string{}
	for i, p := range people {
		for j := range people {
			if i != j {
				p.see("sender's identifier")
				p.enter(ids[j])
				p.see("Round 1 Package")
				p.enter(first[j])
			}
		}
		for range len(people) - 1 {
			to := regexp.MustCompile("[0-9a-f]{64}").FindString(p.see("Round 2 Package to send"))
			second[[2]string{ids[i], to}] = p.see(packageLine)
		}
	}
	return second
}

func finish(people []*person, ids []string, second map[[2]string]string) (keys []string, public string) {
	for i, p := range people {
		for j := range people {
			if i != j {
				p.see("sender's identifier")
				p.enter(ids[j])
				p.see("Round 2 Package")
				p.enter(second[[2]string{ids[j], ids[i]}])
			}
		}
		p.see("=== DKG FINISHED ===")
		keys = append(keys, p.see(packageLine))
		public = p.see(packageLine)
		if err := p.leave(); err != nil {
			p.t.Errorf("%s: %v", ids[i], err)
		}
	}
	return keys, public
}

func signByHand(t *testing.T, ids, keys []string, public string) string {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	coordinator := sit(t, func(c *Console) error {
		return Coordinate(t.Context(), c, Coordinator{Ciphersuite: frost.Ed25519(), Interactive: true, PublicKeyPackage: file("public", public), Signature: "-"})
	})
	coordinator.see("number of participants")
	coordinator.enter("2")
	coordinator.see("message to be signed")
	coordinator.enter("68656c6c6f")
	var signers []*person
	for i, id := range ids {
		signer := sit(t, func(c *Console) error {
			return Participate(t.Context(), c, Participant{Ciphersuite: frost.Ed25519(), Random: rand.Reader, Interactive: true, KeyPackage: file(id, keys[i])})
		})
		signers = append(signers, signer)
		coordinator.see("Identifier for participant")
		coordinator.enter(id)
		coordinator.see("JSON encoded commitments")
		coordinator.enter(signer.see(packageLine))
	}
	pkg := coordinator.see(packageLine)
	shares := map[string]string{}
	for i, signer := range signers {
		signer.see("JSON-encoded SigningPackage")
		signer.enter(pkg)
		signer.see("^68656c6c6f$")
		signer.see("sign it")
		signer.enter("y")
		shares[ids[i]] = signer.see(packageLine)
		if err := signer.leave(); err != nil {
			t.Error(err)
		}
	}
	for range signers {
		id := regexp.MustCompile("[0-9a-f]{64}").FindString(coordinator.see("signature shares for participant"))
		coordinator.enter(shares[id])
	}
	coordinator.see("^Signature:$")
	signature := coordinator.see("^[0-9a-f]{128}$")
	if err := coordinator.leave(); err != nil {
		t.Error(err)
	}
	return signature
}

// dealt makes a group's files in a new folder.
func dealt(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var log bytes.Buffer
	err := Deal(t.Context(), &Console{In: input.New(strings.NewReader("")), Out: io.Discard, Log: &log}, Dealer{
		Ciphersuite: frost.Ed25519(), Random: rand.Reader, Threshold: 2, Members: 3,
		PublicKeyPackage: filepath.Join(dir, "public.json"), SecretShare: filepath.Join(dir, "key-{}.json"),
	})
	if err != nil || !strings.Contains(log.String(), "written to "+filepath.Join(dir, "key-3.json")) {
		t.Fatalf("error %v, said %q", err, log.String())
	}
	return dir
}

// Over TCP, with somebody who sends nonsense beside the signers.
func TestOverSockets(t *testing.T) {
	dir := dealt(t)
	message := filepath.Join(dir, "message")
	if err := os.WriteFile(message, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	listening := make(chan string, 1)
	var wg sync.WaitGroup
	wg.Go(func() {
		err := Coordinate(t.Context(), console(""), Coordinator{
			Ciphersuite: frost.Ed25519(), Address: "127.0.0.1:0", Signers: 2, PublicKeyPackage: filepath.Join(dir, "public.json"),
			Message: message, Signature: filepath.Join(dir, "sig"), Listening: func(address string) { listening <- address },
		})
		if err != nil {
			t.Errorf("coordinator: %v", err)
		}
	})
	address := <-listening
	heckle(t, address)
	for _, n := range []string{"1", "3"} {
		wg.Go(func() {
			err := Participate(t.Context(), console("y\n"), Participant{
				Ciphersuite: frost.Ed25519(), Random: rand.Reader, Address: address, KeyPackage: filepath.Join(dir, "key-"+n+".json"),
			})
			if err != nil {
				t.Errorf("participant %s: %v", n, err)
			}
		})
	}
	wg.Wait()
	if sig, err := os.ReadFile(filepath.Join(dir, "sig")); err != nil || len(sig) != 64 {
		t.Errorf("signature of %d bytes, %v", len(sig), err)
	}
}

func console(text string) *Console {
	return &Console{In: input.New(strings.NewReader(text)), Out: io.Discard, Log: io.Discard}
}

func heckle(t *testing.T, address string) {
	t.Helper()
	for _, frame := range [][]byte{[]byte(`{"SignatureShare":1}`), []byte("nonsense"), {}} {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFrame(conn, frame); err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

func TestDeclined(t *testing.T) {
	dir := dealt(t)
	for _, answer := range []string{"n", "", "yes please"} {
		signer := sit(t, func(c *Console) error {
			return Participate(context.Background(), c, Participant{
				Ciphersuite: frost.Ed25519(), Random: rand.Reader, Interactive: true, KeyPackage: filepath.Join(dir, "key-1.json"),
			})
		})
		commitments := signer.see(packageLine)
		signer.see("SigningPackage")
		signer.enter(packageWith(t, dir, commitments))
		signer.see("sign it")
		signer.enter(answer)
		if err := signer.leave(); !errors.Is(err, ErrDeclined) {
			t.Errorf("answer %q: %v, want ErrDeclined", answer, err)
		}
	}
}

// packageWith makes a signing package of member 1's commitments and fresh ones
// of member 2.
func packageWith(t *testing.T, dir, commitments string) string {
	t.Helper()
	cs := frost.Ed25519()
	data, err := os.ReadFile(filepath.Join(dir, "key-2.json"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := LoadKey(cs, data)
	if err != nil {
		t.Fatal(err)
	}
	other, err := frost.NewSigner(rand.Reader, key)
	if err != nil {
		t.Fatal(err)
	}
	one, _ := frost.NewIdentifier(cs, 1)
	first, err := frost.DecodeSigningCommitmentsJSON(cs, []byte(commitments))
	if err != nil {
		t.Fatal(err)
	}
	pkg, err := frost.NewSigningPackage(cs, map[frost.Identifier]*frost.SigningCommitments{one: first, other.Identifier(): other.Commitments()}, []byte("m"))
	if err != nil {
		t.Fatal(err)
	}
	return string(pkg.EncodeJSON())
}

func TestBadInput(t *testing.T) {
	for text, want := range map[string]string{
		"":              "the input has ended",
		"1\n":           "no number from 2",
		"3\n2\n1\n":     "threshold 3 exceeds the 2 members",
		"2\n2\n0\n":     "no number from 1",
		"2\n2\n1\nzz\n": "zz",
		"2\n2\n1\n" + strings.Repeat("0", 64) + "\n":             "identifier",
		"2\n2\n1\n02" + strings.Repeat("0", 62) + "\nnonsense\n": "reading the package of 02",
	} {
		if err := Generate(t.Context(), console(text), frost.Ed25519(), rand.Reader); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("input %q: %v, want an error with %q", text, err, want)
		}
	}
	if _, err := LoadKey(frost.Ed25519(), []byte("{}")); err == nil {
		t.Error("loaded a key from {}")
	}
	if err := Deal(t.Context(), console(""), Dealer{Ciphersuite: frost.Ed25519(), Threshold: 2, Members: 3, SecretShare: "same.json"}); err == nil {
		t.Error("dealt three shares into one file")
	}
}

// A prompt ends with its context.
func TestInterruptedAtPrompts(t *testing.T) {
	dir := dealt(t)
	public := filepath.Join(dir, "public.json")
	for question, program := range map[string]func(context.Context, *Console) error{
		"minimum number of signers": func(ctx context.Context, c *Console) error {
			return Generate(ctx, c, frost.Ed25519(), rand.Reader)
		},
		"The minimum number": func(ctx context.Context, c *Console) error {
			return Deal(ctx, c, Dealer{Ciphersuite: frost.Ed25519(), Random: rand.Reader, Interactive: true})
		},
		"message to be signed": func(ctx context.Context, c *Console) error {
			return Coordinate(ctx, c, Coordinator{Ciphersuite: frost.Ed25519(), Signers: 2, PublicKeyPackage: public})
		},
		"Enter the JSON-encoded SigningPackage": func(ctx context.Context, c *Console) error {
			return Participate(ctx, c, Participant{
				Ciphersuite: frost.Ed25519(), Random: rand.Reader, Interactive: true, KeyPackage: filepath.Join(dir, "key-1.json"),
			})
		},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		asked := sit(t, func(c *Console) error { return program(ctx, c) })
		asked.see(question)
		cancel()
		if err := asked.leave(); !errors.Is(err, context.Canceled) || errors.Is(err, ErrDeclined) {
			t.Errorf("%s: %v", question, err)
		}
	}
}

// Interrupted at the question, a signer neither signs nor declines.
func TestInterruptedAtTheQuestion(t *testing.T) {
	dir := dealt(t)
	ctx, cancel := context.WithCancel(t.Context())
	signer := sit(t, func(c *Console) error {
		return Participate(ctx, c, Participant{
			Ciphersuite: frost.Ed25519(), Random: rand.Reader, Interactive: true, KeyPackage: filepath.Join(dir, "key-1.json"),
		})
	})
	commitments := signer.see(packageLine)
	signer.see("SigningPackage")
	signer.enter(packageWith(t, dir, commitments))
	signer.see("sign it")
	cancel()
	if err := signer.leave(); !errors.Is(err, context.Canceled) || errors.Is(err, ErrDeclined) {
		t.Error(err)
	}
}

// Frames and messages: nothing panics, and what decodes encodes to the same.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\x02{}"))
	f.Add([]byte(`{"SignatureShare":{"header":{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"},"share":"` + strings.Repeat("0", 64) + `"}}`))
	f.Add(bytes.Repeat([]byte{0xff}, 11))
	f.Fuzz(func(t *testing.T, data []byte) {
		if message, err := readFrame(bufio.NewReader(bytes.NewReader(data))); err == nil {
			var again bytes.Buffer
			if err := writeFrame(&again, message); err != nil {
				t.Fatal(err)
			}
			if back, err := readFrame(bufio.NewReader(&again)); err != nil || !bytes.Equal(back, message) {
				t.Errorf("frame %q read back as %q, %v", message, back, err)
			}
		}
		cs := frost.Ed25519()
		if share, err := decodeShare(cs, data); err == nil {
			if again, err := decodeShare(cs, encodeShare(share)); err != nil || !again.Equal(share) {
				t.Errorf("share read back as %v, %v", again, err)
			}
		}
		_, _, _ = decodeCommitments(cs, data)
		_, _ = decodePackage(cs, data)
	})
}
