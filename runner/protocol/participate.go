package protocol

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"

	"frostkit/commkey"
	"frostkit/frost"
)

// ParticipateConfig configures [Participate].
type ParticipateConfig struct {
	KeyPackage *frost.KeyPackage
	// Members lists the group's members, and the coordinator if it is not one of
	// them, which then has no identifier.
	Members []Member
	// Coordinator is the key of the session's coordinator, one of the Members.
	Coordinator commkey.PublicKey
	// MessageCount is how many messages the session signs, 1 to 255; 0 stands for
	// 1, which is what frost-client signs.
	MessageCount int
	// Random yields the nonces' randomness; nil stands for crypto/rand.
	Random io.Reader
	// Approve looks at what is to be signed, and returns nil to sign exactly that.
	// An error refuses. Its context ends with the run's, or when the coordinator
	// sends a second, different package meanwhile.
	Approve func(context.Context, Review) error
	// Progress is told of each step, one call at a time, and not during a call of
	// another; it must not block. Nil stands for nobody.
	Progress func(Event)
}

// Review is what a member is asked to sign. It has been checked: the member and
// its own commitments are in it, all signers are members of the group, and they
// are enough.
type Review struct {
	// VerifyingKey is the group's key.
	VerifyingKey frost.VerifyingKey
	// Messages are the messages to sign.
	Messages [][]byte
	// Aux is application data that came along and is not signed.
	Aux []byte
	// Signers lists who is to sign, in the order of their identifiers: the first
	// Need of them who answer.
	Signers []Member
	// Need is how many of them sign.
	Need int
	// Coordinator is who asks.
	Coordinator Member
}

// Participate signs as one of a session's signers, once Approve agrees (RFC
// 9591, Sections 5.1 and 5.2). Nonces live in memory alone and are destroyed on
// every way out; a refusal sends nothing, as frost-client does.
//
// It fails with [ErrDeclined] and Approve's error when that refuses, with a
// [*MissingError] when ctx's deadline passes, with a [*CulpritError] when the
// coordinator misbehaved, and with the transport's error when that fails.
func Participate(ctx context.Context, t Transport, cfg ParticipateConfig) error {
	p, err := newParticipation(t, cfg)
	if err != nil {
		return fmt.Errorf("preparing to sign: %w", err)
	}
	defer p.destroy()
	if err := p.send(ctx, commkey.PublicKey{}, p.coordinator, p.commitments()); err != nil {
		return err
	}
	if err := p.await(ctx, PhasePackage, []Member{p.coordinator}, p.hasOne(PhasePackage)); err != nil {
		return err
	}
	asked := p.kept[slot{from: p.coordinator.Key, phase: PhasePackage}].(signingPackages)
	review, err := p.review(asked)
	if err != nil {
		return err
	}
	if err := p.approve(ctx, review); err != nil {
		return err
	}
	return p.sign(ctx, asked.list)
}

// participation is a signer's run of a signing.
type participation struct {
	*session
	cfg         ParticipateConfig
	group       *roster
	coordinator Member
	signers     []*frost.Signer // one for each message
}

func newParticipation(t Transport, cfg ParticipateConfig) (*participation, error) {
	group, err := newRoster(cfg.Members)
	if err != nil {
		return nil, err
	}
	coordinator, known := group.byKey[cfg.Coordinator]
	if !known {
		return nil, fmt.Errorf("the coordinator %s is not among the group's members", cfg.Coordinator)
	}
	if cfg.Approve == nil {
		return nil, errors.New("nothing is given to approve the messages with")
	}
	s, err := newSession(t, cfg.KeyPackage.Ciphersuite(), []Member{coordinator}, cfg.Progress, PhasePackage)
	if err != nil {
		return nil, err
	}
	p := &participation{session: s, cfg: cfg, group: group, coordinator: coordinator}
	return p, p.commit()
}

// commit makes the nonces for each message (RFC 9591, Section 5.1).
func (p *participation) commit() error {
	count := cmp.Or(p.cfg.MessageCount, 1)
	if count < 1 || count > MaxMessages {
		return fmt.Errorf("there are %d messages, a session signs 1 to %d", count, MaxMessages)
	}
	random := p.cfg.Random
	if random == nil {
		random = rand.Reader
	}
	for range count {
		signer, err := frost.NewSigner(random, p.cfg.KeyPackage)
		if err != nil {
			p.destroy()
			return err
		}
		p.signers = append(p.signers, signer)
	}
	return nil
}

func (p *participation) commitments() commitments {
	list := make([]*frost.SigningCommitments, len(p.signers))
	for i, signer := range p.signers {
		list[i] = signer.Commitments()
	}
	return commitments{list: list}
}

// destroy wipes the nonces.
func (p *participation) destroy() {
	for _, signer := range p.signers {
		signer.Destroy()
	}
}

// review checks what the coordinator sent before anybody is asked about it.
func (p *participation) review(asked signingPackages) (Review, error) {
	if got, want := len(asked.list), len(p.signers); got != want {
		return Review{}, p.refuse(fmt.Sprintf("sent %d signing packages, the session signs %d messages", got, want))
	}
	ids := asked.list[0].Identifiers()
	review := Review{
		VerifyingKey: p.cfg.KeyPackage.VerifyingKey(),
		Aux:          asked.aux,
		Signers:      p.group.named(ids),
		Need:         len(ids),
		Coordinator:  p.coordinator,
	}
	for i, pkg := range asked.list {
		if !slices.Equal(ids, pkg.Identifiers()) {
			return Review{}, p.refuse("sent signing packages with different signers")
		}
		if err := p.checkPackage(pkg, p.signers[i]); err != nil {
			return Review{}, err
		}
		review.Messages = append(review.Messages, bytes.Clone(pkg.Message()))
	}
	return review, nil
}

// checkPackage holds a signing package against the group and one's own
// commitments: "each participant MUST ensure that its identifier and commitments
// (from the first round) appear in commitment_list" (RFC 9591, Section 5.2).
func (p *participation) checkPackage(pkg *frost.SigningPackage, signer *frost.Signer) error {
	ids := pkg.Identifiers()
	for _, id := range ids {
		if _, member := p.group.byIdentifier[id]; !member {
			return p.refuse(fmt.Sprintf("sent a signing package with the signer %s, who is not in the group", id))
		}
	}
	if least := p.cfg.KeyPackage.MinSigners(); len(ids) < least {
		return p.refuse(fmt.Sprintf("sent a signing package with %d signers, the threshold is %d", len(ids), least))
	}
	own, listed := pkg.Commitments(p.cfg.KeyPackage.Identifier())
	switch {
	case !listed:
		return p.refuse("sent a signing package without this member")
	case !own.Equal(signer.Commitments()):
		return p.refuse("sent a signing package with other commitments than this member's (it may have got those of an older session)")
	}
	return nil
}

func (p *participation) refuse(check string) error {
	return Culprit(PhasePackage, p.coordinator, check, nil)
}

// errDecided ends the watch that is kept while a member decides.
var errDecided = errors.New("the member has decided")

// approve asks the member, and meanwhile keeps an eye on the coordinator, who
// might send another package.
func (p *participation) approve(ctx context.Context, review Review) error {
	p.phase = PhaseApproval
	p.progress(Event{Kind: Waiting, Phase: PhaseApproval})
	asking, cancel := context.WithCancelCause(ctx)
	watched := make(chan error, 1)
	go func() { watched <- p.watch(asking, cancel) }()
	refusal := p.cfg.Approve(asking, review)
	cancel(errDecided)
	switch misbehaved := <-watched; {
	case misbehaved != nil:
		return misbehaved
	case ctx.Err() == context.DeadlineExceeded:
		self := p.group.byIdentifier[p.cfg.KeyPackage.Identifier()]
		return &MissingError{Phase: PhaseApproval, Missing: []Member{self}, Last: map[commkey.PublicKey]string{self.Key: PhaseCommitments}}
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for the approval: %w", context.Cause(ctx))
	case errors.Is(refusal, ErrUnanswered):
		return refusal
	case refusal != nil:
		return fmt.Errorf("%w: %w", ErrDeclined, refusal)
	}
	p.progress(Event{Kind: Complete, Phase: PhaseApproval})
	return nil
}

// watch reads on until ctx ends or the transport fails, which is for the next
// send to find out. Misbehaviour ends the asking and is returned.
func (p *participation) watch(ctx context.Context, stop context.CancelCauseFunc) error {
	for {
		err := p.receive(ctx, p.hasOne(PhasePackage))
		var misbehaved *CulpritError
		if errors.As(err, &misbehaved) {
			stop(misbehaved)
			return misbehaved
		}
		if err != nil {
			return nil
		}
	}
}

// sign makes the share of each message and sends them (RFC 9591, Section 5.2).
func (p *participation) sign(ctx context.Context, packages []*frost.SigningPackage) error {
	list := make([]*frost.SignatureShare, len(packages))
	for i, pkg := range packages {
		var err error
		if list[i], err = p.signers[i].Sign(pkg); err != nil {
			return fmt.Errorf("signing message %d of %d: %w", i+1, len(packages), err)
		}
	}
	return p.send(ctx, commkey.PublicKey{}, p.coordinator, shares{list: list})
}
