package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/runner/protocol"
)

const (
	// commandGrace is how long what a killed command has started may hold its
	// output open.
	commandGrace = time.Second
	// maxComplaint is how much of a command's standard error is kept, in bytes.
	maxComplaint = 64 << 10
)

// commandApproves asks a member's command whether to sign. The command gets the
// message on standard input and agrees by exiting with 0.
func (r *run) commandApproves(ctx context.Context, m ceremony.Member, review protocol.Review) error {
	if err := r.gate.MayStart(m); err != nil {
		return err
	}
	limit := r.file.Timeouts.Approve
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	command := exec.CommandContext(limited, r.gate.Program(m), m.Approve.Command[1:]...)
	complaint := &tail{limit: maxComplaint}
	command.Dir, command.Env, command.WaitDelay = r.gate.ProgramFolder(m), r.commandEnvironment(m, review), commandGrace
	command.Stdin, command.Stderr = bytes.NewReader(review.Messages[0]), complaint
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case limited.Err() != nil:
		return fmt.Errorf("the approval command %q gave no answer within %s", m.Approve.Command[0], limit)
	case !errors.As(err, &exit):
		return fmt.Errorf("running the approval command %q: %w", m.Approve.Command[0], err)
	}
	if line := complaint.lastLine(); line != "" {
		return errors.New(keyring.EscapeName(line))
	}
	return fmt.Errorf("the approval command %q ended with %s", m.Approve.Command[0], exit)
}

// commandEnvironment is the whole environment of an approval command.
func (r *run) commandEnvironment(m ceremony.Member, review protocol.Review) []string {
	var env []string
	for _, name := range ceremony.Inherited() {
		if value := r.env.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	signers := make([]string, len(review.Signers))
	for i, s := range review.Signers {
		signers[i] = s.String()
	}
	message := review.Messages[0]
	return append(env,
		"FROSTKIT_CEREMONY="+r.file.Name,
		"FROSTKIT_MEMBER="+m.Name,
		"FROSTKIT_GROUP="+review.VerifyingKey.String(),
		"FROSTKIT_COORDINATOR="+review.Coordinator.String(),
		"FROSTKIT_SIGNERS="+strings.Join(signers, ","),
		"FROSTKIT_NEED="+strconv.Itoa(review.Need),
		"FROSTKIT_SIZE="+strconv.Itoa(len(message)),
		"FROSTKIT_SHA256="+digestOf(message),
	)
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int // bytes
	kept  []byte
}

// Write keeps the last bytes.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

// lastLine returns the last line with something in it.
func (t *tail) lastLine() string {
	lines := strings.Split(strings.TrimSpace(strings.ToValidUTF8(string(t.kept), "�")), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
