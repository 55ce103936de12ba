package protocol

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
)

// damaged is a flipped bit in each byte of one message of a direction, in as many
// copies.
type damaged struct {
	match  func(Envelope) bool
	number int  // of the message in its direction, from 0
	whole  bool // the message itself follows
	seen   int
	copies int
}

func (d *damaged) fault(e Envelope) []Delivery {
	if !d.match(e) {
		return Deliver(e)
	}
	d.seen++
	if d.seen != d.number+1 {
		return Deliver(e)
	}
	random := rand.New(rand.NewPCG(1, 6))
	var all []Delivery
	for i := range e.Payload {
		if !d.whole && i%16 > 0 {
			continue // it has been seen that every one is dropped
		}
		changed := slices.Clone(e.Payload)
		changed[i] ^= 1 << random.IntN(8)
		all = append(all, Delivery{Payload: changed})
	}
	d.copies = len(all)
	if d.whole {
		all = append(all, Deliver(e)...)
	}
	return all
}

// Case 16: a flipped bit in any byte of any message is dropped, counted and
// attributed. If the message itself comes, too, nothing else happens; if not, its
// sender is missed: nobody says anything twice here.
func TestDKGDropsEveryDamage(t *testing.T) {
	for number, phase := range []string{PhaseRound1, PhaseEcho, PhaseRound2} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, followed by the message: %v", phase, whole), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					people := newDKGPeople(t, 3)
					alice, bob := people[0].Member, people[1].Member
					d := &damaged{match: func(e Envelope) bool { return e.From == bob.Key && e.To == alice.Key }, number: number, whole: whole}
					hub := NewHub()
					hub.Intercept(d.fault)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					ends := generate(ctx, people, 2, sealedNetwork(people, plain(hub)), nil)
					end := ends["alice"]
					if whole {
						mustAgree(t, people, 2, ends)
					} else if blamed(end.err) != "bob" {
						t.Errorf("alice: %v, want bob missing", end.err)
					}
					d.mustBeCounted(t, &end.journal, bob, whole)
				})
			})
		}
	}
}

func TestSigningDropsEveryDamage(t *testing.T) {
	for number, phase := range []string{PhaseCommitments, PhaseShares, PhasePackage} {
		for _, whole := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, followed by the message: %v", phase, whole), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newGroup(t, 3, 2)
					alice, bob := g.people[0].Member, g.people[1].Member
					d := &damaged{match: func(e Envelope) bool { return e.From == bob.Key && e.To.IsZero() }, number: number, whole: whole}
					if phase == PhasePackage {
						d.match, d.number = func(e Envelope) bool { return e.From == alice.Key && e.To == bob.Key }, 0
					}
					hub := NewHub()
					hub.Intercept(d.fault)
					ctx, cancel := context.WithTimeout(t.Context(), patience)
					defer cancel()
					end := g.sign(ctx, sealedNetwork(g.people, plain(hub)), g.people[:2], [][]byte{[]byte("message")}, nil)
					if whole {
						end.mustVerify(t, g)
					} else if blamed(end.err) != "bob" {
						t.Errorf("alice: %v, want bob missing", end.err)
					}
					reader, sender := &end.journal, bob
					if phase == PhasePackage {
						reader, sender = end.journals["bob"], alice
					}
					d.mustBeCounted(t, reader, sender, whole)
				})
			})
		}
	}
}

// mustBeCounted checks that all copies were dropped in the sender's name. What the
// sender seals afterwards does not open without the message.
func (d *damaged) mustBeCounted(t *testing.T, reader *journal, sender Member, whole bool) {
	t.Helper()
	dropped := reader.count(Dropped, sender)
	if d.copies == 0 || dropped < d.copies || whole && dropped > d.copies {
		t.Errorf("%d messages were dropped, %d were damaged", dropped, d.copies)
	}
}
