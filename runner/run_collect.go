package runner

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// signingAgreement is what members compare before they sign.
func (s *scene) signingAgreement(signing ceremony.Signing) native.Agreement {
	number := 1 + slices.IndexFunc(s.file.Sign, func(other ceremony.Signing) bool { return other.Pos == signing.Pos })
	return native.Agreement{Digest: s.file.Digest(), Step: fmt.Sprintf("signing %d", number), Tool: "frostkit " + Version}
}

// collectPart is the coordinator's part in a signing by frostkit's own protocol.
func (r *run) collectPart(id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	c, err := r.coordination(id, signing, rings)
	if err != nil {
		return nil, err
	}
	step := &steps.Collect{
		Session: c.session, Agreement: r.signingAgreement(signing), Key: c.ring.Key(), PublicKeyPackage: c.public,
		Candidates: c.signers, Need: signing.Need, Share: signing.Wait, Messages: [][]byte{c.message},
		Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign),
		Save:    func(made []frost.Signature) error { return writeFile(r.outputPath(signing), made[0].Bytes()) },
	}
	return func(ctx context.Context) error {
		signed, err := step.Run(ctx)
		r.collected(signing, signed, err)
		return err
	}, nil
}

// answerPart is a signer's part in a signing by frostkit's own protocol.
func (r *run) answerPart(id string, signing ceremony.Signing, name string, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	s, err := r.signer(id, signing, name, rings)
	if err != nil {
		return nil, err
	}
	session, err := r.session(s.member, s.ring, rings)
	if err != nil {
		return nil, err
	}
	public, err := s.group.PublicKeyPackage()
	if err != nil {
		return nil, err
	}
	key, err := s.group.KeyPackage()
	if err != nil {
		return nil, err
	}
	step := &steps.Answer{
		Session: session, Agreement: r.signingAgreement(signing), Key: s.ring.Key(), KeyPackage: key,
		VerifyingKey: public.VerifyingKey(), Members: s.members, Candidates: memberKeysOf(s.signers),
		Coordinator: s.keyOf(signing.Coordinator()), Random: rand.Reader,
		Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign), Approve: r.approval(signing, s.member),
		Committed: r.env.Committed,
	}
	return func(ctx context.Context) error {
		defer key.Destroy()
		signed, err := step.Run(ctx)
		r.answered(signing, signed, err)
		return refusedBy(s.member, err)
	}, nil
}

// keyOf returns the communication key of a signer, by the name in the file.
func (s *signer) keyOf(name string) commkey.PublicKey {
	i := slices.IndexFunc(s.signers, func(m protocol.Member) bool { return m.Name == name })
	if i < 0 {
		return commkey.PublicKey{}
	}
	return s.signers[i].Key
}

func memberKeysOf(members []protocol.Member) []commkey.PublicKey {
	keys := make([]commkey.PublicKey, len(members))
	for i, m := range members {
		keys[i] = m.Key
	}
	return keys
}
