package runner

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/input"
	"frostkit/runner/paste"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// byPaste is the transport without a relay.
const byPaste = "paste"

// transportFlag chooses how messages travel.
type transportFlag struct {
	Transport string `enum:"relay,paste" default:"relay" placeholder:"HOW" help:"How messages travel: relay, or paste, by hand (${default})."`
}

const pasteHelp = `With --transport paste no relay is needed: what is to be sent is printed as blocks to copy into a chat or a mail, and what the others
send is pasted here, in any order, many blocks at once, with whatever stands around them. Blocks are sealed for their receivers, so all of
them may go into one chat, and everybody may paste all of it. Who begins gets the command printed that the others run.

It is for groups of up to five or so. `

const pasteDKGHelp = `Making a key takes three rounds (two rounds between two members). In each a member copies out what is printed, and pastes once what the
others sent: with five members 12 blocks out and 12 in, in three copies and three pastes.`

const pasteSigningHelp = `Signing takes two blocks from each signer and one of the coordinator; a coordinator who signs as well runs both commands.`

// Help explains the transport to those who make a key.
func (c *dkgCommand) Help() string { return pasteHelp + pasteDKGHelp }

// Help explains the transport to those who have a message signed.
func (c *coordinatorCommand) Help() string { return pasteHelp + pasteSigningHelp }

// Help explains the transport to signers, and what becomes of a refusal.
func (c *participantCommand) Help() string { return pasteHelp + pasteSigningHelp + refusalHelp }

func (f transportFlag) byPaste() bool { return f.Transport == byPaste }

// pasteSigningFlags say what a relay would.
type pasteSigningFlags struct {
	Coordinator string `placeholder:"MEMBER" help:"With --transport paste: who coordinates, by name, prefix or public key."`
	Messages    int    `default:"1" placeholder:"NUMBER" help:"With --transport paste: how many messages are signed (${default})."`
}

// pasteRun is one member's end of a session without a relay.
type pasteRun struct {
	*paste.Transport
	env     *Env
	console *paste.Console
	watch   func(steps.Notice)
}

// pasteEnd is what a member's end of a session needs to know.
type pasteEnd struct {
	session       uuid.UUID
	self          commkey.PublicKey
	members       []protocol.Member
	coordinator   commkey.PublicKey // zero in a DKG
	asCoordinator bool
	json          bool // standard output is for the result
	watch         func(steps.Notice)
}

// startPaste begins to read what is pasted. Blocks go to standard output, or to
// standard error where that is kept for the result.
func (e *Env) startPaste(end pasteEnd) *pasteRun {
	names := map[commkey.PublicKey]string{{}: "the coordinator"}
	for _, m := range end.members {
		names[m.Key] = keyring.EscapeName(m.String())
	}
	if name, member := names[end.coordinator]; member && !end.coordinator.IsZero() {
		names[commkey.PublicKey{}] = name + ", the coordinator"
	}
	out := e.Stdout
	if end.json {
		out = e.talk()
	}
	console := paste.NewConsole(e.input())
	return &pasteRun{env: e, console: console, watch: end.watch, Transport: paste.NewTransport(paste.Config{
		Session: end.session, Self: end.self, Coordinator: end.asCoordinator, Console: console, Out: out, Say: e.say,
		Name: func(key commkey.PublicKey) (string, bool) { name, member := names[key]; return name, member },
	})}
}

// finish prints what is still to be sent, also when the run has failed: others
// may find out by it why.
func (p *pasteRun) finish(failed error) error {
	defer p.console.Close()
	err := errors.Join(failed, p.Flush())
	if errors.Is(err, input.ErrEnded) && !errors.Is(err, protocol.ErrDeclined) {
		return (&Failure{Code: ExitMissing, Err: err}).hint("keep the input open until the end; a run that ended begins anew, with a new session")
	}
	nobody := func(string) string { return "" } // as what they would run is of a session that is over
	return roll{command: nobody}.remind(err)
}

// progress tells what to paste next.
func (p *pasteRun) progress(event protocol.Event) {
	p.watch(steps.Notice{Kind: steps.Progress, Event: event})
	switch event.Kind {
	case protocol.Waiting:
		if len(event.Awaited) == 0 || p.Flush() != nil { // which Receive meets again, and reports
			return
		}
		p.env.say("Waiting for %s of %s. Paste here what they send, in any order:", event.Phase, memberNames(event.Awaited))
	case protocol.Received:
		rest := ""
		if len(event.Awaited) > 0 {
			rest = "; still waiting for " + memberNames(event.Awaited)
		}
		p.env.say("Received %s of %s%s", event.Phase, memberNames([]protocol.Member{event.Member}), rest)
	case protocol.Dropped:
		p.env.say("Dropped a message from %s: %s", memberNames([]protocol.Member{event.Member}), shown.Line(event.Reason, shown.MaxLine))
	}
}

// invite prints the command that the other members run.
func (e *Env) invite(who string, words ...string) {
	e.say("%s, each with a credentials file of their own:\n\n  %s\n", who, shell(words...))
}

func (c *dkgCommand) runByPaste(e *Env, k *keyring.Keyring, watch func(steps.Notice)) error {
	cs, err := frost.CiphersuiteByName(c.Ciphersuite)
	if err != nil {
		return &Failure{Code: ExitUsage, Err: err}
	}
	session, members, err := c.pasteMembers(e, k, cs)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.Context, c.Timeout)
	defer cancel()
	p := e.startPaste(pasteEnd{session: session, self: k.Key().Public(), members: members, json: c.JSON, watch: watch})
	saver := groupSaver{ctx: e.Context, credentials: keyring.At(files.At(k.Path())), description: c.Description, server: c.ServerURL}
	defer saver.close()
	if err := saver.prepare(len(members)); err != nil {
		return err
	}
	result, err := protocol.DKG(ctx, paste.Seal(p.Transport, k.Key(), protocol.Keys(members), commkey.PublicKey{}), protocol.DKGConfig{
		Ciphersuite: cs, Threshold: c.Threshold, Self: k.Key().Public(), Members: members, Progress: p.progress,
		Save: func(key *frost.KeyPackage, pub *frost.PublicKeyPackage) error { return saver.save(key, pub, members) },
	})
	if err := p.finish(err); err != nil {
		return err
	}
	result.KeyPackage.Destroy()
	e.say("Group created; information written to %s\nKeep the blocks until all others have the group as well: %s", k.Path(), saver.made.ID())
	return c.printGroup(e, k, saver.made)
}

// pasteMembers lists everybody with their identifiers, which derive from the
// session as they do at a relay. Who is given no session begins one.
func (c *dkgCommand) pasteMembers(e *Env, k *keyring.Keyring, cs frost.Ciphersuite) (uuid.UUID, []protocol.Member, error) {
	keys, err := c.members(k)
	if err != nil {
		return uuid.UUID{}, nil, err
	}
	if keys == nil {
		return uuid.UUID{}, nil, failf(ExitUsage, "without a relay nothing says who the members are").hint("-S names the other members, all of them")
	}
	session, err := parseSession(c.Session)
	if err != nil {
		return session, nil, err
	}
	if c.Session == "" {
		session = uuid.New()
		c.invite(e, session, keys)
	}
	members, err := pasteGroup(k, cs, session, keys)
	return session, members, err
}

func (c *dkgCommand) invite(e *Env, session uuid.UUID, keys []commkey.PublicKey) {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = key.String()
	}
	words := []string{string(e.called), "dkg", "--transport", byPaste, "--session", session.String(), "-d", c.Description, "-t", fmt.Sprint(c.Threshold)}
	if c.Ciphersuite != "ed25519" {
		words = append(words, "-C", c.Ciphersuite)
	}
	e.invite("The other members run", append(words, "-S", strings.Join(texts, ","))...)
}

// pasteGroup names the members and gives them their identifiers.
func pasteGroup(k *keyring.Keyring, cs frost.Ciphersuite, session uuid.UUID, keys []commkey.PublicKey) ([]protocol.Member, error) {
	self := k.Key().Public()
	members := make([]protocol.Member, len(keys))
	for i, key := range keys {
		id, err := protocol.DKGIdentifier(cs, session, key)
		if err != nil {
			return nil, err
		}
		contact, _ := k.ContactByKey(key)
		members[i] = protocol.Member{Name: contact.Name, Key: key, Identifier: id}
		if key == self {
			members[i].Name = ownName(k)
		}
	}
	return members, nil
}

func (c *coordinatorCommand) runByPaste(
	e *Env, k *keyring.Keyring, group *keyring.Group, signers []protocol.Member, watch func(steps.Notice),
) error {
	pub, messages, err := c.toSign(e, group)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.Context, c.Timeout)
	defer cancel()
	self, session := k.Key().Public(), uuid.New()
	c.invite(e, session, self, group)
	p := e.startPaste(pasteEnd{session: session, self: self, members: signers, coordinator: self, asCoordinator: true, json: c.JSON, watch: watch})
	signatures, err := protocol.Coordinate(ctx, paste.Seal(p.Transport, k.Key(), protocol.Keys(signers), self), protocol.CoordinateConfig{
		PublicKeyPackage: pub, Signers: signers, Messages: messages, Progress: p.progress,
	})
	if err := p.finish(err); err != nil {
		return err
	}
	return c.write(e, signatures)
}

func (c *coordinatorCommand) invite(e *Env, session uuid.UUID, self commkey.PublicKey, group *keyring.Group) {
	words := []string{
		string(e.called), "participant", "--transport", byPaste, "--session", session.String(),
		"--coordinator", self.String(), "-g", group.ID(),
	}
	if len(c.Message) > 1 {
		words = append(words, "--messages", fmt.Sprint(len(c.Message)))
	}
	e.invite("The signers run", words...)
}

// check refuses flags that would have no effect.
func (f *pasteSigningFlags) check(t transportFlag) error {
	if !t.byPaste() && (f.Coordinator != "" || f.Messages != 1) {
		return failf(ExitUsage, "--coordinator and --messages are for --transport paste: a relay knows both")
	}
	return nil
}

func (c *participantCommand) runByPaste(e *Env, k *keyring.Keyring, group *keyring.Group, watch func(steps.Notice)) error {
	session, err := parseSession(c.Session)
	if err != nil {
		return err
	}
	if c.Session == "" || c.Coordinator == "" {
		return failf(ExitUsage, "without a relay nothing says which session there is, and whose").
			hint("--session and --coordinator are in the command that the coordinator's run prints")
	}
	members := groupMembers(k, group)
	coordinator, err := chooseSigners(k, group, members, []string{c.Coordinator})
	if err != nil {
		return err
	}
	key, err := group.KeyPackage()
	if err != nil {
		return err
	}
	defer key.Destroy()
	ctx, cancel := context.WithTimeout(e.Context, c.Timeout)
	defer cancel()
	var signed []reviewedMessage
	p := e.startPaste(pasteEnd{session: session, self: k.Key().Public(), members: members, coordinator: coordinator[0].Key, json: c.JSON, watch: watch})
	err = protocol.Participate(ctx, paste.Seal(p.Transport, k.Key(), protocol.Keys(coordinator), coordinator[0].Key), protocol.ParticipateConfig{
		KeyPackage: key, Members: members, Coordinator: coordinator[0].Key, MessageCount: c.Messages, Progress: p.progress,
		Approve: func(ctx context.Context, r protocol.Review) error {
			signed = reviewMessages(r.Messages)
			return c.approveByPaste(ctx, p, r)
		},
	})
	if err := p.finish(err); err != nil {
		return err
	}
	return c.finish(e, group, signed)
}

// approveByPaste shows what is to be signed and asks. Lines of what others wrote
// may be in the input, which is why a yes is a number that nobody could have
// written before.
func (c *participantCommand) approveByPaste(ctx context.Context, p *pasteRun, r protocol.Review) error {
	p.env.showReview(p.env.questions(), r)
	if c.Decline {
		return c.reason()
	}
	number, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return err
	}
	yes := fmt.Sprintf("%06d", number)
	lines, stop := p.console.Listen()
	defer stop()
	fmt.Fprintf(p.env.questions(), "To sign it, type %s; to refuse, type n. Other lines are no answer.\n", yes)
	for {
		select {
		case line := <-lines:
			if answered, err := readAnswer(line, yes); answered {
				return err
			}
		case <-p.console.Ended():
			return input.ErrEnded
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// readAnswer reports whether a line answers, and the reason of a refusal. One
// wrong number refuses: there is no trying.
func readAnswer(line, yes string) (answered bool, refusal error) {
	switch {
	case line == yes:
		return true, nil
	case slices.Contains([]string{"n", "no"}, strings.ToLower(line)):
		return true, errAnsweredNo
	case len(line) == len(yes) && strings.Trim(line, "0123456789") == "":
		return true, errors.New("the number was another one")
	}
	return false, nil
}
