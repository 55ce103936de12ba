package frost

import (
	"fmt"
	"io"

	"frostkit/frost/internal/group"
	"frostkit/frost/internal/secret"
)

// maxParticipants is what the wire forms have room for.
const maxParticipants = 65535

// CheckGroup checks a group of 2 to 65535 distinct ids of the suite with a
// threshold from 2 to their number, and returns the ids in ascending order.
func CheckGroup(cs Ciphersuite, ids []Identifier, threshold int) ([]Identifier, error) {
	switch n := len(ids); {
	case n < 2 || n > maxParticipants:
		return nil, fmt.Errorf("group has %d participants, want 2 to %d", n, maxParticipants)
	case threshold < 2 || threshold > n:
		return nil, fmt.Errorf("threshold is %d, want 2 to %d, the number of participants", threshold, n)
	}
	return sortedIdentifiers(cs, ids)
}

// TrustedDealer makes a new signing key, splits it and forgets it:
// trusted_dealer_keygen of RFC 9591, Appendix C. It takes 2 to 65535 distinct
// ids and a threshold from 2 to their number. Participants have the same duty as after [Split].
func TrustedDealer(random io.Reader, cs Ciphersuite, ids []Identifier, threshold int) (map[Identifier]*SecretShare, *PublicKeyPackage, error) {
	key, err := GenerateSigningKey(random, cs)
	if err != nil {
		return nil, nil, err
	}
	defer key.Destroy()
	return Split(random, key, ids, threshold)
}

// Split shares a signing key among 2 to 65535 distinct ids, so that a threshold
// of them, from 2 to their number, sign for it: secret_share_shard of RFC 9591,
// Appendix C.1.
//
// The shares hold one commitment to the polynomial, the RFC's vss_commitment: "participants MUST
// abort if they do not have the same view of" it (Appendix C). Otherwise the dealer can give
// them shares of different keys. So either the channel makes sure that all get the same, as a
// broadcast does, or the participants compare [SecretShare.Commitment] before they keep a key.
func Split(random io.Reader, key *SigningKey, ids []Identifier, threshold int) (map[Identifier]*SecretShare, *PublicKeyPackage, error) {
	const doing = "splitting a signing key"
	if key.secret.IsZero() {
		return nil, nil, wrap(doing, ErrDestroyed)
	}
	ids, err := CheckGroup(key.suite, ids, threshold)
	if err != nil {
		return nil, nil, wrap(doing, err)
	}
	var shares map[Identifier]*SecretShare
	var public *PublicKeyPackage
	secret.Do(func() {
		var polynomial group.Polynomial
		if polynomial, err = group.RandomPolynomial(random, key.suite.Group(), key.secret, threshold); err != nil {
			return
		}
		defer polynomial.Clear()
		shares, public = deal(key.suite, polynomial, ids)
		err = public.refuseIdentity()
	})
	if err != nil {
		return nil, nil, wrap(doing, err)
	}
	return shares, public, nil
}

// deal evaluates the polynomial for each of the ascending ids. The verifying
// shares come from the secret shares, which is the fastest way to them.
func deal(cs Ciphersuite, polynomial group.Polynomial, ids []Identifier) (map[Identifier]*SecretShare, *PublicKeyPackage) {
	g := cs.Group()
	commitment := polynomial.Commit(g)
	minSigners := uint16(len(commitment))
	public := &PublicKeyPackage{suite: cs, key: commitment[0], minSigners: &minSigners, lagrange: new(lagrangeCache)}
	shares := make(map[Identifier]*SecretShare, len(ids))
	values := make([]group.Scalar, len(ids))
	for i, id := range ids {
		values[i] = polynomial.Evaluate(g, id.scalar())
		shares[id] = &SecretShare{suite: cs, id: id, share: values[i], commitment: commitment}
	}
	elements := group.BaseMultEach(g, values)
	for i, id := range ids {
		public.shares = append(public.shares, &participantShare{id, elements[i]})
	}
	g.Normalize(elements...)
	return shares, public
}
