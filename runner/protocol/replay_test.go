package protocol

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"frostkit/commkey"
	"frostkit/frost"
)

// ceremony is a recorded ceremony of frost-client.
type ceremony struct {
	records []record
	people  map[string]person // with the identifiers of the DKG's session
	dir     string
}

func readCeremony(t *testing.T, name string) *ceremony {
	t.Helper()
	c := &ceremony{records: readRecords(t, name), people: make(map[string]person), dir: filepath.Join("testdata", name)}
	session := uuid.MustParse(c.records[0].Session)
	files, err := filepath.Glob(filepath.Join(c.dir, "*.after.toml"))
	if err != nil || len(files) < 2 {
		t.Fatalf("credentials: %q, %v", files, err)
	}
	for _, file := range files {
		who := strings.TrimSuffix(filepath.Base(file), ".after.toml")
		secret, err := hex.DecodeString(c.credential(t, who, "privkey"))
		if err != nil {
			t.Fatal(err)
		}
		private, err := commkey.NewPrivateKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		id, err := DKGIdentifier(suite, session, private.Public())
		if err != nil {
			t.Fatal(err)
		}
		c.people[who] = person{Member{Name: who, Key: private.Public(), Identifier: id}, private}
	}
	return c
}

// credential returns a value of a member's file.
func (c *ceremony) credential(t *testing.T, who, name string) string {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` = "([0-9a-f]+)"`).FindStringSubmatch(string(c.file(t, who+".after.toml")))
	if found == nil {
		t.Fatalf("there is no %s in the file of %s", name, who)
	}
	return found[1]
}

func (c *ceremony) file(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(c.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c *ceremony) members() []Member {
	var list []Member
	for _, p := range c.people {
		list = append(list, p.Member)
	}
	return list
}

func (c *ceremony) public(t *testing.T) *frost.PublicKeyPackage {
	t.Helper()
	b, err := hex.DecodeString(c.credential(t, "alice", "public_key_package"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := frost.DecodePublicKeyPackagePostcard(suite, b)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// play delivers the recorded messages for a member to a hub, as they were
// sealed, but for those that the member sent to itself.
func (c *ceremony) play(t *testing.T, hub *Hub, who string, phases ...string) {
	t.Helper()
	for _, r := range c.records {
		if r.Recipient != who || !strings.Contains(strings.Join(phases, ","), PhaseOf([]byte(r.Plaintext))) {
			continue
		}
		to := c.people[who].Key
		if r.AsCoordinator {
			to = commkey.PublicKey{}
		}
		if err := hub.Endpoint(c.people[r.Sender].Key, false).Send(t.Context(), to, r.ciphertext(t)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSealOpensRecordedMessages(t *testing.T) {
	for _, name := range []string{"n3t2", "n2t2"} {
		c := readCeremony(t, name)
		type mailbox struct {
			session, who  string
			asCoordinator bool
		}
		hubs := make(map[mailbox]*Hub)
		ends := make(map[mailbox]Transport)
		var peers []commkey.PublicKey
		for _, p := range c.people {
			peers = append(peers, p.Key)
		}
		for _, r := range c.records {
			box := mailbox{r.Session, r.Recipient, r.AsCoordinator}
			if hubs[box] == nil {
				hubs[box] = NewHub()
				ends[box] = Seal(hubs[box].Endpoint(c.people[r.Recipient].Key, false), c.people[r.Recipient].private, peers, commkey.PublicKey{})
			}
			sender := hubs[box].Endpoint(c.people[r.Sender].Key, false)
			if err := sender.Send(t.Context(), c.people[r.Recipient].Key, r.ciphertext(t)); err != nil {
				t.Fatal(err)
			}
			if m, err := ends[box].Receive(t.Context()); err != nil || string(m.Payload) != r.Plaintext {
				t.Errorf("%s: %s to %s opens as %q, %v, want %q", name, r.Sender, r.Recipient, m.Payload, err, r.Plaintext)
			}
		}
	}
}

func TestDKGIdentifierOfRecordedMembers(t *testing.T) {
	c := readCeremony(t, "n3t2")
	for who, p := range c.people {
		if _, known := c.public(t).VerifyingShare(p.Identifier); !known {
			t.Errorf("%s has the identifier %s, which the recorded group lacks", who, p.Identifier)
		}
	}
}

// TestDKGWithRecordedPeers has each member in turn generate a key with what
// frost-client's members sent it. They sent to its identifier, so all their
// proofs and shares hold, whatever its own polynomial is.
func TestDKGWithRecordedPeers(t *testing.T) {
	for _, name := range []string{"n3t2", "n2t2"} {
		c := readCeremony(t, name)
		for who, self := range c.people {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			hub := NewHub()
			c.play(t, hub, who, PhaseRound1, PhaseEcho, PhaseRound2)
			var sent []string
			hub.Intercept(func(e Envelope) []Delivery {
				sent = append(sent, string(e.Payload))
				return nil
			})
			saved := false
			peers := make([]commkey.PublicKey, 0, len(c.people))
			for _, p := range c.people {
				peers = append(peers, p.Key)
			}
			result, err := DKG(ctx, &openedOnly{hub.Endpoint(self.Key, false), Seal(hub.Endpoint(self.Key, false), self.private, peers, commkey.PublicKey{})}, DKGConfig{
				Ciphersuite: suite,
				Threshold:   2,
				Self:        self.Key,
				Members:     c.members(),
				Save:        func(*frost.KeyPackage, *frost.PublicKeyPackage) error { saved = true; return nil },
			})
			cancel()
			if err != nil || !saved {
				t.Fatalf("%s of %s: %v, saved %v", who, name, err, saved)
			}
			result.KeyPackage.Destroy()
			c.checkEchoes(t, who, sent)
		}
	}
}

// openedOnly receives sealed messages and sends plain ones, to be looked at.
type openedOnly struct {
	out, in Transport
}

func (o *openedOnly) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	return o.out.Send(ctx, to, payload)
}

func (o *openedOnly) Receive(ctx context.Context) (Message, error) { return o.in.Receive(ctx) }

// checkEchoes: a member's echoes, which are all that it sends without
// randomness, are those that frost-client's member sent.
func (c *ceremony) checkEchoes(t *testing.T, who string, sent []string) {
	t.Helper()
	var got, want []string
	for _, payload := range sent {
		if PhaseOf([]byte(payload)) == PhaseEcho {
			got = append(got, payload)
		}
	}
	for _, r := range c.records {
		if r.Sender == who && PhaseOf([]byte(r.Plaintext)) == PhaseEcho {
			want = append(want, r.Plaintext)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s echoed %q, want %q", who, got, want)
	}
	if n := len(c.people) - 1; len(sent) != 2*n+len(want) {
		t.Errorf("%s sent %d messages, want %d", who, len(sent), 2*n+len(want))
	}
}

// TestCoordinateWithRecordedSigners: with the recorded commitments and shares the
// coordinator sends the recorded packages and makes the recorded signature.
func TestCoordinateWithRecordedSigners(t *testing.T) {
	for _, name := range []string{"n3t2", "n2t2"} {
		c := readCeremony(t, name)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		alice, signers := c.people["alice"], []Member{c.people["alice"].Member, c.people["bob"].Member}
		hub := NewHub()
		c.play(t, hub, "alice", PhaseCommitments)
		sent := make(map[commkey.PublicKey][][]byte)
		hub.Intercept(func(e Envelope) []Delivery {
			if e.To.IsZero() {
				return Deliver(e)
			}
			sent[e.To] = append(sent[e.To], e.Payload)
			return nil
		})
		signatures, err := Coordinate(ctx, &openedOnly{
			hub.Endpoint(alice.Key, true),
			Seal(hub.Endpoint(alice.Key, true), alice.private, []commkey.PublicKey{alice.Key, c.people["bob"].Key}, commkey.PublicKey{}),
		}, CoordinateConfig{
			PublicKeyPackage: c.public(t),
			Signers:          signers,
			Messages:         [][]byte{c.file(t, "board-meeting-250917.txt")},
			Progress: func(e Event) {
				if e.Kind == Complete && e.Phase == PhaseCommitments {
					c.play(t, hub, "alice", PhaseShares)
				}
			},
		})
		cancel()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if want := c.file(t, "board-meeting-250917.sig"); len(signatures) != 1 || !bytes.Equal(signatures[0].Bytes(), want) {
			t.Errorf("%s: signatures %v, want %x", name, signatures, want)
		}
		for _, r := range c.records {
			if PhaseOf([]byte(r.Plaintext)) != PhasePackage {
				continue
			}
			to := c.people[r.Recipient].Key
			if len(sent[to]) != 1 || string(sent[to][0]) != r.Plaintext {
				t.Errorf("%s: sent %q to %s, want %q", name, sent[to], r.Recipient, r.Plaintext)
			}
		}
	}
}

// TestParticipateRefusesARecordedPackage: a replayed package has old
// commitments.
func TestParticipateRefusesARecordedPackage(t *testing.T) {
	c := readCeremony(t, "n3t2")
	b, err := hex.DecodeString(c.credential(t, "bob", "key_package"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := frost.DecodeKeyPackagePostcard(suite, b)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	bob, alice := c.people["bob"], c.people["alice"]
	hub := NewHub()
	c.play(t, hub, "bob", PhasePackage)
	err = Participate(ctx, Seal(hub.Endpoint(bob.Key, false), bob.private, []commkey.PublicKey{alice.Key}, alice.Key), ParticipateConfig{
		KeyPackage:  key,
		Members:     c.members(),
		Coordinator: alice.Key,
		Approve: func(context.Context, Review) error {
			t.Error("bob was asked about a replayed package")
			return nil
		},
	})
	if blamed(err) != "alice" || !strings.Contains(err.Error(), "other commitments than this member's") {
		t.Errorf("bob: %v", err)
	}
}
