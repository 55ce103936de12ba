package native

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// What is said before an attempt is agreed on names the runs that it is between. Each run is random, so that a
// message that names this member's was made during it.

// toldFacts is what a member says to one whose greeting differs.
type toldFacts struct {
	to       runID  // the run of the recipient
	greeting []byte // the body of the sender's
	facts    []Fact
}

// encode returns run of the recipient || u16 length, body of the greeting || u16 count, and for each fact u16
// length, label || u16 length, value.
func (f toldFacts) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddBytes(f.to[:])
	addText16(b, string(f.greeting))
	b.AddUint16(uint16(len(f.facts)))
	for _, fact := range f.facts {
		addText16(b, fact.Label)
		addText16(b, fact.Value)
	}
	return b.BytesOrPanic()
}

// decodeFacts decodes facts with the greeting in them. With a greeting of another version nothing more is read.
func decodeFacts(body []byte) (toldFacts, greeting, error) {
	var f toldFacts
	s := cryptobyte.String(body)
	if !s.CopyBytes(f.to[:]) || !s.ReadUint16LengthPrefixed((*cryptobyte.String)(&f.greeting)) {
		return toldFacts{}, greeting{}, errMalformed
	}
	x, err := decodeGreeting(f.greeting)
	if err != nil || x.version != Version {
		return f, x, err
	}
	var count uint16
	if !s.ReadUint16(&count) {
		return toldFacts{}, greeting{}, errMalformed
	}
	for range count {
		var fact Fact
		if !readText16(&s, &fact.Label) || !readText16(&s, &fact.Value) {
			return toldFacts{}, greeting{}, errMalformed
		}
		f.facts = append(f.facts, fact)
	}
	if !s.Empty() {
		return toldFacts{}, greeting{}, errMalformed
	}
	return f, x, nil
}

// earlyAbort is an abort before the attempt is agreed on.
type earlyAbort struct {
	run   runID   // of the sender
	heard []runID // of others: who is among them is told
	body  []byte  // of the abort
}

// encode returns run || u8 count, run of each that was heard of || body.
func (a earlyAbort) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddBytes(a.run[:])
	b.AddUint8(uint8(len(a.heard)))
	for _, run := range a.heard {
		b.AddBytes(run[:])
	}
	b.AddBytes(a.body)
	return b.BytesOrPanic()
}

// decodeEarlyAbort decodes an abort of one of so many members, but for what is in it.
func decodeEarlyAbort(body []byte, members int) (earlyAbort, error) {
	var a earlyAbort
	var count uint8
	s := cryptobyte.String(body)
	if !s.CopyBytes(a.run[:]) || !s.ReadUint8(&count) || int(count) >= members {
		return earlyAbort{}, errMalformed
	}
	for range count {
		var run runID
		if !s.CopyBytes(run[:]) {
			return earlyAbort{}, errMalformed
		}
		a.heard = append(a.heard, run)
	}
	a.body = s
	return a, nil
}

// between reports whether the abort is by a run of its sender to one of its recipient. The zero run is one that
// is not known.
func (a earlyAbort) between(sender, recipient runID) bool {
	return slices.Contains(a.heard, recipient) && (sender == runID{} || sender == a.run)
}
