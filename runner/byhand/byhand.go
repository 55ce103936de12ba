// Package byhand is key generation and signing without a relay, as the
// stand-alone programs of frost-tools (trusted-dealer, dkg, coordinator and
// participant) do it: people carry each package themselves, as a line of JSON,
// or signers connect to their coordinator by TCP. Words, files and frames are
// those programs' own, so that a member may use either.
//
// Nothing here is encrypted or authenticated: whoever carries a round 2 package
// sees a share of its receiver, and whoever connects may claim to be a signer.
// It serves to try things out and to see what happens in each round.
package byhand

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"frostkit/frost"
	"frostkit/internal/durable"
	"frostkit/runner/input"
)

// Console is where a person reads and types.
type Console struct {
	In  *input.Lines
	Out io.Writer // questions and packages
	Log io.Writer // what happened
}

func (c *Console) say(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }

func (c *Console) log(format string, args ...any) { fmt.Fprintf(c.Log, format+"\n", args...) }

// ask prints a question and reads the answer, without the white space around it.
func (c *Console) ask(ctx context.Context, question string) (string, error) {
	answer, err := c.In.Ask(ctx, func() { c.say("%s", question) })
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(answer), nil
}

// number asks for a whole number from low to 65,535.
func (c *Console) number(ctx context.Context, question string, low int) (int, error) {
	text, err := c.ask(ctx, question)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || int(n) < low {
		return 0, fmt.Errorf("%q is no number from %d to 65535", text, low)
	}
	return int(n), nil
}

// identifier asks for an identifier in hexadecimal.
func (c *Console) identifier(ctx context.Context, cs frost.Ciphersuite, question string) (frost.Identifier, error) {
	text, err := c.ask(ctx, question)
	if err != nil {
		return frost.Identifier{}, err
	}
	return frost.ParseIdentifier(cs, text)
}

// read returns a file's content, or, where there is no such file, what is
// pasted.
func (c *Console) read(ctx context.Context, what, path string) ([]byte, error) {
	if path != "-" {
		data, err := os.ReadFile(path)
		if !errors.Is(err, os.ErrNotExist) {
			c.say("Reading %s from %s", what, path)
			return data, err
		}
		c.say("File not found: %s\nWill read from stdin", path)
	}
	text, err := c.ask(ctx, "Paste the "+what+": ")
	return []byte(text), err
}

// write writes a file as a whole, or a line where path is "-".
func (c *Console) write(path string, data []byte, mode os.FileMode) error {
	if path == "-" {
		_, err := fmt.Fprintf(c.Out, "%s\n", data)
		return err
	}
	return durable.WriteFile(path, data, mode)
}

// checkSizes refuses what no group has.
func checkSizes(threshold, members int) error {
	switch {
	case threshold < 2:
		return fmt.Errorf("threshold %d is below 2", threshold)
	case threshold > members:
		return fmt.Errorf("threshold %d exceeds the %d members", threshold, members)
	}
	return nil
}

func quoted(id frost.Identifier) string { return `"` + id.String() + `"` }
