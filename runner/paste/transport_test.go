package paste

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/input"
	"frostkit/runner/protocol"
)

// patience bounds every wait.
const patience = 30 * time.Second

var suite = frost.Ed25519()

// person is a member with a console of its own.
type person struct {
	protocol.Member
	private *commkey.PrivateKey
}

func people(t *testing.T, names ...string) []*person {
	t.Helper()
	var all []*person
	for _, name := range names {
		private, err := commkey.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		id, err := protocol.DKGIdentifier(suite, testSession, private.Public())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, &person{protocol.Member{Name: name, Key: private.Public(), Identifier: id}, private})
	}
	return all
}

func membersOf(all []*person) (members []protocol.Member, keys []commkey.PublicKey) {
	for _, p := range all {
		members = append(members, p.Member)
		keys = append(keys, p.Key)
	}
	return members, keys
}

// chat shows everybody what anybody posts, as it was posted by then, and more
// than once.
type chat struct {
	mu      sync.Mutex
	posts   []string
	readers map[*io.PipeWriter]chan string
	mangle  func(posts []string) string
}

func newChat(mangle func([]string) string) *chat {
	return &chat{readers: map[*io.PipeWriter]chan string{}, mangle: mangle}
}

// Write posts what a member printed.
func (c *chat) Write(post []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.posts = append(c.posts, string(post))
	for _, pasted := range c.readers {
		pasted <- c.mangle(slices.Clone(c.posts))
	}
	return len(post), nil
}

// join gives a member a console into which everything is pasted that is in the
// chat, again after every post.
func (c *chat) join(t *testing.T) *Console {
	in, out := io.Pipe()
	pasted := make(chan string, 100)
	console := NewConsole(input.New(in))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for text := range pasted {
			if _, err := io.WriteString(out, text); err != nil {
				return
			}
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.readers[out] = pasted
	if len(c.posts) > 0 {
		pasted <- c.mangle(slices.Clone(c.posts))
	}
	t.Cleanup(func() {
		c.mu.Lock()
		delete(c.readers, out)
		c.mu.Unlock()
		console.Close()
		close(pasted)
		in.Close()
		out.Close()
		<-done
		<-console.Ended()
	})
	return console
}

// said collects what a member is told.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.lines, func(line string) bool { return strings.Contains(line, text) })
}

func namesOf(all []*person) func(commkey.PublicKey) (string, bool) {
	return func(key commkey.PublicKey) (string, bool) {
		for _, p := range all {
			if p.Key == key {
				return p.Name, true
			}
		}
		return "the coordinator", key.IsZero()
	}
}

func (p *person) end(t *testing.T, c *chat, all []*person, coordinator bool) (*Transport, *said) {
	talk := &said{}
	return NewTransport(Config{
		Session: testSession, Self: p.Key, Coordinator: coordinator, Name: namesOf(all),
		Console: c.join(t), Out: c, Say: talk.say,
	}), talk
}

// manglings are what chats and mails and people do.
var manglings = map[string]func([]string) string{
	"all of it, again and again": func(posts []string) string { return strings.Join(posts, "") },
	"backwards, quoted, with CRLF": func(posts []string) string {
		slices.Reverse(posts)
		text := strings.Join(posts, "On Sunday Bob wrote:\n")
		return "> " + strings.ReplaceAll(text, "\n", "\r\n> ") + "\r\n"
	},
	"the last first, then all, and a piece": func(posts []string) string {
		last := posts[len(posts)-1]
		return last + strings.Join(posts, "y\n") + last[:len(last)/2] + "\n"
	},
}

// Three members make a key by pasting all of a chat, and two of them sign.
func TestDKGAndSigning(t *testing.T) {
	for name, mangle := range manglings {
		t.Run(name, func(t *testing.T) {
			all := people(t, "Alice", "Bob", "Eve")
			results := runDKG(t, newChat(mangle), all)
			signature := runSigning(t, newChat(mangle), all, results)
			if err := results[0].PublicKeyPackage.VerifyingKey().Verify([]byte("minutes"), signature); err != nil {
				t.Error(err)
			}
		})
	}
}

func runDKG(t *testing.T, c *chat, all []*person) []*protocol.DKGResult {
	t.Helper()
	members, keys := membersOf(all)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	results := make([]*protocol.DKGResult, len(all))
	var wait sync.WaitGroup
	for i, p := range all {
		transport, _ := p.end(t, c, all, false)
		wait.Go(func() {
			result, err := protocol.DKG(ctx, Seal(transport, p.private, keys, commkey.PublicKey{}), protocol.DKGConfig{
				Ciphersuite: suite, Threshold: 2, Self: p.Key, Members: members,
				Save: func(*frost.KeyPackage, *frost.PublicKeyPackage) error { return nil },
			})
			if err := errors.Join(err, transport.Flush()); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
			results[i] = result
		})
	}
	wait.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return results
}

// runSigning has Alice coordinate, and Alice and Bob sign.
func runSigning(t *testing.T, c *chat, all []*person, results []*protocol.DKGResult) frost.Signature {
	t.Helper()
	members, _ := membersOf(all)
	signers, keys := membersOf(all[:2])
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var wait sync.WaitGroup
	for i, p := range all[:2] {
		transport, _ := p.end(t, c, all, false)
		wait.Go(func() {
			err := protocol.Participate(ctx, Seal(transport, p.private, keys[:1], all[0].Key), protocol.ParticipateConfig{
				KeyPackage: results[i].KeyPackage, Members: members, Coordinator: all[0].Key,
				Approve: func(context.Context, protocol.Review) error { return nil },
			})
			if err := errors.Join(err, transport.Flush()); err != nil {
				t.Errorf("%s: %v", p.Name, err)
			}
		})
	}
	transport, _ := all[0].end(t, c, all, true)
	signatures, err := protocol.Coordinate(ctx, Seal(transport, all[0].private, keys, all[0].Key), protocol.CoordinateConfig{
		PublicKeyPackage: results[0].PublicKeyPackage, Signers: signers, Messages: [][]byte{[]byte("minutes")},
	})
	wait.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return signatures[0]
}

// receiver is one end into which a test pastes, once.
func receiver(t *testing.T, all []*person, text string) (*Transport, *said) {
	t.Helper()
	console := NewConsole(input.New(strings.NewReader(text)))
	t.Cleanup(func() { console.Close(); <-console.Ended() })
	talk := &said{}
	return NewTransport(Config{
		Session: testSession, Self: all[0].Key, Name: namesOf(all[:2]), Console: console, Out: io.Discard, Say: talk.say,
	}), talk
}

func received(t *testing.T, transport *Transport) (payloads []string) {
	t.Helper()
	for {
		m, err := transport.Receive(t.Context())
		if errors.Is(err, input.ErrEnded) {
			return payloads
		}
		if err != nil {
			t.Fatal(err)
		}
		payloads = append(payloads, string(m.Payload))
	}
}

func TestReceiveSortsOut(t *testing.T) {
	all := people(t, "Alice", "Bob", "Mallory")
	block := func(from, to commkey.PublicKey, number int, text ...string) *Block {
		b := &Block{From: from, To: to, Session: testSession, Number: number}
		for _, m := range text {
			b.Messages = append(b.Messages, []byte(m))
		}
		return b
	}
	alice, bob, mallory := all[0].Key, all[1].Key, all[2].Key
	first, second, third := block(bob, alice, 1, "a", "b"), block(bob, alice, 2, "c"), block(bob, alice, 3, "d")
	other := block(bob, alice, 1, "x")
	other.Session[0]++
	var text strings.Builder
	for _, b := range []*Block{
		third, third, second, other, block(mallory, alice, 1, "m"), block(bob, mallory, 1, "n"), block(bob, commkey.PublicKey{}, 1, "o"),
		first, first, block(bob, alice, 1, "changed"),
	} {
		text.WriteString(b.Encode())
	}
	text.WriteString(strings.Replace(first.Encode(), "=", "=A", 1))
	transport, talk := receiver(t, all, text.String())
	if got, want := received(t, transport), []string{"a", "b", "c", "d", "changed"}; !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	for _, want := range []string{
		"Block 3 from Bob is kept; block 1 is still missing", "Block 3 from Bob is here already",
		"from Bob: it belongs to another session, " + other.Session.String(),
		"from " + mallory.String() + ", who has no part", "from Bob: it is for " + mallory.String(),
		"from Bob: it is for the coordinator", "Block 1 from Bob is here already",
		"Skipped a damaged block from Bob: its checksum does not fit",
	} {
		if !talk.has(want) {
			t.Errorf("nothing says %q: %q", want, talk.lines)
		}
	}
}

func TestEarlyBlocksAreBounded(t *testing.T) {
	all := people(t, "Alice", "Bob")
	var text strings.Builder
	for n := 2; n <= maxEarly+2; n++ {
		text.WriteString((&Block{From: all[1].Key, To: all[0].Key, Session: testSession, Number: n, Messages: [][]byte{{1}}}).Encode())
	}
	transport, talk := receiver(t, all, text.String())
	if got := received(t, transport); len(got) > 0 || !talk.has(fmt.Sprintf("Skipped block %d from Bob: paste block 1 first", maxEarly+2)) {
		t.Errorf("received %q, said %q", got, talk.lines)
	}
}

// All messages for one receiver are one block, until it would be too large.
func TestSendCollects(t *testing.T) {
	all := people(t, "Alice", "Bob", "Eve")
	var out strings.Builder
	transport, _ := receiver(t, all, "")
	transport.Out, transport.Name = &out, namesOf(all)
	large := make([]byte, protocol.MaxMessageSize)
	for _, to := range []*person{all[1], all[2]} {
		for range 9 {
			if err := transport.Send(t.Context(), to.Key, large); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 2 {
		if err := transport.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	blocks, _, damages := scan(out.String())
	count := map[string]int{}
	for _, b := range blocks {
		name, _ := transport.Name(b.To)
		count[fmt.Sprint(name, b.Number)] += len(b.Messages)
	}
	if len(damages) > 0 || fmt.Sprint(count) != "map[Bob1:7 Bob2:2 Eve1:7 Eve2:2]" {
		t.Errorf("blocks with %v, damages %v", count, damages)
	}
	if !strings.HasPrefix(out.String(), "Send this to Bob:\n\n-----BEGIN") {
		t.Errorf("printed %.80q", out.String())
	}
}

// A message that was sealed for another session is refused, whatever the block
// around it says.
func TestSealTiesToTheSession(t *testing.T) {
	all := people(t, "Alice", "Bob")
	_, keys := membersOf(all)
	var out strings.Builder
	older := testSession
	older[0]++
	from := NewTransport(Config{Session: older, Self: all[1].Key, Name: namesOf(all), Out: &out})
	if err := Seal(from, all[1].private, keys, commkey.PublicKey{}).Send(t.Context(), all[0].Key, []byte("old")); err != nil {
		t.Fatal(err)
	}
	from.Session, from.pending[0].Session = testSession, testSession
	if err := from.Flush(); err != nil {
		t.Fatal(err)
	}
	transport, _ := receiver(t, all, out.String())
	m, err := Seal(transport, all[0].private, keys, commkey.PublicKey{}).Receive(t.Context())
	var unreadable *protocol.UnreadableError
	if !errors.As(err, &unreadable) || !errors.Is(err, errOtherSession) || unreadable.From != all[1].Key {
		t.Errorf("received %q, %v", m.Payload, err)
	}
}

func TestConsoleKeepsTextApart(t *testing.T) {
	in, out := io.Pipe()
	console := NewConsole(input.New(in))
	lines, stop := console.Listen()
	go func() {
		fmt.Fprint(out, testBlock(t, "m").Encode(), "> an answer\r\n")
	}()
	if p, err := console.next(t.Context()); err != nil || p.block == nil {
		t.Fatalf("block: %+v, %v", p, err)
	}
	if line := <-lines; line != "an answer" {
		t.Errorf("heard %q", line)
	}
	stop()
	fmt.Fprintln(out, "nobody hears that")
	out.Close()
	<-console.Ended()
	if _, err := console.next(t.Context()); !errors.Is(err, input.ErrEnded) {
		t.Errorf("after the end: %v", err)
	}
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	in, out := io.Pipe()
	console := NewConsole(input.New(in))
	defer func() { console.Close(); out.Close(); <-console.Ended() }()
	transport := NewTransport(Config{Console: console, Out: io.Discard})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := transport.Receive(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
