package keyring

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// finder looks something up by a name or the beginning of a key.
type finder func(query string) (key string, err error)

// finders returns the look-ups of a keyring with names and keys that are alike.
func finders(t *testing.T) (contact, group, participant finder, ids []string) {
	t.Helper()
	k := decodeFile(t, "interop", "n3t2", "alice.after.toml")
	for _, c := range []Contact{{Name: "Bobby", Key: mustKey(t, daveKey)}, {Name: eveKey[:6], Key: mustKey(t, "03"+strings.Repeat("00", 31))}} {
		if err := k.AddContact(c); err != nil {
			t.Fatal(err)
		}
	}
	other := newGroup(t, deal(t, 2, aliceKey, bobKey, eveKey))
	other.Description = "DKG of others"
	if err := k.AddGroup(other); err != nil {
		t.Fatal(err)
	}
	g, _ := k.Group("5352e6b1e6307fed6a260137bfdf4f87d783848f9926bd810f256fdebdc55659")
	contact = func(q string) (string, error) { c, err := k.FindContact(q); return c.Key.String(), err }
	group = func(q string) (string, error) {
		g, err := k.FindGroup(q)
		if err != nil {
			return "", err
		}
		return g.ID(), nil
	}
	participant = func(q string) (string, error) { p, err := k.FindParticipant(g, q); return p.Key.String(), err }
	return contact, group, participant, []string{g.ID(), other.ID()}
}

func TestFind(t *testing.T) {
	contact, group, participant, ids := finders(t)
	for _, test := range []struct {
		find        finder
		query, want string
	}{
		{contact, "Bob", bobKey},
		{contact, "Bobb", daveKey},
		{contact, bobKey, bobKey},
		{contact, strings.ToUpper(bobKey), bobKey},
		{contact, "84e0", bobKey},
		{contact, "84E0", bobKey},
		{contact, eveKey[:8], eveKey},
		{contact, aliceKey, aliceKey},
		{contact, eveKey[:6], "03" + strings.Repeat("00", 31)}, // a name in full
		{group, ids[0], ids[0]},
		{group, strings.ToUpper(ids[0]), ids[0]},
		{group, "DKG test", ids[0]},
		{group, "DKG t", ids[0]},
		{group, ids[0][:12], ids[0]},
		{group, "DKG of", ids[1]},
		{participant, "Bob", bobKey},
		{participant, "Ev", eveKey},
		{participant, "a1b5a9", bobKey},
		{participant, "ffd8", aliceKey},
		{participant, aliceKey, aliceKey},
	} {
		if got, err := test.find(test.query); err != nil || got != test.want {
			t.Errorf("%q found %s, %v; want %s", test.query, got, err, test.want)
		}
	}
}

func TestFindNothing(t *testing.T) {
	contact, group, participant, _ := finders(t)
	for _, test := range []struct {
		find  finder
		query string
	}{
		{contact, "bob"},
		{contact, ""},
		{contact, "84e"},
		{contact, "ffd8"},
		{contact, "84e0zz"},
		{contact, "04" + strings.Repeat("00", 31)},
		{group, ""},
		{group, "dkg"},
		{group, "535"},
		{participant, "Bobby"},
		{participant, "nobody"},
		{participant, ""},
	} {
		if got, err := test.find(test.query); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q found %s, %v; want ErrNotFound", test.query, got, err)
		}
	}
}

func TestFindAmbiguous(t *testing.T) {
	contact, group, _, _ := finders(t)
	for _, test := range []struct {
		find       finder
		query      string
		candidates []string
	}{
		{contact, "Bo", []string{"Bob", "Bobby"}}, {contact, eveKey[:5], []string{eveKey[:6], "Eve"}}, {group, "DKG", []string{"DKG test", "DKG of others"}},
	} {
		_, err := test.find(test.query)
		var ambiguous *AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != len(test.candidates) {
			t.Errorf("%q: %v", test.query, err)
		}
		for _, candidate := range test.candidates {
			if !strings.Contains(fmt.Sprint(err), `"`+candidate+`"`) {
				t.Errorf("%q: %v does not list %q", test.query, err, candidate)
			}
		}
	}
}

// A contact whose name is the key of another is not found in its stead.
func TestKeyIsNotTakenForName(t *testing.T) {
	k := newKeyring("x.toml")
	if err := k.AddContact(Contact{Name: bobKey, Key: mustKey(t, eveKey)}); err != nil {
		t.Fatal(err)
	}
	if c, err := k.FindContact(bobKey); !errors.Is(err, ErrNotFound) {
		t.Errorf("found %v, %v", c, err)
	}
}
