package native

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/protocol"
)

// Coordinate collects signatures over messages from candidates who run [Participate]: the first
// Need who answer sign. Who then is silent for ShareWait, or sends a bad share, is left out, and others sign in
// a new attempt with fresh nonces. Each signature is verified before it is returned. The transport
// must be the coordinator's.
//
// It fails with a [*protocol.MissingError] when ctx's deadline passes, with a [*NotEnoughError] when too
// few are left, and with the transport's error when that fails.
func Coordinate(ctx context.Context, t protocol.Transport, cfg CoordinateConfig) (*Signed, error) {
	c, err := newCoordination(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing to coordinate a signing: %w", err)
	}
	c.mail = openMail(ctx, t, cfg.Key, cfg.Session)
	defer c.mail.close()
	signed, err := c.run(ctx)
	if err != nil {
		c.end(ctx, err)
		return nil, err
	}
	return signed, nil
}

// candidate is what the coordinator knows of a member.
type candidate struct {
	protocol.Member
	run         runID // the latest
	here        bool
	out         *Exclusion // nil while it may sign
	commitments [][]byte   // of this attempt, nil before they came
	committed   runID      // the run that sent them
	shares      [][]byte
	heard       bool // that it has the signatures
}

// coordination is the coordinator's run of a signing.
type coordination struct {
	cfg        CoordinateConfig
	mail       *mail
	candidates []*candidate
	proposal   message
	number     uint32
	order      []*candidate // with commitments, as they came
	signers    []*candidate // nil before enough have answered
	pkg        chosen
	phase      string
	last       map[commkey.PublicKey]string
	dropped    map[commkey.PublicKey]int
	told       []byte           // the signatures, once they are there
	late       bool             // a signer was started again, and its nonces are gone
	causes     []protocol.Event // why the next attempt begins
}

func newCoordination(cfg CoordinateConfig) (*coordination, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	cfg.Progress = orSilent(cfg.Progress)
	p := proposal{
		version: Version, digest: cfg.Digest, step: cfg.Step, tool: cfg.Tool, extensions: cfg.Extensions, group: cfg.PublicKeyPackage.VerifyingKey().Bytes(),
		need: uint16(cfg.Need), candidates: encodedIDs(cfg.Candidates), aux: cfg.Aux, messages: cfg.Messages,
	}
	if _, err := io.ReadFull(cfg.Random, p.run[:]); err != nil {
		return nil, fmt.Errorf("reading the random part of the proposal: %w", err)
	}
	c := &coordination{cfg: cfg, last: make(map[commkey.PublicKey]string), dropped: make(map[commkey.PublicKey]int)}
	c.proposal = message{kind: kindProposal, body: p.encode()}
	c.proposal.id = proposalID(cfg.Session, c.proposal.body)
	for _, m := range cfg.Candidates {
		c.candidates = append(c.candidates, &candidate{Member: m})
	}
	return c, nil
}

func (c *coordination) run(ctx context.Context) (*Signed, error) {
	if c.cfg.Signatures != nil {
		return c.announce(ctx)
	}
	for {
		if err := c.begin(ctx); err != nil {
			return nil, err
		}
		signatures, err := c.try(ctx)
		if err != nil {
			return nil, err
		}
		if signatures != nil {
			if err := c.save(signatures); err != nil {
				return nil, err
			}
			return c.finish(ctx, signatures), nil
		}
		if c.number >= maxAttempts {
			return nil, errAttempts
		}
	}
}

// begin begins a new attempt: everybody is asked for fresh commitments.
func (c *coordination) begin(ctx context.Context) error {
	c.number++
	for _, cause := range c.causes {
		c.progress(cause)
	}
	c.order, c.signers, c.pkg, c.late, c.causes = nil, nil, nil, false, nil
	for _, m := range c.candidates {
		m.commitments, m.shares = nil, nil
		if m.out != nil || !m.here {
			continue
		}
		if err := c.send(ctx, m, kindAgain, nil); err != nil {
			return err
		}
	}
	return nil
}

// propose answers a candidate's hello. It says which run of the candidate that was: run || proposal.
func (c *coordination) propose(ctx context.Context, m *candidate) error {
	return c.send(ctx, m, kindProposal, slices.Concat(m.run[:], c.proposal.body))
}

func (c *coordination) send(ctx context.Context, m *candidate, k kind, body []byte) error {
	if err := c.mail.seal(ctx, m.Key, m.Key, message{k, c.number, c.proposal.id, body}); err != nil {
		return fmt.Errorf("sending %s to %s: %w", phaseOfSigning[k], m, err)
	}
	c.progress(protocol.Event{Kind: protocol.Sent, Phase: phaseOfSigning[k], Member: m.Member})
	return nil
}

func (c *coordination) progress(e protocol.Event) {
	e.Attempt = int(c.number)
	c.cfg.Progress(e)
}

// try is one attempt. It returns nothing if there is to be another one.
func (c *coordination) try(ctx context.Context) ([]frost.Signature, error) {
	if err := c.await(ctx, protocol.PhaseCommitments, 0, c.uncommitted, func() bool { return len(c.order) >= c.cfg.Need }); err != nil {
		return nil, err
	}
	if err := c.choose(ctx); err != nil {
		return nil, err
	}
	if err := c.await(ctx, protocol.PhaseShares, c.cfg.ShareWait, c.unshared, func() bool { return c.late || len(c.unshared()) == 0 }); err != nil {
		return nil, err
	}
	if c.late {
		return nil, nil
	}
	if silent := c.unshared(); len(silent) > 0 {
		for _, m := range c.signers {
			if m.shares == nil {
				c.exclude(m, Exclusion{Reason: fmt.Sprintf("was silent for %s", c.cfg.ShareWait)})
			}
		}
		return nil, c.enough()
	}
	return c.aggregate()
}

// choose takes the first who answered, and tells them.
func (c *coordination) choose(ctx context.Context) error {
	c.signers = slices.Clone(c.order[:c.cfg.Need])
	c.pkg = make(chosen)
	for _, m := range c.signers {
		c.pkg[m.Identifier] = m.commitments
	}
	for _, m := range c.signers {
		if err := c.sendPackage(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// sendPackage tells a signer which run of it the package is for: run || package.
func (c *coordination) sendPackage(ctx context.Context, m *candidate) error {
	return c.send(ctx, m, kindPackage, slices.Concat(m.committed[:], c.pkg.encode()))
}

// aggregate makes the signatures, each of which frost.Aggregate verifies. Who sent a bad share is
// left out of the next attempt.
func (c *coordination) aggregate() ([]frost.Signature, error) {
	cs := c.cfg.PublicKeyPackage.Ciphersuite()
	packages, err := c.pkg.packages(cs, c.cfg.Messages)
	if err != nil {
		return nil, fmt.Errorf("making the signing packages: %w", err)
	}
	signatures := make([]frost.Signature, len(packages))
	bad := false
	for i, pkg := range packages {
		shares := make(map[frost.Identifier]*frost.SignatureShare, len(c.signers))
		for _, m := range c.signers {
			if shares[m.Identifier], err = frost.DecodeSignatureSharePostcard(cs, m.shares[i]); err != nil {
				return nil, err // it was decoded when it came
			}
		}
		signatures[i], err = frost.Aggregate(pkg, shares, c.cfg.PublicKeyPackage)
		var blamed *frost.BlameError
		switch {
		case errors.As(err, &blamed):
			bad = true
			c.excludeAll(blamed)
		case err != nil:
			return nil, fmt.Errorf("message %d of %d: %w", i+1, len(packages), err)
		}
	}
	if bad {
		return nil, c.enough()
	}
	return signatures, nil
}

func (c *coordination) excludeAll(blamed *frost.BlameError) {
	for _, m := range c.signers {
		if slices.Contains(blamed.Culprits, m.Identifier) {
			c.blame(m, "sent a signature share that does not verify")
		}
	}
}

// exclude leaves a candidate out. What makes a culprit stays.
func (c *coordination) exclude(m *candidate, x Exclusion) {
	if m.out != nil && m.out.Culprit {
		return
	}
	x.Member = m.Member
	m.out = &x
	c.order = slices.DeleteFunc(c.order, func(o *candidate) bool { return o == m })
	c.progress(protocol.Event{Kind: protocol.Excluded, Phase: c.phase, Member: m.Member, Reason: x.Reason})
	if slices.Contains(c.signers, m) {
		c.anew(m, x.Reason)
	}
}

// anew notes why there is to be another attempt.
func (c *coordination) anew(m *candidate, reason string) {
	c.causes = append(c.causes, protocol.Event{Kind: protocol.Restarted, Phase: c.phase, Member: m.Member, Reason: reason})
}

// blame leaves out a candidate that broke the protocol.
func (c *coordination) blame(m *candidate, reason string) {
	c.exclude(m, Exclusion{Reason: reason, Culprit: true})
}

// enough fails if too few candidates are left. Those who were only silent are taken back first.
func (c *coordination) enough() error {
	left := 0
	for _, m := range c.candidates {
		if m.out == nil {
			left++
		}
	}
	for _, m := range c.candidates {
		if left < c.cfg.Need && m.out != nil && m.out.silent() {
			m.out = nil
			left++
		}
	}
	if left >= c.cfg.Need {
		return nil
	}
	return &NotEnoughError{Need: c.cfg.Need, Excluded: c.excluded()}
}

// silent reports whether the member may sign when it is heard of again.
func (x *Exclusion) silent() bool { return !x.Culprit && !x.Declined }

func (c *coordination) excluded() []Exclusion {
	var all []Exclusion
	for _, m := range c.candidates {
		if m.out != nil {
			all = append(all, *m.out)
		}
	}
	return all
}

// unneeded are the candidates who are not out, and have not signed either.
func (c *coordination) unneeded() []Exclusion {
	var all []Exclusion
	for _, m := range c.candidates {
		switch {
		case m.out != nil || slices.Contains(c.signers, m):
		case m.here:
			all = append(all, Exclusion{Member: m.Member, Reason: "was not needed", Unneeded: true})
		default:
			all = append(all, Exclusion{Member: m.Member, Reason: "was not heard of before the others had signed"})
		}
	}
	return all
}

func (c *coordination) uncommitted() []protocol.Member {
	var missing []protocol.Member
	for _, m := range c.candidates {
		if m.out == nil && m.commitments == nil {
			missing = append(missing, m.Member)
		}
	}
	return missing
}

func (c *coordination) unshared() []protocol.Member {
	var missing []protocol.Member
	for _, m := range c.signers {
		if m.out == nil && m.shares == nil {
			missing = append(missing, m.Member)
		}
	}
	return missing
}

// await receives until done, or for a while.
func (c *coordination) await(ctx context.Context, phase string, atMost time.Duration, missing func() []protocol.Member, done func() bool) error {
	c.phase = phase
	c.progress(protocol.Event{Kind: protocol.Waiting, Phase: phase, Awaited: missing()})
	var over <-chan time.Time
	if atMost > 0 {
		timer := time.NewTimer(atMost)
		defer timer.Stop()
		over = timer.C
	}
	for !done() {
		select {
		case a := <-c.mail.arrived:
			if err := c.take(ctx, a); err != nil {
				return err
			}
			if err := c.signersLeft(); err != nil {
				return err
			}
		case <-over:
			return nil
		case <-ctx.Done():
			return c.interrupted(ctx, missing())
		}
	}
	c.progress(protocol.Event{Kind: protocol.Complete, Phase: phase})
	return nil
}

// signersLeft looks whether there are enough candidates, and begins anew if one who was to sign is
// out.
func (c *coordination) signersLeft() error {
	for _, m := range c.signers {
		c.late = c.late || m.out != nil
	}
	return c.enough()
}

func (c *coordination) interrupted(ctx context.Context, missing []protocol.Member) error {
	if ctx.Err() != context.DeadlineExceeded {
		return fmt.Errorf("waiting for %s of %s: %w", c.phase, protocol.Names(missing), context.Cause(ctx))
	}
	return &protocol.MissingError{Phase: c.phase, Missing: missing, Last: c.last, Dropped: c.dropped}
}

func (c *coordination) save(signatures []frost.Signature) error {
	if c.cfg.Save == nil {
		return nil
	}
	if err := c.cfg.Save(signatures); err != nil {
		return fmt.Errorf("saving the signatures: %w", err)
	}
	return nil
}

// end tells everybody why there will be no signature.
func (c *coordination) end(ctx context.Context, reason error) {
	e := ending{reason: "the coordinator could not go on"}
	var missing *protocol.MissingError
	var few *NotEnoughError
	switch {
	case errors.As(reason, &missing):
		e = ending{phase: missing.Phase, missing: encodedIDs(missing.Missing), reason: reason.Error()}
	case errors.As(reason, &few):
		e.reason = reason.Error()
	case ctx.Err() != nil:
		e.reason = "the coordinator was stopped"
	}
	e.reason = clip(e.reason, maxReason)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer cancel()
	for _, m := range c.candidates {
		_ = c.send(ctx, m, kindEnd, e.encode())
	}
}
