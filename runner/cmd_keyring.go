package runner

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"frostkit/commkey"
	"frostkit/internal/files"
	"frostkit/keyring"
)

const clearTextWarning = `WARNING: the config file will contain your private FROST shares in clear. Keep it safe and never share it with anyone.`

type initCommand struct {
	Name string `short:"n" help:"The name that this member goes by, so that commands find it by name."`
	configFlag
	jsonFlag
}

func (c *initCommand) Run(e *Env) error {
	var public commkey.PublicKey
	var before string
	path, err := c.update(e, func(k *keyring.Keyring) (err error) {
		before = k.Name()
		if public, err = e.ensureKey(k); err != nil || c.Name == "" {
			return err
		}
		return k.SetName(c.Name)
	})
	if err != nil {
		return err
	}
	if c.Name != "" && before != "" && c.Name != before {
		e.say("This member was %q and is now %q; the others know it by the name that they imported", before, c.Name)
	}
	e.say("Writing to config file at %s...\nDone.\n%s", path, clearTextWarning)
	if c.JSON {
		return e.writeJSON(map[string]any{"config": path, "pubkey": public})
	}
	return nil
}

// ensureKey returns the keyring's public key and makes the pair when there is none.
func (e *Env) ensureKey(k *keyring.Keyring) (commkey.PublicKey, error) {
	if key := k.Key(); key != nil {
		e.say("Skipping keypair generation; keypair already generated and stored")
		return key.Public(), nil
	}
	e.say("Generating keypair... ")
	key, err := commkey.Generate(rand.Reader)
	if err != nil {
		return commkey.PublicKey{}, err
	}
	return key.Public(), k.SetKey(key)
}

// path is the credentials file that the command works on.
func (c *configFlag) path() (string, error) {
	if c.Config != "" {
		return c.Config, nil
	}
	return keyring.DefaultPath()
}

// load reads the credentials file, and warns of what is wrong with it; one that does not exist is an
// empty one. The caller destroys the keyring.
func (c *configFlag) load(e *Env) (*keyring.Keyring, error) {
	path, err := c.path()
	if err != nil {
		return nil, err
	}
	e.saveUnsaved(keyring.At(files.At(path)))
	k, err := keyring.Load(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); c.Config != "" && errors.Is(err, fs.ErrNotExist) {
		return nil, failf(ExitInput, "reading credentials: there is no file %q: user not initialized", path).
			hint("%s", sentences(nearFile(path), shell("frostkit", "init", "-c", path)+" makes it"))
	}
	e.warn(k.Warnings())
	return k, nil
}

// update changes the credentials file, and returns its path.
func (c *configFlag) update(e *Env, change func(*keyring.Keyring) error) (string, error) {
	path, err := c.path()
	if err != nil {
		return "", err
	}
	return path, e.update(e.Context, path, change)
}

// update changes a credentials file, and warns of contacts that look alike.
func (e *Env) update(ctx context.Context, path string, change func(*keyring.Keyring) error) error {
	return e.updateFile(ctx, keyring.At(files.At(path)), change)
}

func (e *Env) updateFile(ctx context.Context, file keyring.File, change func(*keyring.Keyring) error) error {
	var warnings []string
	err := file.Update(ctx, func(k *keyring.Keyring) error {
		if err := change(k); err != nil {
			return err
		}
		warnings = k.NameWarnings()
		return nil
	})
	if err == nil {
		e.warn(warnings)
	}
	return err
}

// loadKeyed reads a credentials file that must hold a communication key.
func (c *configFlag) loadKeyed(e *Env) (*keyring.Keyring, error) {
	k, err := c.load(e)
	if err != nil {
		return nil, err
	}
	if k.Key() == nil {
		return nil, failf(ExitInput, "no communication key in %q: user not initialized", k.Path()).
			hint("frostkit init -c %s", k.Path())
	}
	return k, nil
}

type exportCommand struct {
	Name string `short:"n" help:"The name by which the others will know this member; by default the one that init was given."`
	configFlag
	jsonFlag
}

func (c *exportCommand) Run(e *Env) error {
	k, err := c.loadKeyed(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	contact := keyring.Contact{Name: cmp.Or(c.Name, k.Name()), Key: k.Key().Public()}
	if contact.Name == "" {
		return failf(ExitUsage, "no name to export").hint("%s export --name NAME", e.called)
	}
	text, err := contact.Encode()
	if err != nil {
		return err
	}
	e.say("Exporting this information:")
	writeContact(e.talk(), contact)
	e.say("Check if contains the expected information. If it does, copy the following contact string and send to other participants you want to use FROST with:")
	if c.JSON {
		return e.writeJSON(contactJSON{Name: contact.Name, PublicKey: contact.Key, Contact: text})
	}
	fmt.Fprintln(e.result(), text)
	return nil
}

func writeContact(w io.Writer, c keyring.Contact) {
	fmt.Fprintf(w, "Name: %s\nPublic Key: %s\n", keyring.EscapeName(c.Name), c.Key)
}

type contactJSON struct {
	Name      string            `json:"name"`
	PublicKey commkey.PublicKey `json:"pubkey"`
	Contact   string            `json:"contact"`
}

type importCommand struct {
	Contact string `arg:"" help:"The contact string that the other member exported (zffrost1…)."`
	configFlag
	jsonFlag
}

func (c *importCommand) Run(e *Env) error {
	contact, err := keyring.ParseContact(c.Contact)
	if err != nil {
		return err
	}
	_, err = c.update(e, func(k *keyring.Keyring) error { return k.AddContact(contact) })
	switch {
	case errors.Is(err, keyring.ErrContactExists) && errors.Is(err, keyring.ErrKeyKnown): // both are the same one's
		e.say("This contact is there already, with the same key; nothing was changed:")
	case err != nil:
		return err
	default:
		e.say("Imported this contact:")
	}
	writeContact(e.talk(), contact)
	if c.JSON {
		return e.writeJSON(map[string]any{"name": contact.Name, "pubkey": contact.Key})
	}
	return nil
}

type contactsCommand struct {
	configFlag
	jsonFlag
}

func (c *contactsCommand) Run(e *Env) error {
	k, err := c.load(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	list := []contactJSON{}
	for _, contact := range k.Contacts() {
		text, err := contact.Encode()
		if err != nil {
			return err
		}
		list = append(list, contactJSON{Name: contact.Name, PublicKey: contact.Key, Contact: text})
	}
	if c.JSON {
		return e.writeJSON(list)
	}
	for _, contact := range list {
		writeContact(e.result(), keyring.Contact{Name: contact.Name, Key: contact.PublicKey})
		fmt.Fprintf(e.result(), "%s\n\n", contact.Contact)
	}
	return nil
}

type removeContactCommand struct {
	PublicKey string `name:"pubkey" short:"p" required:"" placeholder:"PUBKEY" help:"The contact: its public key or its name."`
	configFlag
	jsonFlag
}

func (c *removeContactCommand) Run(e *Env) error {
	var removed keyring.Contact
	_, err := c.update(e, func(k *keyring.Keyring) (err error) {
		if removed, err = k.FindContact(c.PublicKey); err != nil {
			return err
		}
		return k.RemoveContact(removed.Key)
	})
	if err != nil || !c.JSON {
		return err
	}
	return e.writeJSON(map[string]any{"removed": map[string]any{"name": removed.Name, "pubkey": removed.Key}})
}
