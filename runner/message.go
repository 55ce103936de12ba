package runner

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"strings"

	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/byhand"
	"frostkit/runner/input"
)

// toSign reads what is to be signed, with the package under whose key. It refuses
// when a signature of something else would be replaced.
func (c *coordinatorCommand) toSign(e *Env, group *keyring.Group) (*frost.PublicKeyPackage, [][]byte, error) {
	pub, err := group.PublicKeyPackage()
	if err != nil {
		return nil, nil, err
	}
	messages, err := c.messages(e)
	if err != nil {
		return nil, nil, err
	}
	return pub, messages, c.spare(e, pub.VerifyingKey(), messages)
}

// messages reads the files, and those that are typed or piped in. One alone ends
// with the input. Of several, and where the input may go on (frost-client's users
// may keep it open, and blocks are pasted into it), each is a line.
func (c *coordinatorCommand) messages(e *Env) ([][]byte, error) {
	names := c.Message
	if len(names) == 0 {
		names = []string{""}
	}
	typed := 0
	for _, name := range names {
		if isStdin(name) {
			typed++
		}
	}
	_, byKeyboard := terminal(e.Stdin)
	whole := typed == 1 && e.called == frostkit && !c.byPaste() && !byKeyboard
	messages := make([][]byte, len(names))
	for i, name := range names {
		var err error
		if messages[i], err = e.readMessage(name, whole); err != nil {
			return nil, err
		}
	}
	if typed > 0 && !c.byPaste() && len(bytes.TrimSpace(e.input().Pending())) > 0 {
		return nil, failf(ExitInput, "reading the message from standard input: more follows the line that it is").
			hint("pass a file with -m FILE, or the message in one line: xxd -p -c0 FILE | %s coordinator -m - …", e.called)
	}
	return messages, nil
}

// isStdin reports whether a message's name stands for standard input.
func isStdin(name string) bool { return name == "" || name == "-" }

func (e *Env) readMessage(name string, whole bool) ([]byte, error) {
	if isStdin(name) {
		return e.readHex(whole)
	}
	e.say("Reading message from %s...", name)
	message, err := os.ReadFile(name)
	if err != nil {
		return nil, failf(ExitInput, "reading the message: %w", err)
	}
	return message, nil
}

// readHex reads a message in hexadecimal, from a line or from all of the input. An
// empty one is more likely a mistake than meant.
func (e *Env) readHex(whole bool) ([]byte, error) {
	text, err := e.ask(e.Context, "The message to be signed (hex encoded)")
	if err == nil && whole {
		var rest []byte
		rest, err = e.input().All(e.Context)
		text += string(rest)
	}
	if err != nil && !errors.Is(err, input.ErrEnded) {
		return nil, failf(ExitInput, "reading the message from standard input: %w", err)
	}
	if cut := e.cutLine(); cut > 0 && len(text) >= cut {
		return nil, failf(ExitInput, "reading the message from standard input: %w", byhand.ErrCut).hint("pass a file with -m FILE")
	}
	message, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	switch {
	case err != nil:
		return nil, failf(ExitInput, "reading the message from standard input: it is not hexadecimal").
			hint("pass a file with -m FILE, or pipe: xxd -p -c0 FILE | %s coordinator -m - …", e.called)
	case len(message) == 0:
		return nil, failf(ExitInput, "reading the message from standard input: it is empty").
			hint("pass a file with -m FILE; an empty one is signed as well")
	}
	e.say("Read a message of %d bytes, SHA-256 %s", len(message), digestOf(message))
	return message, nil
}
