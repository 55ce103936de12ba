package relay

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestWhereACallComesFrom(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		name, remote, header, value, want string
		forwarded                         bool
	}{
		{name: "no proxy", remote: "192.0.2.1:5", want: "192.0.2.1"},
		{name: "a stranger's word", remote: "192.0.2.1:5", header: "X-Forwarded-For", value: "198.51.100.1", want: "192.0.2.1"},
		{name: "one proxy", remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "198.51.100.1", want: "198.51.100.1"},
		{name: "forged before it", remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "127.0.0.1, 198.51.100.1", want: "198.51.100.1"},
		{name: "two proxies", remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "203.0.113.9,198.51.100.1,10.1.1.1", want: "198.51.100.1"},
		{name: "proxies only", remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "10.1.1.1", want: "10.1.1.1"},
		{name: "nothing said", remote: "10.0.0.1:5", want: "10.0.0.1"},
		{name: "unknown", remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "198.51.100.1, unknown", want: "10.0.0.1"},
		{name: "IPv6 in IPv4's place", remote: "[::ffff:10.0.0.1]:5", header: "X-Forwarded-For", value: "2001:db8::7", want: "2001:db8::7"},
		{name: "the header that is not asked", remote: "10.0.0.1:5", header: "Forwarded", value: "for=198.51.100.1", want: "10.0.0.1"},
		{name: "RFC 7239", forwarded: true, remote: "[fd00::1]:5", header: "Forwarded", value: `for=192.0.2.60;proto=http, For="[2001:db8:cafe::17]:4711";by=x`, want: "2001:db8:cafe::17"},
		{name: "RFC 7239, port", forwarded: true, remote: "10.0.0.1:5", header: "Forwarded", value: `proto=https;for="192.0.2.60:80"`, want: "192.0.2.60"},
		{name: "RFC 7239, obfuscated", forwarded: true, remote: "10.0.0.1:5", header: "Forwarded", value: `for=_hidden`, want: "10.0.0.1"},
		{name: "the other header that is not asked", forwarded: true, remote: "10.0.0.1:5", header: "X-Forwarded-For", value: "198.51.100.1", want: "10.0.0.1"},
	} {
		request := &http.Request{RemoteAddr: test.remote, Header: http.Header{}}
		if test.header != "" {
			request.Header.Set(test.header, test.value)
		}
		proxies := Proxies{Trusted: trusted, Forwarded: test.forwarded}
		if got := proxies.client(request); got != netip.MustParseAddr(test.want) {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// A proxy may say it in several lines (RFC 9110, section 5.3).
func TestForwardedInSeveralLines(t *testing.T) {
	request := &http.Request{RemoteAddr: "10.0.0.1:5", Header: http.Header{"X-Forwarded-For": {"203.0.113.9", "198.51.100.1"}}}
	proxies := Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	if got := proxies.client(request).String(); got != "198.51.100.1" {
		t.Errorf("comes from %s", got)
	}
}
