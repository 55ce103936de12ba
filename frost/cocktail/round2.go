package cocktail

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"frostkit/frost"
	"frostkit/frost/internal/group"
)

// Round2 is a member that has verified the messages of all, and has its keys, which are
// pending until there is a [Certificate]. It neither prints nor marshals.
type Round2 struct {
	guard
	keys
	bundle   *Bundle
	payloads map[frost.Identifier][]byte
	// cell is emptied by the first to use it. A copy of the Round2 has the same cell.
	cell *atomic.Pointer[verified]
}

// verified is a member with the contributions of all, which it has verified.
type verified struct {
	member
	all []contribution
}

// keys are a member's outcome.
type keys struct {
	private *frost.KeyPackage
	public  *frost.PublicKeyPackage
}

// receive verifies and decrypts what all members sent to this one: Round 2.
func (m *member) receive(all []contribution, ciphertexts [][]byte) (*Round2, error) {
	if err := m.key.usable(); err != nil {
		return nil, err
	}
	if err := blame(proofFaults(m.setup, all)); err != nil {
		return nil, err
	}
	outcome, payloads, err := m.openAll(all, ciphertexts)
	if err != nil {
		return nil, err
	}
	r := &Round2{keys: outcome, payloads: payloads, bundle: newBundle(m.setup.suite, ciphertexts), cell: new(atomic.Pointer[verified])}
	r.cell.Store(&verified{*m, all})
	return r, nil
}

// proofFaults verifies all proofs of possession: Round 2, Step 2.
func proofFaults(setup *Setup, all []contribution) []*Fault {
	proofs := make([]signed, len(all))
	for j := range all {
		proofs[j] = all[j].proof(setup.context)
	}
	var faults []*Fault
	for _, j := range invalid(setup.suite, proofs) {
		faults = append(faults, &Fault{Culprit: setup.ids[j], Check: CheckProof, setup: setup})
	}
	return faults
}

// openAll opens and verifies the shares of all members, and makes the keys: Round 2, Steps 3 and 4.
func (m *member) openAll(all []contribution, ciphertexts [][]byte) (keys, map[frost.Identifier][]byte, error) {
	g := m.setup.suite.Group()
	sum := g.NewScalar()
	payloads := make(map[frost.Identifier][]byte)
	var faults []*Fault
	for j, id := range m.setup.ids {
		share, payload, fault := m.openShare(j, all[j], ciphertexts[j])
		if fault != nil {
			fault.Culprit, fault.setup = id, m.setup
			faults = append(faults, fault)
			continue
		}
		// x_i = sum of s_ji
		sum.Add(sum, share)
		share.Clear()
		payloads[id] = payload
	}
	if err := blame(faults); err != nil {
		sum.Clear()
		return keys{}, nil, err
	}
	// C_agg,k = sum of C_jk; Y = C_agg,0; "Final Check: x_i * B = Y_i"
	private, public, err := frost.AssembleKeys(m.setup.suite.Ciphersuite, m.id, sum, sumCommitments(g, all), m.setup.ids)
	if err != nil {
		sum.Clear()
		return keys{}, nil, err
	}
	return keys{private, public}, payloads, nil
}

// openShare decrypts what the member at position j sent, and verifies the share.
func (m *member) openShare(j int, c contribution, ciphertext []byte) (group.Scalar, []byte, *Fault) {
	g := m.setup.suite.Group()
	p := pair{m.setup.suite, c.ephemeral, m.setup.keys[j], m.key.public.element, m.setup.context}
	share, payload, err := p.open(m.key.secret, ciphertext)
	switch {
	case errors.Is(err, errScalar):
		return nil, nil, &Fault{Check: CheckPlaintext}
	case err != nil:
		return nil, nil, &Fault{Check: CheckDecryption}
	}
	// s_ji * B = sum of i^k * C_jk
	if !shareBelongs(g, c.commitment, m.setup.index[m.id], share) {
		return nil, nil, &Fault{Check: CheckShare, share: share}
	}
	return share, payload, nil
}

// shareBelongs reports whether a share is that of the member at a position, from 0.
func shareBelongs(g group.Group, commitment []group.Element, position int, share group.Scalar) bool {
	return g.BaseMult(share).Equal(group.VarTimeEvaluate(g, commitment, g.ScalarFromUint16(uint16(position+1))))
}

// sumCommitments returns the commitment to the group's polynomial, normalized.
func sumCommitments(g group.Group, all []contribution) []group.Element {
	sum := make([]group.Element, len(all[0].commitment))
	for k := range sum {
		sum[k] = g.NewElement()
		for j := range all {
			sum[k].Add(sum[k], all[j].commitment[k])
		}
	}
	g.Normalize(sum...)
	return sum
}

// KeyPackage returns the member's key package, pending: it must not sign before there is a
// [Certificate], with which it is the caller's for good.
func (r *Round2) KeyPackage() *frost.KeyPackage { return r.private }

// PublicKeyPackage returns the group's public keys, pending likewise.
func (r *Round2) PublicKeyPackage() *frost.PublicKeyPackage { return r.public }

// Bundle returns the ciphertexts to this member, which [Resume] and [Recover] need beside its
// static key.
func (r *Round2) Bundle() *Bundle { return r.bundle }

// Payload returns what a member, maybe this one, sent to this one beside the share: empty if
// nothing. Whether all members got the same is for the application to find out: see [PayloadExtension].
func (r *Round2) Payload(sender frost.Identifier) []byte { return slices.Clone(r.payloads[sender]) }

// Destroy abandons the key generation: it wipes the key package and the payloads, and
// [Round2.Next] returns [ErrRoundSpent].
func (r *Round2) Destroy() {
	if r.cell.Swap(nil) == nil {
		return
	}
	r.private.Destroy()
	for _, payload := range r.payloads {
		clear(payload)
	}
}

// Next adds the application's extension to the transcript, such as the digest of a ceremony file,
// and signs it: Round 3, Steps 1 and 2. All members must give the same extension, and nobody's
// key generation succeeds otherwise.
//
// Before the signature is sent, the keys are to be stored, or the transcript and the bundle.
//
// A second call, a call that races with the first and a call on a copy get [ErrRoundSpent].
func (r *Round2) Next(extension []byte) (*Round3, error) {
	const doing = "round 2 of the key generation: %w"
	state := r.cell.Swap(nil)
	if state == nil {
		return nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	transcript, err := newTranscript(state.setup, state.all, extension)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	next, err := state.certify(transcript)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return next, nil
}
