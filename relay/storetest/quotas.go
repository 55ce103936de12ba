package storetest

import (
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"frostkit/relay"
)

// from returns the networks of an address of the n-th network of 64 bits of a site.
func from(site, n byte) relay.Networks {
	return relay.Networks{
		Near: netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, site, 0, n}),
		Far:  netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 0, site}),
	}
}

// openBy creates a session of the n-th key and one that receives.
func (e *env) openBy(n byte, at relay.Networks) (relay.SessionID, error) {
	s := &relay.Session{ID: uuid.New(), Members: []relay.Key{key(n), key(200)}, Coordinator: key(n), MessageCount: 1, From: at}
	return s.ID, e.store.CreateSession(e.Context(), s, e.limits)
}

// fill has the n-th key send messages of 1,000 bytes until one is refused with want,
// and returns the session and how many were taken.
func (e *env) fill(n byte, at relay.Networks, want error) (id relay.SessionID, taken int) {
	e.Helper()
	id, err := e.openBy(n, at)
	e.check(err)
	for ; taken < 1000; taken++ {
		err = e.sendFrom(id, n, at)
		if err != nil {
			e.want(err, want)
			return id, taken
		}
	}
	e.Fatalf("%d messages of one key were taken", taken)
	return id, taken
}

func (e *env) sendFrom(id relay.SessionID, n byte, at relay.Networks) error {
	return e.store.Send(e.Context(), &relay.Envelope{
		Session: id, Sender: key(n), Recipients: []relay.Key{key(200)}, Body: make([]byte, 1000), From: at, ID: uuid.New(),
	}, e.limits)
}

// drain takes all that waits for the key that receives.
func (e *env) drain(id relay.SessionID) {
	e.Helper()
	for cursor := relay.Cursor(0); ; {
		messages, last, err := e.store.Receive(e.Context(), box(id, key(200)), cursor, e.limits)
		e.check(err)
		if len(messages) == 0 {
			return
		}
		cursor = last
	}
}

// remainder is more than what fill leaves of a quota.
const remainder = 1200

// testKeyQuota has a key fill what it may have stored: the rest is for others, and
// what is fetched or removed counts no more.
func testKeyQuota(e *env) {
	e.limits.KeyStored, e.limits.AddressStored = 50_000, 1<<20
	id, taken := e.fill(1, relay.Networks{}, relay.ErrKeyFull)
	if taken < 40 || taken > 50 {
		e.Errorf("a key with a quota of 50,000 bytes had %d messages of 1,000 stored", taken)
	}
	e.limits.KeyStored -= remainder
	_, err := e.openBy(1, from(9, 9))
	e.want(err, relay.ErrKeyFull)
	e.want(e.store.AddToken(e.Context(), token(1), key(1), from(9, 9), e.limits), relay.ErrKeyFull)
	e.limits.KeyStored += remainder
	e.check(e.store.AddToken(e.Context(), token(2), key(2), relay.Networks{}, e.limits))
	if _, others := e.fill(2, relay.Networks{}, relay.ErrKeyFull); others < 40 {
		e.Errorf("another key had %d messages stored", others)
	}
	e.drain(id)
	second, again := e.fill(1, relay.Networks{}, relay.ErrKeyFull)
	if again < 38 {
		e.Errorf("after all were fetched the key had %d messages stored", again)
	}
	e.limits.Grace = 0
	for _, id := range []relay.SessionID{id, second} {
		e.check(e.store.CloseSession(e.Context(), id, false, e.limits))
	}
	if _, again := e.fill(1, relay.Networks{}, relay.ErrKeyFull); again != taken {
		e.Errorf("after all were removed the key had %d messages stored, and %d at first", again, taken)
	}
}

// testAddressQuota has few keys fill what an address, and a site, may have stored.
func testAddressQuota(e *env) {
	e.limits.KeyStored, e.limits.AddressStored = 1<<20, 50_000
	first, near := e.fill(1, from(1, 1), relay.ErrAddressFull)
	if near < 40 || near > 50 {
		e.Errorf("an address with a quota of 50,000 bytes had %d messages of 1,000 stored", near)
	}
	e.limits.AddressStored -= remainder
	_, err := e.openBy(2, from(1, 1))
	e.want(err, relay.ErrAddressFull)
	e.want(e.store.AddToken(e.Context(), token(1), key(3), from(1, 1), e.limits), relay.ErrAddressFull)
	e.limits.AddressStored += remainder
	_, second := e.fill(2, from(1, 2), relay.ErrAddressFull)
	if all := near + second; all < 80 || all > 100 {
		e.Errorf("two networks of a site had %d messages stored", all)
	}
	e.limits.AddressStored -= remainder
	_, err = e.openBy(3, from(1, 3))
	e.want(err, relay.ErrAddressFull) // the site's quota
	e.limits.AddressStored += remainder
	e.fill(4, from(2, 1), relay.ErrAddressFull)
	id, err := e.openBy(1, relay.Networks{})
	e.check(err)
	e.check(e.sendFrom(id, 1, relay.Networks{}))
	e.drain(first)
	e.check(e.sendFrom(first, 1, from(1, 1)))
}

// testTokenQuota has the tokens of many keys count for the address of their logins.
func testTokenQuota(e *env) {
	e.limits.AddressStored, e.limits.TokenLife = 10*relay.TokenCost, 10*e.unit
	add := func(n byte, at relay.Networks) error {
		return e.store.AddToken(e.Context(), token(n), key(n), at, e.limits)
	}
	for n := range byte(10) {
		e.check(add(n, from(1, 1)))
	}
	e.want(add(10, from(1, 1)), relay.ErrAddressFull)
	e.check(add(11, from(2, 1)))
	e.check(e.store.RemoveToken(e.Context(), token(3)))
	e.check(add(12, from(1, 1)))
	e.want(add(13, from(1, 1)), relay.ErrAddressFull)
	time.Sleep(11 * e.unit)
	e.check(add(14, from(1, 1)))
}

// testStrangersSessions has strangers name somebody in a thousand sessions: they are
// not counted for whom they name, whose own sessions come first.
func testStrangersSessions(e *env) {
	victim, friend := key(0), key(1)
	e.limits.SessionsListed = 100
	name := func(creator byte) relay.SessionID {
		s := &relay.Session{ID: uuid.New(), Members: []relay.Key{victim, key(creator)}, Coordinator: key(creator), MessageCount: 1}
		e.check(e.store.CreateSession(e.Context(), s, e.limits))
		return s.ID
	}
	for n := range 1000 {
		name(byte(100 + n%40))
	}
	own := &relay.Session{ID: uuid.New(), Members: []relay.Key{victim, friend}, Coordinator: victim, MessageCount: 1}
	e.check(e.store.CreateSession(e.Context(), own, e.limits))
	invited := name(1) // the friend's
	listed, err := e.store.Sessions(e.Context(), victim, e.limits)
	e.check(err)
	if len(listed) != 100 || listed[0] != own.ID || !slices.Contains(listed, invited) {
		e.Errorf("%d sessions are listed, one's own at its beginning: %t, the friend's: %t",
			len(listed), listed[0] == own.ID, slices.Contains(listed, invited))
	}
	e.sessions(friend, own.ID, invited)
}
