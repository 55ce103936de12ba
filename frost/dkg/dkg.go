// Package dkg implements the distributed key generation of FROST: Pedersen's, with a
// proof of knowledge from each participant (Komlo and Goldberg, eprint 2020/852, Figure 1;
// RFC 9591 leaves it out), with the challenges and the wire forms of the ZF
// implementation (github.com/ZcashFoundation/frost).
//
// Each participant makes a [Round1] with [New] and sends its [Round1Package] to all
// others. It must make sure that all received the same one, by an echo or a
// broadcast channel, before it goes on. [Round1.Next] takes the others' packages
// and gives a [Round2], whose packages go to one participant each, in secret.
// [Round2.Next] takes the packages of the others and gives the keys.
//
// A round is spent when it goes on, whether or not it succeeds. Errors about what
// others sent are a *[frost.BlameError] that names all of them.
package dkg

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"frostkit/frost"
	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// ErrRoundSpent is the error of a round that has gone on, or was destroyed. A
// new attempt begins with [New].
var ErrRoundSpent = errors.New("round of the key generation is spent")

// guard, embedded, keeps a secret from being printed or marshalled.
type guard = secret.Guard

// Config says who generates a key.
type Config struct {
	// Ciphersuite is that of the key.
	Ciphersuite frost.Ciphersuite
	// Identifier is this participant's own.
	Identifier frost.Identifier
	// Participants are all of them, 2 to 65535, this one included, in any order.
	Participants []frost.Identifier
	// Threshold is how many of them will sign together, from 2 to their number.
	Threshold int
	// Random is where secrets come from; nil is crypto/rand.
	Random io.Reader
}

// party is what both rounds know of the group. Its ids are ascending.
type party struct {
	suite     frost.Ciphersuite
	id        frost.Identifier
	ids       []frost.Identifier
	threshold int
}

func newParty(config Config) (party, error) {
	ids, err := frost.CheckGroup(config.Ciphersuite, config.Participants, config.Threshold)
	if err != nil {
		return party{}, err
	}
	if !slices.Contains(ids, config.Identifier) {
		return party{}, fmt.Errorf("participant %s itself is not among the participants", config.Identifier)
	}
	return party{config.Ciphersuite, config.Identifier, ids, config.Threshold}, nil
}

// scalar returns the number that an identifier is.
func (p party) scalar(id frost.Identifier) group.Scalar {
	x, err := p.suite.Group().DecodeScalar(id.Bytes())
	if err != nil {
		panic("dkg: internal error: " + err.Error())
	}
	return x
}

// others yields the participants but this one, in ascending order.
func (p party) others(yield func(frost.Identifier) bool) {
	for _, id := range p.ids {
		if id != p.id && !yield(id) {
			return
		}
	}
}

// checkSenders checks that the packages are those of the other participants, each and
// no more.
func checkSenders[P any](p party, round int, packages map[frost.Identifier]*P) error {
	var missing, strange []frost.Identifier
	for id := range p.others {
		if packages[id] == nil {
			missing = append(missing, id)
		}
	}
	for id := range packages {
		if _, found := slices.BinarySearchFunc(p.ids, id, frost.Identifier.Compare); !found || id == p.id {
			strange = append(strange, id)
		}
	}
	slices.SortFunc(strange, frost.Identifier.Compare)
	return frost.JoinBlame(slices.Concat(
		blame(missing, fmt.Sprintf("sent no round %d package", round), nil),
		blame(strange, fmt.Sprintf("sent a round %d package, but is not one of the others", round), nil),
	)...)
}

// blame returns the failure of a check, none without culprits.
func blame(culprits []frost.Identifier, check string, reason error) []*frost.BlameError {
	if len(culprits) == 0 {
		return nil
	}
	return []*frost.BlameError{{Culprits: culprits, Check: check, Err: reason}}
}

// Round1 is a participant that has drawn its polynomial and waits for the
// round 1 packages of the others. It neither prints nor marshals.
type Round1 struct {
	guard
	party
	own *Round1Package
	// cell is emptied by the first to use it. A copy of the Round1 has the same cell.
	cell *atomic.Pointer[group.Polynomial]
}

// New draws the polynomial of a participant and proves that it knows its
// constant term: Round 1, Steps 1 to 3 of Figure 1.
func New(config Config) (*Round1, error) {
	const doing = "beginning a key generation: %w"
	p, err := newParty(config)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	random := config.Random
	if random == nil {
		random = rand.Reader
	}
	r := &Round1{party: p, cell: new(atomic.Pointer[group.Polynomial])}
	secret.Do(func() { err = r.draw(random) })
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	return r, nil
}

// draw draws the polynomial and makes the package.
func (r *Round1) draw(random io.Reader) error {
	g := r.suite.Group()
	constant, err := g.RandomScalar(random)
	if err != nil {
		return err
	}
	defer constant.Clear()
	polynomial, err := group.RandomPolynomial(random, g, constant, r.threshold)
	if err != nil {
		return err
	}
	if r.own, err = r.prove(random, polynomial); err != nil {
		polynomial.Clear()
		return err
	}
	r.cell.Store(&polynomial)
	return nil
}

// prove commits to a polynomial and makes the proof of knowledge of its constant term.
func (p party) prove(random io.Reader, polynomial group.Polynomial) (*Round1Package, error) {
	g := p.suite.Group()
	// k <- Z_q
	k, err := g.RandomScalar(random)
	if err != nil {
		return nil, err
	}
	defer k.Clear()
	own := &Round1Package{suite: p.suite, commitment: polynomial.Commit(g)}
	// R_i = g^k, mu_i = k + a_i0 * c_i
	own.proofR = g.BaseMult(k)
	g.Normalize(own.proofR)
	own.proofZ = g.NewScalar().MultiplyAdd(polynomial[0], own.challenge(p.id), k)
	return own, nil
}

// Package returns what the participant sends to all others.
func (r *Round1) Package() *Round1Package { return r.own }

// Destroy wipes the polynomial, after which [Round1.Next] returns [ErrRoundSpent].
func (r *Round1) Destroy() {
	if polynomial := r.cell.Swap(nil); polynomial != nil {
		polynomial.Clear()
	}
}

// Next takes the round 1 packages of all other participants, by their sender,
// and goes on to round 2. Each must have exactly as many commitments as the threshold, and a
// proof of knowledge that verifies: Round 1, Step 5, and Round 2, Step 1.
//
// A second call, a call that races with the first and a call on a copy get
// [ErrRoundSpent].
func (r *Round1) Next(packages map[frost.Identifier]*Round1Package) (*Round2, error) {
	const doing = "round 1 of the key generation: %w"
	polynomial := r.cell.Swap(nil)
	if polynomial == nil {
		return nil, fmt.Errorf(doing, ErrRoundSpent)
	}
	defer polynomial.Clear()
	if err := r.check(packages); err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	var next *Round2
	secret.Do(func() { next = newRound2(r, *polynomial, packages) })
	return next, nil
}

// check checks the packages of the others.
func (r *Round1) check(packages map[frost.Identifier]*Round1Package) error {
	if err := checkSenders(r.party, 1, packages); err != nil {
		return err
	}
	var wrongLength, rightLength []frost.Identifier
	var lengths []string
	for id := range r.others {
		switch p := packages[id]; {
		case p.suite != r.suite:
			return fmt.Errorf("package of %s is of another ciphersuite", id)
		case len(p.commitment) != r.threshold:
			wrongLength = append(wrongLength, id)
			lengths = append(lengths, strconv.Itoa(len(p.commitment)))
		default:
			rightLength = append(rightLength, id)
		}
	}
	counts := strings.Join(slices.Compact(lengths), ", ")
	return frost.JoinBlame(slices.Concat(
		blame(wrongLength, fmt.Sprintf("sent %s commitments, threshold is %d", counts, r.threshold), nil),
		blame(r.wrongProofs(rightLength, packages), "sent a proof of knowledge that does not verify", nil),
	)...)
}

// wrongProofs returns the senders whose proof does not verify. It checks one by one
// only if the weighted sum of all proofs does not verify.
func (p party) wrongProofs(senders []frost.Identifier, packages map[frost.Identifier]*Round1Package) []frost.Identifier {
	if p.proofsVerify(senders, packages) {
		return nil
	}
	return slices.DeleteFunc(senders, func(id frost.Identifier) bool { return packages[id].proofVerifies(id) })
}

// proofsVerify reports whether g^(sum of w_l * mu_l) is the product of
// R_l^w_l * phi_l0^(w_l * c_l) for random weights w_l of 128 bits. If a proof does not
// verify, the weights for which it is so are one in 2^128.
func (p party) proofsVerify(senders []frost.Identifier, packages map[frost.Identifier]*Round1Package) bool {
	g := p.suite.Group()
	left := g.NewScalar()
	var scalars []group.Scalar
	var elements []group.Element
	for i, weight := range g.RandomWeights(len(senders)) {
		sent := packages[senders[i]]
		left.MultiplyAdd(weight, sent.proofZ, left)
		product := g.NewScalar().Multiply(weight, sent.challenge(senders[i]))
		scalars = append(scalars, weight, product)
		elements = append(elements, sent.proofR, sent.commitment[0])
	}
	return g.VarTimeMultiScalarMult(scalars, elements).Equal(g.BaseMult(left))
}
