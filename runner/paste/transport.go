package paste

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// maxEarly is how many blocks of one member are kept until those before them
// have come.
const maxEarly = 16

// Config configures a [Transport].
type Config struct {
	Session uuid.UUID
	Self    commkey.PublicKey
	// Coordinator says that this is the end of the session's coordinator. A
	// coordinator who signs as well has two ends.
	Coordinator bool
	// Name returns what to call a member, and false for whoever is none. The zero
	// key stands for the coordinator.
	Name    func(commkey.PublicKey) (string, bool)
	Console *Console
	Out     io.Writer // for the blocks
	// Say tells the member what became of what was pasted.
	Say func(format string, args ...any)
}

// Transport is a [protocol.Transport] over a [Console]. Its messages are as
// sealed as they are given to it; [Seal] seals them.
type Transport struct {
	Config

	mu      sync.Mutex // of the next two
	pending []*Block   // to print, one for each receiver
	sent    map[commkey.PublicKey]int

	ready []protocol.Message
	from  map[commkey.PublicKey]*inbox
}

// inbox is what came from one member.
type inbox struct {
	taken int // the highest number taken
	seen  map[[sha256.Size]byte]bool
	early map[int]*Block
}

// NewTransport returns one end of a session.
func NewTransport(config Config) *Transport {
	return &Transport{Config: config, sent: map[commkey.PublicKey]int{}, from: map[commkey.PublicKey]*inbox{}}
}

// Send puts a message into the block for its receiver, which is printed once
// this end has to wait, or by [Transport.Flush].
func (t *Transport) Send(_ context.Context, to commkey.PublicKey, payload []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	block := t.blockFor(to, len(payload))
	if block.Number > maxNumber {
		return fmt.Errorf("making a block: there have been %d for this receiver", maxNumber)
	}
	block.Messages = append(block.Messages, bytes.Clone(payload))
	return nil
}

// blockFor is called with the lock held.
func (t *Transport) blockFor(to commkey.PublicKey, size int) *Block {
	for _, block := range t.pending {
		if block.To == to && block.Number == t.sent[to] && block.size()+size+3 <= maxBody {
			return block
		}
	}
	t.sent[to]++
	block := &Block{From: t.Self, To: to, Session: t.Session, Number: t.sent[to]}
	t.pending = append(t.pending, block)
	return block
}

// size is at least what the block has in bytes before base64.
func (b *Block) size() (n int) {
	for _, m := range b.Messages {
		n += len(m) + 3 // of a varint up to 65,535
	}
	return n
}

// Flush prints the blocks that have not been, each with the name of its
// receiver.
func (t *Transport) Flush() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out strings.Builder
	for _, block := range t.pending {
		fmt.Fprintf(&out, "Send this to %s:\n\n%s\n", t.call(block.To), block.Encode())
	}
	t.pending = nil
	if out.Len() == 0 {
		return nil
	}
	if _, err := io.WriteString(t.Out, out.String()); err != nil {
		return fmt.Errorf("printing what is to be sent: %w", err)
	}
	return nil
}

// Receive prints what is to be sent, and returns the next message that is
// pasted. It fails with [input.ErrEnded] when the input has ended.
func (t *Transport) Receive(ctx context.Context) (protocol.Message, error) {
	if err := t.Flush(); err != nil {
		return protocol.Message{}, err
	}
	for len(t.ready) == 0 {
		p, err := t.Console.next(ctx)
		if err != nil {
			return protocol.Message{}, err
		}
		if p.damage != nil {
			t.Say("Skipped a damaged block%s: %v; copy it again, from BEGIN to END", t.says(p.damage.From), p.damage.Err)
			continue
		}
		t.take(p.block)
	}
	m := t.ready[0]
	t.ready = t.ready[1:]
	return m, nil
}

// says names whom a damaged block says it is from.
func (t *Transport) says(from commkey.PublicKey) string {
	if from.IsZero() {
		return ""
	}
	return " from " + t.call(from)
}

// call is what a member is called, or somebody who is none.
func (t *Transport) call(key commkey.PublicKey) string {
	if name, member := t.Name(key); member {
		return name
	}
	return key.String()
}

// take sorts a block in.
func (t *Transport) take(b *Block) {
	own := t.Self
	if t.Coordinator {
		own = commkey.PublicKey{}
	}
	_, member := t.Name(b.From)
	switch {
	case b.Session != t.Session:
		t.Say("Skipped a block from %s: it belongs to another session, %s", t.call(b.From), b.Session)
	case !member:
		t.Say("Skipped a block from %s, who has no part in this session", t.call(b.From))
	case b.To != own:
		t.Say("Skipped a block from %s: it is for %s", t.call(b.From), t.call(b.To))
	default:
		t.accept(b)
	}
}

// accept takes a block of a member, and those that waited for it. A second one
// with a number that was taken is for the seal to judge: whoever made the first
// may have known no more of the sender than its key.
func (t *Transport) accept(b *Block) {
	box := t.from[b.From]
	if box == nil {
		box = &inbox{seen: map[[sha256.Size]byte]bool{}, early: map[int]*Block{}}
		t.from[b.From] = box
	}
	digest := sha256.Sum256([]byte(b.Encode()))
	_, waits := box.early[b.Number]
	switch {
	case box.seen[digest]:
		t.Say("Block %d from %s is here already", b.Number, t.call(b.From))
	case b.Number > box.taken+1 && (waits || len(box.early) >= maxEarly):
		t.Say("Skipped block %d from %s: paste block %d first", b.Number, t.call(b.From), box.taken+1)
	case b.Number > box.taken+1:
		box.seen[digest] = true
		box.early[b.Number] = b
		t.Say("Block %d from %s is kept; block %d is still missing", b.Number, t.call(b.From), box.taken+1)
	default:
		box.seen[digest] = true
		t.deliver(box, b)
	}
}

func (t *Transport) deliver(box *inbox, b *Block) {
	for ; b != nil; b = box.early[box.taken+1] {
		delete(box.early, b.Number)
		box.taken = max(box.taken, b.Number)
		for _, payload := range b.Messages {
			t.ready = append(t.ready, protocol.Message{From: b.From, Payload: payload})
		}
	}
}
