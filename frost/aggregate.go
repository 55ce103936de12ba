package frost

import (
	"errors"
	"fmt"

	"frostkit/frost/internal/group"
)

// Aggregate makes the signature of the signers' shares, RFC 9591, Section 5.3,
// and verifies it. The shares must be those of exactly the package's signers, all of
// them in pub, and as many as the threshold where pub knows it.
//
// If the signature does not verify, the shares are checked, and the error is a *[BlameError] with all
// the signers whose share is wrong. Where the verifying shares of the signers, weighted by their
// Lagrange coefficients, do not add up to the verifying key, no check of a share can tell
// who is wrong: signers are fewer than the threshold, which pub may not know, or pub mixes groups.
// Then nobody is blamed: the error says so, matches [ErrInvalidSignature] and is no *[BlameError].
func Aggregate(pkg *SigningPackage, shares map[Identifier]*SignatureShare, pub *PublicKeyPackage) (Signature, error) {
	const doing = "aggregating signature shares"
	if err := checkShares(pkg, shares, pub); err != nil {
		return Signature{}, wrap(doing, err)
	}
	r, err := pkg.round2(pub.key)
	if err != nil {
		return Signature{}, wrap(doing, err)
	}
	g := pkg.suite.Group()
	// z = z + z_i
	z := g.NewScalar()
	for _, signer := range pkg.signers {
		z.Add(z, shares[signer.id].share)
	}
	if verifies(g, r.commitment, pub.key, r.challenge, z) {
		return Signature{suite: pkg.suite, r: r.commitment, z: z}, nil
	}
	return Signature{}, wrap(doing, newShareChecks(pkg, r, shares, pub).blame(z))
}

// checkShares checks that shares, package and public keys belong together.
func checkShares(pkg *SigningPackage, shares map[Identifier]*SignatureShare, pub *PublicKeyPackage) error {
	if pkg.suite != pub.suite {
		return errors.New("signing package and public key package are of different ciphersuites")
	}
	if min, known := pub.MinSigners(); known && len(pkg.signers) < min {
		return fmt.Errorf("signing package has %d signers, threshold is %d", len(pkg.signers), min)
	}
	for _, signer := range pkg.signers {
		if _, ok := pub.share(signer.id); !ok {
			return fmt.Errorf("signer %s is not in the public key package", signer.id)
		}
		if share := shares[signer.id]; share == nil || share.suite != pkg.suite {
			return fmt.Errorf("there is no signature share of signer %s", signer.id)
		}
	}
	for id := range shares {
		if _, ok := pkg.index(id); !ok {
			return fmt.Errorf("there is a signature share of %s, who is not a signer", id)
		}
	}
	return nil
}

func blameShares(culprits ...Identifier) *BlameError {
	return &BlameError{Culprits: culprits, Check: "sent a signature share that does not verify", Err: ErrInvalidSignature}
}

// shareVerifies is verify_signature_share of RFC 9591, Section 5.3, of the
// signer at i with its Lagrange coefficient and its verifying share.
func (p *SigningPackage) shareVerifies(i int, r *round2, lambda group.Scalar, share *SignatureShare, public group.Element) bool {
	commitments := p.signers[i].commitments
	g := p.suite.Group()
	// comm_share = hiding_nonce_commitment + binding_nonce_commitment * binding_factor
	// l = G.ScalarBaseMult(sig_share_i)
	// r = comm_share + (challenge * lambda_i) * PK_i
	product := g.NewScalar().Multiply(r.challenge, lambda)
	right := g.VarTimeMultiScalarMult(
		[]group.Scalar{r.bindingFactors[i], product},
		[]group.Element{commitments.binding, public},
	)
	right.Add(right, commitments.hiding)
	return g.BaseMult(share.share).Equal(right)
}

// VerifySignatureShare checks one signer's share by itself. The error of a wrong
// one is a *[BlameError]. [Aggregate] does so when it has to.
func VerifySignatureShare(id Identifier, share *SignatureShare, pkg *SigningPackage, pub *PublicKeyPackage) error {
	const doing = "verifying a signature share"
	if share == nil {
		return fmt.Errorf(doing+": there is no signature share of signer %s", id)
	}
	if pkg.suite != pub.suite || share.suite != pkg.suite {
		return wrap(doing, errors.New("share, signing package and public key package are of different ciphersuites"))
	}
	i, ok := pkg.index(id)
	if !ok {
		return fmt.Errorf(doing+": %s is not a signer", id)
	}
	public, ok := pub.share(id)
	if !ok {
		return fmt.Errorf(doing+": signer %s is not in the public key package", id)
	}
	r, err := pkg.round2(pub.key)
	if err != nil {
		return wrap(doing, err)
	}
	lambda := group.Lagrange(pkg.suite.Group(), scalars(pkg.Identifiers()), i)
	if !pkg.shareVerifies(i, r, lambda, share, public) {
		return wrap(doing, blameShares(id))
	}
	return nil
}
