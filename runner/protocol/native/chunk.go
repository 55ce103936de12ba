package native

import (
	"context"
	"crypto/sha256"
	"slices"

	"golang.org/x/crypto/cryptobyte"

	"frostkit/commkey"
	"frostkit/relay/xeddsa"
	"frostkit/runner/protocol"
)

// A message that is larger than an envelope goes in chunks, each in an envelope of its own.
const (
	chunkSize     = 60_000 // bytes of all but the last
	chunkHeader   = 1 + sha256.Size + 2 + 2
	maxPayload    = protocol.MaxMessageSize - 1 - xeddsa.SignatureSize
	messageHeader = 1 + 4 + sha256.Size
)

// chunk is a part of the body of a message that has the number and ID of the chunk's.
type chunk struct {
	kind         kind // of the whole
	digest       [sha256.Size]byte
	index, count uint16
	part         []byte
}

// encode returns u8 kind || SHA-256 of the whole body || u16 index, from 0 || u16 count || part.
func (c chunk) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(uint8(c.kind))
	b.AddBytes(c.digest[:])
	b.AddUint16(c.index)
	b.AddUint16(c.count)
	b.AddBytes(c.part)
	return b.BytesOrPanic()
}

func decodeChunk(body []byte) (chunk, error) {
	var c chunk
	s := cryptobyte.String(body)
	if !s.ReadUint8((*uint8)(&c.kind)) || !s.CopyBytes(c.digest[:]) || !s.ReadUint16(&c.index) || !s.ReadUint16(&c.count) {
		return chunk{}, errMalformed
	}
	c.part = s
	full := len(c.part) == chunkSize
	last := c.index+1 == c.count && len(c.part) > 0 && len(c.part) <= chunkSize
	if c.count < 2 || c.index >= c.count || !full && !last {
		return chunk{}, errMalformed
	}
	return c, nil
}

// split returns a message as it is sent: itself, or in chunks.
func (m message) split() []message {
	if messageHeader+len(m.body) <= maxPayload {
		return []message{m}
	}
	c := chunk{kind: m.kind, digest: sha256.Sum256(m.body), count: uint16((len(m.body) + chunkSize - 1) / chunkSize)}
	var all []message
	for c.part = range slices.Chunk(m.body, chunkSize) {
		all = append(all, message{kindChunk, m.number, m.id, c.encode()})
		c.index++
	}
	return all
}

// chunks puts together what others send in chunks: of each member one message of a kind at a time.
type chunks map[slot]*assembly

// assembly is a message of which not all chunks are there.
type assembly struct {
	head  chunk
	whole message // without its body
	parts [][]byte
}

// take adds a chunk. It returns the whole message when it was the last one that was missing. Another message
// of the sender and kind takes the place of one that is not complete.
func (c chunks) take(from commkey.PublicKey, m message, part chunk) (whole message, complete bool) {
	place := slot{from, part.kind}
	a := c[place]
	if a == nil || !a.holds(m, part) {
		a = &assembly{part, message{part.kind, m.number, m.id, nil}, make([][]byte, part.count)}
		c[place] = a
	}
	a.parts[part.index] = part.part
	if slices.ContainsFunc(a.parts, func(p []byte) bool { return p == nil }) {
		return message{}, false
	}
	delete(c, place)
	a.whole.body = slices.Concat(a.parts...)
	return a.whole, sha256.Sum256(a.whole.body) == part.digest
}

// holds reports whether a chunk is one of the message.
func (a *assembly) holds(m message, part chunk) bool {
	return a.head.digest == part.digest && a.head.count == part.count && a.whole.number == m.number && a.whole.id == m.id
}

// chunked are the kinds that may be larger than an envelope.
var chunked = []kind{kindAbort, kindFacts, kindFinished, kindCertificate}

// mostChunks is how many chunks a message in this group has at most: a certificate has of each member
// the commitments, one for each who is to sign, and less than a kilobyte more; all other messages are smaller.
func (g *generation) mostChunks() int {
	size := len(g.members) * (64*g.cfg.Threshold + 1024)
	return 2 + size/chunkSize
}

// takeChunk takes a message of which this is the last chunk to come.
func (g *generation) takeChunk(ctx context.Context, t taken) error {
	part, err := decodeChunk(t.body)
	if err != nil || !slices.Contains(chunked, part.kind) || int(part.count) > g.mostChunks() {
		g.drop(t.from.Key, "it is a part of a message that is malformed, too large or of a kind without parts")
		return nil
	}
	if (part.kind == kindFacts) != (t.envelope == nil) {
		g.drop(t.from.Key, "it is sealed and should be signed, or the reverse")
		return nil
	}
	whole, complete := g.chunks.take(t.from.Key, t.message, part)
	if !complete {
		return nil
	}
	t.message = whole
	return g.takeMessage(ctx, t)
}
