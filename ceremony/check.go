package ceremony

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"frostkit/internal/relayurl"
)

// maxContact is the most characters that a contact string can have (bech32m).
const maxContact = 1023

var (
	ceremonyName  = stepName
	contactString = regexp.MustCompile(`^(zffrost1[02-9ac-hj-np-z]{6,}|ZFFROST1[02-9AC-HJ-NP-Z]{6,})$`)
	hexKey        = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
)

// suites are the ciphersuites that a ceremony file can name, the default first,
// with their identifiers in RFC 9591, Section 6.
var suites = []struct{ name, id string }{
	{"ed25519", "FROST-ED25519-SHA512-v1"},
}

func suiteID(name string) string {
	for _, s := range suites {
		if s.name == name {
			return s.id
		}
	}
	return ""
}

func suiteNames() []string {
	names := make([]string, len(suites))
	for i, s := range suites {
		names[i] = s.name
	}
	return names
}

// nameFault says what keeps a printable text from being a member's name, and
// what to do about it. Names are typed in lists and as flag values, stand in for
// keys, and become file names.
func nameFault(name string) (fault, hint string) {
	switch {
	case name == "":
		return "has no name", "give the member a name"
	case len(name) > MaxNameLength:
		return fmt.Sprintf("has a name of %d bytes", len(name)), fmt.Sprintf("use at most %d", MaxNameLength)
	case strings.TrimSpace(name) != name:
		return "begins or ends with a space", "remove it"
	case strings.ContainsAny(name, `/\`):
		return "has a path separator in its name, which also names a file", "leave out / and \\"
	case strings.Contains(name, ","):
		return "has a comma in its name, which separates names in lists", "leave it out"
	case strings.HasPrefix(name, ".") || strings.HasPrefix(name, "-"):
		return "begins with a dot or a dash, which hides a file or looks like a flag", "begin it with another character"
	case hexKey.MatchString(name):
		return "looks like a public key", "give the member a name"
	}
	return "", ""
}

// sameNames reports members whose names differ in case alone: their files would
// be one on systems that do not tell cases apart, and people do not either.
func (r *reader) sameNames() {
	first := map[string]string{}
	for _, m := range r.file.Members {
		if earlier, ok := first[fold(m.Name)]; ok {
			r.report(m.Pos, "name one of them otherwise", "member %s differs from member %s in case alone", quote(m.Name), quote(earlier))
			continue
		}
		first[fold(m.Name)] = m.Name
	}
}

func (r *reader) sameContacts() {
	first := map[string]string{}
	for _, m := range r.file.Members {
		contact := strings.ToLower(m.Contact)
		if earlier, ok := first[contact]; ok && contact != "" {
			r.report(m.ContactPos, "ask each member for an own contact string", "member %s has the contact of member %s", quote(m.Name), quote(earlier))
			continue
		}
		first[contact] = m.Name
	}
}

// fold maps texts that differ in case alone to one text.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// agreedPath reads the path of a file whose name all members agree on. "" is
// returned for what was reported.
func (r *reader) agreedPath(node *yaml.Node, what string) string {
	path, ok := r.value(node, what)
	return r.checkedPath(node, what, path, ok)
}

// path reads the path of a file that is a member's own affair. One's own paths
// are relative to the folder of one's own values.
func (r *reader) path(node *yaml.Node, what string) string {
	path, ok := r.ownValue(node, what)
	path = r.checkedPath(node, what, path, ok)
	if position(node).Own && path != "" {
		return Resolve(r.own.folder, path)
	}
	return path
}

func (r *reader) checkedPath(node *yaml.Node, what, path string, ok bool) string {
	if !ok {
		return ""
	}
	fault, hint := pathFault(path)
	if fault == "" {
		return path
	}
	r.report(position(node), hint, "%s %s %s", what, quote(path), fault)
	return ""
}

func pathFault(path string) (fault, hint string) {
	base := filepath.Base(filepath.FromSlash(path))
	switch {
	case path == "":
		return "is empty", "give the path of a file"
	case path == "-":
		return "is no file", "give the path of a file; standard input and output cannot be agreed on"
	case path == "~" || strings.HasPrefix(path, "~/"):
		return "begins with ~, which only a shell expands", "write the path out"
	case strings.HasSuffix(path, "/") || base == "." || base == "..":
		return "is a folder", "add the name of the file"
	}
	return "", ""
}

// serverFault says what keeps a text from being the address of a relay.
func serverFault(server string) (fault, hint string) {
	_, err := relayurl.Parse(server)
	var wrong *relayurl.Fault
	if errors.As(err, &wrong) {
		return wrong.What, wrong.Hint
	}
	return "", ""
}

// use is one mention of a file.
type use struct {
	path, what string
	pos        Position
	written    bool
	byName     bool // the path follows from a member's name
}

// files reports files that would be overwritten, or sent to others although
// they hold secrets, because two places of the ceremony name the same one.
func (r *reader) files() {
	uses, earlier, own := r.uses(), map[string][]use{}, r.file.ownFinder()
	folders := foldersOf(uses)
	for _, u := range uses {
		if u.path == "" {
			continue
		}
		key := slashed(u.path)
		for _, e := range earlier[key] {
			if (u.written || e.written) && !(u.byName && e.byName) {
				r.report(u.pos, "choose another path", "%s, %s, is also %s", u.what, quote(u.path), e.what)
				break
			}
		}
		// One that is written and one that is not tell all there is to tell.
		if !slices.ContainsFunc(earlier[key], func(e use) bool { return e.written == u.written }) {
			earlier[key] = append(earlier[key], u)
		}
		if what, above := folders[key]; above {
			r.report(u.pos, "choose another path", "%s, %s, is also the folder of %s", u.what, quote(u.path), what)
		}
		if what := own.find(u.path, u.written); what != "" && u.pos != (Position{}) {
			r.report(u.pos, "choose another path", "%s, %s, is also %s", u.what, quote(u.path), what)
		}
	}
}

// foldersOf returns the folders of the files that are written, and what is written there.
func foldersOf(uses []use) map[string]string {
	folders := map[string]string{}
	for _, u := range uses {
		if u.path == "" || !u.written || len(u.path) > maxPath {
			continue
		}
		for key := path.Dir(slashed(u.path)); key != "." && key != "/" && folders[key] == ""; key = path.Dir(key) {
			folders[key] = u.what
		}
	}
	return folders
}

func (r *reader) uses() []use {
	f := r.file
	uses := []use{{path: filepath.Base(f.Path), what: "the ceremony file"}}
	for _, m := range f.Members {
		uses = append(uses, use{
			path: m.Config, what: "the credentials of member " + quote(m.Name),
			pos: m.ConfigPos, written: true, byName: m.ConfigPos == m.Pos,
		})
	}
	uses = append(uses, use{path: f.Server.CA, what: "the ca of server", pos: f.Server.CAPos})
	for i, s := range f.Sign {
		uses = append(uses, use{path: s.Message, what: fmt.Sprintf("the message of signing %d", i+1), pos: s.MessagePos})
	}
	for i, s := range f.Sign {
		uses = append(uses, use{path: s.Output, what: fmt.Sprintf("the output of signing %d", i+1), pos: s.OutputPos, written: true})
	}
	return uses
}
