package rehearsal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/report"
)

// patience is how long a step may take by itself, beside the delays that are
// asked for: all members work on the same cores, and their work grows with the
// square of their number.
func (r *Rehearsal) patience() time.Duration {
	n := time.Duration(len(r.members))
	return 10*time.Second + n*n*10*time.Millisecond
}

// resend is after what time a member asks for a message once more.
func (r *Rehearsal) resend() time.Duration { return r.patience() / 10 }

// Config says what to rehearse.
type Config struct {
	File   *ceremony.File
	Faults []ceremony.Fault
	// Timeout bounds each step; 0 stands for 10 s, 10 ms for each pair of
	// members, and what the faults delay.
	Timeout time.Duration
	// Tool names the program, as members tell each other.
	Tool string
	// Notify is told what each member does; it must not block. Nil stands for nobody.
	Notify func(member string, coordinator bool, e protocol.Event)
}

// Rehearsal is a ceremony that is rehearsed. Its methods are called one after
// the other.
type Rehearsal struct {
	cfg     Config
	suite   frost.Ciphersuite
	digest  [32]byte
	members map[string]*member
	groups  map[string]*Group

	tamper func(m *mouth, said letter) ([][]byte, error) // what a test lets members say instead
	relay  func(*session) protocol.Fault                 // what a test's relay does in a session
}

// Group is a group that a rehearsal made.
type Group struct {
	Public      *frost.PublicKeyPackage
	Certificate []byte // as package cocktail encodes it, nil without one
	Attempts    int

	members []protocol.Member // with their identifiers, in the order of the file
	shares  map[string]*frost.KeyPackage
}

// member is somebody in a rehearsal.
type member struct {
	name   string
	key    *commkey.PrivateKey
	faults []*fault

	mu    sync.Mutex
	parts []context.CancelCauseFunc // that are alive
}

// Finding is how a step ended for a member for whom it did not end well.
type Finding struct {
	Member string
	Err    error
}

// New makes the members and their keys.
func New(cfg Config) (*Rehearsal, error) {
	suite, err := frost.CiphersuiteByName(cfg.File.Ciphersuite)
	if err != nil {
		return nil, err
	}
	if cfg.Notify == nil {
		cfg.Notify = func(string, bool, protocol.Event) {}
	}
	r := &Rehearsal{
		cfg: cfg, suite: suite, digest: report.RehearsalDigest(cfg.File.Digest()),
		members: map[string]*member{}, groups: map[string]*Group{},
	}
	for _, name := range cfg.File.Names() {
		key, err := commkey.Generate(rand.Reader)
		if err != nil {
			return nil, err
		}
		r.members[name] = &member{name: name, key: key}
	}
	if r.cfg.Timeout == 0 {
		r.cfg.Timeout = r.patience()
		for _, f := range cfg.Faults {
			r.cfg.Timeout += 10 * f.After // a message may wait for others that wait
		}
	}
	return r, r.takeFaults()
}

func (r *Rehearsal) takeFaults() error {
	for _, f := range r.cfg.Faults {
		m := r.members[f.Member]
		switch {
		case m == nil:
			return fmt.Errorf("rehearsing %s: no member %q", f.Text, f.Member)
		case f.Kind == ceremony.FaultWrongSignature && !r.native():
			return fmt.Errorf("rehearsing %s: with %s's protocol there is no transcript to sign", f.Text, r.cfg.File.Protocol)
		case f.Kind == ceremony.FaultFalseBlame && !r.native():
			return fmt.Errorf("rehearsing %s: with %s's protocol nobody tells others whom it blames", f.Text, r.cfg.File.Protocol)
		case f.Kind == ceremony.FaultWrongEcho && r.native():
			return fmt.Errorf("rehearsing %s: with %s's protocol there is no echo", f.Text, r.cfg.File.Protocol)
		case f.Kind == ceremony.FaultKill && f.After > 0 && !r.native():
			return fmt.Errorf("rehearsing %s: with %s's protocol a member cannot be started again in a session", f.Text, r.cfg.File.Protocol)
		}
		m.faults = append(m.faults, &fault{Fault: f})
	}
	return nil
}

// Idle returns the faults that have not happened so far, as they were written,
// but for those of members whom a signing did not choose, as others answered first.
func (r *Rehearsal) Idle() []string {
	var idle []string
	for _, name := range r.cfg.File.Names() {
		for _, f := range r.members[name].faults {
			if !f.hasStruck() && !r.mayBeSpared(name) {
				idle = append(idle, f.Text)
			}
		}
	}
	return idle
}

// mayBeSpared reports whether a member is a candidate of a signing that needs fewer than all of them.
func (r *Rehearsal) mayBeSpared(name string) bool {
	return slices.ContainsFunc(r.cfg.File.Sign, func(s ceremony.Signing) bool { return s.Need > 0 && slices.Contains(s.Signers, name) })
}

// native reports whether the members speak frostkit's own protocol.
func (r *Rehearsal) native() bool { return r.cfg.File.Protocol == ceremony.Frostkit }

// Ciphersuite returns that of the ceremony.
func (r *Rehearsal) Ciphersuite() frost.Ciphersuite { return r.suite }

// Key returns a member's public key.
func (r *Rehearsal) Key(name string) commkey.PublicKey { return r.members[name].key.Public() }

// Group returns a group that was made.
func (r *Rehearsal) Group(name string) (*Group, bool) {
	g, made := r.groups[name]
	return g, made
}

// Destroy wipes the shares.
func (r *Rehearsal) Destroy() {
	for _, g := range r.groups {
		for _, share := range g.shares {
			share.Destroy()
		}
	}
}

// DKG makes a group. The error is that of the member who knows best what went
// wrong; the findings are everybody's.
func (r *Rehearsal) DKG(ctx context.Context, g ceremony.Group) ([]Finding, error) {
	session := r.newSession(g.Members, "")
	made := &Group{shares: map[string]*frost.KeyPackage{}}
	outcomes := make([]*outcome, len(g.Members))
	var parts []part
	for i, name := range g.Members {
		parts = append(parts, r.dkgPart(session, g, r.members[name], func(o *outcome) { outcomes[i] = o }))
	}
	ends := r.together(ctx, parts, func(end) bool { return true })
	for i, name := range g.Members {
		if o := outcomes[i]; o != nil {
			made.Public, made.Certificate, made.Attempts, made.members = o.public, o.certificate, max(o.attempts, made.Attempts), o.members
			made.shares[name] = o.share
		}
	}
	err := r.judge(ends)
	if err == nil {
		r.groups[g.Name] = made
	}
	return findings(ends), err
}

// outcome is what a member has of a key generation.
type outcome struct {
	share       *frost.KeyPackage
	public      *frost.PublicKeyPackage
	certificate []byte
	members     []protocol.Member
	attempts    int
}

// Signing is what came of a signing.
type Signing struct {
	Signature frost.Signature
	Signers   []string
	Attempts  int
	Excluded  []native.Exclusion // who did not sign, with frostkit's protocol
}

// Sign signs a message with a group that was made.
func (r *Rehearsal) Sign(ctx context.Context, s ceremony.Signing, message []byte) (*Signing, []Finding, error) {
	g, made := r.groups[s.Group]
	if !made {
		return nil, nil, errors.New("signing: the group was not made")
	}
	session := r.newSession(s.Signers, s.Coordinator())
	signing := &signingPart{Rehearsal: r, session: session, group: g, signing: s, message: message}
	parts := []part{signing.coordinator()}
	for _, name := range s.Signers {
		parts = append(parts, signing.participant(r.members[name]))
	}
	ends := r.together(ctx, parts, func(e end) bool { return e.coordinator || !r.native() })
	if signing.result != nil {
		key := g.Public.VerifyingKey()
		return signing.result, findings(ends), key.Verify(message, signing.result.Signature)
	}
	return nil, findings(ends), r.judge(ends)
}

// session is where members meet in memory.
type session struct {
	hub         *protocol.Hub
	id          uuid.UUID
	members     []string
	coordinator commkey.PublicKey // zero in a key generation
}

func (r *Rehearsal) newSession(members []string, coordinator string) *session {
	s := &session{hub: protocol.NewHub(), id: uuid.New(), members: members}
	if m := r.members[coordinator]; m != nil {
		s.coordinator = m.key.Public()
	}
	if r.relay != nil {
		s.hub.Intercept(r.relay(s))
	}
	return s
}

// keys returns the members of names in their order.
func (r *Rehearsal) keys(names []string) []protocol.Member {
	list := make([]protocol.Member, len(names))
	for i, name := range names {
		list[i] = protocol.Member{Name: name, Key: r.members[name].key.Public()}
	}
	return list
}

func (r *Rehearsal) byKey(key commkey.PublicKey) *member {
	for _, m := range r.members {
		if m.key.Public() == key {
			return m
		}
	}
	return nil
}

// findings leaves out the ends that went well.
func findings(ends []end) []Finding {
	var list []Finding
	for _, e := range ends {
		if e.err != nil {
			list = append(list, Finding{Member: e.member, Err: e.err})
		}
	}
	return slices.Clip(list)
}
