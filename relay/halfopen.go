package relay

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// halfOpen are the connections over which no whole request has come yet, in a TLS
// handshake or in a header. They may take long, as they do at great latency, so
// that their number is bounded and not their time: of too many, the address with
// the most of them loses its oldest.
type halfOpen struct {
	most int

	mu    sync.Mutex
	all   int
	of    map[netip.Addr]*list.List       // of *limitedConn, the oldest first
	count map[int]map[netip.Addr]struct{} // the addresses that have so many
	peak  int                             // the largest number that an address has
	place map[*limitedConn]*halfOpenPlace // of each
}

type halfOpenPlace struct {
	address netip.Addr
	element *list.Element
}

func newHalfOpen(most int) *halfOpen {
	return &halfOpen{
		most: most, of: map[netip.Addr]*list.List{}, count: map[int]map[netip.Addr]struct{}{},
		place: map[*limitedConn]*halfOpenPlace{},
	}
}

// add counts a connection, and returns the one that gives way, or nil.
func (h *halfOpen) add(c *limitedConn, address netip.Addr) (cut *limitedConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	conns := h.of[address]
	if conns == nil {
		conns = list.New()
		h.of[address] = conns
	}
	h.place[c] = &halfOpenPlace{address, conns.PushBack(c)}
	h.moved(address, conns.Len()-1, conns.Len())
	if h.all++; h.all <= h.most {
		return nil
	}
	cut = h.oldest()
	h.drop(cut)
	return cut
}

// remove stops counting a connection, if it counts.
func (h *halfOpen) remove(c *limitedConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(c)
}

func (h *halfOpen) drop(c *limitedConn) {
	place, counts := h.place[c]
	if !counts {
		return
	}
	delete(h.place, c)
	conns := h.of[place.address]
	conns.Remove(place.element)
	if conns.Len() == 0 {
		delete(h.of, place.address)
	}
	h.all--
	h.moved(place.address, conns.Len()+1, conns.Len())
}

// moved notes that an address has another number of connections, by one.
func (h *halfOpen) moved(address netip.Addr, from, to int) {
	if delete(h.count[from], address); len(h.count[from]) == 0 {
		delete(h.count, from)
	}
	if to > 0 {
		if h.count[to] == nil {
			h.count[to] = map[netip.Addr]struct{}{}
		}
		h.count[to][address] = struct{}{}
	}
	h.peak = max(h.peak, to)
	if h.count[h.peak] == nil {
		h.peak = to
	}
}

// oldest returns the oldest connection of an address that has the most.
func (h *halfOpen) oldest() *limitedConn {
	for address := range h.count[h.peak] {
		return h.of[address].Front().Value.(*limitedConn)
	}
	panic("relay: internal error: no half-open connection")
}

// opened is the hook of [http.Server] that tells of a connection's first request.
func opened(conn net.Conn, state http.ConnState) {
	if state != http.StateActive {
		return
	}
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if limited, ok := conn.(*limitedConn); ok {
		limited.opened()
	}
}
