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
// The package is pure: no network, no clock, no environment but the one it is
// given, no other package of frostkit but that which reads a relay's address. It touches the disk in Load alone, which
// reads the one file it is given.
package ceremony

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"frostkit/internal/relayurl"
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
	MaxSignings   = 1000    // signings of a ceremony
	maxAfter      = 64      // names in one after:
	MaxTimeout    = 7 * 24 * time.Hour
	MaxProblems   = 100 // problems that are reported one by one
)

// DefaultProtocol is what the members of a ceremony speak where the file does
// not say.
const DefaultProtocol = Frostkit

// Protocol says what the members speak over the relay.
type Protocol string

// The protocols that a ceremony file can name.
const (
	Frostkit    Protocol = "frostkit"     // COCKTAIL-DKG with confirmations, for members who all run frostkit
	FrostClient Protocol = "frost-client" // that of frost-client, for mixed groups
)

// File is a ceremony file that was read and found consistent. It is not
// changed after it was read, and its slices must not be.
type File struct {
	Path        string    // as given to Load or Parse
	Local       string    // path of one's own values, "" where there are none
	Version     int       // 1
	Name        string    // of the ceremony
	Ciphersuite string    // short name: "ed25519"
	Protocol    Protocol  // what the members speak
	Threshold   int       // members needed to sign, 2 to len(Members), in groups without a threshold of their own
	Recovery    Recovery  // of groups without one of their own
	Server      Server    // where the members meet
	Timeouts    Timeouts  // how long to wait, defaults filled in
	Members     []Member  // 2 to 255, in the file's order
	Groups      []Group   // at least one, in the file's order
	Sign        []Signing // in the file's order; may be empty
	Faults      []Fault   // what goes wrong in rehearsals, and in them alone
	// Positions of the values above.
	NamePos, CiphersuitePos, ProtocolPos, ThresholdPos Position

	// Variables are the values of the file, not of one's own, that were taken from the environment.
	Variables []Variable

	order []int // of groups (from 0) and signings (from len(Groups)), as they are taken
}

// Timeouts say how long a member waits, each more than 0 and at most
// MaxTimeout. They are each member's own affair.
type Timeouts struct {
	Session time.Duration // for a session to be opened
	DKG     time.Duration // for the others in a key generation, once it is open
	Sign    time.Duration // for the others in a signing, once it is open
	Approve time.Duration // for an approval command to end
}

// Server is the relay of a ceremony. The zero URL stands for the built-in
// relay, which frostkit starts itself on the loopback interface.
type Server struct {
	URL string // as in the file: host:port, https://host:port or, on loopback, http://host:port, maybe with a path
	CA  string // path of the PEM file of the authority to trust beside the system's, or ""

	Pos, URLPos, CAPos Position
}

// BuiltIn reports whether the ceremony uses the relay that frostkit starts
// itself.
func (s Server) BuiltIn() bool { return s.URL == "" }

// BaseURL returns the relay's URL with its scheme, such as "https://relay.example:2744",
// and "" for the built-in relay. Without a scheme it is https, as for frost-client's
// --server-url.
func (s Server) BaseURL() string {
	if s.BuiltIn() {
		return ""
	}
	address, err := relayurl.Parse(s.URL)
	if err != nil {
		return s.URL // of no file that was read
	}
	return address.String()
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
	return strings.TrimPrefix(s.BaseURL(), "https://")
}

// Member is a person or program that holds a share of the group's key.
type Member struct {
	Name    string // printable, unique without regard to case
	Config  string // path of the credentials file; NAME.toml unless the file says otherwise
	Contact string // contact string (zffrost1…) of a member who is run elsewhere, not decoded; or ""
	Approve Approval

	Pos, ConfigPos, ContactPos Position // Pos and, by default, ConfigPos are those of the name
}

// Remote reports whether the file says that somebody else runs this member,
// elsewhere.
func (m Member) Remote() bool { return m.Contact != "" }

// Approval says how a member agrees to sign. The zero value leaves it to the
// run: it asks, unless everybody is run here.
type Approval struct {
	By      Approver
	Command []string // program and arguments, of ByCommand

	Pos Position
}

// Approver is who or what agrees to sign for a member.
type Approver string

// The ways in which a member can agree to sign.
const (
	ByPrompt  Approver = "prompt"  // a person is shown the message and asked
	ByDigest  Approver = "digest"  // what has the sha256 of the file is signed, all else refused
	ByCommand Approver = "command" // a program is given the message and exits with 0
)

// Group describes a group that a DKG makes.
type Group struct {
	Name        string   // in groups:, and "" for the one group of the short form
	Description string   // one line, distinct; the group's or else the ceremony's name unless the file says otherwise
	Threshold   int      // members needed to sign, 2 to len(Members)
	Members     []string // names, in the order of File.Members; the first one opens the DKG session
	After       []string // names of groups and signings to be done before
	Recovery    Recovery // the group's or the file's
	Key         string   // verifying key that the group has, 64 lower-case hex characters, or ""

	Pos, DescriptionPos Position
	AfterPos            []Position // one for each of After
}

// Recovery is how a member comes by a share again that it lost.
type Recovery string

// RecoveryBundle is recovery by the communication key and a bundle that each member keeps. Without it there is no way
// but a copy of the credentials.
const RecoveryBundle Recovery = "bundle"

// Creator returns the name of the member who opens the DKG session: the group's
// first one in the file, wherever that member runs. The rule depends on the file
// alone, so that members who run apart from one another agree on it.
func (g Group) Creator() string { return g.Members[0] }

// OnlyGroup is what the protocol calls the group of the short form, which has no name.
const OnlyGroup = "group"

// StepName returns what members call the making of the group when they compare what they are about to do,
// and in the transcript that they sign: its name, or [OnlyGroup].
func (g Group) StepName() string { return cmp.Or(g.Name, OnlyGroup) }

// Signing is one message that members of a group sign.
type Signing struct {
	Number    int           // in the file, from 1
	Name      string        // for after:, or ""
	Group     string        // name of the group; "" for that of the short form
	Message   string        // path of the message
	SHA256    string        // of the message, 64 lower-case hex characters, or ""
	agreed    agreedMessage // what the members agree on, where one's own values differ
	Signers   []string      // names of members of the group, distinct, at least its threshold; the first is the coordinator
	Need      int           // of Signers, how many sign: the first who answer. 0: all of them
	ShareWait time.Duration // for Signers to answer before the others go on without them; 0 where all sign
	Output    string        // path to which the coordinator writes the signature
	After     []string      // names of groups and signings to be done before

	Pos, GroupPos, MessagePos, SHA256Pos, SignersPos, OutputPos Position
	SignerPos, AfterPos                                         []Position // one for each of Signers and After
}

// agreedMessage is what the ceremony file itself says of a message.
type agreedMessage struct{ path, sha256 string }

// Coordinator returns the name of the signer who opens the signing session and
// writes the signature: the first one listed.
func (s Signing) Coordinator() string { return s.Signers[0] }

// StepName returns what members call the signing when they compare what they are about to do: "signing 1".
func (s Signing) StepName() string { return fmt.Sprintf("signing %d", s.Number) }

// Group returns the group with this name, which is "" for the one of the short
// form.
func (f *File) Group(name string) (Group, bool) {
	for _, g := range f.Groups {
		if g.Name == name {
			return g, true
		}
	}
	return Group{}, false
}

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

// Variable is a value of a ceremony file that was taken from the environment.
type Variable struct {
	Field string // what it is, such as "url of server"
	Text  string // as it stands in the file
	Names []string
	Pos   Position
}

// Resolve returns path as it is when it is absolute, and below dir otherwise.
func Resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
