package ceremony

import (
	"crypto/sha256"
	"encoding/binary"
	"path"
	"slices"
)

// Digest returns the SHA-256 digest of what the members agree on: equal for
// files that differ only in what is each member's own affair, different for all
// others.
//
// It is taken over a sequence of fields. A field is
//
//	u64(len(label)) ‖ label ‖ u64(len(value)) ‖ value
//
// where u64 is a number in 8 bytes, big-endian, and label and value are UTF-8
// text as it stands in the file, but for numbers, whose value is u64. The fields
// are, in this order:
//
//	"frostkit ceremony"    the version of the file, a number: 1
//	"ceremony"             the ceremony's name
//	"ciphersuite"          the identifier in RFC 9591: FROST-ED25519-SHA512-v1
//	"threshold"            a number
//	"members"              how many follow, a number
//	  "member"               each one's name, in the file's order
//	"description"          of the group; the ceremony's name where the file has none
//	"sign"                 how many signings follow, a number; then for each:
//	  "message"              the last element of the message's path, after any slash
//	  "signers"              how many follow, a number
//	    "signer"               each one's name, the coordinator's first, the others in the members' order
//
// Left out is what differs from one member's machine to the next: the path of
// the file and those in it, the relay's address and authority, and contact
// strings. A file has the contacts of the members who are run elsewhere, which
// are others in each member's copy; the keys themselves are for the protocol to
// compare, which knows all of them.
func (f *File) Digest() [sha256.Size]byte {
	var d digester
	d.number("frostkit ceremony", f.Version)
	d.text("ceremony", f.Name)
	d.text("ciphersuite", suiteID(f.Ciphersuite))
	d.number("threshold", f.Threshold)
	d.texts("members", "member", f.Names())
	d.text("description", f.Group.Description)
	d.number("sign", len(f.Sign))
	for _, s := range f.Sign {
		d.text("message", path.Base(s.Message))
		d.texts("signers", "signer", f.inOrder(s.Signers))
	}
	return sha256.Sum256(d.encoded)
}

// inOrder returns signers with the coordinator first and the others in the
// order of the members: to sign, theirs does not matter.
func (f *File) inOrder(signers []string) []string {
	ordered := slices.Clone(signers[:1])
	for _, m := range f.Members {
		if m.Name != signers[0] && slices.Contains(signers, m.Name) {
			ordered = append(ordered, m.Name)
		}
	}
	return ordered
}

// digester encodes the fields of a digest.
type digester struct{ encoded []byte }

func (d *digester) text(label, value string) {
	for _, s := range []string{label, value} {
		d.encoded = binary.BigEndian.AppendUint64(d.encoded, uint64(len(s)))
		d.encoded = append(d.encoded, s...)
	}
}

func (d *digester) number(label string, value int) {
	d.text(label, string(binary.BigEndian.AppendUint64(nil, uint64(value))))
}

func (d *digester) texts(label, each string, values []string) {
	d.number(label, len(values))
	for _, value := range values {
		d.text(each, value)
	}
}
