// Package relayurl reads the addresses of relays as people write them, in the one
// way in which all that takes such an address reads it.
package relayurl

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Address is where a relay is.
type Address struct {
	Scheme string // https, or http for this machine's own interface
	Host   string // a name in lower case, or an address of IPv4 or IPv6, without brackets and with its zone
	Port   string // from 1 to 65535 without leading zeros, or empty for the scheme's own
	Path   string // before the calls' names: empty, or begun by a slash and not ended by one
}

// Fault says what keeps a text from being the address of a relay.
type Fault struct {
	What string // after the text, such as "has no valid port"
	Hint string // what to write instead
}

// Error says both.
func (f *Fault) Error() string { return f.What + ": " + f.Hint }

const form = "write host:port or https://host:port"

var errForm = &Fault{"is not a host with a port", form}

// Parse reads host:port, https://host:port or, for this machine's own interface,
// http://host:port, each with a path where a proxy has the relay under one. Without
// a scheme it is https, as for frost-client. Hosts are read as URL parsers do
// (WHATWG URL, section 3.5): upper case is lower case, and an address of IPv4 may
// be short, hexadecimal or octal, or one number. It fails with a [Fault].
func Parse(text string) (Address, error) {
	scheme, rest, found := strings.Cut(strings.Trim(text, " \t\r\n"), "://")
	if !found {
		scheme, rest = "https", scheme
	}
	scheme = strings.ToLower(scheme)
	if scheme != "https" && scheme != "http" {
		return Address{}, &Fault{fmt.Sprintf("has the scheme %.40q", scheme), form}
	}
	authority, path, err := splitPath(rest)
	if err != nil {
		return Address{}, err
	}
	host, port, err := splitPort(authority)
	if err != nil {
		return Address{}, err
	}
	if host, err = readHost(host); err != nil {
		return Address{}, err
	}
	a := Address{Scheme: scheme, Host: host, Port: port, Path: path}
	if scheme == "http" && !a.Loopback() {
		return Address{}, &Fault{"would send logins over the network in the clear", "write https://; http:// is for localhost alone"}
	}
	return a, nil
}

// splitPath splits off the path, which has no dots that climb.
func splitPath(text string) (authority, path string, err error) {
	authority, path, _ = strings.Cut(text, "/")
	if strings.ContainsAny(text, "?#\\ ") {
		return "", "", errForm
	}
	if strings.Contains(authority, "@") {
		return "", "", &Fault{"has a user before its host", "leave out what is before the @; a member logs in with its key"}
	}
	path = strings.TrimRight(path, "/")
	if path == "" {
		return authority, "", nil
	}
	for segment := range strings.SplitSeq(path, "/") {
		if plain, err := url.PathUnescape(segment); err != nil || segment == "" || plain == "." || plain == ".." {
			return "", "", &Fault{"has a path that no relay is under", "write https://host:port, and the path that the proxy has for the relay"}
		}
	}
	parsed := url.URL{Path: path}
	if plain, err := url.PathUnescape(path); err == nil {
		parsed = url.URL{Path: plain, RawPath: path}
	}
	return authority, "/" + parsed.EscapedPath(), nil
}

var portNumber = regexp.MustCompile(`^[1-9][0-9]{0,4}$`)

// splitPort splits off the port.
func splitPort(authority string) (host, port string, err error) {
	end := strings.LastIndexByte(authority, ']') + 1 // of an IPv6 address
	colon := strings.LastIndexByte(authority[end:], ':')
	if colon < 0 {
		return authority, "", nil
	}
	host, port = authority[:end+colon], authority[end+colon+1:]
	number, err := strconv.Atoi(port)
	switch {
	case port != "" && err != nil:
		return "", "", errForm
	case !portNumber.MatchString(port) || number > 65535:
		return "", "", &Fault{"has no valid port", "choose a port from 1 to 65535"}
	}
	return host, port, nil
}

var hostName = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*$`)

// readHost reads a name or an address.
func readHost(host string) (string, error) {
	if inside, found := strings.CutPrefix(host, "["); found {
		return readIPv6(strings.TrimSuffix(inside, "]"), strings.HasSuffix(inside, "]"))
	}
	host = strings.ToLower(host)
	if endsInNumber(host) {
		address, ok := readIPv4(host)
		if !ok {
			return "", errForm
		}
		return address.String(), nil
	}
	name := strings.TrimSuffix(host, ".")
	if len(name) > 253 || !hostName.MatchString(name) {
		return "", errForm
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 {
			return "", errForm
		}
	}
	return name, nil
}

// readIPv6 reads an address, whose zone may be written as it is or as URLs have it
// (RFC 6874).
func readIPv6(text string, closed bool) (string, error) {
	address, zone, found := strings.Cut(text, "%")
	ip, err := netip.ParseAddr(address)
	if err != nil || !closed || !ip.Is6() {
		return "", errForm
	}
	if !found {
		return ip.String(), nil
	}
	zone = strings.TrimPrefix(zone, "25")
	if zone, err = url.PathUnescape(zone); err != nil || zone == "" || !zoneName.MatchString(zone) {
		return "", &Fault{"has a zone that is no interface's name", "write [fe80::1%eth0]:port"}
	}
	return ip.WithZone(zone).String(), nil
}

var zoneName = regexp.MustCompile(`^[A-Za-z0-9._:@-]+$`)

// endsInNumber reports whether a host is an address of IPv4 (WHATWG URL, section
// 3.5, "ends in a number checker").
func endsInNumber(host string) bool {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	last := labels[len(labels)-1]
	if last != "" && strings.Trim(last, "0123456789") == "" {
		return true
	}
	_, ok := readNumber(last)
	return ok
}

// readIPv4 reads an address of one to four numbers, the last of which fills what
// is left (WHATWG URL, section 3.5, "IPv4 parser").
func readIPv4(host string) (netip.Addr, bool) {
	parts := strings.Split(strings.TrimSuffix(host, "."), ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	var address uint64
	for i, part := range parts {
		number, ok := readNumber(part)
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		if !ok || number >= 1<<bits {
			return netip.Addr{}, false
		}
		address = address<<bits | number
	}
	return netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)}), true
}

// readNumber reads a decimal, octal or hexadecimal number.
func readNumber(text string) (uint64, bool) {
	base := 10
	switch {
	case text == "":
		return 0, false
	case strings.HasPrefix(text, "0x"):
		text, base = text[2:], 16
	case len(text) > 1 && text[0] == '0':
		text, base = text[1:], 8
	}
	if text == "" {
		return 0, true // of "0x"
	}
	if strings.ContainsAny(text, "+-_") {
		return 0, false
	}
	number, err := strconv.ParseUint(text, base, 33)
	return number, err == nil
}

// Loopback reports whether the host is this machine's own interface.
func (a Address) Loopback() bool {
	ip, err := netip.ParseAddr(a.Host)
	return a.Host == "localhost" || err == nil && ip.IsLoopback()
}

// Unspecified reports whether the host is 0.0.0.0 or ::, which a server names that
// listens everywhere, and which leads to this machine.
func (a Address) Unspecified() bool {
	ip, err := netip.ParseAddr(a.Host)
	return err == nil && ip.IsUnspecified()
}

// ServerName is what the relay's certificate has to be for: the host without its
// zone.
func (a Address) ServerName() string {
	name, _, _ := strings.Cut(a.Host, "%")
	return name
}

// HostPort is the host, in brackets if it is an address of IPv6, and the port if
// there is one, as a URL has them.
func (a Address) HostPort() string {
	host := a.Host
	if strings.Contains(host, ":") {
		host = "[" + strings.Replace(host, "%", "%25", 1) + "]"
	}
	if a.Port == "" {
		return host
	}
	return host + ":" + a.Port
}

// String returns the address as a URL: scheme://host:port/path.
func (a Address) String() string { return a.Scheme + "://" + a.HostPort() + a.Path }

// Origin returns the address without the path, and with the port that it stands
// for: what a login is signed for.
func (a Address) Origin() string {
	if a.Port == "" {
		a.Port = map[string]string{"https": "443", "http": "80"}[a.Scheme]
	}
	return a.Scheme + "://" + a.HostPort()
}
