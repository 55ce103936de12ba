package byhand

import (
	"context"
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
	if g.threshold, err = g.number(ctx, "The minimum number of signers: (2 or more)", 2); err != nil {
		return err
	}
	if g.members, err = g.number(ctx, "The maximum number of signers:", 2); err != nil {
		return err
	}
	n, err := g.number(ctx, "Your identifier (this should be an integer between 1 and 65535):", 1)
	if err != nil {
		return err
	}
	if g.self, err = frost.NewIdentifier(g.cs, uint16(n)); err != nil {
		return err
	}
	return checkSizes(g.threshold, g.members)
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
	g.packages, err = receive(ctx, g, "Their JSON-encoded Round 1 Package:", func(id frost.Identifier, data []byte) (*dkg.Round1Package, error) {
		return dkg.DecodeRound1PackageJSON(g.cs, data)
	})
	return err
}

func (g *generation) round2(ctx context.Context, own map[frost.Identifier]*dkg.Round2Package) (map[frost.Identifier]*dkg.Round2Package, error) {
	g.say("=== ROUND 2: SEND PACKAGES ===\n")
	for _, id := range sorted(own) {
		g.say("Round 2 Package to send to participant %s (your identifier: %s):\n\n%s\n", quoted(id), quoted(g.self), own[id].EncodeSecretJSON())
	}
	g.say("=== ROUND 2: RECEIVE PACKAGES ===\n")
	g.say("Input Round 2 Packages from the other %d participants.\n", g.members-1)
	return receive(ctx, g, "Their JSON-encoded Round 2 Package:", func(id frost.Identifier, data []byte) (*dkg.Round2Package, error) {
		if _, known := g.packages[id]; !known {
			return nil, fmt.Errorf("there was no round 1 package of %s", id)
		}
		return dkg.DecodeRound2PackageJSON(g.cs, data)
	})
}

// receive asks for a package of each other member.
func receive[T any](ctx context.Context, g *generation, question string, decode func(frost.Identifier, []byte) (T, error)) (map[frost.Identifier]T, error) {
	packages := map[frost.Identifier]T{}
	for range g.members - 1 {
		id, err := g.identifier(ctx, g.cs, "The sender's identifier (hex string):")
		if err != nil {
			return nil, err
		}
		text, err := g.ask(ctx, question)
		if err != nil {
			return nil, err
		}
		if _, twice := packages[id]; twice || id == g.self {
			return nil, fmt.Errorf("a package of %s is there already", id)
		}
		if packages[id], err = decode(id, []byte(text)); err != nil {
			return nil, fmt.Errorf("reading the package of %s: %w", id, err)
		}
		g.say("")
	}
	return packages, nil
}
