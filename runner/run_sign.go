package runner

import (
	"context"
	"crypto/rand"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// sign runs one signing: the coordinator, when it is here, and every signer
// here, side by side.
func (r *run) sign(ctx context.Context, id string, signing ceremony.Signing) error {
	rings, err := r.rings()
	if err != nil {
		return err
	}
	defer destroy(rings)
	if err := r.agreesFirst(ctx, id, signing, rings); err != nil {
		return err
	}
	coordinate, participate := r.coordinatorPart, r.participantPart
	if r.file.Protocol == ceremony.Frostkit {
		coordinate, participate = r.collectPart, r.answerPart
	}
	var parts []func(context.Context) error
	if r.isHere(signing.Coordinator()) {
		part, err := coordinate(id, signing, rings)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	for _, name := range signing.Signers {
		if !r.isHere(name) {
			continue
		}
		part, err := participate(id, signing, name, rings)
		if err != nil {
			return err
		}
		parts = append(parts, part)
	}
	return r.together(ctx, parts)
}

// signer is what a member here needs for a signing.
type signer struct {
	member  ceremony.Member
	ring    *keyring.Keyring
	group   *keyring.Group
	members []protocol.Member // of the group, by the names in the file
	signers []protocol.Member
}

func (r *run) signer(id string, signing ceremony.Signing, name string, rings map[string]*keyring.Keyring) (*signer, error) {
	m, _ := r.file.Member(name)
	s := &signer{member: m, ring: rings[name]}
	var ok bool
	if s.group, ok = s.ring.Group(id); !ok {
		return nil, failf(ExitInput, "no group %q in %q", id, s.ring.Path())
	}
	names := map[commkey.PublicKey]string{}
	for _, other := range r.file.Members {
		if key, ok := r.keyOf(other, rings, s.ring); ok {
			names[key] = other.Name
		}
	}
	for _, p := range s.group.Participants {
		member := protocol.Member{Name: names[p.Key], Key: p.Key, Identifier: p.Identifier}
		s.members = append(s.members, member)
		for _, chosen := range signing.Signers {
			if chosen == member.Name {
				s.signers = append(s.signers, member)
			}
		}
	}
	return s, nil
}

// coordination is what the coordinator of a signing needs, whatever the protocol.
type coordination struct {
	*signer
	public  *frost.PublicKeyPackage
	message []byte
	session steps.Session
}

func (r *run) coordination(id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) (*coordination, error) {
	s, err := r.signer(id, signing, signing.Coordinator(), rings)
	if err != nil {
		return nil, err
	}
	c := &coordination{signer: s}
	if c.public, err = s.group.PublicKeyPackage(); err != nil {
		return nil, err
	}
	if c.message, err = r.message(signing); err != nil {
		return nil, err
	}
	if c.session, err = r.session(s.member, s.ring, rings); err != nil {
		return nil, err
	}
	c.session.Notify = r.display.coordinator(s.member.Name)
	return c, nil
}

// coordinatorPart is the coordinator's part in a signing by frost-client's protocol.
func (r *run) coordinatorPart(id string, signing ceremony.Signing, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	c, err := r.coordination(id, signing, rings)
	if err != nil {
		return nil, err
	}
	step := &steps.Coordinate{
		Session: c.session, Key: c.ring.Key(), PublicKeyPackage: c.public,
		Signers: c.signers, Messages: [][]byte{c.message}, Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign),
	}
	return func(ctx context.Context) error {
		signatures, err := step.Run(ctx)
		r.collected(signing, &native.Signed{Signatures: signatures, Signers: c.signers}, err)
		if err != nil {
			return err
		}
		return r.saveSignature(signing, signatures[0])
	}, nil
}

// participation is what a signer here needs, whatever the protocol.
type participation struct {
	*signer
	session steps.Session
	share   *frost.KeyPackage // to be destroyed
}

func (r *run) participation(id string, signing ceremony.Signing, name string, rings map[string]*keyring.Keyring) (*participation, error) {
	s, err := r.signer(id, signing, name, rings)
	if err != nil {
		return nil, err
	}
	p := &participation{signer: s}
	if p.session, err = r.session(s.member, s.ring, rings); err != nil {
		return nil, err
	}
	p.share, err = s.group.KeyPackage()
	return p, err
}

// participantPart is a signer's part in a signing by frost-client's protocol.
func (r *run) participantPart(id string, signing ceremony.Signing, name string, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	p, err := r.participation(id, signing, name, rings)
	if err != nil {
		return nil, err
	}
	step := &steps.Participate{
		Session: p.session, Key: p.ring.Key(), KeyPackage: p.share, Members: p.members, Signers: protocol.Keys(p.signers),
		Random: rand.Reader, Timeout: orElse(r.options.Timeout, r.file.Timeouts.Sign), Approve: r.approval(signing, p.member),
	}
	return func(ctx context.Context) error {
		defer p.share.Destroy()
		return refusedBy(p.member, step.Run(ctx))
	}, nil
}

// verify checks the signature as it was written.
func (r *run) verify(id string, signing ceremony.Signing) error {
	key, err := frost.ParseVerifyingKey(r.suite, id)
	if err != nil {
		return err
	}
	state, err := r.signatureState(signing, key)
	if err != nil {
		return err
	}
	if state != ceremony.ValidSignature {
		return failf(ExitFailed, "verifying %q: it is not a signature of %q under %s", r.outputPath(signing), signing.Message, id)
	}
	return nil
}
