package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"
)

const agreed = `version: 1
ceremony: board
threshold: 2
members: {Alice: {}, Bob: {}, Élodie: {}, Ann: {}, Eve: {}}
group: {description: "DKG: all"}
sign:
  - {message: minutes/march.txt, signers: [Bob, Alice, Élodie], output: march.sig}
`

// The encoding is written out here once more, field by field, as the doc comment
// of Digest has it.
func TestDigestEncoding(t *testing.T) {
	var encoded bytes.Buffer
	field := func(label, value string) {
		for _, s := range []string{label, value} {
			length := make([]byte, 8)
			binary.BigEndian.PutUint64(length, uint64(len(s)))
			encoded.Write(length)
			encoded.WriteString(s)
		}
	}
	field("frostkit ceremony", "\x00\x00\x00\x00\x00\x00\x00\x01")
	field("ceremony", "board")
	field("ciphersuite", "FROST-ED25519-SHA512-v1")
	field("threshold", "\x00\x00\x00\x00\x00\x00\x00\x02")
	field("members", "\x00\x00\x00\x00\x00\x00\x00\x05")
	field("member", "Alice")
	field("member", "Bob")
	field("member", "Élodie")
	field("member", "Ann")
	field("member", "Eve")
	field("description", "DKG: all")
	field("sign", "\x00\x00\x00\x00\x00\x00\x00\x01")
	field("message", "march.txt")
	field("signers", "\x00\x00\x00\x00\x00\x00\x00\x03")
	field("signer", "Bob")
	field("signer", "Alice")
	field("signer", "Élodie")
	want := sha256.Sum256(encoded.Bytes())
	if got := parse(t, agreed).Digest(); got != want {
		t.Errorf("Digest() = %x, want %x", got, want)
	}
	const golden = "b4153943ad943da7028d4400d716467630ec240eae0c23c5095b0bd625f7923b"
	if got := hex.EncodeToString(want[:]); got != golden {
		t.Errorf("the digest is %s, want %s: members with different versions would not agree", got, golden)
	}
}

// Changes that members must agree on change the digest, and no two of them to
// the same one; what is each member's own affair does not.
func TestDigestCovers(t *testing.T) {
	tests := []struct {
		name, old, new string
		same           bool
	}{
		{"ceremony", "board", "bored", false},
		{"threshold", "threshold: 2", "threshold: 3", false},
		{"member's name", "Ann", "Anne", false},
		{"order of members", "Alice: {}, Bob: {}", "Bob: {}, Alice: {}", false},
		{"another member", "Eve: {}", "Eve: {}, Sam: {}", false},
		{"boundary between names", "Ann: {}, Eve: {}", "An: {}, nEve: {}", false},
		{"description", "DKG: all", "DKG: al", false},
		{"no description", `{description: "DKG: all"}`, "{}", false},
		{"message", "march.txt", "april.txt", false},
		{"coordinator", "[Bob, Alice, Élodie]", "[Alice, Bob, Élodie]", false},
		{"another signer", "[Bob, Alice, Élodie]", "[Bob, Alice, Eve]", false},
		{"fewer signers", "[Bob, Alice, Élodie]", "[Bob, Alice]", false},
		{"no signing", "  - {message: minutes/march.txt, signers: [Bob, Alice, Élodie], output: march.sig}", "  []", false},

		{"suite written out", "threshold: 2", "threshold: 2\nciphersuite: ed25519", true},
		{"server", "threshold: 2", "threshold: 2\nserver: {url: relay.example, ca: ca.pem}", true},
		{"config", "Bob: {}", "Bob: {config: /srv/bob.toml}", true},
		{"contact", "Bob: {}", "Bob: {contact: zffrost1qyqqxsn0}", true},
		{"folder of message", "minutes/march.txt", "../march.txt", true},
		{"output", "march.sig", "other.sig", true},
		{"order of the other signers", "[Bob, Alice, Élodie]", "[Bob, Élodie, Alice]", true},
		{"comments and style", "members: ", "# who\nmembers:\n  ", true},
	}
	seen := map[[sha256.Size]byte]string{parse(t, agreed).Digest(): "the original"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(agreed, test.old) {
				t.Fatalf("%q is not in the original", test.old)
			}
			digest := parse(t, strings.Replace(agreed, test.old, test.new, 1)).Digest()
			if other, same := seen[digest]; same != test.same {
				t.Errorf("same digest as an earlier one: %v (%s), want %v", same, other, test.same)
			}
			seen[digest] = test.name
		})
	}
}
