package native

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// errPossession is why a greeting is dropped whose attempt key is not proven to be its sender's.
var errPossession = errors.New("its key for the attempt is not valid, or not proven to be its sender's")

// addAttemptKey makes the key to which the others encrypt this member's shares in this attempt, and proves that
// this member has it. Every greeting has a new one.
func (g *generation) addAttemptKey(own *greeting) error {
	key, err := cocktail.GenerateAttemptKey(g.cfg.Ciphersuite, g.cfg.Random)
	if err != nil {
		return err
	}
	g.dropAttemptKey()
	g.attemptKey = key
	proof, err := key.ProvePossession(g.possession(g.self, *own)...)
	if err != nil {
		return err
	}
	own.attemptKey, own.possession = key.PublicKey().Bytes(), proof.Bytes()
	return nil
}

// possession is what the proof for an attempt key is over: session, communication key, run and nonce.
func (g *generation) possession(m protocol.Member, x greeting) [][]byte {
	return [][]byte{g.cfg.Session[:], m.Key.Bytes(), x.run[:], x.nonce[:]}
}

// checkAttemptKey checks the key and the proof in another member's greeting.
func (g *generation) checkAttemptKey(m protocol.Member, x greeting) error {
	if x.version != Version {
		return nil
	}
	key, err := cocktail.DecodeStaticPublicKey(g.cfg.Ciphersuite, x.attemptKey)
	if err != nil {
		return errPossession
	}
	proof, err := cocktail.DecodeSignature(g.cfg.Ciphersuite, x.possession)
	if err != nil || key.VerifyPossession(proof, g.possession(m, x)...) != nil {
		return errPossession
	}
	return nil
}

// newSetup is what all members agree on in this attempt. With [DKGConfig.Bundle] it has no attempt keys.
func (g *generation) newSetup() (*cocktail.Setup, error) {
	a := cocktail.Attempt{ID: g.id[:], Threshold: g.cfg.Threshold, Digest: g.cfg.Digest[:], Step: g.cfg.Step}
	for i, m := range g.members {
		member := cocktail.AttemptMember{Communication: m.Key.Bytes(), Static: g.publics[i]}
		if !g.cfg.Bundle {
			key, err := cocktail.DecodeStaticPublicKey(g.cfg.Ciphersuite, g.greetings[m.Key].greeting.attemptKey)
			if err != nil {
				return nil, fmt.Errorf("key of %q for the attempt: %w", m, err)
			}
			member.Encryption = key
		}
		a.Members = append(a.Members, member)
	}
	if err := g.checkDistinct(a.Members); err != nil {
		return nil, err
	}
	return cocktail.NewAttemptSetup(g.cfg.Ciphersuite, a)
}

// checkDistinct names members with one attempt key, whose secret both have proven to have, and one that uses a static
// key as such.
func (g *generation) checkDistinct(members []cocktail.AttemptMember) error {
	err := &protocol.CulpritError{Phase: protocol.PhaseGreeting, Check: "have a key for the attempt that another member has too, or that is a communication key"}
	for i, m := range members {
		shared := slices.ContainsFunc(members, func(other cocktail.AttemptMember) bool { return m.Encryption.Equal(other.Static) })
		for j, other := range members {
			shared = shared || i != j && m.Encryption.Equal(other.Encryption)
		}
		if shared && m.Encryption.Bytes() != nil && g.members[i].Key != g.self.Key {
			err.Culprits = append(err.Culprits, g.members[i])
		}
	}
	if len(err.Culprits) == 0 {
		return nil
	}
	return err
}

// agreeOn makes the setup of the attempt, and takes what came for it already.
func (g *generation) agreeOn(ctx context.Context) (err error) {
	if g.setup, err = g.newSetup(); err != nil {
		return err
	}
	if g.cfg.Agreed != nil {
		g.cfg.Agreed(g.id, g.setup)
	}
	return g.takeEarly(ctx)
}
