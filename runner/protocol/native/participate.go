package native

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// Participate signs what the coordinator of a session proposes, once Approve agrees, in as many
// attempts as it takes. Nonces live in memory alone, are used once and destroyed on every way out. It
// returns when the coordinator has the signatures, which it verifies; or, after this
// member has signed, when the coordinator has left or answers nothing for ten minutes: then there are none
// in what it returns.
//
// It fails with [protocol.ErrDeclined] when Approve refused, with an [*EndedError] when the coordinator
// gave up, with an [*AgreementError] when it is of another ceremony file, with a
// [*protocol.MissingError] when ctx's deadline passes, with a [*protocol.CulpritError] when
// the coordinator misbehaved, and with the transport's error when that fails.
func Participate(ctx context.Context, t protocol.Transport, cfg ParticipateConfig) (*Signed, error) {
	p, err := newParticipation(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing to sign: %w", err)
	}
	defer p.destroy()
	p.mail = openMail(ctx, t, cfg.Key, cfg.Session)
	defer p.mail.close()
	signed, err := p.run(ctx)
	if err == nil && signed.Signatures != nil {
		err = p.confirm(ctx, signed)
	}
	if err != nil {
		p.tell(ctx, err)
		return nil, err
	}
	return signed, nil
}

// confirm saves the signatures, and tells the coordinator that they are here.
func (p *participation) confirm(ctx context.Context, signed *Signed) error {
	if p.cfg.Save != nil {
		if err := p.cfg.Save(signed.Signatures); err != nil {
			return fmt.Errorf("saving the signatures: %w", err)
		}
	}
	_ = p.post(ctx, message{kindHeard, p.number, p.proposed.id, nil}) // the coordinator does not wait for it for long
	return nil
}

// participation is a signer's run of a signing.
type participation struct {
	cfg         ParticipateConfig
	mail        *mail
	coordinator protocol.Member
	self        frost.Identifier
	own         runID
	proposed    *message // the proposal
	proposal    proposal
	candidates  []protocol.Member // of the proposal
	answered    chan error        // of Approve, nil before it is asked and after it has answered
	approved    bool
	number      uint32
	signers     []*frost.Signer // of this attempt, one for each message
	pkg         []byte          // the package that was signed in this attempt
	signing     []protocol.Member
	latest      *message  // to be said again until it is answered
	heard       time.Time // of the coordinator, last
	phase       string
	last        map[commkey.PublicKey]string
	dropped     map[commkey.PublicKey]int
	result      *Signed
}

func newParticipation(cfg ParticipateConfig) (*participation, error) {
	if cfg.Key == nil || cfg.KeyPackage == nil || cfg.Approve == nil {
		return nil, errors.New("a key, a key package and what approves must be given")
	}
	if err := cfg.Agreement.check(); err != nil {
		return nil, err
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	cfg.Resend = cmp.Or(cfg.Resend, firstResend)
	if cfg.Committed == nil {
		cfg.Committed = func([]*frost.SigningCommitments) {}
	}
	cfg.Progress = orSilent(cfg.Progress)
	p := &participation{cfg: cfg, self: cfg.KeyPackage.Identifier(), last: make(map[commkey.PublicKey]string), dropped: make(map[commkey.PublicKey]int)}
	for _, m := range cfg.Members {
		if m.Key == cfg.Coordinator {
			p.coordinator = m
		}
	}
	if p.coordinator.Key.IsZero() {
		return nil, fmt.Errorf("the coordinator %s is not among the group's members", cfg.Coordinator)
	}
	if _, err := io.ReadFull(cfg.Random, p.own[:]); err != nil {
		return nil, fmt.Errorf("reading the random part of the greeting: %w", err)
	}
	return p, nil
}

// run answers what the coordinator says until there is a result.
func (p *participation) run(ctx context.Context) (*Signed, error) {
	asking, stopAsking := context.WithCancel(ctx)
	defer p.awaitAnswer()
	defer stopAsking()
	if err := p.say(ctx, protocol.PhaseGreeting, message{kind: kindHello, body: hello{p.own, p.cfg.Tool}.encode()}); err != nil {
		return nil, err
	}
	timer := newBackoff(p.cfg.Resend, longestPause)
	defer timer.Stop()
	for p.result == nil {
		var err error
		select {
		case a := <-p.mail.arrived:
			err = p.take(ctx, asking, a)
		case refusal := <-p.answered:
			p.answered = nil
			err = p.decided(ctx, refusal)
		case <-timer.C:
			err = p.sayAgain(ctx)
			timer.again()
		case <-ctx.Done():
			err = p.interrupted(ctx)
		}
		if err != nil {
			return p.orSigned(ctx, err)
		}
	}
	return p.result, nil
}

// coordinatorGone is how long a coordinator may leave what it is told again unanswered before a signer
// that has done its part leaves.
const coordinatorGone = 10 * time.Minute

// sayAgain says what is not answered once more. A coordinator that has the shares and answers nothing
// was killed, and maybe has the signatures.
func (p *participation) sayAgain(ctx context.Context) error {
	if p.pkg != nil && time.Since(p.heard) > coordinatorGone {
		return p.missing()
	}
	if p.latest == nil {
		return nil
	}
	return p.post(ctx, *p.latest)
}

// orSigned is a result without signatures when this member has signed and only does not hear of it.
func (p *participation) orSigned(ctx context.Context, err error) (*Signed, error) {
	var ended *EndedError
	var blamed *protocol.CulpritError
	if p.pkg == nil || errors.As(err, &ended) || errors.As(err, &blamed) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, err
	}
	return &Signed{Signers: p.signing, Attempts: int(p.number), Ended: errors.Is(err, relay.ErrSessionNotFound)}, nil
}

// awaitAnswer waits for Approve to return, whose context has ended.
func (p *participation) awaitAnswer() {
	if p.answered != nil {
		<-p.answered
	}
}

// say sends a message, again and again until something else is to be said.
func (p *participation) say(ctx context.Context, awaiting string, m message) error {
	p.latest, p.phase = &m, awaiting
	if err := p.post(ctx, m); err != nil {
		return err
	}
	p.progress(protocol.Event{Kind: protocol.Sent, Phase: phaseOfSigning[m.kind], Member: p.coordinator})
	p.progress(protocol.Event{Kind: protocol.Waiting, Phase: awaiting, Awaited: []protocol.Member{p.coordinator}})
	return nil
}

func (p *participation) post(ctx context.Context, m message) error {
	if err := p.mail.seal(ctx, commkey.PublicKey{}, p.coordinator.Key, m); err != nil {
		return fmt.Errorf("sending %s to %s: %w", phaseOfSigning[m.kind], p.coordinator, err)
	}
	return nil
}

func (p *participation) progress(e protocol.Event) {
	e.Attempt = int(p.number)
	p.cfg.Progress(e)
}

func (p *participation) interrupted(ctx context.Context) error {
	if ctx.Err() != context.DeadlineExceeded {
		return fmt.Errorf("waiting for %s of %s: %w", p.phase, p.coordinator, context.Cause(ctx))
	}
	return p.missing()
}

// missing names the coordinator or, while this member's owner is asked, the member itself.
func (p *participation) missing() error {
	e := &protocol.MissingError{Phase: p.phase, Missing: []protocol.Member{p.coordinator}, Last: maps.Clone(p.last), Dropped: maps.Clone(p.dropped)}
	if p.phase == protocol.PhaseApproval {
		self := named(p.cfg.Members, p.self)
		e.Missing, e.Last[self.Key] = []protocol.Member{self}, phaseOfSigning[kindHello]
	}
	return e
}

// tell tells the coordinator that this member will not sign.
func (p *participation) tell(ctx context.Context, err error) {
	var ended *EndedError
	if p.proposed == nil || errors.As(err, &ended) {
		return
	}
	reason := "it could not go on"
	var refused *refusal
	var blamed *protocol.CulpritError
	var differ *AgreementError
	switch {
	case errors.As(err, &refused):
		reason = refused.err.Error()
	case errors.As(err, &blamed), errors.As(err, &differ):
		reason = err.Error()
	case ctx.Err() != nil, errors.Is(err, protocol.ErrUnanswered):
		return // it may be run again
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer cancel()
	_ = p.post(ctx, message{kindDecline, p.number, p.proposed.id, []byte(clip(reason, maxReason))})
}

// refusal is why a member declined.
type refusal struct{ err error }

func (r *refusal) Error() string   { return fmt.Sprintf("%v: %v", protocol.ErrDeclined, r.err) }
func (r *refusal) Unwrap() []error { return []error{protocol.ErrDeclined, r.err} }

// take lets one message through the gate, or drops it.
func (p *participation) take(ctx, asking context.Context, a arrival) error {
	switch {
	case a.ended != nil && ctx.Err() != nil:
		return p.interrupted(ctx)
	case a.ended != nil:
		return fmt.Errorf("waiting for %s of %s: %w", p.phase, p.coordinator, a.ended)
	case a.from != p.coordinator.Key:
		p.drop(protocol.Member{Key: a.from}, "it is not from the coordinator")
		return nil
	case a.dropped != nil:
		p.drop(p.coordinator, a.dropped.Error())
		return nil
	}
	m, err := decodeMessage(a.payload)
	if err != nil || a.envelope != nil {
		p.drop(p.coordinator, "it is not a sealed message of a signing")
		return nil
	}
	p.last[a.from], p.heard = phaseOfSigning[m.kind], time.Now()
	if m.kind == kindProposal {
		return p.takeProposal(ctx, asking, m)
	}
	if p.proposed == nil || m.id != p.proposed.id {
		p.drop(p.coordinator, "it is of another signing")
		return nil
	}
	return p.takeMessage(ctx, m)
}

func (p *participation) drop(m protocol.Member, reason string) {
	p.dropped[m.Key]++
	p.progress(protocol.Event{Kind: protocol.Dropped, Phase: p.phase, Member: m, Reason: reason, Count: p.dropped[m.Key]})
}

func (p *participation) takeMessage(ctx context.Context, m message) error {
	switch m.kind {
	case kindEnd:
		return p.takeEnding(m)
	case kindSigned:
		return p.takeSignatures(m)
	case kindAgain:
		return p.advance(ctx, m.number)
	case kindPackage:
		return p.takePackage(ctx, m)
	}
	p.drop(p.coordinator, fmt.Sprintf("its kind %d is not known", m.kind))
	return nil
}

// takeEnding says why the coordinator gave up.
func (p *participation) takeEnding(m message) error {
	e, err := decodeEnding(m.body)
	if err != nil {
		p.drop(p.coordinator, err.Error())
		return nil
	}
	ended := &EndedError{Member: p.coordinator, Reason: e.reason, Phase: e.phase}
	for _, member := range p.cfg.Members {
		if slices.ContainsFunc(e.missing, func(id []byte) bool { return bytes.Equal(id, member.Identifier.Bytes()) }) {
			ended.Missing = append(ended.Missing, member)
		}
	}
	return ended
}

func (p *participation) misbehaved(check string) error {
	return protocol.Culprit(protocol.PhasePackage, p.coordinator, check, nil)
}

// takeProposal takes what is to be signed. It is the same as long as the session is.
func (p *participation) takeProposal(ctx, asking context.Context, m message) error {
	body, own := bytes.CutPrefix(m.body, p.own[:])
	switch {
	case !own: // to an earlier run of this member, or said again in a session that came back
		p.drop(p.coordinator, "its proposal answers another run of this member")
		return nil
	case m.id != proposalID(p.cfg.Session, body) || m.number == 0 || m.number > maxAttempt:
		p.drop(p.coordinator, "its proposal is malformed")
		return nil
	case p.proposed == nil:
		return p.review(asking, m, body)
	case p.proposed.id != m.id:
		return p.misbehaved("proposed two different things in one session")
	}
	return p.advance(ctx, m.number)
}

// review checks a proposal, and has the member asked about it.
func (p *participation) review(asking context.Context, m message, body []byte) error {
	proposed, err := decodeProposal(body)
	if err != nil {
		return p.misbehaved(fmt.Sprintf("sent a proposal that does not decode: %v", err))
	}
	p.proposed, p.proposal, p.number, p.latest = &m, proposed, m.number, nil
	p.progress(protocol.Event{Kind: protocol.Received, Phase: phaseOfSigning[kindProposal], Member: p.coordinator, Tool: proposed.tool})
	if err := p.compare(proposed); err != nil {
		return err
	}
	if err := p.checkCandidates(proposed); err != nil {
		return err
	}
	p.phase = protocol.PhaseApproval
	p.progress(protocol.Event{Kind: protocol.Waiting, Phase: protocol.PhaseApproval})
	p.ask(asking)
	return nil
}

// ask asks the member, and goes on meanwhile.
func (p *participation) ask(asking context.Context) {
	review := protocol.Review{
		VerifyingKey: p.cfg.VerifyingKey, Messages: p.proposal.messages, Aux: p.proposal.aux,
		Signers: p.candidates, Need: int(p.proposal.need), Coordinator: p.coordinator,
	}
	answered := make(chan error, 1)
	p.answered = answered
	go func() { answered <- p.cfg.Approve(asking, review) }()
}

// decided goes on when the member has answered.
func (p *participation) decided(ctx context.Context, refused error) error {
	if errors.Is(refused, protocol.ErrUnanswered) {
		return refused
	}
	if refused != nil {
		return &refusal{refused}
	}
	p.approved = true
	p.progress(protocol.Event{Kind: protocol.Complete, Phase: protocol.PhaseApproval})
	return p.commit(ctx)
}

// advance goes on to a later attempt, with fresh nonces.
func (p *participation) advance(ctx context.Context, number uint32) error {
	if number <= p.number || number > maxAttempt {
		return nil
	}
	p.number = number
	p.progress(protocol.Event{Kind: protocol.Restarted, Phase: p.phase, Member: p.coordinator, Reason: Ahead})
	if !p.approved {
		return nil
	}
	return p.commit(ctx)
}

// commit makes the nonces of an attempt (RFC 9591, Section 5.1). Those of the one before are
// destroyed.
func (p *participation) commit(ctx context.Context) error {
	p.destroy()
	var list [][]byte
	var all []*frost.SigningCommitments
	for range p.proposal.messages {
		signer, err := frost.NewSigner(p.cfg.Random, p.cfg.KeyPackage)
		if err != nil {
			return err
		}
		p.signers = append(p.signers, signer)
		all = append(all, signer.Commitments())
		list = append(list, signer.Commitments().EncodePostcard())
	}
	p.cfg.Committed(all)
	return p.say(ctx, protocol.PhasePackage, message{kindCommitments, p.number, p.proposed.id, items{p.own, list}.encode()})
}

// destroy wipes the nonces.
func (p *participation) destroy() {
	for _, signer := range p.signers {
		signer.Destroy()
	}
	p.signers, p.pkg = nil, nil
}

// takePackage signs what was approved, once in an attempt (RFC 9591, Section 5.2).
func (p *participation) takePackage(ctx context.Context, m message) error {
	if m.number != p.number || p.signers == nil || !bytes.HasPrefix(m.body, p.own[:]) {
		return nil // of an attempt that is over, or for an earlier run of this member
	}
	if p.pkg != nil {
		if !bytes.Equal(p.pkg, m.body) {
			return p.misbehaved("sent two different packages for the same commitments")
		}
		return p.post(ctx, *p.latest) // it has not got the shares
	}
	packages, err := p.checkPackage(m.body[len(p.own):])
	if err != nil {
		return err
	}
	p.pkg = m.body
	list := make([][]byte, len(packages))
	for i, pkg := range packages {
		share, err := p.signers[i].Sign(pkg)
		if err != nil {
			return fmt.Errorf("signing message %d of %d: %w", i+1, len(packages), err)
		}
		list[i] = share.EncodePostcard()
	}
	return p.say(ctx, "signatures", message{kindShares, p.number, p.proposed.id, items{p.own, list}.encode()})
}

// takeSignatures verifies what came out.
func (p *participation) takeSignatures(m message) error {
	list, err := decodeItems(m.body)
	if err != nil || len(list.list) != len(p.proposal.messages) {
		return p.misbehaved("sent signatures that do not decode")
	}
	signed := &Signed{Signers: p.signing, Attempts: int(m.number)}
	for i, encoded := range list.list {
		signature, err := frost.DecodeSignature(p.cfg.KeyPackage.Ciphersuite(), encoded)
		if err == nil {
			err = p.cfg.VerifyingKey.Verify(p.proposal.messages[i], signature)
		}
		if err != nil {
			return p.misbehaved("sent a signature that does not verify")
		}
		signed.Signatures = append(signed.Signatures, signature)
	}
	p.result = signed
	p.progress(protocol.Event{Kind: protocol.Complete, Phase: "signatures"})
	return nil
}
