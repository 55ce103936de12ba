package runner

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"slices"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// signingAgreement is what members compare before they sign.
func (s *scene) signingAgreement(signing ceremony.Signing) native.Agreement {
	return native.Agreement{Digest: s.file.Digest(), Step: signing.StepName(), Tool: "frostkit " + Version}
}

// collectPart is the coordinator's part in a signing by frostkit's own protocol.
func (r *run) collectPart(id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	c, err := r.coordination(id, signing, rings)
	if err != nil {
		return nil, err
	}
	untold, err := r.untold(signing, c.public.VerifyingKey())
	if err != nil {
		return nil, err
	}
	step := &steps.Collect{
		Session: c.session, Agreement: r.signingAgreement(signing), Key: c.ring.Key(), PublicKeyPackage: c.public,
		Candidates: c.signers, Need: signing.Need, ShareWait: signing.ShareWait, Messages: [][]byte{c.message},
		Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign),
		Save:    func(made []frost.Signature) error { return r.saveUntold(signing, made[0]) }, Signatures: untold,
	}
	return func(ctx context.Context) error {
		signed, err := step.Run(ctx)
		if err == nil {
			_ = r.untoldMark(signing).Remove()
		}
		r.collected(signing, signed, err)
		return err
	}, nil
}

// untoldMark is the mark of a signature that signers elsewhere may not have been told of: while it is
// there, the coordinator's next run tells them.
func (r *run) untoldMark(signing ceremony.Signing) files.Place {
	output := r.output(signing)
	return output.Beside("." + filepath.Base(output.Name) + ".untold")
}

func (r *run) isUntold(signing ceremony.Signing) bool {
	_, err := r.untoldMark(signing).Stat()
	return err == nil && r.file.Protocol == ceremony.Frostkit && r.isHere(signing.Coordinator())
}

// saveUntold saves a signature before the signers are told of it.
func (r *run) saveUntold(signing ceremony.Signing, made frost.Signature) error {
	if !r.areHere(signing.Signers) {
		if err := writeOutput(r.untoldMark(signing), nil); err != nil {
			return withSignature(err, made)
		}
	}
	return r.saveSignature(signing, made)
}

// saveSignature writes a signature to where the file says.
func (r *run) saveSignature(signing ceremony.Signing, made frost.Signature) error {
	return withSignature(writeOutput(r.output(signing), made.Bytes()), made)
}

// withSignature adds to an error the signature that could not be written: with frost-client's protocol it is
// nowhere else.
func withSignature(err error, made frost.Signature) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w; the signature is %s", err, made)
}

// untold returns the signature that an earlier run saved and maybe did not tell of, nil if there is none.
func (r *run) untold(signing ceremony.Signing, key frost.VerifyingKey) ([]frost.Signature, error) {
	if !r.isUntold(signing) {
		return nil, nil
	}
	state, signature, err := r.savedSignature(signing, key)
	if err != nil || state != ceremony.ValidSignature {
		return nil, err
	}
	return []frost.Signature{signature}, nil
}

// answerPart is a signer's part in a signing by frostkit's own protocol.
func (r *run) answerPart(id string, signing ceremony.Signing, name string, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	p, err := r.participation(id, signing, name, rings)
	if err != nil {
		return nil, err
	}
	step := &steps.Answer{
		Session: p.session, Agreement: r.signingAgreement(signing), Key: p.ring.Key(), KeyPackage: p.share,
		VerifyingKey: p.share.VerifyingKey(), Members: p.members, Candidates: protocol.Keys(p.signers),
		Coordinator: p.keyOf(signing.Coordinator()), Random: rand.Reader,
		Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign), Approve: r.approval(signing, p.member),
		Save: func(made []frost.Signature) error { return r.keepSignature(signing, made) }, Committed: r.env.Committed,
	}
	return func(ctx context.Context) error {
		defer p.share.Destroy()
		signed, err := step.Run(ctx)
		r.answered(signing, signed, err)
		return refusedBy(p.member, err)
	}, nil
}

// keepSignature keeps the signature at a signer who has the message, too: run again, there is nothing left
// to do there. What is there already is not overwritten.
func (r *run) keepSignature(signing ceremony.Signing, made []frost.Signature) error {
	if _, err := r.message(signing); err != nil {
		return nil
	}
	if _, err := r.output(signing).Lstat(); err == nil {
		return nil
	}
	return r.saveSignature(signing, made[0])
}

// keyOf returns the communication key of a signer, by the name in the file.
func (s *signer) keyOf(name string) commkey.PublicKey {
	i := slices.IndexFunc(s.signers, func(m protocol.Member) bool { return m.Name == name })
	if i < 0 {
		return commkey.PublicKey{}
	}
	return s.signers[i].Key
}
