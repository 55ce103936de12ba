// Package keyring keeps a member's communication key, contacts and groups in
// the credentials.toml of ZcashFoundation's frost-client (docs/formats.md, section 1),
// which that tool reads and writes too.
//
// [Load] reads a file, [Update] changes it: under a lock, and by replacing the
// file as a whole, so that it is never seen half written. What the file holds
// beyond the format, such as unknown fields and groups of other ciphersuites, is
// kept; comments are not. A file that is not understood is never written to.
//
// The format stores its secrets in clear text. The package keeps them to the
// file's owner (mode 0600) and out of what is printed or marshalled, and wipes
// the buffers it fills; the strings that the TOML decoder makes are out of reach
// and stay until the garbage collector takes them.
package keyring

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"runtime"
	"slices"
	"strings"

	"frostkit/commkey"
)

var (
	// ErrContactExists is what [Keyring.AddContact] fails with when another
	// contact has the name.
	ErrContactExists = errors.New("contact name is taken")
	// ErrKeyKnown is what [Keyring.AddContact] fails with when another contact
	// has the key.
	ErrKeyKnown = errors.New("key belongs to another contact")
	// ErrOwnKey is what [Keyring.AddContact] fails with when the key is the
	// keyring's own.
	ErrOwnKey = errors.New("key is your own")
	// ErrKeyExists is what [Keyring.SetKey] fails with when the keyring has
	// another key.
	ErrKeyExists = errors.New("communication key exists")
	// ErrGroupExists is what [Keyring.AddGroup] fails with when the group is
	// there with other packages.
	ErrGroupExists = errors.New("group exists")
	// ErrNotFound is what look-ups, removals and [Get] fail with when nothing
	// fits.
	ErrNotFound = errors.New("not found")
)

// Keyring is the content of one credentials file. It is not safe for use by
// several goroutines at once.
type Keyring struct {
	path     string
	mode     fs.FileMode // of the file as read; 0 when there is none
	key      *commkey.PrivateKey
	keyExtra map[string]any // unknown fields of [communication_key]
	contacts map[string]contactEntry
	groups   map[string]*Group
	extra    map[string]any // unknown fields and tables at the top
}

// contactEntry is a contact as the file has it, under its table's name.
type contactEntry struct {
	Contact
	extra map[string]any
}

func newKeyring(path string) *Keyring {
	return &Keyring{path: path, contacts: map[string]contactEntry{}, groups: map[string]*Group{}}
}

// Path returns the path that the keyring was loaded from.
func (k *Keyring) Path() string { return k.path }

// Key returns the communication key, or nil when none has been made. It is the
// keyring's own, not a copy.
func (k *Keyring) Key() *commkey.PrivateKey { return k.key }

// SetKey gives the keyring its communication key. A key that is there already
// is never replaced, since its groups and its contacts elsewhere depend on it:
// another key is an [ErrKeyExists]. The keyring takes the key over, and wipes it when it is destroyed.
func (k *Keyring) SetKey(key *commkey.PrivateKey) error {
	if k.key != nil && k.key.Public() != key.Public() {
		return fmt.Errorf("setting communication key: %w with public key %s; use another credentials file for another key",
			ErrKeyExists, k.key.Public())
	}
	for _, c := range k.contacts {
		if k.key == nil && c.Key == key.Public() {
			return fmt.Errorf("setting communication key: %w: contact %s has it; remove that contact first", ErrKeyKnown, quoteName(c.Name))
		}
	}
	k.key = key
	return nil
}

// Contacts returns the contacts sorted by name; the owner's own name is one of
// them (see [Keyring.SetName]).
func (k *Keyring) Contacts() []Contact {
	contacts := make([]Contact, 0, len(k.contacts))
	for _, c := range k.contacts {
		contacts = append(contacts, c.Contact)
	}
	slices.SortFunc(contacts, func(a, b Contact) int {
		if order := strings.Compare(a.Name, b.Name); order != 0 {
			return order
		}
		return a.Key.Compare(b.Key)
	})
	return contacts
}

// AddContact adds a contact. A name that is taken is an [ErrContactExists], a
// key of another contact an [ErrKeyKnown], one's own key an [ErrOwnKey]
// (docs/formats.md, section 2), a contact that is there already both of the first
// two. What it accepts may still look like another contact: see
// [Keyring.NameWarnings].
func (k *Keyring) AddContact(c Contact) error {
	if err := k.mayAdd(c); err != nil {
		return fmt.Errorf("adding contact %s: %w", quoteName(c.Name), err)
	}
	k.contacts[c.Name] = contactEntry{Contact: c}
	return nil
}

func (k *Keyring) mayAdd(c Contact) error {
	if err := c.check(); err != nil {
		return err
	}
	if k.key != nil && c.Key == k.key.Public() {
		return fmt.Errorf("%w: %s; import the contact strings of the others", ErrOwnKey, c.Key)
	}
	for table, known := range k.contacts {
		sameName := table == c.Name || known.Name == c.Name
		switch sameKey := known.Key == c.Key; {
		case sameName && sameKey:
			return fmt.Errorf("%w, %w: it is there already; nothing is left to do", ErrContactExists, ErrKeyKnown)
		case sameName:
			return fmt.Errorf("%w by key %s; remove that contact, or ask the sender to export under another name", ErrContactExists, known.Key)
		case sameKey:
			return fmt.Errorf("%w: %s is %s; remove that contact to rename it", ErrKeyKnown, c.Key, quoteName(known.Name))
		}
	}
	return nil
}

// RemoveContact removes the contact with the key, or fails with [ErrNotFound].
func (k *Keyring) RemoveContact(key commkey.PublicKey) error {
	for table, c := range k.contacts {
		if c.Key == key {
			delete(k.contacts, table)
			return nil
		}
	}
	return fmt.Errorf("removing contact with key %s: %w in %q", key, ErrNotFound, k.path)
}

// ContactByKey returns the contact with the key. The keyring's own key is found
// with the name of [Keyring.Name].
func (k *Keyring) ContactByKey(key commkey.PublicKey) (Contact, bool) {
	for _, c := range k.contacts {
		if c.Key == key {
			return c.Contact, true
		}
	}
	own := k.key != nil && k.key.Public() == key
	return Contact{Key: key}, own
}

// Name returns the name that the owner goes by, or "" when none was set.
func (k *Keyring) Name() string {
	if k.key == nil {
		return ""
	}
	own, _ := k.ContactByKey(k.key.Public())
	return own.Name
}

// SetName gives the owner a name, which look-ups then find. It is kept as a
// contact with the own key, as frost-client's trusted-dealer keeps it, in place
// of an earlier name. A name of another contact is an [ErrContactExists]; there
// must be a key.
func (k *Keyring) SetName(name string) error {
	if k.key == nil {
		return fmt.Errorf("naming the owner %s: %w: there is no communication key yet", quoteName(name), ErrNotFound)
	}
	own := Contact{Name: name, Key: k.key.Public()}
	if err := own.check(); err != nil {
		return fmt.Errorf("naming the owner: %w", err)
	}
	for table, known := range k.contacts {
		if known.Key != own.Key && (table == name || known.Name == name) {
			return fmt.Errorf("naming the owner %s: %w by key %s; choose another name", quoteName(name), ErrContactExists, known.Key)
		}
	}
	if k.Name() != name {
		_ = k.RemoveContact(own.Key) // which there need not be
		k.contacts[name] = contactEntry{Contact: own}
	}
	return nil
}

// Groups returns the groups sorted by the text of their verifying key, those of
// unknown ciphersuites included. Changes to the exported fields of a group are
// saved by [Update].
func (k *Keyring) Groups() []*Group {
	groups := make([]*Group, 0, len(k.groups))
	for _, id := range slices.Sorted(maps.Keys(k.groups)) {
		groups = append(groups, k.groups[id])
	}
	return groups
}

// Group returns the group with the verifying key, in hexadecimal digits of
// either case.
func (k *Keyring) Group(id string) (*Group, bool) {
	g, ok := k.groups[id]
	if !ok {
		g, ok = k.groups[strings.ToLower(id)]
	}
	return g, ok
}

// AddGroup adds a group, and takes its share over: when the keyring is destroyed, the group has only what
// is public. A group is never overwritten: the same group with the
// same packages changes nothing, with others it is an [ErrGroupExists]. Where the
// keyring's key is not that of the participant whose share the group holds, the
// error is an [ErrInvalidGroup].
func (k *Keyring) AddGroup(g *Group) error {
	old, ok := k.groups[g.id]
	switch {
	case ok && old.samePackages(g):
		return nil
	case !ok && k.ownsShare(g):
		k.groups[g.id] = g
		return nil
	case !ok:
		return fmt.Errorf("adding group %s (%s): %w: its share is not that of the participant with this keyring's key; use the credentials file of that participant",
			quoteName(g.Description), g.id, ErrInvalidGroup)
	}
	return fmt.Errorf("adding group %s (%s): %w in %q with another share; save the new one under another credentials file",
		quoteName(g.Description), g.id, ErrGroupExists, k.path)
}

func (k *Keyring) ownsShare(g *Group) bool {
	if k.key == nil {
		return false
	}
	p, ok := g.ParticipantByKey(k.key.Public())
	return ok && p.Identifier == g.own
}

// RemoveGroup removes the group with the verifying key, and wipes the share
// that the keyring holds, or fails with [ErrNotFound].
func (k *Keyring) RemoveGroup(id string) error {
	g, ok := k.Group(id)
	if !ok {
		return fmt.Errorf("removing group %q: %w in %q", id, ErrNotFound, k.path)
	}
	delete(k.groups, g.id)
	g.secret.destroy()
	return nil
}

// Warnings returns what a user should know about the file though it can be
// used: permissions that are too wide, contacts that look alike. Names in it are
// escaped.
func (k *Keyring) Warnings() []string {
	var warnings []string
	if k.mode&0o077 != 0 && runtime.GOOS != "windows" { // where modes do not say who may read
		warnings = append(warnings, fmt.Sprintf("%q holds secrets and has mode %#o: others may read it; run: chmod 600 %s",
			k.path, k.mode.Perm(), shellQuote(k.path)))
	}
	return append(warnings, k.NameWarnings()...)
}

// Destroy wipes the communication key and the shares. The keyring, its key and the key packages of
// its groups must not be used after; what is public may be.
func (k *Keyring) Destroy() {
	if k.key != nil {
		k.key.Destroy()
	}
	for _, g := range k.groups {
		g.secret.destroy()
	}
}

// Format prints the path alone, whatever the verb.
func (k Keyring) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[keyring %q]", k.path) }

// secret holds bytes that neither print nor marshal.
type secret struct {
	b *[]byte
}

func newSecret(b []byte) secret { return secret{b: &b} }

func (s secret) bytes() []byte { return *s.b }

func (s secret) destroy() { clear(*s.b) }

// Format prints a placeholder, whatever the verb.
func (s secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[secret]") }

// shellQuote makes a path one word of a POSIX shell.
func shellQuote(path string) string {
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}
