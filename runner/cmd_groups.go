package runner

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/input"
)

type groupsCommand struct {
	configFlag
	jsonFlag
}

func (c *groupsCommand) Run(e *Env) error {
	k, err := c.load(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	views := []groupView{}
	for _, group := range k.Groups() {
		views = append(views, viewGroup(k, group))
	}
	if c.JSON {
		return e.writeJSON(views)
	}
	for _, view := range views {
		view.write(e.result())
		fmt.Fprintln(e.result())
	}
	return nil
}

// groupView is what is shown of a group: nothing secret.
type groupView struct {
	ID           string            `json:"id"`
	Description  string            `json:"description"`
	Ciphersuite  string            `json:"ciphersuite"`
	ServerURL    string            `json:"server_url,omitempty"`
	Threshold    int               `json:"threshold,omitempty"`
	Participants []participantView `json:"participants"`
}

type participantView struct {
	Name       string            `json:"name"`
	Identifier string            `json:"identifier"`
	PublicKey  commkey.PublicKey `json:"pubkey"`
	Self       bool              `json:"self,omitempty"`
	Known      bool              `json:"known"`
}

// viewGroup describes a group; of a ciphersuite that frostkit does not have it
// shows what needs no decoding.
func viewGroup(k *keyring.Keyring, g *keyring.Group) groupView {
	view := groupView{
		ID: g.ID(), Description: g.Description, Ciphersuite: g.Ciphersuite, ServerURL: g.ServerURL, Threshold: g.MinSigners(),
	}
	for _, p := range g.Participants {
		view.Participants = append(view.Participants, viewParticipant(k, p))
	}
	return view
}

// supported reports whether frostkit has the group's ciphersuite.
func supported(g *keyring.Group) bool {
	_, err := frost.CiphersuiteByID(g.Ciphersuite)
	return err == nil
}

func viewParticipant(k *keyring.Keyring, p keyring.Participant) participantView {
	view := participantView{Identifier: p.IdentifierText(), PublicKey: p.Key}
	if own := k.Key(); own != nil && own.Public() == p.Key {
		view.Name, view.Self, view.Known = k.Name(), true, true
		return view
	}
	if contact, ok := k.ContactByKey(p.Key); ok {
		view.Name, view.Known = contact.Name, true
	}
	return view
}

func (v groupView) write(w io.Writer) {
	fmt.Fprintf(w, "Group %q\nPublic key %s\nServer URL: %s\n", v.Description, v.ID, v.ServerURL)
	if v.Threshold > 0 {
		fmt.Fprintf(w, "Threshold: %d\n", v.Threshold)
	} else {
		fmt.Fprintf(w, "Ciphersuite: %s (not one of frostkit's)\n", v.Ciphersuite)
	}
	fmt.Fprintf(w, "Participants: %d\n", len(v.Participants))
	for _, p := range v.Participants {
		fmt.Fprintf(w, "\t%s\t(%s)\n", p.label(), p.PublicKey)
	}
}

func (p participantView) label() string {
	if !p.Known {
		return "(Unknown contact)"
	}
	return keyring.EscapeName(p.Name)
}

type removeGroupCommand struct {
	Group string `short:"g" required:"" placeholder:"GROUP" help:"The group: its public key, the first 8 digits of it or more, or its description in full."`
	configFlag
	jsonFlag
}

// Run removes the group, which at a keyboard it asks about: the share is gone with it.
func (c *removeGroupCommand) Run(e *Env) error {
	k, err := c.load(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	group, err := c.find(k)
	if err != nil {
		return err
	}
	if err := c.confirm(e, k, group); err != nil {
		return err
	}
	path, err := c.update(e, func(k *keyring.Keyring) error { return k.RemoveGroup(group.ID()) })
	if err != nil {
		return err
	}
	e.say("Removed the group %q (%s), and with it this member's share, from %s", group.Description, group.ID(), path)
	if c.JSON {
		return e.writeJSON(map[string]any{"removed": group.ID()})
	}
	return nil
}

// enoughDigits is how much of a public key names a group that is to be removed.
const enoughDigits = 8

// find finds the group, and is content with no beginning of its description.
func (c *removeGroupCommand) find(k *keyring.Keyring) (*keyring.Group, error) {
	group, err := k.FindGroup(c.Group)
	if err != nil {
		return nil, err
	}
	byKey := len(c.Group) >= enoughDigits && strings.HasPrefix(group.ID(), strings.ToLower(c.Group))
	if !byKey && c.Group != group.Description {
		return nil, failf(ExitUsage, "%q is too little to remove the group %q by, whose share would be gone", c.Group, group.Description).
			hint("give its description in full, or its public key: %s", group.ID())
	}
	return group, nil
}

// confirm asks whoever sits at a keyboard, but no user of frost-client, whose
// next command may be what is read.
func (c *removeGroupCommand) confirm(e *Env, k *keyring.Keyring, group *keyring.Group) error {
	if _, keyboard := terminal(e.Stdin); !keyboard || e.called != frostkit {
		return nil
	}
	answer, err := e.ask(e.Context, fmt.Sprintf("Remove the group %q (%s) from %s? Unless there is a copy, this member's share is gone for good. (y/n)",
		group.Description, group.ID(), k.Path()))
	if err != nil && !errors.Is(err, input.ErrEnded) {
		return err
	}
	if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		return failf(ExitDeclined, "the group %q was not removed: the answer was no", group.Description)
	}
	return nil
}
