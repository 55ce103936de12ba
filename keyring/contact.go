package keyring

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"frostkit/commkey"

	"github.com/btcsuite/btcd/btcutil/bech32"
)

const (
	// contactHRP is the human-readable part of a contact string.
	contactHRP = "zffrost"
	// maxContactString is the length of the longest bech32m string in
	// characters: the code detects errors in up to 1023 of them.
	maxContactString = 1023
)

var (
	// ErrInvalidContact is what [ParseContact] and [Contact.Encode] fail with;
	// the text of the error says which rule is broken.
	ErrInvalidContact = errors.New("invalid contact")
	// ErrContactVersion is what [ParseContact] fails with on a contact string
	// of a format that is not known here; it is an [ErrInvalidContact] too.
	ErrContactVersion = fmt.Errorf("%w: unknown version", ErrInvalidContact)
)

// Contact is a name and the communication key that it stands for. The name is
// UTF-8, may be empty and comes from the other side: print it with
// [EscapeName].
type Contact struct {
	Name string
	Key  commkey.PublicKey
}

// Encode returns the contact string that frost-client exports and imports:
// bech32m with prefix "zffrost" over postcard(version Some(0), name, pubkey), at
// most 1023 characters (docs/formats.md, section 2). A name above 593 bytes does not
// fit and is an [ErrInvalidContact].
func (c Contact) Encode() (string, error) { return c.encode([]byte{someVersion, 0}) }

// encode writes the version before the name as it is given: that of an older form in tests.
func (c Contact) encode(version []byte) (string, error) {
	if err := c.check(); err != nil {
		return "", fmt.Errorf("encoding contact %q: %w", c.Name, err)
	}
	payload := appendBytes(version, []byte(c.Name))
	payload = appendBytes(payload, c.Key.Bytes())
	groups, err := bech32.ConvertBits(payload, 8, 5, true)
	if err != nil {
		return "", fmt.Errorf("encoding contact %q: %w: %w", c.Name, ErrInvalidContact, err)
	}
	// HRP, separator, data, and a checksum of six characters.
	if n := len(contactHRP) + 1 + len(groups) + 6; n > maxContactString {
		return "", fmt.Errorf("encoding contact %q: %w: %d characters are needed and %d allowed; choose a shorter name",
			c.Name, ErrInvalidContact, n, maxContactString)
	}
	s, err := bech32.EncodeM(contactHRP, groups)
	if err != nil {
		return "", fmt.Errorf("encoding contact %q: %w: %w", c.Name, ErrInvalidContact, err)
	}
	return s, nil
}

// check reports why the contact cannot be stored or encoded.
func (c Contact) check() error {
	if !utf8.ValidString(c.Name) {
		return fmt.Errorf("%w: name is not UTF-8", ErrInvalidContact)
	}
	if c.Key.IsZero() {
		return fmt.Errorf("%w: public key is missing", ErrInvalidContact)
	}
	return nil
}

// ParseContact reads a contact string with or without a version, in lower or
// upper case but not both (docs/formats.md, section 2). Blanks, quotes and brackets that it was
// pasted with are taken away. The rest is read strictly: bech32m alone,
// at most 1023 characters, zero padding, shortest lengths, nothing after the key,
// and a key that [commkey.NewPublicKey] takes. What it reads with a
// version, [Contact.Encode] encodes to the same string again, in lower case.
func ParseContact(s string) (Contact, error) {
	contact, _, err := parseContact(Unwrap(s))
	if err != nil {
		return Contact{}, fmt.Errorf("reading contact string: %w", err)
	}
	return contact, nil
}

func parseContact(s string) (c Contact, versioned bool, err error) {
	payload, err := decodeContactString(s)
	if err != nil {
		return Contact{}, false, err
	}
	return decodeContact(payload)
}

// decodeContactString undoes the bech32m of a contact string.
func decodeContactString(s string) ([]byte, error) {
	if len(s) > maxContactString {
		return nil, fmt.Errorf("%w: %d characters, at most %d are allowed", ErrInvalidContact, len(s), maxContactString)
	}
	hrp, groups, version, err := bech32.DecodeNoLimitWithVersion(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; copy the whole string again", ErrInvalidContact, err)
	}
	if hrp != contactHRP {
		return nil, fmt.Errorf("%w: prefix %q, want %q", ErrInvalidContact, hrp, contactHRP)
	}
	if version != bech32.VersionM {
		return nil, fmt.Errorf("%w: checksum is of bech32, want bech32m", ErrInvalidContact)
	}
	payload, err := bech32.ConvertBits(groups, 5, 8, false)
	if err != nil {
		return nil, fmt.Errorf("%w: padding is not zero or too long", ErrInvalidContact)
	}
	return payload, nil
}

// The tags of postcard's Option.
const (
	noVersion   = 0
	someVersion = 1
)

// decodeContact reads postcard(version: Option<u8>, name: string, pubkey: bytes).
func decodeContact(b []byte) (c Contact, versioned bool, err error) {
	r := postcardReader{rest: b}
	if versioned, err = r.version(); err != nil {
		return Contact{}, false, err
	}
	name, err := r.bytes("name")
	if err != nil {
		return Contact{}, false, err
	}
	if !utf8.Valid(name) {
		return Contact{}, false, fmt.Errorf("%w: name is not UTF-8", ErrInvalidContact)
	}
	key, err := r.bytes("public key")
	if err != nil {
		return Contact{}, false, err
	}
	public, err := commkey.NewPublicKey(key)
	if err != nil {
		return Contact{}, false, fmt.Errorf("%w: %w", ErrInvalidContact, err)
	}
	if len(r.rest) > 0 {
		return Contact{}, false, fmt.Errorf("%w: %d bytes after the public key", ErrInvalidContact, len(r.rest))
	}
	return Contact{Name: string(name), Key: public}, versioned, nil
}
