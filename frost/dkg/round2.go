package dkg

import (
	"fmt"
	"slices"
	"sync/atomic"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/parallel"
	"frostkit/frost/internal/secret"
)

// Round2 is a participant that has accepted the round 1 packages of the others, and
// waits for their round 2 packages. It neither prints nor marshals.
type Round2 struct {
	guard
	party
	packages map[frost.Identifier]*Round2Package
	// cell is emptied by the first to use it. A copy of the Round2 has the same cell.
	cell *atomic.Pointer[accepted]
}

// accepted is what round 1 leaves to round 2: this participant's own share of its
// own polynomial, and the commitments of all.
type accepted struct {
	guard
	share       group.Scalar
	own         []group.Element
	commitments map[frost.Identifier][]group.Element
}

// newRound2 evaluates the polynomial for every participant: Round 2, Step 1.
func newRound2(r *Round1, polynomial group.Polynomial, packages map[frost.Identifier]*Round1Package) *Round2 {
	g := r.suite.Group()
	next := &Round2{
		party:    r.party,
		packages: make(map[frost.Identifier]*Round2Package, len(packages)),
		cell:     new(atomic.Pointer[accepted]),
	}
	commitments := make(map[frost.Identifier][]group.Element, len(packages))
	for id, p := range packages {
		commitments[id] = p.commitment
		next.packages[id] = &Round2Package{suite: r.suite, share: polynomial.Evaluate(g, r.scalar(id))}
	}
	next.cell.Store(&accepted{
		share:       polynomial.Evaluate(g, r.scalar(r.id)),
		own:         r.own.commitment,
		commitments: commitments,
	})
	return next
}

// Packages returns what the participant sends to each other one, in secret. They stay
// until [Round2.Destroy].
func (r *Round2) Packages() map[frost.Identifier]*Round2Package { return r.packages }

// Destroy wipes the shares, those in the packages too, after which
// [Round2.Next] returns [ErrRoundSpent].
func (r *Round2) Destroy() {
	if state := r.cell.Swap(nil); state != nil {
		state.share.Clear()
	}
	for _, p := range r.packages {
		p.Destroy()
	}
}

// Next takes the round 2 packages of all other participants, by their sender,
// checks each share against its sender's commitment, and returns the
// participant's keys: Round 2, Steps 2 to 4.
//
// A second call, a call that races with the first and a call on a copy get
// [ErrRoundSpent].
func (r *Round2) Next(packages map[frost.Identifier]*Round2Package) (*frost.KeyPackage, *frost.PublicKeyPackage, error) {
	const doing = "round 2 of the key generation: %w"
	state := r.cell.Swap(nil)
	if state == nil {
		return nil, nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	var err error
	secret.Do(func() {
		if err = r.check(state, packages); err != nil {
			return
		}
		// s_i = sum of f_l(i)
		for id := range r.others {
			state.share.Add(state.share, packages[id].share)
		}
	})
	if err != nil {
		state.share.Clear()
		return nil, nil, fmt.Errorf(doing, err)
	}
	key, public, err := frost.AssembleKeys(r.suite, r.id, state.share, r.sum(state), r.ids)
	if err != nil {
		state.share.Clear()
		return nil, nil, fmt.Errorf(doing, err)
	}
	return key, public, nil
}

// leastSums is how many elements of the group's commitment pay for a goroutine.
const leastSums = 16

// sum returns the commitment to the group's polynomial: the sum of those of
// all participants.
func (r *Round2) sum(state *accepted) []group.Element {
	g := r.suite.Group()
	total := make([]group.Element, r.threshold)
	parallel.For(len(total), leastSums, func(from, to int) {
		for k := from; k < to; k++ {
			total[k] = g.NewElement().Set(state.own[k])
			for id := range r.others {
				total[k].Add(total[k], state.commitments[id][k])
			}
		}
	})
	g.Normalize(total...)
	return total
}

// check checks the shares of the others.
func (r *Round2) check(state *accepted, packages map[frost.Identifier]*Round2Package) error {
	if err := checkSenders(r.party, 2, packages); err != nil {
		return err
	}
	for id := range r.others {
		if packages[id].suite != r.suite {
			return fmt.Errorf("package of %s is of another ciphersuite", id)
		}
	}
	return frost.JoinBlame(slices.Concat(
		blame(r.wrongShares(state, packages), "sent a share that does not belong to its commitments", nil),
	)...)
}

// wrongShares returns the senders whose share is wrong. It checks one by one only
// if the weighted sum of all shares is wrong.
func (r *Round2) wrongShares(state *accepted, packages map[frost.Identifier]*Round2Package) []frost.Identifier {
	if r.sharesVerify(state, packages) {
		return nil
	}
	g, x := r.suite.Group(), r.scalar(r.id)
	var culprits []frost.Identifier
	for id := range r.others {
		// g^f_l(i) = product of phi_lk^(i^k) for k from 0 to t-1
		if !g.BaseMult(packages[id].share).Equal(group.VarTimeEvaluate(g, state.commitments[id], x)) {
			culprits = append(culprits, id)
		}
	}
	return culprits
}

// sharesVerify reports whether the sums of both sides, with random weights of 128 bits
// for each sender, are equal. If a share is wrong, the weights for which they are so
// are one in 2^128. Without weights, as simplified Pedersen DKGs add them up
// (eprint 2023/899), senders whose errors cancel would pass, whom the ZF
// implementation finds.
func (r *Round2) sharesVerify(state *accepted, packages map[frost.Identifier]*Round2Package) bool {
	g := r.suite.Group()
	weights := g.RandomWeights(len(r.ids) - 1)
	sum := g.NewScalar()
	defer sum.Clear()
	var commitments [][]group.Element
	for id := range r.others {
		sum.MultiplyAdd(weights[len(commitments)], packages[id].share, sum)
		commitments = append(commitments, state.commitments[id])
	}
	return g.VarTimeWeightedEvaluate(weights, commitments, r.scalar(r.id)).Equal(g.BaseMult(sum))
}
