package runner

import (
	"fmt"
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
	data, statement := readCertificate(place)
	if statement == nil {
		return false, nil
	}
	if statement.VerifyingKey == key {
		return true, nil
	}
	return true, keepFile(folder.Sub(keptCertificate(statement.VerifyingKey)), data, 0o755, 0o644)
}

// readCertificate reads and verifies a certificate, nil where there is none.
func readCertificate(place files.Place) ([]byte, *report.Statement) {
	data, _, err := place.Read(maxCertificateFile)
	if err != nil {
		return nil, nil
	}
	certificate, err := report.ParseCertificate(data)
	if err != nil {
		return nil, nil
	}
	statement, err := certificate.Verify()
	if err != nil {
		return nil, nil
	}
	return data, statement
}

// proof is a certificate that is here of a group of this file.
type proof struct {
	place files.Place
	key   string
}

// proofOf finds the certificate of a group as the file describes it, in which a member has this key.
func (r *run) proofOf(group ceremony.Group, m ceremony.Member, key commkey.PublicKey) (proof, bool) {
	for _, place := range r.certificates(group) {
		_, s := readCertificate(place)
		if s != nil && !s.Rehearsal && s.Digest == digestText(r.file) && s.Step == group.StepName() && certifiesMember(s, m.Name, key) {
			return proof{place, s.VerifyingKey}, true
		}
	}
	return proof{}, false
}

func certifiesMember(s *report.Statement, name string, key commkey.PublicKey) bool {
	return slices.ContainsFunc(s.Members, func(m report.CertificateMember) bool { return m.Name == name && m.PublicKey == key })
}

// certificates are where a group's may be: the latest group's, and all that are kept.
func (s *scene) certificates(group ceremony.Group) []files.Place {
	folder := s.gate.Beside(reportFolder)
	places := []files.Place{folder.Sub(certificateName(s.file, group))}
	for _, name := range certificatesIn(folder.Sub(keptCertificates)) {
		places = append(places, folder.Sub(keptCertificates).Sub(name))
	}
	return places
}

// certificatesIn lists the certificates in a folder, in order; none where there is no folder.
func certificatesIn(folder files.Place) []string {
	f, err := folder.In.OpenFile(folder.Name, os.O_RDONLY, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	all, _ := f.Readdirnames(-1)
	all = slices.DeleteFunc(all, func(name string) bool { return !strings.HasSuffix(name, ".json") })
	slices.Sort(all)
	return all
}

// shownCertificate is the name by which a report calls the certificate of a group: that in its
// place if it is this group's, and the kept one otherwise.
func shownCertificate(folder files.Place, name, key string) string {
	if _, s := readCertificate(folder.Sub(name)); s != nil && s.VerifyingKey == key {
		return name
	}
	return keptCertificate(key)
}
