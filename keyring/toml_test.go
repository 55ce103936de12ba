package keyring

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"frostkit/commkey"
)

// Names that need every kind of quotation come out as frost-client writes them.
func TestNamesAsRustCrateWritesThem(t *testing.T) {
	k := newKeyring("names.toml")
	for _, row := range tsv(t, "rust", "contacts.tsv") {
		name, err := hex.DecodeString(row[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := k.AddContact(Contact{Name: string(name), Key: mustKey(t, row[1])}); err != nil {
			t.Fatal(err)
		}
	}
	want := readTestdata(t, "rust", "names.toml")
	if got := string(k.encode()); got != want {
		t.Errorf("encoded:\n%s\nwant:\n%s", got, want)
	}
	again, err := decode("names.toml", []byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(again.encode()); got != want {
		t.Errorf("read and encoded:\n%s\nwant:\n%s", got, want)
	}
}

func TestGetWholeFileAsTqPrintsIt(t *testing.T) {
	v, err := Get([]byte(readTestdata(t, "rust", "values.toml")), ".")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSuffix(readTestdata(t, "rust", "values.inline"), "\n"); v.TOML() != want {
		t.Errorf("got:\n%s\nwant:\n%s", v.TOML(), want)
	}
}

func TestGet(t *testing.T) {
	data := readTestdata(t, "interop", "n3t2", "alice.after.toml") + `
[extra]
list = ["a", 2, [3, 4], { x = 'in"side' }]
time = 1979-05-27T07:32:00Z
day = 1979-05-27
odd = [nan, -inf, 1.5, true]
"name.with.dots" = { '"q"' = "line\nbreak" }
"a b" = -1
[[extra.tables]]
n = 1
[[extra.tables]]
n = 2
`
	const group = "group.5352e6b1e6307fed6a260137bfdf4f87d783848f9926bd810f256fdebdc55659"
	for _, test := range []struct{ path, raw, toml, json string }{
		{"communication_key.pubkey", aliceKey, `"` + aliceKey + `"`, `"` + aliceKey + `"`},
		{".communication_key.pubkey", aliceKey, `"` + aliceKey + `"`, `"` + aliceKey + `"`},
		{"version", "0", "0", "0"},
		{"contact.Bob", `{ name = "Bob", pubkey = "` + bobKey + `" }`, `{ name = "Bob", pubkey = "` + bobKey + `" }`, `{"name":"Bob","pubkey":"` + bobKey + `"}`},
		{`"contact"."Bob".'name'`, "Bob", `"Bob"`, `"Bob"`},
		{group + ".server_url", "127.0.0.1:2744", `"127.0.0.1:2744"`, `"127.0.0.1:2744"`},
		{"extra.list[0]", "a", `"a"`, `"a"`},
		{"extra.list.1", "2", "2", "2"},
		{"extra.list[2][1]", "4", "4", "4"},
		{"extra.list[2]", "[3, 4]", "[3, 4]", "[3,4]"},
		{"extra.list[3].x", `in"side`, `'in"side'`, `"in\"side"`},
		{"extra.list", `["a", 2, [3, 4], { x = 'in"side' }]`, `["a", 2, [3, 4], { x = 'in"side' }]`, `["a",2,[3,4],{"x":"in\"side"}]`},
		{"extra.time", "1979-05-27T07:32:00Z", "1979-05-27T07:32:00Z", `"1979-05-27T07:32:00Z"`},
		{"extra.day", "1979-05-27", "1979-05-27", `"1979-05-27"`},
		{"extra.odd", "[nan, -inf, 1.5, true]", "[nan, -inf, 1.5, true]", "[null,null,1.5,true]"},
		{`extra."name.with.dots".'"q"'`, "line\nbreak", "\"\"\"\nline\nbreak\"\"\"", `"line\nbreak"`},
		{"extra.a b", "-1", "-1", "-1"},
		{"extra.tables[1].n", "2", "2", "2"},
		{"extra.tables", "[{ n = 1 }, { n = 2 }]", "[{ n = 1 }, { n = 2 }]", `[{"n":1},{"n":2}]`},
	} {
		v, err := Get([]byte(data), test.path)
		if err != nil {
			t.Errorf("Get(%q): %v", test.path, err)
			continue
		}
		if v.Raw() != test.raw || v.TOML() != test.toml || string(v.JSON()) != test.json {
			t.Errorf("Get(%q) = raw %q, TOML %q, JSON %q; want %q, %q, %q",
				test.path, v.Raw(), v.TOML(), v.JSON(), test.raw, test.toml, test.json)
		}
	}
}

func TestGetWithoutValue(t *testing.T) {
	const data = "a = [1, 2]\nt = { b = 'x' }\n"
	for path, want := range map[string]error{
		"nothing": ErrNotFound, "t.c": ErrNotFound, "t.b.c": ErrNotFound, "a[2]": ErrNotFound, "a.x": ErrNotFound, "a.-1": ErrNotFound,
		"t[0]": ErrNotFound, "a[0].x": ErrNotFound,
		"a[": ErrInvalidPath, "a[x]": ErrInvalidPath, "a[-1]": ErrInvalidPath, "a[1": ErrInvalidPath, "a[1]x": ErrInvalidPath, "t..b": ErrInvalidPath,
		"t.": ErrInvalidPath, `"t`: ErrInvalidPath, `'t`: ErrInvalidPath, `"t"b`: ErrInvalidPath, `"\q"`: ErrInvalidPath, "[0]": ErrInvalidPath, `"""t"""`: ErrInvalidPath,
	} {
		if v, err := Get([]byte(data), path); !isError(err, want) {
			t.Errorf("Get(%q) = %v, %v; want %v", path, v, err, want)
		}
	}
	if _, err := Get([]byte("a = \nb = 1"), "b"); !isError(err, ErrInvalidFile) {
		t.Errorf("of a broken file: %v", err)
	}
}

// FuzzGet: nothing panics, and what is found can be written and read again.
func FuzzGet(f *testing.F) {
	values := readTestdata(f, "rust", "values.toml")
	for _, path := range []string{".", "a.x[8].y[0]", `"k k"`, `"name.with.dots".inner`, "aot[1].y", "deep.er.list[0][1]", "t", "o", "[", `"`, "a..b"} {
		f.Add([]byte(values), path)
	}
	f.Add([]byte("x = '''\na'''\n"), "x")
	f.Fuzz(func(t *testing.T, data []byte, path string) {
		v, err := Get(data, path)
		if err != nil {
			return
		}
		if !json.Valid(v.JSON()) {
			t.Errorf("JSON %s", v.JSON())
		}
		again, err := Get([]byte("v = "+v.TOML()+"\n"), "v")
		if err != nil || again.TOML() != v.TOML() {
			t.Errorf("%q read again: %q, %v", v.TOML(), again.TOML(), err)
		}
	})
}

func TestFilesWrittenByFrostClient(t *testing.T) {
	for name, data := range recordedFiles(t) {
		k, err := decode(name, []byte(data))
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if got := string(k.encode()); got != data {
			t.Errorf("%s is written again as:\n%s\nwant:\n%s", name, got, data)
		}
	}
}

func TestEmptyKeyringAsFrostClientWritesIt(t *testing.T) {
	secret, _ := hex.DecodeString("89e8a7e551bd4fdf7553be9b3dba74c3f09a03ecaa1e841e99cf31dcd306e84e")
	private, err := commkey.NewPrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	k := newKeyring("alice.toml")
	if got, want := string(k.encode()), "version = 0\n\n[contact]\n\n[group]\n"; got != want {
		t.Errorf("without a key: %q, want %q", got, want)
	}
	if err := k.SetKey(private); err != nil {
		t.Fatal(err)
	}
	want, _, _ := strings.Cut(readTestdata(t, "interop", "n3t2", "alice.before.toml"), "[contact.Bob]")
	if got := string(k.encode()); got != want+"[contact]\n\n[group]\n" {
		t.Errorf("after init:\n%s\nwant:\n%s[contact]\n\n[group]\n", got, want)
	}
}

// What is unknown stays, after what is known.
const unknownFields = `version = 0
later = [1, [true], { a = "b" }]

[communication_key]
privkey = "89e8a7e551bd4fdf7553be9b3dba74c3f09a03ecaa1e841e99cf31dcd306e84e"
pubkey = "ffd81f130b4b779ffd99169e62aea3df127b9c5aa30c36605e3fe7158adc6f49"
made = 2026-11-22

[communication_key.backup]
where = "safe"

[contact.Bob]
name = "Bob"
pubkey = "84e034e47de36c7436e0892cdc5c92c52d5a4449e514afa4942f6891cd343f2e"
verified = true
version = 0

[contact.Bob.seen]
at = 07:32:00

[group.0123456789abcdef]
description = "of a suite to come"
ciphersuite = "FROST-SUITE-v9"
public_key_package = ""
key_package = "00ff"
server_url = ""
epoch = 3

[group.0123456789abcdef.participant.ff]
identifier = "ff"
pubkey = "1d79e28a2fd6bff9245235deea470ef344c41d22c472ae208c9b4dab4789d54e"
role = "observer"

[group.0123456789abcdef.policy]
max = 10

[group.0123456789abcdef.policy.hours]

[group.abcd]
description = ""
ciphersuite = ""
public_key_package = ""
key_package = ""

[group.abcd.participant]

[plugin.a]
x = 1.0

[plugin.b.c]
y = "\u0000"
`

func TestUnknownFieldsAreKept(t *testing.T) {
	k, err := decode("x.toml", []byte(unknownFields))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(k.encode()); got != unknownFields {
		t.Errorf("written again as:\n%s\nwant:\n%s", got, unknownFields)
	}
}

// FuzzCredentials: what decodes is written to what decodes and is written alike.
func FuzzCredentials(f *testing.F) {
	for _, data := range recordedFiles(f) {
		f.Add([]byte(data))
	}
	f.Add([]byte(unknownFields))
	f.Add([]byte(readTestdata(f, "rust", "names.toml")))
	f.Add([]byte("version = 0\n" + readTestdata(f, "rust", "values.toml")))
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := decode("fuzz.toml", data)
		if err != nil {
			return
		}
		_ = k.Warnings()
		first := k.encode()
		again, err := decode("fuzz.toml", first)
		if err != nil {
			t.Fatalf("%q is written as %q, which is refused: %v", data, first, err)
		}
		if second := again.encode(); string(second) != string(first) {
			t.Errorf("%q is written as %q, then as %q", data, first, second)
		}
	})
}
