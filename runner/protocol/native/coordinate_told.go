package native

import (
	"context"
	"fmt"
	"time"

	"frostkit/frost"
	"frostkit/runner/protocol"
)

// hearPatience is how long a coordinator that has the signatures waits for those who were there to say that
// they have them, too.
const hearPatience = 30 * time.Second

// finish tells everybody, and returns the result when all who were there have confirmed, so that the session is not
// closed before: who was killed after it had signed is told when it is back.
func (c *coordination) finish(ctx context.Context, signatures []frost.Signature) *Signed {
	signed := &Signed{Signatures: signatures, Excluded: append(c.excluded(), c.unneeded()...), Attempts: int(c.number)}
	for _, m := range c.signers {
		signed.Signers = append(signed.Signers, m.Member)
	}
	c.told = encodeSignatures(signatures)
	for _, m := range c.candidates {
		_ = c.send(ctx, m, kindSigned, c.told) // what is signed is signed
	}
	c.hear(ctx)
	return signed
}

// announce tells of signatures that an earlier run made. Those who were told then do not come.
func (c *coordination) announce(ctx context.Context) (*Signed, error) {
	for i, signature := range c.cfg.Signatures {
		if i >= len(c.cfg.Messages) || c.cfg.PublicKeyPackage.VerifyingKey().Verify(c.cfg.Messages[i], signature) != nil {
			return nil, fmt.Errorf("telling of the signatures that were made before: number %d does not verify", i+1)
		}
	}
	c.number, c.told = 1, encodeSignatures(c.cfg.Signatures)
	for _, m := range c.candidates {
		m.here = true // or will be
	}
	c.hear(ctx)
	return &Signed{Signatures: c.cfg.Signatures, Attempts: 1}, nil
}

func encodeSignatures(signatures []frost.Signature) []byte {
	list := make([][]byte, len(signatures))
	for i, signature := range signatures {
		list[i] = signature.Bytes()
	}
	return items{list: list}.encode()
}

// hear waits for a while until all who are there have said that they have the signatures.
func (c *coordination) hear(ctx context.Context) {
	c.phase = protocol.PhaseConfirm
	c.progress(protocol.Event{Kind: protocol.Waiting, Phase: c.phase, Awaited: c.unheard()})
	timer := time.NewTimer(hearPatience)
	defer timer.Stop()
	for len(c.unheard()) > 0 {
		select {
		case a := <-c.mail.arrived:
			if c.take(ctx, a) != nil {
				return
			}
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
	c.progress(protocol.Event{Kind: protocol.Complete, Phase: c.phase})
}

func (c *coordination) unheard() []protocol.Member {
	var missing []protocol.Member
	for _, m := range c.candidates {
		if m.here && !m.heard && (m.out == nil || m.out.silent()) {
			missing = append(missing, m.Member)
		}
	}
	return missing
}

// tellAgain answers whatever comes once there are signatures: with them, and with the proposal before if the
// signer was started again.
func (c *coordination) tellAgain(ctx context.Context, from *candidate, m message) error {
	switch m.kind {
	case kindHeard:
		from.heard = true
		c.progress(protocol.Event{Kind: protocol.Received, Phase: protocol.PhaseConfirm, Member: from.Member, Awaited: c.unheard()})
		return nil
	case kindDecline:
		from.heard = true
		return nil
	case kindHello:
		said, err := decodeHello(m.body)
		if err != nil {
			c.drop(from.Member, err.Error())
			return nil
		}
		from.heard = from.heard && from.run == said.run
		if err := c.takeHello(ctx, from, said); err != nil {
			return err
		}
	}
	return c.send(ctx, from, kindSigned, c.told)
}
