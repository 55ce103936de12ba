package runner

import (
	"fmt"
	"io"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/keyring"
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
		view.Self, view.Known = true, true
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
	Group string `short:"g" required:"" placeholder:"GROUP" help:"The group: its public key, a prefix of it, or its description."`
	configFlag
	jsonFlag
}

func (c *removeGroupCommand) Run(e *Env) error {
	var removed string
	_, err := c.update(e, func(k *keyring.Keyring) error {
		group, err := k.FindGroup(c.Group)
		if err != nil {
			return err
		}
		removed = group.ID()
		return k.RemoveGroup(removed)
	})
	if err != nil || !c.JSON {
		return err
	}
	return e.writeJSON(map[string]any{"removed": removed})
}
