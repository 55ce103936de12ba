package dkg

import (
	"crypto/ed25519"
	"crypto/rand"
	"testing"

	"frostkit/frost"
)

func TestQuick(t *testing.T) {
	cs := frost.Ed25519()
	var ids []frost.Identifier
	for i := range 3 {
		id, _ := frost.NewIdentifier(cs, uint16(i+1))
		ids = append(ids, id)
	}
	r1 := map[frost.Identifier]*Round1{}
	for _, id := range ids {
		r, err := New(Config{Ciphersuite: cs, Identifier: id, Participants: ids, Threshold: 2})
		if err != nil {
			t.Fatal(err)
		}
		r1[id] = r
	}
	r2 := map[frost.Identifier]*Round2{}
	for _, id := range ids {
		in := map[frost.Identifier]*Round1Package{}
		for _, o := range ids {
			if o != id {
				p, err := DecodeRound1PackageJSON(cs, r1[o].Package().EncodeJSON())
				if err != nil {
					t.Fatal(err)
				}
				in[o] = p
			}
		}
		var err error
		r2[id], err = r1[id].Next(in)
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := map[frost.Identifier]*frost.KeyPackage{}
	var pub *frost.PublicKeyPackage
	for _, id := range ids {
		in := map[frost.Identifier]*Round2Package{}
		for _, o := range ids {
			if o != id {
				in[o] = r2[o].Packages()[id]
			}
		}
		var err error
		keys[id], pub, err = r2[id].Next(in)
		if err != nil {
			t.Fatal(err)
		}
	}
	com := map[frost.Identifier]*frost.SigningCommitments{}
	sg := map[frost.Identifier]*frost.Signer{}
	for _, id := range ids[1:] {
		s, err := frost.NewSigner(rand.Reader, keys[id])
		if err != nil {
			t.Fatal(err)
		}
		sg[id], com[id] = s, s.Commitments()
	}
	pkg, err := frost.NewSigningPackage(cs, com, []byte("hello"))
	if err != nil {
		t.Fatal(err)
	}
	sh := map[frost.Identifier]*frost.SignatureShare{}
	for id, s := range sg {
		sh[id], err = s.Sign(pkg)
		if err != nil {
			t.Fatal(err)
		}
	}
	sig, err := frost.Aggregate(pkg, sh, pub)
	if err != nil {
		t.Fatal(err)
	}
	if !ed25519.Verify(pub.VerifyingKey().Bytes(), []byte("hello"), sig.Bytes()) {
		t.Fatal("no")
	}
}
