package protocol

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/commkey"
	"frostkit/relay/sealed"
)

// receive takes messages until none comes for a minute of fake time.
func receive(t *testing.T, from Transport) (payloads []string, unreadable int) {
	t.Helper()
	for {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		m, err := from.Receive(ctx)
		cancel()
		var dropped *UnreadableError
		switch {
		case errors.As(err, &dropped):
			unreadable++
		case errors.Is(err, context.DeadlineExceeded):
			return payloads, unreadable
		case err != nil:
			t.Fatal(err)
		default:
			payloads = append(payloads, string(m.Payload))
		}
	}
}

func TestHubHasTwoMailboxes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 2)
		hub := NewHub()
		coordinator, member := hub.Endpoint(people[0].Key, true), hub.Endpoint(people[0].Key, false)
		other := hub.Endpoint(people[1].Key, false)
		send(t, other, commkey.PublicKey{}, "to the coordinator")
		send(t, other, people[0].Key, "to alice")
		send(t, member, commkey.PublicKey{}, "to herself")
		send(t, coordinator, people[1].Key, "to bob")
		for _, box := range []struct {
			from Transport
			want string
		}{
			{coordinator, "[to the coordinator to herself]"},
			{member, "[to alice]"},
			{other, "[to bob]"},
		} {
			if got, _ := receive(t, box.from); fmt.Sprint(got) != box.want {
				t.Errorf("received %v, want %s", got, box.want)
			}
		}
	})
}

func send(t *testing.T, from Transport, to commkey.PublicKey, payloads ...string) {
	t.Helper()
	for _, p := range payloads {
		if err := from.Send(t.Context(), to, []byte(p)); err != nil {
			t.Fatal(err)
		}
	}
}

// reorder lets every second message between two members overtake the one before
// it. What nothing overtakes does not arrive.
func reorder() Fault {
	type direction struct{ from, to commkey.PublicKey }
	held := make(map[direction][]byte)
	return func(e Envelope) []Delivery {
		between := direction{e.From, e.To}
		before, waiting := held[between]
		if !waiting {
			held[between] = e.Payload
			return nil
		}
		delete(held, between)
		return []Delivery{{Payload: e.Payload}, {Payload: before}}
	}
}

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault      Fault
		want       string // what arrives of 1, 2, 3, 4
		sealed     string // what arrives through a seal
		unreadable int    // what does not open when it arrives
	}{
		"deliver": {Deliver, "[1 2 3 4]", "[1 2 3 4]", 0},
		"drop":    {Drop, "[]", "[]", 0},
		"repeat":  {Repeat, "[1 1 2 2 3 3 4 4]", "[1 2 3 4]", 0},
		"delay":   {Delay(30 * time.Second), "", "[1 2 3 4]", -1},
		"reorder": {reorder(), "[2 1 4 3]", "[1 2 3 4]", 2},
		"corrupt": {Corrupt(7), "[0 3 2 5]", "[]", 4},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				people := newPeople(t, 2)
				hub := NewHub()
				hub.Intercept(test.fault)
				exchange := func(net network) ([]string, int) {
					send(t, net(people[1], false), people[0].Key, "1", "2", "3", "4")
					return receive(t, net(people[0], false))
				}
				if got, _ := exchange(plain(hub)); test.want != "" && fmt.Sprint(got) != test.want {
					t.Errorf("received %v, want %s", got, test.want)
				}
				got, unreadable := exchange(sealedNetwork(people, plain(hub)))
				if fmt.Sprint(got) != test.sealed {
					t.Errorf("received %v through the seal, want %s", got, test.sealed)
				}
				if test.unreadable >= 0 && unreadable != test.unreadable {
					t.Errorf("%d messages were unreadable, want %d", unreadable, test.unreadable)
				}
			})
		})
	}
}

func TestSealSurvivesForgeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		people := newPeople(t, 3)
		hub := NewHub()
		alice := Seal(hub.Endpoint(people[0].Key, false), people[0].private, keys(people[:2]), commkey.PublicKey{})
		bob := Seal(hub.Endpoint(people[1].Key, false), people[1].private, keys(people[:2]), commkey.PublicKey{})
		forged := hub.Endpoint(people[1].Key, false) // the relay, in Bob's name
		stranger := hub.Endpoint(people[2].Key, false)

		lowOrder := string(make([]byte, 100)) // an ephemeral key of low order
		send(t, forged, people[0].Key, "", "short", lowOrder)
		send(t, bob, people[0].Key, "first")
		send(t, forged, people[0].Key, lowOrder)
		send(t, stranger, people[0].Key, "hello")
		send(t, bob, people[0].Key, "second", "")
		got, unreadable := receive(t, alice)
		if fmt.Sprintf("%q", got) != `["first" "second" ""]` || unreadable != 5 {
			t.Errorf("received %q and %d unreadable, want first, second, an empty one and 5", got, unreadable)
		}
		if err := alice.Send(t.Context(), people[2].Key, nil); err == nil {
			t.Error("sent a message to somebody without a seal")
		}
	})
}

// What does not open is held up to a number and a size, the latest of it, each once, and only what can be a
// sealed message.
func TestSealHoldsALimitedAmount(t *testing.T) {
	numbered := func(i, size int) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(i)), make([]byte, size-4)...)
	}
	for name, test := range map[string]struct {
		message func(i int) []byte
		want    int
	}{
		"large":     {func(i int) []byte { return numbered(i, MaxMessageSize) }, maxHeldSize / MaxMessageSize},
		"small":     {func(i int) []byte { return numbered(i, sealed.NextOverhead) }, maxHeld},
		"the same":  {func(int) []byte { return make([]byte, MaxMessageSize) }, 1},
		"too short": {func(i int) []byte { return numbered(i, sealed.NextOverhead-1) }, 0},
		"empty":     {func(int) []byte { return nil }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := new(opening)
			const last = 2*maxHeld - 1
			for i := range last + 1 {
				o.hold(test.message(i))
			}
			if len(o.held) != test.want || test.want > 0 && !bytes.Equal(o.held[test.want-1], test.message(last)) {
				t.Errorf("%d messages are held, want the last %d", len(o.held), test.want)
			}
			size := 0
			for _, ciphertext := range o.held {
				size += len(ciphertext)
			}
			if o.size != size {
				t.Errorf("the size is %d, want %d", o.size, size)
			}
		})
	}
}

func TestSealSaysWhoseMessageDidNotOpen(t *testing.T) {
	people := newPeople(t, 2)
	hub := NewHub()
	net := sealedNetwork(people, plain(hub))
	hub.Intercept(Corrupt(40))
	send(t, net(people[1], false), people[0].Key, "message")
	_, err := net(people[0], false).Receive(t.Context())
	var unreadable *UnreadableError
	if !errors.As(err, &unreadable) || unreadable.From != people[1].Key || !errors.Is(err, errNotOpened) {
		t.Errorf("receiving a damaged message: %v", err)
	}
}

func TestHubEndsWithItsContext(t *testing.T) {
	people := newPeople(t, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("the reason")
	cancel(cause)
	e := NewHub().Endpoint(people[0].Key, false)
	if err := e.Send(ctx, people[0].Key, nil); !errors.Is(err, cause) {
		t.Errorf("sending after the end: %v", err)
	}
	if _, err := e.Receive(ctx); !errors.Is(err, cause) {
		t.Errorf("receiving after the end: %v", err)
	}
}

// TestEveryFlippedBitIsNoticed: a message with a flipped bit in any byte does
// not open, and does not keep the right one from opening after it.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	people := newPeople(t, 2)
	hub := NewHub()
	net := sealedNetwork(people, plain(hub))
	bob, alice := net(people[1], false), net(people[0], false)
	for _, payload := range []string{"first message", "second message"} {
		var flipped int
		hub.Intercept(func(e Envelope) []Delivery {
			var all []Delivery
			for flipped = range e.Payload {
				all = append(all, Corrupt(flipped)(e)...)
			}
			return append(all, Deliver(e)...)
		})
		send(t, bob, people[0].Key, payload)
		for i := range flipped + 1 {
			if m, err := alice.Receive(t.Context()); !errors.Is(err, errNotOpened) {
				t.Fatalf("%s with byte %d changed: %q, %v", payload, i, m.Payload, err)
			}
		}
		if m, err := alice.Receive(t.Context()); err != nil || string(m.Payload) != payload {
			t.Fatalf("the message itself: %q, %v", m.Payload, err)
		}
	}
}
