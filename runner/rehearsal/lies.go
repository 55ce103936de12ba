package rehearsal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/frost/dkg"
	"frostkit/relay/xeddsa"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// lies reports whether a member lies in this way to a recipient: where the fault
// names no other, to all, and with different packages to every second member.
func (m *member) lies(kind ceremony.FaultKind, to commkey.PublicKey, members []protocol.Member) bool {
	others := slices.DeleteFunc(slices.Clone(members), func(o protocol.Member) bool { return o.Key == m.key.Public() })
	at := slices.IndexFunc(others, func(o protocol.Member) bool { return o.Key == to })
	for _, f := range m.faults {
		if f.Kind != kind || at < 0 && kind != ceremony.FaultBadShare {
			continue
		}
		switch {
		case f.Victim != "" && others[at].Name != f.Victim:
		case kind == ceremony.FaultDifferentPackages && at%2 == 0:
		default:
			f.strike()
			return true
		}
	}
	return false
}

// frostClientLiar lies in frost-client's messages.
type frostClientLiar struct {
	suite     frost.Ciphersuite
	self      *member
	members   []protocol.Member // with identifiers
	threshold int

	other []byte // another round 1 package
}

func (l *frostClientLiar) phase(_ commkey.PublicKey, payload []byte) string {
	return protocol.PhaseOf(payload)
}

// What of frost-client's JSON is changed, each with a digit or an element to
// change in the second group.
var (
	shareOfRound2 = regexp.MustCompile(`("signing_share":"[0-9a-f])([0-9a-f])`)
	responseOfPoK = regexp.MustCompile(`("proof_of_knowledge":"[0-9a-f]{64}[0-9a-f])([0-9a-f])`)
	firstElement  = regexp.MustCompile(`("commitment":\[)("[0-9a-f]+")`)
	firstOfMore   = regexp.MustCompile(`("commitment":\[)"[0-9a-f]+",`)
	packageOfEcho = regexp.MustCompile(`^(\["[0-9a-f]+",).*\]$`)
	sharesOfSign  = regexp.MustCompile(`("share":"[0-9a-f])([0-9a-f])`)
)

func (l *frostClientLiar) hears(protocol.Message) {}

func (l *frostClientLiar) lie(said letter) ([]byte, error) {
	says := func(kind ceremony.FaultKind) bool { return l.self.lies(kind, said.to, l.members) }
	payload := said.payload
	switch said.phase {
	case protocol.PhaseRound1:
		return l.lieInRound1(says, payload)
	case protocol.PhaseEcho:
		if says(ceremony.FaultWrongEcho) {
			return l.wrongEcho(payload)
		}
	case protocol.PhaseRound2:
		if says(ceremony.FaultWrongShare) {
			return flipped(shareOfRound2, payload)
		}
	case protocol.PhaseShares:
		if says(ceremony.FaultBadShare) {
			return flipped(sharesOfSign, payload)
		}
	}
	return payload, nil
}

func (l *frostClientLiar) lieInRound1(says func(ceremony.FaultKind) bool, payload []byte) ([]byte, error) {
	switch {
	case says(ceremony.FaultDifferentPackages):
		return l.otherPackage()
	case says(ceremony.FaultWrongProof):
		return flipped(responseOfPoK, payload)
	case says(ceremony.FaultLongerPolynomial):
		return replaced(firstElement, payload, "$1$2,$2")
	case says(ceremony.FaultShorterPolynomial):
		return replaced(firstOfMore, payload, "$1")
	case says(ceremony.FaultInvalidElement):
		return replaced(firstElement, payload, fmt.Sprintf(`$1"%x"`, identity))
	}
	return payload, nil
}

// identity encodes the identity of Ed25519's group, which no element may be.
var identity = [elementSize]byte{1}

// wrongEcho puts a package that its member never sent into an echo.
func (l *frostClientLiar) wrongEcho(payload []byte) ([]byte, error) {
	other, err := l.otherPackage()
	if err != nil {
		return nil, err
	}
	return replaced(packageOfEcho, payload, "${1}"+string(other)+"]")
}

var errNothingToChange = errors.New("lying: the message has not the form that is known")

func replaced(what *regexp.Regexp, payload []byte, by string) ([]byte, error) {
	if !what.Match(payload) {
		return nil, errNothingToChange
	}
	return what.ReplaceAll(payload, []byte(by)), nil
}

// flipped changes the lowest bit of the first byte of a scalar in little-endian
// hexadecimal: the result is below the group's order, too.
func flipped(what *regexp.Regexp, payload []byte) ([]byte, error) {
	at := what.FindSubmatchIndex(payload)
	if at == nil {
		return nil, errNothingToChange
	}
	changed := bytes.Clone(payload)
	const digits = "0123456789abcdef"
	changed[at[4]] = digits[bytes.IndexByte([]byte(digits), changed[at[4]])^1]
	return changed, nil
}

// otherPackage makes a second round 1 package that is as good as the first.
func (l *frostClientLiar) otherPackage() ([]byte, error) {
	if l.other != nil {
		return l.other, nil
	}
	config := dkg.Config{Ciphersuite: l.suite, Threshold: l.threshold, Random: rand.Reader}
	for _, m := range l.members {
		config.Participants = append(config.Participants, m.Identifier)
		if m.Key == l.self.key.Public() {
			config.Identifier = m.Identifier
		}
	}
	first, err := dkg.New(config)
	if err != nil {
		return nil, err
	}
	defer first.Destroy()
	l.other = first.Package().EncodeJSON()
	return l.other, nil
}

// nativeLiar lies in the messages of frostkit's own protocol. It has the keys of
// all members, and so can look into what is sealed.
type nativeLiar struct {
	*Rehearsal
	session   *session
	self      *member
	members   []protocol.Member
	threshold int

	mu     sync.Mutex
	opened opened
	drawn  lastDrawn
	heard  []byte                               // the round 1 body of the first of the others
	setups map[native.AttemptID]*cocktail.Setup // of the attempts that all agreed on
	forged map[native.AttemptID][]byte          // round 1 bodies, see forge
	told   map[[sha256.Size]byte][]byte         // envelopes by what they stand for: a lie is told twice in the same words
}

// open looks into a message, which several look into one after the other.
func (l *nativeLiar) open(to commkey.PublicKey, payload []byte) (native.Letter, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Equal(l.opened.payload, payload) && l.opened.to == to {
		return l.opened.letter, l.opened.err
	}
	recipient := l.byKey(to)
	if recipient == nil {
		return native.Letter{}, errNothingToChange
	}
	letter, err := native.OpenLetter(l.session.id, l.self.key.Public(), recipient.key, payload)
	l.opened = opened{to, bytes.Clone(payload), letter, err}
	return letter, err
}

// opened is a message that was looked into.
type opened struct {
	to      commkey.PublicKey
	payload []byte
	letter  native.Letter
	err     error
}

func (l *nativeLiar) phase(to commkey.PublicKey, payload []byte) string {
	letter, err := l.open(to, payload)
	if err != nil {
		return ""
	}
	return letter.Phase
}

// hears keeps what the member needs who is to be blamed for nothing.
func (l *nativeLiar) hears(in protocol.Message) {
	if in.From != l.accused().Key {
		return
	}
	heard, err := native.OpenLetter(l.session.id, in.From, l.self.key, in.Payload)
	if err == nil && heard.Round1() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.heard = heard.Body
	}
}

// accused is the first of the others.
func (l *nativeLiar) accused() protocol.Member {
	return l.members[slices.IndexFunc(l.members, func(m protocol.Member) bool { return m.Key != l.self.key.Public() })]
}

func (l *nativeLiar) lie(said letter) ([]byte, error) {
	letter, err := l.open(said.to, said.payload)
	if err != nil {
		return said.payload, nil
	}
	changed := letter
	if err := l.change(said.to, &changed); err != nil || bytes.Equal(changed.Body, letter.Body) {
		return said.payload, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stands := sha256.Sum256(append(bytes.Clone(said.payload), changed.Body...))
	if l.told[stands] != nil {
		return l.told[stands], nil
	}
	envelope, err := changed.Envelope(l.session.id, l.self.key, said.to)
	if l.told == nil {
		l.told = map[[sha256.Size]byte][]byte{}
	}
	l.told[stands] = envelope
	return envelope, err
}

// The parts of a round 1 message of COCKTAIL-DKG with Ed25519, in bytes: after
// the commitments the proof, the ephemeral key and its proof, then for each member the
// length of a ciphertext and the ciphertext.
const (
	elementSize    = 32
	scalarSize     = 32
	proofSize      = elementSize + scalarSize
	lengthSize     = 8
	ciphertextSize = scalarSize + 16
)

// beforeCiphertexts is the length of the commitments, the proof, the ephemeral key and the proof of that.
func beforeCiphertexts(threshold int) int {
	return threshold*elementSize + proofSize + elementSize + proofSize
}

// change makes of a message what the member says instead, or leaves it.
func (l *nativeLiar) change(to commkey.PublicKey, letter *native.Letter) (err error) {
	says := func(kind ceremony.FaultKind) bool { return l.self.lies(kind, to, l.members) }
	letter.Body = bytes.Clone(letter.Body)
	switch {
	case letter.Round1():
		letter.Body, err = l.lieInRound1(says, letter.Attempt, letter.Body)
	case letter.Signature() && says(ceremony.FaultFalseBlame):
		l.blameFalsely(letter)
	case letter.Signature() && says(ceremony.FaultWrongSignature),
		letter.Shares() && says(ceremony.FaultBadShare):
		letter.Body[len(letter.Body)-scalarSize] ^= 1
	}
	return err
}

func (l *nativeLiar) lieInRound1(says func(ceremony.FaultKind) bool, attempt native.AttemptID, body []byte) ([]byte, error) {
	switch {
	case says(ceremony.FaultDifferentPackages):
		return l.forge(attempt)
	case l.anyLie(ceremony.FaultWrongShare):
		return l.wrongShares(attempt, body)
	case says(ceremony.FaultWrongProof):
		body[l.threshold*elementSize+elementSize] ^= 1
	case says(ceremony.FaultLongerPolynomial):
		return append(bytes.Clone(body[:elementSize]), body...), nil
	case says(ceremony.FaultShorterPolynomial):
		return body[elementSize:], nil
	case says(ceremony.FaultInvalidElement):
		copy(body, identity[:])
	}
	return body, nil
}

// The abort of docs/protocol.md.
const (
	kindAbort = 5
	whyBlame  = 1
)

// blameFalsely makes an abort of a signature: it says that the proof of somebody
// honest does not verify.
func (l *nativeLiar) blameFalsely(letter *native.Letter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	number := slices.Index(l.members, l.accused()) + 1
	digest := sha256.Sum256(l.heard)
	blame := []byte{byte(cocktail.CheckProof), 0, byte(number)}
	letter.Kind = kindAbort
	letter.Body = slices.Concat([]byte{whyBlame, 0, 0, 0, 1, byte(len(blame))}, blame, digest[:])
}

func (l *nativeLiar) anyLie(kind ceremony.FaultKind) bool {
	return slices.ContainsFunc(l.self.faults, func(f *fault) bool { return f.Kind == kind })
}

// wrongShares is one message for all, in which the shares of the victims are
// those of another polynomial.
func (l *nativeLiar) wrongShares(attempt native.AttemptID, body []byte) ([]byte, error) {
	other, err := l.forge(attempt)
	if err != nil {
		return nil, err
	}
	for i, m := range l.members {
		if l.self.lies(ceremony.FaultWrongShare, m.Key, l.members) {
			at := beforeCiphertexts(l.threshold) + i*(lengthSize+ciphertextSize) + lengthSize
			copy(body[at:at+ciphertextSize], other[at:at+ciphertextSize])
		}
	}
	return body, nil
}

// forge makes a second round 1 message for an attempt: of another polynomial and
// the same ephemeral key, so that the ciphertexts of one open under the other.
func (l *nativeLiar) forge(attempt native.AttemptID) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if made, before := l.forged[attempt]; before {
		return made, nil
	}
	key, err := l.staticKey()
	if err != nil {
		return nil, err
	}
	defer key.Destroy()
	round, err := cocktail.New(cocktail.Config{Setup: l.setups[attempt], Key: key, Random: &sameEphemeral{coefficients: l.threshold, last: l.drawn.bytes}})
	if err != nil {
		return nil, err
	}
	defer round.Destroy()
	if l.forged == nil {
		l.forged = map[native.AttemptID][]byte{}
	}
	l.forged[attempt] = round.Message().Encode()
	return l.forged[attempt], nil
}

func (l *nativeLiar) staticKey() (*cocktail.StaticKey, error) {
	secret := xeddsa.EdwardsPrivateKey(l.self.key)
	defer clear(secret)
	return cocktail.DecodeStaticKey(l.suite, secret)
}

// agreed keeps what all agreed on in an attempt.
func (l *nativeLiar) agreed(attempt native.AttemptID, setup *cocktail.Setup) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.setups == nil {
		l.setups = map[native.AttemptID]*cocktail.Setup{}
	}
	l.setups[attempt] = setup
}

// sameEphemeral is random but for what is drawn after the coefficients of the
// polynomial: the ephemeral secret.
type sameEphemeral struct {
	coefficients int // still to be drawn
	last         []byte
}

func (s *sameEphemeral) Read(b []byte) (int, error) {
	if s.coefficients > 0 {
		s.coefficients--
		return rand.Read(b)
	}
	return copy(b, s.last), nil
}

// lastDrawn is random, and remembers what was drawn last: when a round 1 message
// leaves, that is its ephemeral secret.
type lastDrawn struct{ bytes []byte }

func (d *lastDrawn) Read(b []byte) (int, error) {
	n, err := rand.Read(b)
	d.bytes = bytes.Clone(b)
	return n, err
}
