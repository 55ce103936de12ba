package keyring

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"frostkit/commkey"
	"frostkit/frost"
)

func isError(err, want error) bool { return errors.Is(err, want) }

// recordedFiles returns the credentials files that frost-client wrote, by name.
func recordedFiles(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join("testdata", "interop", "*", "*.toml"))
	if err != nil || len(paths) != 19 {
		t.Fatalf("found %d files, %v; want 19", len(paths), err)
	}
	for _, path := range paths {
		relative, err := filepath.Rel("testdata", path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = readTestdata(t, relative)
	}
	const tutorial = "learning-frost-alice-credentials.toml"
	_, files[tutorial], _ = strings.Cut(readTestdata(t, tutorial), "\n") // without its comment
	return files
}

func decodeFile(t testing.TB, path ...string) *Keyring {
	t.Helper()
	k, err := decode(filepath.Join(path...), []byte(readTestdata(t, path...)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestKeyringOfFrostClient(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.after.toml")
	if got := k.Key().Public().String(); got != aliceKey {
		t.Errorf("own key %s", got)
	}
	want := []Contact{{Name: "Bob", Key: mustKey(t, bobKey)}, {Name: "Eve", Key: mustKey(t, eveKey)}}
	if got := k.Contacts(); !slices.Equal(got, want) {
		t.Errorf("contacts %v, want %v", got, want)
	}
	groups := k.Groups()
	if len(groups) != 1 {
		t.Fatalf("%d groups", len(groups))
	}
	g := groups[0]
	if g.Description != "DKG test" || g.ServerURL != "127.0.0.1:2744" || g.Ciphersuite != frost.Ed25519().ID() || g.MinSigners() != 2 || len(g.Participants) != 3 {
		t.Errorf("group %+v of %q", g.Participants, g.Description)
	}
	checkPackages(t, k, g)
}

func checkPackages(t *testing.T, k *Keyring, g *Group) {
	t.Helper()
	public, err := g.PublicKeyPackage()
	if err != nil || public.VerifyingKey().String() != g.ID() {
		t.Fatalf("public key package: %v", err)
	}
	key, err := g.KeyPackage()
	if err != nil {
		t.Fatal(err)
	}
	defer key.Destroy()
	own, ok := g.ParticipantByKey(k.Key().Public())
	if !ok || own.Identifier != key.Identifier() {
		t.Errorf("own participant %v, key package of %v", own, key.Identifier())
	}
	ids := make([]frost.Identifier, len(g.Participants))
	for i, p := range g.Participants {
		ids[i] = p.Identifier
	}
	if !slices.Equal(ids, public.Identifiers()) {
		t.Errorf("participants %v are not in the order of the package, %v", ids, public.Identifiers())
	}
}

func TestGroupsOfFrostClient(t *testing.T) {
	for name, data := range recordedFiles(t) {
		k, err := decode(name, []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range k.Groups() {
			if strings.HasPrefix(g.Ciphersuite, "FROST-ED25519") {
				checkPackages(t, k, g)
			}
		}
	}
}

func TestGroupOfUnknownCiphersuite(t *testing.T) {
	k, err := decode("x.toml", []byte(unknownFields))
	if err != nil {
		t.Fatal(err)
	}
	g, ok := k.Group("0123456789ABCDEF")
	if !ok {
		t.Fatal("group is missing")
	}
	if _, err := g.PublicKeyPackage(); !errors.Is(err, ErrUnknownCiphersuite) {
		t.Errorf("public key package: %v", err)
	}
	if _, err := g.KeyPackage(); !errors.Is(err, ErrUnknownCiphersuite) {
		t.Errorf("key package: %v", err)
	}
	if p, err := k.FindParticipant(g, "1d79"); err != nil || p.IdentifierText() != "ff" || g.MinSigners() != 0 {
		t.Errorf("participant %v, %v; threshold %d", p, err, g.MinSigners())
	}
}

func TestAddContact(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.before.toml")
	for _, test := range []struct {
		contact Contact
		want    []error
	}{
		{Contact{Name: "Bob", Key: mustKey(t, daveKey)}, []error{ErrContactExists}},
		{Contact{Name: "Robert", Key: mustKey(t, bobKey)}, []error{ErrKeyKnown}},
		{Contact{Name: "Bob", Key: mustKey(t, bobKey)}, []error{ErrContactExists, ErrKeyKnown}},
		{Contact{Name: "me", Key: mustKey(t, aliceKey)}, []error{ErrOwnKey}},
		{Contact{Name: "no key"}, []error{ErrInvalidContact}},
		{Contact{Name: "\xff", Key: mustKey(t, daveKey)}, []error{ErrInvalidContact}},
		{Contact{Name: "", Key: mustKey(t, daveKey)}, nil},
	} {
		err := k.AddContact(test.contact)
		if (err == nil) != (test.want == nil) {
			t.Errorf("AddContact(%v): %v", test.contact, err)
		}
		for _, want := range test.want {
			if !errors.Is(err, want) {
				t.Errorf("AddContact(%v): %v, want %v", test.contact, err, want)
			}
		}
	}
	if len(k.Contacts()) != 3 || k.Contacts()[0].Name != "" {
		t.Errorf("contacts %v", k.Contacts())
	}
}

func TestRemoveContact(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.before.toml")
	if err := k.RemoveContact(mustKey(t, bobKey)); err != nil {
		t.Fatal(err)
	}
	if err := k.RemoveContact(mustKey(t, bobKey)); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
	if _, ok := k.ContactByKey(mustKey(t, bobKey)); ok || len(k.Contacts()) != 1 {
		t.Errorf("left: %v", k.Contacts())
	}
}

func TestSetKey(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.before.toml")
	other, err := commkey.Generate(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.SetKey(other); !errors.Is(err, ErrKeyExists) || k.Key().Public().String() != aliceKey {
		t.Errorf("replaced the key: %v", err)
	}
	if err := k.SetKey(k.Key()); err != nil {
		t.Errorf("the same key again: %v", err)
	}
	empty := newKeyring("x.toml")
	if err := empty.AddContact(Contact{Name: "me", Key: other.Public()}); err != nil {
		t.Fatal(err)
	}
	if err := empty.SetKey(other); !errors.Is(err, ErrKeyKnown) {
		t.Errorf("took a contact's key: %v", err)
	}
}

// deal makes a group of three for the keys, with the first one's share.
func deal(t testing.TB, threshold int, keys ...string) GroupConfig {
	t.Helper()
	var ids []frost.Identifier
	var participants []Participant
	for i, key := range keys {
		id, err := frost.NewIdentifier(frost.Ed25519(), uint16(len(keys)-i))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
		participants = append(participants, Participant{Identifier: id, Key: mustKey(t, key)})
	}
	shares, public, err := frost.TrustedDealer(rand.Reader, frost.Ed25519(), ids, threshold)
	if err != nil {
		t.Fatal(err)
	}
	key, err := shares[ids[0]].KeyPackage()
	if err != nil {
		t.Fatal(err)
	}
	return GroupConfig{Description: "board", ServerURL: "localhost:2744", PublicKeyPackage: public, KeyPackage: key, Participants: participants}
}

func newGroup(t testing.TB, c GroupConfig) *Group {
	t.Helper()
	g, err := NewGroup(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAddGroup(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.before.toml")
	g := newGroup(t, deal(t, 2, aliceKey, bobKey, eveKey))
	for range 2 { // the second time changes nothing
		if err := k.AddGroup(g); err != nil {
			t.Fatal(err)
		}
	}
	again, err := decode(k.path, k.encode())
	if err != nil {
		t.Fatal(err)
	}
	saved, ok := again.Group(g.ID())
	if !ok || saved.MinSigners() != 2 || !slices.Equal(saved.Participants, g.Participants) || !saved.samePackages(g) {
		t.Errorf("saved as %v", saved)
	}
	checkPackages(t, again, saved)
	if err := again.RemoveGroup(strings.ToUpper(g.ID())); err != nil {
		t.Fatal(err)
	}
	if err := again.RemoveGroup(g.ID()); !errors.Is(err, ErrNotFound) {
		t.Errorf("removed twice: %v", err)
	}
}

func TestAddGroupNeverOverwrites(t *testing.T) {
	alice := decodeFile(t, "interop", "n3t2", "alice.after.toml")
	bob := decodeFile(t, "interop", "n3t2", "bob.after.toml")
	before := string(alice.encode())
	if err := alice.AddGroup(bob.Groups()[0]); !errors.Is(err, ErrGroupExists) {
		t.Errorf("added Bob's share to Alice's: %v", err)
	}
	if string(alice.encode()) != before {
		t.Error("the keyring has changed")
	}
}

func TestAddGroupOfSomebodyElse(t *testing.T) {
	g := newGroup(t, deal(t, 2, bobKey, aliceKey, eveKey))
	for _, k := range []*Keyring{decodeFile(t, "interop", "n3t2", "alice.before.toml"), newKeyring("none.toml")} {
		if err := k.AddGroup(g); !errors.Is(err, ErrInvalidGroup) || len(k.Groups()) != 0 {
			t.Errorf("added Bob's share: %v", err)
		}
	}
}

func TestNewGroupRefuses(t *testing.T) {
	for what, spoil := range map[string]func(*GroupConfig){
		"description":              func(c *GroupConfig) { c.Description = "\xff" },
		"server":                   func(c *GroupConfig) { c.ServerURL = "\xff" },
		"a participant is missing": func(c *GroupConfig) { c.Participants = c.Participants[1:] },
		"a participant is another": func(c *GroupConfig) {
			c.Participants = slices.Clone(c.Participants)
			c.Participants[0].Identifier, _ = frost.NewIdentifier(frost.Ed25519(), 9)
		},
		"two have one key": func(c *GroupConfig) {
			c.Participants = slices.Clone(c.Participants)
			c.Participants[0].Key = c.Participants[1].Key
		},
		"one has no key": func(c *GroupConfig) {
			c.Participants = slices.Clone(c.Participants)
			c.Participants[0].Key = commkey.PublicKey{}
		},
		"share of another group": func(c *GroupConfig) { c.KeyPackage = deal(t, 2, aliceKey, bobKey, eveKey).KeyPackage },
	} {
		c := deal(t, 2, aliceKey, bobKey, eveKey)
		spoil(&c)
		if _, err := NewGroup(c); !errors.Is(err, ErrInvalidGroup) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSecretsNeitherPrintNorMarshal(t *testing.T) {
	k := decodeFile(t, "interop", "n3t2", "alice.after.toml")
	g := k.Groups()[0]
	key, err := g.KeyPackage()
	if err != nil {
		t.Fatal(err)
	}
	printed := fmt.Sprintf("%v %+v %#v %s %x %d %v %+v %#v %s %x", k, k, k, k, k, k, *k, g, *g, g, g) +
		fmt.Sprintf("%v %#v %x", []any{k, g}, struct{ G Group }{*g}, g.secret)
	for _, v := range []any{k, g, *k, *g} {
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		printed += string(text)
	}
	secrets := map[string]string{"private key": fmt.Sprintf("%x", k.Key().SecretBytes()), "key package": fmt.Sprintf("%x", key.EncodeSecretPostcard())[74:]}
	for name, secret := range secrets {
		if strings.Contains(printed, secret[:16]) {
			t.Errorf("%s is printed: %s", name, printed)
		}
	}
	k.Destroy()
	if strings.Trim(string(g.secret.bytes()), "\x00") != "" {
		t.Error("Destroy leaves the key package")
	}
}

func TestEscapeName(t *testing.T) {
	for name, want := range map[string]string{
		"": "", "Alice": "Alice", "Élodie": "Élodie", "李雷": "李雷", "a b": "a b", "😀": "😀", `quo"te`: `quo"te`,
		"a\nb": `a\nb`, "\x1b[31m": `\x1b[31m`, "\u202egnp.exe": `\u202egnp.exe`, "zero\u200bwidth": `zero\u200bwidth`,
		"\u2066x\u2069": `\u2066x\u2069`, "a\u00a0b": `a\u00a0b`, "\ufeffx": `\ufeffx`, "\u3164": `\u3164`, "\u2800": `\u2800`, "a\ufe0f": `a\ufe0f`,
		"\U000e0041": `\U000e0041`, "\xff": `\xff`, `\n`: `\\n`, "\x7f": `\x7f`, "\u0085": `\u0085`, "\u2028": `\u2028`,
	} {
		if got := EscapeName(name); got != want {
			t.Errorf("EscapeName(%q) = %q, want %q", name, got, want)
		}
	}
}

func FuzzEscapeName(f *testing.F) {
	f.Add("a\nb\u202e", "a")
	f.Add("\\n", "\n")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, r := range EscapeName(a) {
			if invisible(r) {
				t.Errorf("%q is escaped to %q, with %U", a, EscapeName(a), r)
			}
		}
		if a != b && EscapeName(a) == EscapeName(b) {
			t.Errorf("%q and %q are escaped alike: %q", a, b, EscapeName(a))
		}
	})
}

func TestLookAlikes(t *testing.T) {
	alike := []string{"alice b", "ALICE B", "Alice  B", " Alice B ", "Alice\u00a0B", "Al\u200bice B", "Аlісе В", "Ａlice B", "Alice\tB", "Αlice B", "\u202eAlice B"}
	for _, name := range append(alike, "Alice", "AliceB", "Bob", "") {
		k := newKeyring("x.toml")
		if err := errors.Join(addContact(t, "Alice B", aliceKey)(k), addContact(t, name, bobKey)(k)); err != nil {
			t.Fatal(err)
		}
		said := strings.Contains(strings.Join(k.NameWarnings(), "\n"), "looks like contact")
		if said != slices.Contains(alike, name) {
			t.Errorf("%q: %q", name, k.NameWarnings())
		}
	}
}

func TestWarnings(t *testing.T) {
	k := newKeyring("it's.toml")
	if warnings := k.Warnings(); len(warnings) != 0 {
		t.Errorf("empty keyring: %q", warnings)
	}
	k.mode = 0o644
	for name, key := range map[string]string{"Bob": bobKey, "bob": eveKey, "E\u202eve": daveKey, `back\slash`: aliceKey} {
		if err := k.AddContact(Contact{Name: name, Key: mustKey(t, key)}); err != nil {
			t.Fatal(err)
		}
	}
	warnings := k.Warnings()
	for i, want := range []string{`chmod 600 'it'\''s.toml'`, `"E\u202eve"`, `"bob" (` + eveKey + `) looks like contact "Bob"`} {
		if i >= len(warnings) || !strings.Contains(warnings[i], want) {
			t.Errorf("warning %d of %q, want %q", i, warnings, want)
		}
	}
	if len(warnings) != 3 {
		t.Errorf("%d warnings", len(warnings))
	}
	k.mode = fs.FileMode(0o600)
	if got := k.Warnings(); len(got) != 2 {
		t.Errorf("mode 0600: %q", got)
	}
}

// Sorting participants and groups does not depend on the order of maps.
func TestGroupsAreSorted(t *testing.T) {
	k, err := decode("x.toml", []byte(unknownFields))
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, g := range k.Groups() {
		ids = append(ids, g.ID())
	}
	if want := slices.Sorted(maps.Keys(k.groups)); !slices.Equal(ids, want) {
		t.Errorf("groups %v, want %v", ids, want)
	}
}
