package protocol

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/dkg"
)

// FrostClientPause is the pause between rounds ([DKGConfig.Pause]) that
// frost-client needs of its peers. It reads its mail every 2 s and goes wrong
// when a member's messages of two rounds are in one reading: it skips its echo,
// or waits for ever (session.rs, has_round1_packages).
const FrostClientPause = 2500 * time.Millisecond

// DKGConfig configures [DKG].
type DKGConfig struct {
	Ciphersuite frost.Ciphersuite
	// Threshold is how many members will have to sign, from 2 to their number.
	Threshold int
	// Self is the key of the member that this is.
	Self commkey.PublicKey
	// Members lists all members, self included, with the identifiers of
	// [DKGIdentifier], in any order.
	Members []Member
	// Random yields the secrets; nil stands for crypto/rand.
	Random io.Reader
	// Pause is asked, before the messages of a new round are sent, how long to
	// wait first: [FrostClientPause] when a member may run frost-client, nothing
	// when all run frostkit. Nil stands for no pause.
	Pause func() time.Duration
	// Progress is told of each step; it must not block. Nil stands for nobody.
	Progress func(Event)
	// Save stores the group. What it is given is only lent. It must have
	// succeeded before DKG does.
	Save func(*frost.KeyPackage, *frost.PublicKeyPackage) error
}

// DKGResult is the group that a [DKG] made. The caller destroys the key package.
type DKGResult struct {
	KeyPackage       *frost.KeyPackage
	PublicKeyPackage *frost.PublicKeyPackage
}

// DKG generates a group's key together with the other members, who do the same
// (FROST's DKG as frost-client runs it: round 1 packages, an echo broadcast of
// them among three and more, round 2 packages). It returns after the group has
// been checked and saved.
//
// It fails with a [*MissingError] when ctx's deadline passes, with a
// [*CulpritError] when a member misbehaved, and with the transport's error when
// that fails. Nothing is saved then, but for an error of Save itself.
func DKG(ctx context.Context, t Transport, cfg DKGConfig) (*DKGResult, error) {
	k, err := newKeygen(t, cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the key generation: %w", err)
	}
	defer k.wipe()
	first, err := dkg.New(k.round1Config())
	if err != nil {
		return nil, fmt.Errorf("preparing the key generation: %w", err)
	}
	defer first.Destroy()
	if err := k.exchangeRound1(ctx, first.Package()); err != nil {
		return nil, err
	}
	if err := k.exchangeEchoes(ctx); err != nil {
		return nil, err
	}
	second, err := first.Next(k.round1Packages())
	if err != nil {
		return nil, k.blameRound1(err)
	}
	defer second.Destroy()
	if err := k.exchangeRound2(ctx, second.Packages()); err != nil {
		return nil, err
	}
	return k.finish(second)
}

// keygen is one member's run of the key generation.
type keygen struct {
	*session
	cfg     DKGConfig
	self    Member
	members *roster
	others  []Member // in the order of their identifiers
	peers   []Member // the same in the order of the configuration
}

func newKeygen(t Transport, cfg DKGConfig) (*keygen, error) {
	members, err := newRoster(cfg.Members)
	if err != nil {
		return nil, err
	}
	self, listed := members.byKey[cfg.Self]
	if _, incomplete := members.byIdentifier[frost.Identifier{}]; !listed || incomplete {
		return nil, errors.New("the members must include oneself and all have identifiers")
	}
	if cfg.Save == nil {
		return nil, errors.New("nothing is given to save the group with")
	}
	others := members.others(self.Key)
	s, err := newSession(t, cfg.Ciphersuite, others, cfg.Progress, PhaseRound1, PhaseEcho, PhaseRound2)
	if err != nil {
		return nil, err
	}
	k := &keygen{session: s, cfg: cfg, self: self, members: members, others: others}
	k.peers = slices.DeleteFunc(slices.Clone(cfg.Members), func(m Member) bool { return m.Key == self.Key })
	s.admit = k.admitEcho
	return k, nil
}

func (k *keygen) round1Config() dkg.Config {
	config := dkg.Config{
		Ciphersuite: k.cfg.Ciphersuite,
		Identifier:  k.self.Identifier,
		Threshold:   k.cfg.Threshold,
		Random:      k.cfg.Random,
	}
	if config.Random == nil {
		config.Random = rand.Reader
	}
	for _, m := range k.members.list {
		config.Participants = append(config.Participants, m.Identifier)
	}
	return config
}

// admitEcho checks whose package an echo passes on: a third member's.
func (k *keygen) admitEcho(from Member, m message) error {
	e, isEcho := m.(echo)
	if !isEcho {
		return nil
	}
	origin, known := k.members.byIdentifier[e.origin]
	switch {
	case !known:
		check := fmt.Sprintf("passed on a package of %s, who is no member here: the lists of members differ", e.origin)
		return Culprit(PhaseEcho, from, check, nil)
	case origin.Key == from.Key, origin.Key == k.self.Key:
		return unusable("it echoes a package to or from the package's own sender")
	}
	return nil
}

func (k *keygen) exchangeRound1(ctx context.Context, own *dkg.Round1Package) error {
	for _, to := range k.others {
		if err := k.send(ctx, to.Key, to, round1{pkg: own}); err != nil {
			return err
		}
	}
	return k.await(ctx, PhaseRound1, k.peers, k.hasOne(PhaseRound1))
}

// exchangeEchoes tells each member what the others sent here, and compares what
// they tell. It comes before any check of the packages, so that a member who
// has to stop has first helped the others to find out why.
func (k *keygen) exchangeEchoes(ctx context.Context) error {
	if len(k.others) < 2 {
		return nil
	}
	if err := k.pause(ctx); err != nil {
		return err
	}
	for _, to := range k.others {
		if err := k.sendEchoes(ctx, to); err != nil {
			return err
		}
	}
	return k.awaitCompared(ctx, PhaseEcho, k.hasEchoed)
}

// awaitCompared is await, after which a contradiction among the echoes that
// there are by then is what matters, be the wait successful or not.
func (k *keygen) awaitCompared(ctx context.Context, phase string, complete func(Member) bool) error {
	awaiting := k.await(ctx, phase, k.peers, complete)
	if err := k.compareEchoes(); err != nil {
		return err
	}
	return awaiting
}

func (k *keygen) sendEchoes(ctx context.Context, to Member) error {
	for _, origin := range k.others {
		if origin.Key == to.Key {
			continue
		}
		if err := k.send(ctx, to.Key, to, echo{origin: origin.Identifier, pkg: k.round1Of(origin)}); err != nil {
			return err
		}
	}
	return nil
}

// hasEchoed reports whether a member has said what it received from all the
// others, by echoes or by its round 2 package. frost-client leaves its echoes out
// when it reads all of ours together with the last round 1 package
// (dkg/comms/http.rs, get_round1_packages). It has then found ours equal to what it
// received, as has everybody who follows the protocol and sends a round 2
// package, so that nothing is lost: frostkit's own echoes always arrive before
// its round 2 package, as a seal opens messages in their order.
func (k *keygen) hasEchoed(m Member) bool {
	if k.has(m, PhaseRound2, frost.Identifier{}) {
		return true
	}
	for _, origin := range k.others {
		if origin.Key != m.Key && !k.has(m, PhaseEcho, origin.Identifier) {
			return false
		}
	}
	return true
}

// compareEchoes fails if a member was told something else of another than was
// sent here. It cannot be seen from here whether the origin sent different
// packages or the member passed on a wrong one.
func (k *keygen) compareEchoes() error {
	var errs []error
	for _, origin := range k.others {
		own := k.round1Of(origin)
		suspects := []Member{origin}
		evidence := []Evidence{{origin, own.EncodeJSON()}}
		for _, from := range k.others {
			told, has := k.kept[slot{from.Key, PhaseEcho, origin.Identifier}]
			if has && !told.(echo).pkg.Equal(own) {
				suspects = append(suspects, from)
				evidence = append(evidence, Evidence{from, told.encode()})
			}
		}
		if len(suspects) > 1 {
			errs = append(errs, contradiction(suspects, evidence))
		}
	}
	return errors.Join(errs...)
}

func contradiction(suspects []Member, evidence []Evidence) error {
	check := fmt.Sprintf("contradict each other on the round 1 package of %s: either %[1]s sent different ones, or it was passed on wrongly by %s",
		suspects[0], Names(suspects[1:]))
	return &CulpritError{Phase: PhaseEcho, Check: check, Culprits: suspects, Evidence: evidence}
}

// blameRound1 adds to a failure that is everybody's but this member's what the
// likely reason is: a threshold that was given differently.
func (k *keygen) blameRound1(err error) error {
	err = k.members.blame(PhaseRound1, err)
	var blamed *CulpritError
	if errors.As(err, &blamed) && len(blamed.Culprits) == len(k.others) {
		blamed.Check += fmt.Sprintf(" (nobody agrees with this member: compare the thresholds, here %d)", k.cfg.Threshold)
	}
	return err
}

func (k *keygen) exchangeRound2(ctx context.Context, own map[frost.Identifier]*dkg.Round2Package) error {
	if err := k.pause(ctx); err != nil {
		return err
	}
	for _, to := range k.others {
		if err := k.send(ctx, to.Key, to, round2{pkg: own[to.Identifier]}); err != nil {
			return err
		}
	}
	return k.awaitCompared(ctx, PhaseRound2, k.hasOne(PhaseRound2))
}

// pause gives members who run frost-client the time to read a round's messages
// before those of the next arrive.
func (k *keygen) pause(ctx context.Context) error {
	if k.cfg.Pause == nil {
		return nil
	}
	select {
	case <-time.After(k.cfg.Pause()):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("pausing after %s: %w", k.phase, context.Cause(ctx))
	}
}

// finish checks the group that came out and has it saved.
func (k *keygen) finish(second *dkg.Round2) (*DKGResult, error) {
	packages := make(map[frost.Identifier]*dkg.Round2Package, len(k.others))
	for id, m := range collected[round2](k.session, PhaseRound2) {
		packages[id] = m.pkg
	}
	key, public, err := second.Next(packages)
	if err != nil {
		return nil, k.members.blame(PhaseRound2, err)
	}
	if err := k.checkGroup(key, public); err != nil {
		key.Destroy()
		return nil, fmt.Errorf("checking the new group: %w", err)
	}
	if err := k.cfg.Save(key, public); err != nil {
		key.Destroy()
		return nil, fmt.Errorf("saving the new group: %w", err)
	}
	k.progress(Event{Kind: Complete, Phase: PhaseSave})
	return &DKGResult{KeyPackage: key, PublicKeyPackage: public}, nil
}

// checkGroup holds the result against itself before anybody relies on it: the
// share against its verifying share, and that against the public package.
func (k *keygen) checkGroup(key *frost.KeyPackage, public *frost.PublicKeyPackage) error {
	if err := key.Check(); err != nil {
		return err
	}
	share, listed := public.VerifyingShare(k.self.Identifier)
	if !listed || share.String() != key.VerifyingShare().String() || !public.VerifyingKey().Equal(key.VerifyingKey()) {
		return errors.New("the key package does not belong to the public key package")
	}
	return nil
}

func (k *keygen) round1Of(m Member) *dkg.Round1Package {
	return k.kept[slot{from: m.Key, phase: PhaseRound1}].(round1).pkg
}

func (k *keygen) round1Packages() map[frost.Identifier]*dkg.Round1Package {
	packages := make(map[frost.Identifier]*dkg.Round1Package, len(k.others))
	for id, m := range collected[round1](k.session, PhaseRound1) {
		packages[id] = m.pkg
	}
	return packages
}
