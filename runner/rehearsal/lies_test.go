package rehearsal_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"time"

	"frostkit/runner/protocol"
	"frostkit/runner/rehearsal"
)

// The kinds of docs/protocol.md.
const (
	round1      = 2
	signature   = 3
	stored      = 4
	abort       = 5
	want        = 6
	views       = 7
	forward     = 8
	proposal    = 33
	commitments = 34
	pkg         = 35
	shares      = 36
	signed      = 38
)

// The checks of COCKTAIL-DKG, by their numbers in docs/protocol.md.
const (
	encoding   = 1
	decryption = 3
	share      = 5
	signing3   = 6
)

// The members by their places.
const (
	alice = iota
	bob
	eve
	members
)

const threshold = 2

// Round 1 messages: the contribution is commitments, proof, ephemeral key and the proof of that; a
// frame is the length of a ciphertext and the ciphertext.
const (
	contribution = 32*threshold + 64 + 32 + 64
	frame        = 8 + 48
)

// inFrostkit changes messages of a kind of frostkit's protocol, inFrostClient those of a
// phase of frost-client's.
func inFrostkit(kind uint8, change lie) lie {
	return func(w *world, s *rehearsal.Said) {
		if w.frostkit() && s.Kind == kind {
			change(w, s)
		}
	}
}

func inFrostClient(phase string, change lie) lie {
	return func(w *world, s *rehearsal.Said) {
		if !w.frostkit() && s.Phase == phase {
			change(w, s)
		}
	}
}

// silentOn leaves messages unsaid.
func silentOn(kinds ...uint8) lie {
	return func(w *world, s *rehearsal.Said) {
		s.Silent = s.Silent || w.frostkit() && slices.Contains(kinds, s.Kind)
	}
}

func mute(_ *world, s *rehearsal.Said) { s.Silent = true }

// Cases 22 to 25: round 1.

func damagedCiphertext(w *world, s *rehearsal.Said) {
	inFrostkit(round1, func(*world, *rehearsal.Said) { s.Body[contribution+bob*frame+8] ^= 1 })(w, s)
}

func copiedPackage(w *world, s *rehearsal.Said) {
	if s.Phase == protocol.PhaseRound1 {
		s.Body = w.now("Alice", protocol.PhaseRound1)
	}
}

func ownOldPackage(w *world, s *rehearsal.Said) {
	if s.Phase == protocol.PhaseRound1 {
		s.Body = w.before("Eve", protocol.PhaseRound1)
	}
}

func differentPackages(w *world, s *rehearsal.Said) {
	inFrostkit(round1, func(*world, *rehearsal.Said) {
		if other, err := s.Other(); s.To == "Bob" && err == nil {
			s.Body = other
		}
	})(w, s)
}

// Case 26: what members tell of each other.

// echoOf passes a package on in the name of an identifier.
func echoOf(id [32]byte) lie {
	return inFrostClient(protocol.PhaseEcho, func(_ *world, s *rehearsal.Said) {
		_, rest, _ := bytes.Cut(s.Body, []byte(","))
		s.Body = fmt.Appendf(nil, `["%x",%s`, id, rest)
	})
}

var (
	stranger = [32]byte{77}
	zero     = [32]byte{}
	madeUp   = bytes.Repeat(bytes.Join([][]byte{{1}, make([]byte, 31)}, nil), 4) // shared secrets and a proof
)

func unsaidEcho(w *world, s *rehearsal.Said) {
	inFrostClient(protocol.PhaseEcho, func(*world, *rehearsal.Said) { s.Silent = true })(w, s)
}

// blames makes an abort of Eve's signature, in which she accuses Alice.
func blames(check byte, evidence []byte) lie {
	return inFrostkit(signature, func(w *world, s *rehearsal.Said) {
		accuse(w, s, append([]byte{check, 0, alice + 1}, evidence...))
	})
}

func blamesNobody(w *world, s *rehearsal.Said) {
	inFrostkit(signature, func(*world, *rehearsal.Said) { accuse(w, s, []byte{encoding, 0, 77}) })(w, s)
}

func accuse(w *world, s *rehearsal.Said, blame []byte) {
	const whyBlame = 1
	digest := sha256.Sum256(w.now("Alice", protocol.PhaseRound1))
	s.Kind = abort
	s.Body = slices.Concat([]byte{whyBlame, 0, 0, 0, 1, byte(len(blame))}, blame, digest[:])
}

// otherTranscript signs something else, after which the members compare what they have.
func otherTranscript(w *world, s *rehearsal.Said) {
	inFrostkit(signature, func(*world, *rehearsal.Said) { s.Body[0] ^= 1 })(w, s)
}

// viewsOf lists the packages that were sent.
func viewsOf(w *world) []byte {
	var all []byte
	for _, name := range []string{"Alice", "Bob", "Eve"} {
		digest := sha256.Sum256(w.now(name, protocol.PhaseRound1))
		all = append(all, digest[:]...)
	}
	return all
}

func trueViews(w *world, s *rehearsal.Said) { withViews(w, s, viewsOf(w)) }

// falseView claims to have another package of a member.
func falseView(member int) lie {
	return func(w *world, s *rehearsal.Said) {
		list := viewsOf(w)
		list[member*sha256.Size] ^= 1
		withViews(w, s, list)
	}
}

func shortViews(w *world, s *rehearsal.Said) { withViews(w, s, viewsOf(w)[sha256.Size:]) }

// withViews has a list follow Eve's signature, and says nothing else of the dispute.
func withViews(w *world, s *rehearsal.Said, list []byte) {
	silentOn(views, forward)(w, s)
	inFrostkit(signature, func(*world, *rehearsal.Said) {
		s.After = append(s.After, rehearsal.Said{Kind: views, ID: s.ID, Body: list})
	})(w, s)
}

// forgedForward passes on a message of Bob's that Bob has signed otherwise.
func forgedForward(w *world, s *rehearsal.Said) {
	inFrostkit(signature, func(*world, *rehearsal.Said) {
		payload := slices.Concat([]byte{1, round1, 0, 0, 0, 1}, s.ID[:], w.now("Bob", protocol.PhaseRound1), make([]byte, 64))
		s.After = append(s.After, rehearsal.Said{Kind: forward, ID: s.ID, Body: append([]byte{0, bob + 1}, payload...)})
	})(w, s)
}

// strangersForward speaks of a member 77.
func strangersForward(w *world, s *rehearsal.Said) {
	inFrostkit(signature, func(*world, *rehearsal.Said) {
		s.After = append(s.After,
			rehearsal.Said{Kind: forward, ID: s.ID, Body: append([]byte{0, 77, 1}, make([]byte, 200)...)},
			rehearsal.Said{Kind: want, ID: s.ID, Body: []byte{round1, 0, 1, 0, 77}})
	})(w, s)
}

// Case 29: the certificate.

func wrongSignatureTo(name string) lie {
	return inFrostkit(signature, func(_ *world, s *rehearsal.Said) {
		if s.To == name {
			s.Body[len(s.Body)-1] ^= 1
		}
	})
}

// lateTo has Eve's signature come a second later.
func lateTo(name string) lie {
	return inFrostkit(signature, func(_ *world, s *rehearsal.Said) {
		if s.To == name {
			s.Silent = true
			s.Later = []rehearsal.Said{{Kind: s.Kind, ID: s.ID, Body: s.Body}}
		}
	})
}

// twoTranscripts has Eve's right signature follow one of another transcript.
func twoTranscripts(w *world, s *rehearsal.Said) {
	inFrostkit(signature, func(*world, *rehearsal.Said) {
		right := bytes.Clone(s.Body)
		s.Body[0] ^= 1
		s.After = append(s.After, rehearsal.Said{Kind: signature, ID: s.ID, Body: right})
	})(w, s)
	silentOn(views, forward)(w, s)
}

func deniesLater(w *world, s *rehearsal.Said) {
	const whyFailed = 3
	inFrostkit(stored, func(*world, *rehearsal.Said) {
		s.After = append(s.After, rehearsal.Said{Kind: abort, ID: s.ID, Body: []byte{whyFailed, 0, 0, 0, 0}})
	})(w, s)
}

// Case 27: what the relay says again.

func replayLater(*world, *rehearsal.Meeting) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		return []protocol.Delivery{{Payload: e.Payload}, {Payload: e.Payload, Delay: 5 * time.Second}}
	}
}

func replaySession(w *world, m *rehearsal.Meeting) protocol.Fault {
	for _, e := range w.recorded {
		m.Deliver(e)
	}
	return protocol.Deliver
}

func replaySameSession(w *world, m *rehearsal.Meeting) protocol.Fault {
	m.ID = w.first.ID
	return replaySession(w, m)
}

// Cases 30 and 31: the coordinator. A package is a list of signers in either protocol.

type signer struct {
	id          []byte // in hexadecimal digits in frost-client's protocol
	commitments []byte
}

// repackaged changes the list in every package, of which own is the recipient's.
func repackaged(change func(w *world, s *rehearsal.Said, list []signer, own int) []signer) lie {
	return func(w *world, s *rehearsal.Said) {
		if s.Phase != protocol.PhasePackage {
			return
		}
		list, encode := unpack(w, s.Body)
		mine := commitmentsOf(w, w.now(s.To, protocol.PhaseCommitments))
		own := slices.IndexFunc(list, func(x signer) bool { return bytes.Equal(x.commitments, mine) })
		s.Body = encode(change(w, s, list, own))
	}
}

// commitmentsOf takes the one item out of a message of commitments.
func commitmentsOf(w *world, body []byte) []byte {
	if w.frostkit() {
		return body[16+1+2:] // run, count, length
	}
	return body[1 : len(body)-1]
}

// unpack returns the signers of a package, and what makes a package of others.
func unpack(w *world, body []byte) (list []signer, encode func([]signer) []byte) {
	if w.frostkit() {
		return unpackNative(body)
	}
	found := signerInJSON.FindAllSubmatchIndex(body, -1)
	for _, x := range found {
		list = append(list, signer{body[x[2]:x[3]], body[x[4]:x[5]]})
	}
	before, after := body[:found[0][0]], body[found[len(found)-1][1]:]
	return list, func(list []signer) []byte {
		var items [][]byte
		for _, x := range list {
			items = append(items, fmt.Appendf(nil, `"%s":%s`, x.id, x.commitments))
		}
		return slices.Concat(before, bytes.Join(items, []byte(",")), after)
	}
}

var signerInJSON = regexp.MustCompile(`"([0-9a-f]{64})":({"header":{[^}]*},[^}]*})`)

func unpackNative(body []byte) (list []signer, encode func([]signer) []byte) {
	const head = 16 + 2 // run, count
	count := int(binary.BigEndian.Uint16(body[16:]))
	for item := range slices.Chunk(body[head:], (len(body)-head)/count) {
		list = append(list, signer{item[1:33], item[33+1+2:]})
	}
	return list, func(list []signer) []byte {
		b := binary.BigEndian.AppendUint16(bytes.Clone(body[:16]), uint16(len(list)))
		for _, x := range list {
			b = append(append(append(b, 32), x.id...), 1)
			b = append(binary.BigEndian.AppendUint16(b, uint16(len(x.commitments))), x.commitments...)
		}
		return b
	}
}

// idOf encodes an identifier as a package has it.
func idOf(w *world, id [32]byte) []byte {
	if w.frostkit() {
		return id[:]
	}
	return []byte(hex.EncodeToString(id[:]))
}

func withoutYou(_ *world, _ *rehearsal.Said, list []signer, own int) []signer {
	return slices.Delete(list, own, own+1)
}

func youAlone(_ *world, _ *rehearsal.Said, list []signer, own int) []signer {
	return list[own : own+1]
}

func nobody(*world, *rehearsal.Said, []signer, int) []signer { return nil }

func anothersAsYours(_ *world, _ *rehearsal.Said, list []signer, own int) []signer {
	list[own].commitments = list[(own+1)%len(list)].commitments
	return list
}

func yourOld(w *world, s *rehearsal.Said, list []signer, own int) []signer {
	list[own].commitments = commitmentsOf(w, w.before(s.To, protocol.PhaseCommitments))
	return list
}

func withStranger(w *world, _ *rehearsal.Said, list []signer, own int) []signer {
	return append(list, signer{idOf(w, stranger), list[own].commitments})
}

func somebodyTwice(_ *world, _ *rehearsal.Said, list []signer, _ int) []signer {
	return append(list, list[len(list)-1])
}

func noPackage(w *world, s *rehearsal.Said) {
	inFrostClient(protocol.PhasePackage, func(*world, *rehearsal.Said) {
		s.Body = []byte(`{"signing_package":[],"aux_msg":"","randomizer":[]}`)
	})(w, s)
}

// secondPackage has another package follow, of as many signers as are needed.
func secondPackage(w *world, s *rehearsal.Said) {
	other := *s
	repackaged(func(_ *world, _ *rehearsal.Said, list []signer, own int) []signer {
		return slices.DeleteFunc(list, func(x signer) bool {
			return !bytes.Equal(x.id, list[own].id) && !bytes.Equal(x.commitments, commitmentsOf(w, w.now("Eve", protocol.PhaseCommitments)))
		})
	})(w, &other)
	second := rehearsal.Said{Kind: s.Kind, ID: s.ID, Body: other.Body}
	inFrostkit(pkg, func(*world, *rehearsal.Said) { s.After = append(s.After, second) })(w, s)
	inFrostClient(protocol.PhasePackage, func(*world, *rehearsal.Said) { s.Later = append(s.Later, second) })(w, s)
}

// reproposed changes a proposal, and its ID accordingly.
func reproposed(s *rehearsal.Said, change func(body []byte) []byte) rehearsal.Said {
	run, session := s.Body[:16], s.SessionID()
	body := change(bytes.Clone(s.Body[16:]))
	id := sha256.Sum256(slices.Concat([]byte("frostkit signing"), session[:], body))
	return rehearsal.Said{Kind: proposal, ID: id, Body: slices.Concat(run, body)}
}

func otherMessage(w *world, s *rehearsal.Said) {
	inFrostkit(proposal, func(*world, *rehearsal.Said) { *s = replaced(s, reproposed(s, lastByte)) })(w, s)
	inFrostClient(protocol.PhasePackage, func(*world, *rehearsal.Said) {
		s.Body = bytes.Replace(s.Body, hexOf(minutes), hexOf("mimutes"), 1)
	})(w, s)
}

func lastByte(body []byte) []byte {
	body[len(body)-1] ^= 1
	return body
}

func hexOf(text string) []byte { return []byte(hex.EncodeToString([]byte(text))) }

// withAux gives the auxiliary data, which are empty before the one message, a byte.
func withAux(w *world, s *rehearsal.Said) {
	inFrostkit(proposal, func(*world, *rehearsal.Said) {
		*s = replaced(s, reproposed(s, func(body []byte) []byte {
			at := len(body) - len(minutes) - 2 - 1 - 2 // length, count, length of the data
			return slices.Concat(body[:at], []byte{0, 1, 'x'}, body[at+2:])
		}))
	})(w, s)
	inFrostClient(protocol.PhasePackage, func(*world, *rehearsal.Said) {
		s.Body = bytes.Replace(s.Body, []byte(`"aux_msg":"`), []byte(`"aux_msg":"78`), 1)
	})(w, s)
}

func otherFile(w *world, s *rehearsal.Said) {
	inFrostkit(proposal, func(*world, *rehearsal.Said) {
		*s = replaced(s, reproposed(s, func(body []byte) []byte { body[2+16] ^= 1; return body })) // after version and run
	})(w, s)
}

func twoProposals(w *world, s *rehearsal.Said) {
	inFrostkit(proposal, func(*world, *rehearsal.Said) { s.After = append(s.After, reproposed(s, lastByte)) })(w, s)
}

func replaced(s *rehearsal.Said, by rehearsal.Said) rehearsal.Said {
	changed := *s
	changed.Kind, changed.ID, changed.Body = by.Kind, by.ID, by.Body
	return changed
}

// Case 32: shares and signatures.

// twoShares has the right shares follow wrong ones.
func twoShares(w *world, s *rehearsal.Said) {
	right := rehearsal.Said{Kind: s.Kind, ID: s.ID, Body: bytes.Clone(s.Body)}
	inFrostkit(shares, func(*world, *rehearsal.Said) { s.Body[len(s.Body)-32] ^= 1; s.After = append(s.After, right) })(w, s)
	inFrostClient(protocol.PhaseShares, func(*world, *rehearsal.Said) {
		s.Body = hexAt("share", 0, 0, 64)(s.Body, append([]byte{1}, make([]byte, 31)...))
		s.After = append(s.After, right)
	})(w, s)
}

func wrongResult(w *world, s *rehearsal.Said) {
	inFrostkit(signed, func(*world, *rehearsal.Said) { s.Body[len(s.Body)-32] ^= 1 })(w, s)
}
