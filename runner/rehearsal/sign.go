package rehearsal

import (
	"bytes"
	"cmp"
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
	m, run := s.members[s.signing.Coordinator()], s.frostClientCoordinator
	if s.native() {
		run = s.frostkitCoordinator
	}
	return part{member: m.name, coordinator: true, run: func(ctx context.Context) error {
		return m.killable(ctx, func(ctx context.Context, kill func()) error { return run(ctx, m, kill) })
	}}
}

func (s *signingPart) participant(m *member) part {
	run := s.frostClientParticipant
	if s.native() {
		run = s.frostkitParticipant
	}
	return part{member: m.name, run: func(ctx context.Context) error {
		return m.killable(ctx, func(ctx context.Context, kill func()) error { return run(ctx, m, kill) })
	}}
}

func (s *signingPart) share(m *member) *frost.KeyPackage { return s.group.shares[m.name] }

// approve makes a member agree to sign what the file names, as a run does, unless
// it is to decline.
func (s *signingPart) approve(m *member) func(context.Context, protocol.Review) error {
	return func(_ context.Context, review protocol.Review) error {
		if len(review.Messages) != 1 || !bytes.Equal(review.Messages[0], s.message) || len(review.Aux) > 0 {
			return errors.New("asked to sign something else than the file names")
		}
		for _, f := range m.faults {
			if f.Kind == ceremony.FaultDecline {
				f.strike()
				return errors.New(cmp.Or(f.Reason, "without a reason"))
			}
		}
		return nil
	}
}
