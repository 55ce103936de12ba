package runner

import (
	"fmt"
	"time"

	"frostkit/ceremony"
)

type validateCommand struct {
	File string `arg:"" placeholder:"FILE" help:"The ceremony file."`
	jsonFlag
}

// Run lists every problem of the file.
func (c *validateCommand) Run(e *Env) error {
	file, err := ceremony.Load(c.File)
	if err == nil {
		err = checkContacts(file)
	}
	if c.JSON {
		return c.writeJSON(e, err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(e.Stdout, "%s: %s is valid: %d of %d members, ceremony digest %x\n",
		c.File, file.Name, file.Threshold, len(file.Members), file.Digest())
	return nil
}

func (c *validateCommand) writeJSON(e *Env, err error) error {
	problems := ceremony.Problems{}
	if err != nil && !asProblems(err, &problems) {
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
	As   string `placeholder:"MEMBER" help:"Only this member's part; the others are run elsewhere."`
	Dir  string `placeholder:"DIR" help:"Folder of the credentials and outputs; by default the ceremony file's."`
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
		return e.writeJSON(plan)
	}
	fmt.Fprint(e.Stdout, plan.Text())
	return nil
}

type runCommand struct {
	ceremonyFlags
	waitFlag
	timeoutFlag
	Yes    bool          `help:"Sign the messages that the file names, exactly as they are, without asking. Everything else is refused."`
	Linger time.Duration `default:"5s" help:"How long to keep a session open at a relay that drops what is not yet delivered (${default})."`
}

// Run carries out what is not yet done.
func (c *runCommand) Run(e *Env) error {
	s, err := e.openScene(c.ceremonyFlags)
	if err != nil {
		return err
	}
	r := &run{scene: s, options: c, display: newDisplay(e)}
	defer r.close()
	changed, err := r.perform(e.Context)
	if err != nil {
		return err
	}
	return r.summary(changed)
}
