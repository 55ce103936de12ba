package runner

import (
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

type dkgCommand struct {
	Description  string   `short:"d" required:"" placeholder:"TEXT" help:"What this member calls the group."`
	ServerURL    string   `short:"s" placeholder:"HOST:PORT" help:"The relay, which --transport relay needs."`
	Threshold    int      `short:"t" required:"" placeholder:"NUMBER" help:"How many members are needed to sign."`
	Participants []string `short:"S" placeholder:"MEMBER" help:"The other members: names, prefixes or public keys of contacts. Who gives them opens the session, unless another member already has."`
	Ciphersuite  string   `short:"C" default:"ed25519" help:"Ciphersuite (${default})."`
	Session      string   `placeholder:"ID" help:"Join this session, where several fit."`
	transportFlag
	waitFlag
	timeoutFlag
	Linger time.Duration `default:"5s" help:"How long the one who opened the session waits before closing it, at a relay that drops what is not yet delivered (${default})."`
	configFlag
	caFlag
	jsonFlag
	eventsFlag
}

// Run makes the group, stores it and prints its id.
func (c *dkgCommand) Run(e *Env) error {
	k, err := c.loadKeyed(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	members, err := c.members(k)
	if err != nil {
		return err
	}
	step := ceremony.Step{Kind: ceremony.DKG, Title: fmt.Sprintf("Make the group %q", c.Description)}
	part := single{command: "dkg", ring: k, members: namesOf(k, members), step: step}
	return c.stream(e, c.JSON, part, func(watch func(steps.Notice)) error {
		if c.byPaste() {
			return c.runByPaste(e, k, watch)
		}
		return c.runByRelay(e, k, watch)
	})
}

func (c *dkgCommand) runByRelay(e *Env, k *keyring.Keyring, watch func(steps.Notice)) error {
	step, err := c.step(e, k)
	if err != nil {
		return err
	}
	narrator := newNarrator(e.talk(), dkgWords, c.Timeout)
	step.Notify = both(narrator.notice, watch)
	saver := groupSaver{ctx: e.Context, credentials: keyring.At(files.At(k.Path())), description: c.Description, server: c.ServerURL}
	defer saver.close()
	if err := saver.prepare(max(len(step.Members), c.Threshold)); err != nil {
		return err
	}
	step.Prepare, step.Save = saver.prepare, saver.save
	err = step.Run(e.Context)
	narrator.finish(e.Context)
	if err != nil {
		return c.roll(e).remind(err)
	}
	e.say("Group created; information written to %s", k.Path())
	return c.printGroup(e, k, saver.made)
}

func (c *dkgCommand) step(e *Env, k *keyring.Keyring) (*steps.DKG, error) {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	if err != nil {
		return nil, &Failure{Code: ExitUsage, Err: err}
	}
	members, err := c.members(k)
	if err != nil {
		return nil, err
	}
	session, err := parseSession(c.Session)
	if err != nil {
		return nil, err
	}
	server, err := serverOf(c.ServerURL, nil)
	if err != nil {
		return nil, err
	}
	client, err := e.client(server, c.CA, k.Key(), 0)
	if err != nil {
		return nil, err
	}
	step := &steps.DKG{
		Session: e.session(k, client, nil), Key: k.Key(), Ciphersuite: cs,
		Threshold: c.Threshold, Members: members, Create: members != nil,
		Timeout: c.Timeout, Linger: c.Linger, Random: rand.Reader,
	}
	step.ID, step.Wait = session, c.Wait
	return step, nil
}

// members is everybody in the group when -S says so, and nil when the session
// will.
func (c *dkgCommand) members(k *keyring.Keyring) ([]commkey.PublicKey, error) {
	if c.Threshold < 2 {
		return nil, failf(ExitUsage, "threshold %d is below 2: with 1 every member could sign alone", c.Threshold)
	}
	if len(c.Participants) == 0 {
		return nil, nil
	}
	keys, err := findKeys(k, c.Participants)
	if err != nil {
		return nil, err
	}
	if own := k.Key().Public(); !slices.Contains(keys, own) {
		keys = append(keys, own)
	}
	if c.Threshold > len(keys) {
		return nil, failf(ExitUsage, "threshold %d exceeds the %d members", c.Threshold, len(keys)).
			hint("-S names the other members, all of them")
	}
	return keys, nil
}

func (c *dkgCommand) printGroup(e *Env, k *keyring.Keyring, group *keyring.Group) error {
	if c.JSON {
		return e.writeJSON(viewGroup(k, group))
	}
	if e.called == frostkit {
		fmt.Fprintln(e.Stdout, group.ID())
	}
	return nil
}

// parseSession reads a session's ID; no text stands for the zero one.
func parseSession(text string) (relay.SessionID, error) {
	if text == "" {
		return relay.SessionID{}, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return id, failf(ExitUsage, "session %q is no session id: %w", text, err).hint("frostkit sessions lists them")
	}
	return id, nil
}

// groupOf puts together what a member keeps of a group.
func groupOf(description, server string, key *frost.KeyPackage, pub *frost.PublicKeyPackage, members []protocol.Member) keyring.GroupConfig {
	config := keyring.GroupConfig{
		Description: description, ServerURL: server, KeyPackage: key, PublicKeyPackage: pub,
	}
	for _, m := range members {
		config.Participants = append(config.Participants, keyring.Participant{Identifier: m.Identifier, Key: m.Key})
	}
	return config
}
