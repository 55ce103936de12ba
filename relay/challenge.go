package relay

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// challenger makes challenges that take no memory before they serve, as UUIDs (RFC
// 9562). One that is bound is of version 7 (section 5.7): 48 bits of Unix time in
// milliseconds, the version, 12 bits that tell relays over the same store apart, 8
// of a counter, and in all other bits what authenticates them. Its version says, and
// nobody can change it, that a client that knows origins signs it for one. One
// that is not bound is of version 8 (section 5.8): 40 bits of the time, 8 of the
// counter, the version, the 12, and the same.
type challenger struct {
	secret   [32]byte
	bound    bool
	start    time.Time // the time of day may step; the clock is this and what went by since
	instance uint16    // random
	counter  atomic.Uint32
}

func newChallenger(secret [32]byte, bound bool) *challenger {
	var instance [2]byte
	_, _ = rand.Read(instance[:]) // never fails
	return &challenger{secret: secret, bound: bound, start: time.Now(), instance: binary.BigEndian.Uint16(instance[:])}
}

// now returns milliseconds of Unix time.
func (c *challenger) now() uint64 {
	return uint64(c.start.Add(time.Since(c.start)).UnixMilli())
}

// boundVersion is that of the UUIDs of bound challenges.
const boundVersion = 7

// isBound reports whether a challenge is to be signed for an origin.
func isBound(challenge uuid.UUID) bool { return challenge.Version() == boundVersion }

// issue returns a new challenge.
func (c *challenger) issue() uuid.UUID {
	var id uuid.UUID
	count, instance := uint64(c.counter.Add(1)&0xff), uint64(c.instance&0x0fff)
	if c.bound {
		binary.BigEndian.PutUint64(id[:8], c.now()<<16|0x7000|instance)
		id[9] = byte(count)
	} else {
		binary.BigEndian.PutUint64(id[:8], c.now()<<24|count<<16|0x8000|instance)
	}
	c.sign(&id)
	return id
}

// sign fills in the bits that authenticate the others.
func (c *challenger) sign(id *uuid.UUID) {
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write([]byte("challenge"))
	mac.Write(id[:8])
	count := id[9]
	if isBound(*id) {
		mac.Write(id[9:10])
	}
	copy(id[8:], mac.Sum(nil))
	if isBound(*id) {
		id[9] = count
	}
	id[8] = id[8]&0x3f | 0x80 // the variant
}

// valid reports whether issue returned id less than life ago, by the clock of any
// relay over the same store: one that goes ahead by less than life is believed.
func (c *challenger) valid(id uuid.UUID, life time.Duration) bool {
	signed := id
	c.sign(&signed)
	if !hmac.Equal(signed[:], id[:]) {
		return false
	}
	issued := binary.BigEndian.Uint64(id[:8])
	if isBound(id) {
		issued <<= 8
	}
	age := int64((c.now()-issued>>24)<<24) >> 24 // of 40 bits, with their sign
	return -life.Milliseconds() < age && age < life.Milliseconds()
}

// derive returns the id of the session that owner creates with an idempotency
// key: the same for every repeat of the call, and a surprise to all others.
func (c *challenger) derive(owner Key, idempotency uuid.UUID) SessionID {
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write([]byte("session"))
	mac.Write(owner[:])
	mac.Write(idempotency[:])
	id := SessionID(mac.Sum(nil)[:16])
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant
	return id
}
