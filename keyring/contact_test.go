package keyring

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frostkit/commkey"

	"github.com/btcsuite/btcd/btcutil/bech32"
	"pgregory.net/rapid"
)

const (
	aliceKey = "ffd81f130b4b779ffd99169e62aea3df127b9c5aa30c36605e3fe7158adc6f49"
	bobKey   = "84e034e47de36c7436e0892cdc5c92c52d5a4449e514afa4942f6891cd343f2e"
	eveKey   = "1d79e28a2fd6bff9245235deea470ef344c41d22c472ae208c9b4dab4789d54e"
	daveKey  = "8625e614e658b1fd014b4d82ee69175e7a2d4ee4dfdbf0125e1aef04cec76938"
)

func mustKey(t testing.TB, text string) commkey.PublicKey {
	t.Helper()
	key, err := commkey.ParsePublicKey(text)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readTestdata(t testing.TB, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"testdata"}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// tsv returns the fields of each line of a file.
func tsv(t testing.TB, path ...string) [][]string {
	var rows [][]string
	for line := range strings.Lines(readTestdata(t, path...)) {
		rows = append(rows, strings.Split(strings.TrimSuffix(line, "\n"), "\t"))
	}
	return rows
}

func TestContactsExportedByFrostClient(t *testing.T) {
	for _, row := range tsv(t, "interop", "contacts.tsv") {
		c, err := ParseContact(row[2])
		if err != nil || c.Name != row[0] || c.Key.String() != row[1] {
			t.Errorf("ParseContact(%q) = %v, %v; want %q, %s", row[2], c, err, row[0], row[1])
		}
		if again, err := c.Encode(); err != nil || again != row[2] {
			t.Errorf("contact %q encodes to %q, %v; want %q", row[0], again, err, row[2])
		}
	}
}

func TestContactFilesExportedByFrostClient(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join("testdata", "interop", "*", "*.contact"))
	if err != nil || len(paths) != 8 {
		t.Fatalf("found %d contact files, %v; want 8", len(paths), err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.TrimSpace(string(data))
		c, err := ParseContact(text)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if again, err := c.Encode(); err != nil || again != text {
			t.Errorf("%s encodes to %q, %v", path, again, err)
		}
		owner, err := Load(strings.TrimSuffix(path, ".contact") + ".before.toml")
		if err != nil || owner.Key().Public() != c.Key {
			t.Errorf("%s is not of its owner's key: %v", path, err)
		}
	}
}

// The Rust crates that frost-client encodes with give both forms, and stop at
// the same length.
func TestContactsOfRustCrates(t *testing.T) {
	for _, row := range tsv(t, "rust", "contacts.tsv") {
		name, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		c := Contact{Name: string(name), Key: mustKey(t, row[1])}
		compareContact(t, c, unversioned(c), row[2])
		compareContact(t, c, c.Encode, row[3])
	}
}

// unversioned encodes as frost-client prints its list of contacts, with version None.
func unversioned(c Contact) func() (string, error) {
	return func() (string, error) { return c.encode([]byte{noVersion}) }
}

func compareContact(t *testing.T, c Contact, encode func() (string, error), want string) {
	t.Helper()
	got, err := encode()
	if strings.HasPrefix(want, "error") {
		if !errors.Is(err, ErrInvalidContact) || !strings.Contains(err.Error(), "shorter name") {
			t.Errorf("a name of %d bytes encodes to %q, %v", len(c.Name), got, err)
		}
		return
	}
	if err != nil || got != want {
		t.Errorf("name %q encodes to %q, %v; want %q", c.Name, got, err, want)
	}
	if back, err := ParseContact(want); err != nil || back != c {
		t.Errorf("%q decodes to %v, %v; want %v", want, back, err, c)
	}
}

func TestContactsInBooks(t *testing.T) {
	var file struct {
		Contacts []struct {
			String      string
			PostcardHex string `json:"postcard_hex"`
			Name        string
			Pubkey      commkey.PublicKey
		}
	}
	if err := json.Unmarshal([]byte(readTestdata(t, "contacts-bech32m.json")), &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Contacts) == 0 {
		t.Fatal("no contacts")
	}
	for _, want := range file.Contacts {
		c, err := ParseContact(want.String)
		if err != nil || c != (Contact{Name: want.Name, Key: want.Pubkey}) {
			t.Errorf("ParseContact(%q) = %v, %v", want.String, c, err)
		}
		if got := contactOf(t, want.PostcardHex); got != want.String {
			t.Errorf("%s in bech32m is %q, want %q", want.PostcardHex, got, want.String)
		}
	}
}

// contactOf puts any bytes in the armour of a contact string.
func contactOf(t testing.TB, payload string) string {
	t.Helper()
	b, err := hex.DecodeString(payload)
	if err != nil {
		t.Fatal(err)
	}
	groups, err := bech32.ConvertBits(b, 8, 5, true)
	if err != nil {
		t.Fatal(err)
	}
	return encodeGroups(t, contactHRP, groups)
}

func encodeGroups(t testing.TB, hrp string, groups []byte) string {
	t.Helper()
	s, err := bech32.EncodeM(hrp, groups)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestContactPayloadsRefused(t *testing.T) {
	for payload, reason := range map[string]string{
		"":                                      "ends before its version",
		"01":                                    "ends before its version",
		"02000141" + "20" + daveKey:             "tag 2",
		"01010141" + "20" + daveKey:             "unknown version 1",
		"01ff0141" + "20" + daveKey:             "unknown version 255",
		"0100":                                  "cut",
		"010080":                                "cut",
		"01008000" + "20" + daveKey:             "shortest form",
		"0100818000" + "41" + daveKey:           "shortest form",
		"0100ffffffffffffffffff7f" + "41":       "cut or too large",
		"010005414243":                          "ends within its name",
		"0100ffffffffffffffffff01" + "41":       "ends within its name",
		"010002c328" + "20" + daveKey:           "not UTF-8",
		"01000141":                              "length of its public key",
		"0100014120" + daveKey[2:]:              "ends within its public key",
		"010001411f" + daveKey[2:]:              "31 bytes",
		"0100014121" + daveKey + "00":           "33 bytes",
		"01000141a000" + daveKey:                "shortest form",
		"0100014120" + daveKey + "00":           "1 bytes after",
		"0100014120" + strings.Repeat("00", 32): "low order",
		"0100014120ed" + strings.Repeat("ff", 30) + "7f": "canonical",
		"0100014120" + strings.Repeat("ff", 32):          "canonical",
	} {
		_, err := ParseContact(contactOf(t, payload))
		if !errors.Is(err, ErrInvalidContact) || !strings.Contains(err.Error(), reason) {
			t.Errorf("payload %s: %v, want an ErrInvalidContact with %q", payload, err, reason)
		}
	}
}

func TestContactVersionIsTyped(t *testing.T) {
	if _, err := ParseContact(contactOf(t, "01010141"+"20"+daveKey)); !errors.Is(err, ErrContactVersion) {
		t.Errorf("version 1 is refused with %v", err)
	}
}

func TestContactArmourRefused(t *testing.T) {
	good := tsv(t, "interop", "contacts.tsv")[3][2] // whose padding has room for a group
	hrp, groups, err := bech32.DecodeNoLimit(good)
	if err != nil {
		t.Fatal(err)
	}
	legacy, err := bech32.Encode(hrp, groups)
	if err != nil {
		t.Fatal(err)
	}
	padded := append([]byte{}, groups...)
	padded[len(padded)-1] |= 1
	for text, reason := range map[string]string{
		"":                                 "copy the whole string",
		good[:len(good)-1]:                 "copy the whole string",
		good + "q":                         "copy the whole string",
		"zffrost1":                         "copy the whole string",
		"Z" + good[1:]:                     "copy the whole string",
		good[:20] + "é" + good[22:]:        "copy the whole string",
		legacy:                             "checksum is of bech32",
		encodeGroups(t, "zffrust", groups): `prefix "zffrust"`,
		encodeGroups(t, hrp, padded):       "padding",
		encodeGroups(t, hrp, append(groups[:len(groups):len(groups)], 0)): "padding",
		strings.Repeat("q", maxContactString+1):                           "1024 characters",
	} {
		_, err := ParseContact(text)
		if !errors.Is(err, ErrInvalidContact) || !strings.Contains(err.Error(), reason) {
			t.Errorf("ParseContact(%q): %v, want an ErrInvalidContact with %q", text, err, reason)
		}
	}
}

func TestContactInUpperCase(t *testing.T) {
	text := tsv(t, "interop", "contacts.tsv")[0][2]
	want, err := ParseContact(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseContact(strings.ToUpper(text)); err != nil || got != want {
		t.Errorf("in upper case it is %v, %v; want %v", got, err, want)
	}
}

func TestContactThatCannotBeEncoded(t *testing.T) {
	for _, c := range []Contact{{Name: "A"}, {Name: "\xff", Key: mustKey(t, daveKey)}} {
		if s, err := c.Encode(); !errors.Is(err, ErrInvalidContact) {
			t.Errorf("%+v encodes to %q, %v", c, s, err)
		}
	}
}

func TestContactRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		key[31] &= 0x3f
		key[0] |= 2 // nor of low order
		public, err := commkey.NewPublicKey(key)
		if err != nil {
			t.Fatal(err)
		}
		c := Contact{Name: rapid.StringN(0, -1, 593).Draw(t, "name"), Key: public}
		for _, encode := range []func() (string, error){c.Encode, unversioned(c)} {
			s, err := encode()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := ParseContact(s); err != nil || back != c {
				t.Fatalf("%+v came back as %+v, %v", c, back, err)
			}
		}
	})
}

// FuzzParseContact: what decodes encodes to the same string, in lower case.
func FuzzParseContact(f *testing.F) {
	for _, row := range tsv(f, "interop", "contacts.tsv") {
		f.Add(row[2])
	}
	for _, row := range tsv(f, "rust", "contacts.tsv") {
		f.Add(row[2])
	}
	f.Add(contactOf(f, "01008000"+"20"+daveKey))
	f.Fuzz(func(t *testing.T, s string) {
		c, versioned, err := parseContact(s)
		if err != nil {
			return
		}
		encode := unversioned(c)
		if versioned {
			encode = c.Encode
		}
		if again, err := encode(); err != nil || again != strings.ToLower(s) {
			t.Errorf("%q decodes to %+v, which encodes to %q, %v", s, c, again, err)
		}
	})
}

// FuzzContactPayload begins below the checksum, which fuzzing does not get past.
func FuzzContactPayload(f *testing.F) {
	for _, payload := range []string{"0100014120" + daveKey, "00014120" + daveKey, "0100" + "00" + "20" + daveKey, "02", "0100ff01"} {
		b, _ := hex.DecodeString(payload)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		c, versioned, err := decodeContact(payload)
		if err != nil || len(payload) > 600 {
			return
		}
		version := []byte{noVersion}
		if versioned {
			version = []byte{someVersion, 0}
		}
		want, err := c.encode(version)
		if err != nil || want != contactOf(t, hex.EncodeToString(payload)) {
			t.Errorf("%x decodes to %+v, which encodes to %q, %v", payload, c, want, err)
		}
	})
}

// The vectors of BIP 350 through the library that contact strings rely on.
func TestBech32mVectors(t *testing.T) {
	var vectors struct {
		Valid   []string `json:"valid_bech32m"`
		Invalid []struct {
			StringHex string `json:"string_hex"`
			Reason    string
		} `json:"invalid_bech32m"`
	}
	if err := json.Unmarshal([]byte(readTestdata(t, "bip350.json")), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors.Valid) != 7 || len(vectors.Invalid) != 14 {
		t.Fatalf("%d valid and %d invalid vectors", len(vectors.Valid), len(vectors.Invalid))
	}
	for _, s := range vectors.Valid {
		hrp, groups, version, err := bech32.DecodeNoLimitWithVersion(s)
		if err != nil || version != bech32.VersionM {
			t.Errorf("%q: version %v, %v", s, version, err)
			continue
		}
		if again := encodeGroups(t, hrp, groups); again != strings.ToLower(s) {
			t.Errorf("%q encodes to %q", s, again)
		}
		if _, err := ParseContact(s); !errors.Is(err, ErrInvalidContact) {
			t.Errorf("%q as a contact: %v", s, err)
		}
	}
	for _, v := range vectors.Invalid {
		b, err := hex.DecodeString(v.StringHex)
		if err != nil {
			t.Fatal(err)
		}
		// The one that is too long for an address is of no use here: the limit
		// of contact strings is another, and ParseContact's own.
		if _, _, version, err := bech32.DecodeNoLimitWithVersion(string(b)); err == nil && version == bech32.VersionM && len(b) <= 90 {
			t.Errorf("%q (%s) decodes", b, v.Reason)
		}
		if _, err := ParseContact(string(b)); !errors.Is(err, ErrInvalidContact) {
			t.Errorf("%q as a contact: %v", b, err)
		}
	}
}
