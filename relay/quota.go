package relay

import (
	"net/netip"
	"unique"
)

// ledger has what is stored by who had it stored, in bytes: of each key, and of the
// networks that the calls came from, which are not told after a restart.
type ledger struct {
	keys      map[Key]int
	near, far map[netip.Addr]int
}

func newLedger() ledger {
	return ledger{keys: map[Key]int{}, near: map[netip.Addr]int{}, far: map[netip.Addr]int{}}
}

// charge counts so many bytes more, or fewer.
func (l *ledger) charge(key Key, from Networks, bytes int) {
	if bytes == 0 {
		return
	}
	addTo(l.keys, key, bytes)
	if from.Near.IsValid() {
		addTo(l.near, from.Near, bytes)
	}
	if from.Far.IsValid() {
		addTo(l.far, from.Far, bytes)
	}
}

// room checks that a key may have so many bytes more stored from there.
func (l *ledger) room(key Key, from Networks, bytes int, limits *Limits) error {
	switch {
	case l.keys[key]+bytes > limits.KeyStored:
		return ErrKeyFull
	case from.Near.IsValid() && l.near[from.Near]+bytes > limits.AddressStored,
		from.Far.IsValid() && l.far[from.Far]+bytes > farShare*limits.AddressStored:
		return ErrAddressFull
	}
	return nil
}

// charged is whom something stored is counted for.
type charged struct {
	key  Key
	from place
}

// place is [Networks] in 8 bytes.
type place struct{ handle unique.Handle[Networks] }

func placeOf(from Networks) place { return place{unique.Make(from)} }

func (p place) networks() Networks {
	if p == (place{}) {
		return Networks{}
	}
	return p.handle.Value()
}

// charge counts so many bytes more, or fewer, of a session for somebody.
func (m *MemoryStore) charge(s *memorySession, key Key, from place, bytes int) {
	addTo(s.charges, charged{key, from}, bytes)
	m.ledger.charge(key, from.networks(), bytes)
}

// discharge counts nothing of a session any more.
func (m *MemoryStore) discharge(s *memorySession) {
	for who, bytes := range s.charges {
		m.ledger.charge(who.key, who.from.networks(), -bytes)
	}
	clear(s.charges)
}

// release counts a message no more.
func (m *MemoryStore) release(s *memorySession, message *memoryMessage) {
	m.charge(s, s.sender(message), message.from, -message.cost())
}
