package native

import (
	"fmt"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/relay/xeddsa"
)

// Recover makes a member's share again from its communication key, the certificate of
// the key generation and the member's own bundle, both as cocktail encodes them. The
// caller destroys the key package. Members of the outcome have no names, and keys in Edwards form
// are not told: compare the certificate's members with contacts by [StaticKeyOf].
func Recover(cs frost.Ciphersuite, key *commkey.PrivateKey, certificate, bundle []byte) (*Outcome, error) {
	const doing = "recovering a share: %w"
	decoded, err := cocktail.DecodeCertificate(cs, certificate)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	members := len(decoded.Transcript().Setup().Identifiers())
	ciphertexts, err := cocktail.DecodeBundle(cs, members, bundle)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	static, err := staticKey(cs, key)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	defer static.Destroy()
	private, public, err := cocktail.Recover(static, decoded, ciphertexts)
	if err != nil {
		return nil, err
	}
	return &Outcome{KeyPackage: private, PublicKeyPackage: public, Certificate: decoded, Bundle: ciphertexts}, nil
}

// resumeRecord takes a member back to where it had stored a record: with the share in it, or by the bundle.
func resumeRecord(static *cocktail.StaticKey, t *cocktail.Transcript, r Record) (*cocktail.Round3, *Outcome, error) {
	cs, n := t.Setup().Ciphersuite(), len(t.Setup().Identifiers())
	if r.Share == nil {
		bundle, err := cocktail.DecodeBundle(cs, n, r.Bundle)
		if err != nil {
			return nil, nil, err
		}
		round, private, public, err := cocktail.Resume(static, t, bundle)
		return round, &Outcome{KeyPackage: private, PublicKeyPackage: public, Bundle: bundle}, err
	}
	private, err := frost.DecodeKeyPackagePostcard(cs, r.Share)
	if err != nil {
		return nil, nil, err
	}
	round, public, err := cocktail.ResumeShare(static, t, private)
	if err != nil {
		private.Destroy()
	}
	return round, &Outcome{KeyPackage: private, PublicKeyPackage: public}, err
}

// Restore makes the group of a finished record: from the share in it, or as [Recover] does. The caller destroys
// the key package. Members of the outcome have no names.
func Restore(cs frost.Ciphersuite, key *commkey.PrivateKey, r Record) (*Outcome, error) {
	const doing = "restoring a share: %w"
	if r.Share == nil {
		return Recover(cs, key, r.Certificate(), r.Bundle)
	}
	certificate, err := cocktail.DecodeCertificate(cs, r.Certificate())
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	public, err := StaticKeyOf(cs, key.Public())
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	private, err := frost.DecodeKeyPackagePostcard(cs, r.Share)
	if err != nil {
		return nil, fmt.Errorf(doing, err)
	}
	group, err := certificate.Transcript().CheckShare(public, private)
	if err != nil {
		private.Destroy()
		return nil, fmt.Errorf(doing, err)
	}
	return &Outcome{KeyPackage: private, PublicKeyPackage: group, Certificate: certificate}, nil
}

// StaticKeyOf returns the COCKTAIL-DKG static key of a communication key: its Edwards form by
// XEdDSA's convert_mont, with sign bit 0.
func StaticKeyOf(cs frost.Ciphersuite, key commkey.PublicKey) (cocktail.StaticPublicKey, error) {
	edwards, err := xeddsa.EdwardsPublicKey(key)
	if err != nil {
		return cocktail.StaticPublicKey{}, err
	}
	return cocktail.DecodeStaticPublicKey(cs, edwards)
}

// staticKey is the secret half of StaticKeyOf.
func staticKey(cs frost.Ciphersuite, key *commkey.PrivateKey) (*cocktail.StaticKey, error) {
	secret := xeddsa.EdwardsPrivateKey(key)
	defer clear(secret)
	return cocktail.DecodeStaticKey(cs, secret)
}
