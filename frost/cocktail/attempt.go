package cocktail

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

const (
	// attemptTag begins the transcript of a key generation of [NewAttemptSetup].
	attemptTag = "frostkit key generation 2"
	// possessionTag and ephemeralTag begin what proofs of possession of attempt keys and of
	// ephemeral keys sign.
	possessionTag = "frostkit attempt key"
	ephemeralTag  = "frostkit ephemeral key"
	// maxAttemptField is the longest ID, communication key, digest or step in bytes.
	maxAttemptField = 1024
)

// Recipients of the shares, as a transcript says it.
const (
	toStaticKeys  = 0
	toAttemptKeys = 1
)

// ErrAttemptKeys is the error of a recovery from a static key where the shares were encrypted to
// keys made for the attempt, which are destroyed.
var ErrAttemptKeys = errors.New("the shares were encrypted to keys that were made for the attempt and destroyed")

// Attempt is what the members of one attempt agree on, in the form that [NewAttemptSetup] binds.
type Attempt struct {
	// ID is one that no other attempt has, see [NewSetup]: 1 to 1024 bytes.
	ID []byte
	// Threshold is how many members will sign together.
	Threshold int
	// Members are in the order that all use: the first gets the identifier 1.
	Members []AttemptMember
	// Digest and Step say what the group is for: the digest of a ceremony file and the name of
	// the group in it, each of at most 1024 bytes.
	Digest []byte
	Step   string
}

// AttemptMember is a member of an attempt.
type AttemptMember struct {
	// Communication is its communication key as the application encodes it, at most 1024 bytes.
	Communication []byte
	// Static is P_j, with which the member signs the transcript.
	Static StaticPublicKey
	// Encryption is F_j, to which its shares are encrypted; see [GenerateAttemptKey]. Where all are
	// zero, the shares are encrypted to the static keys, which open them for ever.
	Encryption StaticPublicKey
}

// GenerateAttemptKey makes the key pair F_j of one member for one attempt. The member proves that it has the
// secret by [StaticKey.ProvePossession], and destroys it once its share is stored. Random is
// where the secret comes from; nil is crypto/rand.
func GenerateAttemptKey(cs frost.Ciphersuite, random io.Reader) (*StaticKey, error) {
	const doing = "making a key for the attempt: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if random == nil {
		random = rand.Reader
	}
	var key *StaticKey
	secret.Do(func() {
		var f group.Scalar
		if f, err = s.Group().RandomScalar(random); err == nil {
			key = newStaticKey(s, f)
		}
	})
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return key, nil
}

// ProvePossession proves that one has the secret of an attempt key, for whom and for what the fields say.
func (k *StaticKey) ProvePossession(fields ...[]byte) (Signature, error) {
	if err := k.usable(); err != nil {
		return Signature{}, fmt.Errorf("proving possession of an attempt key: %w", err)
	}
	var proof Signature
	var err error
	secret.Do(func() { proof, err = sign(k.suite, k.secret, k.public.element, possessionMessage(fields)) })
	return proof, err
}

// VerifyPossession verifies what [StaticKey.ProvePossession] made with the same fields. The error
// is [ErrInvalidSignature].
func (k StaticPublicKey) VerifyPossession(proof Signature, fields ...[]byte) error {
	if k.element == nil || proof.r == nil || proof.suite != k.suite ||
		!newSigned(proof, k.element, possessionMessage(fields)).verifies() {
		return ErrInvalidSignature
	}
	return nil
}

func possessionMessage(fields [][]byte) []byte {
	b := appendField(nil, []byte(possessionTag))
	for _, field := range fields {
		b = appendField(b, field)
	}
	return b
}

// NewAttemptSetup makes the setup of an attempt whose shares are encrypted to keys that the
// members made for it. In all else it is as [NewSetup], but for three things:
//
//   - The context is the hash of what the transcript begins with: every field of the attempt,
//     and both ciphersuites. An auditor makes it again from a transcript.
//   - The round 1 message has a proof of possession of E_i before the ciphertexts. A member that
//     shows the shared secrets of a ciphertext tells its sender nothing new then, and nobody
//     can have it open what another member sent.
//   - A failed decryption, plaintext or share is proven to all by these shared secrets: see [BlameMessage].
//
// Attempt keys must be distinct, and none may be a static key. That each is possessed is for the
// caller to verify, by [StaticPublicKey.VerifyPossession].
func NewAttemptSetup(cs frost.Ciphersuite, a Attempt) (*Setup, error) {
	const doing = "setting up an attempt of a key generation: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	setup, err := newAttemptSetup(s, a)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return setup, nil
}

func newAttemptSetup(s suite, a Attempt) (*Setup, error) {
	if err := a.check(s); err != nil {
		return nil, err
	}
	a = a.clone()
	keys := make([]group.Element, len(a.Members))
	for i, m := range a.Members {
		keys[i] = m.Static.element
	}
	setup, err := newSetup(s, nil, keys, a.Threshold)
	if err != nil {
		return nil, err
	}
	if setup.encryption, err = a.encryptionKeys(keys); err != nil {
		return nil, err
	}
	setup.attempt = &a
	setup.head = a.head(s, setup.ids)
	setup.context = s.hash(setup.head)
	return setup, nil
}

// check checks the sizes of the fields, and that the keys are of the suite.
func (a Attempt) check(s suite) error {
	if len(a.ID) == 0 || len(a.ID) > maxAttemptField || len(a.Digest) > maxAttemptField || len(a.Step) > maxAttemptField {
		return fmt.Errorf("ID, digest and step have %d, %d and %d bytes, want %d at most, and an ID", len(a.ID), len(a.Digest), len(a.Step), maxAttemptField)
	}
	for i, m := range a.Members {
		switch {
		case m.Static.element == nil || m.Static.suite != s:
			return fmt.Errorf("static key of member %d is not of the suite %q", i+1, s.Name())
		case m.Encryption.element != nil && m.Encryption.suite != s:
			return fmt.Errorf("attempt key of member %d is not of the suite %q", i+1, s.Name())
		case len(m.Communication) > maxAttemptField:
			return fmt.Errorf("communication key of member %d has %d bytes, want %d at most", i+1, len(m.Communication), maxAttemptField)
		}
	}
	return nil
}

func (a Attempt) clone() Attempt {
	a.ID, a.Digest, a.Members = bytes.Clone(a.ID), bytes.Clone(a.Digest), slices.Clone(a.Members)
	for i := range a.Members {
		a.Members[i].Communication = bytes.Clone(a.Members[i].Communication)
	}
	return a
}

// static reports whether the shares are encrypted to the static keys.
func (a Attempt) static() bool {
	return !slices.ContainsFunc(a.Members, func(m AttemptMember) bool { return m.Encryption.element != nil })
}

// encryptionKeys returns F_1, …, F_n: equal ones would give one key and nonce for two shares, and a
// static key stays.
func (a Attempt) encryptionKeys(static []group.Element) ([]group.Element, error) {
	if a.static() {
		return static, nil
	}
	seen := make(map[string]string, 2*len(static))
	for i, key := range static {
		seen[string(key.Encoding())] = fmt.Sprintf("static key of member %d", i+1)
	}
	keys := make([]group.Element, len(a.Members))
	for i, m := range a.Members {
		if m.Encryption.element == nil {
			return nil, fmt.Errorf("member %d has no attempt key, and others have", i+1)
		}
		encoded := string(m.Encryption.element.Encoding())
		if other, found := seen[encoded]; found {
			return nil, fmt.Errorf("attempt key of member %d is the %s", i+1, other)
		}
		seen[encoded] = fmt.Sprintf("attempt key of member %d", i+1)
		keys[i] = m.Encryption.element
	}
	return keys, nil
}

// head returns what the transcript begins with, whose hash is the context:
// framed label || framed ID || framed FROST suite || framed COCKTAIL-DKG suite || u8 recipients || uint32_le(t) ||
// uint32_le(n) || for each member identifier || framed communication key || P_j || F_j, if there are || framed digest
// || framed step.
func (a Attempt) head(s suite, ids []frost.Identifier) []byte {
	b := appendField(nil, []byte(attemptTag))
	b = appendField(b, a.ID)
	b = appendField(b, []byte(s.ID()))
	b = appendField(b, []byte(s.id()))
	recipients := byte(toAttemptKeys)
	if a.static() {
		recipients = toStaticKeys
	}
	b = append(b, recipients)
	b = binary.LittleEndian.AppendUint32(b, uint32(a.Threshold))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(a.Members)))
	for i, m := range a.Members {
		b = append(b, ids[i].Bytes()...)
		b = appendField(b, m.Communication)
		b = append(b, m.Static.element.Encoding()...)
		if recipients == toAttemptKeys {
			b = append(b, m.Encryption.element.Encoding()...)
		}
	}
	b = appendField(b, a.Digest)
	return appendField(b, []byte(a.Step))
}

// Attempt returns what [NewAttemptSetup] was given, and whether it was that which made the setup.
func (s *Setup) Attempt() (Attempt, bool) {
	if s.attempt == nil {
		return Attempt{}, false
	}
	return s.attempt.clone(), true
}

// Recoverable reports whether static keys open the shares: whether there is a [Bundle] that serves [Recover].
func (s *Setup) Recoverable() bool { return s.attempt == nil || s.attempt.static() }

// isAttempt reports whether b begins as the transcript of an attempt does.
func isAttempt(b []byte) bool { return bytes.HasPrefix(b, appendField(nil, []byte(attemptTag))) }

// takeAttempt takes a head, and makes the setup of it.
func takeAttempt(s suite, r *reader) (*Setup, error) {
	start := r.b
	r.field()
	id, frostID, cocktailID := r.field(), r.field(), r.field()
	recipients := r.take(1)
	threshold, n := r.number(), r.number()
	switch {
	case r.short:
		return nil, errShort
	case string(frostID) != s.ID() || string(cocktailID) != s.id():
		return nil, fmt.Errorf("ciphersuites are %q and %q, want %q and %q", frostID, cocktailID, s.ID(), s.id())
	case n < 2 || n > math.MaxUint16 || threshold > n:
		return nil, fmt.Errorf("threshold is %d of %d, want 2 to 65535 members and at most as many", threshold, n)
	}
	a := Attempt{ID: id, Threshold: int(threshold)}
	members, err := takeMembers(s, r, int(n), recipients[0] == toAttemptKeys)
	if err != nil {
		return nil, err
	}
	a.Members, a.Digest, a.Step = members, r.field(), string(r.field())
	if r.short {
		return nil, errShort
	}
	setup, err := newAttemptSetup(s, a)
	if err == nil && !bytes.Equal(setup.head, start[:len(start)-len(r.b)]) {
		err = errors.New("what it begins with has another encoding")
	}
	return setup, err
}

// takeMembers takes the members of a head. The identifiers are compared when the head is made again.
func takeMembers(s suite, r *reader, n int, attemptKeys bool) ([]AttemptMember, error) {
	element := uint64(s.Group().ElementSize())
	if n > len(r.b) { // which bounds what is allocated
		return nil, errShort
	}
	members := make([]AttemptMember, n)
	var encodings [][]byte
	for i := range members {
		r.take(uint64(s.Group().ScalarSize()))
		members[i].Communication = r.field()
		encodings = append(encodings, r.take(element))
		if attemptKeys {
			encodings = append(encodings, r.take(element))
		}
	}
	if r.short {
		return nil, errShort
	}
	elements, err := s.Group().DecodeElements(encodings)
	if err != nil {
		return nil, fmt.Errorf("key %s of the members: %w", position(err), reason(err))
	}
	each := len(elements) / n
	for i := range members {
		members[i].Static = StaticPublicKey{suite: s, element: elements[each*i]}
		if attemptKeys {
			members[i].Encryption = StaticPublicKey{suite: s, element: elements[each*i+1]}
		}
	}
	return members, nil
}
