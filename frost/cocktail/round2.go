package cocktail

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// Round2 is a member that has verified the messages of all, and has its keys, which are
// pending until there is a [Certificate]. It neither prints nor marshals.
type Round2 struct {
	guard
	keys
	setup    *Setup
	bundle   *Bundle // nil if it opens nothing
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
	if err := cmp.Or(m.key.usable(), m.opening.usable()); err != nil {
		return nil, err
	}
	if err := blame(proofFaults(m.setup, all)); err != nil {
		return nil, err
	}
	outcome, payloads, err := m.openAll(all, ciphertexts)
	if err != nil {
		return nil, err
	}
	r := &Round2{keys: outcome, setup: m.setup, payloads: payloads, cell: new(atomic.Pointer[verified])}
	if m.setup.Recoverable() {
		r.bundle = newBundle(m.setup.suite, ciphertexts)
	}
	r.cell.Store(&verified{*m, all})
	return r, nil
}

// proofFaults verifies all proofs of possession, and of ephemeral keys where they are there: Round 2, Step 2.
func proofFaults(setup *Setup, all []contribution) []*Fault {
	var proofs []signed
	var authors []frost.Identifier
	for j, id := range setup.ids {
		proofs, authors = append(proofs, all[j].proof(setup.context)), append(authors, id)
		if all[j].possession.r != nil {
			proofs, authors = append(proofs, all[j].possessionProof(setup.context, id)), append(authors, id)
		}
	}
	var faults []*Fault
	for _, i := range invalid(setup.suite, proofs) {
		if n := len(faults); n == 0 || faults[n-1].Culprit != authors[i] {
			faults = append(faults, &Fault{Culprit: authors[i], Check: CheckProof, setup: setup})
		}
	}
	return faults
}

// openAll opens and verifies the shares of all members, and makes the keys: Round 2, Steps 3 and 4.
// Where it fails it leaves neither shares nor payloads.
func (m *member) openAll(all []contribution, ciphertexts [][]byte) (outcome keys, payloads map[frost.Identifier][]byte, err error) {
	secret.Do(func() {
		var shares []group.Scalar
		var faults []*Fault
		shares, payloads, faults = m.decryptAll(all, ciphertexts)
		defer clearAll(shares)
		if err = blame(append(faults, m.shareFaults(all, shares)...)); err == nil {
			outcome, err = m.assemble(all, shares)
		}
	})
	if err != nil {
		clearPayloads(payloads)
		return keys{}, nil, err
	}
	return outcome, payloads, nil
}

// decryptAll decrypts the ciphertexts of all members: Steps 3.1 to 3.3. There is no share of a
// member who is at fault.
func (m *member) decryptAll(all []contribution, ciphertexts [][]byte) (shares []group.Scalar, payloads map[frost.Identifier][]byte, faults []*Fault) {
	shares = make([]group.Scalar, len(all))
	payloads = make(map[frost.Identifier][]byte, len(all))
	for j, id := range m.setup.ids {
		var err error
		p := m.pairWith(j, all[j])
		if shares[j], payloads[id], err = p.open(m.opening.secret, ciphertexts[j]); err != nil {
			faults = append(faults, m.fault(p, id, checkOf(err)))
		}
	}
	return shares, payloads, faults
}

// assemble makes the keys of verified shares: Step 4.
func (m *member) assemble(all []contribution, shares []group.Scalar) (keys, error) {
	g := m.setup.suite.Group()
	// x_i = sum of s_ji
	sum := g.NewScalar()
	for _, share := range shares {
		sum.Add(sum, share)
	}
	// C_agg,k = sum of C_jk; Y = C_agg,0; "Final Check: … x_i * B = Y_i"
	private, public, err := frost.AssembleKeys(m.setup.suite.Ciphersuite, m.id, sum, sumCommitments(g, all), m.setup.ids)
	if err != nil {
		sum.Clear()
	}
	return keys{private, public}, err
}

// pairWith is a sender and this member.
func (m *member) pairWith(sender int, c contribution) pair {
	return pair{m.setup.suite, c.ephemeral, m.setup.keys[sender], m.opening.public.element, m.setup.context}
}

// fault is a ciphertext at fault, with the evidence for others. Without a proof of possession of the ephemeral key it
// would have this member compute with a key of its sender's choice.
func (m *member) fault(p pair, culprit frost.Identifier, check Check) *Fault {
	fault := &Fault{Culprit: culprit, Check: check, setup: m.setup}
	if m.setup.attempt != nil {
		fault.evidence, fault.Err = p.disclose(m.opening.secret, m.setup.statement(m.id, culprit), m.random)
	}
	return fault
}

// checkOf returns the check that a ciphertext failed.
func checkOf(err error) Check {
	if errors.Is(err, errScalar) {
		return CheckPlaintext
	}
	return CheckDecryption
}

// clearAll wipes the scalars that there are.
func clearAll(scalars []group.Scalar) {
	for _, scalar := range scalars {
		if scalar != nil {
			scalar.Clear()
		}
	}
}

func clearPayloads(payloads map[frost.Identifier][]byte) {
	for _, payload := range payloads {
		clear(payload)
	}
}

// shareFaults verifies the shares that were opened, one by one only if the weighted sum of
// all does not verify: Round 2, Step 3.4.
func (m *member) shareFaults(all []contribution, shares []group.Scalar) []*Fault {
	g, position := m.setup.suite.Group(), m.setup.index[m.id]
	if sharesBelong(g, all, position, shares) {
		return nil
	}
	var faults []*Fault
	for j, share := range shares {
		// s_ji * B = sum of i^k * C_jk
		if share != nil && !shareBelongs(g, all[j].commitment, position, share) {
			faults = append(faults, m.fault(m.pairWith(j, all[j]), m.setup.ids[j], CheckShare))
		}
	}
	return faults
}

// sharesBelong reports whether both sides of the equation, summed with random weights of 128 bits for
// each sender, are equal. If a share is wrong, the weights for which they are so are one in 2^128.
// Without weights, wrong shares of two senders could cancel out.
func sharesBelong(g group.Group, all []contribution, position int, shares []group.Scalar) bool {
	var weights []group.Scalar
	var commitments [][]group.Element
	sum := g.NewScalar()
	defer sum.Clear()
	for j, w := range g.RandomWeights(len(all)) {
		if shares[j] != nil {
			weights, commitments = append(weights, w), append(commitments, all[j].commitment)
			sum.MultiplyAdd(w, shares[j], sum)
		}
	}
	if len(weights) == 0 {
		return true
	}
	x := g.ScalarFromUint16(uint16(position + 1))
	return g.VarTimeWeightedEvaluate(weights, commitments, x).Equal(g.BaseMult(sum))
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
// static key. It is nil where the shares were encrypted to keys of the attempt: then the key package is what
// [ResumeShare] needs.
func (r *Round2) Bundle() *Bundle { return r.bundle }

// Payload returns what a member, maybe this one, sent to this one beside the share: empty if
// nothing. Whether all members got the same is for the application to find out: see [PayloadExtension].
func (r *Round2) Payload(sender frost.Identifier) []byte { return slices.Clone(r.payloads[sender]) }

// Destroy abandons the key generation: it wipes the key package and the payloads, and
// [Round2.Next] returns [ErrRoundSpent].
func (r *Round2) Destroy() {
	if r.cell.Swap(nil) != nil {
		r.wipe()
	}
}

func (r *Round2) wipe() {
	r.private.Destroy()
	clearPayloads(r.payloads)
}

// Next adds the application's extension to the transcript, such as the digest of a ceremony file,
// and signs it: Round 3, Steps 1 and 2. All members must give the same extension, and nobody's
// key generation succeeds otherwise.
//
// Before the signature is sent, the keys are to be stored, or the transcript and the bundle. If
// Next fails, it has wiped the key package and the payloads, as [Round2.Destroy] does.
//
// A second call, a call that races with the first and a call on a copy get [ErrRoundSpent].
func (r *Round2) Next(extension []byte) (*Round3, error) {
	const doing = "round 2 of the key generation: %w"
	state := r.cell.Swap(nil)
	if state == nil {
		return nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	next, err := state.conclude(extension)
	if err != nil {
		r.wipe()
		return nil, fmt.Errorf(doing, err)
	}
	return next, nil
}

// conclude makes the transcript and signs it.
func (v *verified) conclude(extension []byte) (*Round3, error) {
	transcript, err := newTranscript(v.setup, v.all, extension)
	if err != nil {
		return nil, err
	}
	return v.certify(transcript)
}
