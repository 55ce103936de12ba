package runner

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	"frostkit/keyring"
	"frostkit/runner/protocol"
)

// reviewedMessage is what is shown of a message before it is signed.
type reviewedMessage struct {
	Size   int    `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex
	Text   string `json:"text,omitempty"`
	Hex    string `json:"hex"`
}

func reviewMessages(messages [][]byte) []reviewedMessage {
	out := make([]reviewedMessage, len(messages))
	for i, message := range messages {
		out[i] = reviewedMessage{Size: len(message), SHA256: digestOf(message), Hex: hex.EncodeToString(message)}
		if isText(message) {
			out[i].Text = string(message)
		}
	}
	return out
}

// isText reports whether a message is text that shows all that is in it:
// UTF-8 of printable characters, spaces, tabs and line ends.
func isText(message []byte) bool {
	if !utf8.Valid(message) {
		return false
	}
	for _, r := range string(message) {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return false
		}
	}
	return len(message) > 0
}

// approve shows what is to be signed and asks, at a terminal until there is an
// answer. Elsewhere all but a yes or a no fails with [protocol.ErrUnanswered].
func (e *Env) approve(ctx context.Context, r protocol.Review) error {
	e.showReview(e.questions(), r)
	for {
		answer, err := e.askAnew(ctx, "Do you want to sign it? (y/n)")
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("%w: reading the answer: %w", protocol.ErrUnanswered, err)
		}
		switch strings.ToLower(answer) {
		case "y", "yes":
			return nil
		case "n", "no":
			return errAnsweredNo
		}
		if _, again := terminal(e.Stdin); !again {
			return fmt.Errorf("%w: %.40q is neither y nor n", protocol.ErrUnanswered, answer)
		}
	}
}

// askWhy asks somebody at a terminal for the reason of a refusal, which may be none. Elsewhere the next line may be
// meant for another question.
func (e *Env) askWhy(ctx context.Context) error {
	if _, keyboard := terminal(e.Stdin); !keyboard {
		return errAnsweredNo
	}
	reason, err := e.askAnew(ctx, "Why not? One line, which the coordinator is told; or nothing.")
	if err != nil || reason == "" {
		return errAnsweredNo
	}
	return errors.New(keyring.EscapeName(reason))
}

// canAnswer fails where it is known beforehand that nobody will answer a question.
func (e *Env) canAnswer() error {
	in, isFile := e.Stdin.(*os.File)
	if !isFile {
		return nil
	}
	given, err := in.Stat()
	if err != nil {
		return nil // which asking will find out
	}
	if nothing, err := os.Stat(os.DevNull); err == nil && os.SameFile(given, nothing) {
		return fmt.Errorf("%w, as nobody can be asked: standard input is %s", protocol.ErrUnanswered, os.DevNull)
	}
	return nil
}

// errAnsweredNo is the reason of who was asked.
var errAnsweredNo = errors.New("the answer was no")

// showReview shows everything that is signed, and all that came with it. What is
// text is shown in hexadecimal only where users of other tools look for that.
func (e *Env) showReview(w io.Writer, r protocol.Review) {
	for i, message := range reviewMessages(r.Messages) {
		if len(r.Messages) > 1 {
			fmt.Fprintf(w, "Message %d of %d:\n", i+1, len(r.Messages))
		}
		if e.called != frostkit || message.Text == "" {
			fmt.Fprintf(w, "Message to be signed (hex-encoded):\n%s\n", message.Hex)
		}
		showMessage(w, r.Messages[i])
	}
	if len(r.Aux) > 0 {
		fmt.Fprintf(w, "Auxiliary data (hex-encoded), which is not signed:\n%x\n", r.Aux)
	}
	fmt.Fprintf(w, "Group %s, coordinator %s, signers %s\n", r.VerifyingKey, keyring.EscapeName(r.Coordinator.String()), signersText(r))
}

// signersText says who signs or, where the first who answer do, how many of whom.
func signersText(r protocol.Review) string {
	if r.Need < len(r.Signers) {
		return fmt.Sprintf("any %d of %s", r.Need, memberNames(r.Signers))
	}
	return memberNames(r.Signers)
}

// showMessage shows a message as text where it is, and its size and digest.
// Nothing of it acts on the terminal or hides there, and its lines are marked:
// none of them can be taken for what is said about it.
func showMessage(w io.Writer, message []byte) {
	showText(w, message)
	fmt.Fprintf(w, "%d bytes, SHA-256 %s\n", len(message), digestOf(message))
}

func showText(w io.Writer, message []byte) {
	switch {
	case isText(message):
		fmt.Fprintln(w, "Message to be signed (text):")
		showLines(w, message)
	case len(message) == 0:
		fmt.Fprintln(w, "The message is empty.")
	case utf8.Valid(message) && !bytes.ContainsRune(message, 0):
		fmt.Fprintln(w, "Message to be signed (text, what does not print is escaped):")
		showLines(w, message)
	default:
		fmt.Fprintln(w, "The message is not text, but binary.")
	}
}

func showLines(w io.Writer, message []byte) {
	for line := range strings.SplitSeq(strings.TrimSuffix(string(message), "\n"), "\n") {
		if !isText([]byte(line)) {
			line = keyring.EscapeName(line)
		}
		fmt.Fprintln(w, strings.TrimSuffix("  | "+line, " "))
	}
}

func memberNames(members []protocol.Member) string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = keyring.EscapeName(m.String())
	}
	return strings.Join(names, ", ")
}
