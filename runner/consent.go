package runner

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// refusalHelp is for those who speak frost-client's protocol.
const refusalHelp = `

frost-client's protocol, which this command speaks, has no message for a refusal: nobody else hears of it, nor of its reason, and the
coordinator waits for its deadline. Tell them.`

// declineFlags refuse whatever is asked.
type declineFlags struct {
	Decline bool   `xor:"answer" help:"Refuse whatever this run is asked to sign, without asking."`
	Reason  string `placeholder:"TEXT" help:"Why, for --decline; frost-client's protocol does not pass it on."`
}

func (f *declineFlags) check() error {
	if f.Reason != "" && !f.Decline {
		return failf(ExitUsage, "--reason is for --decline")
	}
	return nil
}

// errNoReason is the reason of a refusal that was given none.
var errNoReason = errors.New("without a reason")

// reason returns the reason of a refusal by flag.
func (f *declineFlags) reason() error {
	if f.Reason == "" {
		return errNoReason
	}
	return errors.New(keyring.EscapeName(f.Reason))
}

// refusal is a refusal that this run knows of, as summaries have it.
type refusal struct {
	Member  string `json:"member"`
	Signing int    `json:"signing"` // its number in the file, from 1
	Message string `json:"message"`
	Reason  string `json:"reason"`
}

// refusals collects them.
type refusals struct {
	mu      sync.Mutex
	refused []refusal
}

func (r *refusals) add(one refusal) {
	r.mu.Lock()
	defer r.mu.Unlock()
	same := func(other refusal) bool { return other.Member == one.Member && other.Signing == one.Signing }
	if !slices.ContainsFunc(r.refused, same) { // a coordinator here is told what it was asked, too
		r.refused = append(r.refused, one)
	}
}

// approval agrees for a member to what the file names, exactly as it is, in the
// way that the file chooses for the member. What differs is refused without a
// question.
func (r *run) approval(signing ceremony.Signing, m ceremony.Member) func(context.Context, protocol.Review) error {
	return func(ctx context.Context, review protocol.Review) error {
		review.Signers = r.inOrder(review.Signers)
		if r.hasAgreed(signing, m, review) {
			return nil
		}
		err := r.consent(ctx, signing, m, review)
		if err == nil || ctx.Err() != nil || errors.Is(err, protocol.ErrUnanswered) {
			return err
		}
		r.add(refusal{Member: m.Name, Signing: signing.Number, Message: r.messagePath(signing), Reason: err.Error()})
		r.display.declined(m.Name, err.Error())
		return err
	}
}

// agreesFirst asks a coordinator here whether to sign before anybody else is told what: the message may be
// one that it would show to nobody.
func (r *run) agreesFirst(ctx context.Context, id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) error {
	if !r.isHere(signing.Coordinator()) || r.isUntold(signing) {
		return nil
	}
	review, m, err := r.ownReview(id, signing, rings)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, orElse(r.options.Timeout, r.file.Timeouts.Sign))
	defer cancel()
	err = r.approval(signing, m)(limited, review)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case limited.Err() != nil:
		return &protocol.MissingError{Phase: protocol.PhaseApproval, Missing: []protocol.Member{review.Coordinator}}
	case errors.Is(err, protocol.ErrUnanswered):
		return err
	case err != nil:
		return refusedBy(m, fmt.Errorf("%w: %w", protocol.ErrDeclined, err))
	}
	r.agreed = &agreedReview{signing.Number, review}
	return nil
}

// agreedReview is what the coordinator of a signing has agreed to.
type agreedReview struct {
	signing int
	review  protocol.Review
}

// hasAgreed reports whether a member has agreed to this very thing as its coordinator.
func (r *run) hasAgreed(signing ceremony.Signing, m ceremony.Member, review protocol.Review) bool {
	return r.agreed != nil && m.Name == signing.Coordinator() && r.agreed.signing == signing.Number && steps.SameReview(r.agreed.review, review)
}

// ownReview is what a coordinator here is about to ask for.
func (r *run) ownReview(id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) (protocol.Review, ceremony.Member, error) {
	s, err := r.signer(id, signing, signing.Coordinator(), rings)
	if err != nil {
		return protocol.Review{}, ceremony.Member{}, err
	}
	public, err := s.group.PublicKeyPackage()
	if err != nil {
		return protocol.Review{}, s.member, err
	}
	message, err := r.message(signing)
	if err != nil {
		return protocol.Review{}, s.member, err
	}
	review := protocol.Review{VerifyingKey: public.VerifyingKey(), Messages: [][]byte{message}, Signers: r.inOrder(s.signers), Need: orAll(signing)}
	for _, member := range s.signers {
		if member.Name == signing.Coordinator() {
			review.Coordinator = member
		}
	}
	return review, s.member, nil
}

// refusedBy says who refused, where that is why a signer's part ended.
func refusedBy(m ceremony.Member, err error) error {
	if errors.Is(err, protocol.ErrDeclined) {
		return fmt.Errorf("%s %w", m.Name, err)
	}
	return err
}

// inOrder returns members in the order of the file, others after them.
func (s *scene) inOrder(members []protocol.Member) []protocol.Member {
	place := func(m protocol.Member) int {
		i := slices.IndexFunc(s.file.Members, func(known ceremony.Member) bool { return known.Name == m.Name })
		if i < 0 {
			return len(s.file.Members)
		}
		return i
	}
	sorted := slices.Clone(members)
	slices.SortStableFunc(sorted, func(a, b protocol.Member) int { return place(a) - place(b) })
	return sorted
}

func (r *run) consent(ctx context.Context, signing ceremony.Signing, m ceremony.Member, review protocol.Review) error {
	known, err := r.isMeant(signing, review)
	switch {
	case err != nil:
		return err
	case r.options.Decline:
		return r.options.reason()
	case r.gate.SignsByDigest(m):
		return nil // isMeant has compared it: the file has a digest
	case m.Approve.By == ceremony.ByCommand:
		return r.commandApproves(ctx, m, review)
	case r.options.Yes && !known:
		return fmt.Errorf("--yes approves the messages that are here, and %q is not", r.messagePath(signing))
	case !r.asks(m, r.isFresh(m, review.VerifyingKey.String())) && known:
		return nil
	}
	return unanswered(r.prompt(ctx, signing, m, review))
}

// asks reports whether a member here is asked before it signs what the file names. The file may be
// somebody else's: only a policy of one's own, or a key that this run made, spares the question.
func (r *run) asks(m ceremony.Member, fresh bool) bool {
	switch {
	case r.options.Decline || r.options.Yes || !r.isHere(m.Name) || r.gate.SignsByDigest(m):
		return false
	case m.Approve.By == ceremony.ByPrompt:
		return true
	case m.Approve.By == ceremony.ByCommand:
		return false // which the gate lets start, or not
	}
	return !r.everybodyHere() || !fresh
}

// canAsk fails where a member is to be asked, and it is known that nobody will answer. made tells whether this
// run makes the key itself.
func (r *run) canAsk(signing ceremony.Signing, made bool) error {
	for _, name := range signing.Signers {
		if m, _ := r.file.Member(name); r.asks(m, made) {
			return unanswered(r.env.canAnswer())
		}
	}
	return nil
}

// unanswered adds how a member can agree or refuse without being asked.
func unanswered(err error) error {
	if !errors.Is(err, protocol.ErrUnanswered) {
		return err
	}
	return &Failure{Code: ExitUsage, Err: err, Hint: "--yes signs what the file names, --decline refuses, and approve: in your own values (--local) decides for a member, or in the file once you allowed it (frostkit allow)"}
}

// isMeant compares what a coordinator asks for with what the file names: the
// signers, the digest where it has one, and the message where that is here. Nothing
// says what the message should be where known is false and err is nil.
func (r *run) isMeant(signing ceremony.Signing, review protocol.Review) (known bool, err error) {
	if len(review.Messages) != 1 || len(review.Aux) != 0 {
		return false, fmt.Errorf("asked to sign something else than %q: %d messages, %d bytes of auxiliary data",
			signing.Message, len(review.Messages), len(review.Aux))
	}
	if err := r.signersMeant(signing, review); err != nil {
		return false, err
	}
	asked := digestOf(review.Messages[0])
	if signing.SHA256 != "" && asked != signing.SHA256 {
		return false, fmt.Errorf("asked to sign a message with the SHA-256 digest %s, and the file says %s", asked, signing.SHA256)
	}
	expected, err := r.message(signing)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return signing.SHA256 != "", nil
	case err != nil:
		return false, err
	case !bytes.Equal(expected, review.Messages[0]):
		return false, fmt.Errorf("asked to sign something else than %q: its SHA-256 digest is %s, that of the file %s",
			signing.Message, asked, digestOf(expected))
	}
	return true, nil
}

// signersMeant compares who is asked to sign with whom the file names.
func (r *run) signersMeant(signing ceremony.Signing, review protocol.Review) error {
	meant := protocol.Review{Need: orAll(signing)}
	for _, name := range signing.Signers {
		meant.Signers = append(meant.Signers, protocol.Member{Name: name})
	}
	meant.Signers = r.inOrder(meant.Signers)
	if review.Need == meant.Need && slices.Equal(namesIn(review.Signers), namesIn(meant.Signers)) {
		return nil
	}
	return fmt.Errorf("asked to sign with the signers %s, and the file says %s", signersText(review), signersText(meant))
}

// orAll returns how many of a signing's candidates sign.
func orAll(signing ceremony.Signing) int { return cmp.Or(signing.Need, len(signing.Signers)) }

func (r *run) prompt(ctx context.Context, signing ceremony.Signing, m ceremony.Member, review protocol.Review) error {
	done, err := r.env.input().Turn(ctx)
	if err != nil {
		return err
	}
	defer done()
	r.display.pause()
	defer r.display.resume()
	group, _ := r.file.Group(signing.Group)
	r.env.say("%s is asked to sign for the group %q:", m.Name, group.Description)
	if err = r.env.approve(ctx, review); errors.Is(err, errAnsweredNo) {
		return r.env.askWhy(ctx)
	}
	return err
}
