package native

import (
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
)

// Limits of the extensions in one greeting or proposal.
const (
	maxExtensions     = 32
	maxExtensionBytes = 8192 // of all values together
)

// Extension is something that a greeting or a proposal says and that not every program of this version
// knows (docs/protocol.md, Extensions). A member knows the types that it says itself.
type Extension struct {
	// Type says what Value is.
	Type uint16
	// Critical says that nothing may begin with a member who does not know the type.
	Critical bool
	Value    []byte
}

// validExtensions reports whether extensions can be sent: in the order of their types, each once, within the
// limits.
func validExtensions(list []Extension) bool {
	size := 0
	for i, x := range list {
		if i > 0 && list[i-1].Type >= x.Type {
			return false
		}
		size += len(x.Value)
	}
	return len(list) <= maxExtensions && size <= maxExtensionBytes
}

// addExtensions adds u8 count, and for each u16 type || u8 flags || u16 length, value.
func addExtensions(b *cryptobyte.Builder, list []Extension) {
	b.AddUint8(uint8(len(list)))
	for _, x := range list {
		b.AddUint16(x.Type)
		addBool(b, x.Critical)
		addText16(b, string(x.Value))
	}
}

func readExtensions(s *cryptobyte.String, list *[]Extension) bool {
	var count uint8
	if !s.ReadUint8(&count) {
		return false
	}
	for range count {
		var x Extension
		if !s.ReadUint16(&x.Type) || !readBool(s, &x.Critical) || !s.ReadUint16LengthPrefixed((*cryptobyte.String)(&x.Value)) {
			return false
		}
		*list = append(*list, x)
	}
	return validExtensions(*list)
}

// unknownTo lists the types of critical extensions that are not among those of another member.
func unknownTo(other, list []Extension) (types []uint16) {
	for _, x := range list {
		known := slices.ContainsFunc(other, func(o Extension) bool { return o.Type == x.Type })
		if x.Critical && !known {
			types = append(types, x.Type)
		}
	}
	return types
}

// extensionField is how a type of extension is called where members differ in it.
func extensionField(kind uint16) string { return fmt.Sprintf("protocol extension %d", kind) }

// standing says what a member makes of a type of extension, to be read by people.
func standing(list []Extension, kind uint16) string {
	i := slices.IndexFunc(list, func(x Extension) bool { return x.Type == kind })
	switch {
	case i < 0:
		return "not known"
	case list[i].Critical:
		return "needed"
	}
	return "known"
}
