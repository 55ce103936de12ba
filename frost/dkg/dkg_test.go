package dkg

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"frostkit/frost"
)

// sign signs with the keys of the signers.
func sign(t testing.TB, keys map[frost.Identifier]*frost.KeyPackage, public *frost.PublicKeyPackage, signers []frost.Identifier) error {
	t.Helper()
	open := make(map[frost.Identifier]*frost.Signer)
	commitments := make(map[frost.Identifier]*frost.SigningCommitments)
	for _, id := range signers {
		open[id] = must(frost.NewSigner(newStream(99), keys[id]))(t)
		commitments[id] = open[id].Commitments()
	}
	pkg := must(frost.NewSigningPackage(suite, commitments, []byte("message")))(t)
	shares := make(map[frost.Identifier]*frost.SignatureShare)
	for id, signer := range open {
		share, err := signer.Sign(pkg)
		if err != nil {
			return err
		}
		shares[id] = share
	}
	sig, err := frost.Aggregate(pkg, shares, public)
	if err == nil && !ed25519.Verify(public.VerifyingKey().Bytes(), []byte("message"), sig.Bytes()) {
		t.Error("crypto/ed25519 does not verify the signature")
	}
	return err
}

func TestAnyThresholdSigns(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(r, "n")
		threshold := rapid.IntRange(2, n).Draw(r, "t")
		var ids []frost.Identifier
		for i := range n {
			ids = append(ids, must(frost.DeriveIdentifier(suite, fmt.Appendf(nil, "%d", i)))(t))
		}
		g := begin(t, ids, threshold, seeded())
		g.toRound2(t)
		keys, public := g.finish(t)
		order := rapid.Permutation(ids).Draw(r, "signers")
		if err := sign(t, keys, public, order[:rapid.IntRange(threshold, n).Draw(r, "k")]); err != nil {
			r.Error(err)
		}
		if err := sign(t, keys, public, order[:threshold-1]); err == nil {
			r.Error("fewer than the threshold sign")
		}
	})
}

func TestNewRefuses(t *testing.T) {
	ids := numbers(t, 3)
	for name, c := range map[string]Config{
		"threshold 1":        {suite, ids[0], ids, 1, newStream(1)},
		"threshold 4 of 3":   {suite, ids[0], ids, 4, newStream(1)},
		"alone":              {suite, ids[0], ids[:1], 1, newStream(1)},
		"not among them":     {suite, ids[2], ids[:2], 2, newStream(1)},
		"nobody":             {suite, frost.Identifier{}, ids, 2, newStream(1)},
		"one twice":          {suite, ids[0], append(ids[:2:2], ids[0]), 2, newStream(1)},
		"no randomness":      {suite, ids[0], ids, 2, bytes.NewReader(nil)},
		"too little for a_1": {suite, ids[0], ids, 2, io.LimitReader(newStream(1), 100)},
		"too little for k":   {suite, ids[0], ids, 2, io.LimitReader(newStream(1), 128)},
	} {
		if r, err := New(c); err == nil || r != nil {
			t.Errorf("%s: begins", name)
		}
	}
	if _, err := New(Config{Ciphersuite: suite, Identifier: ids[0], Participants: ids, Threshold: 2}); err != nil {
		t.Errorf("with the default randomness: %v", err)
	}
}

// checkBlame checks that exactly the culprits are named, and the check.
func checkBlame(t *testing.T, err error, check string, culprits ...frost.Identifier) {
	t.Helper()
	var blame *frost.BlameError
	if !errors.As(err, &blame) || !slices.Equal(blame.Culprits, culprits) || !strings.Contains(blame.Error(), check) {
		t.Errorf("%v\nwant %v: %s", err, culprits, check)
	}
}

// What a malicious participant may do in round 1; the attacker is 3, or 2 and 3.
func TestRound1Blame(t *testing.T) {
	ids := numbers(t, 4)
	longer := begin(t, ids, 4, seeded())
	shorter := begin(t, ids, 2, seeded())
	another := begin(t, ids, 3, func(frost.Identifier) io.Reader { return newStream(1000) })
	resend := func(r *run, from frost.Identifier) *Round1Package {
		return must(DecodeRound1PackageJSON(suite, r.round1[from].Package().EncodeJSON()))(t)
	}
	wrongProof := func(p *Round1Package) *Round1Package {
		p.proofZ.Add(p.proofZ, suite.Group().ScalarFromUint16(1))
		return p
	}
	const proof = "sent a proof of knowledge that does not verify"
	for name, c := range map[string]struct {
		change   func(packages map[frost.Identifier]*Round1Package)
		check    string
		culprits []frost.Identifier
	}{
		"wrong proof":          {func(m map[frost.Identifier]*Round1Package) { wrongProof(m[ids[2]]) }, proof, ids[2:3]},
		"two wrong proofs":     {func(m map[frost.Identifier]*Round1Package) { wrongProof(m[ids[2]]); wrongProof(m[ids[1]]) }, proof, ids[1:3]},
		"another's package":    {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = m[ids[1]] }, proof, ids[2:3]},
		"its own reflected":    {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = resend(another, ids[0]) }, proof, ids[2:3]},
		"proof of another run": {func(m map[frost.Identifier]*Round1Package) { m[ids[2]].proofR = resend(another, ids[2]).proofR }, proof, ids[2:3]},
		"longer polynomial":    {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = resend(longer, ids[2]) }, "sent 4 commitments, threshold is 3", ids[2:3]},
		"shorter polynomial":   {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = resend(shorter, ids[2]) }, "sent 2 commitments, threshold is 3", ids[2:3]},
		"no commitments":       {func(m map[frost.Identifier]*Round1Package) { m[ids[2]].commitment = nil }, "sent 0 commitments, threshold is 3", ids[2:3]},
		"different lengths": {func(m map[frost.Identifier]*Round1Package) {
			m[ids[1]], m[ids[2]] = resend(longer, ids[1]), resend(shorter, ids[2])
		}, "sent 4, 2 commitments, threshold is 3", ids[1:3]},
		"length and proof": {func(m map[frost.Identifier]*Round1Package) {
			m[ids[1]] = resend(longer, ids[1])
			wrongProof(m[ids[2]])
		}, proof, ids[1:3]},
		"nothing":         {func(m map[frost.Identifier]*Round1Package) { delete(m, ids[2]) }, "sent no round 1 package", ids[2:3]},
		"nothing but nil": {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = nil }, "sent no round 1 package", ids[2:3]},
		"from nobody":     {func(m map[frost.Identifier]*Round1Package) { m[number(t, 9)] = m[ids[2]] }, "sent a round 1 package, but is not one of the others", []frost.Identifier{number(t, 9)}},
		"in the own name": {func(m map[frost.Identifier]*Round1Package) { m[ids[0]] = m[ids[2]] }, "but is not one of the others", ids[:1]},
		"renamed":         {func(m map[frost.Identifier]*Round1Package) { m[number(t, 9)] = m[ids[2]]; delete(m, ids[2]) }, "sent no round 1 package", []frost.Identifier{ids[2], number(t, 9)}},
		"without a suite": {func(m map[frost.Identifier]*Round1Package) { m[ids[2]] = new(Round1Package) }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, ids, 3, seeded())
			packages := r.received1(t, ids[0])
			c.change(packages)
			polynomial := *r.round1[ids[0]].cell.Load()
			next, err := r.round1[ids[0]].Next(packages)
			switch {
			case next != nil || err == nil:
				t.Error("goes on")
			case c.culprits != nil:
				checkBlame(t, err, c.check, c.culprits...)
			}
			for _, coefficient := range polynomial {
				if !coefficient.IsZero() {
					t.Error("a coefficient is not wiped")
				}
			}
		})
	}
}

// What a malicious participant may do in round 2.
func TestRound2Blame(t *testing.T) {
	ids := numbers(t, 4)
	wrong := func(p *Round2Package) {
		p.share.Add(p.share, suite.Group().ScalarFromUint16(1))
	}
	const share = "sent a share that does not belong to its commitments"
	for name, c := range map[string]struct {
		change   func(packages map[frost.Identifier]*Round2Package)
		check    string
		culprits []frost.Identifier
	}{
		"wrong share":      {func(m map[frost.Identifier]*Round2Package) { wrong(m[ids[2]]) }, share, ids[2:3]},
		"two wrong shares": {func(m map[frost.Identifier]*Round2Package) { wrong(m[ids[2]]); wrong(m[ids[3]]) }, share, ids[2:4]},
		"errors that cancel": {func(m map[frost.Identifier]*Round2Package) {
			one := suite.Group().ScalarFromUint16(1)
			m[ids[1]].share.Add(m[ids[1]].share, one)
			m[ids[2]].share.Subtract(m[ids[2]].share, one)
		}, share, ids[1:3]},
		"another's share": {func(m map[frost.Identifier]*Round2Package) { m[ids[2]] = m[ids[1]] }, share, ids[2:3]},
		"share of 0":      {func(m map[frost.Identifier]*Round2Package) { m[ids[2]].share.Clear() }, share, ids[2:3]},
		"nothing":         {func(m map[frost.Identifier]*Round2Package) { delete(m, ids[2]) }, "sent no round 2 package", ids[2:3]},
		"from nobody": {
			func(m map[frost.Identifier]*Round2Package) { m[number(t, 9)] = m[ids[2]] }, "not one of the others",
			[]frost.Identifier{number(t, 9)},
		},
		"without a suite": {func(m map[frost.Identifier]*Round2Package) { m[ids[2]] = new(Round2Package) }, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			r := begin(t, ids, 3, seeded())
			r.toRound2(t)
			packages := r.received2(t, ids[0])
			c.change(packages)
			kept := r.round2[ids[0]].cell.Load().share
			key, public, err := r.round2[ids[0]].Next(packages)
			switch {
			case key != nil || public != nil || err == nil:
				t.Error("goes on")
			case c.culprits != nil:
				checkBlame(t, err, c.check, c.culprits...)
			}
			if !kept.IsZero() {
				t.Error("the share is not wiped")
			}
		})
	}
}

func TestRoundsServeOnce(t *testing.T) {
	ids := numbers(t, 3)
	r := begin(t, ids, 2, seeded())
	first, copied := r.round1[ids[0]], *r.round1[ids[0]]
	packages := r.received1(t, ids[0])
	r.toRound2(t)
	for _, again := range []*Round1{first, &copied} {
		if _, err := again.Next(packages); !errors.Is(err, ErrRoundSpent) {
			t.Error(err)
		}
	}
	second := r.round2[ids[0]]
	shares := r.received2(t, ids[0])
	errs := make([]error, 16)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() { _, _, errs[i] = second.Next(shares) })
	}
	group.Wait()
	finished := 0
	for _, err := range errs {
		switch {
		case err == nil:
			finished++
		case !errors.Is(err, ErrRoundSpent):
			t.Error(err)
		}
	}
	if finished != 1 {
		t.Errorf("%d calls finished", finished)
	}
}

func TestDestroyedRoundsAreSpent(t *testing.T) {
	ids := numbers(t, 2)
	r := begin(t, ids, 2, seeded())
	packages := r.received1(t, ids[0])
	spare := begin(t, ids, 2, seeded())
	polynomial := *spare.round1[ids[0]].cell.Load()
	spare.round1[ids[0]].Destroy()
	spare.round1[ids[0]].Destroy()
	if _, err := spare.round1[ids[0]].Next(packages); !errors.Is(err, ErrRoundSpent) || !polynomial[0].IsZero() || !polynomial[1].IsZero() {
		t.Error(err)
	}
	r.toRound2(t)
	second := r.round2[ids[0]]
	shares, kept := r.received2(t, ids[0]), second.cell.Load().share
	second.Destroy()
	second.Destroy()
	if _, _, err := second.Next(shares); !errors.Is(err, ErrRoundSpent) || !kept.IsZero() {
		t.Error(err)
	}
	if !second.Packages()[ids[1]].share.IsZero() {
		t.Error("a share to be sent is not wiped")
	}
}

func TestPackagesEqual(t *testing.T) {
	ids := numbers(t, 2)
	r := begin(t, ids, 2, seeded())
	r.toRound2(t)
	one, two := r.round1[ids[0]].Package(), r.round1[ids[1]].Package()
	if !one.Equal(must(DecodeRound1PackagePostcard(suite, one.EncodePostcard()))(t)) || one.Equal(two) {
		t.Error("round 1 packages")
	}
	share, other := r.round2[ids[0]].Packages()[ids[1]], r.round2[ids[1]].Packages()[ids[0]]
	if !share.Equal(must(DecodeRound2PackagePostcard(suite, share.EncodeSecretPostcard()))(t)) || share.Equal(other) {
		t.Error("round 2 packages")
	}
	equalText(t, "marshalled", must(json.Marshal(one))(t), one.EncodeJSON())
}

func TestSecretsDoNotPrintOrMarshal(t *testing.T) {
	ids := numbers(t, 2)
	r := begin(t, ids, 2, seeded())
	r.toRound2(t)
	p := r.round2[ids[0]].Packages()[ids[1]]
	for _, v := range []any{p, *p, r.round1[ids[0]], *r.round1[ids[0]], r.round2[ids[0]], *r.round2[ids[0]]} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
			if text := fmt.Sprintf(verb, v); text != "[secret]" {
				t.Errorf("%T as %s: %s", v, verb, text)
			}
		}
		if _, err := json.Marshal(v); !errors.Is(err, frost.ErrSecret) {
			t.Errorf("%T as JSON: %v", v, err)
		}
	}
}

// The snapshots of ZF's secret packages.
func TestSecretSnapshots(t *testing.T) {
	for round, name := range map[int]string{1: "round1_secret_package", 2: "round2_secret_package"} {
		file := must(os.ReadFile("../testdata/snapshots/" + name + "_postcard_serialization.snap"))(t)
		lines := bytes.Split(bytes.TrimSpace(file), []byte("\n"))
		var b hexBytes
		if err := b.UnmarshalText(lines[len(lines)-1]); err != nil {
			t.Fatal(err)
		}
		decodeSecret(t, round, b)
	}
}

// fixed gives participants the constant terms that a test wants, and a
// polynomial that ends in 1.
func fixed(t *testing.T, constants map[frost.Identifier][]byte) func(frost.Identifier) io.Reader {
	one := suite.Group().ScalarFromUint16(1).Bytes()
	return func(id frost.Identifier) io.Reader {
		var b []byte
		for _, s := range [][]byte{constants[id], one, one} {
			b = append(append(b, s...), make([]byte, 32)...)
		}
		return bytes.NewReader(b)
	}
}

// Constant terms that cancel would make a key without an encoding, and so may
// shares; chance does that once in 2^252.
func TestIdentityIsRefused(t *testing.T) {
	ids := numbers(t, 2)
	g := suite.Group()
	one := g.ScalarFromUint16(1)
	minus := func(n uint16) []byte {
		s := g.NewScalar()
		return s.Subtract(s, g.ScalarFromUint16(n)).Bytes()
	}
	for name, second := range map[string][]byte{
		"key":                      minus(1),
		"verifying share of 1":     minus(1 + 2), // f(x) = -2 + 2x
		"verifying share of other": minus(1 + 4), // f(x) = -4 + 2x
	} {
		r := begin(t, ids, 2, fixed(t, map[frost.Identifier][]byte{ids[0]: one.Bytes(), ids[1]: second}))
		r.toRound2(t)
		key, public, err := r.round2[ids[0]].Next(r.received2(t, ids[0]))
		if err == nil || key != nil || public != nil || !strings.Contains(err.Error(), "is the identity") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
