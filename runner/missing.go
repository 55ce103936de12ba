package runner

import (
	"errors"
	"fmt"
	"strings"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// reminder is what a member who is missing at a deadline is to run.
type reminder struct {
	Member  string `json:"member"`
	Command string `json:"command"` // to be pasted into a POSIX shell
}

// roll says what the members of a step run, to be told when they are missing.
type roll struct {
	opener  string                     // who is to open the session
	unknown bool                       // nothing says who opener is: it is a description
	command func(member string) string // "" for who is run here
}

// phaseSession is what the wait for a session is called beside the protocol's
// phases.
const phaseSession = "session"

// remind adds to the error of a deadline what each missing member is to run.
// Other errors stay as they are.
func (l roll) remind(err error) error {
	var missing *protocol.MissingError
	var none *steps.NoSessionError
	if err == nil {
		return nil
	}
	failure := classify(err)
	if failure.Code != ExitMissing {
		return err
	}
	called := []string{l.opener}
	switch {
	case errors.As(err, &missing):
		failure.Missing, failure.Phase = namesIn(missing.Missing), missing.Phase
		called = failure.Missing
	case errors.As(err, &none) && l.unknown:
		failure.Phase = phaseSession
	case errors.As(err, &none):
		failure.Missing, failure.Phase = called, phaseSession
		failure.Err = fmt.Errorf("%w; %s opens it", err, keyring.EscapeName(l.opener))
	}
	for _, member := range called {
		if command := l.command(member); command != "" {
			failure.Reminders = append(failure.Reminders, reminder{member, command})
		}
	}
	return failure
}

// roll says what the members of a step of the ceremony run.
func (r *run) roll(step ceremony.Step) roll {
	l := roll{command: r.partOf}
	switch step.Kind {
	case ceremony.DKG:
		group, _ := r.file.Group(step.Group)
		l.opener = group.Creator()
	case ceremony.Sign:
		l.opener = r.file.Sign[step.Signing-1].Coordinator()
	}
	return l
}

// partOf is what a member runs for its part, "" for one who is run here.
func (r *run) partOf(member string) string {
	if r.isHere(member) {
		return ""
	}
	return runAs(r.options.File, member)
}

func runAs(file, member string) string { return shell("frostkit", "run", file, "--as", member) }

// roll says what the other members of a group to be made run: who opens the
// session names them all.
func (c *dkgCommand) roll(e *Env) roll {
	words := []string{string(e.called), "dkg", "-d", c.Description, "-s", c.ServerURL, "-t", fmt.Sprint(c.Threshold)}
	if c.Ciphersuite != "ed25519" {
		words = append(words, "-C", c.Ciphersuite)
	}
	command := shell(words...)
	if len(c.Participants) == 0 {
		opener := "who opens the session"
		return roll{opener: opener, unknown: true, command: func(member string) string {
			if member == opener {
				return command + " -S MEMBER,…"
			}
			return command
		}}
	}
	return roll{command: func(string) string { return command }}
}

// roll says what the signers run.
func (c *coordinatorCommand) roll(e *Env, group *keyring.Group) roll {
	server, _ := serverOf(c.ServerURL, group)
	return roll{command: func(string) string { return shell(string(e.called), "participant", "-g", group.ID(), "-s", server) }}
}

// roll says what the coordinator runs.
func (c *participantCommand) roll(e *Env, k *keyring.Keyring, group *keyring.Group) roll {
	server, _ := serverOf(c.ServerURL, group)
	return roll{opener: "the coordinator", unknown: true, command: func(member string) string {
		if member == ownName(k) { // who has not answered
			return ""
		}
		return shell(string(e.called), "coordinator", "-g", group.ID(), "-s", server) + " -S SIGNER,… -m FILE"
	}}
}

// shell makes a command line of words.
func shell(words ...string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = ceremony.Quote(word)
	}
	return strings.Join(quoted, " ")
}
