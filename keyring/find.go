package keyring

import (
	"fmt"
	"strings"

	"frostkit/commkey"
)

// minKeyPrefix is how many digits of a key or an identifier stand for it at
// least; a shorter text is looked up among the names alone.
const minKeyPrefix = 4

// AmbiguousError is what a look-up fails with when its query fits several.
type AmbiguousError struct {
	// Kind says what was looked up, such as "contact".
	Kind string
	// Query is the text that was looked up.
	Query string
	// Candidates are the names and keys that fit, escaped, in the keyring's order.
	Candidates []string
}

// Error lists the candidates.
func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("looking up %s %s: it may be %s; give more of the name or of the key",
		e.Kind, quoteName(e.Query), strings.Join(e.Candidates, " or "))
}

// FindContact returns the contact that query means: by its name, its key in
// hexadecimal, or a prefix of either that fits no other (of a key, four digits at
// least). A name or key in full goes before a prefix. The keyring's own key is
// found as [Keyring.ContactByKey] finds it, and an empty query finds nothing. Nothing found is an [ErrNotFound],
// several an [*AmbiguousError].
func (k *Keyring) FindContact(query string) (Contact, error) {
	if key, err := commkey.ParsePublicKey(query); err == nil {
		// A key in full is never taken for the name of another one.
		if c, ok := k.ContactByKey(key); ok {
			return c, nil
		}
		return Contact{}, fmt.Errorf("looking up contact %s: %w in %q; import the contact string of its owner", key, ErrNotFound, k.path)
	}
	return search[Contact]{
		kind: "contact", query: query, path: k.path, all: k.Contacts(),
		name:  func(c Contact) string { return c.Name },
		texts: func(c Contact) []string { return []string{c.Key.String()} },
	}.find()
}

// FindGroup returns the group that query means: by its verifying key in
// hexadecimal, its description, or a prefix of either that fits no other, as
// [Keyring.FindContact] does.
func (k *Keyring) FindGroup(query string) (*Group, error) {
	if g, ok := k.Group(query); ok {
		return g, nil
	}
	return search[*Group]{
		kind: "group", query: query, path: k.path, all: k.Groups(),
		name:  func(g *Group) string { return g.Description },
		texts: func(g *Group) []string { return []string{g.id} },
	}.find()
}

// FindParticipant returns the participant of the group that query means: by its
// contact's name, its communication key or its identifier in hexadecimal, or a
// prefix of one of them that fits no other, as [Keyring.FindContact] does.
func (k *Keyring) FindParticipant(g *Group, query string) (Participant, error) {
	return search[Participant]{
		kind: "participant", query: query, path: k.path, all: g.Participants,
		name: func(p Participant) string {
			c, _ := k.ContactByKey(p.Key)
			return c.Name
		},
		texts: func(p Participant) []string { return []string{p.Key.String(), p.IdentifierText()} },
	}.find()
}

// search looks a query up among all.
type search[T any] struct {
	kind, query, path string
	all               []T
	name              func(T) string   // compared as it is
	texts             func(T) []string // lower-case hexadecimal
}

func (s search[T]) find() (T, error) {
	var none T
	found := s.matching(func(text, query string) bool { return text == query })
	if len(found) == 0 {
		found = s.matching(strings.HasPrefix)
	}
	switch len(found) {
	case 0:
		return none, fmt.Errorf("looking up %s %s: %w in %q", s.kind, quoteName(s.query), ErrNotFound, s.path)
	case 1:
		return found[0], nil
	}
	err := &AmbiguousError{Kind: s.kind, Query: s.query}
	for _, candidate := range found {
		err.Candidates = append(err.Candidates, fmt.Sprintf("%s (%s)", quoteName(s.name(candidate)), s.texts(candidate)[0]))
	}
	return none, err
}

func (s search[T]) matching(match func(text, query string) bool) []T {
	if s.query == "" {
		return nil // begins every name, and is the name of members without a contact
	}
	var found []T
	for _, candidate := range s.all {
		if match(s.name(candidate), s.query) || s.textMatches(candidate, match) {
			found = append(found, candidate)
		}
	}
	return found
}

func (s search[T]) textMatches(candidate T, match func(text, query string) bool) bool {
	if len(s.query) < minKeyPrefix {
		return false
	}
	for _, text := range s.texts(candidate) {
		if match(text, strings.ToLower(s.query)) {
			return true
		}
	}
	return false
}
