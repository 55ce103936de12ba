package keyring

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"frostkit/commkey"
	"frostkit/frost"
)

var (
	// ErrUnknownCiphersuite is what reading the packages of a group fails with
	// when its ciphersuite is not one of package frost. Such a group is kept as
	// it is.
	ErrUnknownCiphersuite = errors.New("unknown ciphersuite")
	// ErrInvalidGroup is what [NewGroup] fails with, and loading a file with a
	// group whose parts contradict each other.
	ErrInvalidGroup = errors.New("invalid group")
)

// Group is a FROST group with the share of the keyring's owner in it. The share
// is secret: a group prints as its verifying key.
type Group struct {
	// Description is the owner's words for the group, UTF-8.
	Description string
	// Ciphersuite is the ID of the ciphersuite, such as "FROST-ED25519-SHA512-v1".
	Ciphersuite string
	// ServerURL is the relay's host and port, such as "127.0.0.1:2744", or empty.
	ServerURL string
	// Participants are the members, the owner included, in the order of their
	// identifiers: numeric, or by text in a group of an unknown ciphersuite.
	Participants []Participant

	id        string // name of its table: the verifying key in hexadecimal
	hasServer bool   // server_url is present, if empty
	public    []byte // postcard of the public key package, in the form it came in
	decoded   *frost.PublicKeyPackage
	// minSigners is the key package's, as the public one may not know it.
	minSigners int
	own        frost.Identifier // the key package's
	secret     secret           // postcard of the key package
	extra      map[string]any
	// membersExtra are unknown fields of participants, by identifier.
	membersExtra map[string]map[string]any
}

// Participant is a member of a group.
type Participant struct {
	// Identifier is the zero value in a group of an unknown ciphersuite.
	Identifier frost.Identifier
	// Key is the member's communication key.
	Key commkey.PublicKey

	unknown string // identifier in hexadecimal where Identifier is zero
}

// IdentifierText returns the identifier in lower-case hexadecimal, whatever the
// group's ciphersuite.
func (p Participant) IdentifierText() string {
	if p.unknown != "" {
		return p.unknown
	}
	return p.Identifier.String()
}

// GroupConfig says what [NewGroup] makes a group of.
type GroupConfig struct {
	// Description is UTF-8 and may be empty.
	Description string
	// ServerURL is the relay's host and port, or empty.
	ServerURL string
	// PublicKeyPackage is the group's.
	PublicKeyPackage *frost.PublicKeyPackage
	// KeyPackage is the owner's; the group keeps a copy.
	KeyPackage *frost.KeyPackage
	// Participants are all members of the group, in any order.
	Participants []Participant
}

// NewGroup makes a group after it has checked that the packages and the
// participants belong together; where they do not, the error is an
// [ErrInvalidGroup].
func NewGroup(c GroupConfig) (*Group, error) {
	g := &Group{
		Description:  c.Description,
		Ciphersuite:  c.PublicKeyPackage.Ciphersuite().ID(),
		ServerURL:    c.ServerURL,
		Participants: slices.Clone(c.Participants),
		id:           c.PublicKeyPackage.VerifyingKey().String(),
		public:       c.PublicKeyPackage.EncodePostcard(),
		decoded:      c.PublicKeyPackage,
		minSigners:   c.KeyPackage.MinSigners(),
		own:          c.KeyPackage.Identifier(),
		secret:       newSecret(c.KeyPackage.EncodeSecretPostcard()),
	}
	g.sortParticipants()
	if err := g.check(c.KeyPackage); err != nil {
		g.secret.destroy()
		return nil, fmt.Errorf("making group %s: %w", quoteName(g.Description), err)
	}
	return g, nil
}

func (g *Group) check(key *frost.KeyPackage) error {
	if !utf8.ValidString(g.Description) || !utf8.ValidString(g.ServerURL) {
		return fmt.Errorf("%w: description or server is not UTF-8", ErrInvalidGroup)
	}
	if err := g.checkParticipants(); err != nil {
		return err
	}
	return g.checkKeyPackage(key)
}

// ID returns the group's name in the file: its verifying key in lower-case
// hexadecimal.
func (g *Group) ID() string { return g.id }

// PublicKeyPackage returns the public key package. In a group of another
// ciphersuite than those of package frost it fails with [ErrUnknownCiphersuite].
func (g *Group) PublicKeyPackage() (*frost.PublicKeyPackage, error) {
	if g.decoded == nil {
		return nil, g.unknownSuite()
	}
	return g.decoded, nil
}

// KeyPackage returns the owner's key package, decoded anew at each call; the
// caller destroys it. In a group of another ciphersuite than those of package
// frost it fails with [ErrUnknownCiphersuite].
func (g *Group) KeyPackage() (*frost.KeyPackage, error) {
	if g.decoded == nil {
		return nil, g.unknownSuite()
	}
	key, err := frost.DecodeKeyPackagePostcard(g.decoded.Ciphersuite(), g.secret.bytes())
	if err != nil {
		return nil, fmt.Errorf("reading key package of group %s: %w", g.id, err)
	}
	return key, nil
}

// MinSigners returns the threshold, or 0 in a group of an unknown ciphersuite.
func (g *Group) MinSigners() int { return g.minSigners }

func (g *Group) unknownSuite() error {
	return fmt.Errorf("reading packages of group %s: %w %q; use the tool that made the group", g.id, ErrUnknownCiphersuite, g.Ciphersuite)
}

// ParticipantByKey returns the participant with the communication key.
func (g *Group) ParticipantByKey(key commkey.PublicKey) (Participant, bool) {
	i := slices.IndexFunc(g.Participants, func(p Participant) bool { return p.Key == key })
	if i < 0 {
		return Participant{}, false
	}
	return g.Participants[i], true
}

// Format prints the verifying key, whatever the verb.
func (g Group) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "[group %s]", g.id) }

func (g *Group) samePackages(other *Group) bool {
	return g.Ciphersuite == other.Ciphersuite &&
		bytes.Equal(g.secret.bytes(), other.secret.bytes()) &&
		(bytes.Equal(g.public, other.public) || g.decoded != nil && other.decoded != nil && g.decoded.Equal(other.decoded))
}

func (g *Group) sortParticipants() {
	slices.SortFunc(g.Participants, func(a, b Participant) int {
		if a.unknown != "" || b.unknown != "" {
			return strings.Compare(a.unknown, b.unknown)
		}
		return a.Identifier.Compare(b.Identifier)
	})
}

// checkParticipants checks that the participants are those of the public key
// package, each with a key of its own.
func (g *Group) checkParticipants() error {
	want := g.decoded.Identifiers()
	if len(g.Participants) != len(want) {
		return fmt.Errorf("%w: %d participants, the public key package has %d", ErrInvalidGroup, len(g.Participants), len(want))
	}
	seen := map[commkey.PublicKey]bool{}
	for i, p := range g.Participants {
		if p.unknown != "" || p.Identifier != want[i] {
			return fmt.Errorf("%w: participant %s is not in the public key package", ErrInvalidGroup, p.IdentifierText())
		}
		if p.Key.IsZero() || seen[p.Key] {
			return fmt.Errorf("%w: participant %s has no communication key of its own", ErrInvalidGroup, p.IdentifierText())
		}
		seen[p.Key] = true
	}
	return nil
}

// checkKeyPackage checks that the share is one of this group.
func (g *Group) checkKeyPackage(key *frost.KeyPackage) error {
	if err := key.Check(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalidGroup, err)
	}
	share, ok := g.decoded.VerifyingShare(key.Identifier())
	switch {
	case key.Ciphersuite().ID() != g.Ciphersuite:
		return fmt.Errorf("%w: key package is of ciphersuite %s", ErrInvalidGroup, key.Ciphersuite().ID())
	case key.VerifyingKey().String() != g.id:
		return fmt.Errorf("%w: key package is of group %s", ErrInvalidGroup, key.VerifyingKey())
	case !ok || share.String() != key.VerifyingShare().String():
		return fmt.Errorf("%w: key package holds another share than the public key package has for participant %s", ErrInvalidGroup, key.Identifier())
	}
	return nil
}

// decodePackages reads and checks the packages, or leaves those of an unknown
// ciphersuite alone. A package that does not decode is reported with its field's
// name.
func (g *Group) decodePackages() (field string, err error) {
	suite, err := frost.CiphersuiteByID(g.Ciphersuite)
	if err != nil {
		return "", nil // another tool's group
	}
	if g.decoded, err = frost.DecodePublicKeyPackagePostcard(suite, g.public); err != nil {
		return "public_key_package", g.undecodable("public key package")
	}
	if verifyingKey := g.decoded.VerifyingKey().String(); verifyingKey != g.id {
		return "public_key_package", fmt.Errorf("%w: verifying key is %s, the table is named %q", ErrInvalidGroup, verifyingKey, g.id)
	}
	key, err := frost.DecodeKeyPackagePostcard(suite, g.secret.bytes())
	if err != nil {
		return "key_package", g.undecodable("key package")
	}
	defer key.Destroy()
	g.minSigners, g.own = key.MinSigners(), key.Identifier()
	return "key_package", g.checkKeyPackage(key)
}

// undecodable is the error of a package that does not decode. It leaves out the
// decoder's, which is about bytes that may be those of a share.
func (g *Group) undecodable(what string) error {
	return fmt.Errorf("%w: not a %s of %s", ErrInvalidGroup, what, g.Ciphersuite)
}

// newParticipant makes a participant of an identifier's bytes, which stay
// text where the ciphersuite is unknown.
func (g *Group) newParticipant(id []byte, key commkey.PublicKey) (Participant, error) {
	if g.decoded == nil {
		return Participant{Key: key, unknown: hex.EncodeToString(id)}, nil
	}
	identifier, err := frost.DecodeIdentifier(g.decoded.Ciphersuite(), id)
	return Participant{Identifier: identifier, Key: key}, err
}
