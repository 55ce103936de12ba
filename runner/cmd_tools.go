package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"frostkit/frost"
	"frostkit/keyring"
)

type getCommand struct {
	File string `short:"f" placeholder:"FILE" help:"The TOML file; standard input by default."`
	Raw  bool   `short:"r" help:"Print a string as it is, without quotes."`
	Path string `arg:"" help:"The value's path, as in communication_key.pubkey."`
	jsonFlag
}

func (c *getCommand) Run(e *Env) error {
	data, err := c.read(e)
	if err != nil {
		return failf(ExitInput, "reading the TOML file: %w", err)
	}
	value, err := keyring.Get(data, c.Path)
	if err != nil {
		return asInput(err, fmt.Sprintf("reading %q", c.Path))
	}
	text := value.TOML()
	switch {
	case c.JSON:
		text = string(value.JSON())
	case c.Raw:
		text = value.Raw()
	}
	fmt.Fprintln(e.Stdout, text)
	return nil
}

func (c *getCommand) read(e *Env) ([]byte, error) {
	if c.File == "" || c.File == "-" {
		return e.input().All(e.Context)
	}
	return os.ReadFile(c.File)
}

type showCommands struct {
	Group   showGroupCommand   `cmd:"" help:"Show a group of a credentials file."`
	Package showPackageCommand `cmd:"" help:"Show a public key package, from a credentials file or a JSON file."`
}

type showGroupCommand struct {
	Group string `arg:"" optional:"" help:"The group: its public key, a prefix of it, or its description."`
	configFlag
	jsonFlag
}

func (c *showGroupCommand) Run(e *Env) error {
	k, err := c.load(e)
	if err != nil {
		return err
	}
	defer k.Destroy()
	group, err := oneGroup(k, c.Group)
	if err != nil {
		return err
	}
	view := viewGroup(k, group)
	if c.JSON {
		return e.writeJSON(view)
	}
	view.write(e.Stdout)
	return nil
}

type showPackageCommand struct {
	Group            string `arg:"" optional:"" help:"The group: its public key, a prefix of it, or its description."`
	PublicKeyPackage string `short:"P" placeholder:"FILE" help:"Public key package as JSON, instead of a group's."`
	configFlag
	JSON bool `name:"json" help:"Print the JSON that other FROST tools read (public-key-package.json)."`
}

func (c *showPackageCommand) Run(e *Env) error {
	pub, err := c.publicKeyPackage(e)
	if err != nil {
		return err
	}
	if c.JSON {
		fmt.Fprintf(e.Stdout, "%s\n", pub.EncodeJSON())
		return nil
	}
	fmt.Fprintf(e.Stdout, "Ciphersuite: %s\nVerifying key: %s\n", pub.Ciphersuite().ID(), pub.VerifyingKey())
	if t, known := pub.MinSigners(); known {
		fmt.Fprintf(e.Stdout, "Threshold: %d\n", t)
	}
	fmt.Fprintf(e.Stdout, "Verifying shares: %d\n", len(pub.Identifiers()))
	for _, id := range pub.Identifiers() {
		share, _ := pub.VerifyingShare(id)
		fmt.Fprintf(e.Stdout, "\t%s\t%s\n", id, share)
	}
	return nil
}

func (c *showPackageCommand) publicKeyPackage(e *Env) (*frost.PublicKeyPackage, error) {
	if c.PublicKeyPackage != "" {
		return readPublicKeyPackage(frost.Ed25519(), c.PublicKeyPackage)
	}
	k, err := c.load(e)
	if err != nil {
		return nil, err
	}
	defer k.Destroy()
	group, err := oneGroup(k, c.Group)
	if err != nil {
		return nil, err
	}
	return group.PublicKeyPackage()
}

type linkCommand struct {
	Dir string `arg:"" help:"The folder to make the links in."`
	jsonFlag
}

func (c *linkCommand) Run(e *Env) error {
	program, err := os.Executable()
	if err != nil {
		return failf(ExitStorage, "finding this program: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return failf(ExitStorage, "making the folder for the links: %w", err)
	}
	links := []string{}
	for _, name := range linked {
		path := filepath.Join(c.Dir, string(name))
		if err := link(program, path); err != nil {
			return err
		}
		links = append(links, path)
	}
	if c.JSON {
		return e.writeJSON(map[string]any{"program": program, "links": links})
	}
	for _, path := range links {
		fmt.Fprintln(e.Stdout, path)
	}
	return nil
}

// link makes path a symbolic link to program. It replaces a link, never a file.
func link(program, path string) error {
	info, err := os.Lstat(path)
	switch {
	case err == nil && info.Mode()&os.ModeSymlink == 0:
		return failf(ExitStorage, "linking %q: a file of that name is there", path).hint("choose an empty folder")
	case err == nil:
		if err := os.Remove(path); err != nil {
			return failf(ExitStorage, "replacing the link %q: %w", path, err)
		}
	case !errors.Is(err, os.ErrNotExist):
		return failf(ExitStorage, "linking %q: %w", path, err)
	}
	if err := os.Symlink(program, path); err != nil {
		return failf(ExitStorage, "linking %q: %w", path, err)
	}
	return nil
}
