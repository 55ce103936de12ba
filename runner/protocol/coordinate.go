package protocol

import (
	"context"
	"errors"
	"fmt"

	"frostkit/frost"
	"frostkit/relay/sealed"
)

// MaxMessages is how many messages a session signs at most: frostd's
// message_count is a byte.
const MaxMessages = 255

// CoordinateConfig configures [Coordinate].
type CoordinateConfig struct {
	PublicKeyPackage *frost.PublicKeyPackage
	// Signers lists the members who are to sign, the coordinator among them if it
	// signs too; from the threshold to all of them.
	Signers []Member
	// Messages is what to sign, one signature each: from 1 to 255 messages.
	// frost-client signs one.
	Messages [][]byte
	// Progress is told of each step; it must not block. Nil stands for nobody.
	Progress func(Event)
}

// Coordinate collects signatures over messages from signers who run
// [Participate] or frost-client (RFC 9591, Section 5, with the Coordinator of
// Section 5.3). The transport must be the coordinator's. It returns one verified
// signature for each message, in order.
//
// It fails with a [*MissingError] when ctx's deadline passes, with a
// [*CulpritError] when a signer misbehaved, and with the transport's error when
// that fails.
func Coordinate(ctx context.Context, t Transport, cfg CoordinateConfig) ([]frost.Signature, error) {
	c, err := newCoordination(t, cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing to coordinate a signing: %w", err)
	}
	if err := c.await(ctx, PhaseCommitments, cfg.Signers, c.hasOne(PhaseCommitments)); err != nil {
		return nil, err
	}
	packages, err := c.packages()
	if err != nil {
		return nil, fmt.Errorf("making the signing package: %w", err)
	}
	for _, to := range cfg.Signers {
		if err := c.send(ctx, to.Key, to, signingPackages{list: packages}); err != nil {
			return nil, err
		}
	}
	if err := c.await(ctx, PhaseShares, cfg.Signers, c.hasOne(PhaseShares)); err != nil {
		return nil, err
	}
	return c.aggregate(packages)
}

// coordination is the coordinator's run of a signing.
type coordination struct {
	*session
	cfg CoordinateConfig
}

func newCoordination(t Transport, cfg CoordinateConfig) (*coordination, error) {
	s, err := newSession(t, cfg.PublicKeyPackage.Ciphersuite(), cfg.Signers, cfg.Progress, PhaseCommitments, PhaseShares)
	if err != nil {
		return nil, err
	}
	c := &coordination{session: s, cfg: cfg}
	s.admit = c.admitCount
	return c, c.validate()
}

func (c *coordination) validate() error {
	for _, m := range c.cfg.Signers {
		if _, known := c.cfg.PublicKeyPackage.VerifyingShare(m.Identifier); !known {
			return fmt.Errorf("signer %q holds no share of the group", m)
		}
	}
	least, known := c.cfg.PublicKeyPackage.MinSigners()
	if n := len(c.cfg.Signers); n == 0 || known && n < least {
		return fmt.Errorf("there are %d signers, the threshold is %d", n, least)
	}
	if n := len(c.cfg.Messages); n < 1 || n > MaxMessages {
		return fmt.Errorf("there are %d messages, a session signs 1 to %d", n, MaxMessages)
	}
	size := 0
	for _, message := range c.cfg.Messages {
		size += 2 * len(message)
	}
	if most := MaxMessageSize - sealed.FirstOverhead; size > most {
		return fmt.Errorf("the messages have %d bytes as hexadecimal, at most %d can be sent", size, most)
	}
	return nil
}

// admitCount demands one item for each message to sign, and no shares before
// there is something to sign.
func (c *coordination) admitCount(from Member, m message) error {
	var got int
	switch m := m.(type) {
	case commitments:
		got = len(m.list)
	case shares:
		if c.phase != PhaseShares {
			return unusable("it holds signature shares before there is a signing package")
		}
		got = len(m.list)
	}
	if want := len(c.cfg.Messages); got != want {
		return Culprit(m.phase(), from, fmt.Sprintf("sent %s for %d messages, the session signs %d", m.phase(), got, want), nil)
	}
	return nil
}

// packages makes the signing package of each message.
func (c *coordination) packages() ([]*frost.SigningPackage, error) {
	all := collected[commitments](c.session, PhaseCommitments)
	packages := make([]*frost.SigningPackage, len(c.cfg.Messages))
	for i, message := range c.cfg.Messages {
		list := make(map[frost.Identifier]*frost.SigningCommitments, len(all))
		for id, m := range all {
			list[id] = m.list[i]
		}
		var err error
		if packages[i], err = frost.NewSigningPackage(c.suite, list, message); err != nil {
			return nil, err
		}
	}
	return packages, nil
}

// aggregate makes the signatures, each of which frost.Aggregate verifies.
func (c *coordination) aggregate(packages []*frost.SigningPackage) ([]frost.Signature, error) {
	all := collected[shares](c.session, PhaseShares)
	signatures := make([]frost.Signature, len(packages))
	var failed []*frost.BlameError
	for i, pkg := range packages {
		list := make(map[frost.Identifier]*frost.SignatureShare, len(all))
		for id, m := range all {
			list[id] = m.list[i]
		}
		var err error
		signatures[i], err = frost.Aggregate(pkg, list, c.cfg.PublicKeyPackage)
		var blamed *frost.BlameError
		switch {
		case errors.As(err, &blamed):
			failed = append(failed, blamed)
		case err != nil:
			return nil, fmt.Errorf("message %d of %d: %w", i+1, len(packages), err)
		}
	}
	if len(failed) > 0 {
		return nil, c.senders.blame(PhaseShares, frost.JoinBlame(failed...))
	}
	return signatures, nil
}
