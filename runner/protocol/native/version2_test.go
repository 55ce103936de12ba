package native

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// recorder keeps what members send.
type recorder struct {
	mu  sync.Mutex
	all []protocol.Envelope
}

func (r *recorder) record(e protocol.Envelope) []protocol.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, protocol.Envelope{From: e.From, To: e.To, Payload: bytes.Clone(e.Payload)})
	return protocol.Deliver(e)
}

// replay hands over again what was sent.
func (r *recorder) replay(hub *protocol.Hub) {
	for _, e := range r.all {
		_ = hub.Endpoint(e.From, false).Send(context.Background(), e.To, e.Payload)
	}
}

// otherFile has all members come with another ceremony file.
func otherFile(_ *person, cfg *DKGConfig) {
	cfg.Digest[0] ^= 1
	cfg.Facts = []Fact{{"ceremony", "another"}}
}

// A relay that gives a session an ID that was used before, and says again all of what was said in it, has no effect but
// new attempts: whatever the members had agreed on then, and however it had ended.
func TestSessionOfAnotherFileReplayed(t *testing.T) {
	before := map[string]func(*person, *DKGConfig){
		"of another file": otherFile,
		"of files that differed": func(p *person, cfg *DKGConfig) {
			if p.Name == "bob" {
				otherFile(p, cfg)
			}
		},
		"of another threshold": func(_ *person, cfg *DKGConfig) { cfg.Threshold = 1 + len(cfg.Members)/2 + 1 },
		"that was declined": func(p *person, cfg *DKGConfig) {
			if p.Name == "bob" {
				cfg.Approve = func(context.Context) error { return errors.New("no") }
			}
		},
	}
	for name, change := range before {
		for _, n := range []int{2, 3, 5} {
			t.Run(fmt.Sprintf("%s, %d members", name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					people := newPeople(t, n)
					hub, old := protocol.NewHub(), &recorder{}
					hub.Intercept(old.record)
					threshold := 2
					generate(within(t), people, threshold, hub, change)
					for _, p := range people {
						p.records, p.groups = nil, map[string][]byte{}
					}
					hub = protocol.NewHub()
					old.replay(hub)
					ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
					defer cancel()
					mustAgree(t, people, threshold, generate(ctx, people, threshold, hub, nil))
				})
			})
		}
	}
}

// givingUp makes an abort of somebody who had not agreed on an attempt.
func (p *person) givingUp(run runID, heard ...runID) []byte {
	body := earlyAbort{run, heard, abort{why: whyFailed, reason: "it could not go on"}.encode()}.encode()
	envelope, err := signEnvelope(p.private, session, message{kind: kindAbort, number: 1, body: body}.encode())
	if err != nil {
		panic(err)
	}
	return envelope
}

// Who gave up in another run, or in a run that had not heard of this one, is waited for. In this run it is
// believed.
func TestEarlyAborts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, believed := range []bool{false, true} {
			people := newPeople(t, 3)
			alice, bob := people[0], people[1]
			hub := protocol.NewHub()
			said := false
			hub.Intercept(func(e protocol.Envelope) []protocol.Delivery {
				m, _ := opened(e.Payload)
				if said || e.From != alice.Key || e.To != bob.Key || m.kind != kindGreeting {
					return protocol.Deliver(e)
				}
				said = true
				x, _ := decodeGreeting(m.body)
				bobs := bob.givingUp(run(7), run(8))
				if believed {
					bobs = bob.givingUp(run(7), run(8), x.run)
				}
				_ = hubSend(hub, bob, alice, bobs)
				return protocol.Deliver(e)
			})
			there := people
			if believed {
				there = people[:1]
			}
			ends := generateFor(within(t), people, there, 2, hub, nil)
			var ended *EndedError
			switch err := ends["alice"].err; {
			case !believed:
				mustAgree(t, people, 2, ends)
			case !errors.As(err, &ended) || ended.Member.Name != "bob":
				t.Errorf("alice ends with %v, want that bob gave up", err)
			}
		}
	})
}

// hubSend delivers later, as a fault must not send.
func hubSend(hub *protocol.Hub, from, to *person, payload []byte) error {
	time.AfterFunc(time.Millisecond, func() { _ = hub.Endpoint(from.Key, false).Send(context.Background(), to.Key, payload) })
	return nil
}

// A greeting of version 1 is told with who needs which version, and so is one of a later version. Of versions from 2
// on it has to be of this run.
func TestOtherVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 2)
		hub := protocol.NewHub()
		old, err := signEnvelope(people[1].private, session, message{kind: kindGreeting, number: 1, body: greetingOfVersion1}.encode())
		if err != nil {
			t.Fatal(err)
		}
		_ = hub.Endpoint(people[1].Key, false).Send(t.Context(), people[0].Key, old)
		ends := generateFor(within(t), people, people[:1], 2, hub, nil)
		mustTell(t, ends["alice"].err, `protocol version`, `2 ("test") at alice`, `1 ("") at bob`)

		hub = protocol.NewHub() // where bob speaks version 2 meanwhile
		_ = hub.Endpoint(people[1].Key, false).Send(t.Context(), people[0].Key, old)
		mustAgree(t, people, 2, generate(within(t), people, 2, hub, nil))
	})
}

// mustTell checks that an error says how members differ.
func mustTell(t *testing.T, err error, parts ...string) {
	t.Helper()
	var differ *AgreementError
	if !errors.As(err, &differ) {
		t.Fatalf("ends with %v, want differences", err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

// later has a member speak a version that does not exist yet: of its greeting and facts only that is known.
func (p *person) later(people []*person) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		k := kindIn(people, e)
		if e.From != p.Key || k != kindGreeting && k != kindFacts {
			return protocol.Deliver(e)
		}
		i := 0
		for people[i].Key != e.To {
			i++
		}
		payload, err := openEnvelope(people[i].private, session, e.From, e.Payload)
		if err != nil {
			panic(err)
		}
		m, _ := decodeMessage(payload)
		seal := func(payload []byte) ([]byte, error) { return sealEnvelope(p.private, session, e.To, payload) }
		at := 16 + 2 + 1 // after run and length
		if k == kindGreeting {
			seal, at = func(payload []byte) ([]byte, error) { return signEnvelope(p.private, session, payload) }, 1
		}
		m.body = bytes.Clone(m.body)
		m.body[at] = 3
		changed, err := seal(m.encode())
		if err != nil {
			panic(err)
		}
		return []protocol.Delivery{{Payload: changed}}
	}
}

func TestLaterVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		hub.Intercept(people[2].later(people))
		ends := generate(within(t), people, 2, hub, func(p *person, cfg *DKGConfig) {
			if p.Name == "carol" { // the liar's program sees that the others have version 2
				cfg.Digest[0] ^= 1
			}
		})
		for _, p := range people[:2] {
			mustTell(t, ends[p.Name].err, `2 ("test") at `+"alice, bob", `3 ("") at carol`)
		}
	})
}

// An extension that a member needs and another does not know ends the run of both, and says who. One that nobody
// needs is ignored.
func TestExtensions(t *testing.T) {
	rows := map[string]struct {
		alice, bob []Extension
		told       string
	}{
		"ignored":           {alice: []Extension{{Type: 7, Value: []byte("x")}}},
		"needed, not known": {alice: []Extension{{Type: 7, Critical: true}}, told: "protocol extension 7:\n    needed at alice\n    not known at bob, carol"},
		"needed by two":     {alice: []Extension{{Type: 7, Critical: true}}, bob: []Extension{{Type: 7}}, told: "protocol extension 7:"},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				ends := generate(within(t), people, 2, protocol.NewHub(), func(p *person, cfg *DKGConfig) {
					cfg.Extensions = map[string][]Extension{"alice": row.alice, "bob": row.bob}[p.Name]
				})
				if row.told == "" {
					mustAgree(t, people, 2, ends)
					return
				}
				mustTell(t, ends["alice"].err, row.told)
				mustTell(t, ends["carol"].err, row.told[:20])
			})
		})
	}
}

// What extensions say is part of the attempt's ID: who reads another value does not take part in the same attempt.
func TestExtensionsAreAgreedOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		hub.Intercept(people[2].lie(people[0], kindGreeting, func(m *message) {
			x, _ := decodeGreeting(m.body)
			x.extensions = []Extension{{Type: 9, Value: []byte("to alice alone")}}
			m.body = x.encode()
		}))
		ends := generate(within(t), people, 2, hub, nil)
		for _, p := range people[:2] {
			if got := blamed(ends[p.Name].err); got != "carol" {
				t.Errorf("%s names %s, want carol: %v", p.Name, got, ends[p.Name].err)
			}
		}
	})
}

// numbered has a member greet for another attempt than it is in.
func (p *person) numbered(to *person, number uint32) protocol.Fault {
	return once(only(is(p, to, kindGreeting), func(e protocol.Envelope) []protocol.Delivery {
		m, _ := opened(e.Payload)
		m.number = number
		changed, err := signEnvelope(p.private, session, m.encode())
		if err != nil {
			panic(err)
		}
		return []protocol.Delivery{{Payload: changed}}
	}))
}

// Who greets for an attempt that is far away moves nobody there and ends nobody's run: it is missing.
func TestFarAttempt(t *testing.T) {
	for _, number := range []uint32{0, 1000, maxAttempt, maxAttempt + 1, 1<<32 - 1} {
		synctest.Test(t, func(t *testing.T) {
			people := newPeople(t, 4)
			hub := protocol.NewHub()
			hub.Intercept(people[3].numbered(nil, number))
			ends := generate(within(t), people, 2, hub, nil)
			for _, p := range people[:3] {
				if got := blamed(ends[p.Name].err); got != "dave" {
					t.Errorf("attempt %d: %s names %s, want dave missing: %v", number, p.Name, got, ends[p.Name].err)
				}
				for _, e := range p.events {
					if e.Attempt != 1 {
						t.Fatalf("attempt %d: %s went to attempt %d", number, p.Name, e.Attempt)
					}
				}
			}
		})
	}
}

// Who was started again gets to the attempt of the others, however far it is.
func TestFirstAttemptIsAny(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		kills := map[string][]int{"carol": nil}
		for range 40 {
			kills["carol"] = append(kills["carol"], 4)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		kills["bob"] = []int{30, 4}
		ends := liveAll(ctx, people, 2, hub, kills)
		survive(t, people, ends)
	})
}

// invent runs a member's part that lists a finished record which there is not, and takes part otherwise; or
// goes on as if it were true.
func (p *person) invent(ctx context.Context, people []*person, hub *protocol.Hub, takesPart bool) error {
	cfg := p.config(people, 2)
	var g *generation
	cfg.Progress = func(e protocol.Event) {
		if takesPart && e.Kind == protocol.Sent && e.Phase == protocol.PhaseGreeting {
			g.records = nil
		}
	}
	g, err := newGeneration(cfg)
	if err != nil {
		return err
	}
	defer g.destroy()
	g.records = []Record{{Attempt: recordID(9), Transcript: make([]byte, 900), Signatures: make([]byte, 3*64)}}
	g.mail = openMail(ctx, hub.Endpoint(p.Key, false), cfg.Key, cfg.Session)
	defer g.mail.close()
	outcome, err := g.runAttempts(ctx)
	if err == nil {
		outcome.KeyPackage.Destroy()
	}
	return err
}

// saysToo has a member say with its round 1 message that a record is lost, and show what is no certificate of it.
func (p *person) saysToo() protocol.Fault {
	return only(is(p, nil, kindRound1), func(e protocol.Envelope) []protocol.Delivery {
		all := protocol.Deliver(e)
		r, _ := opened(e.Payload)
		for _, m := range []message{
			{kindLost, r.number, r.id, nil},
			{kindFinished, r.number, AttemptID{}, append(bytes.Repeat([]byte{9}, 32), make([]byte, 3*64)...)},
			{kindCertificate, r.number, AttemptID{}, append(bytes.Repeat([]byte{9}, 32), make([]byte, 900)...)},
		} {
			envelope, _ := signEnvelope(p.private, session, m.encode())
			all = append(all, protocol.Delivery{Payload: envelope})
		}
		return all
	})
}

// A finished record that nobody has is believed by nobody, with or without a word of it being lost: the group is
// made, or who lies is missing.
func TestInventedRecord(t *testing.T) {
	for name, row := range map[string]struct{ takesPart, says bool }{
		"and takes part": {true, false}, "and says too that it is lost": {true, true}, "and waits": {false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				carol := people[2]
				hub := protocol.NewHub()
				if row.says {
					hub.Intercept(carol.saysToo())
				}
				ctx := within(t)
				var lying sync.WaitGroup
				lying.Go(func() { _ = carol.invent(ctx, people, hub, row.takesPart) })
				ends := generateFor(ctx, people, people[:2], 2, hub, nil)
				lying.Wait()
				if row.takesPart {
					mustAgree(t, people[:2], 2, ends)
					return
				}
				for _, p := range people[:2] {
					if got := blamed(ends[p.Name].err); got != "carol" {
						t.Errorf("%s names %s, want carol missing: %v", p.Name, got, ends[p.Name].err)
					}
				}
			})
		})
	}
}

// The certificate of another file, or of other members, proves nothing here.
func TestCertificateOfAnotherFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		mustAgree(t, people, 2, generate(within(t), people, 2, protocol.NewHub(), otherFile))
		record := people[2].records[0]
		g, err := newGeneration(people[0].config(people, 2))
		if err != nil {
			t.Fatal(err)
		}
		defer g.destroy()
		body := append(bytes.Clone(record.Attempt[:]), record.Certificate()...)
		err = g.takeCertificate(taken{from: people[2].Member, message: message{kind: kindCertificate, number: 1, body: body}})
		if err != nil || len(g.proven) > 0 || g.dropped[people[2].Key] != 1 {
			t.Errorf("it is taken: %v, %d dropped", err, g.dropped[people[2].Key])
		}
	})
}

// Chunks come in any order, twice, and mixed with those of another message. What is too large or malformed is
// refused before it is kept.
func TestChunks(t *testing.T) {
	var from commkey.PublicKey
	big := bytes.Repeat([]byte("0123456789"), 25_001)
	m := message{kindCertificate, 3, recordID(1), big}
	parts := m.split()
	if len(parts) != 5 {
		t.Fatalf("there are %d chunks", len(parts))
	}
	all := make(chunks)
	take := func(i int) (message, bool) {
		part, err := decodeChunk(parts[i].body)
		if err != nil {
			t.Fatal(err)
		}
		return all.take(from, parts[i], part)
	}
	for _, i := range []int{4, 1, 1, 0, 3} {
		if _, complete := take(i); complete {
			t.Fatalf("complete with chunk %d", i)
		}
	}
	if whole, complete := take(2); !complete || !bytes.Equal(whole.encode(), m.encode()) || len(all) != 0 {
		t.Errorf("the whole is not what was sent, complete %t", complete)
	}
	for name, body := range map[string][]byte{
		"one of one":         chunk{kind: kindCertificate, count: 1, part: []byte{1}}.encode(),
		"beyond the last":    chunk{kind: kindCertificate, index: 2, count: 2, part: make([]byte, chunkSize)}.encode(),
		"short, in between":  chunk{kind: kindCertificate, count: 2, part: []byte{1}}.encode(),
		"empty, at the end":  chunk{kind: kindCertificate, index: 1, count: 2}.encode(),
		"larger than others": chunk{kind: kindCertificate, index: 1, count: 2, part: make([]byte, chunkSize+1)}.encode(),
	} {
		if _, err := decodeChunk(body); err == nil {
			t.Errorf("%s decodes", name)
		}
	}
}

// A member keeps one message of a kind of each other member that is not complete, and none that is larger than
// any of the group can be.
func TestChunksAreBounded(t *testing.T) {
	people := newPeople(t, 3)
	g, err := newGeneration(people[0].config(people, 2))
	if err != nil {
		t.Fatal(err)
	}
	defer g.destroy()
	for i := range 1000 {
		body := chunk{kind: kindCertificate, digest: sum([]byte{byte(i), byte(i >> 8)}), count: uint16(2 + i), part: make([]byte, chunkSize)}.encode()
		t := taken{from: people[1].Member, message: message{kind: kindChunk, number: 1, body: body}, envelope: body}
		_ = g.takeMessage(context.Background(), t)
	}
	kept := 0
	for _, a := range g.chunks {
		for _, part := range a.parts {
			kept += len(part)
		}
	}
	if len(g.chunks) != 1 || kept > chunkSize*g.mostChunks() {
		t.Errorf("%d messages with %d bytes are kept", len(g.chunks), kept)
	}
}

// The vectors of version 1 are read as far as all versions have it.
func TestVersion1IsRead(t *testing.T) {
	x, err := decodeGreeting(greetingOfVersion1)
	if err != nil || x.version != 1 || x.run != run(0x10) || x.tool != "" {
		t.Errorf("%s is read as %v, %v", hex.EncodeToString(greetingOfVersion1), x, err)
	}
}
