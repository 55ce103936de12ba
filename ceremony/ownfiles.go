package ceremony

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ownFile is a file that frostkit writes or keeps by itself, beside those that a ceremony file names
// (docs/formats.md, section 7).
type ownFile struct {
	pattern  string // of its path, as path.Match reads it
	what     string
	readable bool // it stays as it is and is not secret, so that it can be a message
}

// ownFiles are those whose paths do not depend on what a ceremony file names.
var ownFiles = []ownFile{
	{"report/report.html", "the report of a run", false},
	{"report/report.json", "the report of a run", false},
	{"report/report-*.html", "the report of a run", false},
	{"report/report-*.json", "the report of a run", false},
	{"report/certificate.json", "the certificate of a group", true},
	{"report/certificate-*.json", "the certificate of a group", true},
	{"report/certificates/*.json", "the certificate of a group", true},
	{"report/recovery-*.bin", "what a share is recovered from", false},
	{"recovery/*.bin", "what a share is recovered from", false},
	{"rehearsal/report.html", "the report of a rehearsal", false},
	{"rehearsal/report.json", "the report of a rehearsal", false},
	{"rehearsal/certificate*.json", "the certificate of a rehearsal", false},
}

// ownNames are those that frostkit may make in any folder.
var ownNames = []ownFile{
	{".gitignore", "what keeps secrets out of git", false},
	{".frostkit-check-*.tmp", "a file by which frostkit tries whether a folder can be written", false},
}

// besideCredentials and besideOutputs say how the names of files begin and end that are kept beside others.
var (
	besideCredentials = []ownFile{
		{"*.pending", "where shares are kept until a group is confirmed", false},
		{"*.unsaved-*", "where a group is kept until it can be saved", false},
		{".*.lock", "a lock on credentials", false},
		{".*.*.run", "a lock on a member's part", false},
		{".*.*.tmp", "credentials that are being written", false},
	}
	besideOutputs = []ownFile{
		{".*.untold", "the mark of a signature", false},
		{".*.*.tmp", "a signature that is being written", false},
	}
)

// ownFinder finds frostkit's own files among paths.
type ownFinder struct {
	fixed  []ownFile
	beside map[string][]keptBeside // by the folder
}

// keptBeside is a file with others of frostkit's own beside it.
type keptBeside struct {
	base  string
	kinds []ownFile
}

// OwnFile says which of frostkit's own files is at a path relative to the folder of credentials and
// outputs, or above or below it; "" where there is none. Letters count as the same in either case. What is
// only read may be what stays and is not secret.
func (f *File) OwnFile(name string, written bool) string { return f.ownFinder().find(name, written) }

func (f *File) ownFinder() *ownFinder {
	relay := ownFile{fold(literal("."+filepath.Base(f.Path)+".relay")) + "/*", "the folder of the built-in relay", false}
	o := &ownFinder{fixed: append(slices.Clone(ownFiles), relay), beside: map[string][]keptBeside{}}
	for _, m := range f.Members {
		o.keepBeside(m.Config, besideCredentials)
	}
	for _, s := range f.Sign {
		o.keepBeside(s.Output, besideOutputs)
	}
	return o
}

func (o *ownFinder) keepBeside(name string, kinds []ownFile) {
	folder, base := path.Split(slashed(name))
	folder = strings.TrimSuffix(folder, "/")
	o.beside[folder] = append(o.beside[folder], keptBeside{base, kinds})
}

// maxPath is the longest path that is looked at, in bytes: systems take no longer ones.
const maxPath = 4096

func (o *ownFinder) find(name string, written bool) string {
	if len(name) > maxPath {
		return ""
	}
	parts := strings.Split(slashed(name), "/")
	for _, own := range o.fixed {
		if (written || !own.readable) && alongWay(strings.Split(own.pattern, "/"), parts, written) {
			return own.what
		}
	}
	for i := range parts {
		if what := o.nameIn(strings.Join(parts[:i], "/"), parts[i]); what != "" {
			return what
		}
	}
	return ""
}

// nameIn says which of frostkit's own files a name in a folder is.
func (o *ownFinder) nameIn(folder, name string) string {
	for _, own := range ownNames {
		if matches(own.pattern, name) {
			return own.what
		}
	}
	for _, kept := range o.beside[folder] {
		if !strings.Contains(name, kept.base) {
			continue
		}
		for _, own := range kept.kinds {
			if matches(strings.Replace(own.pattern, "*", literal(kept.base), 1), name) {
				return own.what
			}
		}
	}
	return ""
}

// slashed is a path in the form in which paths are compared.
func slashed(name string) string { return fold(path.Clean(filepath.ToSlash(name))) }

// alongWay reports whether a path is one of the pattern, is below it or, if it is written, is a folder above it.
func alongWay(pattern, parts []string, written bool) bool {
	if len(parts) < len(pattern) && !written {
		return false
	}
	for i := range min(len(pattern), len(parts)) {
		if !matches(pattern[i], parts[i]) {
			return false
		}
	}
	return true
}

func matches(pattern, name string) bool {
	ok, err := path.Match(pattern, name)
	return ok && err == nil
}

// literal is the pattern of a name.
func literal(name string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(name)
}
