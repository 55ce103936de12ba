package keyring

import (
	"fmt"
	"maps"
	"slices"
)

// encode writes the keyring as frost-client would write it, with what is
// unknown after what is known. The caller wipes the bytes.
func (k *Keyring) encode() []byte {
	w := &tomlWriter{}
	w.field("version", int64(fileVersion))
	w.fields(k.extra)
	if k.key != nil {
		k.encodeKey(w)
	}
	k.encodeContacts(w)
	k.encodeGroups(w)
	w.tables(k.extra)
	return w.b
}

func (k *Keyring) encodeKey(w *tomlWriter) {
	private := k.key.SecretBytes()
	defer clear(private)
	w.header("communication_key")
	w.hex("privkey", private)
	w.field("pubkey", k.key.Public().String())
	w.fields(k.keyExtra)
	w.tables(k.keyExtra, "communication_key")
}

func (k *Keyring) encodeContacts(w *tomlWriter) {
	if len(k.contacts) == 0 {
		w.header("contact")
	}
	for _, name := range slices.Sorted(maps.Keys(k.contacts)) {
		c := k.contacts[name]
		w.header("contact", name)
		w.field("name", c.Name)
		w.field("pubkey", c.Key.String())
		w.fields(c.extra)
		w.tables(c.extra, "contact", name)
	}
}

func (k *Keyring) encodeGroups(w *tomlWriter) {
	if len(k.groups) == 0 {
		w.header("group")
	}
	for _, g := range k.Groups() {
		g.encode(w)
	}
}

func (g *Group) encode(w *tomlWriter) {
	w.header("group", g.id)
	w.field("description", g.Description)
	w.field("ciphersuite", g.Ciphersuite)
	w.hex("public_key_package", g.public)
	w.hex("key_package", g.secret.bytes())
	if g.ServerURL != "" || g.hasServer {
		w.field("server_url", g.ServerURL)
	}
	w.fields(g.extra)
	g.encodeParticipants(w)
	w.tables(g.extra, "group", g.id)
}

// encodeParticipants sorts by the text of the identifiers, as the map of
// frost-client does.
func (g *Group) encodeParticipants(w *tomlWriter) {
	if len(g.Participants) == 0 {
		w.header("group", g.id, "participant")
	}
	byText := map[string]Participant{}
	for _, p := range g.Participants {
		byText[p.IdentifierText()] = p
	}
	for _, id := range slices.Sorted(maps.Keys(byText)) {
		path := []string{"group", g.id, "participant", id}
		w.header(path...)
		w.field("identifier", id)
		w.field("pubkey", byText[id].Key.String())
		w.fields(g.membersExtra[id])
		w.tables(g.membersExtra[id], path...)
	}
}

func versionError(version int64) error {
	return fmt.Errorf("%w %d, want %d; it was written by a newer program, use that one", ErrVersion, version, fileVersion)
}
