package localca

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Pair names the two files of a certificate that [CA.Make] or [CA.MakeAt] wrote.
type Pair struct {
	CertFile, KeyFile string // of Make: names without the folder; of MakeAt: paths
	Names             []string
	Certificate       *x509.Certificate
}

// Make writes a certificate for the names and its private key into dir, as
// mkcert would: "localhost+3.pem" and "localhost+3-key.pem" for "localhost" and
// three more. A name is a host name, with "*." before it for all hosts of a
// domain, an IP address, an e-mail address or a URL.
func (ca *CA) Make(dir string, names ...string) (*Pair, error) {
	return ca.makePair(dir, Pair{Names: names})
}

// MakeAt is Make with paths of the caller's choice, as mkcert's -cert-file and
// -key-file give them: "" stands for the name that Make would use, in the current
// folder. One file for both gets the certificate first, and the key's mode.
func (ca *CA) MakeAt(certFile, keyFile string, names ...string) (*Pair, error) {
	return ca.makePair("", Pair{CertFile: certFile, KeyFile: keyFile, Names: names})
}

// makePair completes a pair, and writes it into dir.
func (ca *CA) makePair(dir string, pair Pair) (*Pair, error) {
	leaf, key, err := ca.issue(pair.Names)
	if err != nil {
		return nil, err
	}
	base := fileName(pair.Names)
	pair.CertFile, pair.KeyFile = cmp.Or(pair.CertFile, base+".pem"), cmp.Or(pair.KeyFile, base+"-key.pem")
	pair.Certificate = leaf
	certPath, keyPath := filepath.Join(dir, pair.CertFile), filepath.Join(dir, pair.KeyFile)
	if certPath == keyPath {
		err = writeKey(keyPath, key, keyMode, encodeCertificate(leaf.Raw)...)
	} else if err = writeKey(keyPath, key, keyMode); err == nil {
		err = writeCertificate(certPath, leaf.Raw)
	}
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// fileName is what mkcert calls the files of a certificate for the names.
func fileName(names []string) string {
	name := strings.ReplaceAll(names[0], ":", "_")
	name = strings.ReplaceAll(name, "*", "_wildcard")
	name = strings.ReplaceAll(name, "/", "_")
	if len(names) > 1 {
		name += "+" + strconv.Itoa(len(names)-1)
	}
	return name
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// issue makes a certificate that is valid for two years and three months, less
// than the 825 days that Apple's systems accept, and no longer than the authority.
func (ca *CA) issue(names []string) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	if ca.key == nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", ErrNoKey)
	}
	now := time.Now()
	if err := ca.Valid(now); err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	template := &x509.Certificate{
		Subject: pkix.Name{
			Organization: []string{"frostkit local certificate"}, OrganizationalUnit: []string{owner()},
		},
		NotBefore: now.Add(-skew), NotAfter: earlier(now.AddDate(2, 3, 0), ca.certificate.NotAfter),
		KeyUsage: x509.KeyUsageDigitalSignature, // ECDSA encrypts no keys
	}
	if err := addNames(template, names); err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("making the key of a certificate: %w", err)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, ca.certificate, key.Public(), ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("making a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	return leaf, key, err
}

var hostName = regexp.MustCompile(`(?i)^(\*\.)?[0-9a-z_-]([0-9a-z._-]*[0-9a-z_-])?$`)

// addNames sorts the names by their kinds into the certificate.
func addNames(template *x509.Certificate, names []string) error {
	if len(names) == 0 {
		return errors.New("no names to make a certificate for")
	}
	for _, name := range names {
		if err := addName(template, name); err != nil {
			return err
		}
	}
	// With the usages that mkcert gives for the kinds of names.
	if len(template.DNSNames)+len(template.IPAddresses)+len(template.URIs) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if len(template.EmailAddresses) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageEmailProtection)
	}
	return nil
}

func addName(template *x509.Certificate, name string) error {
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
		return nil
	}
	if email, err := mail.ParseAddress(name); err == nil && email.Address == name {
		template.EmailAddresses = append(template.EmailAddresses, name)
		return nil
	}
	if uri, err := url.Parse(name); err == nil && uri.Scheme != "" && uri.Host != "" {
		template.URIs = append(template.URIs, uri)
		return nil
	}
	if !hostName.MatchString(name) {
		return fmt.Errorf("%q is no host name, IP address, e-mail address or URL; write international names in Punycode", name)
	}
	template.DNSNames = append(template.DNSNames, name)
	return nil
}
