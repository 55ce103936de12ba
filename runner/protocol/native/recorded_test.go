package native

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"slices"
	"sync"
	"testing"

	"filippo.io/edwards25519"
	"golang.org/x/crypto/chacha20poly1305"

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
