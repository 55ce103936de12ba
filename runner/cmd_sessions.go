package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/relay"
)

type sessionsCommand struct {
	Group    string `short:"g" placeholder:"GROUP" help:"Ask the relay of this group."`
	CloseAll bool   `help:"Also close the sessions that this member opened."`
	Leave    string `placeholder:"ID" help:"Also take this session, which somebody else opened, off this member's list."`
	serverFlag
	configFlag
	jsonFlag
}

// sessionView is what is shown of a session.
type sessionView struct {
	ID          relay.SessionID `json:"id"`
	Coordinator sessionMember   `json:"coordinator"`
	Members     []sessionMember `json:"members"`
	Closed      bool            `json:"closed,omitempty"`
	Left        bool            `json:"left,omitempty"`
}

type sessionMember struct {
	Name      string            `json:"name,omitempty"`
	PublicKey commkey.PublicKey `json:"pubkey"`
	Known     bool              `json:"known"`
}

// Run lists the sessions and closes those that are this member's to close.
func (c *sessionsCommand) Run(e *Env) error {
	leave, err := parseSession(c.Leave)
	if err != nil {
		return err
	}
	k, err := c.loadKeyed(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	var group *keyring.Group
	if c.Group != "" {
		if group, err = k.FindGroup(c.Group); err != nil {
			return err
		}
	}
	server, err := serverOf(c.ServerURL, group)
	if err != nil {
		return err
	}
	client, err := e.client(server, c.CA, k.Key(), 0)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := client.Within(e.Context, sessionsTimeout)
	defer cancel()
	if err := client.Login(ctx); err != nil {
		return err
	}
	defer logout(e.Context, client)
	views, err := c.list(ctx, k, client)
	if err != nil {
		return err
	}
	if err := c.leave(ctx, client, leave, views); err != nil {
		return err
	}
	if c.JSON {
		return e.writeJSON(views)
	}
	writeSessions(e.result(), views)
	return nil
}

// sessionsTimeout bounds all calls of the command but the logout, which logoutTimeout bounds: the relay
// forgets the token in time.
const (
	sessionsTimeout = 5 * time.Minute
	logoutTimeout   = 5 * time.Second
)

func logout(ctx context.Context, client *relay.Client) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()
	_ = client.Logout(ctx)
}

// leave takes a session, unless it is the zero one, off the member's list.
func (c *sessionsCommand) leave(ctx context.Context, client *relay.Client, id relay.SessionID, views []sessionView) error {
	if id == (relay.SessionID{}) {
		return nil
	}
	if err := client.LeaveSession(ctx, id); err != nil {
		return fmt.Errorf("leaving session %s: %w", id, err)
	}
	for i := range views {
		views[i].Left = views[i].ID == id
	}
	return nil
}

func (c *sessionsCommand) list(ctx context.Context, k *keyring.Keyring, client *relay.Client) ([]sessionView, error) {
	ids, err := client.Sessions(ctx)
	if err != nil {
		return nil, err
	}
	views := []sessionView{}
	for _, id := range ids {
		info, err := client.SessionInfo(ctx, id)
		if errors.Is(err, relay.ErrSessionNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		view := viewSession(k, id, info)
		if c.CloseAll && info.Coordinator == k.Key().Public() {
			if err := client.CloseSession(ctx, id); err != nil {
				return nil, err
			}
			view.Closed = true
		}
		views = append(views, view)
	}
	return views, nil
}

func viewSession(k *keyring.Keyring, id relay.SessionID, info relay.SessionInfo) sessionView {
	view := sessionView{ID: id, Coordinator: viewMember(k, info.Coordinator)}
	for _, key := range info.Members {
		view.Members = append(view.Members, viewMember(k, key))
	}
	return view
}

func viewMember(k *keyring.Keyring, key commkey.PublicKey) sessionMember {
	if key == k.Key().Public() {
		return sessionMember{PublicKey: key, Known: true}
	}
	contact, ok := k.ContactByKey(key)
	return sessionMember{Name: contact.Name, PublicKey: key, Known: ok}
}

func writeSessions(w io.Writer, views []sessionView) {
	if len(views) == 0 {
		fmt.Fprintln(w, "No active sessions.")
	}
	for _, view := range views {
		fmt.Fprintf(w, "Session with ID %s\nCoordinator: %s\nSigners: %d\n", view.ID, view.Coordinator.label(), len(view.Members))
		for _, m := range view.Members {
			if !m.Known {
				fmt.Fprintln(w, "\t(Unknown contact)")
				continue
			}
			fmt.Fprintf(w, "\t%s\t(%s)\n", m.label(), m.PublicKey)
		}
		if view.Closed {
			fmt.Fprintln(w, "Closed.")
		}
		if view.Left {
			fmt.Fprintln(w, "Left.")
		}
		fmt.Fprintln(w)
	}
}

func (m sessionMember) label() string {
	if !m.Known {
		return "(Unknown contact)"
	}
	return keyring.EscapeName(m.Name)
}
