package runner

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/relay/boltstore"
	"frostkit/relay/localca"
	"frostkit/runner/access"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// run is one `frostkit run`.
type run struct {
	*scene
	options *runCommand
	display *display
	relay   *runningRelay // the built-in one, while it runs
	store   relay.Store   // its store
	roots   []*x509.Certificate
	// finished: the ceremony is carried out, and nobody waits for a message.
	finished bool
	reserved []func() // to be called at the end
	agreed   *agreedReview
	refusals
	outcomes
}

// perform carries out the steps that are left, and tells whether there were any.
// The plan is made anew after each step, from what is then there.
func (r *run) perform(ctx context.Context) (changed bool, err error) {
	plan, err := r.plan()
	if err != nil {
		return false, err
	}
	if err := r.preflight(plan); err != nil {
		return false, err
	}
	r.display.begin(plan)
	for i, before := range plan.Steps {
		left, err := r.left(before)
		if err != nil {
			return changed, err
		}
		if !left {
			r.display.skip(before)
			continue
		}
		if plan, err = r.plan(); err != nil {
			return changed, err
		}
		step := plan.Steps[i]
		if blocked, err := r.blocked(step); err != nil {
			return changed, err
		} else if blocked {
			return changed, blockedBy(step)
		}
		if !changed {
			if err := r.reserve(); err != nil {
				return false, err
			}
		}
		changed = true
		r.display.start(step)
		if err := r.carryOut(ctx, plan, step); err != nil {
			r.display.fail()
			return changed, r.roll(step).remind(r.withTrust(err))
		}
		r.display.done()
	}
	return changed, nil
}

// left reports whether a step is to be carried out: one that is not done, or is
// here but perhaps not at others.
func (r *run) left(step ceremony.Step) (bool, error) {
	switch {
	case !step.Done:
		return true, nil
	case step.Kind == ceremony.DKG:
		group, _ := r.file.Group(step.Group)
		return r.outstanding(group)
	case step.Kind == ceremony.Sign:
		return r.isUntold(r.file.Sign[step.Signing-1]), nil
	}
	return false, nil
}

// blocked reports whether a step cannot be carried out. A group that not everybody here has can be
// completed where its making was begun.
func (r *run) blocked(step ceremony.Step) (bool, error) {
	if step.Blocked == "" || step.Kind != ceremony.DKG {
		return step.Blocked != "", nil
	}
	group, _ := r.file.Group(step.Group)
	begun, err := r.outstanding(group)
	return !begun, err
}

// stopped is what people have to change before a plan can be carried out: groups that differ, or what is at
// the output of a signing.
func (s *scene) stopped(plan *ceremony.Plan) error {
	if err := differing(plan); err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if step.Kind == ceremony.Sign && step.Blocked != "" && !step.Done {
			return blockedBy(step)
		}
	}
	return nil
}

// blockedBy is what a run fails with at a step that cannot be carried out.
func blockedBy(step ceremony.Step) error {
	return failf(blockedCode(step), "%s: %s", step.Title, step.Blocked)
}

// blockedCode tells the command line that does not say whose keys to make from
// what is wrong with files.
func blockedCode(step ceremony.Step) int {
	if step.Kind == ceremony.Keygen {
		return ExitUsage
	}
	return ExitInput
}

// preflight refuses what is known to fail, before anything is written.
func (r *run) preflight(plan *ceremony.Plan) error {
	if err := differing(plan); err != nil {
		return err
	}
	for _, step := range plan.Steps {
		if step.Blocked != "" && step.Kind != ceremony.DKG && !step.Done {
			return blockedBy(step)
		}
		if step.Kind == ceremony.Sign && !step.Done {
			signing := r.file.Sign[step.Signing-1]
			makes, err := r.makes(plan, signing.Group)
			if err := errors.Join(err, r.canAsk(signing, makes), probeOutputs(step)); err != nil {
				return err
			}
		}
	}
	for _, signing := range r.file.Sign {
		if !r.isHere(signing.Coordinator()) {
			continue
		}
		if _, err := r.message(signing); err != nil {
			return err
		}
	}
	return r.checkRoom(plan)
}

// makes reports whether this run makes the key of a group from its beginning.
func (r *run) makes(plan *ceremony.Plan, name string) (bool, error) {
	group, _ := r.file.Group(name)
	begun, err := r.outstanding(group)
	return plan.Key(name) == "" && !begun, err
}

// probeOutputs tries whether what a step makes can be written.
func probeOutputs(step ceremony.Step) error {
	for _, path := range step.Writes {
		if err := probeFolder(nearestFolder(filepath.Dir(path))); err != nil {
			return fmt.Errorf("%s: %w", step.Title, unwritable(err))
		}
	}
	return nil
}

// reserve keeps others from running the same members of this ceremony at the
// same time: each would take the messages of the other.
func (r *run) reserve() error {
	for _, m := range r.here {
		release, err := r.credentials(m).Reserve(digestText(r.file)[:16])
		if err != nil {
			return fmt.Errorf("beginning the part of %s: %w", m.Name, err)
		}
		r.reserved = append(r.reserved, release)
	}
	return nil
}

// sessionWait is how long to wait for a session to be opened.
func (r *run) sessionWait() time.Duration { return orElse(r.options.Wait, r.file.Timeouts.Session) }

// orElse returns what a flag says, else what the file says.
func orElse(flag *time.Duration, file time.Duration) time.Duration {
	if flag != nil {
		return *flag
	}
	return file
}

func (r *run) carryOut(ctx context.Context, plan *ceremony.Plan, step ceremony.Step) error {
	switch step.Kind {
	case ceremony.Keygen:
		return r.makeKeys(ctx)
	case ceremony.Contacts:
		return r.exchangeContacts(ctx)
	case ceremony.Relay:
		return r.startBuiltIn(ctx)
	case ceremony.DKG:
		group, _ := r.file.Group(step.Group)
		return r.makeGroup(ctx, group)
	case ceremony.Sign:
		return r.sign(ctx, plan.Key(step.Group), r.file.Sign[step.Signing-1])
	case ceremony.Verify:
		return r.verify(plan.Key(step.Group), r.file.Sign[step.Signing-1])
	}
	return fmt.Errorf("unknown step %q", step.Kind)
}

func (r *run) makeKeys(ctx context.Context) error {
	for _, m := range r.here {
		err := r.credentials(m).Update(ctx, func(k *keyring.Keyring) error {
			if k.Key() != nil {
				return nil
			}
			key, err := commkey.Generate(rand.Reader)
			if err != nil {
				return err
			}
			return k.SetKey(key)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) exchangeContacts(ctx context.Context) error {
	rings, err := r.rings()
	if err != nil {
		return err
	}
	defer destroy(rings)
	r.display.pause()
	defer r.display.resume()
	for _, m := range r.here {
		err := r.env.updateFile(ctx, r.credentials(m), func(k *keyring.Keyring) error { return r.addContacts(m, k, rings) })
		if err != nil {
			return err
		}
	}
	return nil
}

// addContacts lets m know everybody else, by the names in the file.
func (r *run) addContacts(m ceremony.Member, k *keyring.Keyring, rings map[string]*keyring.Keyring) error {
	if err := k.SetName(m.Name); err != nil {
		return err
	}
	for _, other := range r.file.Members {
		if other.Name == m.Name {
			continue
		}
		key, ok := r.keyOf(other, rings, k)
		if !ok {
			return failf(ExitInput, "%s does not know the contact of %q", m.Name, other.Name).
				hint("ask %s for what \"frostkit export\" prints, and import it with frostkit import -c %s", other.Name, k.Path())
		}
		if _, known := k.ContactByKey(key); known {
			continue
		}
		if err := k.AddContact(keyring.Contact{Name: other.Name, Key: key}); err != nil {
			return err
		}
	}
	return nil
}

// startBuiltIn starts the relay on a free port of the loopback interface, with
// a certificate by an authority that exists in this process alone. It serves
// until the run is closed: members who are interrupted take their leave of it.
func (r *run) startBuiltIn(ctx context.Context) error {
	ca, err := localca.New()
	if err != nil {
		return err
	}
	config, err := issue(ca, "localhost", "127.0.0.1")
	if err != nil {
		return err
	}
	store, err := boltstore.Open(r.relayFolder())
	if err != nil {
		return err
	}
	r.store = store
	r.relay, err = startRelay(context.WithoutCancel(ctx), relayConfig{Address: "127.0.0.1:0", TLS: config, Store: store})
	if err != nil {
		return err
	}
	r.roots = []*x509.Certificate{ca.Certificate()}
	return nil
}

// close stops what the run has started, before another one may begin.
func (r *run) close() {
	r.display.close()
	if r.relay != nil {
		r.relay.stop()
	}
	if r.store != nil {
		r.closeStore()
	}
	for _, release := range r.reserved {
		release()
	}
}

func (r *run) closeStore() {
	err := r.store.Close()
	if r.finished && err == nil {
		err = boltstore.Remove(r.relayFolder())
	}
	if err != nil {
		r.env.say("closing the built-in relay: %v", err)
	}
}

// relayFolder is where the built-in relay keeps what is under way, until the
// ceremony is carried out.
func (r *run) relayFolder() string {
	return filepath.Join(r.dir, access.RelayFolder(r.options.File))
}

// relayPatience is for how long a ceremony tries to reach a relay that does not answer: one that is being
// restarted keeps nobody from going on.
const relayPatience = 10 * time.Second

// client prepares a member's connection to the ceremony's relay.
func (r *run) client(key *commkey.PrivateKey) (*relay.Client, error) {
	server := r.file.Server
	if server.BuiltIn() {
		return relay.NewClient(relay.ClientConfig{
			URL: "https://" + r.relay.Address, Key: key, RootCAs: r.roots, UserAgent: "frostkit/" + Version,
		})
	}
	return r.env.clientAt(server.BaseURL(), r.authority(), key, relayPatience)
}

// session is a member's way to the sessions of this ceremony: it knows the
// members by the names that the file gives them.
func (r *run) session(m ceremony.Member, k *keyring.Keyring, rings map[string]*keyring.Keyring) (steps.Session, error) {
	client, err := r.client(k.Key())
	if err != nil {
		return steps.Session{}, err
	}
	names := map[commkey.PublicKey]string{}
	for _, other := range r.file.Members {
		if key, ok := r.keyOf(other, rings, k); ok {
			names[key] = other.Name
		}
	}
	self := steps.Peer{Name: m.Name, Key: k.Key().Public()}
	stranger := strangers(k, self)
	return steps.Session{
		Client:   client,
		Self:     self,
		Lookup:   func(key commkey.PublicKey) (string, bool) { name, ok := names[key]; return name, ok },
		Stranger: func(key commkey.PublicKey) bool { return names[key] == "" && stranger(key) },
		Wait:     r.sessionWait(),
		Notify:   r.display.member(m.Name),
	}, nil
}

// makeGroup runs the DKG of the group's members here, side by side.
func (r *run) makeGroup(ctx context.Context, group ceremony.Group) error {
	rings, err := r.rings()
	if err != nil {
		return err
	}
	defer destroy(rings)
	if r.file.Server.BuiltIn() && r.relay == nil { // the plan saw no need
		if err := r.startBuiltIn(ctx); err != nil {
			return err
		}
	}
	var parts []func(context.Context) error
	for _, m := range r.here {
		if !slices.Contains(group.Members, m.Name) {
			continue
		}
		prepare := r.dkgPart
		if r.file.Protocol == ceremony.Frostkit {
			prepare = r.generatePart
		}
		part, err := prepare(group, m, rings)
		if err != nil {
			return err
		}
		if part != nil {
			parts = append(parts, part)
		}
	}
	return r.together(ctx, parts)
}

func (r *run) dkgPart(group ceremony.Group, m ceremony.Member, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	k := rings[m.Name]
	session, err := r.session(m, k, rings)
	if err != nil {
		return nil, err
	}
	keys, _ := r.memberKeys(group, k, rings)
	saver := &groupSaver{ctx: r.env.Context, credentials: r.credentials(m), description: group.Description, server: r.file.Server.Address()}
	part := &steps.DKG{
		Session: session, Key: k.Key(), Ciphersuite: r.suite, Threshold: group.Threshold,
		Members: keys, Create: m.Name == group.Creator(),
		Timeout: orElse(r.options.Timeout, r.file.Timeouts.DKG), Linger: r.options.Linger, Random: rand.Reader,
		Prepare: saver.prepare, Save: saver.save,
	}
	return func(ctx context.Context) error {
		defer saver.close()
		err := part.Run(ctx)
		if err == nil && saver.made != nil {
			r.setFresh(m, saver.made.ID())
		}
		return err
	}, nil
}

// together runs the parts side by side. When one fails the others are stopped,
// and what is returned is why the first one failed. Who fails by what another one
// here does stops nobody: that one knows better why.
func (r *run) together(ctx context.Context, parts []func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var wg sync.WaitGroup
	followed := make(chan error, len(parts))
	for _, part := range parts {
		wg.Go(func() {
			switch err := part(ctx); {
			case err != nil && r.follows(err):
				followed <- err
			case err != nil:
				stop(err)
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	close(followed)
	return <-followed // nil if there is none
}

// follows reports whether err may be what came of another member's failure that
// is run here: it was waited for, it ended the run for all, or closed the session.
func (r *run) follows(err error) bool {
	var missing *protocol.MissingError
	var ended *native.EndedError
	switch {
	case errors.As(err, &ended):
		return r.isHere(ended.Member.Name)
	case errors.As(err, &missing):
		return !slices.ContainsFunc(missing.Missing, func(m protocol.Member) bool { return !r.isHere(m.Name) })
	}
	return errors.Is(err, relay.ErrSessionNotFound)
}
