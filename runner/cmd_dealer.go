package runner

import (
	"crypto/rand"
	"fmt"
	"math"

	"frostkit/frost"
	"frostkit/keyring"
)

type trustedDealerCommand struct {
	Description string   `short:"d" required:"" placeholder:"TEXT" help:"What the members call the group."`
	Names       []string `short:"N" required:"" placeholder:"NAME" help:"The members' names."`
	Config      []string `short:"c" required:"" sep:"none" placeholder:"FILE" help:"The members' credentials files, one -c for each, in the order of the names."`
	ServerURL   string   `short:"s" placeholder:"HOST:PORT" help:"The relay that the members will use; it is only noted."`
	Threshold   int      `short:"t" default:"2" help:"How many members are needed to sign (${default})."`
	NumSigners  int      `short:"n" default:"3" help:"How many members there are (${default})."`
	Ciphersuite string   `short:"C" default:"ed25519" help:"Ciphersuite (${default})."`
	jsonFlag
}

// Run deals a group's shares into the members' credentials files.
func (c *trustedDealerCommand) Run(e *Env) error {
	cs, err := c.check()
	if err != nil {
		return err
	}
	contacts, err := c.contacts(e)
	if err != nil {
		return err
	}
	ids := make([]frost.Identifier, c.NumSigners)
	for i := range ids {
		if ids[i], err = frost.NewIdentifier(cs, uint16(i+1)); err != nil {
			return err
		}
	}
	shares, pub, err := frost.TrustedDealer(rand.Reader, cs, ids, c.Threshold)
	if err != nil {
		return failf(ExitUsage, "dealing the shares: %w", err)
	}
	for i, path := range c.Config {
		if err := c.give(e, path, contacts, ids, shares[ids[i]], pub); err != nil {
			return err
		}
		shares[ids[i]].Destroy()
	}
	return c.tell(e, pub.VerifyingKey())
}

func (c *trustedDealerCommand) tell(e *Env, key frost.VerifyingKey) error {
	if c.JSON {
		return e.writeJSON(map[string]any{"id": key.String(), "config": c.Config})
	}
	if e.called == frostkit {
		e.say("Group created; information written to %d files. The dealer saw the whole key: use it for tests.", len(c.Config))
		fmt.Fprintln(e.Stdout, key)
	}
	return nil
}

func (c *trustedDealerCommand) check() (frost.Ciphersuite, error) {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	switch {
	case err != nil:
		return nil, &Failure{Code: ExitUsage, Err: err}
	case len(c.Config) != c.NumSigners:
		return nil, failf(ExitUsage, "%d credentials files for %d members: give -c once for each", len(c.Config), c.NumSigners)
	case len(c.Names) != c.NumSigners:
		return nil, failf(ExitUsage, "%d names for %d members", len(c.Names), c.NumSigners)
	case c.NumSigners > math.MaxUint16:
		return nil, failf(ExitUsage, "%d members are too many", c.NumSigners)
	}
	return cs, nil
}

// contacts reads every file before any is changed.
func (c *trustedDealerCommand) contacts(e *Env) ([]keyring.Contact, error) {
	contacts := make([]keyring.Contact, c.NumSigners)
	for i, path := range c.Config {
		k, err := (&configFlag{Config: path}).loadKeyed(e)
		if err != nil {
			return nil, err
		}
		contacts[i] = keyring.Contact{Name: c.Names[i], Key: k.Key().Public()}
		k.Destroy()
	}
	return contacts, nil
}

// give writes one member's share, and everybody's contact, into its file.
func (c *trustedDealerCommand) give(e *Env, path string, contacts []keyring.Contact, ids []frost.Identifier,
	share *frost.SecretShare, pub *frost.PublicKeyPackage,
) error {
	key, err := share.KeyPackage()
	if err != nil {
		return err
	}
	defer key.Destroy()
	config := keyring.GroupConfig{Description: c.Description, ServerURL: c.ServerURL, PublicKeyPackage: pub, KeyPackage: key}
	for i, contact := range contacts {
		config.Participants = append(config.Participants, keyring.Participant{Identifier: ids[i], Key: contact.Key})
	}
	group, err := keyring.NewGroup(config)
	if err != nil {
		return err
	}
	return e.update(e.Context, path, func(k *keyring.Keyring) error {
		for _, contact := range contacts {
			if err := addContact(k, contact); err != nil {
				return err
			}
		}
		return k.AddGroup(group)
	})
}

// addContact adds a contact unless it is there already, under whatever name. The
// member itself gets its name.
func addContact(k *keyring.Keyring, contact keyring.Contact) error {
	if k.Key().Public() == contact.Key {
		return k.SetName(contact.Name)
	}
	if _, known := k.ContactByKey(contact.Key); known {
		return nil
	}
	return k.AddContact(contact)
}
