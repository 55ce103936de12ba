package steps

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"sync"
	"testing"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/relay"
	"frostkit/runner/protocol"
)

// killedAfterRound1 opens a session as a member that is killed once its round 1 packages have left.
func (w *world) killedAfterRound1(name string) {
	w.t.Helper()
	d := w.dkg(name, true)
	id, err := d.Client.CreateSession(w.t.Context(), d.Members, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	at := found{id, relay.SessionInfo{Members: d.Members, Coordinator: d.Self.Key}}
	members, err := d.identified(id, w.peers())
	if err != nil {
		w.t.Fatal(err)
	}
	alive, kill := context.WithCancel(w.t.Context())
	mail := unheard{protocol.NewRelayTransport(d.Client, at.id, false), alive}
	_, err = protocol.DKG(alive, protocol.Seal(mail, d.Key, d.Members, d.Self.Key), protocol.DKGConfig{
		Ciphersuite: d.Ciphersuite, Threshold: d.Threshold, Self: d.Self.Key, Members: members, Random: rand.Reader,
		Save: func(*frost.KeyPackage, *frost.PublicKeyPackage) error { return nil },
		Progress: func(event protocol.Event) {
			if event.Kind == protocol.Waiting {
				kill()
			}
		},
	})
	if err == nil {
		w.t.Fatal("it was not killed")
	}
}

func (w *world) peers() []Peer {
	var peers []Peer
	for _, name := range w.names {
		peers = append(peers, Peer{Name: name, Key: w.keys[name].Public()})
	}
	return peers
}

// Whoever joins the session of a member that was killed goes on in its next one: round 1 is complete in the
// dead session, and nobody's round 2 has left.
func TestJoinersOfADeadSession(t *testing.T) {
	for _, names := range [][]string{{"Alice", "Bob", "Eve"}, {"Alice", "Bob", "Eve", "Dan"}} {
		w := newWorld(t, names...)
		w.killedAfterRound1("Alice")
		var stuck sync.WaitGroup
		again := make(chan struct{})
		parts := map[string]func(context.Context) error{"Alice": func(ctx context.Context) error {
			<-again
			return w.dkg("Alice", true).Run(ctx)
		}}
		for _, name := range names[1:] {
			stuck.Add(1)
			step := w.dkg(name, false)
			notify, once := step.Notify, sync.OnceFunc(stuck.Done)
			step.Notify = func(n Notice) {
				notify(n)
				if n.Kind == Progress && n.Event.Phase == protocol.PhaseEcho && n.Event.Kind == protocol.Waiting {
					once()
				}
			}
			parts[name] = step.Run
		}
		go func() { stuck.Wait(); close(again) }()
		w.agreed(w.run(parts))
		if !slices.Contains(w.notices["Bob"], SessionGone) {
			t.Errorf("notices of Bob: %v", w.notices["Bob"])
		}
	}
}

// Where a member's round 2 has left, others may have the group: it makes no other one by itself.
func TestSessionClosedAfterRound2(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	alice := w.session("Alice").Client
	id, err := alice.CreateSession(t.Context(), w.all(), 1)
	if err != nil {
		t.Fatal(err)
	}
	bob := w.dkg("Bob", false)
	notify := bob.Notify
	bob.Notify = func(n Notice) {
		notify(n)
		if n.Kind == Progress && n.Event.Kind == protocol.Sent && n.Event.Phase == protocol.PhaseRound2 {
			if err := alice.CloseSession(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
	joined, leave := context.WithCancel(t.Context())
	defer leave()
	members, err := bob.identified(id, w.peers())
	if err != nil {
		t.Fatal(err)
	}
	go func() { // Alice, who sends round 1 and no more
		key := w.keys["Alice"]
		mail := protocol.Seal(protocol.NewRelayTransport(alice, id, false), key, w.all(), key.Public())
		_, _ = protocol.DKG(joined, noRound2{mail}, protocol.DKGConfig{
			Ciphersuite: bob.Ciphersuite, Threshold: 2, Self: key.Public(), Members: members, Random: rand.Reader,
			Save: func(*frost.KeyPackage, *frost.PublicKeyPackage) error { return nil },
		})
	}()
	var lost *LostShareError
	if err := bob.Run(t.Context()); !errors.As(err, &lost) {
		t.Errorf("got %v, want a LostShareError", err)
	}
}

// noRound2 is the transport of a member that keeps its round 2 packages.
type noRound2 struct{ protocol.Transport }

func (n noRound2) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if protocol.PhaseOf(payload) == protocol.PhaseRound2 {
		return nil
	}
	return n.Transport.Send(ctx, to, payload)
}

// A chosen session that is closed before round 2 was no loss, and is not said to be one.
func TestChosenSessionIsClosed(t *testing.T) {
	w := newWorld(t, "Alice", "Bob")
	alice := w.session("Alice").Client
	id, err := alice.CreateSession(t.Context(), w.all(), 1)
	if err != nil {
		t.Fatal(err)
	}
	bob := w.dkg("Bob", false)
	bob.ID = id
	notify := bob.Notify
	bob.Notify = func(n Notice) {
		notify(n)
		if n.Kind == Progress && n.Event.Kind == protocol.Waiting {
			if err := alice.CloseSession(t.Context(), id); err != nil {
				t.Error(err)
			}
		}
	}
	var lost *LostShareError
	if err := bob.Run(t.Context()); errors.As(err, &lost) || !errors.Is(err, relay.ErrSessionNotFound) {
		t.Errorf("got %v, want ErrSessionNotFound alone", err)
	}
}
