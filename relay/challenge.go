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

// challenger makes challenges that take no memory before they serve: a UUID of
// version 8 (RFC 9562, section 5.8) whose last 62 bits authenticate what is
// before them: 40 bits of Unix time in milliseconds, 8 of a counter, the version,
// and 12 that tell relays over the same store apart.
type challenger struct {
	secret   [32]byte
	start    time.Time // the time of day may step; the clock is this and what went by since
	instance uint16    // random
	counter  atomic.Uint32
}

func newChallenger(secret [32]byte) *challenger {
	var instance [2]byte
	_, _ = rand.Read(instance[:]) // never fails
	return &challenger{secret: secret, start: time.Now(), instance: binary.BigEndian.Uint16(instance[:])}
}

// now returns milliseconds of Unix time.
func (c *challenger) now() uint64 {
	return uint64(c.start.Add(time.Since(c.start)).UnixMilli())
}

// issue returns a new challenge.
func (c *challenger) issue() uuid.UUID {
	var id uuid.UUID
	count := uint64(c.counter.Add(1) & 0xff)
	binary.BigEndian.PutUint64(id[:8], c.now()<<24|count<<16|0x8000|uint64(c.instance&0x0fff))
	c.sign(&id)
	return id
}

// sign fills in the last 8 bytes.
func (c *challenger) sign(id *uuid.UUID) {
	mac := hmac.New(sha256.New, c.secret[:])
	mac.Write([]byte("challenge"))
	mac.Write(id[:8])
	copy(id[8:], mac.Sum(nil))
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
	issued := binary.BigEndian.Uint64(id[:8]) >> 24
	age := int64((c.now()-issued)<<24) >> 24 // of 40 bits, with their sign
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
