package rehearsal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
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
	sharesOfSign  = regexp.MustCompile(`("share":"[0-9a-f])([0-9a-f])`)
)

func (l *frostClientLiar) lie(to commkey.PublicKey, phase string, payload []byte) ([]byte, error) {
	says := func(kind ceremony.FaultKind) bool { return l.self.lies(kind, to, l.members) }
	switch {
	case phase == protocol.PhaseRound1 && says(ceremony.FaultDifferentPackages):
		return l.otherPackage()
	case phase == protocol.PhaseRound1 && says(ceremony.FaultWrongProof):
		return flipped(responseOfPoK, payload)
	case phase == protocol.PhaseRound1 && says(ceremony.FaultLongerPolynomial):
		return replaced(firstElement, payload, "$1$2,$2")
	case phase == protocol.PhaseRound2 && says(ceremony.FaultWrongShare):
		return flipped(shareOfRound2, payload)
	case phase == protocol.PhaseShares && says(ceremony.FaultBadShare):
		return flipped(sharesOfSign, payload)
	}
	return payload, nil
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
	forged map[native.AttemptID][2][]byte // round 1 bodies, see forge
	told   map[[sha256.Size]byte][]byte   // envelopes by what they stand for: a lie is told twice in the same words
}

func (l *nativeLiar) open(to commkey.PublicKey, payload []byte) (native.Letter, error) {
	recipient := l.byKey(to)
	if recipient == nil {
		return native.Letter{}, errNothingToChange
	}
	return native.OpenLetter(l.session.id, l.self.key.Public(), recipient.key, payload)
}

func (l *nativeLiar) phase(to commkey.PublicKey, payload []byte) string {
	letter, err := l.open(to, payload)
	if err != nil {
		return ""
	}
	return letter.Phase
}

func (l *nativeLiar) lie(to commkey.PublicKey, _ string, payload []byte) ([]byte, error) {
	letter, err := l.open(to, payload)
	if err != nil {
		return payload, nil
	}
	body, err := l.change(to, letter)
	if err != nil || body == nil {
		return payload, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	stands := sha256.Sum256(append(bytes.Clone(payload), body...))
	if l.told[stands] != nil {
		return l.told[stands], nil
	}
	letter.Body = body
	envelope, err := letter.Envelope(l.session.id, l.self.key, to)
	if l.told == nil {
		l.told = map[[sha256.Size]byte][]byte{}
	}
	l.told[stands] = envelope
	return envelope, err
}

// The parts of a round 1 message of COCKTAIL-DKG with Ed25519, in bytes: after
// the commitments the proof and the ephemeral key, then for each member the
// length of a ciphertext and the ciphertext.
const (
	elementSize    = 32
	scalarSize     = 32
	proofSize      = elementSize + scalarSize
	lengthSize     = 8
	ciphertextSize = scalarSize + 16
)

func contributionSize(threshold int) int { return threshold*elementSize + proofSize + elementSize }

// change returns another body, or nil to leave it.
func (l *nativeLiar) change(to commkey.PublicKey, letter native.Letter) ([]byte, error) {
	says := func(kind ceremony.FaultKind) bool { return l.self.lies(kind, to, l.members) }
	body := bytes.Clone(letter.Body)
	switch {
	case letter.Round1() && says(ceremony.FaultDifferentPackages):
		made, err := l.forge(letter.Attempt)
		return made[1], err
	case letter.Round1() && l.anyLie(ceremony.FaultWrongShare):
		return l.wrongShares(letter.Attempt)
	case letter.Round1() && says(ceremony.FaultWrongProof):
		body[l.threshold*elementSize+elementSize] ^= 1
		return body, nil
	case letter.Round1() && says(ceremony.FaultLongerPolynomial):
		return append(bytes.Clone(body[:elementSize]), body...), nil
	case letter.Signature() && says(ceremony.FaultWrongSignature),
		letter.Shares() && says(ceremony.FaultBadShare):
		body[len(body)-scalarSize] ^= 1
		return body, nil
	}
	return nil, nil
}

func (l *nativeLiar) anyLie(kind ceremony.FaultKind) bool {
	return slices.ContainsFunc(l.self.faults, func(f *fault) bool { return f.Kind == kind })
}

// wrongShares is one message for all, in which the shares of the victims are
// those of another polynomial.
func (l *nativeLiar) wrongShares(attempt native.AttemptID) ([]byte, error) {
	made, err := l.forge(attempt)
	if err != nil {
		return nil, err
	}
	body := bytes.Clone(made[0])
	for i, m := range l.members {
		if l.self.lies(ceremony.FaultWrongShare, m.Key, l.members) {
			at := contributionSize(l.threshold) + i*(lengthSize+ciphertextSize) + lengthSize
			copy(body[at:at+ciphertextSize], made[1][at:at+ciphertextSize])
		}
	}
	return body, nil
}

// forge makes two round 1 messages of different polynomials and the same
// ephemeral key, so that the ciphertexts of one open under the other.
func (l *nativeLiar) forge(attempt native.AttemptID) ([2][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	made, before := l.forged[attempt]
	if before {
		return made, nil
	}
	setup, key, err := l.setup(attempt)
	if err != nil {
		return made, err
	}
	defer key.Destroy()
	ephemeral := make([]byte, 64)
	_, _ = rand.Read(ephemeral)
	for i := range made {
		round, err := cocktail.New(cocktail.Config{Setup: setup, Key: key, Random: &sameEphemeral{coefficients: l.threshold, last: ephemeral}})
		if err != nil {
			return made, err
		}
		made[i] = round.Message().Encode()
		round.Destroy()
	}
	if l.forged == nil {
		l.forged = map[native.AttemptID][2][]byte{}
	}
	l.forged[attempt] = made
	return made, nil
}

func (l *nativeLiar) setup(attempt native.AttemptID) (*cocktail.Setup, *cocktail.StaticKey, error) {
	var publics []cocktail.StaticPublicKey
	for _, m := range l.members {
		public, err := native.StaticKeyOf(l.suite, m.Key)
		if err != nil {
			return nil, nil, err
		}
		publics = append(publics, public)
	}
	setup, err := cocktail.NewSetup(l.suite, attempt[:], publics, l.threshold)
	if err != nil {
		return nil, nil, err
	}
	secret := xeddsa.EdwardsPrivateKey(l.self.key)
	defer clear(secret)
	key, err := cocktail.DecodeStaticKey(l.suite, secret)
	return setup, key, err
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
