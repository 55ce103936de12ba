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
	"strings"

	"frostkit/frost"
	"frostkit/internal/durable"
	"frostkit/runner/input"
)

// ErrCut is what asking fails with for a line as long as a terminal takes: more may have been typed.
var ErrCut = errors.New("the line is as long as a terminal takes, and its end may be missing")

// Console is where a person reads and types.
type Console struct {
	In  *input.Lines
	Out io.Writer // questions and packages
	Log io.Writer // what happened
	// Cut is the length from which on a line may have been cut by the terminal, in bytes; 0: none is.
	Cut int
}

func (c *Console) say(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }

func (c *Console) log(format string, args ...any) { fmt.Fprintf(c.Log, format+"\n", args...) }

// ask prints a question and reads the answer, without the white space around it.
func (c *Console) ask(ctx context.Context, question string) (string, error) {
	answer, err := c.In.Ask(ctx, func() { c.say("%s", question) })
	if err != nil {
		return "", err
	}
	if answer = strings.TrimSpace(answer); c.Cut > 0 && len(answer) >= c.Cut {
		return "", mistake{ErrCut}
	}
	return answer, nil
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
