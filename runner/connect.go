package runner

import (
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"time"

	"frostkit/commkey"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/relay/localca"
	"frostkit/runner/steps"
)

// serverFlag names a relay and whom to trust for its certificate.
type serverFlag struct {
	ServerURL string `short:"s" placeholder:"HOST:PORT" help:"The relay."`
	caFlag
}

type caFlag struct {
	CA string `name:"ca" placeholder:"FILE" help:"Also trust this certificate authority (PEM) for the relay. The system's and the local CA (CAROOT) are always trusted."`
}

type waitFlag struct {
	Wait time.Duration `default:"10m" help:"How long to wait for the session to be opened (${default})."`
}

type timeoutFlag struct {
	Timeout time.Duration `default:"1h" help:"How long to wait for the other members once the session is open (${default})."`
}

// client prepares the relay's client for a member, which tries for as long as first to reach a relay that does
// not answer.
func (e *Env) client(server, ca string, key *commkey.PrivateKey, first time.Duration) (*relay.Client, error) {
	if ca == "" {
		return e.clientAt(server, nil, key, first)
	}
	place := files.At(ca)
	return e.clientAt(server, &place, key, first)
}

// clientAt is client with the place of the authority that is to be trusted, or nil.
func (e *Env) clientAt(server string, ca *files.Place, key *commkey.PrivateKey, first time.Duration) (*relay.Client, error) {
	roots, err := trusted(ca)
	if err != nil {
		return nil, err
	}
	client, err := relay.NewClient(relay.ClientConfig{
		URL: server, Key: key, RootCAs: roots, UserAgent: "frostkit/" + Version, FirstAnswer: first,
	})
	return client, asInput(err, "connecting to the relay")
}

// trusted returns the certificates that are trusted beside the system's: the
// local CA's, and those of the file.
func trusted(ca *files.Place) ([]*x509.Certificate, error) {
	dir, err := localca.Root()
	if err != nil {
		return nil, failf(ExitStorage, "finding the local CA's folder: %w", err)
	}
	roots, err := localca.Certificates(dir)
	if err != nil {
		return nil, failf(ExitInput, "reading the local CA: %w", err)
	}
	if ca == nil {
		return roots, nil
	}
	data, _, err := ca.Read(maxAuthorityFile)
	if err != nil {
		return nil, failf(ExitInput, "reading the certificate authority: %w", err)
	}
	more, err := parseCertificates(data)
	if err != nil || len(more) == 0 {
		return nil, failf(ExitInput, "reading the certificate authority in %q: no usable PEM block CERTIFICATE", ca)
	}
	return append(roots, more...), nil
}

// maxAuthorityFile is how much is read of a file of authorities, in bytes.
const maxAuthorityFile = 4 << 20

func parseCertificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all, nil
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
}

// session prepares a member's way to its sessions.
func (e *Env) session(k *keyring.Keyring, client *relay.Client, notify func(steps.Notice)) steps.Session {
	self := steps.Peer{Name: ownName(k), Key: k.Key().Public()}
	return steps.Session{Client: client, Self: self, Lookup: lookup(k, self), Stranger: strangers(k, self), Notify: notify}
}

// strangers are those who are neither the member itself, nor a contact, nor in a group of its.
func strangers(k *keyring.Keyring, self steps.Peer) func(commkey.PublicKey) bool {
	known := map[commkey.PublicKey]bool{self.Key: true}
	for _, contact := range k.Contacts() {
		known[contact.Key] = true
	}
	for _, group := range k.Groups() {
		for _, participant := range group.Participants {
			known[participant.Key] = true
		}
	}
	return func(key commkey.PublicKey) bool { return !known[key] }
}

// ownName is what a member is called in talk with itself.
func ownName(k *keyring.Keyring) string { return cmp.Or(k.Name(), "you") }

// lookup knows the member itself and its contacts.
func lookup(k *keyring.Keyring, self steps.Peer) func(commkey.PublicKey) (string, bool) {
	return func(key commkey.PublicKey) (string, bool) {
		if key == self.Key {
			return self.Name, true
		}
		contact, ok := k.ContactByKey(key)
		return contact.Name, ok
	}
}

// findKeys resolves names, prefixes and public keys into the keys of contacts
// or of the member itself.
func findKeys(k *keyring.Keyring, queries []string) ([]commkey.PublicKey, error) {
	keys := make([]commkey.PublicKey, len(queries))
	for i, query := range queries {
		contact, err := k.FindContact(query)
		if err != nil {
			return nil, err
		}
		keys[i] = contact.Key
	}
	return keys, nil
}

// serverOf is the relay to use: the flag's, else the group's.
func serverOf(flag string, group *keyring.Group) (string, error) {
	switch {
	case flag != "":
		return flag, nil
	case group != nil && group.ServerURL != "":
		return group.ServerURL, nil
	}
	return "", failf(ExitUsage, "no relay given: server-url required").hint("name one with -s HOST:PORT")
}
