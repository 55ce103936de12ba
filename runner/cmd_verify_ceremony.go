package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/runner/report"
)

type verifyCeremonyCommand struct {
	Certificate string `arg:"" placeholder:"CERTIFICATE" help:"The certificate: report/certificate.json of a run."`
	File        string `placeholder:"FILE" help:"Also compare it with this ceremony file."`
	Rehearsal   bool   `help:"Accept the certificate of a rehearsal."`
	localFlag
	jsonFlag
}

// verdict is what verify-ceremony --json prints.
type verdict struct {
	Verified bool   `json:"verified"`
	Reason   string `json:"reason,omitempty"` // why not
	File     string `json:"file,omitempty"`   // the ceremony file that it was compared with
	*report.Statement
}

// Run verifies a certificate with nothing but what is in it.
func (c *verifyCeremonyCommand) Run(e *Env) error {
	data, err := os.ReadFile(c.Certificate)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	statement, err := c.verify(e, data)
	if c.JSON {
		out := verdict{Verified: err == nil, File: c.File, Statement: statement}
		if err != nil {
			out.Reason = err.Error()
			err = fmt.Errorf("%w: %w", errReported, err)
		}
		if writeErr := e.writeJSON(out); writeErr != nil {
			return writeErr
		}
	} else if err == nil {
		c.print(e, statement)
	}
	var malformed *notCertificateError
	switch {
	case errors.As(err, &malformed):
		return (&Failure{Code: ExitInput, Err: err}).hint("%s", c.certificateHint())
	case err != nil:
		return &Failure{Code: ExitFailed, Err: err}
	}
	return nil
}

// notCertificateError says that a file is none, which is no answer to whether one verifies.
type notCertificateError struct {
	path string
	err  error
}

func (e *notCertificateError) Error() string {
	return fmt.Sprintf("%q is no certificate: %v", e.path, e.err)
}

func (e *notCertificateError) Unwrap() error { return e.err }

// certificateHint names the certificates beside what was taken for one.
func (c *verifyCeremonyCommand) certificateHint() string {
	found, _ := filepath.Glob(filepath.Join(filepath.Dir(c.Certificate), "certificate*.json"))
	found = slices.DeleteFunc(found, func(path string) bool { return path == filepath.Clean(c.Certificate) })
	if len(found) == 0 {
		return "a run leaves certificates as report/certificate*.json"
	}
	return "the certificates there are " + quotedList(found)
}

func (c *verifyCeremonyCommand) verify(e *Env, data []byte) (*report.Statement, error) {
	certificate, err := report.ParseCertificate(data)
	if err != nil {
		return nil, &notCertificateError{c.Certificate, err}
	}
	statement, err := certificate.Verify()
	if err != nil {
		return nil, err
	}
	if statement.Rehearsal && !c.Rehearsal {
		return nil, fmt.Errorf("verifying the certificate: it is that of a REHEARSAL, and no group was made (--rehearsal accepts it as such)")
	}
	if c.File == "" {
		return statement, nil
	}
	file, _, err := e.loadCeremony(c.File, c.localFlag)
	if err != nil {
		return nil, err
	}
	return statement, compareWithFile(statement, file)
}

// compareWithFile holds a certificate against a ceremony file: the digest says
// that names, order and threshold are the file's, and the contacts in the file
// say whose keys these are.
func compareWithFile(s *report.Statement, file *ceremony.File) error {
	const doing = "comparing the certificate with the ceremony file: "
	if digest := digestText(file); digest != s.Digest {
		return fmt.Errorf(doing+"the members signed for a file with the digest %s, and that of %q is %s", s.Digest, file.Path, digest)
	}
	at := slices.IndexFunc(file.Groups, func(g ceremony.Group) bool { return g.StepName() == s.Step })
	if at < 0 {
		return fmt.Errorf(doing+"the file has no group %q", s.Step)
	}
	g := file.Groups[at]
	names := make([]string, len(s.Members))
	for i, m := range s.Members {
		names[i] = m.Name
	}
	switch {
	case file.Name != s.Ceremony:
		return fmt.Errorf(doing+"the file's ceremony is %q, the certificate's %q", file.Name, s.Ceremony)
	case g.Threshold != s.Threshold:
		return fmt.Errorf(doing+"the file's threshold is %d, the group's %d", g.Threshold, s.Threshold)
	case !slices.Equal(g.Members, names):
		return fmt.Errorf(doing+"the file's members are %s, the certificate's %s", quotedList(g.Members), quotedList(names))
	}
	for _, m := range s.Members {
		member, _ := file.Member(m.Name)
		if contact, err := keyring.ParseContact(member.Contact); err == nil && contact.Key != m.PublicKey {
			return fmt.Errorf(doing+"%q has the key %s in the file, and %s in the certificate", m.Name, contact.Key, m.PublicKey)
		}
	}
	return nil
}

func (c *verifyCeremonyCommand) print(e *Env, s *report.Statement) {
	out := e.Stdout
	if s.Rehearsal {
		fmt.Fprintln(out, "REHEARSAL: this certificate is of no real group")
	}
	fmt.Fprintf(out, "PASSED: %d of %d members signed the same transcript of the key generation\n", len(s.Members), len(s.Members))
	group := s.Step
	if group == ceremony.OnlyGroup {
		group = ""
	}
	fmt.Fprintf(out, "ceremony     %s%s\n", keyring.EscapeName(s.Ceremony), prefixed(", group ", keyring.EscapeName(group)))
	fmt.Fprintf(out, "file digest  %s%s\n", s.Digest, prefixed(", that of ", c.File))
	fmt.Fprintf(out, "group key    %s (%d of %d)\n", s.VerifyingKey, s.Threshold, len(s.Members))
	fmt.Fprintf(out, "fingerprint  %s\n", s.Fingerprint)
	fmt.Fprintf(out, "transcript   %s\n", s.Transcript)
	if s.Recovery == report.RecoveryBundle {
		fmt.Fprintf(out, "recovery     bundle: communication keys open the recorded messages of the key generation\n")
	}
	for _, m := range s.Members {
		fmt.Fprintf(out, "member       %s: %s, key %s\n", keyring.EscapeName(m.Name), report.Fingerprint(m.PublicKey.Bytes()), m.PublicKey)
	}
	e.say("What it shows: who has these keys made this group together. Compare the fingerprints of the keys with the members.")
}
