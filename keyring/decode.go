package keyring

import (
	"encoding/hex"
	"maps"

	"frostkit/commkey"
)

// fileVersion is the one version of credentials.toml that there is.
const fileVersion = 0

// decode reads a credentials file (docs/formats.md, section 1). Errors are
// [*FileError]s under the given path.
func decode(path string, data []byte) (*Keyring, error) {
	d, err := decodeDocument(path, data)
	if err != nil {
		return nil, err
	}
	k, top := newKeyring(path), d.table()
	// The version first: another one may mean anything else to be different.
	for _, read := range []func(*table) error{checkVersion, k.decodeKey, k.decodeContacts, k.decodeGroups} {
		if err := read(top); err != nil {
			return nil, err
		}
	}
	k.extra = top.rest
	return k, nil
}

func checkVersion(top *table) error {
	version, err := required[int64](top, "version")
	if err != nil {
		return err
	}
	if version != fileVersion {
		return top.fail("version", versionError(version))
	}
	return nil
}

// decodeKey reads [communication_key], which is missing before init.
func (k *Keyring) decodeKey(top *table) error {
	t, ok, err := top.table("communication_key")
	if err != nil || !ok {
		return err
	}
	private, err := t.privateKey("privkey")
	if err != nil {
		return err
	}
	public, err := t.publicKey("pubkey")
	if err != nil {
		return err
	}
	if private.Public() != public {
		return t.errorf("pubkey", "does not belong to privkey, whose public key is %s", private.Public())
	}
	k.key, k.keyExtra = private, t.rest
	return nil
}

func (t *table) privateKey(field string) (*commkey.PrivateKey, error) {
	b, err := t.hex(field)
	if err != nil {
		return nil, err
	}
	defer clear(b)
	key, err := commkey.NewPrivateKey(b)
	if err != nil {
		return nil, t.errorf(field, "%w", err)
	}
	return key, nil
}

func (t *table) publicKey(field string) (commkey.PublicKey, error) {
	b, err := t.hex(field)
	if err != nil {
		return commkey.PublicKey{}, err
	}
	key, err := commkey.NewPublicKey(b)
	if err != nil {
		return commkey.PublicKey{}, t.errorf(field, "%w", err)
	}
	return key, nil
}

func (k *Keyring) decodeContacts(top *table) error {
	tables, err := top.tables("contact")
	if err != nil {
		return err
	}
	for _, t := range tables {
		name, err := required[string](t, "name")
		if err != nil {
			return err
		}
		key, err := t.publicKey("pubkey")
		if err != nil {
			return err
		}
		k.contacts[t.name()] = contactEntry{Contact: Contact{Name: name, Key: key}, extra: t.rest}
	}
	return nil
}

func (k *Keyring) decodeGroups(top *table) error {
	tables, err := top.tables("group")
	if err != nil {
		return err
	}
	for _, t := range tables {
		if k.groups[t.name()], err = decodeGroup(t); err != nil {
			return err
		}
	}
	return nil
}

func decodeGroup(t *table) (*Group, error) {
	g := &Group{id: t.name()}
	if err := g.decodeFields(t); err != nil {
		return nil, err
	}
	if field, err := g.decodePackages(); err != nil {
		return nil, t.errorf(field, "%w", err)
	}
	members, ok, err := t.table("participant")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, t.errorf("participant", "is missing; the file may be cut short")
	}
	if err := g.decodeParticipants(members); err != nil {
		return nil, err
	}
	g.extra = t.rest
	return g, nil
}

// decodeFields reads what stands in a group's own table.
func (g *Group) decodeFields(t *table) error {
	var err error
	if g.Description, err = required[string](t, "description"); err != nil {
		return err
	}
	if g.Ciphersuite, err = required[string](t, "ciphersuite"); err != nil {
		return err
	}
	if g.public, err = t.hex("public_key_package"); err != nil {
		return err
	}
	key, err := t.hex("key_package")
	if err != nil {
		return err
	}
	g.secret = newSecret(key)
	g.ServerURL, g.hasServer, err = take[string](t, "server_url")
	return err
}

func (g *Group) decodeParticipants(members *table) error {
	g.membersExtra = map[string]map[string]any{}
	for name := range maps.Clone(members.rest) {
		t, _, err := members.table(name)
		if err != nil {
			return err
		}
		if err := g.decodeParticipant(t); err != nil {
			return err
		}
	}
	g.sortParticipants()
	if g.decoded == nil {
		return nil
	}
	if err := g.checkParticipants(); err != nil {
		return members.errorf("", "%w; the file may be cut short", err)
	}
	return nil
}

func (g *Group) decodeParticipant(t *table) error {
	id, err := t.hex("identifier")
	if err != nil {
		return err
	}
	if text := hex.EncodeToString(id); text != t.name() {
		return t.errorf("identifier", "is %s, the table is named %s", text, quoteName(t.name()))
	}
	key, err := t.publicKey("pubkey")
	if err != nil {
		return err
	}
	p, err := g.newParticipant(id, key)
	if err != nil {
		return t.errorf("identifier", "%w", err)
	}
	g.Participants = append(g.Participants, p)
	g.membersExtra[t.name()] = t.rest
	return nil
}
