package relay

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"frostkit/commkey"
)

// A session that was a success is off the lists, and the slower members go on
// in it; one that was closed is over at once.
func TestFinishedSessionCarriesOn(t *testing.T) {
	n := &network{}
	defer n.serveHandler(newTestServer(t, Config{}))()
	alice, bob, eve := n.client(t, nil), n.client(t, nil), n.client(t, nil)
	ctx := t.Context()
	id := openSession(t, alice, bob, eve)
	must(t, 0, alice.FinishSession(ctx, id))
	if ids, err := bob.Sessions(ctx); err != nil || len(ids) != 0 {
		t.Errorf("sessions %v, %v, want none", ids, err)
	}
	must(t, 0, bob.Send(ctx, id, []commkey.PublicKey{eve.key.Public()}, []byte("share")))
	messages, err := eve.Receive(ctx, id, false)
	if err != nil || len(messages) != 1 || string(messages[0].Body) != "share" || !messages[0].KeepsEarly {
		t.Errorf("received %v, %v, want Bob's share, marked", messages, err)
	}
	must(t, 0, alice.CloseSession(ctx, id))
	if err := bob.Send(ctx, id, nil, []byte("late")); !errors.Is(err, ErrSessionNotFound) {
		t.Errorf("sending into a closed session: %v", err)
	}
}

// A member takes a session off its own list, and nobody else's.
func TestClientLeavesASession(t *testing.T) {
	n := &network{}
	defer n.serveHandler(newTestServer(t, Config{}))()
	alice, bob := n.client(t, nil), n.client(t, nil)
	ctx := t.Context()
	id := openSession(t, alice, bob)
	must(t, 0, bob.LeaveSession(ctx, id))
	if ids, err := bob.Sessions(ctx); err != nil || len(ids) != 0 {
		t.Errorf("sessions after leaving: %v, %v", ids, err)
	}
	if ids, err := alice.Sessions(ctx); err != nil || len(ids) != 1 {
		t.Errorf("sessions of the other: %v, %v", ids, err)
	}
	if err := alice.LeaveSession(ctx, id); !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("the coordinator left: %v", err)
	}
	if err := bob.LeaveSession(ctx, uuid.New()); !errors.Is(err, ErrSessionNotFound) {
		t.Errorf("left a session that is not there: %v", err)
	}
}
