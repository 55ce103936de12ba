package ceremony

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

const agreed = `version: 1
ceremony: board
threshold: 2
protocol: frostkit
members: {Alice: {}, Bob: {}, Élodie: {}, Ann: {}, Eve: {}}
groups:
  first: {description: "DKG: all"}
  second: {threshold: 3, members: [Ann, Bob, Alice], after: [march, first]}
sign:
  - {name: march, group: first, message: minutes/march.txt, sha256: 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF, signers: [Bob, Alice, Élodie], output: march.sig}
  - {group: second, message: may.txt, signers: {candidates: [Bob, Ann, Alice], need: 3, wait: 3m}, output: may.sig}
`

// The fields are written out here once more, as the doc comment of Agreed has
// them.
const agreedFields = `frostkit ceremony=1
ceremony=board
ciphersuite=FROST-ED25519-SHA512-v1
protocol=frostkit
members=5
members.1=Alice
members.2=Bob
members.3=Élodie
members.4=Ann
members.5=Eve
groups=2
groups.1.name=first
groups.1.description=DKG: all
groups.1.threshold=2
groups.1.members=5
groups.1.members.1=Alice
groups.1.members.2=Bob
groups.1.members.3=Élodie
groups.1.members.4=Ann
groups.1.members.5=Eve
groups.1.after=0
groups.2.name=second
groups.2.description=second
groups.2.threshold=3
groups.2.members=3
groups.2.members.1=Alice
groups.2.members.2=Bob
groups.2.members.3=Ann
groups.2.after=2
groups.2.after.1=first
groups.2.after.2=march
sign=2
sign.1.name=march
sign.1.group=first
sign.1.message=march.txt
sign.1.sha256=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
sign.1.need=0
sign.1.signers=3
sign.1.signers.1=Bob
sign.1.signers.2=Alice
sign.1.signers.3=Élodie
sign.1.after=0
sign.2.name=
sign.2.group=second
sign.2.message=may.txt
sign.2.sha256=
sign.2.need=3
sign.2.signers=3
sign.2.signers.1=Bob
sign.2.signers.2=Alice
sign.2.signers.3=Ann
sign.2.after=0
`

func TestDigestEncoding(t *testing.T) {
	var listed strings.Builder
	var encoded bytes.Buffer
	for _, field := range parse(t, agreed).Agreed() {
		fmt.Fprintf(&listed, "%s=%s\n", field.Label, field.Value)
		for _, s := range []string{field.Label, field.Value} {
			length := make([]byte, 8)
			binary.BigEndian.PutUint64(length, uint64(len(s)))
			encoded.Write(length)
			encoded.WriteString(s)
		}
	}
	if listed.String() != agreedFields {
		t.Errorf("Agreed lists\n%s\nwant\n%s", &listed, agreedFields)
	}
	want := sha256.Sum256(encoded.Bytes())
	if got := parse(t, agreed).Digest(); got != want {
		t.Errorf("Digest() = %x, want %x", got, want)
	}
	const golden = "7d2668e9ada5827ab47e5550a6ae578c7f90a291edc04c17bbc6593a66dd8579"
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
		{"member's name", "Élodie", "Elodie", false},
		{"order of members", "{Alice: {}, Bob: {}", "{Bob: {}, Alice: {}", false},
		{"another member", "Eve: {}", "Eve: {}, Sam: {}", false},
		{"group's name", "first", "erste", false},
		{"group's threshold", "threshold: 3", "threshold: 2", false},
		{"group's members", "members: [Ann, Bob, Alice]", "members: [Ann, Bob, Alice, Eve]", false},
		{"group's after", "after: [march, first]", "after: [march]", false},
		{"description", "DKG: all", "DKG: al", false},
		{"no description", `{description: "DKG: all"}`, "{}", false},
		{"message", "march.txt", "april.txt", false},
		{"sha256", "FF, signers", "FE, signers", false},
		{"no sha256", "sha256: 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF, ", "", false},
		{"coordinator", "[Bob, Alice, Élodie]", "[Alice, Bob, Élodie]", false},
		{"another signer", "[Bob, Alice, Élodie]", "[Bob, Alice, Eve]", false},
		{"fewer signers", "[Bob, Alice, Élodie]", "[Bob, Alice]", false},
		{"all candidates", "{candidates: [Bob, Ann, Alice], need: 3, wait: 3m}", "[Bob, Ann, Alice]", false},
		{"order of signings", "- {group: second,", "- {name: may, after: [march], group: second,", false},

		{"suite written out", "threshold: 2", "threshold: 2\nciphersuite: ed25519", true},
		{"server", "threshold: 2", "threshold: 2\nserver: {url: relay.example, ca: ca.pem}", true},
		{"timeouts", "threshold: 2", "threshold: 2\ntimeouts: {session: 5m}", true},
		{"config", "Bob: {}", "Bob: {config: /srv/bob.toml}", true},
		{"contact", "Bob: {}", "Bob: {contact: zffrost1qyqqxsn0}", true},
		{"approval", "Bob: {}", "Bob: {approve: prompt}", true},
		{"threshold written out", `{description: "DKG: all"}`, `{description: "DKG: all", threshold: 2}`, true},
		{"description written out", "second: {threshold", "second: {description: second, threshold", true},
		{"order of a group's members", "members: [Ann, Bob, Alice]", "members: [Alice, Bob, Ann]", true},
		{"order in after", "after: [march, first]", "after: [first, march]", true},
		{"sha256 in lower case", "AABBCCDDEEFF, ", "aabbccddeeff, ", true},
		{"need written out", "need: 3, wait: 3m", "need: 3", true},
		{"folder of message", "minutes/march.txt", "../march.txt", true},
		{"output", "march.sig", "other.sig", true},
		{"order of the other signers", "[Bob, Alice, Élodie]", "[Bob, Élodie, Alice]", true},
		{"comments and style", "members: {Alice", "# who\nmembers:\n  {Alice", true},
	}
	seen := map[[sha256.Size]byte]string{parse(t, agreed).Digest(): "the original"}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(agreed, test.old) {
				t.Fatalf("%q is not in the original", test.old)
			}
			digest := parse(t, change(agreed, test.old, test.new)).Digest()
			if other, same := seen[digest]; same != test.same {
				t.Errorf("same digest as an earlier one: %v (%s), want %v", same, other, test.same)
			}
			seen[digest] = test.name
		})
	}
}

func TestDigestCoversProtocol(t *testing.T) {
	const plain = "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\nprotocol: "
	if parse(t, plain+"frostkit").Digest() == parse(t, plain+"frost-client").Digest() {
		t.Error("the digest is the same under both protocols")
	}
}

// Recovery by a bundle is agreed on where it stands, for all groups or one, and nothing is where it does not.
func TestDigestCoversRecovery(t *testing.T) {
	const file = "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\n"
	plain, all, one := parse(t, file), parse(t, file+"recovery: bundle\n"), parse(t, file+"group: {recovery: bundle}\n")
	if plain.Digest() == all.Digest() || all.Digest() != one.Digest() {
		t.Errorf("digests %x, %x for all, %x for the one group", plain.Digest(), all.Digest(), one.Digest())
	}
	if plain.Groups[0].Recovery != "" || one.Groups[0].Recovery != RecoveryBundle {
		t.Errorf("recovery %q, %q", plain.Groups[0].Recovery, one.Groups[0].Recovery)
	}
	two := parse(t, file+"groups: {a: {recovery: bundle}, b: {}}\n")
	if two.Groups[0].Recovery != RecoveryBundle || two.Groups[1].Recovery != "" {
		t.Errorf("recovery of two groups %q, %q", two.Groups[0].Recovery, two.Groups[1].Recovery)
	}
}

// A group's key is agreed on where it stands.
func TestDigestCoversGroupKey(t *testing.T) {
	const file = "version: 1\nceremony: x\nthreshold: 2\nmembers: {A: {}, B: {}}\n"
	plain, pinned := parse(t, file), parse(t, file+"group: {key: "+strings.ToUpper(group)+"}\n")
	again, named := parse(t, file+"group: {key: "+group+"}\n"), parse(t, file+"groups: {a: {key: "+otherGroup+"}}\n")
	if plain.Digest() == pinned.Digest() || pinned.Digest() != again.Digest() {
		t.Errorf("digests %x, %x, %x", plain.Digest(), pinned.Digest(), again.Digest())
	}
	if pinned.Groups[0].Key != group || named.Groups[0].Key != otherGroup || plain.Groups[0].Key != "" {
		t.Errorf("keys %q, %q, %q", pinned.Groups[0].Key, named.Groups[0].Key, plain.Groups[0].Key)
	}
}

// change replaces text where it stands first; a name everywhere.
func change(text, from, to string) string {
	if strings.ContainsAny(from, " {[") {
		return strings.Replace(text, from, to, 1)
	}
	return strings.ReplaceAll(text, from, to)
}
