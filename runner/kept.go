package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"frostkit/ceremony"
	"frostkit/commkey"
	"frostkit/internal/durable"
	"frostkit/internal/files"
	"frostkit/runner/report"
)

// What proves a group cannot be made again. It is kept under the group's key and
// epoch, so that no other group's replaces it, whatever else is made in the
// folder: certificates in the report's folder, which is meant to be passed on, and
// bundles, which are for their members' eyes alone, in one of their own.
const (
	keptCertificates = "certificates"
	keptBundles      = "recovery"
	firstEpoch       = 0
)

// maxCertificateFile is how much is read of a certificate, in bytes: more than that of the largest group.
const maxCertificateFile = 64 << 20

// keptCertificate is where the certificate of a group is kept, below the report's folder. The key is in hexadecimal.
func keptCertificate(key string) string {
	return fmt.Sprintf("%s/%s-%d.json", keptCertificates, key, firstEpoch)
}

// keptBundle is where a member keeps what recovers its share, beside its key.
func (r *run) keptBundle(key string, m ceremony.Member) files.Place {
	return r.gate.Beside(keptBundles).Sub(fmt.Sprintf("%s-%d-%s.bin", key, firstEpoch, m.Name))
}

// earlierBundle is where the bundle of a group without a kept certificate is: in the report's folder.
func (r *run) earlierBundle(group ceremony.Group, m ceremony.Member) files.Place {
	return r.gate.Beside(reportFolder).Sub(groupFileName(r.file, "recovery", group) + "-" + m.Name + ".bin")
}

// keepFile writes a file that cannot be made again, where there is none.
func keepFile(place files.Place, data []byte, folderMode, mode os.FileMode) error {
	if _, err := place.Lstat(); err == nil {
		return nil
	}
	if err := place.Dir().MakeFolder(folderMode); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("making the folder of %q: %w", place, err)}
	}
	if err := durable.Write(place, data, mode); err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing %q: %w", place, err)}
	}
	return nil
}

// makeRoom sees to it that what is in the place of a certificate may be replaced: that of
// another group is kept under that group's key. What cannot be read stays.
func makeRoom(folder files.Place, name, key string) (free bool, err error) {
	place := folder.Sub(name)
	if _, err := place.Lstat(); err != nil {
		return true, nil
	}
	data, statement, _ := readCertificate(place, nil)
	if statement == nil {
		return false, nil
	}
	if statement.VerifyingKey == key {
		return true, nil
	}
	return true, keepFile(folder.Sub(keptCertificate(statement.VerifyingKey)), data, 0o755, 0o644)
}

// readCertificate reads and verifies a certificate, nil where there is none. What wanted does not take, if it
// is given, is not verified. The error is one of reading the file.
func readCertificate(place files.Place, wanted func(*report.Certificate) bool) ([]byte, *report.Statement, error) {
	data, _, err := place.Read(maxCertificateFile)
	if err != nil {
		return nil, nil, err
	}
	certificate, err := report.ParseCertificate(data)
	if err != nil || wanted != nil && !wanted(certificate) {
		return nil, nil, nil // of something else, and not this run's to judge
	}
	statement, err := certificate.Verify()
	if err != nil {
		return nil, nil, nil
	}
	return data, statement, nil
}

// findCertificate finds the certificate of a group that a run made and wanted takes: the latest group's first.
func (s *scene) findCertificate(group ceremony.Group, wanted func(*report.Certificate) bool) (files.Place, *report.Statement) {
	for _, place := range s.certificates(group) {
		_, statement, _ := readCertificate(place, func(c *report.Certificate) bool {
			return !c.Rehearsal && c.Step == group.StepName() && wanted(c)
		})
		if statement != nil {
			return place, statement
		}
	}
	return files.Place{}, nil
}

// proofOf finds the certificate of a group as the file describes it, in which a member has this key.
func (r *run) proofOf(group ceremony.Group, m ceremony.Member, key commkey.PublicKey) (files.Place, *report.Statement) {
	return r.findCertificate(group, func(c *report.Certificate) bool {
		return c.Digest == digestText(r.file) && certifiesMember(c, m.Name, key)
	})
}

func certifiesMember(c *report.Certificate, name string, key commkey.PublicKey) bool {
	return slices.ContainsFunc(c.Members, func(m report.CertificateMember) bool { return m.Name == name && m.PublicKey == key })
}

// certificates are where a group's may be: the latest group's, and all that are kept.
func (s *scene) certificates(group ceremony.Group) []files.Place {
	folder := s.gate.Beside(reportFolder)
	places := []files.Place{folder.Sub(certificateName(s.file, group))}
	kept := folder.Sub(keptCertificates)
	for _, name := range kept.Names() {
		if strings.HasSuffix(name, ".json") {
			places = append(places, kept.Sub(name))
		}
	}
	return places
}

// certificateOf reads the certificate of a group, nil where there is none, with the name by which a report calls
// it: that in its place if it is this group's, and the kept one otherwise.
func certificateOf(folder files.Place, name, key string) (string, *report.Statement, error) {
	if _, s, _ := readCertificate(folder.Sub(name), nil); s != nil && s.VerifyingKey == key {
		return name, s, nil
	}
	kept := keptCertificate(key)
	_, s, err := readCertificate(folder.Sub(kept), nil)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return kept, s, err
}
