package protocol

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// record is a line of plaintexts.jsonl.
type record struct {
	Session       string `json:"session_id"`
	Sender        string `json:"sender"`
	Recipient     string `json:"recipient"`
	AsCoordinator bool   `json:"as_coordinator"`
	Noise         string `json:"noise"`
	Ciphertext    string `json:"ciphertext"`
	Plaintext     string `json:"plaintext"`
}

func readRecords(t testing.TB, ceremony string) []record {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", ceremony, "plaintexts.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var records []record
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	return records
}

func (r record) ciphertext(t testing.TB) []byte {
	t.Helper()
	b, err := hex.DecodeString(r.Ciphertext)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRecordedMessagesEncodeToTheSameBytes(t *testing.T) {
	want := map[string][]string{
		"n3t2": slices.Concat(slices.Repeat([]string{PhaseRound1}, 6), slices.Repeat([]string{PhaseEcho}, 6), slices.Repeat([]string{PhaseRound2}, 6),
			slices.Repeat([]string{PhaseCommitments}, 2), slices.Repeat([]string{PhasePackage}, 2), slices.Repeat([]string{PhaseShares}, 2)),
		"n2t2": {PhaseRound1, PhaseRound1, PhaseRound2, PhaseRound2, PhaseCommitments, PhaseCommitments, PhasePackage, PhasePackage, PhaseShares, PhaseShares},
	}
	for ceremony, phases := range want {
		var got []string
		for _, r := range readRecords(t, ceremony) {
			phase := PhaseOf([]byte(r.Plaintext))
			got = append(got, phase)
			m, err := decode(suite, phase, []byte(r.Plaintext))
			if err != nil {
				t.Fatalf("%s: %v of %s", ceremony, err, r.Plaintext)
			}
			if m.phase() != phase {
				t.Errorf("%s: message of %q decodes as one of %q", ceremony, phase, m.phase())
			}
			if again := m.encode(); string(again) != r.Plaintext {
				t.Errorf("%s: %s encodes as %s", ceremony, r.Plaintext, again)
			}
		}
		if !slices.Equal(got, phases) {
			t.Errorf("%s: phases %q, want %q", ceremony, got, phases)
		}
	}
}

// malformed are messages that have a form and do not decode.
var malformed = map[string]string{
	`{"proof_of_knowledge":""}`:                             PhaseRound1,
	`["00",{"proof_of_knowledge":""}]`:                      PhaseEcho,
	`["0100",{"proof_of_knowledge":""},1]`:                  PhaseEcho,
	`[7,{"proof_of_knowledge":""}]`:                         PhaseEcho,
	`["proof_of_knowledge"`:                                 PhaseEcho,
	`{"signing_share":"00"}`:                                PhaseRound2,
	`[{"hiding":1}]`:                                        PhaseCommitments,
	`[{"hiding":1}`:                                         PhaseCommitments,
	`{"signing_package":[],"aux_msg":"","randomizer":[]}`:   PhasePackage,
	`{"signing_package":[{}],"aux_msg":"","randomizer":[]}`: PhasePackage,
	`{"signing_package":null,"aux_msg":"","randomizer":[]}`: PhasePackage,
	`{"signing_package":[]`:                                 PhasePackage,
	`[{"share":"00"}]`:                                      PhaseShares,
	`  [ {"share":"00"} ] `:                                 PhaseShares,
}

func TestMalformedMessagesAreTold(t *testing.T) {
	for text, phase := range malformed {
		if got := PhaseOf([]byte(text)); got != phase {
			t.Errorf("%s has the shape of %q, want %q", text, got, phase)
		}
		if m, err := decode(suite, phase, []byte(text)); err == nil {
			t.Errorf("%s decodes as %v", text, m)
		}
	}
	for _, text := range []string{"", " ", "null", "7", `""`, "[]", "{}", "[[]]", `{"header":{}}`, "\x00\xff"} {
		if got := PhaseOf([]byte(text)); got != "" {
			t.Errorf("%q has the shape of %q, want none", text, got)
		}
		if m, err := decode(suite, "", []byte(text)); err == nil {
			t.Errorf("%q decodes as %v", text, m)
		}
	}
}

func TestSigningPackagesAreStrict(t *testing.T) {
	var good string
	for _, r := range readRecords(t, "n2t2") {
		if PhaseOf([]byte(r.Plaintext)) == PhasePackage {
			good = r.Plaintext
		}
	}
	for from, to := range map[string]string{
		`"aux_msg":""`:    `"aux_msg":"0"`,
		`,"aux_msg":""`:   ``,
		`"randomizer":[]`: `"randomizer":["` + strings.Repeat("0", 64) + `"]`,
		`,"randomizer"`:   `,"aux_msg":"","randomizer"`,
		`"randomizer"`:    `"more":1,"randomizer"`,
		`[]}`:             `[]}x`,
		`"aux_msg":`:      `"aux_msg":7,"a":`,
	} {
		bad := strings.Replace(good, from, to, 1)
		if m, err := decode(suite, PhasePackage, []byte(bad)); err == nil {
			t.Errorf("%s decodes as %v", bad, m)
		}
	}
	m, err := decode(suite, PhasePackage, []byte(strings.Replace(good, `"aux_msg":""`, `"aux_msg":"00Ff"`, 1)))
	if err != nil || !bytes.Equal(m.(signingPackages).aux, []byte{0, 255}) {
		t.Errorf("aux data decodes as %v, %v", m, err)
	}
}

// FuzzDecode: nothing panics, and what decodes encodes to something that
// decodes to the same message and encodes to the same bytes.
func FuzzDecode(f *testing.F) {
	for _, ceremony := range []string{"n3t2", "n2t2"} {
		for _, r := range readRecords(f, ceremony) {
			f.Add([]byte(r.Plaintext))
		}
	}
	for text := range malformed {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		PhaseOf(payload)
		for _, s := range shapes {
			m, err := decode(suite, s.phase, payload)
			if err != nil {
				continue
			}
			encoded := m.encode()
			again, err := decode(suite, PhaseOf(encoded), encoded)
			if err != nil {
				t.Fatalf("%q encodes to %q, which does not decode: %v", payload, encoded, err)
			}
			if !m.equal(again) || m.about() != again.about() || !bytes.Equal(encoded, again.encode()) {
				t.Fatalf("%q decodes and encodes to %q, and that to %q", payload, encoded, again.encode())
			}
		}
	})
}
