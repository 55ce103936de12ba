package relay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// challenger makes challenges that take no memory before they serve: a UUID of
// version 7 (RFC 9562, section 5.7) whose last 62 bits authenticate the time
// and the counter before them.
type challenger struct {
	secret  [32]byte
	start   time.Time // the time of day may step; the clock is this and what went by since
	counter atomic.Uint32
}

func newChallenger(secret [32]byte) *challenger {
	return &challenger{secret: secret, start: time.Now()}
}

// now returns milliseconds of Unix time.
func (c *challenger) now() uint64 {
	return uint64(c.start.Add(time.Since(c.start)).UnixMilli())
}

// issue returns a new challenge.
func (c *challenger) issue() uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], c.now()<<16)
	binary.BigEndian.PutUint16(id[6:8], uint16(c.counter.Add(1))&0x0fff|0x7000)
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
	age := int64(c.now()) - int64(binary.BigEndian.Uint64(id[:8])>>16)
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
