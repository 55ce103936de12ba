package native

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// DKG generates a group's key together with the other members, who do the same. It returns
// when all members have signed the transcript, this one has saved the group, and the others have
// said that they did; or, after the first two, when ctx's deadline passes or the transport
// ends: [Outcome.Unconfirmed] then names who has not said so.
//
// It fails with a [*protocol.MissingError] when the deadline passes before, with a
// [*protocol.CulpritError] when members misbehaved, with an [*AgreementError] when they differ,
// with an [*EndedError] when one gave up, with [protocol.ErrDeclined] when Approve refused, and
// with the transport's error when that fails. A record that was stored stays; a later run with
// it completes the key generation or shows that it cannot be completed.
func DKG(ctx context.Context, t protocol.Transport, cfg DKGConfig) (*Outcome, error) {
	g, err := newGeneration(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the key generation: %w", err)
	}
	defer g.destroy()
	if err := g.complete(); err != nil {
		return nil, fmt.Errorf("going on with a finished key generation: %w", err)
	}
	g.mail = openMail(ctx, t, cfg.Key, cfg.Session)
	defer g.mail.close()
	outcome, err := g.runAttempts(ctx)
	if err == nil {
		return outcome, nil
	}
	g.dropKeys()
	if g.finished != nil {
		g.finished.KeyPackage.Destroy()
	}
	g.tell(ctx, err)
	return nil, err
}

// generation is one member's run of a key generation, over all attempts.
type generation struct {
	cfg     DKGConfig
	mail    *mail
	members []protocol.Member // in the file's order
	others  []protocol.Member
	number  map[commkey.PublicKey]int // of each member, from 1
	self    protocol.Member
	static  *cocktail.StaticKey
	publics []cocktail.StaticPublicKey
	records []Record
	run     runID

	seen     map[[sha256.Size]byte]bool  // envelopes of greetings
	runs     map[commkey.PublicKey]runID // the latest of each other member
	ahead    map[commkey.PublicKey]taken // greetings of later attempts, the latest of each
	strange  strangers
	early    []taken
	last     map[commkey.PublicKey]string
	dropped  map[commkey.PublicKey]int
	answered map[commkey.PublicKey]time.Time
	phase    string
	awaited  []protocol.Member
	finished *Outcome         // saved, with nothing but confirmations to wait for
	served   <-chan time.Time // when a member that finished before has waited for others long enough
	saved    map[AttemptID]bool
	proven   map[AttemptID]bool // key generations whose certificate another member has shown
	chunks   chunks
	helped   helped
	followed map[commkey.PublicKey]int // how many attempts each began, as this member heard it

	attempt // the one that is on
}

// attempt is what is known of one attempt.
type attempt struct {
	number32  uint32
	id        AttemptID
	agreed    bool // id is known
	greetings map[commkey.PublicKey]taken
	setup     *cocktail.Setup
	kept      map[slot]taken
	own       map[kind]taken // what this member sent
	forwarded map[commkey.PublicKey]bool
	views     [][sha256.Size]byte // what this member has of each, once transcripts differ
	accusers  []accuser
	found     []*protocol.CulpritError
	// attemptKey opens what is encrypted to this member in this attempt. It is wiped when the share is stored.
	attemptKey *cocktail.StaticKey
	first      *cocktail.Round1
	round3     *cocktail.Round3
	hash       []byte // of its transcript
	record     Record // of round3
	keys       *Outcome
}

// slot is the place of a message: a member has one of each kind in an attempt.
type slot struct {
	from commkey.PublicKey
	kind kind
}

// taken is a message that came through the gate.
type taken struct {
	from protocol.Member
	message
	envelope []byte
	greeting greeting // of a greeting
}

func newGeneration(cfg DKGConfig) (*generation, error) {
	g := &generation{
		cfg: cfg.withDefaults(), number: make(map[commkey.PublicKey]int), records: cloneRecords(cfg.Records),
		seen: make(map[[sha256.Size]byte]bool), last: make(map[commkey.PublicKey]string),
		dropped: make(map[commkey.PublicKey]int), answered: make(map[commkey.PublicKey]time.Time),
		saved: make(map[AttemptID]bool), proven: make(map[AttemptID]bool), chunks: make(chunks),
		runs: make(map[commkey.PublicKey]runID), ahead: make(map[commkey.PublicKey]taken), strange: newStrangers(),
		followed: make(map[commkey.PublicKey]int), helped: make(helped),
	}
	if err := g.check(); err != nil {
		return nil, err
	}
	if err := g.convertKeys(); err != nil {
		return nil, err
	}
	if _, err := io.ReadFull(g.cfg.Random, g.run[:]); err != nil {
		return nil, fmt.Errorf("reading the random part of the greeting: %w", err)
	}
	g.begin(1)
	return g, nil
}

// destroy wipes what is not the caller's.
func (g *generation) destroy() {
	g.static.Destroy()
	g.dropAttemptKey()
	for _, r := range g.records {
		clear(r.Share)
	}
}

// withDefaults fills in what is not given.
func (cfg DKGConfig) withDefaults() DKGConfig {
	cfg.Progress = orSilent(cfg.Progress)
	cfg.Resend = cmp.Or(cfg.Resend, firstResend)
	cfg.Serve = cmp.Or(cfg.Serve, time.Minute)
	cfg.Settle = cmp.Or(cfg.Settle, 3*time.Second)
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	return cfg
}

func (g *generation) check() error {
	switch {
	case g.cfg.Key == nil || g.cfg.Store == nil || g.cfg.Save == nil:
		return errors.New("a key, and what stores and saves the group, must be given")
	case g.cfg.Ciphersuite == nil:
		return errors.New("no ciphersuite is given")
	}
	if err := g.cfg.Agreement.check(); err != nil {
		return err
	}
	for i, m := range g.cfg.Members {
		if _, twice := g.number[m.Key]; twice || m.Key.IsZero() {
			return fmt.Errorf("member %q has no key, or that of another member", m)
		}
		var err error
		if m.Identifier, err = frost.NewIdentifier(g.cfg.Ciphersuite, uint16(i+1)); err != nil {
			return err
		}
		g.members = append(g.members, m)
		g.number[m.Key] = i + 1
		if m.Key == g.cfg.Key.Public() {
			g.self = m
		} else {
			g.others = append(g.others, m)
		}
	}
	if g.self.Key.IsZero() {
		return errors.New("the members do not include this one")
	}
	return nil
}

// convertKeys brings the communication keys to their Edwards form, COCKTAIL-DKG's static keys.
func (g *generation) convertKeys() error {
	for _, m := range g.members {
		public, err := StaticKeyOf(g.cfg.Ciphersuite, m.Key)
		if err != nil {
			return fmt.Errorf("key of %q: %w", m, err)
		}
		g.publics = append(g.publics, public)
	}
	var err error
	g.static, err = staticKey(g.cfg.Ciphersuite, g.cfg.Key)
	return err
}

// begin forgets the attempt before. Who is in the next one already has greeted.
func (g *generation) begin(number uint32) {
	g.dropKeys()
	g.attempt = attempt{
		number32:  number,
		greetings: make(map[commkey.PublicKey]taken),
		kept:      make(map[slot]taken),
		own:       make(map[kind]taken),
		forwarded: make(map[commkey.PublicKey]bool),
	}
	for key, t := range g.ahead {
		if t.number == number {
			g.greetings[key] = t
		}
		if t.number <= number {
			delete(g.ahead, key)
		}
	}
}

// dropKeys wipes the keys of the attempt, unless they are the outcome.
func (g *generation) dropKeys() {
	g.dropAttemptKey()
	if g.keys != nil && g.keys != g.finished {
		g.keys.KeyPackage.Destroy()
	}
	g.keys = nil
}

// dropAttemptKey wipes the key that opens what is encrypted to this member: from then on nobody has it.
func (g *generation) dropAttemptKey() {
	if g.attemptKey != nil {
		g.attemptKey.Destroy()
	}
}

// runAttempts goes through attempts until one is not ended by the next.
func (g *generation) runAttempts(ctx context.Context) (*Outcome, error) {
	for count := 1; ; count++ {
		outcome, err := g.try(ctx)
		var again *newAttempt
		if !errors.As(err, &again) {
			return outcome, err
		}
		g.followed[again.cause.Key]++
		if again.number > maxAttempt || count >= maxAttempts {
			return nil, g.tooManyAttempts()
		}
		g.begin(again.number)
		g.progress(protocol.Event{Kind: protocol.Restarted, Phase: g.phase, Member: again.cause, Reason: again.why})
	}
}

// try is one attempt.
func (g *generation) try(ctx context.Context) (*Outcome, error) {
	if err := g.greet(ctx); err != nil {
		return g.orFinished(ctx, err)
	}
	record, resumed, err := g.goOnWith(ctx)
	switch {
	case err != nil:
	case resumed:
		err = g.resume(record)
	default:
		err = g.generate(ctx)
	}
	if err != nil {
		return g.orFinished(ctx, err)
	}
	certificate, err := g.certify(ctx)
	if err != nil {
		return g.orFinished(ctx, err)
	}
	if err := g.save(certificate); err != nil {
		return nil, err
	}
	return g.orFinished(ctx, g.confirm(ctx))
}

// orFinished is the outcome when nothing is left but to hear of the others, whatever ended that.
func (g *generation) orFinished(ctx context.Context, err error) (*Outcome, error) {
	var again *newAttempt
	if g.finished == nil || errors.As(err, &again) || errors.Is(ctx.Err(), context.Canceled) {
		return nil, err
	}
	g.dropKeys()
	outcome := *g.finished
	outcome.Ended = errors.Is(err, relay.ErrSessionNotFound)
	outcome.Attempts = int(g.number32)
	outcome.Unconfirmed = slices.DeleteFunc(slices.Clone(g.others), g.hasOne(kindStored))
	return &outcome, nil
}

// generate is Round 1 and Round 2 of COCKTAIL-DKG, up to the own signature.
func (g *generation) generate(ctx context.Context) error {
	if err := g.approve(ctx); err != nil {
		return err
	}
	first, err := cocktail.New(cocktail.Config{Setup: g.setup, Key: g.static, AttemptKey: g.openingKey(), Random: g.cfg.Random})
	if err != nil {
		return err
	}
	defer first.Destroy()
	g.first = first
	if err := g.broadcast(ctx, kindRound1, first.Message().Encode()); err != nil {
		return err
	}
	if err := g.await(ctx, protocol.PhaseRound1, kindRound1, g.hasOne(kindRound1)); err != nil {
		return err
	}
	second, err := g.openRound1()
	if err != nil {
		return g.blame(ctx, protocol.PhaseRound1, err)
	}
	if g.accused() {
		second.Destroy()
		return g.judge(ctx)
	}
	return g.sign(second)
}

func (g *generation) approve(ctx context.Context) error {
	if g.cfg.Approve == nil {
		return nil
	}
	if err := g.cfg.Approve(ctx); err != nil {
		return fmt.Errorf("%w: %w", protocol.ErrDeclined, err)
	}
	return nil
}

// openRound1 goes through Round 2 with what the others sent in Round 1. The error names all whose message does
// not decode.
func (g *generation) openRound1() (*cocktail.Round2, error) {
	encoded := make(map[frost.Identifier][]byte, len(g.others))
	for _, m := range g.others {
		encoded[m.Identifier] = g.kept[slot{m.Key, kindRound1}].body
	}
	messages, err := cocktail.DecodeRound1Messages(g.setup, encoded)
	if err != nil {
		return nil, err
	}
	return g.first.Next(messages)
}

// openingKey is the pair of the key that others encrypt to, nil where that is the static key.
func (g *generation) openingKey() *cocktail.StaticKey {
	if g.setup.Recoverable() {
		return nil
	}
	return g.attemptKey
}

// sign signs the transcript, and stores the share before the signature is sent, as
// [cocktail.Round2.Next] demands. Then nothing opens the messages of this attempt any more.
func (g *generation) sign(second *cocktail.Round2) error {
	round3, err := second.Next(g.extension())
	if err != nil {
		second.Destroy()
		return err
	}
	g.round3, g.hash = round3, round3.Transcript().Hash()
	g.keys = &Outcome{KeyPackage: second.KeyPackage(), PublicKeyPackage: second.PublicKeyPackage(), Bundle: second.Bundle(), Members: slices.Clone(g.members)}
	defer g.dropAttemptKey()
	record := Record{Attempt: g.id, Transcript: round3.Transcript().Encode()}
	if bundle := second.Bundle(); bundle != nil {
		record.Bundle = bundle.Encode()
	} else {
		record.Share = second.KeyPackage().EncodeSecretPostcard()
	}
	if err := g.store(record); err != nil {
		clear(record.Share)
		return err
	}
	return nil
}

// extension is the digest of the ceremony file and the name of the step.
func (g *generation) extension() []byte { return slices.Concat(g.cfg.Digest[:], []byte(g.cfg.Step)) }

// store keeps a record before the member's signature leaves.
func (g *generation) store(r Record) error {
	g.phase, g.record = protocol.PhasePending, r
	stored := r
	stored.Share = slices.Clone(r.Share)
	if err := g.cfg.Store(stored); err != nil {
		return fmt.Errorf("storing the pending share: %w", err)
	}
	i := slices.IndexFunc(g.records, func(h Record) bool { return h.Attempt == r.Attempt })
	if i >= 0 {
		g.records[i] = r
	} else {
		g.records = append(g.records, r)
	}
	g.progress(protocol.Event{Kind: protocol.Complete, Phase: protocol.PhasePending})
	return nil
}

// certify is Round 3 of COCKTAIL-DKG.
func (g *generation) certify(ctx context.Context) (*cocktail.Certificate, error) {
	body := slices.Concat(g.hash, g.round3.Signature().Bytes())
	if err := g.broadcast(ctx, kindSignature, body); err != nil {
		return nil, err
	}
	for _, m := range g.others {
		if err := g.compareTranscript(ctx, m); err != nil {
			return nil, err
		}
	}
	if err := g.await(ctx, protocol.PhaseCertificate, kindSignature, g.signedSame); err != nil {
		return nil, err
	}
	signatures := make(map[frost.Identifier]cocktail.Signature, len(g.others))
	for _, m := range g.others {
		_, encoded := splitSignature(g.kept[slot{m.Key, kindSignature}].body)
		signature, err := cocktail.DecodeSignature(g.cfg.Ciphersuite, encoded)
		if err != nil {
			return nil, protocol.Culprit(protocol.PhaseCertificate, m, fmt.Sprintf("sent a signature that does not decode: %v", err), err)
		}
		signatures[m.Identifier] = signature
	}
	certificate, err := g.round3.Next(signatures)
	if err != nil {
		return nil, g.blame(ctx, protocol.PhaseCertificate, err)
	}
	return certificate, nil
}

// save makes the group the member's for good.
func (g *generation) save(certificate *cocktail.Certificate) error {
	g.phase = protocol.PhaseSave
	g.keys.Certificate = certificate
	record := g.record
	if !g.saved[record.Attempt] {
		record.Signatures = certificate.EncodeSignatures()
		if err := g.store(record); err != nil {
			return err
		}
		if err := g.cfg.Save(g.keys); err != nil {
			return fmt.Errorf("saving the new group: %w", err)
		}
		g.saved[record.Attempt] = true
	}
	if g.finished != nil && g.finished != g.keys {
		g.finished.KeyPackage.Destroy()
	}
	g.finished = g.keys
	g.progress(protocol.Event{Kind: protocol.Complete, Phase: protocol.PhaseSave})
	return nil
}

// confirm tells the others that the group is saved, and waits to hear it of them.
func (g *generation) confirm(ctx context.Context) error {
	if err := g.broadcast(ctx, kindStored, g.hash); err != nil {
		return err
	}
	return g.await(ctx, protocol.PhaseConfirm, kindStored, g.hasOne(kindStored))
}
