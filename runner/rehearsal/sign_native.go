package rehearsal

import (
	"context"

	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// frostkitCoordinator opens a signing by frostkit's own protocol.
func (s *signingPart) frostkitCoordinator(ctx context.Context, m *member, kill func()) error {
	wait := s.signing.ShareWait
	if wait == 0 || wait > s.cfg.Timeout/3 {
		wait = s.cfg.Timeout / 3 // a rehearsal is not to last longer
	}
	signed, err := native.Coordinate(ctx, s.wire(ctx, s.session, m, true, s.frostkitLiar(m), kill), native.CoordinateConfig{
		Agreement: s.agreement(s.signing.StepName()), Session: s.session.id, Key: m.key, PublicKeyPackage: s.group.Public,
		Candidates: s.signers(), Need: s.signing.Need, ShareWait: wait, Messages: [][]byte{s.message}, Progress: s.notify(m, true),
	})
	if err != nil {
		return err
	}
	s.result = &Signing{Signature: signed.Signatures[0], Attempts: signed.Attempts, Excluded: signed.Excluded}
	for _, signer := range signed.Signers {
		s.result.Signers = append(s.result.Signers, signer.Name)
	}
	return nil
}

func (s *signingPart) frostkitParticipant(ctx context.Context, m *member, kill func()) error {
	_, err := native.Participate(ctx, s.wire(ctx, s.session, m, false, s.frostkitLiar(m), kill), native.ParticipateConfig{
		Agreement: s.agreement(s.signing.StepName()), Session: s.session.id, Key: m.key, KeyPackage: s.share(m),
		VerifyingKey: s.group.Public.VerifyingKey(), Members: s.group.members, Coordinator: s.session.coordinator,
		Resend: s.resend(), Approve: s.approve(m), Progress: s.notify(m, false),
	})
	return err
}

func (s *signingPart) frostkitLiar(m *member) liar {
	return &nativeLiar{Rehearsal: s.Rehearsal, session: s.session, self: m, members: s.group.members}
}

// frostClientCoordinator opens a signing by frost-client's protocol.
func (s *signingPart) frostClientCoordinator(ctx context.Context, m *member, kill func()) error {
	signatures, err := protocol.Coordinate(ctx, s.sealedWire(ctx, s.session, m, true, s.frostClientLiar(m), kill), protocol.CoordinateConfig{
		PublicKeyPackage: s.group.Public, Signers: s.signers(), Messages: [][]byte{s.message}, Progress: s.notify(m, true),
	})
	if err == nil {
		s.result = &Signing{Signature: signatures[0], Signers: s.signing.Signers, Attempts: 1}
	}
	return err
}

func (s *signingPart) frostClientParticipant(ctx context.Context, m *member, kill func()) error {
	return protocol.Participate(ctx, s.sealedWire(ctx, s.session, m, false, s.frostClientLiar(m), kill), protocol.ParticipateConfig{
		KeyPackage: s.share(m), Members: s.group.members, Coordinator: s.session.coordinator, MessageCount: 1,
		Approve: s.approve(m), Progress: s.notify(m, false),
	})
}

func (s *signingPart) frostClientLiar(m *member) liar {
	return &frostClientLiar{suite: s.suite, self: m, members: s.group.members}
}
