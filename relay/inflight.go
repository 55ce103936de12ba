package relay

import (
	"container/list"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// longAnswer is the shortest answer that counts as in flight, in bytes: what is
	// shorter is bounded by the number of calls.
	longAnswer = 4 << 10
	// writtenAtOnce is how much of a long answer is written at a time: with each part
	// that is taken it is known that somebody reads.
	writtenAtOnce = 16 << 10
)

// inFlight are the long answers that are being written. Beyond a budget, of a key, a
// network or all, the one of it that was taken least of late is cut off.
type inFlight struct {
	observer Observer
	budgets  [4]flightBudget // of a key, of networks of 64 and of 48 bits, and of all

	mu      sync.Mutex
	holders map[holder]*holding
}

// flightBudget is what one holder may have in flight, in bytes.
type flightBudget struct {
	most int
	flag string
}

// holder is who has answers in flight: one of the four that have budgets.
type holder struct {
	budget  int
	key     Key
	network netip.Addr
}

// holding is what a holder has in flight.
type holding struct {
	bytes   int
	flights list.List // of *flight, that which was taken least of late first
}

// flight is an answer in flight.
type flight struct {
	bytes    int
	holders  []holder
	elements []*list.Element

	mu   sync.Mutex
	cut  func() // ends the call; nil once it is over
	gone bool   // counts no more; guarded by inFlight
}

func newInFlight(limits *Limits, observer Observer) *inFlight {
	return &inFlight{observer: observer, holders: map[holder]*holding{}, budgets: [4]flightBudget{
		{limits.KeyInFlight, "limit-key-inflight"},
		{limits.AddressInFlight, "limit-address-inflight"},
		{farShare * limits.AddressInFlight, "limit-address-inflight"},
		{limits.InFlight, "limit-inflight"},
	}}
}

// depart counts an answer, for which others may be cut off.
func (f *inFlight) depart(key Key, from Networks, bytes int, cut func()) *flight {
	n := &flight{bytes: bytes, cut: cut, holders: []holder{{budget: 0, key: key}, {budget: 3}}}
	if from.Near.IsValid() {
		n.holders = append(n.holders, holder{budget: 1, network: from.Near})
	}
	if from.Far.IsValid() {
		n.holders = append(n.holders, holder{budget: 2, network: from.Far})
	}
	for _, v := range f.add(n) {
		v.end()
	}
	return n
}

// add counts an answer, and returns those that give way.
func (f *inFlight) add(n *flight) (cut []*flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.observer.InFlight(n.bytes)
	for _, who := range n.holders {
		held := f.holders[who]
		if held == nil {
			held = &holding{}
			f.holders[who] = held
		}
		held.bytes += n.bytes
		n.elements = append(n.elements, held.flights.PushBack(n))
	}
	for _, who := range n.holders {
		budget, held := f.budgets[who.budget], f.holders[who]
		for held.bytes > budget.most && held.flights.Len() > 1 {
			stalest := held.flights.Front().Value.(*flight)
			f.drop(stalest)
			f.observer.Refused(budget.flag)
			cut = append(cut, stalest)
		}
	}
	return cut
}

// taken notes that a part of an answer was taken.
func (f *inFlight) taken(n *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n.gone {
		return
	}
	for i, who := range n.holders {
		f.holders[who].flights.MoveToBack(n.elements[i])
	}
}

// land counts an answer no more, if there is one.
func (f *inFlight) land(n *flight) {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.cut = nil
	n.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.drop(n)
}

func (f *inFlight) drop(n *flight) {
	if n.gone {
		return
	}
	n.gone = true
	f.observer.InFlight(-n.bytes)
	for i, who := range n.holders {
		held := f.holders[who]
		held.flights.Remove(n.elements[i])
		if held.bytes -= n.bytes; held.flights.Len() == 0 {
			delete(f.holders, who)
		}
	}
}

// bytes returns how much is in flight.
func (f *inFlight) bytes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if all := f.holders[holder{budget: 3}]; all != nil {
		return all.bytes
	}
	return 0
}

// end ends the call, unless it is over.
func (n *flight) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cut != nil {
		n.cut()
		n.cut = nil
	}
}

// depart counts a long answer of so many bytes, before it takes them.
func (x *exchange) depart(bytes int) {
	if bytes < longAnswer || x.flight != nil {
		return
	}
	control := http.NewResponseController(x.writer)
	_ = control.SetWriteDeadline(time.Now().Add(x.limits.WriteTimeout))
	bytes += x.body.Cap() // the request is held for as long
	x.flight = x.inFlight.depart(x.user, x.from, bytes, func() { _ = control.SetWriteDeadline(time.Unix(1, 0)) })
}

// write writes the answer.
func (x *exchange) write(w http.ResponseWriter) {
	x.depart(len(x.out))
	if x.flight == nil {
		_, _ = w.Write(x.out)
		return
	}
	for rest := x.out; len(rest) > 0; x.inFlight.taken(x.flight) {
		part := rest[:min(len(rest), writtenAtOnce)]
		if _, err := w.Write(part); err != nil {
			return
		}
		rest = rest[len(part):]
	}
}

// room returns the limits, of which the answers in flight have taken a part.
func (x *exchange) room() *Limits {
	held := x.inFlight.bytes()
	if held == 0 {
		return &x.limits
	}
	limits := x.limits
	limits.TotalBytes = max(limits.TotalBytes-held, 1)
	return &limits
}
