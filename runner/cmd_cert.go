package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"time"

	"frostkit/relay/localca"
)

// certCommands are mkcert's uses as subcommands.
type certCommands struct {
	Install   certInstallCommand   `cmd:"" help:"Make the local CA where there is none, and add it to the system's trust stores. This and uninstall are the only commands that change the system."`
	Uninstall certUninstallCommand `cmd:"" help:"Take the local CA out of the system's trust stores. Its files stay."`
	Make      certMakeCommand      `cmd:"" help:"Make a certificate for names and addresses, signed by the local CA."`
}

type certInstallCommand struct{}

// Run adds the local CA to the trust stores of the system and of its browsers.
func (c *certInstallCommand) Run(e *Env) error {
	ca, err := e.localCA()
	if err != nil {
		return err
	}
	if err := ca.Valid(time.Now()); err != nil {
		return cannotIssue("installing the local CA", ExitInput, err)
	}
	if err := ca.Install(); err != nil {
		return failf(ExitStorage, "installing the local CA: %w", err).
			hint("frostkit itself needs no installation: its commands trust the local CA as it is")
	}
	e.say("The local CA is now installed in the system trust store! ⚡️")
	return nil
}

type certUninstallCommand struct{}

// Run undoes certInstallCommand, and makes no CA to do so.
func (c *certUninstallCommand) Run(e *Env) error {
	dir, err := caRoot()
	if err != nil {
		return err
	}
	found, err := localca.Certificates(dir)
	if err == nil && len(found) == 0 {
		return failf(ExitInput, "uninstalling the local CA: there is none in %q", dir).hint("set CAROOT to its folder")
	}
	ca, err := e.localCA()
	if err != nil {
		return err
	}
	if err := ca.Uninstall(); err != nil {
		return failf(ExitStorage, "uninstalling the local CA: %w", err)
	}
	e.say("The local CA is now uninstalled from the system trust store(s)! 👋")
	return nil
}

func caRoot() (string, error) {
	dir, err := localca.Root()
	if err != nil {
		return "", failf(ExitStorage, "finding the local CA's folder: %w", err).hint("set CAROOT")
	}
	return dir, nil
}

// localCA opens the CA in CAROOT and makes one where there is none.
func (e *Env) localCA() (*localca.CA, error) {
	dir, err := caRoot()
	if err != nil {
		return nil, err
	}
	ca, created, err := localca.LoadOrCreate(e.Context, dir)
	if err != nil {
		return nil, failf(ExitStorage, "opening the local CA in %q: %w", dir, err)
	}
	if created {
		e.say("Created a new local CA 💥")
	}
	return ca, nil
}

// cannotIssue is the failure of what the local CA was needed for. Where it has expired a new one is needed.
func cannotIssue(what string, code int, err error) *Failure {
	var expired *localca.ExpiredError
	dir, noDir := localca.Root()
	if !errors.As(err, &expired) || expired.NotYet || noDir != nil {
		return failf(code, "%s: %w", what, err)
	}
	return failf(ExitInput, "%s: %w", what, err).
		hint("move rootCA.pem and rootCA-key.pem out of %q, then run frostkit cert install, which makes a new one", dir)
}

// pairFlags say where a certificate and its key go.
type pairFlags struct {
	CertFile string `placeholder:"FILE" help:"Where to write the certificate; by default a file named after the names, in the current folder."`
	KeyFile  string `placeholder:"FILE" help:"Where to write its private key; likewise. One file may take both."`
}

type certMakeCommand struct {
	Names []string `arg:"" help:"Host names, addresses, e-mail addresses or URLs."`
	pairFlags
	jsonFlag
}

// Run writes the certificate and its key.
func (c *certMakeCommand) Run(e *Env) error {
	ca, err := e.localCA()
	if err != nil {
		return err
	}
	pair, err := ca.MakeAt(c.CertFile, c.KeyFile, c.Names...)
	if err != nil {
		return cannotIssue("making a certificate", ExitInput, err)
	}
	if c.JSON {
		return e.writeJSON(map[string]any{
			"certificate": pair.CertFile, "key": pair.KeyFile, "names": pair.Names,
			"not_after": pair.Certificate.NotAfter,
		})
	}
	c.writePair(e.talk(), pair)
	if e.called == frostkit {
		fmt.Fprintf(e.Stdout, "%s\n%s\n", pair.CertFile, pair.KeyFile)
	}
	return nil
}

// writePair says what was made, in mkcert's words.
func (c *certMakeCommand) writePair(w io.Writer, pair *localca.Pair) {
	fmt.Fprint(w, "\nCreated a new certificate valid for the following names 📜\n")
	for _, name := range pair.Names {
		fmt.Fprintf(w, " - %q\n", name)
	}
	certFile, keyFile := cmp.Or(c.CertFile, "./"+pair.CertFile), cmp.Or(c.KeyFile, "./"+pair.KeyFile)
	if certFile == keyFile {
		fmt.Fprintf(w, "\nThe certificate and key are at %q ✅\n\n", certFile)
	} else {
		fmt.Fprintf(w, "\nThe certificate is at %q and the key at %q ✅\n\n", certFile, keyFile)
	}
	fmt.Fprintf(w, "It will expire on %s 🗓\n\n", pair.Certificate.NotAfter.Format("2 January 2006"))
}

// mkcertCommand is the command line of mkcert itself.
type mkcertCommand struct {
	Install   bool     `xor:"action" help:"Install the local CA in the system trust store."`
	Uninstall bool     `xor:"action" help:"Uninstall the local CA. Its files stay."`
	CARoot    bool     `name:"caroot" xor:"action" help:"Print the local CA's folder."`
	Names     []string `arg:"" optional:"" help:"Host names, addresses, e-mail addresses or URLs."`
	pairFlags
}

// Run does what mkcert does with the same flags.
func (c *mkcertCommand) Run(e *Env) error {
	switch {
	case c.CARoot:
		dir, err := caRoot()
		if err == nil {
			fmt.Fprintln(e.Stdout, dir)
		}
		return err
	case c.Uninstall: // whatever names there are
		return (&certUninstallCommand{}).Run(e)
	case c.Install:
		if err := (&certInstallCommand{}).Run(e); err != nil || len(c.Names) == 0 {
			return err
		}
	case len(c.Names) == 0:
		return failf(ExitUsage, "nothing to do: no names").hint("mkcert localhost 127.0.0.1 ::1")
	}
	return (&certMakeCommand{Names: c.Names, pairFlags: c.pairFlags}).Run(e)
}
