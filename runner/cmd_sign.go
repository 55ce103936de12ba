package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/byhand"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

type coordinatorCommand struct {
	Group      string   `short:"g" required:"" placeholder:"GROUP" help:"The group: its public key, a prefix of it, or its description."`
	Signers    []string `short:"S" required:"" placeholder:"MEMBER" help:"Who signs: names, prefixes or public keys of members."`
	Message    []string `short:"m" sep:"none" placeholder:"FILE" help:"The message to sign; - or nothing reads it from standard input in hexadecimal, white space aside. Several -m sign several messages in one session, with signers who run frostkit."`
	Randomizer []string `short:"r" sep:"none" hidden:"" help:"Randomizers, for ciphersuites that have them."`
	Signature  string   `short:"o" aliases:"output" placeholder:"FILE" help:"Where to write the raw signature; - or nothing prints it in hexadecimal. For several messages, .1, .2 and so on are added."`
	serverFlag
	transportFlag
	timeoutFlag
	configFlag
	jsonFlag
	eventsFlag
}

// Run collects a signature of each message and writes them.
func (c *coordinatorCommand) Run(e *Env) error {
	if len(c.Randomizer) > 0 {
		return failf(ExitUsage, "randomizers are not for the ciphersuite ed25519")
	}
	k, group, err := c.loadGroup(e, c.Group)
	if err != nil {
		return err
	}
	defer k.Destroy()
	signers, err := chooseSigners(k, group, groupMembers(k, group), c.Signers)
	if err != nil {
		return err
	}
	if err := errors.Join(checkSigners(group, signers), c.probe()); err != nil {
		return err
	}
	part := single{command: "coordinator", ring: k, coordinator: true, members: namesIn(signers), step: signingStep(group)}
	return c.stream(e, c.JSON, part, func(watch func(steps.Notice)) error {
		if c.byPaste() {
			return c.runByPaste(e, k, group, signers, watch)
		}
		return c.runByRelay(e, k, group, signers, watch)
	})
}

// checkSigners refuses what no relay and no signer would take.
func checkSigners(group *keyring.Group, signers []protocol.Member) error {
	for i, m := range signers {
		if slices.Contains(signers[:i], m) {
			return failf(ExitUsage, "-S names %s twice", memberNames([]protocol.Member{m}))
		}
	}
	if t := group.MinSigners(); len(signers) < t {
		return failf(ExitUsage, "too few signers: %d, and the threshold of %q is %d", len(signers), group.Description, t).
			hint("-S names all who sign; who coordinates signs only if named")
	}
	return nil
}

// signingStep is a signing by single commands in the stream of events.
func signingStep(group *keyring.Group) ceremony.Step {
	return ceremony.Step{Kind: ceremony.Sign, Group: group.ID(), Title: fmt.Sprintf("Sign by the group %q", group.Description)}
}

func (c *coordinatorCommand) runByRelay(
	e *Env, k *keyring.Keyring, group *keyring.Group, signers []protocol.Member, watch func(steps.Notice),
) error {
	step, err := c.step(e, k, group, signers)
	if err != nil {
		return err
	}
	narrator := newNarrator(e.talk(), coordinatorWords, c.Timeout)
	step.Notify = both(narrator.notice, watch)
	signatures, err := step.Run(e.Context)
	narrator.finish(e.Context)
	if err != nil {
		return c.roll(e, group).remind(err)
	}
	return c.write(e, signatures)
}

func (c *coordinatorCommand) step(e *Env, k *keyring.Keyring, group *keyring.Group, signers []protocol.Member) (*steps.Coordinate, error) {
	server, err := serverOf(c.ServerURL, group)
	if err != nil {
		return nil, err
	}
	pub, messages, err := c.toSign(e, group)
	if err != nil {
		return nil, err
	}
	client, err := e.client(server, c.CA, k.Key(), 0)
	if err != nil {
		return nil, err
	}
	return &steps.Coordinate{
		Session: e.session(k, client, nil), Key: k.Key(), PublicKeyPackage: pub,
		Signers: signers, Messages: messages, Timeout: c.Timeout,
	}, nil
}

// loadGroup opens the credentials file and finds the group in it. The caller destroys the keyring.
func (c *configFlag) loadGroup(e *Env, name string) (*keyring.Keyring, *keyring.Group, error) {
	k, err := c.loadKeyed(e)
	if err != nil {
		return nil, nil, err
	}
	group, err := k.FindGroup(name)
	if err == nil && !supported(group) {
		err = failf(ExitInput, "group %q is of the ciphersuite %q, which frostkit does not have", group.ID(), group.Ciphersuite)
	}
	if err != nil {
		k.Destroy()
		return nil, nil, err
	}
	return k, group, nil
}

// groupMembers names the members of a group as this member knows them.
func groupMembers(k *keyring.Keyring, group *keyring.Group) []protocol.Member {
	known := lookup(k, steps.Peer{Name: ownName(k), Key: k.Key().Public()})
	members := make([]protocol.Member, len(group.Participants))
	for i, p := range group.Participants {
		name, _ := known(p.Key)
		members[i] = protocol.Member{Name: name, Key: p.Key, Identifier: p.Identifier}
	}
	return members
}

func chooseSigners(k *keyring.Keyring, group *keyring.Group, members []protocol.Member, queries []string) ([]protocol.Member, error) {
	var signers []protocol.Member
	for _, query := range queries {
		p, err := k.FindParticipant(group, query)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if m.Key == p.Key {
				signers = append(signers, m)
			}
		}
	}
	return signers, nil
}

// toFile reports whether signatures are written rather than printed.
func (c *coordinatorCommand) toFile() bool { return c.Signature != "" && c.Signature != "-" }

// probe tries whether signatures can be written, before anybody signs.
func (c *coordinatorCommand) probe() error {
	if !c.toFile() {
		return nil
	}
	if info, err := os.Stat(c.Signature); err == nil && info.IsDir() {
		return failf(ExitUsage, "the signature cannot be written: %q is a folder", c.Signature).hint("name a file in it with -o")
	}
	if err := probeFolder(filepath.Dir(c.Signature)); err != nil {
		return failf(ExitStorage, "the signature cannot be written: %w", err).hint("make the folder or make it writable, or name another file with -o")
	}
	return nil
}

// path is where the signature of message i goes, of that many.
func (c *coordinatorCommand) path(i, messages int) string {
	if messages == 1 {
		return c.Signature
	}
	return fmt.Sprintf("%s.%d", c.Signature, i+1)
}

// spare sees to it that no signature of something else is replaced.
func (c *coordinatorCommand) spare(e *Env, key frost.VerifyingKey, messages [][]byte) error {
	if !c.toFile() {
		return nil
	}
	for i, message := range messages {
		err := e.spare(c.path(i, len(messages)), func(content []byte) bool {
			signature, err := decodeSignature(key.Ciphersuite(), content)
			return err == nil && key.Verify(message, signature) == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// write writes or prints the signatures. Those that cannot be written are printed: they are nowhere else.
func (c *coordinatorCommand) write(e *Env, signatures []frost.Signature) error {
	files := []string{}
	var failed error
	for i, signature := range signatures {
		if c.toFile() {
			path := c.path(i, len(signatures))
			err := writeFile(path, signature.Bytes())
			if err == nil {
				files = append(files, path)
				e.say("Raw signature written to %s", path)
				continue
			}
			failed = errors.Join(failed, err)
		}
		if !c.JSON {
			failed = errors.Join(failed, byhand.Print(e.Stdout, "", signature))
		}
	}
	if c.JSON {
		failed = errors.Join(failed, c.writeSummary(e, signatures, files))
	}
	return failed
}

// writeSummary prints what was signed. Signatures that are in no file are kept where that fails.
func (c *coordinatorCommand) writeSummary(e *Env, signatures []frost.Signature, files []string) error {
	err := e.writeJSON(map[string]any{"signatures": texts(signatures), "files": files})
	if err == nil || len(files) == len(signatures) {
		return err
	}
	for _, signature := range signatures {
		err = byhand.Keep(signature, err)
	}
	return err
}

func texts(signatures []frost.Signature) []string {
	out := make([]string, len(signatures))
	for i, s := range signatures {
		out[i] = s.String()
	}
	return out
}

type participantCommand struct {
	Group   string `short:"g" required:"" placeholder:"GROUP" help:"The group: its public key, a prefix of it, or its description."`
	Session string `short:"S" placeholder:"ID" help:"The session, where several fit (frostkit sessions lists them)."`
	serverFlag
	transportFlag
	pasteSigningFlags
	waitFlag
	timeoutFlag
	declineFlags
	configFlag
	jsonFlag
	eventsFlag
}

// Run takes part in a signing, after asking.
func (c *participantCommand) Run(e *Env) error {
	if err := errors.Join(c.declineFlags.check(), c.pasteSigningFlags.check(c.transportFlag)); err != nil {
		return err
	}
	if err := e.canAnswer(); err != nil && !c.Decline {
		return err
	}
	k, group, err := c.loadGroup(e, c.Group)
	if err != nil {
		return err
	}
	defer k.Destroy()
	part := single{command: "participant", ring: k, step: signingStep(group)}
	return c.stream(e, c.JSON, part, func(watch func(steps.Notice)) error {
		if c.byPaste() {
			return c.runByPaste(e, k, group, watch)
		}
		return c.runByRelay(e, k, group, watch)
	})
}

func (c *participantCommand) runByRelay(e *Env, k *keyring.Keyring, group *keyring.Group, watch func(steps.Notice)) error {
	step, err := c.step(e, k, group)
	if err != nil {
		return err
	}
	defer step.KeyPackage.Destroy()
	narrator := newNarrator(e.talk(), participantWords, c.Timeout)
	step.Notify = both(narrator.notice, watch)
	var signed []reviewedMessage
	step.Approve = func(ctx context.Context, r protocol.Review) error {
		narrator.finish(e.Context)
		signed = reviewMessages(r.Messages)
		if c.Decline {
			e.showReview(e.questions(), r)
			return c.reason()
		}
		return e.approve(ctx, r)
	}
	err = step.Run(e.Context)
	narrator.finish(e.Context)
	if err != nil {
		return c.roll(e, k, group).remind(err)
	}
	return c.finish(e, group, signed)
}

func (c *participantCommand) finish(e *Env, group *keyring.Group, signed []reviewedMessage) error {
	fmt.Fprintln(e.questions(), "Done")
	if c.JSON {
		return e.writeJSON(map[string]any{"group": group.ID(), "signed": signed})
	}
	return nil
}

func (c *participantCommand) step(e *Env, k *keyring.Keyring, group *keyring.Group) (*steps.Participate, error) {
	members := groupMembers(k, group)
	server, err := serverOf(c.ServerURL, group)
	if err != nil {
		return nil, err
	}
	id, err := parseSession(c.Session)
	if err != nil {
		return nil, err
	}
	client, err := e.client(server, c.CA, k.Key(), 0)
	if err != nil {
		return nil, err
	}
	key, err := group.KeyPackage()
	if err != nil {
		return nil, err
	}
	step := &steps.Participate{
		Session: e.session(k, client, nil), Key: k.Key(), KeyPackage: key,
		Members: members, Random: rand.Reader, Timeout: c.Timeout,
	}
	step.ID, step.Wait = id, c.Wait
	return step, nil
}
