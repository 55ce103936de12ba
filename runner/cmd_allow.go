package runner

import (
	"errors"
	"fmt"
	"time"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/access"
)

type allowCommand struct {
	File   string `arg:"" optional:"" placeholder:"FILE" help:"The ceremony file."`
	Dir    string `placeholder:"DIR" help:"Folder of the credentials and outputs, as for run."`
	List   bool   `xor:"allow" help:"List what was allowed."`
	Revoke bool   `xor:"allow" help:"Forget what was allowed to the file."`
	jsonFlag
}

// Run shows what a ceremony file asks for beyond its folder, and remembers that it may, as long as
// neither the file nor the program that it starts changes.
func (c *allowCommand) Run(e *Env) error {
	store, err := access.UserStore()
	if err != nil {
		return failf(ExitStorage, "%w", err)
	}
	switch {
	case c.List && c.File != "":
		return failf(ExitUsage, "--list takes no file: it lists what was allowed to all")
	case c.List:
		return c.list(e, store)
	case c.File == "":
		return failf(ExitUsage, "no ceremony file is named").hint("frostkit allow FILE, or frostkit allow --list")
	case c.Revoke:
		return c.revoke(e, store)
	}
	return c.allow(e, store)
}

func (c *allowCommand) allow(e *Env, store access.Store) error {
	content, err := ceremony.Read(c.File)
	if err != nil {
		return classify(err).hint("name a ceremony file that is there")
	}
	file, err := ceremony.Parse(c.File, content, ceremony.Environment(e.variable))
	if err != nil {
		return err
	}
	asks := access.Open(file, c.Dir, nil).Asks()
	if len(asks) > 0 {
		if err := store.Allow(c.File, content, asks, time.Now()); err != nil {
			return failf(ExitStorage, "remembering what %q may do: %w", c.File, err)
		}
	}
	if c.JSON {
		return e.writeJSON(map[string]any{"file": c.File, "asks": append([]access.Ask{}, asks...)})
	}
	if len(asks) == 0 {
		fmt.Fprintf(e.Stdout, "%s asks for nothing that would have to be allowed\n", keyring.EscapeName(c.File))
		return nil
	}
	fmt.Fprintf(e.Stdout, "%s may do this, until it or a program that it starts changes:\n", keyring.EscapeName(c.File))
	writeAsks(e, asks)
	e.say("To take it back: %s", shell("frostkit", "allow", "--revoke", c.File))
	return nil
}

func writeAsks(e *Env, asks []access.Ask) {
	for _, ask := range asks {
		fmt.Fprintf(e.Stdout, "  %s\n", shown.Escape(fmt.Sprint(ask)))
	}
}

func (c *allowCommand) list(e *Env, store access.Store) error {
	grants, err := store.List()
	if err != nil {
		return failf(ExitStorage, "listing what was allowed: %w", err)
	}
	if c.JSON {
		return e.writeJSON(append([]access.Grant{}, grants...))
	}
	for _, g := range grants {
		state := ""
		if g.Changed() {
			state = ", changed since: it is asked for again"
		}
		fmt.Fprintf(e.Stdout, "%s (allowed %s%s)\n", keyring.EscapeName(g.File), g.Allowed.Format(time.DateTime), state)
		writeAsks(e, g.Asks)
	}
	return nil
}

func (c *allowCommand) revoke(e *Env, store access.Store) error {
	found, err := store.Revoke(c.File)
	if err != nil {
		return failf(ExitStorage, "forgetting what %q may do: %w", c.File, err)
	}
	if !found {
		return &Failure{Code: ExitInput, Err: errors.New("nothing was allowed to " + fmt.Sprintf("%q", c.File)), Hint: "frostkit allow --list shows what was"}
	}
	e.say("%s may do nothing beyond its folder any more.", keyring.EscapeName(c.File))
	return nil
}
