package protocol

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"frostkit/commkey"
	"frostkit/frost"
)

// ErrDeclined is what [Participate] fails with when the member refused to sign.
var ErrDeclined = errors.New("declined to sign")

// ErrUnanswered is what an Approve fails with that got neither a yes nor a no. The signer ends, and
// tells nobody that the member declined: it can be run again.
var ErrUnanswered = errors.New("the question whether to sign was not answered")

// MissingError reports that the deadline passed while members had not sent what
// a phase needs. It matches [context.DeadlineExceeded].
type MissingError struct {
	// Phase is the phase that could not be completed.
	Phase string
	// Missing lists who had something outstanding in it.
	Missing []Member
	// Last is the latest phase of which anything came from a missing member. Who
	// has no entry was never heard of in this session.
	Last map[commkey.PublicKey]string
	// Dropped counts the messages that came in a missing member's name and could
	// not be used.
	Dropped map[commkey.PublicKey]int
}

// Error names who is missing, and what was last heard of each.
func (e *MissingError) Error() string {
	text := make([]string, len(e.Missing))
	for i, m := range e.Missing {
		text[i] = fmt.Sprintf("%s (%s)", m, e.LastSeen(m))
	}
	return fmt.Sprintf("waiting for %s: deadline passed without %s", e.Phase, strings.Join(text, ", "))
}

// LastSeen says what was last heard of a member.
func (e *MissingError) LastSeen(m Member) string {
	seen := "never seen in this session"
	if last := e.Last[m.Key]; last != "" {
		seen = "last sent: " + last
	}
	if n := e.Dropped[m.Key]; n > 0 {
		seen += fmt.Sprintf("; %d unusable messages in this name", n)
	}
	return seen
}

// Unwrap returns [context.DeadlineExceeded].
func (e *MissingError) Unwrap() error { return context.DeadlineExceeded }

// CulpritError reports misbehaviour that this member can prove to itself from
// authenticated messages. Where the proof does not tell one culprit from
// another, Culprits lists all of whom at least one is, and Check says so.
//
// frost-client's messages are authenticated by keys alone, not tied to a
// session: who controls the relay can replay a member's message of an older
// session in that member's name.
type CulpritError struct {
	// Phase is the phase of the message that gave it away.
	Phase string
	// Check says what failed, to be read after the culprits' names: "sent 4
	// commitments, threshold is 3".
	Check string
	// Culprits lists who did it.
	Culprits []Member
	// Evidence holds the messages that contradict each other, where they are
	// public.
	Evidence []Evidence
	// Err is the error of the check, where there is one.
	Err error
}

// Evidence is a public message of a [CulpritError].
type Evidence struct {
	// From is the member who sent the message.
	From Member
	// Payload is the message as it is encoded on the wire.
	Payload []byte
}

// Error names phase, culprits and check.
func (e *CulpritError) Error() string {
	return fmt.Sprintf("checking %s: %s %s", e.Phase, Names(e.Culprits), e.Check)
}

// Unwrap returns the error of the check.
func (e *CulpritError) Unwrap() error { return e.Err }

// Culprit returns the error about one member's message, with the error of the
// check, nil where there is none.
func Culprit(phase string, m Member, check string, err error) *CulpritError {
	return &CulpritError{Phase: phase, Check: check, Culprits: []Member{m}, Err: err}
}

// blame turns the error of a cryptographic check into one with names.
func (r *roster) blame(phase string, err error) error {
	var blamed *frost.BlameError
	if !errors.As(err, &blamed) {
		return fmt.Errorf("checking %s: %w", phase, err)
	}
	failed := failures(blamed)
	if len(failed) == 1 {
		return &CulpritError{Phase: phase, Check: blamed.Check, Culprits: r.named(blamed.Culprits), Err: err}
	}
	checks := make([]string, len(failed))
	for i, f := range failed {
		checks[i] = Names(r.named(f.Culprits)) + " " + f.Check
	}
	check := "failed several checks: " + strings.Join(checks, "; ")
	return &CulpritError{Phase: phase, Check: check, Culprits: r.named(blamed.Culprits), Err: err}
}

// failures returns the single checks that a BlameError stands for.
func failures(e *frost.BlameError) []*frost.BlameError {
	joined, several := e.Err.(interface{ Unwrap() []error })
	if !several {
		return []*frost.BlameError{e}
	}
	var all []*frost.BlameError
	for _, err := range joined.Unwrap() {
		var one *frost.BlameError
		if errors.As(err, &one) {
			all = append(all, one)
		}
	}
	return all
}
