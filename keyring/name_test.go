package keyring

import (
	"errors"
	"path/filepath"
	"testing"

	"frostkit/commkey"
)

// The owner's name is a contact with the own key, as in the files of
// frost-client's trusted-dealer.
func TestSetName(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	key := testKey(t, 1)
	bob := Contact{Name: "Bob", Key: testKey(t, 2).Public()}
	err := Update(t.Context(), path, func(k *Keyring) error {
		if err := k.SetName("Alice"); !errors.Is(err, ErrNotFound) {
			t.Errorf("without a key: %v", err)
		}
		return errors.Join(k.SetKey(key), k.AddContact(bob), k.SetName("Alicia"), k.SetName("Alice"), k.SetName("Alice"))
	})
	if err != nil {
		t.Fatal(err)
	}
	k, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if k.Name() != "Alice" || len(k.Contacts()) != 2 {
		t.Errorf("name %q, contacts %v", k.Name(), k.Contacts())
	}
	if c, err := k.FindContact("Ali"); err != nil || c.Key != key.Public() {
		t.Errorf("own name is not found: %v, %v", c, err)
	}
	if err := k.SetName("Bob"); !errors.Is(err, ErrContactExists) {
		t.Errorf("took another contact's name: %v", err)
	}
	if err := k.SetKey(key); err != nil {
		t.Errorf("setting the same key again: %v", err)
	}
}

func testKey(t *testing.T, n byte) *commkey.PrivateKey {
	t.Helper()
	key, err := commkey.NewPrivateKey(append(make([]byte, 31), n))
	if err != nil {
		t.Fatal(err)
	}
	return key
}
