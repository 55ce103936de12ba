package native

import (
	"crypto/sha256"

	"golang.org/x/crypto/cryptobyte"

	"frostkit/frost"
	"frostkit/runner/protocol"
)

// The messages of a signing, all sealed. After the proposal each one's ID is that of the
// proposal, and its number that of the attempt.
const (
	kindHello       kind = 32 // signer: I am here
	kindProposal    kind = 33 // coordinator: this is to be signed
	kindCommitments kind = 34 // signer: yes, and these are my commitments
	kindPackage     kind = 35 // coordinator: these sign, with these commitments
	kindShares      kind = 36 // signer
	kindDecline     kind = 37 // signer: no, because
	kindSigned      kind = 38 // coordinator: the signatures
	kindEnd         kind = 39 // coordinator: it is over, because
	kindAgain       kind = 40 // coordinator: a new attempt; send commitments
	kindHeard       kind = 41 // signer: I have the signatures
)

var phaseOfSigning = map[kind]string{
	kindHello: "greeting", kindProposal: "proposal", kindCommitments: "commitments", kindPackage: "signing package",
	kindShares: "signature shares", kindDecline: "declining", kindSigned: "signatures", kindEnd: "giving up", kindAgain: "new attempt",
	kindHeard: "confirmation",
}

// runID is 16 random bytes of one run of the program, by which a restart shows.
type runID [16]byte

// proposalLabel begins the input of the hash that is a proposal's ID.
const proposalLabel = "frostkit signing"

// proposal is what the coordinator asks to be signed.
type proposal struct {
	version uint16
	run     runID // of the coordinator
	digest  [sha256.Size]byte
	step    string
	tool    string
	group   []byte // the verifying key
	need    uint16 // how many sign

	extensions []Extension
	candidates [][]byte // of whom: identifiers, ascending
	aux        []byte   // shown, not signed
	messages   [][]byte
}

// encode returns u16 version || run || digest || u8 length, step || u8 length, tool || extensions || u8 length, group ||
// u16 need || u8 count, and for each candidate u8 length, identifier || u16 length, aux || u8 count, and for
// each message u16 length, message.
func (p proposal) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(p.version)
	b.AddBytes(p.run[:])
	b.AddBytes(p.digest[:])
	addText8(b, p.step)
	addText8(b, p.tool)
	addExtensions(b, p.extensions)
	addText8(b, string(p.group))
	b.AddUint16(p.need)
	addList8(b, p.candidates)
	addText16(b, string(p.aux))
	b.AddUint8(uint8(len(p.messages)))
	for _, message := range p.messages {
		addText16(b, string(message))
	}
	return b.BytesOrPanic()
}

// decodeProposal decodes a proposal. Of another version only that is read.
func decodeProposal(body []byte) (proposal, error) {
	var p proposal
	s := cryptobyte.String(body)
	if !s.ReadUint16(&p.version) {
		return proposal{}, errMalformed
	}
	if p.version != Version {
		return p, nil
	}
	if !s.CopyBytes(p.run[:]) || !s.CopyBytes(p.digest[:]) || !readText8(&s, &p.step) || !readText8(&s, &p.tool) || !readExtensions(&s, &p.extensions) ||
		!s.ReadUint8LengthPrefixed((*cryptobyte.String)(&p.group)) || !s.ReadUint16(&p.need) || !readList8(&s, &p.candidates) ||
		!s.ReadUint16LengthPrefixed((*cryptobyte.String)(&p.aux)) || !readItems(&s, &p.messages) || len(p.messages) == 0 || !s.Empty() {
		return proposal{}, errMalformed
	}
	return p, nil
}

// addList8 adds u8 count, and for each u8 length, item.
func addList8(b *cryptobyte.Builder, list [][]byte) {
	b.AddUint8(uint8(len(list)))
	for _, item := range list {
		addText8(b, string(item))
	}
}

// readList8 reads u8 count, and for each u8 length, item.
func readList8(s *cryptobyte.String, list *[][]byte) bool {
	var count uint8
	if !s.ReadUint8(&count) {
		return false
	}
	for range count {
		var item cryptobyte.String
		if !s.ReadUint8LengthPrefixed(&item) {
			return false
		}
		*list = append(*list, item)
	}
	return true
}

// hello is how a signer says that it is there.
type hello struct {
	run  runID
	tool string
}

// encode returns run || u8 length, tool.
func (h hello) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddBytes(h.run[:])
	addText8(b, h.tool)
	return b.BytesOrPanic()
}

func decodeHello(body []byte) (hello, error) {
	var h hello
	s := cryptobyte.String(body)
	if !s.CopyBytes(h.run[:]) || !readText8(&s, &h.tool) || !s.Empty() {
		return hello{}, errMalformed
	}
	return h, nil
}

// proposalID is SHA-256(label || session || body).
func proposalID(session sessionID, body []byte) AttemptID {
	h := sha256.New()
	h.Write([]byte(proposalLabel))
	h.Write(session[:])
	h.Write(body)
	return AttemptID(h.Sum(nil))
}

// ending is why a coordinator gives up: at a deadline with who is missing in which phase.
type ending struct {
	phase   string   // of those in which a coordinator waits, or ""
	missing [][]byte // identifiers
	reason  string
}

// encode returns u8 length, phase || u8 count, and for each u8 length, identifier || u16 length, reason.
func (e ending) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	addText8(b, e.phase)
	addList8(b, e.missing)
	addText16(b, e.reason)
	return b.BytesOrPanic()
}

func decodeEnding(body []byte) (ending, error) {
	var e ending
	s := cryptobyte.String(body)
	if !readText8(&s, &e.phase) || !readList8(&s, &e.missing) || !readReason(&s, &e.reason) || !s.Empty() {
		return ending{}, errMalformed
	}
	if waits := e.phase == protocol.PhaseCommitments || e.phase == protocol.PhaseShares; !waits && (e.phase != "" || e.missing != nil) {
		return ending{}, errMalformed
	}
	return e, nil
}

// items are the encodings of a signer, one for each message, with the run that they are of.
type items struct {
	run  runID
	list [][]byte
}

// encode returns run || u8 count, and for each u16 length, item.
func (i items) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddBytes(i.run[:])
	addItems(b, i.list)
	return b.BytesOrPanic()
}

func decodeItems(body []byte) (items, error) {
	var i items
	s := cryptobyte.String(body)
	if !s.CopyBytes(i.run[:]) || !readItems(&s, &i.list) || !s.Empty() {
		return items{}, errMalformed
	}
	return i, nil
}

func addItems(b *cryptobyte.Builder, list [][]byte) {
	b.AddUint8(uint8(len(list)))
	for _, item := range list {
		addText16(b, string(item))
	}
}

func readItems(s *cryptobyte.String, list *[][]byte) bool {
	var count uint8
	if !s.ReadUint8(&count) {
		return false
	}
	for range count {
		var item cryptobyte.String
		if !s.ReadUint16LengthPrefixed(&item) {
			return false
		}
		*list = append(*list, item)
	}
	return true
}

// chosen are the commitments of those who sign: of each by its identifier, one for each message.
type chosen map[frost.Identifier][][]byte

// encode returns the package without the run that it is for: u16 count, and for each in the order of the identifiers u8 length, identifier || u8
// count, and for each message u16 length, commitments.
func (c chosen) encode() []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddUint16(uint16(len(c)))
	for _, id := range sortedIDs(c) {
		addText8(b, string(id.Bytes()))
		addItems(b, c[id])
	}
	return b.BytesOrPanic()
}

// decodeChosen decodes the commitments of signers for so many messages.
func decodeChosen(cs frost.Ciphersuite, body []byte, messages int) (chosen, error) {
	c := make(chosen)
	var count uint16
	s := cryptobyte.String(body)
	if !s.ReadUint16(&count) {
		return nil, errMalformed
	}
	for range count {
		var encoded cryptobyte.String
		var list [][]byte
		if !s.ReadUint8LengthPrefixed(&encoded) || !readItems(&s, &list) || len(list) != messages {
			return nil, errMalformed
		}
		id, err := frost.DecodeIdentifier(cs, encoded)
		if err != nil {
			return nil, err
		}
		if _, twice := c[id]; twice {
			return nil, errMalformed
		}
		c[id] = list
	}
	if !s.Empty() || string(c.encode()) != string(body) {
		return nil, errMalformed
	}
	return c, nil
}

// packages makes the signing package of each message.
func (c chosen) packages(cs frost.Ciphersuite, messages [][]byte) ([]*frost.SigningPackage, error) {
	packages := make([]*frost.SigningPackage, len(messages))
	for i, message := range messages {
		list := make(map[frost.Identifier]*frost.SigningCommitments, len(c))
		for id, encoded := range c {
			var err error
			if list[id], err = frost.DecodeSigningCommitmentsPostcard(cs, encoded[i]); err != nil {
				return nil, err
			}
		}
		var err error
		if packages[i], err = frost.NewSigningPackage(cs, list, message); err != nil {
			return nil, err
		}
	}
	return packages, nil
}
