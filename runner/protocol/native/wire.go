package native

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
)

// kind says what a message is. Numbers from 32 on are those of a signing.
type kind uint8

const (
	kindGreeting  kind = 1
	kindRound1    kind = 2
	kindSignature kind = 3
	kindStored    kind = 4
	kindAbort     kind = 5
	kindWant      kind = 6
	kindViews     kind = 7
	kindForward   kind = 8
	kindFacts     kind = 9
	kindLost      kind = 10
	kindFinished  kind = 11

	kindChunk       kind = 12
	kindCertificate kind = 13
)

// message is the payload of an envelope: u8 kind || u32 attempt || 32 bytes ID of the attempt,
// 0 in what belongs to none || body.
type message struct {
	kind   kind
	number uint32
	id     AttemptID
	body   []byte
}

func (m message) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(uint8(m.kind))
	b.AddUint32(m.number)
	b.AddBytes(m.id[:])
	b.AddBytes(m.body)
	return b.BytesOrPanic()
}

var errMalformed = errors.New("it is malformed")

func decodeMessage(payload []byte) (message, error) {
	var m message
	s := cryptobyte.String(payload)
	if !s.ReadUint8((*uint8)(&m.kind)) || !s.ReadUint32(&m.number) || !s.CopyBytes(m.id[:]) {
		return message{}, errMalformed
	}
	m.body = s
	return m, nil
}

// Limits of what a greeting and an abort hold.
const (
	maxText    = 200       // bytes of a step or a tool
	maxReason  = 2000      // bytes of a reason
	maxHeld    = 16        // records
	maxAttempt = 1<<31 - 1 // number of an attempt
)

// greeting is what a member begins an attempt with.
type greeting struct {
	version uint16
	run     runID             // random bytes of this run of the program in this session
	nonce   [32]byte          // fresh random bytes
	digest  [sha256.Size]byte // of the ceremony file
	members [sha256.Size]byte // of the threshold and the members' keys in their order
	step    string
	tool    string
	// attemptKey is what the others encrypt to in this attempt, and possession the proof that the member has it.
	attemptKey, possession []byte
	extensions             []Extension
	held                   []held
}

// held says of a record that the member has it, and whether its key generation is finished.
type held struct {
	attempt  AttemptID
	finished bool
}

// encode returns u16 version || run || nonce || digest || members || u8 length, step || u8 length, tool
// || u8 length, attempt key || u8 length, proof || extensions || u8 count, (ID, u8 finished) of each record.
func (g greeting) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(g.version)
	b.AddBytes(g.run[:])
	b.AddBytes(g.nonce[:])
	b.AddBytes(g.digest[:])
	b.AddBytes(g.members[:])
	addText8(b, g.step)
	addText8(b, g.tool)
	addBytes8(b, g.attemptKey)
	addBytes8(b, g.possession)
	addExtensions(b, g.extensions)
	b.AddUint8(uint8(len(g.held)))
	for _, h := range g.held {
		b.AddBytes(h.attempt[:])
		addBool(b, h.finished)
	}
	return b.BytesOrPanic()
}

// decodeGreeting decodes a greeting. Of another version only that and the run are read, with which it begins in all
// versions.
func decodeGreeting(body []byte) (greeting, error) {
	var g greeting
	s := cryptobyte.String(body)
	if !s.ReadUint16(&g.version) {
		return greeting{}, errMalformed
	}
	complete := s.CopyBytes(g.run[:])
	switch {
	case g.version != Version:
		return g, nil
	case !complete:
		return greeting{}, errMalformed
	}
	if !s.CopyBytes(g.nonce[:]) || !s.CopyBytes(g.digest[:]) || !s.CopyBytes(g.members[:]) ||
		!readText8(&s, &g.step) || !readText8(&s, &g.tool) || !s.ReadUint8LengthPrefixed((*cryptobyte.String)(&g.attemptKey)) ||
		!s.ReadUint8LengthPrefixed((*cryptobyte.String)(&g.possession)) || !readExtensions(&s, &g.extensions) || !readHeld(&s, &g.held) || !s.Empty() {
		return greeting{}, errMalformed
	}
	return g, nil
}

func readHeld(s *cryptobyte.String, list *[]held) bool {
	var count uint8
	if !s.ReadUint8(&count) || count > maxHeld {
		return false
	}
	for range count {
		var h held
		if !s.CopyBytes(h.attempt[:]) || !readBool(s, &h.finished) {
			return false
		}
		if slices.ContainsFunc(*list, func(before held) bool { return before.attempt == h.attempt }) {
			return false
		}
		*list = append(*list, h)
	}
	return true
}

// why says why a member ends a key generation for all.
type why uint8

const (
	whyBlame    why = 1 // somebody broke the protocol
	whyDeclined why = 2 // the member does not want it
	whyFailed   why = 3 // something of the member's own failed
	whyStopped  why = 4 // the member was stopped
)

// abort is the last message of a member that gives up.
type abort struct {
	why    why
	reason string
	blames []accusation
}

// accusation is a blame of COCKTAIL-DKG with the digest of the body of the accused's round 1 message: the
// same message may be signed anew, in another envelope.
type accusation struct {
	blame  []byte
	digest [sha256.Size]byte
}

// encode returns u8 why || u16 length, reason || u16 count, and for each accusation
// u8 length, blame || digest.
func (a abort) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(uint8(a.why))
	addText16(b, a.reason)
	b.AddUint16(uint16(len(a.blames)))
	for _, blame := range a.blames {
		b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(blame.blame) })
		b.AddBytes(blame.digest[:])
	}
	return b.BytesOrPanic()
}

// decodeAbort decodes an abort, which accuses each of the other members once at most.
func decodeAbort(body []byte, members int) (abort, error) {
	var a abort
	var count uint16
	s := cryptobyte.String(body)
	if !s.ReadUint8((*uint8)(&a.why)) || !readReason(&s, &a.reason) || !s.ReadUint16(&count) || int(count) >= members {
		return abort{}, errMalformed
	}
	if a.why < whyBlame || a.why > whyStopped {
		return abort{}, fmt.Errorf("its reason %d is not known", a.why)
	}
	for range count {
		var blame accusation
		if !s.ReadUint8LengthPrefixed((*cryptobyte.String)(&blame.blame)) || !s.CopyBytes(blame.digest[:]) {
			return abort{}, errMalformed
		}
		a.blames = append(a.blames, blame)
	}
	if !s.Empty() {
		return abort{}, errMalformed
	}
	return a, nil
}

// want asks for the messages of an attempt once more. It says what the member waits for.
type want struct {
	kind    kind
	awaited []uint16 // members by their numbers, from 1, ascending
}

// encode returns u8 kind || u16 count, u16 number of each member.
func (w want) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint8(uint8(w.kind))
	b.AddUint16(uint16(len(w.awaited)))
	for _, number := range w.awaited {
		b.AddUint16(number)
	}
	return b.BytesOrPanic()
}

func decodeWant(body []byte) (want, error) {
	var w want
	var count uint16
	s := cryptobyte.String(body)
	if !s.ReadUint8((*uint8)(&w.kind)) || !s.ReadUint16(&count) || len(s) != 2*int(count) {
		return want{}, errMalformed
	}
	w.awaited = make([]uint16, count)
	for i := range w.awaited {
		if s.ReadUint16(&w.awaited[i]); i > 0 && w.awaited[i] <= w.awaited[i-1] {
			return want{}, errMalformed
		}
	}
	return w, nil
}

// encodeViews returns the digest of each member's round 1 message, or of its part of the transcript, in their
// order.
func encodeViews(views [][sha256.Size]byte) []byte {
	var b []byte
	for _, view := range views {
		b = append(b, view[:]...)
	}
	return b
}

func decodeViews(body []byte, members int) ([][sha256.Size]byte, error) {
	if len(body) != members*sha256.Size {
		return nil, errMalformed
	}
	views := make([][sha256.Size]byte, members)
	for i := range views {
		copy(views[i][:], body[i*sha256.Size:])
	}
	return views, nil
}

// forwarded is another member's signed envelope.
type forwarded struct {
	origin   uint16 // the member's number, from 1
	envelope []byte
}

// encode returns u16 number || envelope.
func (f forwarded) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(f.origin)
	b.AddBytes(f.envelope)
	return b.BytesOrPanic()
}

func decodeForwarded(body []byte) (forwarded, error) {
	var f forwarded
	s := cryptobyte.String(body)
	if !s.ReadUint16(&f.origin) || len(s) == 0 || s[0] != formSigned {
		return forwarded{}, errMalformed
	}
	f.envelope = s
	return f, nil
}

func addText8(b *cryptobyte.Builder, text string) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
}

func addBytes8(b *cryptobyte.Builder, v []byte) {
	b.AddUint8LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes(v) })
}

func addText16(b *cryptobyte.Builder, text string) {
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(text)) })
}

func addBool(b *cryptobyte.Builder, v bool) {
	if v {
		b.AddUint8(1)
	} else {
		b.AddUint8(0)
	}
}

func readText8(s *cryptobyte.String, text *string) bool {
	var raw cryptobyte.String
	ok := s.ReadUint8LengthPrefixed(&raw) && len(raw) <= maxText && utf8.Valid(raw)
	*text = string(raw)
	return ok
}

func readText16(s *cryptobyte.String, text *string) bool {
	var raw cryptobyte.String
	ok := s.ReadUint16LengthPrefixed(&raw) && utf8.Valid(raw)
	*text = string(raw)
	return ok
}

func readReason(s *cryptobyte.String, reason *string) bool {
	return readText16(s, reason) && len(*reason) <= maxReason
}

func readBool(s *cryptobyte.String, v *bool) bool {
	var b uint8
	ok := s.ReadUint8(&b) && b <= 1
	*v = b == 1
	return ok
}
