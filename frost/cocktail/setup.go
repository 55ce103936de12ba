package cocktail

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// contextTag begins the input of the hash that is the context.
const contextTag = "COCKTAIL-DKG-CONTEXT"

// Setup is what the members agree on before a key generation: the ciphersuite, the static
// keys in an order, the threshold, and the context of the session. It holds no secret and is
// not changed, so that goroutines may share it.
type Setup struct {
	suite     suite
	context   []byte
	threshold int
	keys      []group.Element // P_1, …, P_n
	// encryption are the keys that the shares are encrypted to: F_1, …, F_n, or else P_1, …, P_n.
	encryption []group.Element
	ids        []frost.Identifier // 1, …, n
	index      map[frost.Identifier]int
	attempt    *Attempt // of NewAttemptSetup
	head       []byte   // what its transcript begins with
}

// NewSetup makes the setup of a session. Members are 2 to 65535 distinct keys, in the order
// that all members use: the first gets the identifier 1. The threshold is from 2 to their
// number.
//
// No two sessions of any of the members may have the same session ID ("Session
// uniqueness"), which is not empty: 16 random bytes or more by someone whom all
// believe, or better a hash of random bytes from each member. A new attempt is a new session.
//
// The context is the construction that the specification recommends ("Setup"). It binds session
// ID, suite and members; the transcript binds the threshold.
func NewSetup(cs frost.Ciphersuite, sessionID []byte, members []StaticPublicKey, threshold int) (*Setup, error) {
	const doing = "setting up a key generation: %w"
	s, err := suiteOf(cs)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	if len(sessionID) == 0 {
		return nil, fmt.Errorf(doing, errors.New("session ID is empty, want one that no other session has"))
	}
	keys := make([]group.Element, len(members))
	for i, member := range members {
		if member.element == nil || member.suite != s {
			return nil, fmt.Errorf("setting up a key generation: static key of member %d is not of the suite %q", i+1, cs.Name())
		}
		keys[i] = member.element
	}
	setup, err := newSetup(s, newContext(s, sessionID, keys), keys, threshold)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return setup, nil
}

// newContext hashes "COCKTAIL-DKG-CONTEXT" || uint64_be(len(session_id)) || session_id ||
// uint64_be(len(ciphersuite_id)) || ciphersuite_id || uint32_le(n) || P_1 || … || P_n.
func newContext(s suite, sessionID []byte, keys []group.Element) []byte {
	b := []byte(contextTag)
	b = binary.BigEndian.AppendUint64(b, uint64(len(sessionID)))
	b = append(b, sessionID...)
	b = binary.BigEndian.AppendUint64(b, uint64(len(s.id())))
	b = append(b, s.id()...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(keys)))
	return s.hash(appendElements(b, keys))
}

// newSetup checks the members: "All P_j MUST be distinct".
func newSetup(s suite, context []byte, keys []group.Element, threshold int) (*Setup, error) {
	if len(keys) > 1<<16-1 {
		return nil, fmt.Errorf("group has %d members, want 2 to 65535", len(keys))
	}
	setup := &Setup{
		suite: s, context: context, threshold: threshold, keys: keys, encryption: keys,
		ids:   make([]frost.Identifier, len(keys)),
		index: make(map[frost.Identifier]int, len(keys)),
	}
	seen := make(map[string]int, len(keys))
	for i, key := range keys {
		id, err := frost.NewIdentifier(s.Ciphersuite, uint16(i+1))
		if err != nil {
			return nil, err
		}
		setup.ids[i], setup.index[id] = id, i
		if first, found := seen[string(key.Encoding())]; found {
			return nil, fmt.Errorf("members %d and %d have the same static key", first+1, i+1)
		}
		seen[string(key.Encoding())] = i
	}
	_, err := frost.CheckGroup(s.Ciphersuite, setup.ids, threshold)
	return setup, err
}

// Ciphersuite returns the FROST ciphersuite of the keys.
func (s *Setup) Ciphersuite() frost.Ciphersuite { return s.suite.Ciphersuite }

// Context returns the context, for ed25519 64 bytes.
func (s *Setup) Context() []byte { return slices.Clone(s.context) }

// Threshold returns how many members will sign together.
func (s *Setup) Threshold() int { return s.threshold }

// Identifiers returns the members' identifiers, 1 to n, in their order.
func (s *Setup) Identifiers() []frost.Identifier { return slices.Clone(s.ids) }

// Member returns the static key of a member, and whether id is one.
func (s *Setup) Member(id frost.Identifier) (StaticPublicKey, bool) {
	i, ok := s.index[id]
	if !ok {
		return StaticPublicKey{}, false
	}
	return StaticPublicKey{suite: s.suite, element: s.keys[i]}, true
}

// IdentifierOf returns the identifier of the member with a static key, and whether
// there is one.
func (s *Setup) IdentifierOf(key StaticPublicKey) (frost.Identifier, bool) {
	if key.element == nil || key.suite != s.suite {
		return frost.Identifier{}, false
	}
	i := slices.IndexFunc(s.keys, key.element.Equal)
	if i < 0 {
		return frost.Identifier{}, false
	}
	return s.ids[i], true
}

// self returns the member whose static key is key.
func (s *Setup) self(key *StaticKey) (frost.Identifier, error) {
	if err := key.usable(); err != nil {
		return frost.Identifier{}, err
	}
	id, ok := s.IdentifierOf(key.public)
	if !ok {
		return frost.Identifier{}, ErrNotMember
	}
	return id, nil
}

// equal reports whether both are the same session of the same members.
func (s *Setup) equal(other *Setup) bool {
	return s == other || s.suite == other.suite && s.threshold == other.threshold &&
		bytes.Equal(s.context, other.context) &&
		slices.EqualFunc(s.keys, other.keys, func(a, b group.Element) bool { return a.Equal(b) })
}

func appendElements(b []byte, elements []group.Element) []byte {
	for _, element := range elements {
		b = append(b, element.Encoding()...)
	}
	return b
}
