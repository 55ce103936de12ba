package protocol

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"frostkit/commkey"
	"frostkit/frost"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var suite = frost.Ed25519()

// patience bounds every run of the tests.
const patience = time.Minute

// person is a member with its private key.
type person struct {
	Member
	private *commkey.PrivateKey
}

func newPeople(t *testing.T, n int) []person {
	t.Helper()
	people := make([]person, n)
	for i := range people {
		private, err := commkey.Generate(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		name := []string{"alice", "bob", "carol", "dave", "eve"}[i]
		people[i] = person{Member{Name: name, Key: private.Public()}, private}
	}
	return people
}

// newDKGPeople are people with the identifiers of a session.
func newDKGPeople(t *testing.T, n int) []person {
	t.Helper()
	people := newPeople(t, n)
	var session [16]byte
	_, _ = rand.Read(session[:])
	for i := range people {
		id, err := DKGIdentifier(suite, session, people[i].Key)
		if err != nil {
			t.Fatal(err)
		}
		people[i].Identifier = id
	}
	return people
}

func members(people []person) []Member {
	list := make([]Member, len(people))
	for i, p := range people {
		list[i] = p.Member
	}
	return list
}

func keys(people []person) []commkey.PublicKey {
	list := make([]commkey.PublicKey, len(people))
	for i, p := range people {
		list[i] = p.Key
	}
	return list
}

// network gives each member its transport. The hub's is plain.
type network func(p person, coordinator bool) Transport

func plain(h *Hub) network {
	return func(p person, coordinator bool) Transport { return h.Endpoint(p.Key, coordinator) }
}

// sealedNetwork seals a network among people, of whom the first coordinates.
func sealedNetwork(people []person, inner network) network {
	return func(p person, coordinator bool) Transport {
		return Seal(inner(p, coordinator), p.private, keys(people), people[0].Key)
	}
}

// journal collects the events of one run.
type journal struct {
	mu     sync.Mutex
	events []Event
}

func (j *journal) add(e Event) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

// count counts events of a kind about a member.
func (j *journal) count(kind Kind, about Member) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for _, e := range j.events {
		if e.Kind == kind && e.Member.Key == about.Key {
			n++
		}
	}
	return n
}

// generation is how a member's DKG ended.
type generation struct {
	result *DKGResult
	err    error
	saved  bool
	journal
}

// generate runs a DKG of all people, each with its configuration changed by
// change, if given.
func generate(ctx context.Context, people []person, threshold int, net network, change func(p person, cfg *DKGConfig)) map[string]*generation {
	ends := make(map[string]*generation, len(people))
	var running sync.WaitGroup
	for _, p := range people {
		end := new(generation)
		ends[p.Name] = end
		cfg := DKGConfig{
			Ciphersuite: suite,
			Threshold:   threshold,
			Self:        p.Key,
			Members:     members(people),
			Progress:    end.add,
			Save: func(*frost.KeyPackage, *frost.PublicKeyPackage) error {
				end.saved = true
				return nil
			},
		}
		if change != nil {
			change(p, &cfg)
		}
		transport := net(p, false)
		running.Go(func() { end.result, end.err = DKG(ctx, transport, cfg) })
	}
	running.Wait()
	return ends
}

// mustAgree checks that everybody has the same group, and signs with it.
func mustAgree(t *testing.T, people []person, threshold int, ends map[string]*generation) {
	t.Helper()
	for _, p := range people {
		end := ends[p.Name]
		if end.err != nil {
			t.Fatalf("%s: %v", p.Name, end.err)
		}
		if !end.saved {
			t.Errorf("%s succeeded without saving", p.Name)
		}
		if !end.result.PublicKeyPackage.Equal(ends[people[0].Name].result.PublicKeyPackage) {
			t.Errorf("%s has another public key package than %s", p.Name, people[0].Name)
		}
		if got := end.result.KeyPackage.MinSigners(); got != threshold {
			t.Errorf("%s has threshold %d, want %d", p.Name, got, threshold)
		}
	}
	g := &group{people: people, public: ends[people[0].Name].result.PublicKeyPackage, keys: map[string]*frost.KeyPackage{}}
	for _, p := range people {
		g.keys[p.Name] = ends[p.Name].result.KeyPackage
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	end := g.sign(ctx, plain(NewHub()), people[len(people)-threshold:], [][]byte{[]byte("message")}, nil)
	end.mustVerify(t, g)
}

// group is a group of people with shares.
type group struct {
	people []person
	public *frost.PublicKeyPackage
	keys   map[string]*frost.KeyPackage
}

func newGroup(t *testing.T, n, threshold int) *group {
	t.Helper()
	g := &group{people: newPeople(t, n), keys: map[string]*frost.KeyPackage{}}
	ids := make([]frost.Identifier, n)
	for i := range g.people {
		id, err := frost.NewIdentifier(suite, uint16(i+1))
		if err != nil {
			t.Fatal(err)
		}
		ids[i], g.people[i].Identifier = id, id
	}
	shares, public, err := frost.TrustedDealer(rand.Reader, suite, ids, threshold)
	if err != nil {
		t.Fatal(err)
	}
	g.public = public
	for _, p := range g.people {
		if g.keys[p.Name], err = shares[p.Identifier].KeyPackage(); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// signing is how a signing ended for everybody.
type signing struct {
	messages   [][]byte
	signatures []frost.Signature
	err        error // the coordinator's
	journal          // the coordinator's
	signers    map[string]error
	reviews    map[string]Review
	journals   map[string]*journal
}

// sign runs a signing that the group's first member coordinates.
func (g *group) sign(ctx context.Context, net network, signers []person, messages [][]byte, change func(p person, cfg *ParticipateConfig)) *signing {
	end := &signing{
		messages: messages,
		signers:  make(map[string]error),
		reviews:  make(map[string]Review),
		journals: make(map[string]*journal),
	}
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, p := range signers {
		j := new(journal)
		end.journals[p.Name] = j
		cfg := g.participateConfig(p, len(messages))
		cfg.Progress = j.add
		cfg.Approve = func(_ context.Context, r Review) error {
			mu.Lock()
			defer mu.Unlock()
			end.reviews[p.Name] = r
			return nil
		}
		if change != nil {
			change(p, &cfg)
		}
		transport := net(p, false)
		running.Go(func() {
			err := Participate(ctx, transport, cfg)
			mu.Lock()
			defer mu.Unlock()
			end.signers[p.Name] = err
		})
	}
	cfg := CoordinateConfig{PublicKeyPackage: g.public, Signers: members(signers), Messages: messages, Progress: end.add}
	end.signatures, end.err = Coordinate(ctx, net(g.people[0], true), cfg)
	running.Wait()
	return end
}

func (g *group) participateConfig(p person, messages int) ParticipateConfig {
	return ParticipateConfig{
		KeyPackage:   g.keys[p.Name],
		Members:      members(g.people),
		Coordinator:  g.people[0].Key,
		MessageCount: messages,
		Approve:      func(context.Context, Review) error { return nil },
	}
}

func (s *signing) mustVerify(t *testing.T, g *group) {
	t.Helper()
	if s.err != nil {
		t.Fatalf("coordinator: %v", s.err)
	}
	for name, err := range s.signers {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(s.signatures) != len(s.messages) {
		t.Fatalf("there are %d signatures, want %d", len(s.signatures), len(s.messages))
	}
	for i, sig := range s.signatures {
		if err := g.public.VerifyingKey().Verify(s.messages[i], sig); err != nil {
			t.Errorf("signature %d: %v", i, err)
		}
	}
}

// blamed returns the names of an error's culprits in order, or of the missing.
func blamed(err error) string {
	var culprit *CulpritError
	var missing *MissingError
	var who []Member
	switch {
	case err == nil:
		return "nobody"
	case errors.As(err, &culprit):
		who = slices.Clone(culprit.Culprits)
	case errors.As(err, &missing):
		who = slices.Clone(missing.Missing)
	default:
		return fmt.Sprintf("error %v", err)
	}
	slices.SortFunc(who, func(a, b Member) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	return Names(who)
}

// sentFor returns a matcher of messages by sender, recipient and phase. The
// zero Member and "" match all.
func sentFor(from, to Member, phase string) func(Envelope) bool {
	return func(e Envelope) bool {
		return (from.Key.IsZero() || e.From == from.Key) && (to.Key.IsZero() || e.To == to.Key) &&
			(phase == "" || PhaseOf(e.Payload) == phase)
	}
}

// instead delivers another payload.
func instead(payload []byte) Fault {
	return func(Envelope) []Delivery { return []Delivery{{Payload: payload}} }
}

// also delivers more payloads after the right one.
func also(payloads ...[]byte) Fault {
	return func(e Envelope) []Delivery {
		all := Deliver(e)
		for _, p := range payloads {
			all = append(all, Delivery{Payload: p})
		}
		return all
	}
}

// only applies a fault to the messages that match, and delivers the others.
func only(match func(Envelope) bool, f Fault) Fault {
	return func(e Envelope) []Delivery {
		if match(e) {
			return f(e)
		}
		return Deliver(e)
	}
}
