package frost

import (
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// Signer is a participant in one signing: it holds the nonces of its
// [SigningCommitments] and signs once with them. It neither prints nor marshals,
// and its nonces never leave it.
type Signer struct {
	guard
	id          Identifier
	key         group.Element
	minSigners  int
	commitments *SigningCommitments
	lagrange    *lagrangeCache // of the key package
	// cell is emptied by the first to use it. A copy of the Signer has the same cell.
	cell *atomic.Pointer[signingSecrets]
}

// signingSecrets are the nonces d_i and e_i, and a copy of the signing share s_i.
type signingSecrets struct {
	guard
	hiding, binding, share group.Scalar
}

func (s *signingSecrets) destroy() {
	s.hiding.Clear()
	s.binding.Clear()
	s.share.Clear()
}

// NewSigner draws the nonces of one signing and commits to them: round one,
// RFC 9591, Section 5.1. It takes 64 bytes from random, and copies what it needs of key.
func NewSigner(random io.Reader, key *KeyPackage) (*Signer, error) {
	signers, err := NewSigners(random, key, 1)
	if err != nil {
		return nil, err
	}
	return signers[0], nil
}

// NewSigners makes the signers of several signings to come, from 1 to 65535, so that their
// commitments can be sent beforehand: the preprocessing of Komlo and Goldberg (eprint
// 2020/852), which RFC 9591 leaves out. Each of them signs once. They live in memory alone:
// those that are not used must be destroyed.
func NewSigners(random io.Reader, key *KeyPackage, count int) ([]*Signer, error) {
	const doing = "committing to signing nonces"
	switch {
	case count < 1 || count > maxSigners:
		return nil, fmt.Errorf(doing+": %d signings are asked for, want 1 to %d", count, maxSigners)
	case key.destroyed.Load():
		return nil, wrap(doing, ErrDestroyed)
	}
	var signers []*Signer
	var err error
	secret.Do(func() {
		var nonces []group.Scalar
		if nonces, err = drawNonces(random, key, count); err == nil {
			signers = newSigners(key, nonces)
		}
	})
	return signers, wrap(doing, err)
}

// drawNonces draws nonces, hiding and binding ones in turn.
func drawNonces(random io.Reader, key *KeyPackage, count int) ([]group.Scalar, error) {
	nonces := make([]group.Scalar, 0, 2*count)
	for range cap(nonces) {
		// hiding_nonce = nonce_generate(sk_i)
		// binding_nonce = nonce_generate(sk_i)
		nonce, err := generateNonce(random, key.suite, key.share, nil)
		if err != nil {
			clearAll(nonces)
			return nil, err
		}
		nonces = append(nonces, nonce)
	}
	return nonces, nil
}

// maxSigners is how many signings NewSigners prepares at most.
const maxSigners = 65535

func clearAll(scalars []group.Scalar) {
	for _, s := range scalars {
		s.Clear()
	}
}

// newSigners commits to nonces, which are hiding and binding ones in turn.
func newSigners(key *KeyPackage, nonces []group.Scalar) []*Signer {
	g := key.suite.Group()
	elements := group.BaseMultEach(g, nonces)
	g.Normalize(elements...)
	signers := make([]*Signer, len(nonces)/2)
	for i := range signers {
		hiding, binding := 2*i, 2*i+1
		s := &Signer{
			id: key.id, key: key.key, minSigners: int(key.minSigners), lagrange: key.lagrange,
			commitments: &SigningCommitments{suite: key.suite, hiding: elements[hiding], binding: elements[binding]},
			cell:        new(atomic.Pointer[signingSecrets]),
		}
		s.cell.Store(&signingSecrets{hiding: nonces[hiding], binding: nonces[binding], share: g.NewScalar().Set(key.share)})
		signers[i] = s
	}
	return signers
}

// Identifier returns the participant that signs.
func (s *Signer) Identifier() Identifier { return s.id }

// Commitments returns what the signer sends to the coordinator in round one.
func (s *Signer) Commitments() *SigningCommitments { return s.commitments }

// Sign returns the signature share of round two, RFC 9591, Section 5.2. It may
// be called once: it destroys the nonces before it looks at pkg, whether or not it
// signs, and a second call, a call that races with it and a call on a copy get [ErrNoncesSpent].
// The package must have the threshold of signers at least, this signer among
// them with its own commitments.
func (s *Signer) Sign(pkg *SigningPackage) (*SignatureShare, error) {
	const doing = "signing"
	secrets := s.cell.Swap(nil)
	if secrets == nil {
		return nil, wrap(doing, ErrNoncesSpent)
	}
	defer secrets.destroy()
	i, err := s.check(pkg)
	if err != nil {
		return nil, wrap(doing, err)
	}
	r, err := pkg.round2(s.key)
	if err != nil {
		return nil, wrap(doing, err)
	}
	g := pkg.suite.Group()
	lambda := s.lagrange.get(pkg, func(g group.Group, x []group.Scalar) []group.Scalar {
		return []group.Scalar{group.Lagrange(g, x, i)}
	})[0]
	// sig_share = hiding_nonce + (binding_nonce * binding_factor) + (lambda_i * sk_i * challenge)
	z := g.NewScalar()
	secret.Do(func() {
		z.MultiplyAdd(secrets.binding, r.bindingFactors[i], secrets.hiding)
		z.MultiplyAdd(g.NewScalar().Multiply(lambda, r.challenge), secrets.share, z)
	})
	return &SignatureShare{suite: pkg.suite, share: z}, nil
}

// check returns the signer's place in a package that it may sign.
func (s *Signer) check(pkg *SigningPackage) (int, error) {
	if pkg == nil || pkg.suite != s.commitments.suite {
		return 0, errors.New("signing package is of another ciphersuite")
	}
	if n := len(pkg.signers); n < s.minSigners || n == 0 {
		return 0, fmt.Errorf("signing package has %d signers, threshold is %d", n, s.minSigners)
	}
	i, ok := pkg.index(s.id)
	if !ok {
		return 0, fmt.Errorf("signing package lacks this signer, %s", s.id)
	}
	if !pkg.signers[i].commitments.Equal(s.commitments) {
		return 0, fmt.Errorf("signing package has other commitments for this signer, %s, than it made", s.id)
	}
	return i, nil
}

// Destroy wipes the nonces, after which [Signer.Sign] returns [ErrNoncesSpent].
func (s *Signer) Destroy() {
	if secrets := s.cell.Swap(nil); secrets != nil {
		secrets.destroy()
	}
}
