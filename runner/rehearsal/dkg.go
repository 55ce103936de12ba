package rehearsal

import (
	"context"
	"slices"
	"sync"

	"frostkit/ceremony"
	"frostkit/frost"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// dkgPart is one member's part in making a group, by the file's protocol.
func (r *Rehearsal) dkgPart(s *session, g ceremony.Group, m *member, done func(*outcome)) part {
	run := r.frostClientDKG
	if r.native() {
		run = r.frostkitDKG
	}
	kept := &records{}
	return part{member: m.name, run: func(ctx context.Context) error {
		return m.killable(ctx, func(ctx context.Context, kill func()) error {
			made, err := run(ctx, s, g, m, kept, kill)
			if err == nil {
				done(made)
			}
			return err
		})
	}}
}

func (r *Rehearsal) frostClientDKG(ctx context.Context, s *session, g ceremony.Group, m *member, _ *records, kill func()) (*outcome, error) {
	members := r.keys(s.members)
	for i := range members {
		var err error
		if members[i].Identifier, err = protocol.DKGIdentifier(r.suite, s.id, members[i].Key); err != nil {
			return nil, err
		}
	}
	liar := &frostClientLiar{suite: r.suite, self: m, members: members, threshold: g.Threshold}
	result, err := protocol.DKG(ctx, r.sealedWire(ctx, s, m, false, liar, kill), protocol.DKGConfig{
		Ciphersuite: r.suite, Threshold: g.Threshold, Self: m.key.Public(), Members: members,
		Save:     func(*frost.KeyPackage, *frost.PublicKeyPackage) error { return nil },
		Progress: r.notify(m, false),
	})
	if err != nil {
		return nil, err
	}
	return &outcome{share: result.KeyPackage, public: result.PublicKeyPackage, members: members, attempts: 1}, nil
}

func (r *Rehearsal) frostkitDKG(ctx context.Context, s *session, g ceremony.Group, m *member, kept *records, kill func()) (*outcome, error) {
	members := r.keys(s.members)
	liar := &nativeLiar{Rehearsal: r, session: s, self: m, members: members, threshold: g.Threshold}
	made, err := native.DKG(ctx, r.wire(ctx, s, m, false, liar, kill), native.DKGConfig{
		Agreement: r.agreement(g.StepName()), Session: s.id, Ciphersuite: r.suite, Threshold: g.Threshold,
		Bundle: g.Recovery == ceremony.RecoveryBundle,
		Key:    m.key, Members: members, Random: &liar.drawn, Resend: r.resend(), Settle: grace / 2,
		Records: kept.list(), Store: kept.store, Save: func(*native.Outcome) error { return nil },
		Agreed: liar.agreed, Progress: r.notify(m, false),
	})
	if err != nil {
		return nil, err
	}
	return &outcome{
		share: made.KeyPackage, public: made.PublicKeyPackage, certificate: made.Certificate.Encode(),
		members: made.Members, attempts: made.Attempts,
	}, nil
}

// agreement is what the members compare: the rehearsal's digest, and what the
// file says.
func (r *Rehearsal) agreement(step string) native.Agreement {
	a := native.Agreement{Digest: r.digest, Step: step, Tool: r.cfg.Tool + " (rehearsal)"}
	for _, f := range r.cfg.File.Agreed() {
		a.Facts = append(a.Facts, native.Fact{Label: f.Label, Value: f.Value})
	}
	return a
}

func (r *Rehearsal) notify(m *member, coordinator bool) func(protocol.Event) {
	return func(e protocol.Event) { r.cfg.Notify(m.name, coordinator, e) }
}

// records is where a member stores what it needs to go on after it was killed.
type records struct {
	mu  sync.Mutex
	all []native.Record
}

func (r *records) list() []native.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func (r *records) store(record native.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = slices.DeleteFunc(r.all, func(old native.Record) bool { return old.Attempt == record.Attempt })
	r.all = append(r.all, record)
	return nil
}
