package frost_test

import (
	"errors"
	"sync"
	"testing"

	"frostkit/frost"
)

// twoOfThree deals to 1, 2 and 3, and commits for 1 and 2.
func twoOfThree(t *testing.T) (keys map[frost.Identifier]*frost.KeyPackage, signers map[frost.Identifier]*frost.Signer, pkg *frost.SigningPackage, public *frost.PublicKeyPackage) {
	t.Helper()
	keys, public = deal(t, newStream(7), numbers(t, 3), 2)
	two := map[frost.Identifier]*frost.KeyPackage{number(t, 1): keys[number(t, 1)], number(t, 2): keys[number(t, 2)]}
	signers, pkg = commit(t, newStream(8), two, []byte("message"))
	return keys, signers, pkg, public
}

func TestNoncesServeOnce(t *testing.T) {
	_, signers, pkg, _ := twoOfThree(t)
	signer := signers[number(t, 1)]
	copied := *signer
	if _, err := signer.Sign(pkg); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*frost.Signer{"second call": signer, "call on a copy": &copied} {
		if share, err := s.Sign(pkg); !errors.Is(err, frost.ErrNoncesSpent) || share != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoncesServeOneOfRacingCalls(t *testing.T) {
	_, signers, pkg, _ := twoOfThree(t)
	signer := signers[number(t, 1)]
	errs := make([]error, 32)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, errs[i] = signer.Sign(pkg) })
	}
	group.Wait()
	signed := 0
	for _, err := range errs {
		switch {
		case err == nil:
			signed++
		case !errors.Is(err, frost.ErrNoncesSpent):
			t.Error(err)
		}
	}
	if signed != 1 {
		t.Errorf("%d calls signed", signed)
	}
}

func TestDestroyedSignerDoesNotSign(t *testing.T) {
	_, signers, pkg, _ := twoOfThree(t)
	signer := signers[number(t, 1)]
	secrets := signer.Secrets()
	signer.Destroy()
	signer.Destroy()
	if _, err := signer.Sign(pkg); !errors.Is(err, frost.ErrNoncesSpent) {
		t.Error(err)
	}
	for _, s := range secrets {
		if !s.IsZero() {
			t.Error("a secret is not wiped")
		}
	}
}

// Packages that a malicious coordinator might send. Each is refused, and the nonces
// are spent and wiped.
func TestSignRefusesPackage(t *testing.T) {
	keys, _, _, _ := twoOfThree(t)
	one, two, three := number(t, 1), number(t, 2), number(t, 3)
	others, _ := commit(t, newStream(9), keys, nil)
	commitments := func(id frost.Identifier) *frost.SigningCommitments { return others[id].Commitments() }
	packageOf := func(c map[frost.Identifier]*frost.SigningCommitments) func(*frost.Signer) *frost.SigningPackage {
		return func(*frost.Signer) *frost.SigningPackage { return must(frost.NewSigningPackage(suite, c, nil))(t) }
	}
	empty := must(frost.DecodeSigningPackageJSON(suite,
		[]byte(`{"header":{"version":0,"ciphersuite":"FROST-ED25519-SHA512-v1"},"signing_commitments":{},"message":""}`)))(t)
	for name, pkg := range map[string]func(*frost.Signer) *frost.SigningPackage{
		"no package":           func(*frost.Signer) *frost.SigningPackage { return nil },
		"empty list":           func(*frost.Signer) *frost.SigningPackage { return empty },
		"without the signer":   packageOf(map[frost.Identifier]*frost.SigningCommitments{two: commitments(two), three: commitments(three)}),
		"its old commitments":  packageOf(map[frost.Identifier]*frost.SigningCommitments{one: commitments(one), two: commitments(two)}),
		"another's in its own": packageOf(map[frost.Identifier]*frost.SigningCommitments{one: commitments(two), two: commitments(two)}),
		"below the threshold": func(s *frost.Signer) *frost.SigningPackage {
			return packageOf(map[frost.Identifier]*frost.SigningCommitments{one: s.Commitments()})(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			signer := must(frost.NewSigner(newStream(10), keys[one]))(t)
			secrets := signer.Secrets()
			if share, err := signer.Sign(pkg(signer)); err == nil || errors.Is(err, frost.ErrNoncesSpent) || share != nil {
				t.Errorf("signs: %v", err)
			}
			for _, s := range secrets {
				if !s.IsZero() {
					t.Error("a secret is not wiped")
				}
			}
			if _, err := signer.Sign(pkg(signer)); !errors.Is(err, frost.ErrNoncesSpent) {
				t.Error(err)
			}
		})
	}
}

func TestNewSignerRefusesDestroyedKey(t *testing.T) {
	keys, _, _, _ := twoOfThree(t)
	key := keys[number(t, 1)]
	signer := must(frost.NewSigner(newStream(1), key))(t)
	shallow := *key
	key.Destroy()
	for _, k := range []*frost.KeyPackage{key, &shallow} {
		if _, err := frost.NewSigner(newStream(1), k); !errors.Is(err, frost.ErrDestroyed) {
			t.Error(err)
		}
	}
	// The signer made before has its own copy.
	for _, s := range signer.Secrets() {
		if s.IsZero() {
			t.Error("a signer's secret is gone with the key package")
		}
	}
}

func TestNewSignerReportsRandomness(t *testing.T) {
	keys, _, _, _ := twoOfThree(t)
	for n := range 2 {
		if _, err := frost.NewSigner(scalarReaderOf(32*n), keys[number(t, 1)]); err == nil {
			t.Errorf("%d bytes of randomness suffice", 32*n)
		}
	}
}

func TestNewSigningPackageRefuses(t *testing.T) {
	if _, err := frost.NewSigningPackage(suite, nil, nil); err == nil {
		t.Error("without commitments it is made")
	}
	_, signers, _, _ := twoOfThree(t)
	c := signers[number(t, 1)].Commitments()
	for _, commitments := range []map[frost.Identifier]*frost.SigningCommitments{
		{number(t, 1): c, {}: c},
		{number(t, 1): nil},
	} {
		if _, err := frost.NewSigningPackage(suite, commitments, nil); err == nil {
			t.Errorf("made of %v", commitments)
		}
	}
}

func TestAggregateRefuses(t *testing.T) {
	_, signers, pkg, public := twoOfThree(t)
	one, two, three := number(t, 1), number(t, 2), number(t, 3)
	shares := signAll(t, signers, pkg)
	for name, s := range map[string]map[frost.Identifier]*frost.SignatureShare{
		"no shares":         {},
		"a share missing":   {one: shares[one]},
		"a share too many":  {one: shares[one], two: shares[two], three: shares[two]},
		"a share of nobody": {one: shares[one], two: nil},
	} {
		if _, err := frost.Aggregate(pkg, s, public); err == nil {
			t.Errorf("%s: aggregates", name)
		}
	}
	stranger := must(frost.DeriveIdentifier(suite, []byte("stranger")))(t)
	_, _, dealt, _ := twoOfThree(t)
	c, _ := dealt.Commitments(one)
	strange := must(frost.NewSigningPackage(suite, map[frost.Identifier]*frost.SigningCommitments{one: c, stranger: c}, nil))(t)
	strangers := map[frost.Identifier]*frost.SignatureShare{one: shares[one], stranger: shares[two]}
	if _, err := frost.Aggregate(strange, strangers, public); err == nil {
		t.Error("aggregates with an unknown signer")
	}
	for _, id := range []frost.Identifier{stranger, three} {
		if err := frost.VerifySignatureShare(id, shares[one], strange, public); err == nil {
			t.Errorf("verifies a share of %s", id)
		}
	}
	if err := frost.VerifySignatureShare(one, nil, pkg, public); err == nil {
		t.Error("verifies no share")
	}
}

// With a public key package whose key is not that of its shares nobody is blamed.
func TestAggregateWithForeignKeyBlamesNobody(t *testing.T) {
	_, signers, pkg, public := twoOfThree(t)
	_, other := deal(t, newStream(11), numbers(t, 3), 2)
	b := public.EncodePostcard()
	foreign := must(frost.DecodePublicKeyPackagePostcard(suite, append(b[:len(b)-32], other.VerifyingKey().Bytes()...)))(t)
	_, err := frost.Aggregate(pkg, signAll(t, signers, pkg), foreign)
	if blame := new(frost.BlameError); !errors.Is(err, frost.ErrInvalidSignature) || errors.As(err, &blame) {
		t.Error(err)
	}
}
