package runner

import (
	"fmt"
	"io"

	"frostkit/relay/localca"
)

// certCommands are mkcert's two uses as subcommands.
type certCommands struct {
	Install certInstallCommand `cmd:"" help:"Make the local CA where there is none, and add it to the system's trust stores. The only command that changes the system."`
	Make    certMakeCommand    `cmd:"" help:"Make a certificate for names and addresses, signed by the local CA."`
}

type certInstallCommand struct{}

// Run adds the local CA to the trust stores of the system and of its browsers.
func (c *certInstallCommand) Run(e *Env) error {
	ca, err := e.localCA()
	if err != nil {
		return err
	}
	if err := ca.Install(); err != nil {
		return failf(ExitStorage, "installing the local CA: %w", err).
			hint("frostkit itself needs no installation: its commands trust the local CA as it is")
	}
	e.say("The local CA is now installed in the system trust store! ⚡️")
	return nil
}

// localCA opens the CA in CAROOT and makes one where there is none.
func (e *Env) localCA() (*localca.CA, error) {
	dir, err := localca.Root()
	if err != nil {
		return nil, failf(ExitStorage, "finding the local CA's folder: %w", err).hint("set CAROOT")
	}
	ca, created, err := localca.LoadOrCreate(dir)
	if err != nil {
		return nil, failf(ExitStorage, "opening the local CA in %q: %w", dir, err)
	}
	if created {
		e.say("Created a new local CA 💥")
	}
	return ca, nil
}

type certMakeCommand struct {
	Names []string `arg:"" help:"Host names, addresses, e-mail addresses or URLs."`
	jsonFlag
}

// Run writes the certificate and its key into the current folder.
func (c *certMakeCommand) Run(e *Env) error {
	ca, err := e.localCA()
	if err != nil {
		return err
	}
	pair, err := ca.Make(".", c.Names...)
	if err != nil {
		return failf(ExitInput, "making a certificate: %w", err)
	}
	if c.JSON {
		return e.writeJSON(map[string]any{
			"certificate": pair.CertFile, "key": pair.KeyFile, "names": pair.Names,
			"not_after": pair.Certificate.NotAfter,
		})
	}
	writePair(e.Stderr, pair)
	if e.called == frostkit {
		fmt.Fprintf(e.Stdout, "%s\n%s\n", pair.CertFile, pair.KeyFile)
	}
	return nil
}

func writePair(w io.Writer, pair *localca.Pair) {
	fmt.Fprint(w, "\nCreated a new certificate valid for the following names 📜\n")
	for _, name := range pair.Names {
		fmt.Fprintf(w, " - %q\n", name)
	}
	fmt.Fprintf(w, "\nThe certificate is at \"./%s\" and the key at \"./%s\" ✅\n\n", pair.CertFile, pair.KeyFile)
	fmt.Fprintf(w, "It will expire on %s 🗓\n\n", pair.Certificate.NotAfter.Format("2 January 2006"))
}

// mkcertCommand is the command line of mkcert itself.
type mkcertCommand struct {
	Install bool     `help:"Install the local CA in the system trust store."`
	CARoot  bool     `name:"caroot" help:"Print the local CA's folder."`
	Names   []string `arg:"" optional:"" help:"Host names, addresses, e-mail addresses or URLs."`
}

// Run does what mkcert does with the same flags.
func (c *mkcertCommand) Run(e *Env) error {
	if c.CARoot {
		dir, err := localca.Root()
		if err != nil {
			return failf(ExitStorage, "finding the local CA's folder: %w", err)
		}
		fmt.Fprintln(e.Stdout, dir)
		return nil
	}
	if c.Install {
		if err := (&certInstallCommand{}).Run(e); err != nil {
			return err
		}
	}
	if len(c.Names) > 0 {
		return (&certMakeCommand{Names: c.Names}).Run(e)
	}
	if !c.Install {
		return failf(ExitUsage, "nothing to do: no names").hint("mkcert localhost 127.0.0.1 ::1")
	}
	return nil
}
