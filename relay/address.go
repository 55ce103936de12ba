package relay

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies tells which proxies before a relay are believed when they say where a
// call comes from, and in which header.
type Proxies struct {
	Trusted []netip.Prefix
	// Forwarded has them say it in Forwarded (RFC 7239), and not in
	// X-Forwarded-For. A header that the proxies do not write themselves is the
	// caller's to forge, so that only one of the two counts.
	Forwarded bool
}

// trusts reports whether a proxy is at the address.
func (p *Proxies) trusts(address netip.Addr) bool {
	return slices.ContainsFunc(p.Trusted, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// client returns where a request comes from, or the zero address: the last
// address that no trusted proxy has.
func (p *Proxies) client(request *http.Request) netip.Addr {
	address := parseAddress(request.RemoteAddr)
	if len(p.Trusted) == 0 {
		return address
	}
	hops := p.hops(request.Header)
	for len(hops) > 0 && p.trusts(address) {
		hop := parseAddress(hops[len(hops)-1])
		if !hop.IsValid() {
			break // obfuscated, or unknown: the proxy that says so answers for it
		}
		address, hops = hop, hops[:len(hops)-1]
	}
	return address
}

// hops returns the addresses that the proxies noted, the last one nearest.
func (p *Proxies) hops(header http.Header) []string {
	if !p.Forwarded {
		return splitList(header["X-Forwarded-For"])
	}
	var hops []string
	for _, element := range splitList(header["Forwarded"]) {
		hops = append(hops, forwardedFor(element))
	}
	return hops
}

// forwardedFor returns the node that an element of Forwarded is for.
func forwardedFor(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(pair, "=")
		if strings.EqualFold(strings.TrimSpace(name), "for") {
			return strings.Trim(value, " \t\"")
		}
	}
	return ""
}

// splitList splits the lines of a header that is a list.
func splitList(lines []string) []string {
	if len(lines) == 0 {
		return nil
	}
	elements := strings.Split(strings.Join(lines, ","), ",")
	for i := range elements {
		elements[i] = strings.TrimSpace(elements[i])
	}
	return elements
}

// parseAddress reads an address with or without a port, an IPv6 one also in
// brackets. It returns the zero address for anything else.
func parseAddress(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return address.Unmap().WithZone("")
}

// Networks are what limits by address count a caller by. An address that is not
// counted, as one of the relay's own machine is not, has none.
type Networks struct {
	Near netip.Addr // the address, or of IPv6 the network of 64 bits: what one customer has
	Far  netip.Addr // of IPv6 the network of 48 bits, what one site has; else zero
}

// widest returns the largest network.
func (n Networks) widest() netip.Addr {
	if n.Far.IsValid() {
		return n.Far
	}
	return n.Near
}

// farShare is how many times as much a network of 48 bits may have as one of 64.
const farShare = 2

// networksOf returns what limits count an address by.
func networksOf(address netip.Addr) Networks {
	near := countedAs(address)
	switch {
	case !near.IsValid() || near.IsLoopback():
		return Networks{}
	case near.Is6():
		return Networks{near, netip.PrefixFrom(near, 48).Masked().Addr()}
	}
	return Networks{Near: near}
}

// countedAs returns the address, of IPv6 the network that one customer has.
func countedAs(address netip.Addr) netip.Addr {
	if address.Is6() && !address.IsLoopback() {
		return netip.PrefixFrom(address, 64).Masked().Addr()
	}
	return address
}
