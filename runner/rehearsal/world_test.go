package rehearsal_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"frostkit/ceremony"
	"frostkit/runner/protocol"
	"frostkit/runner/rehearsal"
)

// The ceremony of the cases.
const casesFile = `version: 1
ceremony: club
protocol: %s
threshold: 2
members:
  Alice: {}
  Bob: {}
  Eve: {}
sign:
  - message: minutes.txt
    signers: [Alice, Bob, Eve]
    output: minutes.sig
  - message: minutes.txt
    signers: [Eve, Alice, Bob]
    output: other.sig
`

const minutes = "minutes"

// lie changes what somebody is about to say.
type lie func(*world, *rehearsal.Said)

// relay decides what arrives in a session.
type relay func(*world, *rehearsal.Meeting) protocol.Fault

// how is the way in which a misdeed is done.
type how struct {
	fault  string // as a user would write it
	lies   []lie
	relay  relay
	again  bool              // there was a session before in which nothing was wrong
	values map[string][]byte // one of which the lie uses
	late   bool              // it is noticed after shares have been sent
}

func fault(text string) how               { return how{fault: text} }
func lies(all ...lie) how                 { return how{lies: all} }
func liesLate(all ...lie) how             { return how{lies: all, late: true} }
func again(all ...lie) how                { return how{lies: all, again: true} }
func relays(r relay) how                  { return how{relay: r, again: true} }
func each(v map[string][]byte, l lie) how { return how{lies: []lie{l}, values: v} }

// world is a rehearsal in which one misdeed is done.
type world struct {
	*rehearsal.Rehearsal
	t     *testing.T
	file  *ceremony.File
	how   how
	value []byte

	findings []rehearsal.Finding
	failed   error

	mu       sync.Mutex
	lying    bool // the session has begun in which the misdeed is done
	heard    map[string][]byte
	recorded []protocol.Envelope
	first    *rehearsal.Meeting
	shares   map[string]map[uint32][][]byte // by member and attempt
}

func newWorld(t *testing.T, m *misdeed, speak ceremony.Protocol) *world {
	t.Helper()
	f, err := ceremony.Parse("club.yaml", fmt.Appendf(nil, casesFile, speak))
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, file: f, how: m.how, heard: map[string][]byte{}}
	cfg := rehearsal.Config{File: f, Tool: "test"}
	if m.how.fault != "" {
		parsed, err := f.ParseFault(m.how.fault)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Faults = append(cfg.Faults, parsed)
	}
	if w.Rehearsal, err = rehearsal.New(cfg); err != nil {
		t.Fatal(err)
	}
	w.Tamper(w.say)
	w.Relay(w.meet)
	w.prepare(m.step)
	return w
}

// number is that of a step: 0 to make the group, or of a signing.
func number(step string) int {
	return map[string]int{generating: 0, signing: 1, coordinating: 2}[step]
}

// prepare carries out what the step needs in which the misdeed is done.
func (w *world) prepare(step string) {
	w.t.Helper()
	var todo []int
	if number(step) > 0 {
		todo = append(todo, 0)
	}
	if w.how.again {
		todo = append(todo, number(step))
	}
	for _, n := range todo {
		if err := w.do(n); err != nil {
			w.t.Fatalf("before the misdeed: %v", err)
		}
	}
}

// run carries the step out in which the misdeed is done.
func (w *world) run(step string, value []byte) {
	w.mu.Lock()
	w.lying, w.value = true, value
	w.shares = map[string]map[uint32][][]byte{"Alice": {}, "Bob": {}}
	maps.DeleteFunc(w.heard, func(key string, _ []byte) bool { return strings.HasPrefix(key, "now ") })
	w.mu.Unlock()
	w.failed = w.do(number(step))
}

// do makes the group, or goes through a signing by its number.
func (w *world) do(number int) (err error) {
	if number == 0 {
		w.findings, err = w.DKG(w.t.Context(), w.file.Groups[0])
		return err
	}
	var signed *rehearsal.Signing
	signed, w.findings, err = w.Sign(w.t.Context(), w.file.Sign[number-1], []byte(minutes))
	if (err == nil) != (signed != nil) {
		w.t.Errorf("error %v, and a signature %v", err, signed)
	}
	return err
}

// end returns how it ended for a member: of several ends the one that says most.
func (w *world) end(name string) error {
	var all []error
	for _, f := range w.findings {
		if f.Member == name {
			all = append(all, f.Err)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return slices.MinFunc(all, func(a, b error) int { return telling(a) - telling(b) })
}

func telling(err error) int {
	var culprit *protocol.CulpritError
	switch {
	case errors.As(err, &culprit):
		return 0
	case errors.Is(err, rehearsal.ErrStopped):
		return 3
	case outcome(err) == told:
		return 2
	}
	return 1
}

// say notes what is said, and has it changed where Eve lies.
func (w *world) say(s *rehearsal.Said) {
	w.note(s)
	w.mu.Lock()
	lying := w.lying && s.From == "Eve" && s.To != "Eve"
	w.mu.Unlock()
	if !lying {
		return
	}
	time.Sleep(time.Millisecond) // so that Eve has heard the others, and they are all there
	for _, lie := range w.how.lies {
		lie(w, s)
	}
}

// note keeps the first message of each member and phase, and everything that
// shows the use of nonces.
func (w *world) note(s *rehearsal.Said) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := s.From + " " + s.Phase
	switch {
	case w.lying && w.heard["now "+key] == nil:
		w.heard["now "+key] = bytes.Clone(s.Body)
	case !w.lying:
		w.heard["before "+key] = bytes.Clone(s.Body)
	}
	shares := w.shares[s.From]
	if s.Phase == protocol.PhaseShares && w.lying && shares != nil {
		list := shares[s.Number]
		if !slices.ContainsFunc(list, func(b []byte) bool { return bytes.Equal(b, s.Body) }) {
			shares[s.Number] = append(list, bytes.Clone(s.Body))
		}
	}
}

// now returns a message of the session in which the misdeed is done, before one of
// the session before that. They are nil if there is none.
func (w *world) now(name, phase string) []byte    { return w.noted("now " + name + " " + phase) }
func (w *world) before(name, phase string) []byte { return w.noted("before " + name + " " + phase) }

func (w *world) noted(key string) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	return bytes.Clone(w.heard[key])
}

// checkShares checks that no nonce made two shares, and that there is none at all
// for a package that is to be refused.
func (w *world) checkShares(m *misdeed) {
	for name, attempts := range w.shares {
		for number, shares := range attempts {
			if len(shares) > 1 {
				w.t.Errorf("%s sent %d shares in attempt %d", name, len(shares), number)
			}
		}
		refused := m.step == coordinating && m.exit != 0 && !m.how.late
		if refused && len(attempts) > 0 {
			w.t.Errorf("a share of %s left", name)
		}
	}
}

// meet lets the relay record a session, and do what a misdeed of its own is.
func (w *world) meet(m *rehearsal.Meeting) protocol.Fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.how.relay != nil && w.lying {
		return w.how.relay(w, m)
	}
	w.first, w.recorded = m, nil
	return func(e protocol.Envelope) []protocol.Delivery {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.recorded = append(w.recorded, e)
		return protocol.Deliver(e)
	}
}

// frostkit reports whether the members speak frostkit's own protocol.
func (w *world) frostkit() bool { return w.file.Protocol == frostkit }
