package ceremony

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strconv"
)

// Agreed is one field of what the members of a ceremony agree on.
type Agreed struct {
	Label string `json:"label"` // what it is, such as "groups.1.threshold"; fixed words and numbers from 1
	Value string `json:"value"` // text as it stands in the file, numbers in decimal
}

// Digest returns the SHA-256 digest of what the members agree on, which is
// [DigestOf] the fields that [File.Agreed] lists: equal for files that differ
// only in what is each member's own affair, different for all others.
func (f *File) Digest() [sha256.Size]byte { return DigestOf(f.Agreed()) }

// DigestOf returns the SHA-256 digest of a sequence of fields, encoded one after
// another as
//
//	u64(len(label)) ‖ label ‖ u64(len(value)) ‖ value
//
// where u64 is a number in 8 bytes, big-endian, and label and value are UTF-8.
func DigestOf(fields []Agreed) [sha256.Size]byte {
	var encoded []byte
	for _, field := range fields {
		for _, s := range []string{field.Label, field.Value} {
			encoded = binary.BigEndian.AppendUint64(encoded, uint64(len(s)))
			encoded = append(encoded, s...)
		}
	}
	return sha256.Sum256(encoded)
}

// Agreed lists what the members of a ceremony agree on, in this order:
//
//	frostkit ceremony       the version of the file: 1
//	ceremony                the ceremony's name
//	ciphersuite             the identifier in RFC 9591: FROST-ED25519-SHA512-v1
//	protocol                frostkit or frost-client
//	members                 how many, then for each in the file's order:
//	members.I                 the name
//	groups                  how many, then for each in the file's order:
//	groups.I.name             "" in the short form
//	groups.I.description      the default where the file has none
//	groups.I.threshold        the file's where the group has none
//	groups.I.members          how many, then groups.I.members.J each name, in the file's order
//	groups.I.after            how many, then groups.I.after.J each name, sorted
//	groups.I.recovery         only where the group's or the file's recovery: stands, as it stands
//	groups.I.key              only where the group's key: stands, in lower-case hex
//	sign                    how many, then for each in the file's order:
//	sign.I.name               "" where it has none
//	sign.I.group              the name of the group, "" in the short form
//	sign.I.message            the last element of the message's path, after any slash
//	sign.I.sha256             lower-case hex, "" where the file has none
//	sign.I.need               how many of the signers sign; 0 stands for all
//	sign.I.signers            how many, then sign.I.signers.J each name, the coordinator's first, the others in the file's order
//	sign.I.after              how many, then sign.I.after.J each name, sorted
//
// Left out is what differs from one member's machine to the next: the path of
// the file and those in it, the relay's address and authority, timeouts, how a
// member approves, the faults of rehearsals, and contact strings. A file has the contacts of the members
// who are run elsewhere, which are others in each member's copy; the keys
// themselves are for the protocol to compare, which knows all of them.
func (f *File) Agreed() []Agreed {
	var l agreedList
	l.number("frostkit ceremony", f.Version)
	l.text("ceremony", f.Name)
	l.text("ciphersuite", suiteID(f.Ciphersuite))
	l.text("protocol", string(f.Protocol))
	l.texts("members", f.Names())
	l.number("groups", len(f.Groups))
	for i, g := range f.Groups {
		l.group(fmt.Sprintf("groups.%d.", i+1), g)
	}
	l.number("sign", len(f.Sign))
	for i, s := range f.Sign {
		l.signing(fmt.Sprintf("sign.%d.", i+1), s, f.coordinatorFirst(s.Signers))
	}
	return l
}

// agreedList collects fields.
type agreedList []Agreed

func (l *agreedList) text(label, value string) { *l = append(*l, Agreed{label, value}) }

func (l *agreedList) number(label string, value int) { l.text(label, strconv.Itoa(value)) }

func (l *agreedList) texts(label string, values []string) {
	l.number(label, len(values))
	for i, value := range values {
		l.text(fmt.Sprintf("%s.%d", label, i+1), value)
	}
}

func (l *agreedList) group(label string, g Group) {
	l.text(label+"name", g.Name)
	l.text(label+"description", g.Description)
	l.number(label+"threshold", g.Threshold)
	l.texts(label+"members", g.Members)
	l.texts(label+"after", slices.Sorted(slices.Values(g.After)))
	if g.Recovery != "" {
		l.text(label+"recovery", string(g.Recovery))
	}
	if g.Key != "" {
		l.text(label+"key", g.Key)
	}
}

func (l *agreedList) signing(label string, s Signing, signers []string) {
	l.text(label+"name", s.Name)
	l.text(label+"group", s.Group)
	l.text(label+"message", path.Base(s.agreed.path))
	l.text(label+"sha256", s.agreed.sha256)
	l.number(label+"need", s.Need)
	l.texts(label+"signers", signers)
	l.texts(label+"after", slices.Sorted(slices.Values(s.After)))
}

// coordinatorFirst returns signers with the coordinator first and the others in
// the order of the members: to sign, theirs does not matter.
func (f *File) coordinatorFirst(signers []string) []string {
	others := f.inFileOrder(signers[1:])
	return append([]string{signers[0]}, others...)
}
