package protocol

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"frostkit/commkey"
	"frostkit/frost"
)

// Member is a person or program in a group.
type Member struct {
	// Name is what people call the member. It may be empty.
	Name string
	// Key is the member's communication key.
	Key commkey.PublicKey
	// Identifier is the member's FROST identifier. It is the zero value for a
	// coordinator who holds no share.
	Identifier frost.Identifier
}

// String returns the name, or the key of a member without one.
func (m Member) String() string { return cmp.Or(m.Name, m.Key.String()) }

// Keys returns the communication keys of members, in their order.
func Keys(members []Member) []commkey.PublicKey {
	keys := make([]commkey.PublicKey, len(members))
	for i, m := range members {
		keys[i] = m.Key
	}
	return keys
}

// Names lists members for people.
func Names(members []Member) string {
	text := make([]string, len(members))
	for i, m := range members {
		text[i] = m.String()
	}
	return strings.Join(text, ", ")
}

// DKGIdentifier derives the identifier of a member of a DKG as frost-client
// does: from the 16 bytes of the session's UUID and the 32 of the communication
// key (dkg/comms/http.rs, get_identifier_and_max_signers).
func DKGIdentifier(cs frost.Ciphersuite, session [16]byte, key commkey.PublicKey) (frost.Identifier, error) {
	id, err := frost.DeriveIdentifier(cs, append(session[:], key.Bytes()...))
	if err != nil {
		return frost.Identifier{}, fmt.Errorf("deriving the identifier of %s: %w", key, err)
	}
	return id, nil
}

// roster finds members by key and by identifier.
type roster struct {
	list         []Member
	byKey        map[commkey.PublicKey]Member
	byIdentifier map[frost.Identifier]Member
}

// newRoster checks that keys and identifiers are there and distinct.
// Identifiers may be missing from one member: a coordinator without a share.
func newRoster(members []Member) (*roster, error) {
	r := &roster{
		byKey:        make(map[commkey.PublicKey]Member, len(members)),
		byIdentifier: make(map[frost.Identifier]Member, len(members)),
	}
	for _, m := range members {
		if m.Key.IsZero() {
			return nil, fmt.Errorf("member %q has no communication key", m.Name)
		}
		if other, taken := r.byKey[m.Key]; taken {
			return nil, fmt.Errorf("members %q and %q have the same communication key %s", other.Name, m.Name, m.Key)
		}
		if other, taken := r.byIdentifier[m.Identifier]; taken {
			return nil, fmt.Errorf("members %q and %q have the same identifier", other, m)
		}
		r.byKey[m.Key] = m
		r.byIdentifier[m.Identifier] = m
		r.list = append(r.list, m)
	}
	return r, nil
}

// others returns the members but the one with that key, in the order of their
// identifiers, which all of them must have.
func (r *roster) others(self commkey.PublicKey) []Member {
	others := slices.DeleteFunc(slices.Clone(r.list), func(m Member) bool { return m.Key == self })
	slices.SortFunc(others, func(a, b Member) int { return a.Identifier.Compare(b.Identifier) })
	return others
}

// named returns the members with those identifiers.
func (r *roster) named(ids []frost.Identifier) []Member {
	members := make([]Member, len(ids))
	for i, id := range ids {
		m, known := r.byIdentifier[id]
		if !known {
			m = Member{Name: "identifier " + id.String(), Identifier: id}
		}
		members[i] = m
	}
	return members
}
