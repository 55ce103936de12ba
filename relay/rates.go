package relay

import (
	"container/list"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// bucketsKept bounds how many keys, and how many addresses, a relay counts the
// calls of at once. One that gives way starts anew with a full bucket.
const bucketsKept = 1 << 16

// rateError refuses a call for now; it was not made.
type rateError struct {
	LimitError
	after time.Duration // when it is worth another try
}

// Unwrap returns the refusal.
func (e *rateError) Unwrap() error { return e.LimitError }

// buckets counts calls by who makes them: a token bucket each.
type buckets[K comparable] struct {
	rate  rate.Limit
	burst int
	err   LimitError // refuses

	mu     sync.Mutex
	of     map[K]*list.Element
	recent *list.List // of *bucket[K], the last used first
}

type bucket[K comparable] struct {
	who     K
	limiter *rate.Limiter
}

func newBuckets[K comparable](perSecond, burst int, err LimitError) *buckets[K] {
	return &buckets[K]{
		rate: rate.Limit(perSecond), burst: burst, err: err,
		of: map[K]*list.Element{}, recent: list.New(),
	}
}

// take counts one call, or fails with a [rateError].
func (b *buckets[K]) take(who K) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	limiter := b.limiter(who)
	if limiter.AllowN(now, 1) {
		return nil
	}
	missing := 1 - limiter.TokensAt(now)
	return &rateError{b.err, time.Duration(missing / float64(b.rate) * float64(time.Second))}
}

func (b *buckets[K]) limiter(who K) *rate.Limiter {
	if element, known := b.of[who]; known {
		b.recent.MoveToFront(element)
		return element.Value.(*bucket[K]).limiter
	}
	if b.recent.Len() >= bucketsKept {
		oldest := b.recent.Remove(b.recent.Back()).(*bucket[K])
		delete(b.of, oldest.who)
	}
	limiter := rate.NewLimiter(b.rate, b.burst)
	b.of[who] = b.recent.PushFront(&bucket[K]{who, limiter})
	return limiter
}

// networkBuckets counts calls by the networks that they come from.
type networkBuckets struct{ near, far *buckets[netip.Addr] }

func newNetworkBuckets(perSecond, burst int, err LimitError) networkBuckets {
	return networkBuckets{
		newBuckets[netip.Addr](perSecond, burst, err),
		newBuckets[netip.Addr](farShare*perSecond, farShare*burst, err),
	}
}

func (b networkBuckets) take(from Networks) error {
	if err := b.near.take(from.Near); err != nil || !from.Far.IsValid() {
		return err
	}
	return b.far.take(from.Far)
}

// rates are a relay's buckets. Each relay counts for itself.
type rates struct {
	keys      *buckets[Key]
	addresses networkBuckets
	logins    networkBuckets
}

func newRates(limits *Limits) rates {
	return rates{
		keys:      newBuckets[Key](limits.CallRate, limits.CallBurst, errKeyRate),
		addresses: newNetworkBuckets(limits.AddressRate, limits.AddressBurst, errAddressRate),
		logins:    newNetworkBuckets(limits.LoginRate, limits.LoginBurst, errLoginRate),
	}
}

// takeAddress counts a call from an address. Local processes are not counted.
func (r *rates) takeAddress(from Networks, login bool) error {
	if !from.Near.IsValid() {
		return nil
	}
	if err := r.addresses.take(from); err != nil || !login {
		return err
	}
	return r.logins.take(from)
}
