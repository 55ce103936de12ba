package runner

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/keyring"
	"frostkit/relay"
)

// relay checks that the relay answers, who it is, and that members can log in.
func (k *checkup) relay(ctx context.Context) {
	url := k.file.Server.BaseURL()
	shown := look(ctx, url)
	most := min(checkTimeout+10*shown.answered.Sub(shown.sent), longestCheck)
	late := &relay.UnreachableError{URL: url, Err: fmt.Errorf("not all answers came within %s", most.Round(time.Second))}
	ctx, cancel := context.WithTimeoutCause(ctx, most, late)
	defer cancel()
	rings, err := k.rings()
	if err != nil {
		k.failed("login", url, err)
		return
	}
	defer destroy(rings)
	for i, m := range k.here {
		if err := k.login(ctx, m, rings); err != nil {
			k.failed(loginCheck(err), url, shown.withCertificate(k.withTrust(err)))
			return
		}
		if i == 0 {
			k.certificate(url, shown)
			k.clock(url, shown)
		}
	}
	k.online()
}

// presented is what a relay shows of itself to anybody.
type presented struct {
	certificate    *x509.Certificate // nil: not seen
	date           string            // of HTTP; "": not told
	sent, answered time.Time
}

// look asks a relay for nothing in particular. It does so without verification,
// so that a bad certificate can be described, and sends nothing that matters:
// the logins that follow verify.
func look(ctx context.Context, url string) presented {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/", nil)
	if err != nil {
		return presented{}
	}
	shown := presented{sent: time.Now()}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return presented{} // the login says why
	}
	defer response.Body.Close()
	shown.answered, shown.date = time.Now(), response.Header.Get("Date")
	if response.TLS != nil && len(response.TLS.PeerCertificates) > 0 {
		shown.certificate = response.TLS.PeerCertificates[0]
	}
	return shown
}

// withCertificate adds the certificate to an error about it.
func (p presented) withCertificate(err error) error {
	var about *relay.CertificateError
	if p.certificate == nil || !errors.As(err, &about) {
		return err
	}
	return fmt.Errorf("%w; it is %s", err, certificateText(p.certificate))
}

// soon is how long before its end a certificate is worth a warning.
const soon = 14 * 24 * time.Hour

func (k *checkup) certificate(url string, shown presented) {
	c := shown.certificate
	if c == nil {
		k.add("certificate", url, checkUnknown, "the connection is not encrypted, which this machine's own interface need not be")
		return
	}
	if left := c.NotAfter.Sub(shown.answered); left < soon {
		k.add("certificate", url, checkWarning, "%s, in %d days", certificateText(c), int(left.Hours()/24))
		k.hint("have it renewed before the day")
		return
	}
	k.add("certificate", url, checkOK, "%s", certificateText(c))
}

func certificateText(c *x509.Certificate) string {
	return fmt.Sprintf("for %s, issued by %s, valid until %s",
		certificateNames(c), keyring.EscapeName(c.Issuer.String()), c.NotAfter.UTC().Format(time.DateOnly))
}

// certificateNames returns the names that a certificate is for.
func certificateNames(c *x509.Certificate) string {
	names := c.DNSNames
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if subject := c.Subject.String(); subject != "" {
		return keyring.EscapeName(fmt.Sprintf("%s (%s)", strings.Join(names, ", "), subject))
	}
	return keyring.EscapeName(strings.Join(names, ", "))
}

// tolerance is how far two clocks may differ: certificates and logins allow for
// as much.
const tolerance = time.Minute

// clock compares this machine's clock with the relay's, which tells whole
// seconds.
func (k *checkup) clock(url string, shown presented) {
	theirs, err := http.ParseTime(shown.date)
	if err != nil {
		k.add("clock", url, checkUnknown, "the relay does not tell the time")
		return
	}
	var ahead time.Duration // of ours
	switch latest := theirs.Add(time.Second); {
	case shown.sent.After(latest):
		ahead = shown.sent.Sub(latest)
	case shown.answered.Before(theirs):
		ahead = shown.answered.Sub(theirs)
	}
	direction := "ahead of"
	if ahead < 0 {
		direction = "behind"
	}
	switch off := ahead.Abs().Round(time.Second); {
	case off > tolerance:
		k.add("clock", url, checkWarning, "this machine's clock is %s %s the relay's", off, direction)
		k.hint("set the clock; certificates are judged by it")
	case off >= time.Second:
		k.add("clock", url, checkOK, "this machine's clock is %s %s the relay's", off, direction)
	default:
		k.add("clock", url, checkOK, "the same as the relay's")
	}
}

// login logs a member in and out. In the place of a member without a key a
// throw-away one shows that the relay can be reached.
func (k *checkup) login(ctx context.Context, m ceremony.Member, rings map[string]*keyring.Keyring) error {
	key := rings[m.Name].Key()
	own := key != nil
	if !own {
		var err error
		if key, err = commkey.Generate(rand.Reader); err != nil {
			return err
		}
	}
	client, err := k.env.clientAt(k.file.Server.BaseURL(), k.authority(), key, 0)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.Login(ctx); err != nil {
		return err
	}
	k.loggedIn(ctx, client, m, rings, own)
	return client.Logout(ctx)
}

// loginCheck says which check a failed login fails.
func loginCheck(err error) string {
	var certificate *relay.CertificateError
	var refused *relay.APIError
	switch {
	case errors.As(err, &certificate):
		return "certificate"
	case errors.As(err, &refused):
		return "login"
	}
	return "relay"
}

func (k *checkup) loggedIn(ctx context.Context, client *relay.Client, m ceremony.Member, rings map[string]*keyring.Keyring, own bool) {
	if m.Name == k.here[0].Name {
		k.add("relay", client.URL(), checkOK, "reachable, %s", kindOf(client))
	}
	if !own {
		k.add("login", m.Name, checkUnknown, "this member has no key yet")
		return
	}
	k.add("login", m.Name, checkOK, "logged in")
	k.sessionsOf(ctx, client, m, rings)
}

func kindOf(client *relay.Client) string {
	if extensions := client.Extensions(); len(extensions) > 0 {
		return "with frostkit's extensions " + strings.Join(extensions, ", ")
	}
	return "without frostkit's extensions, as frostd"
}

// sessionsOf notes who has opened sessions with a member here.
func (k *checkup) sessionsOf(ctx context.Context, client *relay.Client, m ceremony.Member, rings map[string]*keyring.Keyring) {
	ids, err := client.Sessions(ctx)
	if err != nil {
		k.failed("online", m.Name, err)
		return
	}
	if k.opened == nil {
		k.opened = map[string]string{}
	}
	for _, id := range ids {
		info, err := client.SessionInfo(ctx, id)
		if err != nil {
			continue // closed meanwhile
		}
		for _, other := range k.file.Members {
			if key, ok := k.keyOf(other, rings, rings[m.Name]); ok && key == info.Coordinator {
				k.opened[other.Name] = m.Name
			}
		}
	}
}

// online tells of the members elsewhere who is seen to be there. A relay tells a
// member of its sessions and of nothing else, so that it is who has opened one.
func (k *checkup) online() {
	if k.opened == nil {
		return // nobody here could ask
	}
	for _, other := range k.file.Members {
		if k.isHere(other.Name) {
			continue
		}
		if with, seen := k.opened[other.Name]; seen {
			k.add("online", other.Name, checkOK, "has opened a session with %s", with)
			continue
		}
		k.add("online", other.Name, checkUnknown, "has opened no session; who waits for others to open one is not seen")
	}
}
