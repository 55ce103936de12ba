package byhand

import (
	"context"
	"errors"
	"fmt"
	"io"

	"frostkit/frost"
	"frostkit/frost/dkg"
)

// Generate takes one member through a DKG: it prints the packages to hand to
// the others and asks for theirs, and in the end prints the member's keys.
func Generate(ctx context.Context, c *Console, cs frost.Ciphersuite, random io.Reader) error {
	g := &generation{Console: c, cs: cs}
	if err := g.setUp(ctx); err != nil {
		return err
	}
	expected, err := g.expected()
	if err != nil {
		return err
	}
	first, err := dkg.New(dkg.Config{
		Ciphersuite: cs, Identifier: g.self, Participants: expected, Threshold: g.threshold, Random: random,
	})
	if err != nil {
		return err
	}
	defer first.Destroy()
	return g.run(ctx, first)
}

// generation is one member's DKG. Who the others are is known once their first
// packages are there: the identifiers are theirs to choose.
type generation struct {
	*Console
	cs                 frost.Ciphersuite
	threshold, members int
	self               frost.Identifier
	packages           map[frost.Identifier]*dkg.Round1Package
}

func (g *generation) setUp(ctx context.Context) (err error) {
	_, err = again(g.Console, func() (int, error) {
		if g.threshold, err = g.number(ctx, "The minimum number of signers: (2 or more)", 2); err != nil {
			return 0, err
		}
		if g.members, err = g.number(ctx, "The maximum number of signers:", 2); err != nil {
			return 0, err
		}
		if err := checkSizes(g.threshold, g.members); err != nil {
			return 0, mistake{err}
		}
		return 0, nil
	})
	if err != nil {
		return err
	}
	n, err := g.number(ctx, "Your identifier (this should be an integer between 1 and 65535):", 1)
	if err != nil {
		return err
	}
	g.self, err = frost.NewIdentifier(g.cs, uint16(n))
	return err
}

// expected are as many identifiers as there are members, the own one among
// them: the lowest numbers, as members usually choose them. Who they are in fact
// the first packages tell.
func (g *generation) expected() ([]frost.Identifier, error) {
	ids := []frost.Identifier{g.self}
	for n := 1; len(ids) < g.members; n++ {
		id, err := frost.NewIdentifier(g.cs, uint16(n))
		if err != nil {
			return nil, err
		}
		if id != g.self {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (g *generation) run(ctx context.Context, first *dkg.Round1) error {
	if err := g.round1(ctx, first.Package()); err != nil {
		return err
	}
	first, err := first.Among(append(sorted(g.packages), g.self))
	if err != nil {
		return err
	}
	second, err := first.Next(g.packages)
	if err != nil {
		return err
	}
	defer second.Destroy()
	shares, err := g.round2(ctx, second.Packages())
	if err != nil {
		return err
	}
	key, public, err := second.Next(shares)
	if err != nil {
		return err
	}
	defer key.Destroy()
	g.say("=== DKG FINISHED ===")
	g.say("Participant key package:\n\n%s\n", key.EncodeSecretJSON())
	g.say("Participant public key package:\n\n%s\n", public.EncodeJSON())
	return nil
}

func (g *generation) round1(ctx context.Context, own *dkg.Round1Package) error {
	g.say("\n=== ROUND 1: SEND PACKAGES ===\n")
	g.say("Round 1 Package to send to all other participants (your identifier: %s):\n\n%s\n", quoted(g.self), own.EncodeJSON())
	g.say("=== ROUND 1: RECEIVE PACKAGES ===\n")
	g.say("Input Round 1 Packages from the other %d participants.\n", g.members-1)
	var err error
	g.packages, err = receive(ctx, g, "Their JSON-encoded Round 1 Package:", anybody, func(data []byte) (*dkg.Round1Package, error) {
		pkg, err := dkg.DecodeRound1PackageJSON(g.cs, data)
		if err == nil && pkg.Equal(own) {
			err = errors.New("it is your own")
		}
		return pkg, err
	}, (*dkg.Round1Package).Equal)
	return err
}

func anybody(frost.Identifier) error { return nil }

func (g *generation) round2(ctx context.Context, own map[frost.Identifier]*dkg.Round2Package) (map[frost.Identifier]*dkg.Round2Package, error) {
	g.say("=== ROUND 2: SEND PACKAGES ===\n")
	for _, id := range sorted(own) {
		g.say("Round 2 Package to send to participant %s (your identifier: %s):\n\n%s\n", quoted(id), quoted(g.self), own[id].EncodeSecretJSON())
	}
	g.say("=== ROUND 2: RECEIVE PACKAGES ===\n")
	g.say("Input Round 2 Packages from the other %d participants.\n", g.members-1)
	return receive(ctx, g, "Their JSON-encoded Round 2 Package:", g.isMember, func(data []byte) (*dkg.Round2Package, error) {
		return dkg.DecodeRound2PackageJSON(g.cs, data)
	}, (*dkg.Round2Package).Equal)
}

// isMember checks that an identifier is one of the first round.
func (g *generation) isMember(id frost.Identifier) error {
	if _, known := g.packages[id]; !known {
		return fmt.Errorf("there was no round 1 package of %s", id)
	}
	return nil
}

// receive asks for a package of each other member, each time until there is one of a member who has sent
// none, and another than the others': until all are there nothing is made of them.
func receive[T any](
	ctx context.Context, g *generation, question string,
	admit func(frost.Identifier) error, decode func([]byte) (T, error), equal func(T, T) bool,
) (map[frost.Identifier]T, error) {
	packages := map[frost.Identifier]T{}
	isNew := func(id frost.Identifier) error {
		if _, twice := packages[id]; twice || id == g.self {
			return fmt.Errorf("a package of %s is there already", id)
		}
		return admit(id)
	}
	for range g.members - 1 {
		id, err := g.identifier(ctx, g.cs, "The sender's identifier (hex string):", isNew)
		if err != nil {
			return nil, err
		}
		packages[id], err = pasted(ctx, g.Console, "the package of "+id.String(), question, func(data []byte) (T, error) {
			pkg, err := decode(data)
			for from, other := range packages {
				if err == nil && equal(pkg, other) {
					err = fmt.Errorf("it is that of %s", from)
				}
			}
			return pkg, err
		})
		if err != nil {
			return nil, err
		}
		g.say("")
	}
	return packages, nil
}
