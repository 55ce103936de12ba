package relay

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"frostkit/internal/relayurl"
)

// loginLabel begins what a bound login signs; what a login of frostd's signs has 16
// bytes, so that neither is ever the other.
const loginLabel = "frostkit relay login 1\x00"

// LoginText returns what a bound login signs: the label, the challenge's 16 bytes
// and the origin, scheme://host:port as the member dialled it.
func LoginText(challenge uuid.UUID, origin string) []byte {
	return slices.Concat([]byte(loginLabel), challenge[:], []byte(origin))
}

// origins are the addresses by which members reach a relay.
type origins struct {
	named     map[string]bool        // origins
	certified func(host string) bool // or nil
}

func newOrigins(config *Config) (*origins, error) {
	o := &origins{named: map[string]bool{}, certified: config.CertifiedFor}
	for _, text := range config.Origins {
		address, err := parseAddressOf(text)
		if err != nil {
			return nil, err
		}
		o.named[address.Origin()] = true
	}
	if o.certified == nil && config.TLS != nil && len(config.TLS.Certificates) > 0 {
		o.certified = certifiedBy(config.TLS.Certificates)
	}
	if config.BoundLogins && !o.known() {
		return nil, errors.New("refusing logins that are not bound to the relay's address: the relay has neither a certificate nor an address that was given to it")
	}
	return o, nil
}

// certifiedBy reports of hosts whether one of the certificates is for them.
func certifiedBy(certificates []tls.Certificate) func(host string) bool {
	var leaves []*x509.Certificate
	for _, certificate := range certificates {
		leaf := certificate.Leaf
		if leaf == nil && len(certificate.Certificate) > 0 {
			leaf, _ = x509.ParseCertificate(certificate.Certificate[0])
		}
		if leaf != nil {
			leaves = append(leaves, leaf)
		}
	}
	return func(host string) bool {
		return slices.ContainsFunc(leaves, func(leaf *x509.Certificate) bool { return leaf.VerifyHostname(host) == nil })
	}
}

// known reports whether the relay knows how it is reached, so that logins can be bound.
func (o *origins) known() bool { return len(o.named) > 0 || o.certified != nil }

// longestOrigin is longer than any that a host's name allows, in bytes.
const longestOrigin = 300

// serves reports whether members reach the relay by an origin. Of one that its
// certificate is for the port does not count: it may be another one outside.
func (o *origins) serves(origin string) bool {
	if len(origin) > longestOrigin {
		return false
	}
	address, err := relayurl.Parse(origin)
	switch {
	case err != nil || address.Path != "":
		return false
	case o.named[address.Origin()]:
		return true
	case o.certified == nil || address.Scheme != "https":
		return false
	}
	return o.certified(address.ServerName()) || address.Unspecified() && slices.ContainsFunc(here, o.certified)
}

// What a login is refused for that is not bound as it has to be.
const (
	errOrigin     InvalidArgumentError = "origin: the relay is not known by the address that this login is for; its operator names it with --origin"
	errPlainLogin InvalidArgumentError = "origin: this relay takes logins alone that are bound to its address, as frostkit's are"
)

// loginText returns what a login has to have signed.
func (x *exchange) loginText(request *loginRequest) ([]byte, error) {
	switch {
	case request.origin == "" && x.boundLogins:
		return nil, errPlainLogin
	case request.origin == "":
		return request.challenge[:], nil
	case !x.origins.serves(request.origin):
		return nil, errOrigin
	}
	return LoginText(request.challenge, request.origin), nil
}

// loginBody returns the request of a login, which signs a bound challenge for the
// origin that this client dials: whoever handed it on has no use for it.
func (c *Client) loginBody(challenge uuid.UUID) ([]byte, error) {
	text, origin := challenge[:], ""
	if isBound(challenge) {
		text, origin = LoginText(challenge, c.origin), c.origin
	}
	signature, err := c.sign(text)
	if err != nil {
		return nil, fmt.Errorf("signing a challenge: %w", err)
	}
	return encode(loginFor{challenge, c.key.Public(), signature, origin})
}
