package rehearsal

import (
	"context"
	"errors"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/runner/protocol"
)

// signingPart is a signing that goes on.
type signingPart struct {
	*Rehearsal
	session *session
	group   *Group
	signing ceremony.Signing
	message []byte
	result  *Signing // once there is a signature
}

// signers returns the members who are asked, with their identifiers.
func (s *signingPart) signers() []protocol.Member {
	var list []protocol.Member
	for _, name := range s.signing.Signers {
		for _, m := range s.group.members {
			if m.Name == name {
				list = append(list, m)
			}
		}
	}
	return list
}

func (s *signingPart) coordinator() part {
	m := s.members[s.signing.Coordinator()]
	return part{member: m.name, coordinator: true, run: func(ctx context.Context) error {
		return m.killable(ctx, func(ctx context.Context, kill func()) error {
			transport := s.sealedWire(s.session, m, true, s.liar(m), kill)
			signatures, err := protocol.Coordinate(ctx, transport, protocol.CoordinateConfig{
				PublicKeyPackage: s.group.Public, Signers: s.signers(), Messages: [][]byte{s.message}, Progress: s.notify(m, true),
			})
			if err == nil {
				s.result = &Signing{Signature: signatures[0], Signers: s.signing.Signers, Attempts: 1}
			}
			return err
		})
	}}
}

func (s *signingPart) participant(m *member) part {
	return part{member: m.name, run: func(ctx context.Context) error {
		return m.killable(ctx, func(ctx context.Context, kill func()) error {
			return protocol.Participate(ctx, s.sealedWire(s.session, m, false, s.liar(m), kill), protocol.ParticipateConfig{
				KeyPackage: s.share(m), Members: s.group.members, Coordinator: s.session.coordinator, MessageCount: 1,
				Approve: m.approve, Progress: s.notify(m, false),
			})
		})
	}}
}

func (s *signingPart) share(m *member) *frost.KeyPackage { return s.group.shares[m.name] }

func (s *signingPart) liar(m *member) liar {
	return &frostClientLiar{suite: s.suite, self: m, members: s.group.members}
}

// approve agrees to sign, unless the member is to decline.
func (m *member) approve(context.Context, protocol.Review) error {
	for _, f := range m.faults {
		if f.Kind == ceremony.FaultDecline {
			if f.Reason == "" {
				return errors.New("without a reason")
			}
			return errors.New(f.Reason)
		}
	}
	return nil
}
