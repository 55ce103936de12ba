package runner

import (
	"errors"
	"fmt"
	"time"

	"frostkit/ceremony"
	"frostkit/internal/shown"
)

type validateCommand struct {
	File string `arg:"" placeholder:"FILE" help:"The ceremony file."`
	localFlag
	jsonFlag
}

// Run lists every problem of the file.
func (c *validateCommand) Run(e *Env) error {
	file, _, err := e.loadCeremony(c.File, c.localFlag)
	if c.JSON {
		return c.writeJSON(e, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s is valid: %s, ceremony digest %x\n", shown.Escape(c.File), file.Name, groupsText(file), file.Digest())
	return nil
}

func groupsText(file *ceremony.File) string {
	if n := len(file.Groups); n > 1 {
		return fmt.Sprintf("%d groups of %d members", n, len(file.Members))
	}
	return fmt.Sprintf("%d of %d members", file.Groups[0].Threshold, len(file.Groups[0].Members))
}

func (c *validateCommand) writeJSON(e *Env, err error) error {
	problems := ceremony.Problems{}
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if writeErr := e.writeJSON(map[string]any{"valid": err == nil, "problems": problems}); writeErr != nil {
		return writeErr
	}
	if err != nil {
		return &Failure{Code: ExitInput, Err: fmt.Errorf("%w: %w", errReported, err)}
	}
	return nil
}

// ceremonyFlags say which ceremony, whose part of it, and where its files are.
type ceremonyFlags struct {
	File string `arg:"" placeholder:"FILE" help:"The ceremony file."`
	As   string `placeholder:"MEMBER" xor:"part" help:"Only this member's part; the others are run elsewhere."`
	All  bool   `xor:"part" help:"Make keys for all members without a contact in the file, to be run here over the file's relay."`
	Dir  string `placeholder:"DIR" help:"Folder of the credentials and outputs; by default the ceremony file's."`
	localFlag
	jsonFlag
}

type planCommand struct{ ceremonyFlags }

// Run prints what a run would do, and does nothing.
func (c *planCommand) Run(e *Env) error {
	s, err := e.openScene(c.ceremonyFlags)
	if err != nil {
		return err
	}
	plan, err := s.plan()
	if err != nil {
		return err
	}
	if c.JSON {
		return errors.Join(e.writeJSON(plan), s.stopped(plan))
	}
	fmt.Fprint(e.Stdout, shown.Text(plan.Text()))
	return s.stopped(plan)
}

type runCommand struct {
	ceremonyFlags
	Wait     *time.Duration `placeholder:"DURATION" help:"How long to wait for a session to be opened, instead of what the file's timeouts say (10m)."`
	Timeout  *time.Duration `placeholder:"DURATION" help:"How long to wait for the other members once a session is open, instead of what the file's timeouts say (1h)."`
	Yes      bool           `xor:"answer" help:"Sign the messages that the file names, exactly as they are, without asking. Everything else is refused."`
	NewGroup []string       `placeholder:"NAME" help:"Make a second key for this group though it has one, which stays; a group without a name is called group."`
	Linger   time.Duration  `default:"5s" help:"How long to keep a session open at a relay that drops what is not yet delivered (${default})."`
	declineFlags
	eventsFlag
}

// Run carries out what is not yet done.
func (c *runCommand) Run(e *Env) error {
	if err := c.check(); err != nil {
		return err
	}
	s, err := e.openScene(c.ceremonyFlags)
	if err != nil {
		return err
	}
	r := &run{scene: s, options: c, display: newDisplay(e)}
	defer r.close()
	if err := r.askNew(c.NewGroup); err != nil {
		return err
	}
	for _, m := range r.here {
		e.saveUnsaved(r.credentials(m))
	}
	rec, err := r.openRecord()
	if err != nil {
		return err
	}
	changed, err := r.perform(e.Context)
	r.finished = err == nil
	r.missed(err)
	if err == nil || len(r.refused) > 0 || c.JSON && len(r.missing) > 0 {
		err = errors.Join(err, r.summary(changed))
	}
	return r.conclude(rec, changed, err)
}

// schemaCommand prints what editors check ceremony files by.
type schemaCommand struct {
	Local bool `help:"The schema of your own values, which --local names elsewhere."`
}

// Run prints the JSON Schema.
func (c *schemaCommand) Run(e *Env) error {
	schema := ceremony.Schema()
	if c.Local {
		schema = ceremony.LocalSchema()
	}
	_, err := e.Stdout.Write(schema)
	return err
}
