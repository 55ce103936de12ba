package native

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// direction is from one of three to another.
type direction struct{ from, to int }

// each lists every direction by itself, and circles puts those together that can be struck at once.
var (
	each    = [][]direction{{{0, 1}}, {{0, 2}}, {{1, 0}}, {{1, 2}}, {{2, 0}}, {{2, 1}}}
	circles = [][]direction{{{0, 1}, {1, 2}, {2, 0}}, {{1, 0}, {2, 1}, {0, 2}}}
)

// strike is what befalls the first message of a kind from one member to another.
type strike struct {
	name   string
	from   *person
	to     *person
	match  func(protocol.Envelope) bool
	befall func(protocol.Envelope) []protocol.Delivery
	struck int                // how many messages arrived damaged
	held   *protocol.Envelope // that waits for the next one to overtake it
	done   bool
}

// strikes are all faults of the network. Damage is a flipped bit in each byte, in as many copies: the message
// itself does not arrive then. From the first to the second it is every byte, elsewhere every 64th.
func strikes(people []*person, d direction, match func(protocol.Envelope) bool) []*strike {
	random := rand.New(rand.NewPCG(1, 5))
	reorder := &strike{name: "reorder"}
	reorder.befall = func(e protocol.Envelope) []protocol.Delivery { reorder.held = &e; return nil }
	damage := &strike{name: "damage"}
	damage.befall = func(e protocol.Envelope) (all []protocol.Delivery) {
		for i := range e.Payload {
			if d == (direction{0, 1}) || i%64 == d.from+d.to {
				changed := slices.Clone(e.Payload)
				changed[i] ^= 1 << random.IntN(8)
				all = append(all, protocol.Delivery{Payload: changed})
			}
		}
		damage.struck = len(all)
		return all
	}
	all := []*strike{
		{name: "drop", befall: protocol.Drop},
		{name: "delay", befall: protocol.Delay(30 * time.Second)},
		{name: "repeat", befall: protocol.Repeat},
		reorder, damage,
	}
	for _, s := range all {
		s.from, s.to, s.match = people[d.from], people[d.to], match
	}
	return all
}

var strikeNames = []string{"drop", "delay", "repeat", "reorder", "damage"}

// fault applies the strike to the first message that matches. What is to nobody in particular is to the
// first of the members.
func (s *strike) fault(people []*person) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		to := e.To
		if to.IsZero() {
			to = people[0].Key
		}
		switch {
		case e.From != s.from.Key || to != s.to.Key:
			return protocol.Deliver(e)
		case s.held != nil && s.held.To == e.To:
			all := append(protocol.Deliver(e), protocol.Delivery{Payload: s.held.Payload})
			s.held = nil
			return all
		case s.done || !s.match(e):
			return protocol.Deliver(e)
		}
		s.done = true
		return s.befall(e)
	}
}

// oneAfterTheOther applies faults to what the one before lets arrive.
func oneAfterTheOther(faults ...protocol.Fault) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		arriving := protocol.Deliver(e)
		for _, f := range faults {
			var next []protocol.Delivery
			for _, d := range arriving {
				for _, x := range f(protocol.Envelope{From: e.From, To: e.To, Payload: d.Payload}) {
					next = append(next, protocol.Delivery{Payload: x.Payload, Delay: d.Delay + x.Delay})
				}
			}
			arriving = next
		}
		return arriving
	}
}

// scene is a key generation in which messages of some kinds occur.
type scene struct {
	name  string
	kinds []kind
	// prepare makes what was before, and returns what else goes wrong; both may be nil.
	prepare func(t *testing.T, people []*person) protocol.Fault
	change  func(*person, *DKGConfig)
	without int // how many of the three, from the last, are not there
	check   func(t *testing.T, people []*person, ends map[string]end)
}

var scenes = []scene{
	{
		name: "key generation", kinds: []kind{kindGreeting, kindRound1, kindSignature, kindStored},
		check: func(t *testing.T, people []*person, ends map[string]end) {
			mustAgree(t, people, 2, ends)
			for name, e := range ends {
				if e.Attempts != 1 {
					t.Errorf("%s took %d attempts", name, e.Attempts)
				}
			}
		},
	},
	{
		name: "lost message", kinds: []kind{kindWant},
		prepare: func(_ *testing.T, people []*person) protocol.Fault {
			lost := map[[2]commkey.PublicKey]bool{}
			return only(func(e protocol.Envelope) bool {
				first := is(nil, nil, kindRound1)(e) && !lost[[2]commkey.PublicKey{e.From, e.To}]
				if first {
					lost[[2]commkey.PublicKey{e.From, e.To}] = true
				}
				return first
			}, protocol.Drop)
		},
		check: func(t *testing.T, people []*person, ends map[string]end) { mustAgree(t, people, 2, ends) },
	},
	{
		name: "other files", kinds: []kind{kindFacts},
		change: func(p *person, cfg *DKGConfig) {
			if p.Name == "carol" {
				cfg.Digest[0] ^= 1
			}
		},
		check: func(t *testing.T, people []*person, ends map[string]end) {
			for _, p := range people {
				var differ *AgreementError
				if !errors.As(ends[p.Name].err, &differ) {
					t.Errorf("%s: %v", p.Name, ends[p.Name].err)
				}
			}
		},
	},
	{
		name: "wrong proof", kinds: []kind{kindAbort},
		prepare: func(_ *testing.T, people []*person) protocol.Fault {
			return people[2].lie(nil, kindRound1, func(m *message) { m.body[2*32+32] ^= 1 })
		},
		check: mustBlame("carol"),
	},
	{
		name: "declined", kinds: []kind{kindAbort},
		change: func(p *person, cfg *DKGConfig) {
			if p.Name == "bob" {
				cfg.Approve = func(context.Context) error { return errors.New("no") }
			}
		},
		check: func(t *testing.T, people []*person, ends map[string]end) {
			for _, p := range people {
				err := ends[p.Name].err
				if !errors.Is(err, protocol.ErrDeclined) && !strings.Contains(" "+blamed(err), "bob") {
					t.Errorf("%s: %v, want that bob declined or is missing", p.Name, err)
				}
			}
		},
	},
	{
		name: "different packages", kinds: []kind{kindViews, kindForward},
		prepare: func(_ *testing.T, people []*person) protocol.Fault {
			var other []byte
			return people[2].lie(people[0], kindRound1, func(m *message) {
				if other == nil {
					other = people[2].round1(people, 2, m.id, nil)
				}
				m.body = other
			})
		},
		check: mustBlame("carol"),
	},
	{
		name: "lost record", kinds: []kind{kindLost},
		prepare: func(t *testing.T, people []*person) protocol.Fault {
			mustAgree(t, people, 2, generate(within(t), people, 2, protocol.NewHub(), nil))
			people[0].records = nil
			return protocol.Deliver
		},
		check: func(t *testing.T, people []*person, ends map[string]end) {
			var lost *LostRecordError
			var missing *protocol.MissingError // who said so, was not heard, and has left
			err := ends["alice"].err
			if !errors.As(err, &missing) && (!errors.As(err, &lost) || protocol.Names(lost.Members) != "alice") {
				t.Errorf("alice: %v, want that she lost her record", err)
			}
		},
	},
	{
		name: "finished by others", kinds: []kind{kindFinished}, without: 1,
		prepare: func(t *testing.T, people []*person) protocol.Fault {
			mustAgree(t, people, 2, generate(within(t), people, 2, protocol.NewHub(), nil))
			people[1].groups = map[string][]byte{}
			people[1].records[0].Signatures = nil
			return protocol.Deliver
		},
		check: func(t *testing.T, people []*person, _ map[string]end) {
			if len(people[1].groups) != 1 {
				t.Error("bob has not got the group")
			}
		},
	},
}

// mustBlame checks that everybody honest names one culprit alone, misses it, or was told by somebody
// who names it, and whose evidence was lost.
func mustBlame(name string) func(*testing.T, []*person, map[string]end) {
	return func(t *testing.T, people []*person, ends map[string]end) {
		for _, p := range people {
			var ended *EndedError
			err := ends[p.Name].err
			told := errors.As(err, &ended) && strings.Contains(ended.Reason, name)
			if p.Name != name && blamed(err) != name && !told {
				t.Errorf("%s: %v, want %s named", p.Name, err, name)
			}
		}
	}
}

// Every fault of the network at the first message of every kind between any two members: cases 15 and
// 16. It costs time and nothing else, or somebody who is silent is missed.
func TestFaultAtEveryMessage(t *testing.T) {
	for i, scene := range scenes {
		for _, k := range scene.kinds {
			for number, name := range strikeNames {
				at := circles
				if i == 0 && (name == "drop" || name == "damage") {
					at = each
				}
				for _, directions := range at {
					t.Run(fmt.Sprintf("%s: %s of kind %d, %v", scene.name, name, k, directions), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { scene.run(t, k, directions, number) })
					})
				}
			}
		}
	}
}

func (s scene) run(t *testing.T, k kind, directions []direction, number int) {
	people := newPeople(t, 3)
	wrong := protocol.Fault(protocol.Deliver)
	if s.prepare != nil {
		wrong = s.prepare(t, people)
	}
	for _, p := range people {
		p.events = nil
	}
	hub := protocol.NewHub()
	all := strikeAll(people, k, directions, number)
	hub.Intercept(oneAfterTheOther(append([]protocol.Fault{wrong}, faultsOf(people, all)...)...))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	there := people[:len(people)-s.without]
	ends := generateFor(ctx, people, there, 2, hub, s.change)
	s.check(t, there, ends)
	for _, struck := range all {
		if ends[struck.to.Name].err == nil {
			struck.mustBeCounted(t)
		}
	}
}

// strikeAll makes one strike for each direction.
func strikeAll(people []*person, k kind, directions []direction, number int) []*strike {
	var all []*strike
	for _, d := range directions {
		all = append(all, strikes(people, d, func(e protocol.Envelope) bool { return kindIn(people, e) == k })[number])
	}
	return all
}

func faultsOf(people []*person, all []*strike) []protocol.Fault {
	var faults []protocol.Fault
	for _, s := range all {
		faults = append(faults, s.fault(people))
	}
	return faults
}

// mustBeCounted checks that all that was damaged was dropped, and in whose name.
func (s *strike) mustBeCounted(t *testing.T) {
	t.Helper()
	if dropped := s.to.counted(protocol.Dropped, s.from.Member); dropped != s.struck {
		t.Errorf("%s dropped %d messages of %s, %d were damaged", s.to.Name, dropped, s.from.Name, s.struck)
	}
}

// kindIn returns the kind of a message, sealed or not; 0 where there is none.
func kindIn(people []*person, e protocol.Envelope) kind {
	if m, ok := opened(e.Payload); ok {
		return m.kind
	}
	reader := people[0] // who coordinates
	for _, p := range people {
		if p.Key == e.To {
			reader = p
		}
	}
	payload, err := openEnvelope(reader.private, session, e.From, e.Payload)
	if err != nil {
		return 0
	}
	m, err := decodeMessage(payload)
	if err != nil {
		return 0
	}
	return m.kind
}

// A member with 30 s of latency changes nothing but the time: it is one attempt, at the first.
func TestLatency(t *testing.T) {
	for slow := range 3 {
		synctest.Test(t, func(t *testing.T) {
			people := newPeople(t, 3)
			hub := protocol.NewHub()
			hub.Intercept(late(people[slow].Key))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			ends := generate(ctx, people, 2, hub, nil)
			mustAgree(t, people, 2, ends)
			for name, e := range ends {
				if e.Attempts != 1 {
					t.Errorf("%s took %d attempts", name, e.Attempts)
				}
			}
		})
	}
}

// late delays everything to and from a member by 30 s.
func late(key commkey.PublicKey) protocol.Fault {
	return only(func(e protocol.Envelope) bool { return e.From == key || e.To == key }, protocol.Delay(30*time.Second))
}
