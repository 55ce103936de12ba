package native

import (
	"bytes"
	"crypto/sha512"
	"testing"
	"testing/synctest"

	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// split leaves all with a record of one attempt, in which the last member sent the second another round 1
// message than the others. No signature arrives before the deadline.
func split(t *testing.T, people []*person) {
	t.Helper()
	liar, victim := people[len(people)-1], people[1]
	var other []byte
	lie := liar.lie(victim, kindRound1, func(m *message) {
		if other == nil {
			other = liar.round1(people, 2, m.id, nil)
		}
		m.body = other
	})
	hub := protocol.NewHub()
	hub.Intercept(oneAfterTheOther(lie, only(is(nil, nil, kindSignature), protocol.Drop)))
	generate(within(t), people, 2, hub, nil)
	for _, p := range people {
		if len(p.records) != 1 || len(p.groups) != 0 {
			t.Fatalf("%s has %d records and %d groups", p.Name, len(p.records), len(p.groups))
		}
	}
}

// Case 25, when it shows only in a later run: nobody has the round 1 messages any more. An honest member is
// never named alone, and who lied always is.
func TestSplitShowsAfterResume(t *testing.T) {
	both := map[string]string{"alice": "bob, carol", "bob": "alice, carol"}
	rows := map[string]struct {
		without int // how many of the three, from the last, are not there
		lie     func(people []*person) protocol.Fault
		blames  map[string]string
	}{
		"all are there":         {blames: map[string]string{"alice": "bob, carol", "bob": "carol"}},
		"the liar is not there": {without: 1, blames: map[string]string{"alice": "carol", "bob": "carol"}},
		"the liar greets and is silent": {
			lie: func(people []*person) protocol.Fault {
				return only(func(e protocol.Envelope) bool {
					return e.From == people[2].Key && !is(nil, nil, kindGreeting)(e)
				}, protocol.Drop)
			},
			blames: both,
		},
		"the liar says to each what it has": {
			lie: func(people []*person) protocol.Fault {
				return pretend(people[2], people[1], people[1].records[0], func(*message) {})
			},
			blames: both,
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				split(t, people)
				hub := protocol.NewHub()
				if row.lie != nil {
					hub.Intercept(row.lie(people))
				}
				ends := generateFor(within(t), people, people[:3-row.without], 2, hub, nil)
				for _, p := range people[:2] {
					if got := blamed(ends[p.Name].err); got != row.blames[p.Name] {
						t.Errorf("%s names %s, want %s: %v", p.Name, got, row.blames[p.Name], ends[p.Name].err)
					}
				}
			})
		})
	}
}

// pretend lets a member say to another one, or to all, that it has signed another transcript, which is that of a
// record or, where that is its own, has another hash, with changed views.
func pretend(liar, to *person, r Record, change func(views *message)) protocol.Fault {
	silent := only(is(liar, to, kindViews), protocol.Drop)
	return oneAfterTheOther(silent, only(is(liar, to, kindSignature), func(e protocol.Envelope) (said []protocol.Delivery) {
		m, _ := opened(e.Payload)
		hash := sha512.Sum512(r.Transcript)
		if bytes.HasPrefix(m.body, hash[:]) {
			hash[0] ^= 1
		}
		views := message{kindViews, m.number, m.id, viewsOf(r)}
		change(&views)
		m.body = append(hash[:], m.body[sha512.Size:]...)
		for _, m := range []message{m, views} {
			envelope, err := signEnvelope(liar.private, session, m.encode())
			if err != nil {
				panic(err)
			}
			said = append(said, protocol.Delivery{Payload: envelope})
		}
		return said
	}))
}

// viewsOf are the views of who has a record.
func viewsOf(r Record) []byte {
	transcript, err := cocktail.DecodeTranscript(suite, r.Transcript)
	if err != nil {
		panic(err)
	}
	var views [][32]byte
	for _, id := range transcript.Setup().Identifiers() {
		part, _ := transcript.Contribution(id)
		views = append(views, sum(part))
	}
	return encodeViews(views)
}

// Who makes up in a later run that it has another transcript is named by everybody, and nobody honest alone.
func TestMadeUpTranscriptAfterResume(t *testing.T) {
	rows := map[string]struct {
		views  func(m *message)
		blames map[string]string // alice, bob, carol
	}{
		"and another part of bob": {
			views:  func(m *message) { m.body[32] ^= 1 },
			blames: map[string]string{"alice": "bob, dave", "bob": "dave", "carol": "bob, dave"},
		},
		"and another part of its own": {
			views:  func(m *message) { m.body[3*32] ^= 1 },
			blames: map[string]string{"alice": "dave", "bob": "dave", "carol": "dave"},
		},
		"and other parts of all": {
			views:  func(m *message) { m.body = bytes.Repeat([]byte{1}, 4*32) },
			blames: map[string]string{"alice": "dave", "bob": "dave", "carol": "dave"},
		},
		"and the same parts": {
			views:  func(*message) {},
			blames: map[string]string{"alice": "dave", "bob": "dave", "carol": "dave"},
		},
		"and parts of too few": {
			views:  func(m *message) { m.body = m.body[32:] },
			blames: map[string]string{"alice": "dave", "bob": "dave", "carol": "dave"},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 4)
				dave := people[3]
				hub := protocol.NewHub()
				hub.Intercept(only(is(nil, nil, kindSignature), protocol.Drop))
				generate(within(t), people, 2, hub, nil)
				hub = protocol.NewHub()
				hub.Intercept(pretend(dave, nil, dave.records[0], row.views))
				ends := generate(within(t), people, 2, hub, nil)
				for _, p := range people[:3] {
					if got := blamed(ends[p.Name].err); got != row.blames[p.Name] {
						t.Errorf("%s names %s, want %s: %v", p.Name, got, row.blames[p.Name], ends[p.Name].err)
					}
				}
			})
		})
	}
}

// A record that is not of the attempt whose ID it has is not gone on with.
func TestRecordOfAnotherAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		hub.Intercept(only(is(nil, nil, kindSignature), protocol.Drop))
		generate(within(t), people, 2, hub, nil)
		for _, p := range people {
			p.records[0].Attempt[0] ^= 1
		}
		for name, e := range generate(within(t), people, 2, protocol.NewHub(), nil) {
			if e.err == nil || len(people[0].groups) != 0 {
				t.Errorf("%s has a group", name)
			}
		}
	})
}

// What members stored in version 1, whose shares were encrypted to static keys, they complete.
func TestRecordsOfVersion1(t *testing.T) {
	people := newPeople(t, 3)
	id := AttemptID{1}
	var publics []cocktail.StaticPublicKey
	for _, p := range people {
		publics = append(publics, staticOf(t, p))
	}
	setup, err := cocktail.NewSetup(suite, id[:], publics, 2)
	if err != nil {
		t.Fatal(err)
	}
	messages := make(map[frost.Identifier]*cocktail.Round1Message)
	var rounds []*cocktail.Round1
	for i, member := range setup.Identifiers() {
		static, err := staticKey(suite, people[i].private)
		if err != nil {
			t.Fatal(err)
		}
		first, err := cocktail.New(cocktail.Config{Setup: setup, Key: static})
		if err != nil {
			t.Fatal(err)
		}
		rounds, messages[member] = append(rounds, first), first.Message()
	}
	for i, first := range rounds {
		second, err := first.Next(messages)
		if err != nil {
			t.Fatal(err)
		}
		cfg := people[i].config(people, 2)
		third, err := second.Next(append(cfg.Digest[:], cfg.Step...))
		if err != nil {
			t.Fatal(err)
		}
		people[i].records = []Record{{Attempt: id, Transcript: third.Transcript().Encode(), Bundle: second.Bundle().Encode()}}
	}
	ends := generate(within(t), people, 2, protocol.NewHub(), nil)
	mustAgree(t, people, 2, ends)
	for _, p := range people {
		if e := ends[p.Name]; e.err == nil && !e.Certificate.Transcript().HasSessionID(id[:]) {
			t.Errorf("%s made another group", p.Name)
		}
	}
}
