package native

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha512"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/frost/cocktail"
	"frostkit/runner/protocol"
)

// contribution is the length of C || PoP || E.
func contribution(threshold int) int { return 32*threshold + 64 + 32 }

// beforeCiphertexts is contribution with the proof of possession of the ephemeral key.
func beforeCiphertexts(threshold int) int { return contribution(threshold) + 64 }

// Each row is a member that lies, and whom the others must name. Nobody may be ready in any.
func TestMaliciousMember(t *testing.T) {
	const threshold = 2
	rows := map[string]struct {
		lie func(mallory *person, people []*person) protocol.Fault
		// blames is whom each other names: alice, bob; default is mallory everywhere.
		blames map[string]string
	}{
		// Case 22. All open what is shown to them.
		"damaged ciphertext to one": {
			lie: func(mallory *person, people []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body[beforeCiphertexts(threshold)+8+10] ^= 1 })
			},
		},
		"wrong share to one": {
			lie: func(mallory *person, people []*person) protocol.Fault { return wrongShare(mallory, people, threshold) },
		},
		// Case 23.
		"wrong proof": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body[32*threshold+32] ^= 1 })
			},
		},
		"another member's contribution": {
			lie: func(mallory *person, people []*person) protocol.Fault {
				var copied []byte
				steal := func(e protocol.Envelope) []protocol.Delivery {
					m, _ := opened(e.Payload)
					copied = m.body
					return protocol.Deliver(e)
				}
				lie := mallory.lie(nil, kindRound1, func(m *message) { copy(m.body[:contribution(threshold)], copied) })
				return func(e protocol.Envelope) []protocol.Delivery {
					if is(people[0], nil, kindRound1)(e) {
						return steal(e)
					}
					if is(mallory, nil, kindRound1)(e) && copied == nil {
						m, _ := opened(e.Payload)
						copied = people[0].round1(people, threshold, m.id, nil)
					}
					return lie(e)
				}
			},
		},
		// Case 24.
		"longer polynomial": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body = append(bytes.Clone(m.body[:32]), m.body...) })
			},
		},
		"shorter polynomial": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body = m.body[32:] })
			},
		},
		// Case 25.
		"different round 1 to different members": {
			lie: func(mallory *person, people []*person) protocol.Fault {
				var other []byte
				return mallory.lie(people[0], kindRound1, func(m *message) {
					if other == nil {
						other = mallory.round1(people, threshold, m.id, nil)
					}
					m.body = other
				})
			},
		},
		// Case 26: here in what members say of each other.
		"false blame": {
			lie: func(mallory *person, people []*person) protocol.Fault {
				return falseBlame(mallory, people[0], cocktail.CheckProof, 1)
			},
		},
		"blame of itself": {
			lie: func(mallory *person, people []*person) protocol.Fault {
				return falseBlame(mallory, people[0], cocktail.CheckDecryption, 3)
			},
		},
		// Case 28.
		"identity commitment": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { clear(m.body[:32]); m.body[0] = 1 })
			},
		},
		"non-canonical commitment": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) {
					for i := range 32 {
						m.body[32+i] = 0xff
					}
				})
			},
		},
		"scalar of the proof not reduced": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body[32*threshold+63] |= 0xf0 })
			},
		},
		"nothing in round 1": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindRound1, func(m *message) { m.body = nil })
			},
		},
		// Case 29.
		"wrong signature of the transcript": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindSignature, func(m *message) { m.body[sha512.Size+40] ^= 1 })
			},
		},
		"signature of another transcript": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return mallory.lie(nil, kindSignature, func(m *message) { m.body[0] ^= 1 })
			},
		},
		"no signature": {
			lie: func(mallory *person, _ []*person) protocol.Fault {
				return only(is(mallory, nil, kindSignature), protocol.Drop)
			},
		},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 3)
				hub := protocol.NewHub()
				hub.Intercept(row.lie(people[2], people))
				ends := generate(within(t), people, threshold, hub, nil)
				for _, p := range people[:2] {
					want := "carol"
					if row.blames != nil {
						want = row.blames[p.Name]
					}
					if got := blamed(ends[p.Name].err); got != want {
						t.Errorf("%s blames %s, want %s: %v", p.Name, got, want, ends[p.Name].err)
					}
				}
				for _, p := range people {
					if len(p.groups) > 0 && p != people[2] {
						t.Errorf("%s has a group", p.Name)
					}
				}
			})
		})
	}
}

// wrongShare lets a member send a share to the first that is not that of its polynomial: the ciphertext of a
// second polynomial under the contribution of the first.
func wrongShare(mallory *person, people []*person, threshold int) protocol.Fault {
	var changed []byte
	return mallory.lie(nil, kindRound1, func(m *message) {
		if changed == nil {
			changed = wrongShareMessage(mallory, people, threshold, m.id)
		}
		m.body = changed
	})
}

// falseBlame lets a member blame one by its number, whose messages are right.
func falseBlame(mallory, innocent *person, check cocktail.Check, number byte) protocol.Fault {
	digests := map[string][]byte{}
	return func(e protocol.Envelope) []protocol.Delivery {
		if is(innocent, mallory, kindRound1)(e) {
			m, _ := opened(e.Payload)
			digests["innocent"] = m.body
		}
		return mallory.lie(nil, kindSignature, func(m *message) {
			m.kind = kindAbort
			blame := []byte{byte(check), 0, number}
			a := abort{why: whyBlame, reason: "lies", blames: []accusation{{blame: blame}}}
			a.blames[0].digest = sum(digests["innocent"])
			m.body = a.encode()
		})(e)
	}
}

// Who alone has got a false signature names its author, and has stored its share. When it is run again,
// whoever has the certificate completes it, without the liar.
func TestCompletedAfterAFalseSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		hub.Intercept(people[2].lie(people[1], kindSignature, func(m *message) { m.body[sha512.Size+40] ^= 1 }))
		ends := generate(within(t), people, 2, hub, nil)
		if got := blamed(ends["bob"].err); got != "carol" || len(people[0].groups) != 1 || len(people[1].groups) != 0 {
			t.Fatalf("bob blames %s and has %d groups, alice %d: %v", got, len(people[1].groups), len(people[0].groups), ends["bob"].err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		ends = generateFor(ctx, people, people[:2], 2, protocol.NewHub(), nil)
		survive(t, people[:2], ends)
	})
}

// Members who fall out in two ways are both named by everybody.
func TestTwoCulprits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 5)
		hub := protocol.NewHub()
		one := people[3].lie(nil, kindRound1, func(m *message) { m.body[64+32] ^= 1 })
		two := people[4].lie(nil, kindRound1, func(m *message) { m.body[64+32] ^= 1 })
		hub.Intercept(func(e protocol.Envelope) []protocol.Delivery {
			if e.From == people[3].Key {
				return one(e)
			}
			return two(e)
		})
		ends := generate(within(t), people, 2, hub, nil)
		for _, p := range people[:3] {
			if got := blamed(ends[p.Name].err); got != "dave, eve" {
				t.Errorf("%s blames %s: %v", p.Name, got, ends[p.Name].err)
			}
		}
	})
}

// A message of another session, or changed on its way, is dropped, counted and attributed.
func TestDroppedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := protocol.NewHub()
		garbage := make([]byte, 300)
		_, _ = rand.Read(garbage)
		hub.Intercept(only(is(people[2], people[0], kindGreeting), func(e protocol.Envelope) []protocol.Delivery {
			foreign, _ := signEnvelope(people[2].private, sessionID{9}, message{kind: kindGreeting, number: 1}.encode())
			all := []protocol.Delivery{{Payload: garbage}, {Payload: nil}, {Payload: foreign}, {Payload: make([]byte, protocol.MaxMessageSize+1)}}
			return append(all, protocol.Deliver(e)...)
		}))
		ends := generate(within(t), people, 2, hub, nil)
		mustAgree(t, people, 2, ends)
		if got := people[0].counted(protocol.Dropped, people[2].Member); got != 4 {
			t.Errorf("alice dropped %d messages of carol, want 4", got)
		}
	})
}

// Everybody is told who declined, and why.
func TestDecline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		ends := generate(within(t), people, 2, protocol.NewHub(), func(p *person, cfg *DKGConfig) {
			if p.Name == "bob" {
				cfg.Approve = func(context.Context) error { return errors.New("not on a Friday") }
			}
		})
		for _, p := range people {
			if !errors.Is(ends[p.Name].err, protocol.ErrDeclined) {
				t.Errorf("%s: %v", p.Name, ends[p.Name].err)
			}
		}
		var ended *EndedError
		if !errors.As(ends["carol"].err, &ended) || ended.Member.Name != "bob" || ended.Reason != "not on a Friday" {
			t.Errorf("carol: %v", ends["carol"].err)
		}
	})
}

// A member that cannot store its share ends it for all, before anybody relies on the group.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		ends := generate(within(t), people, 2, protocol.NewHub(), func(p *person, cfg *DKGConfig) {
			if p.Name == "bob" {
				cfg.Store = func(Record) error { return errors.New("disk full") }
			}
		})
		for _, p := range people {
			if ends[p.Name].err == nil || len(p.groups) > 0 {
				t.Errorf("%s: %v, %d groups", p.Name, ends[p.Name].err, len(p.groups))
			}
		}
		var ended *EndedError
		if !errors.As(ends["alice"].err, &ended) || ended.Member.Name != "bob" {
			t.Errorf("alice: %v", ends["alice"].err)
		}
	})
}
