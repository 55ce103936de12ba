package cocktail

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"

	"frostkit/frost"
)

// Recover makes a member's keys again from its static key, the certificate and its
// bundle: "Recovery Algorithm". It fails with [ErrAttemptKeys] unless the setup is [Setup.Recoverable].
func Recover(key *StaticKey, certificate *Certificate, bundle *Bundle) (*frost.KeyPackage, *frost.PublicKeyPackage, error) {
	_, outcome, err := reopen(key, certificate.transcript, bundle)
	if err != nil {
		return nil, nil, fmt.Errorf("recovering a share: %w", err)
	}
	return outcome.private, outcome.public, nil
}

// Resume takes a member that was interrupted after it stored its transcript and bundle, and before
// it got the certificate, back to where it waits for signatures. Its keys are pending. The
// signature is the same as before.
//
// Everything that the member verified is verified again, but not the extension, nor that
// the session is still going on: the transcript must be one that the member itself stored.
func Resume(key *StaticKey, transcript *Transcript, bundle *Bundle) (*Round3, *frost.KeyPackage, *frost.PublicKeyPackage, error) {
	const doing = "resuming a key generation: %w"
	if err := blame(proofFaults(transcript.setup, transcript.all)); err != nil {
		return nil, nil, nil, fmt.Errorf(doing, err)
	}
	self, outcome, err := reopen(key, transcript, bundle)
	if err != nil {
		return nil, nil, nil, fmt.Errorf(doing, err)
	}
	round, err := self.certify(transcript)
	if err != nil {
		outcome.private.Destroy()
		return nil, nil, nil, fmt.Errorf(doing, err)
	}
	return round, outcome.private, outcome.public, nil
}

// ResumeShare does what [Resume] does for a member that stored its transcript and its key package. It checks
// the package as [Transcript.CheckShare] does, and does not change it.
func ResumeShare(key *StaticKey, transcript *Transcript, private *frost.KeyPackage) (*Round3, *frost.PublicKeyPackage, error) {
	const doing = "resuming a key generation: %w"
	if err := blame(proofFaults(transcript.setup, transcript.all)); err != nil {
		return nil, nil, fmt.Errorf(doing, err)
	}
	id, err := transcript.setup.self(key)
	if err != nil {
		return nil, nil, fmt.Errorf(doing, err)
	}
	public, err := transcript.checkShare(id, private)
	if err != nil {
		return nil, nil, fmt.Errorf(doing, err)
	}
	self := &member{transcript.setup, id, key, key, rand.Reader}
	round, err := self.certify(transcript)
	if err != nil {
		return nil, nil, fmt.Errorf(doing, err)
	}
	return round, public, nil
}

// CheckShare checks that a key package is that of the member with a static key in the group of the transcript, and
// returns the group's public keys.
func (t *Transcript) CheckShare(key StaticPublicKey, private *frost.KeyPackage) (*frost.PublicKeyPackage, error) {
	id, ok := t.setup.IdentifierOf(key)
	if !ok {
		return nil, fmt.Errorf("checking a stored share: %w", ErrNotMember)
	}
	public, err := t.checkShare(id, private)
	if err != nil {
		return nil, fmt.Errorf("checking a stored share: %w", err)
	}
	return public, nil
}

func (t *Transcript) checkShare(id frost.Identifier, private *frost.KeyPackage) (*frost.PublicKeyPackage, error) {
	public, err := t.PublicKeyPackage()
	if err != nil {
		return nil, err
	}
	share, _ := public.VerifyingShare(id)
	if private.Identifier() != id || private.MinSigners() != t.setup.threshold ||
		!bytes.Equal(private.VerifyingKey().Bytes(), public.VerifyingKey().Bytes()) ||
		!bytes.Equal(private.VerifyingShare().Bytes(), share.Bytes()) {
		return nil, errors.New("the share is of another group, or of another member")
	}
	return public, private.Check()
}

// reopen decrypts and verifies the shares in a bundle: Steps 3 to 8 of "Recovery Algorithm".
func reopen(key *StaticKey, t *Transcript, bundle *Bundle) (*member, keys, error) {
	// "Find the unique index i such that P_i = d_i * B": keys of a setup are distinct.
	id, err := t.setup.self(key)
	if err != nil {
		return nil, keys{}, err
	}
	if bundle.suite != t.setup.suite || len(bundle.ciphertexts) != len(t.setup.ids) {
		return nil, keys{}, fmt.Errorf("bundle has %d ciphertexts, and the transcript %d members", len(bundle.ciphertexts), len(t.setup.ids))
	}
	if !t.setup.Recoverable() {
		return nil, keys{}, ErrAttemptKeys
	}
	self := &member{t.setup, id, key, key, rand.Reader}
	outcome, payloads, err := self.openAll(t.all, bundle.ciphertexts)
	clearPayloads(payloads)
	return self, outcome, err
}

// PayloadExtension returns the extension that makes members agree on the payloads of all, for
// members that each sent the same payload to everybody: "H(n || len(payload_1) || payload_1
// || … || len(payload_n) || payload_n)" ("Deriving Extensions from Payloads").
func (r *Round2) PayloadExtension() []byte {
	s := r.setup.suite
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(r.payloads)))
	for _, id := range r.public.Identifiers() {
		b = appendField(b, r.payloads[id])
	}
	defer clear(b)
	return s.hash(b)
}
