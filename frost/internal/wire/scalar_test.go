package wire

import (
	"slices"
	"strings"
	"testing"

	"frostkit/frost/internal/group"
)

const scalarName = "signing_share"

// scalarBody is the JSON of a scalar with these digits.
func scalarBody(digits string) string {
	return `{"header":` + header + `,"signing_share":"` + digits + `"}`
}

// plainScalarMessages are read the short way.
var plainScalarMessages = []string{
	scalarBody(strings.Repeat("0", 64)),
	scalarBody(strings.Repeat("ab", 31) + "0f"),
	scalarBody(strings.Repeat("aB", 31) + "0F"),
	scalarBody("ecd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"), // the order less 1
}

// otherScalarMessages are left to DecodeJSON, which takes the first ones.
var otherScalarMessages = []string{
	" " + scalarBody(strings.Repeat("0", 64)),
	scalarBody(strings.Repeat("0", 64)) + "\n",
	strings.Replace(scalarBody(strings.Repeat("0", 64)), `":"`, `": "`, 1),
	strings.Replace(scalarBody(strings.Repeat("0", 64)), "signing", `si\u0067ning`, 1),
	scalarBody(strings.Repeat("0", 63) + `\u0030`),
	`{"signing_share":"` + strings.Repeat("0", 64) + `","header":` + header + `}`,
	`[` + header + `,"` + strings.Repeat("0", 64) + `"]`,
	scalarBody("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"), // the order
	scalarBody(strings.Repeat("f", 64)),
	scalarBody(strings.Repeat("0", 62)),
	scalarBody(strings.Repeat("0", 66)),
	scalarBody(strings.Repeat("0", 200)),
	scalarBody(strings.Repeat("0", 63)),
	scalarBody(strings.Repeat("0", 63) + "g"),
	scalarBody(strings.Repeat("0", 32) + `","signing_share":"` + strings.Repeat("0", 15)),
	scalarBody(""),
	scalarBody(strings.Repeat("0", 64)) + "}",
	scalarBody(strings.Repeat("0", 64))[:len(scalarBody(""))],
	strings.Replace(scalarBody(strings.Repeat("0", 64)), "0,", "1,", 1),
	strings.Replace(scalarBody(strings.Repeat("0", 64)), "25519", "448", 1),
	strings.Replace(scalarBody(strings.Repeat("0", 64)), "share", "shard", 1),
	`{"header":` + header + `,"signing_share":"}`,
	``,
}

func TestPlainScalars(t *testing.T) {
	for _, text := range plainScalarMessages {
		if x := group.Scalar(nil); !decodePlainScalar(suite, []byte(text), scalarName, &x) || x == nil {
			t.Errorf("%s is not read the short way", text)
		}
	}
	for _, text := range otherScalarMessages {
		if x := group.Scalar(nil); decodePlainScalar(suite, []byte(text), scalarName, &x) || x != nil {
			t.Errorf("%s is read the short way", text)
		}
	}
}

// FuzzDecodeScalarJSON holds the short way against the long one: they take the same with the same
// value, and refuse the rest with the same error.
func FuzzDecodeScalarJSON(f *testing.F) {
	for _, text := range slices.Concat(plainScalarMessages, otherScalarMessages) {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var short, long group.Scalar
		err := DecodeScalarJSON(suite, data, scalarName, &short)
		want := DecodeJSON(suite, data, Header(), Scalar(scalarName, &long))
		switch {
		case (err == nil) != (want == nil), err != nil && err.Error() != want.Error():
			t.Errorf("%q: %v, want %v", data, err, want)
		case err == nil && !short.Equal(long):
			t.Errorf("%q: scalars differ", data)
		}
	})
}

// Every message that differs from a plain one in a byte is taken or refused as before.
func TestScalarsWithOneByteChanged(t *testing.T) {
	for _, text := range plainScalarMessages {
		for i := range len(text) {
			for _, c := range []byte(" \t\n\"\\{}[]:,0aAgG9\x00\x7f\xff") {
				data := []byte(text)
				data[i] = c
				var short, long group.Scalar
				err := DecodeScalarJSON(suite, data, scalarName, &short)
				want := DecodeJSON(suite, data, Header(), Scalar(scalarName, &long))
				if (err == nil) != (want == nil) || err == nil && !short.Equal(long) {
					t.Errorf("%q: %v, want %v", data, err, want)
				}
			}
		}
	}
}

// The buffers of the short way hold no scalar afterwards.
func TestPlainScalarsAreWiped(t *testing.T) {
	var x group.Scalar
	for _, text := range slices.Concat(plainScalarMessages, otherScalarMessages) {
		decodePlainScalar(suite, []byte(text), scalarName, &x)
		buffer := plainScalars.Get().(*[64]byte)
		if *buffer != [64]byte{} {
			t.Errorf("left behind: %x", *buffer)
		}
		plainScalars.Put(buffer)
	}
}

func TestPlainScalarsAllocateTheScalarAlone(t *testing.T) {
	var x group.Scalar
	data := []byte(plainScalarMessages[1])
	if n := testing.AllocsPerRun(1000, func() { _ = DecodeScalarJSON(suite, data, scalarName, &x) }); n > 1 {
		t.Errorf("%v allocations", n)
	}
}
