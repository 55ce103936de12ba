package runner

import (
	"crypto/tls"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"frostkit/relay/operate"
)

// acmeFlags get certificates from an authority.
type acmeFlags struct {
	ACME       []string `name:"acme" placeholder:"DOMAIN" help:"Get certificates for these domains by ACME, from Let's Encrypt, whose terms you agree to with it."`
	ACMEEmail  string   `name:"acme-email" placeholder:"ADDRESS" help:"Where the authority writes to."`
	ACMEFolder string   `name:"acme-dir" placeholder:"FOLDER" help:"Where accounts and certificates are kept; by default in the user's data folder."`
	ACMEServer string   `name:"acme-server" placeholder:"URL" help:"The directory of another authority."`
	ACMERoots  string   `name:"acme-ca" placeholder:"FILE" help:"Root of that directory's certificate, in PEM."`
	ACMEHTTP   string   `name:"acme-http" placeholder:"ADDRESS" help:"Answer the challenge http-01 on this address, such as :80; without it the authority has to reach the relay at port 443."`
}

var errTLSWays = errors.New("choose one of --tls-cert with --tls-key, --acme, --dev, and --no-tls-very-insecure")

// setTLS has the relay take its certificate from the one place that the flags
// name.
func (c *relayCommand) setTLS(e *Env, o *operation) (err error) {
	files, acme := c.Cert != "" || c.Key != "", len(c.ACME) > 0
	ways := 0
	for _, way := range []bool{files, acme, c.Dev, c.Plain} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1:
		return failf(ExitUsage, "%w", errTLSWays)
	case c.Plain:
		return nil
	case c.Dev:
		err = c.setDev(e, o)
	case acme:
		err = c.setACME(e, o)
	case c.Cert == "" || c.Key == "":
		return failf(ExitUsage, "the relay needs a certificate: --tls-cert and --tls-key").
			hint("frostkit relay --dev makes its own from the local CA")
	default:
		err = c.setFiles(o)
	}
	if err == nil && c.TLSMin == "1.2" {
		o.config.TLS.MinVersion = tls.VersionTLS12
	}
	return err
}

// setDev makes a certificate for this machine.
func (c *relayCommand) setDev(e *Env, o *operation) (err error) {
	if o.config.TLS, err = e.devTLS(c.IP); err != nil {
		return err
	}
	o.metrics.Certificate(func() time.Time { return o.config.TLS.Certificates[0].Leaf.NotAfter })
	return nil
}

// setFiles takes the certificate from files, as they are at each handshake.
func (c *relayCommand) setFiles(o *operation) error {
	files, err := operate.CertificateFiles(o.log, c.Cert, c.Key)
	if err != nil {
		return failf(ExitInput, "%w", err)
	}
	o.reloads = append(o.reloads, files.Reload)
	o.config.TLS = operate.ServerTLS(files)
	o.config.CertifiedFor = func(host string) bool { return files.Get().Leaf.VerifyHostname(host) == nil }
	o.metrics.Certificate(func() time.Time { return files.Get().Leaf.NotAfter })
	return nil
}

// sameHost reports of names whether they are a host's.
func sameHost(host string) func(string) bool {
	return func(name string) bool { return strings.EqualFold(name, host) }
}

// setACME gets certificates from an authority when the first client asks.
func (c *relayCommand) setACME(e *Env, o *operation) (err error) {
	acme := operate.ACME{
		Domains: c.ACME, Email: c.ACMEEmail, Folder: c.ACMEFolder, Directory: c.ACMEServer, Roots: c.ACMERoots,
	}
	if acme.Folder == "" {
		if acme.Folder, err = e.dataFolder("acme"); err != nil {
			return failf(ExitUsage, "choosing a folder for certificates: %w", err).hint("name one with --acme-dir")
		}
	}
	if o.manager, err = acme.Manager(); err != nil {
		return failf(ExitInput, "%w", err)
	}
	o.config.TLS = o.metrics.TLS(o.manager, o.log)
	o.config.CertifiedFor = func(host string) bool { return slices.ContainsFunc(c.ACME, sameHost(host)) }
	if c.ACMEHTTP == "" {
		return nil
	}
	if o.acme, err = net.Listen("tcp", c.ACMEHTTP); err != nil {
		return cannotListen("listening for the challenge http-01", err, "--acme-http ADDRESS, and have port 80 redirected to it")
	}
	return nil
}
