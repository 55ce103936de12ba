package runner

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/runner/protocol/native"
	"frostkit/runner/steps"
)

// agreement is what members compare before they make a group.
func (s *scene) agreement(group ceremony.Group) native.Agreement {
	a := native.Agreement{Digest: s.file.Digest(), Step: group.StepName(), Tool: "frostkit " + Version}
	for _, field := range s.file.Agreed() {
		a.Facts = append(a.Facts, native.Fact{Label: field.Label, Value: field.Value})
	}
	return a
}

func (s *scene) records(group ceremony.Group, m ceremony.Member) steps.Records {
	return steps.KeyringRecords(s.env.Context, s.credentials(m), s.agreement(group))
}

// serveHere is how long a member whose group is made is there for others who are all in this process.
const serveHere = 2 * time.Second

// outstanding reports whether somebody here has made a group that not everybody
// has confirmed: others may need this member to complete theirs.
func (s *scene) outstanding(group ceremony.Group) (bool, error) {
	if s.file.Protocol != ceremony.Frostkit {
		return false, nil
	}
	for _, m := range s.here {
		if !slices.Contains(group.Members, m.Name) {
			continue
		}
		if has, err := steps.HasRecords(s.records(group, m)); has || err != nil {
			return has, err
		}
	}
	return false, nil
}

// generatePart is a member's part in making a group by frostkit's own protocol,
// nil where there is nothing left of it.
func (r *run) generatePart(group ceremony.Group, m ceremony.Member, rings map[string]*keyring.Keyring) (func(context.Context) error, error) {
	k, records := rings[m.Name], r.records(group, m)
	begun, err := steps.HasRecords(records)
	if err != nil || !begun && r.groupIn(group, k, rings) != nil {
		return nil, err
	}
	if !begun {
		r.hintRecovery(group, m, k.Key().Public())
	}
	session, err := r.session(m, k, rings)
	if err != nil {
		return nil, err
	}
	part := &steps.Generate{
		Session: session, Agreement: r.agreement(group), Key: k.Key(), Ciphersuite: r.suite, Threshold: group.Threshold,
		Bundle: group.Recovery == ceremony.RecoveryBundle,
		Create: m.Name == group.Creator(), Timeout: orElse(r.options.Timeout, r.file.Timeouts.DKG), Random: rand.Reader,
		Records: records,
		Save:    func(made *native.Outcome) error { return r.keep(group, m, made) },
	}
	if r.areHere(group.Members) {
		part.Serve = serveHere
	}
	keys, _ := r.memberKeys(group, k, rings)
	for i, name := range group.Members {
		part.Members = append(part.Members, steps.Peer{Name: name, Key: keys[i]})
	}
	return func(ctx context.Context) error {
		outcome, err := part.Run(ctx)
		if outcome != nil {
			r.made(group, outcome.Unconfirmed)
			if !begun {
				r.setFresh(m, outcome.PublicKeyPackage.VerifyingKey().String())
			}
			outcome.KeyPackage.Destroy()
		}
		return err
	}, nil
}

// hintRecovery says how a share that was lost is made again, where what that needs is here: the others
// have their group, and will not make another one.
func (r *run) hintRecovery(group ceremony.Group, m ceremony.Member, key commkey.PublicKey) {
	certificate, statement := r.proofOf(group, m, key)
	if statement == nil {
		return
	}
	bundle := r.keptBundle(statement.VerifyingKey, m)
	if _, err := bundle.Lstat(); err != nil {
		bundle = r.earlierBundle(group, m)
	}
	_, bundled := bundle.Stat()
	way := "put back a copy of " + shell(r.configPath(m)) + " that has it"
	switch {
	case bundled != nil && group.Recovery == ceremony.RecoveryBundle:
		return
	case bundled == nil:
		way = "run: " + shell("frostkit", "recover", certificate.Path, "--bundle", bundle.Path, "--file", r.options.File, "-c", r.configPath(m))
	}
	r.display.pause()
	defer r.display.resume()
	r.env.say("hint: if %s had this group and lost its share, stop here and %s", keyring.EscapeName(m.Name), way)
}

// keep saves a group that was made, once, and what proves it.
func (r *run) keep(group ceremony.Group, m ceremony.Member, made *native.Outcome) error {
	config := groupOf(group.Description, r.file.Server.Address(), made.KeyPackage, made.PublicKeyPackage, made.Members)
	err := r.credentials(m).Update(context.WithoutCancel(r.env.Context), func(k *keyring.Keyring) error {
		if _, there := k.Group(made.PublicKeyPackage.VerifyingKey().String()); there {
			return nil
		}
		saved, err := keyring.NewGroup(config)
		if err != nil {
			return err
		}
		return k.AddGroup(saved)
	})
	if err != nil {
		return err
	}
	return r.keepProof(group, m, made)
}
