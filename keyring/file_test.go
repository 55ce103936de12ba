package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// newFile copies a recorded file into a folder of its own.
func newFile(t testing.TB, recorded ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "alice.toml")
	writeFile(t, path, readTestdata(t, recorded...))
	return path
}

func writeFile(t testing.TB, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readFileText(t testing.TB, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// filesIn lists a folder but for its lock and .gitignore.
func filesIn(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".lock") && entry.Name() != ".gitignore" {
			names = append(names, entry.Name())
		}
	}
	return names
}

func addContact(t testing.TB, name, key string) func(*Keyring) error {
	return func(k *Keyring) error { return k.AddContact(Contact{Name: name, Key: mustKey(t, key)}) }
}

func TestLoadMissingFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "none", "alice.toml")
	k, err := Load(path)
	if err != nil || k.Key() != nil || len(k.Contacts())+len(k.Groups()) != 0 || k.Path() != path {
		t.Errorf("loaded %v, %v", k, err)
	}
	if got := filesIn(t, dir); len(got) != 0 {
		t.Errorf("loading made %v", got)
	}
}

func TestUpdateMakesFileAndFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	path := filepath.Join(dir, "alice.toml")
	if err := Update(t.Context(), path, func(*Keyring) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := readFileText(t, path); got != "version = 0\n\n[contact]\n\n[group]\n" {
		t.Errorf("wrote %q", got)
	}
	for path, want := range map[string]fs.FileMode{path: 0o600, dir: 0o700, filepath.Dir(dir): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if got := filesIn(t, dir); !slices.Equal(got, []string{"alice.toml"}) {
		t.Errorf("folder has %v", got)
	}
}

func TestUpdateAddsToFrostClientsFile(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.after.toml")
	before := readFileText(t, path)
	if err := Update(t.Context(), path, addContact(t, "Carol", daveKey)); err != nil {
		t.Fatal(err)
	}
	carol := "[contact.Carol]\nname = \"Carol\"\npubkey = \"" + daveKey + "\"\n\n"
	if got, want := readFileText(t, path), strings.Replace(before, "[contact.Eve]", carol+"[contact.Eve]", 1); got != want {
		t.Errorf("wrote:\n%s\nwant:\n%s", got, want)
	}
}

func TestUpdateWithoutChangeWritesNothing(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.after.toml")
	commented := "# mine\n" + readFileText(t, path)
	writeFile(t, path, commented)
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := Update(t.Context(), path, func(k *Keyring) error {
		return errors.Join(addContact(t, "Carol", daveKey)(k), refused)
	}); !errors.Is(err, refused) {
		t.Errorf("error of the change: %v", err)
	}
	if err := Update(t.Context(), path, func(*Keyring) error { return nil }); err != nil {
		t.Error(err)
	}
	after, err := os.Stat(path)
	if err != nil || !os.SameFile(before, after) || readFileText(t, path) != commented {
		t.Errorf("the file was written: %v", err)
	}
}

func TestUpdateOfGroupFields(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.after.toml")
	if err := Update(t.Context(), path, func(k *Keyring) error {
		k.Groups()[0].ServerURL = "relay.example:2744"
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	k, err := Load(path)
	if err != nil || k.Groups()[0].ServerURL != "relay.example:2744" {
		t.Errorf("server %q, %v", k.Groups()[0].ServerURL, err)
	}
}

// A change that makes no credentials file of it is not written.
func TestUpdateReadsBackBeforeItWrites(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.after.toml")
	before := readFileText(t, path)
	err := Update(t.Context(), path, func(k *Keyring) error {
		k.Groups()[0].Participants = k.Groups()[0].Participants[1:]
		return nil
	})
	if !errors.Is(err, ErrInvalidGroup) || readFileText(t, path) != before {
		t.Errorf("wrote a group without a member: %v", err)
	}
}

// However an update ends, the secrets that it read, and those that it was given, are wiped, and what
// is public of a group that was added stays.
func TestUpdateWipesSecrets(t *testing.T) {
	refused := errors.New("refused")
	for _, end := range []error{nil, refused} {
		path := newFile(t, "interop", "n3t2", "alice.after.toml")
		added := newGroup(t, deal(t, 2, aliceKey, bobKey, eveKey))
		var k *Keyring
		err := Update(t.Context(), path, func(loaded *Keyring) error {
			k = loaded
			return errors.Join(k.AddGroup(added), end)
		})
		if !errors.Is(err, end) || len(k.Groups()) != 2 {
			t.Fatalf("%d groups, %v", len(k.Groups()), err)
		}
		secrets := k.Key().SecretBytes()
		for _, g := range k.Groups() {
			secrets = append(secrets, g.secret.bytes()...)
		}
		if strings.Trim(string(secrets), "\x00") != "" {
			t.Errorf("secrets are left after %v", err)
		}
		if _, err := added.KeyPackage(); err == nil || added.MinSigners() != 2 || len(added.Participants) != 3 {
			t.Errorf("group %v with a key package, %v", added, err)
		}
	}
}

func TestUpdateSeesForeignChange(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	const foreign = "version = 0\n\n[contact]\n\n[group]\n"
	err := Update(t.Context(), path, func(k *Keyring) error {
		writeFile(t, path, foreign)
		return addContact(t, "Carol", daveKey)(k)
	})
	if !errors.Is(err, ErrChanged) || readFileText(t, path) != foreign {
		t.Errorf("overwrote a change: %v", err)
	}
}

func TestWideModeIsReportedAndNarrowed(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	k, err := Load(path)
	if err != nil || len(k.Warnings()) != 1 || !strings.Contains(k.Warnings()[0], "0644") {
		t.Fatalf("warnings %q, %v", k.Warnings(), err)
	}
	if err := Update(t.Context(), path, addContact(t, "Carol", daveKey)); err != nil {
		t.Fatal(err)
	}
	if k, err := Load(path); err != nil || len(k.Warnings()) != 0 {
		t.Errorf("after writing: %q, %v", k.Warnings(), err)
	}
}

func TestUpdateRemovesWhatKilledWritersLeft(t *testing.T) {
	path := newFile(t, "interop", "n3t2", "alice.before.toml")
	dir := filepath.Dir(path)
	kept := []string{".alice.toml.bak.123.tmp", ".alice.toml.tmp", ".alice.toml.x.tmp", ".bob.toml.123.tmp", "alice.toml", "alice.toml.123.tmp"}
	for _, name := range append([]string{".alice.toml.123.tmp", ".alice.toml.4294967295.tmp"}, kept...) {
		if name != "alice.toml" {
			writeFile(t, filepath.Join(dir, name), "secret")
		}
	}
	if err := Update(t.Context(), path, func(*Keyring) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := filesIn(t, dir); !slices.Equal(got, kept) {
		t.Errorf("left %v, want %v", got, kept)
	}
}

// broken are files that nothing is made of, with where and why.
var broken = map[string]struct{ data, place, reason string }{
	"empty":             {"", "1:1", "empty"},
	"blank":             {" \n\t\n", "1:1", "empty"},
	"no version":        {"[contact]\n", "1:1", "version: is missing"},
	"version 1":         {"# c\nversion = 1\n", "2:11", "unknown version 1"},
	"version -1":        {"version = -1\n", "1:11", "unknown version -1"},
	"version as text":   {"version = \"0\"\n", "1:12", "want an integer"},
	"duplicate key":     {"version = 0\nversion = 0\n", "2:1", "already been defined"},
	"duplicate table":   {"version = 0\n[contact.A]\nname = \"A\"\npubkey = \"" + daveKey + "\"\n[contact.A]\n", "5:2", "already been defined"},
	"no TOML":           {"version = 0\n{", "2:1", "{"},
	"NUL":               {"version = 0\n\x00", "1:12", "control characters"},
	"not UTF-8":         {"version = 0\ne = \"é\xff\"", "2:6", "UTF-8"},
	"contact as string": {"version = 0\ncontact = \"A\"\n", "2:12", "contact: has the wrong type, want a table"},
	"contact as number": {"version = 0\n[contact]\nA = 1\n", "3:5", "contact.A: has the wrong type, want a table"},
	"contact as array":  {"version = 0\n[[contact.A]]\nname = \"A\"\n", "2:1", "want a table"},
	"name as number":    {"version = 0\n[contact.A]\nname = 1\npubkey = \"" + daveKey + "\"\n", "3:8", "contact.A.name: has the wrong type, want a string"},
	"no name":           {"version = 0\n[contact.A]\npubkey = \"" + daveKey + "\"\n", "2:1", "contact.A.name: is missing"},
	"non-hex":           {"version = 0\n[contact.A]\nname = \"A\"\npubkey = \"zz\"\n", "4:11", "contact.A.pubkey: is not hexadecimal"},
	"odd hex":           {"version = 0\n[contact.A]\nname = \"A\"\npubkey = \"" + daveKey[1:] + "\"\n", "4:11", "odd number"},
	"short key":         {"version = 0\n[contact.A]\nname = \"A\"\npubkey = \"" + daveKey[2:] + "\"\n", "4:11", "31 bytes"},
	"low order key":     {"version = 0\n[contact.\"a b\"]\nname = \"A\"\npubkey = \"" + strings.Repeat("00", 32) + "\"\n", "4:11", `contact."a b".pubkey: public key`},
	"no privkey":        {"version = 0\n[communication_key]\n", "2:1", "communication_key.privkey: is missing"},
	"other pubkey":      {"version = 0\n[communication_key]\nprivkey = \"" + daveKey + "\"\npubkey = \"" + daveKey + "\"\n", "4:11", "does not belong to privkey"},
	"short privkey":     {"version = 0\n[communication_key]\nprivkey = \"abcd\"\npubkey = \"" + daveKey + "\"\n", "3:12", "2 bytes"},
	"escape in name":    {"version = 0\n[contact.\"\\u001b\"]\nname = 1\n", "3:8", `\x1b`},
}

func TestBrokenFiles(t *testing.T) {
	for what, test := range broken {
		path := filepath.Join(t.TempDir(), "alice.toml")
		writeFile(t, path, test.data)
		checkRefused(t, what, path, test.place, test.reason)
	}
}

// checkRefused checks that neither reading nor changing the file works, and
// that the file stays.
func checkRefused(t *testing.T, what, path, place, reason string) {
	t.Helper()
	before := readFileText(t, path)
	_, err := Load(path)
	var at *FileError
	if !errors.As(err, &at) || !errors.Is(err, ErrInvalidFile) || !strings.Contains(err.Error(), reason) ||
		place != "" && !strings.Contains(err.Error(), path+":"+place+":") {
		t.Errorf("%s: %v, want %s: … %s", what, err, place, reason)
	}
	if err != nil && strings.ContainsFunc(err.Error(), invisible) {
		t.Errorf("%s: control characters in %q", what, err)
	}
	err = Update(t.Context(), path, func(*Keyring) error {
		t.Errorf("%s: asked for a change", what)
		return nil
	})
	if !errors.As(err, &at) || readFileText(t, path) != before {
		t.Errorf("%s: changing it: %v", what, err)
	}
	if got := filesIn(t, filepath.Dir(path)); len(got) != 1 {
		t.Errorf("%s: folder has %v", what, got)
	}
}

func TestUnknownVersionIsTyped(t *testing.T) {
	if _, err := decode("x.toml", []byte("version = 1\n")); !errors.Is(err, ErrVersion) {
		t.Errorf("version 1: %v", err)
	}
}

// field returns a string of a recorded file.
func field(data, name string) string {
	_, after, _ := strings.Cut(data, "\n"+name+" = \"")
	value, _, _ := strings.Cut(after, `"`)
	return value
}

func TestBrokenGroups(t *testing.T) {
	good := readTestdata(t, "interop", "n3t2", "alice.after.toml")
	share, public, id := field(good, "key_package"), field(good, "public_key_package"), "5352e6b1e6307fed6a260137bfdf4f87d783848f9926bd810f256fdebdc55659"
	first := "[group." + id + ".participant.15109bf5a0264eda782385866c4091db8e60d448b12c2b4e6fa1148d507d1e01]"
	header, members, _ := strings.Cut(good, "\n"+first)
	for what, test := range map[string]struct{ data, place, reason string }{
		"package of nothing":        {strings.Replace(good, public, "", 1), "18:23", "not a public key package"},
		"flipped bit in an element": {strings.Replace(good, public[:80], public[:79]+"f", 1), "18:23", "public_key_package: "},
		"package of another suite":  {strings.Replace(good, public[:10], "00ffbdabd2", 1), "18:23", "not a public key package"},
		"share as public keys":      {strings.Replace(good, public, share, 1), "18:23", "not a public key package"},
		"key package cut":           {strings.Replace(good, share, share[:len(share)-4], 1), "19:16", "not a key package"},
		"share of nobody":           {strings.Replace(good, share[74:138], strings.Repeat("01", 32), 1), "19:16", "does not belong"},
		"share under another id":    {strings.Replace(good, share, share[:10]+public[12:76]+share[74:], 1), "19:16", "another share"},
		"other table name":          {strings.ReplaceAll(good, "[group.5352", "[group.5353"), "18:23", "verifying key is 5352"},
		"participant of other name": {strings.Replace(good, "participant.15109b", "participant.15109c", 1), "23:15", "the table is named"},
		"identifier of nobody":      {strings.Replace(good, members, strings.ReplaceAll(members, "a1b5a9ed", "a1b5a9ee"), 1), "22:1", "is not in the public key package"},
		"no participants":           {header, "15:1", "participant: is missing"},
		"one participant":           {header + "\n" + first + members[:strings.Index(members, "\n\n")+1], "22:1", "1 participants, the public key package has 3"},
		"participant without key":   {header + "\n" + first + strings.Replace(members, `pubkey = "`+eveKey+"\"\n", "", 1), "22:1", "pubkey: is missing"},
		"two of one key":            {header + "\n" + first + strings.Replace(members, eveKey, bobKey, 1), "22:1", "communication key of its own"},
		"no description":            {strings.Replace(good, "description", "descriptio", 1), "15:1", "description: is missing"},
		"server as number":          {strings.Replace(good, `"127.0.0.1:2744"`, "2744", 1), "20:14", "server_url: has the wrong type"},
	} {
		if test.data == good {
			t.Fatalf("%s: nothing was replaced", what)
		}
		path := filepath.Join(t.TempDir(), "alice.toml")
		writeFile(t, path, test.data)
		checkRefused(t, what, path, test.place, test.reason)
		if _, err := Load(path); err != nil && strings.Contains(err.Error(), share[74:90]) {
			t.Errorf("%s: the share is in %v", what, err)
		}
	}
}

// A file cut anywhere is refused, or ends where something ends and holds what
// comes before as it was.
func TestCutFiles(t *testing.T) {
	data := readTestdata(t, "interop", "n3t2", "alice.after.toml")
	whole := string(decodeFile(t, "interop", "n3t2", "alice.after.toml").encode())
	for n := range len(data) - 1 { // the last byte is a newline
		k, err := decode("x.toml", []byte(data[:n]))
		if err != nil {
			var at *FileError
			if !errors.As(err, &at) || at.Line == 0 || at.Column == 0 || strings.Contains(err.Error(), "89e8a7e5") {
				t.Errorf("cut at %d: %v", n, err)
			}
			continue
		}
		if len(k.groups) != 0 {
			t.Errorf("cut at %d there is a group", n)
		}
		read := strings.NewReplacer("\n[contact]\n", "", "\n[group]\n", "").Replace(string(k.encode()))
		if !strings.HasPrefix(whole, read) {
			t.Errorf("cut at %d it reads as:\n%s", n, read)
		}
	}
}

// An error of the decoder may quote what it stumbled over: not when that is a key.
func TestSyntaxErrorHidesKey(t *testing.T) {
	const private = "abe8a7e551bd4fdf7553be9b3dba74c3f09a03ecaa1e841e99cf31dcd306e84e"
	for _, line := range []string{"privkey = " + private, "privkey = 0x" + private, "privkey = 1" + private[2:], "privkey = \"" + private, private, "privkey = '" + private + "\n", "[" + private + "\n", private + " = 1\n" + private + " = 2"} {
		_, err := decode("x.toml", []byte("version = 0\n[communication_key]\n"+line))
		if err == nil || strings.Contains(err.Error(), private[4:14]) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestLargeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alice.toml")
	writeFile(t, path, "version = 0\n")
	if err := os.Truncate(path, 100<<20); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); !errors.Is(err, ErrInvalidFile) || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("100 MB: %v", err)
	}
	for _, deep := range []string{strings.Repeat("[", maxFileSize-20), strings.Repeat("{a=", maxFileSize/3-20)} {
		if _, err := decode("x.toml", []byte("version = 0\na = "+deep)); !errors.Is(err, ErrInvalidFile) {
			t.Errorf("nested deeply: %v", err)
		}
	}
	for _, deep := range []string{strings.Repeat("[", maxBrackets), strings.Repeat("[", maxBrackets) + strings.Repeat("]", maxBrackets)} {
		if _, err := decode("x.toml", []byte("version = 0\na = "+deep)); err != nil && !errors.Is(err, ErrInvalidFile) {
			t.Errorf("nested as deeply as may be: %v", err)
		}
	}
}

// Credentials of 22 MB, which frost-client reads, are read.
func TestManyContacts(t *testing.T) {
	var text strings.Builder
	text.WriteString("version = 0\n")
	for i := range 120_000 {
		fmt.Fprintf(&text, "\n[contact.N%06d]\nname = \"N%06[1]d\"\npubkey = \"%060x1042\"\n# %s\n", i, i+1, strings.Repeat("x", 60))
	}
	k, err := decode("x.toml", []byte(text.String()))
	if err != nil || len(k.Contacts()) != 120_000 {
		t.Errorf("%d bytes: %v", text.Len(), err)
	}
}

func TestLoadFolder(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || errors.Is(err, ErrInvalidFile) {
		t.Errorf("loaded a folder: %v", err)
	}
}

func TestDefaultPath(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", "/config")
	t.Setenv("HOME", "/home/alice")
	path, err := DefaultPath()
	if err != nil || !strings.HasSuffix(path, filepath.Join("frost", "credentials.toml")) || !filepath.IsAbs(path) {
		t.Errorf("default path %q, %v", path, err)
	}
	t.Setenv("XDG_CONFIG_HOME", "")
	t.Setenv("HOME", "")
	if path, err := DefaultPath(); err == nil || !strings.Contains(err.Error(), "name a credentials file") {
		t.Errorf("without a home it is %q, %v", path, err)
	}
}
