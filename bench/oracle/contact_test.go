package oracle_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/btcsuite/btcd/btcutil/bech32"

	"frostkit/bench/oracle"
	"frostkit/commkey"
	"frostkit/keyring"
)

// contactFields are the fields of frost-client's contact.
type contactFields struct {
	Version *uint8       `json:"version"`
	Name    string       `json:"name"`
	Pubkey  oracle.Bytes `json:"pubkey"`
}

// askContact returns nil for a refusal.
func askContact[T any](t *trial, op string, request any) *T {
	t.Helper()
	result := new(T)
	err := zf.Ask(oracle.Contact, op, request, result)
	if refused := (*oracle.RefusedError)(nil); errors.As(err, &refused) {
		return nil
	}
	t.check(err)
	return result
}

// contact is a random contact, some with a version or a key that ours does not take.
func (t *trial) contact() contactFields {
	t.Helper()
	f := contactFields{Name: t.name(), Pubkey: t.commKey().Public().Bytes()}
	if version := pick(t, []uint8{0, 0, 0, 1, 255}); t.chance(2) {
		f.Version = &version
	}
	switch t.IntN(12) {
	case 0:
		f.Pubkey = must(hex.DecodeString(pick(t, lowOrder)))(t)
	case 1:
		f.Pubkey = t.bytes(t.IntN(40))
	}
	return f
}

// name is a random name, of up to 40 characters but for some too long ones.
func (t *trial) name() string {
	var b strings.Builder
	n := t.IntN(40)
	if t.chance(20) {
		n = 560 + t.IntN(60)
	}
	for range n {
		b.WriteRune(pick(t, []rune("abc XYZ.-_\"\\\n\x00äß漢\U0001f600\u202e")))
	}
	return b.String()
}

// takes reports whether ours has to take a contact string: what the crates would have written
// themselves, in version None or 0, with a good key; and that in upper case, of which
// bech32's own rules allow and frost-client refuses the prefix.
func takes(t *trial, text string) bool {
	t.Helper()
	if text == strings.ToUpper(text) {
		text = strings.ToLower(text)
	}
	f := askContact[contactFields](t, "decode", args{"text": oracle.Bytes(text)})
	if f == nil || f.Version != nil && *f.Version != 0 {
		return false
	}
	if _, err := commkey.NewPublicKey(f.Pubkey); err != nil {
		return false
	}
	again := askContact[string](t, "encode", f)
	return again != nil && *again == text
}

// TestContacts makes contact strings on both sides, reads them, and what little changes
// make of them.
func TestContacts(t *testing.T) {
	trials(t, 300, func(t *trial) {
		f := t.contact()
		text := askContact[string](t, "encode", f)
		checkContact(t, f, text)
		if text == nil {
			return
		}
		spoiled := t.spoilContact(*text)
		for _, s := range []string{*text, strings.ToUpper(*text), spoiled} {
			contact, err := keyring.ParseContact(s)
			if want := takes(t, keyring.Unwrap(s)); (err == nil) != want { // which the reference does not take away
				t.Errorf("%q: ours %v %v, want %v", s, contact, err, want)
			}
		}
	})
}

// checkContact compares what ours encodes, for a contact that it can have, or reads, for one of version
// None, which ours does not write.
func checkContact(t *trial, f contactFields, want *string) {
	t.Helper()
	key, err := commkey.NewPublicKey(f.Pubkey)
	if err != nil || f.Version != nil && *f.Version != 0 {
		return
	}
	contact := keyring.Contact{Name: f.Name, Key: key}
	if f.Version == nil {
		if want == nil {
			return
		}
		if read, err := keyring.ParseContact(*want); err != nil || read != contact {
			t.Errorf("%q: ours %v %v, want %v", *want, read, err, contact)
		}
		return
	}
	got, err := contact.Encode()
	if (err == nil) != (want != nil) || want != nil && got != *want {
		t.Errorf("contact %q: ours %q %v, theirs %v", f.Name, got, err, want)
	}
}

// spoilContact changes the characters of a contact string, or what it encodes.
func (t *trial) spoilContact(text string) string {
	t.Helper()
	prefix, groups, err := bech32.DecodeNoLimit(text)
	t.check(err)
	payload := must(bech32.ConvertBits(groups, 5, 8, false))(t)
	encode := bech32.EncodeM
	switch t.IntN(8) {
	case 0: // the checksum of bech32
		encode = bech32.Encode
	case 1:
		prefix = pick(t, []string{"zffros", "zffrostt", "a", "bc"})
	case 2: // padding that is not 0, or a group too many
		groups[len(groups)-1] ^= 1
		return must(bech32.EncodeM(prefix, pick(t, [][]byte{groups, append(groups, 0)})))(t)
	case 3: // overlong length of the name
		at := 1 + int(payload[0]&1)
		n, size := binary.Uvarint(payload[at:])
		overlong := binary.AppendUvarint(nil, n)
		overlong[len(overlong)-1] |= 0x80
		payload = slices.Replace(payload, at, at+size, append(overlong, 0)...)
	case 4:
		return t.spoilText(text)
	default:
		payload = t.mutateBytes(payload)
	}
	return must(encode(prefix, must(bech32.ConvertBits(payload, 8, 5, true))(t)))(t)
}

// spoilText changes one character.
func (t *trial) spoilText(text string) string {
	t.Helper()
	at := t.IntN(len(text))
	return text[:at] + pick(t, []string{"", "q", "Q", "1", "b", " ", "é"}) + text[at+t.IntN(2):]
}

// TestContactUpperCase is where ours is more lenient: upper case, which QR codes hold
// in fewer modules.
func TestContactUpperCase(t *testing.T) {
	trials(t, 5, func(t *trial) {
		f := contactFields{Version: new(uint8), Name: "Alice", Pubkey: t.commKey().Public().Bytes()}
		text := strings.ToUpper(*askContact[string](t, "encode", f))
		if askContact[contactFields](t, "decode", args{"text": oracle.Bytes(text)}) != nil {
			t.Errorf("the crates take %q", text)
		}
		if _, err := keyring.ParseContact(text); err != nil {
			t.Error(err)
		}
	})
}
