package native

import (
	"testing"

	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

func TestDKG(t *testing.T) {
	for _, size := range []struct{ n, threshold int }{{2, 2}, {3, 2}, {5, 3}} {
		people := newPeople(t, size.n)
		ends := generate(within(t), people, size.threshold, protocol.NewHub(), nil)
		if e := ends[people[0].Name]; e.err == nil && e.Bundle != nil {
			t.Error("there is a bundle, and nobody asked for one")
		}
		mustAgree(t, people, size.threshold, ends)
		for _, p := range people {
			if e := ends[p.Name]; e.Attempts != 1 || len(e.Unconfirmed) != 0 {
				t.Errorf("%s: %d attempts, unconfirmed %v", p.Name, e.Attempts, e.Unconfirmed)
			}
		}
	}
}

// With bundles a communication key is enough to make a share again.
func TestBundles(t *testing.T) {
	people := newPeople(t, 3)
	ends := generate(within(t), people, 2, protocol.NewHub(), func(_ *person, c *DKGConfig) { c.Bundle = true })
	mustAgree(t, people, 2, ends)
	for _, p := range people {
		mustRecover(t, p, ends[p.Name])
	}
}

// mustRecover makes the share again from certificate, bundle and key.
func mustRecover(t *testing.T, p *person, e end) {
	t.Helper()
	share, err := Recover(suite, p.private, e.Certificate.Encode(), e.Bundle.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if string(share.KeyPackage.EncodeSecretJSON()) != string(e.KeyPackage.EncodeSecretJSON()) {
		t.Errorf("%s recovered another share", p.Name)
	}
	if _, err := cocktail.DecodeCertificate(suite, e.Certificate.Encode()); err != nil {
		t.Error(err)
	}
}
