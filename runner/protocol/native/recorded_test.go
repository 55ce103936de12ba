package native

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"

	"frostkit/frost"
	"frostkit/frost/cocktail"
	"frostkit/relay/xeddsa"
	"frostkit/runner/protocol"
)

// recording is what a relay sees of a key generation: every message of round 1, in the members' order.
type recording struct {
	mu     sync.Mutex
	round1 map[string][]byte // by name
	id     AttemptID
}

func (r *recording) of(people []*person) protocol.Fault {
	return func(e protocol.Envelope) []protocol.Delivery {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, p := range people {
			if is(p, nil, kindRound1)(e) {
				m, _ := opened(e.Payload)
				r.round1[p.Name], r.id = m.body, m.id
			}
		}
		return protocol.Deliver(e)
	}
}

// An attacker keeps all messages of a key generation. Afterwards it gets the communication keys of as many members as
// sign. It has the group's key only where the members asked for recovery by such keys.
func TestRecordedTrafficAndStolenKeys(t *testing.T) {
	const threshold = 2
	for name, bundle := range map[string]bool{"keys of the attempt": false, "recovery by bundle": true} {
		t.Run(name, func(t *testing.T) {
			people, hub := newPeople(t, 3), protocol.NewHub()
			heard := &recording{round1: map[string][]byte{}}
			hub.Intercept(heard.of(people))
			ends := generate(within(t), people, threshold, hub, func(_ *person, c *DKGConfig) { c.Bundle = bundle })
			mustAgree(t, people, threshold, ends)
			key := heard.attack(t, people, []int{0, 2}, threshold)
			found := key != nil && bytes.Equal(new(edwards25519.Point).ScalarBaseMult(key).Bytes(), ends["alice"].PublicKeyPackage.VerifyingKey().Bytes())
			if found != bundle {
				t.Errorf("the attacker has the group's key: %t, want %t", found, bundle)
			}
			if open := people[0].records[0].Share == nil; open != bundle {
				t.Errorf("the record holds a bundle alone: %t, want %t", open, bundle)
			}
		})
	}
}

// The key of an attempt is wiped when the share is stored, and when another attempt begins.
func TestAttemptKeysAreWiped(t *testing.T) {
	people, hub := newPeople(t, 2), protocol.NewHub()
	cfg := people[0].config(people, 2)
	g, err := newGeneration(cfg)
	if err != nil {
		t.Fatal(err)
	}
	g.cfg.Store = func(Record) error {
		if _, err := g.attemptKey.ProvePossession(); err != nil && len(people[0].groups) == 0 {
			t.Errorf("the key is wiped before the share is stored: %v", err)
		}
		return nil
	}
	g.mail = openMail(within(t), hub.Endpoint(g.self.Key, false), cfg.Key, cfg.Session)
	defer g.mail.close()
	var running sync.WaitGroup
	ctx, stop := context.WithCancel(within(t))
	running.Go(func() { generateFor(ctx, people, people[1:], 2, hub, nil) })
	if err := g.greet(within(t)); err != nil {
		t.Fatal(err)
	}
	if err := g.generate(within(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := g.attemptKey.ProvePossession(); !errors.Is(err, frost.ErrDestroyed) {
		t.Errorf("the key outlives the storing of the share: %v", err)
	}
	for _, ended := range []func(){func() { g.begin(2) }, g.destroy} {
		own, err := g.newGreeting()
		if err != nil || own.attemptKey == nil {
			t.Fatal(err)
		}
		key := g.attemptKey
		ended()
		if _, err := key.ProvePossession(); !errors.Is(err, frost.ErrDestroyed) {
			t.Errorf("the key outlives its attempt: %v", err)
		}
	}
	stop()
	running.Wait()
}

// Greetings without a key, with one of low order, and with a proof of another member, run or session are dropped.
func TestAttemptKeysAreProven(t *testing.T) {
	people := newPeople(t, 3)
	g, err := newGeneration(people[0].config(people, 2))
	if err != nil {
		t.Fatal(err)
	}
	good := people[1].withAttemptKey(greeting{version: Version}, session)
	if err := g.checkAttemptKey(people[1].Member, good); err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]greeting{
		"no key":           {version: Version},
		"low order":        {version: Version, attemptKey: make([]byte, 32), possession: good.possession},
		"another's":        people[2].withAttemptKey(greeting{version: Version}, session),
		"another run":      changed(good, func(x *greeting) { x.run[0]++ }),
		"another nonce":    changed(good, func(x *greeting) { x.nonce[0]++ }),
		"another session":  people[1].withAttemptKey(greeting{version: Version}, sessionID{9}),
		"no proof":         changed(good, func(x *greeting) { x.possession = nil }),
		"another's key":    changed(good, func(x *greeting) { x.attemptKey = people[2].withAttemptKey(*x, session).attemptKey }),
		"a static key":     changed(good, func(x *greeting) { x.attemptKey = g.publics[1].Bytes() }),
		"the identity":     changed(good, func(x *greeting) { x.attemptKey = append([]byte{1}, make([]byte, 31)...) }),
		"a proof too long": changed(good, func(x *greeting) { x.possession = append(slices.Clone(x.possession), 0) }),
	} {
		if err := g.checkAttemptKey(people[1].Member, x); !errors.Is(err, errPossession) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func changed(x greeting, change func(*greeting)) greeting { change(&x); return x }

// Two members that share an attempt key, and one that uses a static key as such, are named by the others.
func TestSharedAttemptKeysAreNamed(t *testing.T) {
	people := newPeople(t, 3)
	g, err := newGeneration(people[0].config(people, 2))
	if err != nil {
		t.Fatal(err)
	}
	for want, key := range map[string][]byte{
		"bob, carol": people[2].withAttemptKey(greeting{version: Version}, session).attemptKey,
		"bob":        g.publics[0].Bytes(),
	} {
		for _, p := range people {
			x := p.withAttemptKey(greeting{version: Version}, session)
			if p == people[1] {
				x.attemptKey = key
			}
			g.greetings[p.Key] = taken{from: p.Member, greeting: x}
		}
		if _, err := g.newSetup(); blamed(err) != want {
			t.Errorf("got %v, want blame of %s", err, want)
		}
	}
}

func TestRecordsNeitherPrintNorMarshal(t *testing.T) {
	r := Record{Share: []byte("share"), Transcript: []byte("transcript")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if text := fmt.Sprintf(verb, r); text != "[record]" {
			t.Errorf("%s prints %s", verb, text)
		}
	}
	if text, err := json.Marshal(r); !errors.Is(err, errMarshal) {
		t.Errorf("marshalled %s, %v", text, err)
	}
}

// attack computes the shares of those whose keys were stolen, and of them the group's key; nil where nothing opens.
func (r *recording) attack(t *testing.T, people []*person, stolen []int, threshold int) *edwards25519.Scalar {
	key := edwards25519.NewScalar()
	for _, j := range stolen {
		share := edwards25519.NewScalar()
		for i := range people {
			part := r.open(t, people, i, j, threshold)
			if part == nil {
				return nil
			}
			share.Add(share, part)
		}
		key.Add(key, share.Multiply(share, atZero(stolen, j)))
	}
	return key
}

// atZero is the coefficient of Lagrange of a member, from 0, at 0.
func atZero(signers []int, j int) *edwards25519.Scalar {
	l := number(1)
	for _, k := range signers {
		if k != j {
			difference := new(edwards25519.Scalar).Subtract(number(k+1), number(j+1))
			l.Multiply(l, number(k+1)).Multiply(l, difference.Invert(difference))
		}
	}
	return l
}

func number(n int) *edwards25519.Scalar {
	s, _ := edwards25519.NewScalar().SetCanonicalBytes(binary.LittleEndian.AppendUint64(make([]byte, 0, 32), uint64(n))[:32])
	return s
}

// open opens the share of member i for member j with what j's communication key gives: S^e = d * E_i and S^d = d * P_i,
// for whichever key of j the share may have been encrypted to.
func (r *recording) open(t *testing.T, people []*person, i, j, threshold int) *edwards25519.Scalar {
	setup := setupOf(people, r.id)
	attempt, _ := setup.Attempt()
	body := r.round1[people[i].Name]
	ephemeral := body[32*threshold+64 : 32*threshold+96]
	sender := staticOf(t, people[i])
	at := beforeCiphertexts(threshold) + j*56 + 8
	d, err := edwards25519.NewScalar().SetCanonicalBytes(xeddsa.EdwardsPrivateKey(people[j].private))
	if err != nil {
		t.Fatal(err)
	}
	for _, recipient := range [][]byte{staticOf(t, people[j]).Bytes(), attempt.Members[j].Encryption.Bytes()} {
		context := setup.Context()
		hash := sha512.Sum512(slices.Concat([]byte("COCKTAIL-DKG-Ed25519-SHA512-H6"), times(t, d, ephemeral), times(t, d, sender.Bytes()),
			ephemeral, sender.Bytes(), recipient, binary.LittleEndian.AppendUint64(nil, uint64(len(context))), context))
		aead, err := chacha20poly1305.NewX(hash[:32])
		if err != nil {
			t.Fatal(err)
		}
		if plaintext, err := aead.Open(nil, hash[32:56], body[at:at+48], nil); err == nil {
			share, _ := edwards25519.NewScalar().SetCanonicalBytes(plaintext)
			return share
		}
	}
	return nil
}

func staticOf(t *testing.T, p *person) cocktail.StaticPublicKey {
	key, err := StaticKeyOf(suite, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func times(t *testing.T, s *edwards25519.Scalar, point []byte) []byte {
	p, err := new(edwards25519.Point).SetBytes(point)
	if err != nil {
		t.Fatal(err)
	}
	return p.ScalarMult(s, p).Bytes()
}
