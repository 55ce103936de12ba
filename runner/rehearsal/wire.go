package rehearsal

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/runner/protocol"
)

// fault is a fault with how often it has struck.
type fault struct {
	ceremony.Fault

	mu     sync.Mutex
	count  int
	struck bool
	held   map[commkey.PublicKey]bool // the message before was held back, of reorder
}

// phases are what the file's words for phases mean.
var phases = map[string]string{
	"greeting": protocol.PhaseGreeting, "round-1": protocol.PhaseRound1, "echo": protocol.PhaseEcho, "round-2": protocol.PhaseRound2,
	"signatures": protocol.PhaseCertificate, "confirmations": protocol.PhaseConfirm,
	"commitments": protocol.PhaseCommitments, "package": protocol.PhasePackage, "shares": protocol.PhaseShares,
}

// strikes reports whether the fault befalls a message of this phase, and counts.
func (f *fault) strikes(phase string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.Phase != "" && phases[f.Phase] != phase || f.Count > 0 && f.count >= f.Count {
		return false
	}
	f.count++
	f.struck = true
	return true
}

// once is strikes for a fault that does so one time alone.
func (f *fault) once(phase string) bool {
	f.mu.Lock()
	struck := f.struck
	f.mu.Unlock()
	return !struck && f.strikes(phase)
}

// strike notes that the fault has befallen something.
func (f *fault) strike() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.struck = true
}

// hasStruck reports whether the fault has befallen anything.
func (f *fault) hasStruck() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.struck
}

// onTheWay returns what the fault does to a message that it strikes, nil for
// those faults that are not the network's.
func (f *fault) onTheWay() protocol.Fault {
	switch f.Kind {
	case ceremony.FaultDrop:
		return protocol.Drop
	case ceremony.FaultDelay:
		return protocol.Delay(f.After)
	case ceremony.FaultRepeat:
		return protocol.Repeat
	case ceremony.FaultCorrupt:
		return protocol.Corrupt(40)
	case ceremony.FaultReorder:
		return f.overtake
	}
	return nil
}

// overtaking is for how long a message is held that the next is to overtake.
const overtaking = time.Second

// overtake holds every second message to a recipient back, the first one first.
func (f *fault) overtake(e protocol.Envelope) []protocol.Delivery {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.held == nil {
		f.held = map[commkey.PublicKey]bool{}
	}
	f.held[e.To] = !f.held[e.To]
	if f.held[e.To] {
		return []protocol.Delivery{{Payload: e.Payload, Delay: overtaking}}
	}
	return protocol.Deliver(e)
}

// network carries a member's messages as they are on the wire, where faults
// befall them.
type network struct {
	protocol.Transport
	self  *member
	phase string // of the message that is being sent
}

// Send lets the faults of the network decide what arrives.
func (n *network) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	arriving := []protocol.Delivery{{Payload: payload}}
	for _, f := range n.self.faults {
		befall := f.onTheWay()
		if befall == nil || !f.strikes(n.phase) {
			continue
		}
		var next []protocol.Delivery
		for _, d := range arriving {
			for _, e := range befall(protocol.Envelope{From: n.self.key.Public(), To: to, Payload: d.Payload}) {
				next = append(next, protocol.Delivery{Payload: e.Payload, Delay: d.Delay + e.Delay})
			}
		}
		arriving = next
	}
	for _, d := range arriving {
		if err := n.deliver(ctx, to, d); err != nil {
			return err
		}
	}
	return nil
}

// letter is a message before it leaves a member.
type letter struct {
	to      commkey.PublicKey // who reads it, also where the zero key stands for the coordinator
	phase   string
	payload []byte
}

// liar looks into a member's messages and changes them.
type liar interface {
	// phase tells the phase of a message to a member.
	phase(to commkey.PublicKey, payload []byte) string
	// lie returns what a lying member sends in the place of a message.
	lie(letter) ([]byte, error)
	// hears is told of each message to a member who lies.
	hears(protocol.Message)
}

// mouth is where a member says what it says, or lies, or is killed.
type mouth struct {
	protocol.Transport
	liar
	network *network
	self    *member
	session *session
	alive   context.Context // until the member is killed
	kill    func()
	tamper  func(*mouth, letter) ([][]byte, error) // nil but in tests
}

// Send says the truth, unless a fault is the member's own.
func (m *mouth) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if errors.Is(context.Cause(m.alive), ErrKilled) {
		return ErrKilled // the dead tell nobody that they are
	}
	recipient := to
	if to.IsZero() {
		recipient = m.session.coordinator
	}
	phase := m.phase(recipient, payload)
	for _, f := range m.self.faults {
		if f.Kind == ceremony.FaultKill && f.once(phase) {
			m.kill()
			return ErrKilled
		}
	}
	said, err := m.say(letter{recipient, phase, payload})
	if err != nil {
		return err
	}
	m.network.phase = phase
	for _, payload := range said {
		if err := m.Transport.Send(ctx, to, payload); err != nil {
			return err
		}
	}
	return nil
}

// say returns what leaves the member in the place of a message.
func (m *mouth) say(l letter) ([][]byte, error) {
	if m.self.isLiar() {
		var err error
		if l.payload, err = m.lie(l); err != nil {
			return nil, err
		}
	}
	if m.tamper != nil {
		return m.tamper(m, l)
	}
	return [][]byte{l.payload}, nil
}

// Receive lets a liar hear what others say.
func (m *mouth) Receive(ctx context.Context) (protocol.Message, error) {
	in, err := m.Transport.Receive(ctx)
	if err == nil && m.self.isLiar() {
		m.hears(in)
	}
	return in, err
}

// isLiar reports whether one of the member's faults is that it lies.
func (m *member) isLiar() bool {
	return slices.ContainsFunc(m.faults, func(f *fault) bool { return f.Lie() })
}

// wire is a member's transport without a seal. Nothing looks into the messages
// of a member who has no faults.
func (r *Rehearsal) wire(alive context.Context, s *session, m *member, coordinator bool, l liar, kill func()) protocol.Transport {
	if len(m.faults) == 0 && r.tamper == nil {
		return s.hub.Endpoint(m.key.Public(), coordinator)
	}
	n := &network{Transport: s.hub.Endpoint(m.key.Public(), coordinator), self: m}
	return &mouth{Transport: n, liar: l, network: n, self: m, session: s, alive: alive, kill: kill, tamper: r.tamper}
}

// sealedWire is a member's transport for frost-client's protocol.
func (r *Rehearsal) sealedWire(alive context.Context, s *session, m *member, coordinator bool, l liar, kill func()) protocol.Transport {
	n := &network{Transport: s.hub.Endpoint(m.key.Public(), coordinator), self: m}
	var peers []commkey.PublicKey
	for _, peer := range r.keys(s.members) {
		peers = append(peers, peer.Key)
	}
	return &mouth{Transport: protocol.Seal(n, m.key, peers, s.coordinator), liar: l, network: n, self: m, session: s, alive: alive, kill: kill, tamper: r.tamper}
}

// deliver hands a message over now or, whoever may have stopped by then, later.
func (n *network) deliver(ctx context.Context, to commkey.PublicKey, d protocol.Delivery) error {
	if d.Delay <= 0 {
		return n.Transport.Send(ctx, to, d.Payload)
	}
	payload, later := bytes.Clone(d.Payload), context.WithoutCancel(ctx)
	time.AfterFunc(d.Delay, func() { _ = n.Transport.Send(later, to, payload) })
	return nil
}
