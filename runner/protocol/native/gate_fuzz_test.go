package native

import (
	"crypto/sha512"
	"errors"
	"slices"
	"testing"
	"time"

	"frostkit/runner/protocol"
)

// stages bring a run, in which all have greeted, to where messages are taken.
var stages = []func(*testing.T, *generation, Record){
	func(*testing.T, *generation, Record) {},
	func(t *testing.T, g *generation, _ Record) { agreed(t, g) },
	func(t *testing.T, g *generation, r Record) { // Round 3 of this attempt
		agreed(t, g)
		resumed(t, g, r)
		g.record.Attempt = g.id
	},
	func(t *testing.T, g *generation, r Record) {
		agreed(t, g)
		resumed(t, g, r)
	},
}

func agreed(t *testing.T, g *generation) {
	if err := g.agree(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func resumed(t *testing.T, g *generation, r Record) {
	if err := g.resume(r); err != nil {
		t.Fatal(err)
	}
}

// FuzzTake lets a member with a record take any two messages of another one, at any stage, and act on them: it
// goes on or fails, and names nobody without the one that sent them.
func FuzzTake(f *testing.F) {
	people := newPeople(f, 3)
	generate(within(f), people, 2, protocol.NewHub(), nil)
	record := people[0].records[0]
	wrong := append(make([]byte, sha512.Size), make([]byte, 64)...)
	for stage := range stages {
		for _, body := range vectorBodies() {
			for k := kindGreeting; k <= kindCertificate; k++ {
				f.Add(byte(stage), byte(k), []byte(body), byte(kindSignature), wrong)
			}
		}
		f.Add(byte(stage), byte(kindGreeting), people[1].withAttemptKey(greeting{version: Version, held: []held{{attempt: record.Attempt}}}, session).encode(), byte(kindWant), want{kindRound1, []uint16{1}}.encode())
		f.Add(byte(stage), byte(kindFinished), slices.Concat(record.Attempt[:], record.Signatures), byte(kindLost), []byte(nil))
		f.Add(byte(stage), byte(kindViews), viewsOf(record), byte(kindSignature), wrong)
	}
	f.Fuzz(func(t *testing.T, stage, first byte, body1 []byte, second byte, body2 []byte) {
		cfg := people[0].config(people, 2)
		cfg.Settle, cfg.Records = time.Nanosecond, []Record{record}
		g, err := newGeneration(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer g.static.Destroy()
		defer g.dropKeys()
		g.mail = openMail(t.Context(), protocol.NewHub().Endpoint(g.self.Key, false), cfg.Key, cfg.Session)
		defer g.mail.close()
		for _, p := range people {
			g.greetings[p.Key] = taken{from: p.Member, message: message{kind: kindGreeting, number: 1}, greeting: p.withAttemptKey(greeting{version: Version}, session)}
		}
		stages[int(stage)%len(stages)](t, g, record)
		for _, m := range []message{{kind(first), 1, g.id, body1}, {kind(second), 1, g.id, body2}} {
			err = g.takeMessage(t.Context(), taken{from: people[1].Member, message: m, envelope: m.encode()})
			if err == nil && g.accused() {
				err = g.judge(t.Context())
			}
			if blame := (*protocol.CulpritError)(nil); errors.As(err, &blame) && !has(blame.Culprits, people[1].Member) {
				t.Errorf("who sent it is not named: %v", err)
			}
			if err != nil {
				return
			}
		}
		_, _, _ = g.common()
	})
}
