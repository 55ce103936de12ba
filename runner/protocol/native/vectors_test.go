package native

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"slices"
	"testing"

	"frostkit/commkey"
	"frostkit/frost"
)

var write = flag.Bool("write", false, "write testdata/vectors.json anew, with new signatures and seals")

// hexText is a byte string in hexadecimal.
type hexText []byte

func (h hexText) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

func (h *hexText) UnmarshalText(text []byte) (err error) {
	*h, err = hex.AppendDecode(nil, text)
	return err
}

// vectors are what docs/protocol.md calls test vectors.
type vectors struct {
	Session       hexText        `json:"session"`
	Digest        hexText        `json:"digest"`
	Step          string         `json:"step"`
	Threshold     int            `json:"threshold"`
	Members       []vectorMember `json:"members"`
	MembersDigest hexText        `json:"members_digest"`
	AttemptID     hexText        `json:"attempt_id"`
	Context       hexText        `json:"cocktail_context"`
	Extension     hexText        `json:"extension"`
	Sealed        struct {
		Payload  hexText `json:"payload"`
		Envelope hexText `json:"envelope_of_1_to_2"`
	} `json:"sealed"`
	Bodies     map[string]hexText `json:"bodies"`
	Proposal   hexText            `json:"proposal_body"`
	ProposalID hexText            `json:"proposal_id"`
}

type vectorMember struct {
	Private  hexText `json:"private_key"`
	Public   hexText `json:"public_key"`
	Static   hexText `json:"static_key"`
	Run      hexText `json:"run"`
	Nonce    hexText `json:"nonce"`
	Greeting hexText `json:"greeting_body"`
	Envelope hexText `json:"greeting_envelope"`
}

// vectorPeople are members with keys of the repeated bytes 1, 2 and 3.
func vectorPeople(t *testing.T) []*person {
	t.Helper()
	people := newPeople(t, 3)
	for i, p := range people {
		var err error
		if p.private, err = commkey.NewPrivateKey(bytes.Repeat([]byte{byte(i + 1)}, 32)); err != nil {
			t.Fatal(err)
		}
		p.Key = p.private.Public()
	}
	return people
}

// vectorGeneration is the first member's run, with the greetings of all.
func vectorGeneration(t *testing.T, people []*person) *generation {
	t.Helper()
	cfg := people[0].config(people, 2)
	cfg.Session = sessionID(bytes.Repeat([]byte{0x5e}, 16))
	g, err := newGeneration(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.static.Destroy)
	for i, p := range people {
		x := greeting{version: Version, digest: cfg.Digest, members: g.membersDigest(), step: cfg.Step, tool: "frostkit/test"}
		x.run = runID(bytes.Repeat([]byte{0x10 + byte(i)}, 16))
		x.nonce = [32]byte(bytes.Repeat([]byte{0x20 + byte(i)}, 32))
		if i == 2 {
			x.held = []held{{AttemptID(bytes.Repeat([]byte{0x30}, 32)), true}}
		}
		x = p.withAttemptKey(x, cfg.Session)
		g.greetings[p.Key] = taken{from: p.Member, message: message{kind: kindGreeting, number: 1, body: x.encode()}, greeting: x}
	}
	if err := g.agree(t.Context()); err != nil {
		t.Fatal(err)
	}
	return g
}

func run(b byte) runID { return runID(bytes.Repeat([]byte{b}, 16)) }

// greetingOfVersion1 is the first member's greeting in the vectors of version 1.
var greetingOfVersion1, _ = hex.DecodeString("00011010101010101010101010101010101020202020202020202020202020202020202020202020202020202020202020203b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80f4e5101c41c1c25deb5e3def6b844cc847a39e2ce94c9724af522a418733868205626f6172640d66726f73746b69742f7465737400")

// vectorBodies are examples of the other bodies.
func vectorBodies() map[string]hexText {
	id := AttemptID(bytes.Repeat([]byte{0x30}, 32))
	return map[string]hexText{
		"facts":                    toldFacts{run(0x11), greeting{version: Version, run: run(0x10)}.encode(), []Fact{{"ceremony", "board"}, {"members needed to sign", "2"}}}.encode(),
		"early_abort":              earlyAbort{run(0x10), []runID{run(0x11), run(0x12)}, abort{why: whyFailed, reason: "because"}.encode()}.encode(),
		"greeting_with_extensions": greeting{version: Version, run: run(0x10), extensions: []Extension{{Type: 1, Value: []byte("any")}, {Type: 0x8001, Critical: true}}}.encode(),
		"greeting_of_version_1":    greetingOfVersion1,
		"chunk":                    message{kindCertificate, 1, AttemptID{}, make([]byte, 100_000)}.split()[1].body,
		"finished":                 slices.Concat(id[:], bytes.Repeat([]byte{0x50}, 2*64)),
		"abort":                    abort{whyBlame, "because", []accusation{{[]byte{2, 0, 1}, id}}}.encode(),
		"want":                     want{kindRound1, []uint16{1, 3}}.encode(),
		"views":                    encodeViews([][32]byte{id, id, id}),
		"forward":                  forwarded{2, []byte{formSigned, 0xaa}}.encode(),
		"hello":                    hello{runID(bytes.Repeat([]byte{0x11}, 16)), "frostkit/test"}.encode(),
		"end":                      ending{"commitments", [][]byte{bytes.Repeat([]byte{2}, 32)}, "because"}.encode(),
		"items":                    items{runID(bytes.Repeat([]byte{0x11}, 16)), [][]byte{{1, 2}, {3}}}.encode(),
	}
}

func vectorProposal(t *testing.T, cfg DKGConfig) proposal {
	t.Helper()
	key, err := frost.DecodeSigningKey(suite, append([]byte{1}, make([]byte, 31)...))
	if err != nil {
		t.Fatal(err)
	}
	return proposal{
		version: Version, run: runID(bytes.Repeat([]byte{0x40}, 16)), digest: cfg.Digest, step: "minutes", tool: "frostkit/test",
		group: key.VerifyingKey().Bytes(), need: 2, candidates: encodedIDs(cfg.Members), aux: []byte("aux"), messages: [][]byte{[]byte("first"), nil},
	}
}

const vectorsFile = "testdata/vectors.json"

func TestVectors(t *testing.T) {
	people := vectorPeople(t)
	g := vectorGeneration(t, people)
	if *write {
		writeVectors(t, people, g)
	}
	data, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	members := g.membersDigest()
	same := func(what string, got, want []byte) {
		t.Helper()
		if !bytes.Equal(got, want) {
			t.Errorf("%s is %x, want %x", what, got, want)
		}
	}
	for i, m := range v.Members {
		same("public key", people[i].Key.Bytes(), m.Public)
		same("static key", g.publics[i].Bytes(), m.Static)
		same("greeting", g.greetings[people[i].Key].body, m.Greeting)
		payload, err := openEnvelope(g.cfg.Key, g.cfg.Session, people[i].Key, m.Envelope)
		if err != nil {
			t.Error(err)
		}
		same("payload", payload, g.greetings[people[i].Key].encode())
		if x, err := decodeGreeting(m.Greeting); err != nil || !bytes.Equal(x.encode(), m.Greeting) {
			t.Errorf("greeting read back as %v, %v", x, err)
		}
	}
	same("members digest", members[:], v.MembersDigest)
	same("attempt ID", g.id[:], v.AttemptID)
	same("context", g.setup.Context(), v.Context)
	same("extension", g.extension(), v.Extension)
	payload, err := openEnvelope(people[1].private, g.cfg.Session, people[0].Key, v.Sealed.Envelope)
	if err != nil {
		t.Error(err)
	}
	same("sealed payload", payload, v.Sealed.Payload)
	for name, body := range vectorBodies() {
		same(name, body, v.Bodies[name])
	}
	same("proposal", vectorProposal(t, g.cfg).encode(), v.Proposal)
	id := proposalID(g.cfg.Session, v.Proposal)
	same("proposal ID", id[:], v.ProposalID)
}

func writeVectors(t *testing.T, people []*person, g *generation) {
	t.Helper()
	v := vectors{Session: g.cfg.Session[:], Digest: g.cfg.Digest[:], Step: g.cfg.Step, Threshold: g.cfg.Threshold}
	for i, p := range people {
		x := g.greetings[p.Key]
		envelope, err := signEnvelope(p.private, g.cfg.Session, x.encode())
		if err != nil {
			t.Fatal(err)
		}
		v.Members = append(v.Members, vectorMember{
			p.private.SecretBytes(), p.Key.Bytes(), g.publics[i].Bytes(), x.greeting.run[:], x.greeting.nonce[:], x.body, envelope,
		})
	}
	members := g.membersDigest()
	v.MembersDigest, v.AttemptID, v.Context, v.Extension = members[:], g.id[:], g.setup.Context(), g.extension()
	v.Sealed.Payload = message{kindFacts, 1, AttemptID{}, toldFacts{}.encode()}.encode()
	var err error
	if v.Sealed.Envelope, err = sealEnvelope(people[0].private, g.cfg.Session, people[1].Key, v.Sealed.Payload); err != nil {
		t.Fatal(err)
	}
	v.Bodies = vectorBodies()
	v.Proposal = vectorProposal(t, g.cfg).encode()
	id := proposalID(g.cfg.Session, v.Proposal)
	v.ProposalID = id[:]
	encoded, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(encoded, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// FuzzMessage takes any payload that a member can sign: what decodes encodes to the same bytes, and nothing
// panics.
func FuzzMessage(f *testing.F) {
	for _, body := range vectorBodies() {
		for k := kindGreeting; k <= kindCertificate; k++ {
			f.Add(message{kind: k, number: 1, body: body}.encode())
		}
	}
	for _, list := range [][]held{{{}}, {{}, {finished: true}}, {{recordID(1), true}, {recordID(2), false}}, {{recordID(1), true}, {recordID(2), false}, {recordID(1), true}}} {
		f.Add(message{kind: kindGreeting, number: 1, body: greeting{version: Version, held: list}.encode()}.encode())
	}
	f.Add(message{kind: kindWant, number: 1, body: want{kindRound1, []uint16{1, 1}}.encode()}.encode())
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := decodeMessage(payload)
		if err != nil {
			return
		}
		if !bytes.Equal(m.encode(), payload) {
			t.Errorf("message %x encodes to %x", payload, m.encode())
		}
		again := func(encoded []byte, err error) {
			if err == nil && !bytes.Equal(encoded, m.body) {
				t.Errorf("body %x encodes to %x", m.body, encoded)
			}
		}
		if x, err := decodeGreeting(m.body); err == nil && x.version == Version {
			again(x.encode(), nil)
			listed := map[AttemptID]bool{}
			for _, h := range x.held {
				listed[h.attempt] = true
			}
			if len(listed) < len(x.held) {
				t.Errorf("greeting %x lists a record twice", m.body)
			}
		}
		facts, _, err := decodeFacts(m.body)
		if err == nil && bytes.HasPrefix(facts.greeting, []byte{0, Version}) {
			again(facts.encode(), nil)
		}
		early, err := decodeEarlyAbort(m.body, 3)
		again(early.encode(), err)
		part, err := decodeChunk(m.body)
		again(part.encode(), err)
		a, err := decodeAbort(m.body, 3)
		again(a.encode(), err)
		w, err := decodeWant(m.body)
		again(w.encode(), err)
		views, err := decodeViews(m.body, 3)
		again(encodeViews(views), err)
		forward, err := decodeForwarded(m.body)
		again(forward.encode(), err)
		list, err := decodeItems(m.body)
		again(list.encode(), err)
		e, err := decodeEnding(m.body)
		again(e.encode(), err)
		h, err := decodeHello(m.body)
		again(h.encode(), err)
		if p, err := decodeProposal(m.body); err == nil && p.version == Version {
			again(p.encode(), nil)
		}
		_, _ = decodeChosen(suite, m.body, 2)
	})
}
