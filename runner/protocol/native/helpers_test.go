package native

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = frost.Ed25519()

// patience bounds every run of the tests.
const patience = time.Minute

// person is a member with what it keeps: its key, its records and its groups.
type person struct {
	protocol.Member
	private *commkey.PrivateKey

	mu      sync.Mutex
	records []Record
	groups  map[string][]byte // key package by group
	certs   map[string][]byte
	setups  map[AttemptID]*cocktail.Setup // of the attempts that it agreed on
	events  []protocol.Event
}

func newPeople(t testing.TB, n int) []*person {
	t.Helper()
	people := make([]*person, n)
	for i := range people {
		private, err := commkey.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		name := fmt.Sprintf("member%d", i+1)
		if i < 5 {
			name = []string{"alice", "bob", "carol", "dave", "eve"}[i]
		}
		id, err := frost.NewIdentifier(suite, uint16(i+1))
		if err != nil {
			t.Fatal(err)
		}
		people[i] = &person{
			Member:  protocol.Member{Name: name, Key: private.Public(), Identifier: id},
			private: private, groups: map[string][]byte{}, certs: map[string][]byte{}, setups: map[AttemptID]*cocktail.Setup{},
		}
	}
	return people
}

func (p *person) store(r Record) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.records, func(h Record) bool { return h.Attempt == r.Attempt })
	if i < 0 {
		p.records = append(p.records, r)
		return nil
	}
	p.records[i] = r
	return nil
}

func (p *person) save(o *Outcome) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	id := o.PublicKeyPackage.VerifyingKey().String()
	p.groups[id] = o.KeyPackage.EncodeSecretJSON()
	p.certs[id] = o.Certificate.Encode()
	return nil
}

func (p *person) agreed(id AttemptID, setup *cocktail.Setup) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.setups[id] = setup
}

func (p *person) event(e protocol.Event) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, e)
}

// counted counts events of a kind about a member.
func (p *person) counted(kind protocol.Kind, about protocol.Member) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, e := range p.events {
		if e.Kind == kind && e.Member.Key == about.Key {
			n++
		}
	}
	return n
}

func members(people []*person) []protocol.Member {
	list := make([]protocol.Member, len(people))
	for i, p := range people {
		list[i] = p.Member
	}
	return list
}

var session = sessionID{1, 2, 3}

// config is a member's configuration with the records that it has.
func (p *person) config(people []*person, threshold int) DKGConfig {
	p.mu.Lock()
	defer p.mu.Unlock()
	return DKGConfig{
		Agreement: Agreement{Digest: sha256.Sum256([]byte("file")), Step: "board", Tool: "test", Facts: []Fact{{"ceremony", "board"}}},
		Session:   session, Ciphersuite: suite, Threshold: threshold,
		Key: p.private, Members: members(people), Records: slices.Clone(p.records),
		Store: p.store, Save: p.save, Agreed: p.agreed, Progress: p.event,
	}
}

// end is how a member's run ended.
type end struct {
	*Outcome
	err error
}

// generate runs all people's part, each with its configuration changed by change, if given.
func generate(ctx context.Context, people []*person, threshold int, hub *protocol.Hub, change func(*person, *DKGConfig)) map[string]end {
	return generateFor(ctx, people, people, threshold, hub, change)
}

// generateFor is generate of those who are there.
func generateFor(ctx context.Context, people, there []*person, threshold int, hub *protocol.Hub, change func(*person, *DKGConfig)) map[string]end {
	var mu sync.Mutex
	ends := make(map[string]end)
	var running sync.WaitGroup
	for _, p := range there {
		cfg := p.config(people, threshold)
		if change != nil {
			change(p, &cfg)
		}
		running.Go(func() {
			outcome, err := DKG(ctx, hub.Endpoint(p.Key, false), cfg)
			mu.Lock()
			defer mu.Unlock()
			ends[p.Name] = end{outcome, err}
		})
	}
	running.Wait()
	return ends
}

// mustAgree checks that everybody has the same group, and that it signs.
func mustAgree(t testing.TB, people []*person, threshold int, ends map[string]end) {
	t.Helper()
	first := ends[people[0].Name]
	for _, p := range people {
		e := ends[p.Name]
		if e.err != nil {
			t.Fatalf("%s: %v", p.Name, e.err)
		}
		if !e.PublicKeyPackage.Equal(first.PublicKeyPackage) || !bytes.Equal(e.Certificate.Transcript().Encode(), first.Certificate.Transcript().Encode()) {
			t.Errorf("%s has another group than %s", p.Name, people[0].Name)
		}
		if p.groups[e.PublicKeyPackage.VerifyingKey().String()] == nil {
			t.Errorf("%s has not saved the group", p.Name)
		}
	}
	mustSign(t, people[len(people)-threshold:], ends)
}

// mustSign makes a signature from the shares.
func mustSign(t testing.TB, signers []*person, ends map[string]end) {
	t.Helper()
	list := map[frost.Identifier]*frost.SigningCommitments{}
	all := map[frost.Identifier]*frost.Signer{}
	for _, p := range signers {
		signer, err := frost.NewSigner(rand.Reader, ends[p.Name].KeyPackage)
		if err != nil {
			t.Fatal(err)
		}
		all[p.Identifier], list[p.Identifier] = signer, signer.Commitments()
	}
	pkg, err := frost.NewSigningPackage(suite, list, []byte("message"))
	if err != nil {
		t.Fatal(err)
	}
	shares := map[frost.Identifier]*frost.SignatureShare{}
	for id, signer := range all {
		if shares[id], err = signer.Sign(pkg); err != nil {
			t.Fatal(err)
		}
	}
	public := ends[signers[0].Name].PublicKeyPackage
	signature, err := frost.Aggregate(pkg, shares, public)
	if err != nil {
		t.Fatal(err)
	}
	if err := public.VerifyingKey().Verify([]byte("message"), signature); err != nil {
		t.Fatal(err)
	}
}

// blamed returns the names of an error's culprits, or of the missing, in order.
func blamed(err error) string {
	var blame *protocol.CulpritError
	var missing *protocol.MissingError
	var who []protocol.Member
	switch {
	case err == nil:
		return "nobody"
	case errors.As(err, &blame):
		who = slices.Clone(blame.Culprits)
	case errors.As(err, &missing):
		who = slices.Clone(missing.Missing)
	default:
		return fmt.Sprintf("error %v", err)
	}
	slices.SortFunc(who, func(a, b protocol.Member) int { return bytes.Compare([]byte(a.Name), []byte(b.Name)) })
	return protocol.Names(who)
}

// opened returns the message in a signed envelope.
func opened(envelope []byte) (message, bool) {
	if len(envelope) < 1+64 || envelope[0] != formSigned {
		return message{}, false
	}
	m, err := decodeMessage(envelope[1 : len(envelope)-64])
	return m, err == nil
}

// is matches messages by sender, recipient and kind; zero values match all.
func is(from, to *person, k kind) func(protocol.Envelope) bool {
	return func(e protocol.Envelope) bool {
		m, ok := opened(e.Payload)
		return ok && (from == nil || e.From == from.Key) && (to == nil || e.To == to.Key) && (k == 0 || m.kind == k)
	}
}

// lie is a fault of a member: its messages are changed and signed by it.
func (p *person) lie(to *person, k kind, change func(m *message)) protocol.Fault {
	return only(is(p, to, k), func(e protocol.Envelope) []protocol.Delivery {
		m, _ := opened(e.Payload)
		m.body = bytes.Clone(m.body)
		change(&m)
		changed, err := signEnvelope(p.private, session, m.encode())
		if err != nil {
			panic(err)
		}
		return []protocol.Delivery{{Payload: changed}}
	})
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func sum(b []byte) [sha256.Size]byte { return sha256.Sum256(b) }

// steps yields for each call of Read bytes that depend on the number of the call, so that two
// key generations may differ in some of their secrets only.
type steps struct {
	call int
	of   func(call int) byte
}

func (s *steps) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = s.of(s.call) + byte(i)
	}
	s.call++
	return len(b), nil
}

// round1 makes a member's round 1 message of an attempt with given randomness.
func (p *person) round1(people []*person, threshold int, id AttemptID, of func(call int) byte) []byte {
	g, err := newGeneration(p.config(people, threshold))
	if err != nil {
		panic(err)
	}
	config := cocktail.Config{Setup: setupOf(people, id), Key: g.static}
	if of != nil {
		config.Random = &steps{of: of}
	}
	first, err := cocktail.New(config)
	if err != nil {
		panic(err)
	}
	return first.Message().Encode()
}

// withAttemptKey adds a key that depends on the person alone, and the proof for it, to a greeting.
func (p *person) withAttemptKey(x greeting, at sessionID) greeting {
	g := &generation{cfg: DKGConfig{Session: at, Ciphersuite: suite, Random: mathrand.NewChaCha8([32]byte(p.Key.Bytes()))}, self: p.Member}
	if err := g.addAttemptKey(&x); err != nil {
		panic(err)
	}
	return x
}

// setupOf is what people agreed on in an attempt.
func setupOf(people []*person, id AttemptID) *cocktail.Setup {
	for _, p := range people {
		p.mu.Lock()
		setup := p.setups[id]
		p.mu.Unlock()
		if setup != nil {
			return setup
		}
	}
	panic("nobody agreed on the attempt")
}

// wrongShareMessage is a round 1 message whose ciphertext to the first member opens to the share of
// another polynomial: two runs with the same ephemeral key, which is drawn last.
func wrongShareMessage(mallory *person, people []*person, threshold int, id AttemptID) []byte {
	right := mallory.round1(people, threshold, id, func(call int) byte { return byte(call + 1) })
	wrong := mallory.round1(people, threshold, id, func(call int) byte {
		if call == threshold {
			return byte(call + 1)
		}
		return byte(call + 101)
	})
	at := beforeCiphertexts(threshold) + 8
	copy(right[at:at+48], wrong[at:at+48])
	return right
}

// only applies a fault to the messages that match, and delivers the others.
func only(match func(protocol.Envelope) bool, f protocol.Fault) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		if match(e) {
			return f(e)
		}
		return protocol.Deliver(e)
	}
}
