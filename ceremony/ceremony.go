// Package ceremony reads the ceremony file: the one YAML document in which a
// group says who its members are, how many of them must sign, over which relay
// they meet and what they sign. docs/ceremony-file.md describes it for its
// writers.
//
// [Load] and [Parse] report every problem of a file at once, each with line and
// column; a [File] that exists is consistent. [File.Plan] turns it, together
// with what was found done already, into the steps that are left. Values keep
// their [Position], so that what only a later step can find out (a contact
// string that does not decode, a message that is not there) is reported in the
// same form, by [File.Problem].
//
// The package is pure: no network, no clock, no other package of frostkit. It
// touches the disk in Load alone, which reads the one file it is given.
package ceremony

import (
	"path/filepath"
	"strings"
)

// Version is the version of the ceremony file that this package reads.
const Version = 1

// Limits of a ceremony file. MaxSize leaves room for 255 members with contact
// strings of the longest kind (1,023 characters) and as much again for comments.
const (
	MaxSize       = 1 << 20 // bytes
	MinThreshold  = 2       // members; of 1 every share would be the key itself
	MaxMembers    = 255     // members of a session (the relay's limit)
	MaxNameLength = 200     // bytes of a member's name: it names files
	MaxProblems   = 100     // problems that are reported one by one
)

// File is a ceremony file that was read and found consistent. It is not
// changed after it was read, and its slices must not be.
type File struct {
	Path        string    // as given to Load or Parse
	Version     int       // 1
	Name        string    // of the ceremony
	Ciphersuite string    // short name: "ed25519"
	Threshold   int       // members needed to sign, 2 to len(Members)
	Server      Server    // where the members meet
	Members     []Member  // 2 to 255, in the file's order
	Group       Group     // of the group that the DKG makes
	Sign        []Signing // in order; may be empty
	// Positions of the values above.
	NamePos, CiphersuitePos, ThresholdPos Position
}

// Server is the relay of a ceremony. The zero URL stands for the built-in
// relay, which frostkit starts itself on the loopback interface.
type Server struct {
	URL string // as in the file: host:port, https://host:port or, on loopback, http://host:port
	CA  string // path of the PEM file of the authority to trust beside the system's, or ""

	Pos, URLPos, CAPos Position
}

// BuiltIn reports whether the ceremony uses the relay that frostkit starts
// itself.
func (s Server) BuiltIn() bool { return s.URL == "" }

// BaseURL returns the relay's URL with its scheme and without a path, such as
// "https://relay.example:2744", and "" for the built-in relay. Without a
// scheme it is https, as for frost-client's --server-url.
func (s Server) BaseURL() string {
	if s.URL == "" || strings.Contains(s.URL, "://") {
		return s.URL
	}
	return "https://" + s.URL
}

// BuiltInAddress is where the built-in relay listens when it is started by
// itself ("frostkit relay --dev").
const BuiltInAddress = "localhost:2744"

// Address returns the relay as flags and credentials have it: host:port without
// a scheme stands for https, as in frost-client.
func (s Server) Address() string {
	if s.BuiltIn() {
		return BuiltInAddress
	}
	return strings.TrimPrefix(s.URL, "https://")
}

// Member is a person or program that holds a share of the group's key.
type Member struct {
	Name    string // printable, unique without regard to case
	Config  string // path of the credentials file; NAME.toml unless the file says otherwise
	Contact string // contact string (zffrost1…) of a member who is run elsewhere, not decoded; or ""

	Pos, ConfigPos, ContactPos Position // Pos and, by default, ConfigPos are those of the name
}

// Remote reports whether the file says that somebody else runs this member,
// elsewhere.
func (m Member) Remote() bool { return m.Contact != "" }

// Group describes the group that the DKG makes.
type Group struct {
	Description string // one line; the ceremony's name unless the file says otherwise

	Pos, DescriptionPos Position
}

// Signing is one message that members of the group sign.
type Signing struct {
	Message string   // path of the message
	Signers []string // names of members, distinct, at least the threshold; the first is the coordinator
	Output  string   // path to which the coordinator writes the signature

	Pos, MessagePos, OutputPos Position
	SignerPos                  []Position // one for each of Signers
}

// Coordinator returns the name of the signer who opens the signing session and
// writes the signature: the first one listed.
func (s Signing) Coordinator() string { return s.Signers[0] }

// Creator returns the member who opens the DKG session: the first one in the
// file, wherever that member runs. The rule depends on the file alone, so that
// members who run apart from one another agree on it.
func (f *File) Creator() Member { return f.Members[0] }

// Member returns the member with exactly this name.
func (f *File) Member(name string) (Member, bool) {
	for _, m := range f.Members {
		if m.Name == name {
			return m, true
		}
	}
	return Member{}, false
}

// LocalMembers returns the members whom a run without --as runs here: those
// without a contact in the file, in its order.
func (f *File) LocalMembers() []Member { return f.membersWhere(false) }

// RemoteMembers returns the members whom somebody else runs: those with a
// contact in the file, in its order.
func (f *File) RemoteMembers() []Member { return f.membersWhere(true) }

func (f *File) membersWhere(remote bool) []Member {
	var members []Member
	for _, m := range f.Members {
		if m.Remote() == remote {
			members = append(members, m)
		}
	}
	return members
}

// Names returns the names of all members in the file's order.
func (f *File) Names() []string { return namesOf(f.Members) }

func namesOf(members []Member) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.Name
	}
	return names
}

// Dir returns the folder of the ceremony file, to which the paths in it are
// relative.
func (f *File) Dir() string { return filepath.Dir(f.Path) }

// Resolve returns path as it is when it is absolute, and below dir otherwise.
func Resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
