package native

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/runner/protocol"
)

// recordID is the ID of a record that only tests know of.
func recordID(b byte) AttemptID { return AttemptID(bytes.Repeat([]byte{b}, 32)) }

// Who lists a record more than once sends no greeting. The others miss it at the deadline, whoever else has the
// record.
func TestRepeatedRecordInGreeting(t *testing.T) {
	rows := map[string]struct {
		liar   int
		holder int // of the record, -1 for nobody
		times  int
	}{
		"made up by the first":  {liar: 0, holder: -1, times: 3},
		"made up by the last":   {liar: 2, holder: -1, times: 3},
		"of the first":          {liar: 2, holder: 0, times: 2},
		"of another, all times": {liar: 0, holder: 1, times: 2},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				if row.holder >= 0 {
					people[row.holder].records = []Record{{Attempt: recordID(7)}}
				}
				liar := people[row.liar]
				hub := protocol.NewHub()
				hub.Intercept(liar.lie(nil, kindGreeting, func(m *message) {
					x, err := decodeGreeting(m.body)
					if err != nil {
						t.Error(err)
					}
					x.held = slices.Repeat([]held{{attempt: recordID(7)}}, row.times)
					m.body = x.encode()
				}))
				ends := generate(within(t), people, 2, hub, nil)
				for _, p := range people {
					if got := blamed(ends[p.Name].err); p != liar && got != liar.Name {
						t.Errorf("%s names %s, want %s missing: %v", p.Name, got, liar.Name, ends[p.Name].err)
					}
				}
			})
		})
	}
}

// A record is gone on with that all members list once each, and this one has. One that is known to be finished and
// that not all list is lost.
func TestCommonRecord(t *testing.T) {
	listed := func(ids ...byte) (all []held) {
		for _, id := range ids {
			all = append(all, held{recordID(id), id >= 8})
		}
		return all
	}
	rows := map[string]struct {
		held  [3][]held // of alice, whose run it is, bob and carol
		here  []Record
		want  AttemptID
		found bool
		lost  string
		shown byte // of which record another member has shown the certificate
	}{
		"none":                     {},
		"one at all":               {[3][]held{listed(1), listed(1), listed(1)}, []Record{{Attempt: recordID(1)}}, recordID(1), true, "", 0},
		"the last at the first":    {[3][]held{listed(1, 2), listed(2, 1), listed(2, 1)}, []Record{{Attempt: recordID(1)}, {Attempt: recordID(2)}}, recordID(2), true, "", 0},
		"not at all":               {held: [3][]held{listed(1), listed(1), nil}, here: []Record{{Attempt: recordID(1)}}},
		"repeated by one":          {held: [3][]held{listed(1), listed(1, 1), nil}, here: []Record{{Attempt: recordID(1)}}},
		"repeated by the first":    {held: [3][]held{listed(1, 1, 1), nil, nil}, here: []Record{{Attempt: recordID(2)}}},
		"not here":                 {held: [3][]held{listed(1), listed(1), listed(1)}, here: []Record{{Attempt: recordID(2)}}},
		"finished, lost by two":    {held: [3][]held{listed(8), nil, listed(1)}, here: []Record{{Attempt: recordID(8), Signatures: []byte{}}}, lost: "bob, carol"},
		"finished, and shown":      {held: [3][]held{nil, listed(8), nil}, lost: "alice, carol", shown: 8},
		"finished, not shown":      {held: [3][]held{nil, listed(8), nil}},
		"finished, not shown here": {held: [3][]held{listed(8), listed(8), nil}, here: []Record{{Attempt: recordID(8)}}},
		"finished since greeted":   {held: [3][]held{listed(1), listed(1), nil}, here: []Record{{Attempt: recordID(1), Signatures: []byte{}}}, lost: "carol"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			people := newPeople(t, 3)
			people[0].records = row.here
			g, err := newGeneration(people[0].config(people, 2))
			if err != nil {
				t.Fatal(err)
			}
			defer g.static.Destroy()
			for i, p := range people {
				g.greetings[p.Key] = taken{from: p.Member, greeting: greeting{held: row.held[i]}}
			}
			g.proven[recordID(row.shown)] = true
			record, found, err := g.common()
			lost := ""
			if forgot := (*LostRecordError)(nil); errors.As(err, &forgot) {
				lost = protocol.Names(forgot.Members)
			}
			if record.Attempt != row.want || found != row.found || lost != row.lost {
				t.Errorf("got %x, %t, %v; want %x, %t, lost by %q", record.Attempt[:1], found, err, row.want[:1], row.found, row.lost)
			}
		})
	}
}

// A member that learns only after its greeting that its group is finished has that group and makes no other one:
// carol, who has the certificate, sends it to alice alone, before or after alice has begun with round 1, and denies to
// have it.
func TestFinishedAfterGreeting(t *testing.T) {
	for name, late := range map[string]kind{"before round 1": kindGreeting, "in round 1": kindFinished} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				alice, bob, carol := people[0], people[1], people[2]
				mustAgree(t, people, 2, generate(within(t), people, 2, protocol.NewHub(), nil))
				for _, p := range people[:2] {
					p.events, p.groups, p.records[0].Signatures = nil, map[string][]byte{}, nil
				}
				deny := carol.lie(nil, kindGreeting, func(m *message) {
					x, _ := decodeGreeting(m.body)
					x.held = nil
					m.body = x.encode()
				})
				hub := protocol.NewHub()
				hub.Intercept(oneAfterTheOther(once(deny), only(is(carol, bob, kindFinished), protocol.Drop),
					only(is(carol, nil, late), protocol.Delay(time.Second))))
				ends := generate(within(t), people, 2, hub, func(_ *person, cfg *DKGConfig) { cfg.Serve = time.Hour })
				if err := ends["alice"].err; err != nil || len(alice.groups) != 1 || len(alice.records) != 1 {
					t.Errorf("alice has %d groups and %d records: %v", len(alice.groups), len(alice.records), err)
				}
				began := slices.ContainsFunc(alice.events, func(e protocol.Event) bool {
					return e.Kind == protocol.Sent && e.Phase == protocol.PhaseRound1
				})
				if began != (late == kindFinished) {
					t.Errorf("that alice begins with round 1 is %t", began)
				}
				if again := alice.counted(protocol.Restarted, carol.Member); (again > 0) != began {
					t.Errorf("alice began anew %d times because of carol", again)
				}
				survive(t, people[:2], ends) // alice has sent bob the certificate
			})
		})
	}
}

// once applies a fault to each message once: to all recipients goes the same.
func once(f protocol.Fault) protocol.Fault {
	said := map[string][]protocol.Delivery{}
	return func(e protocol.Envelope) []protocol.Delivery {
		if said[string(e.Payload)] == nil {
			said[string(e.Payload)] = f(e)
		}
		return said[string(e.Payload)]
	}
}
