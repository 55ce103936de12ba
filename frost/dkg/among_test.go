package dkg_test

import (
	"errors"
	"testing"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

// Participants who learn of one another from their packages make a key all the
// same, and each polynomial serves once.
func TestAmong(t *testing.T) {
	cs := frost.Ed25519()
	id := func(n uint16) frost.Identifier {
		i, err := frost.NewIdentifier(cs, n)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	begin := func(self, guess uint16) *dkg.Round1 {
		r, err := dkg.New(dkg.Config{Ciphersuite: cs, Identifier: id(self), Participants: []frost.Identifier{id(self), id(guess)}, Threshold: 2})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	a, b := begin(7, 1), begin(900, 2)
	both := []frost.Identifier{id(900), id(7)}
	inA, err := a.Among(both)
	if err != nil {
		t.Fatal(err)
	}
	inB, err := b.Among(both)
	if err != nil {
		t.Fatal(err)
	}
	a2, err := inA.Next(map[frost.Identifier]*dkg.Round1Package{id(900): b.Package()})
	if err != nil {
		t.Fatal(err)
	}
	b2, err := inB.Next(map[frost.Identifier]*dkg.Round1Package{id(7): a.Package()})
	if err != nil {
		t.Fatal(err)
	}
	_, public, err := a2.Next(map[frost.Identifier]*dkg.Round2Package{id(900): b2.Packages()[id(7)]})
	if err != nil || len(public.Identifiers()) != 2 {
		t.Fatalf("public keys %v, %v", public, err)
	}
	if _, err := a.Next(nil); !errors.Is(err, dkg.ErrRoundSpent) {
		t.Errorf("going on twice: %v", err)
	}
	for name, wrong := range map[string][]frost.Identifier{
		"too many": {id(1), id(2), id(7)}, "without itself": {id(1), id(2)}, "twice": {id(7), id(7)},
	} {
		if _, err := begin(7, 1).Among(wrong); err == nil {
			t.Errorf("%s: went on", name)
		}
	}
}
