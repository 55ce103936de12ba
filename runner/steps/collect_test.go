package steps

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"frostkit/commkey"
	"frostkit/frost"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// made is a group of all members of a world.
type made struct {
	public  *frost.PublicKeyPackage
	keys    map[string]*frost.KeyPackage
	members []protocol.Member
}

func (w *world) makeGroup() *made {
	w.t.Helper()
	m := &made{keys: map[string]*frost.KeyPackage{}}
	var ids []frost.Identifier
	for i, name := range w.names {
		id, err := frost.NewIdentifier(frost.Ed25519(), uint16(i+1))
		if err != nil {
			w.t.Fatal(err)
		}
		ids = append(ids, id)
		m.members = append(m.members, protocol.Member{Name: name, Key: w.keys[name].Public(), Identifier: id})
	}
	shares, public, err := frost.TrustedDealer(rand.Reader, frost.Ed25519(), ids, 2)
	if err != nil {
		w.t.Fatal(err)
	}
	m.public = public
	for i, name := range w.names {
		if m.keys[name], err = shares[ids[i]].KeyPackage(); err != nil {
			w.t.Fatal(err)
		}
	}
	return m
}

func (w *world) collect(m *made, need int) *Collect {
	name := w.names[0]
	return &Collect{
		Session: w.session(name), Key: w.keys[name], PublicKeyPackage: m.public, Candidates: m.members, Need: need,
		Messages: [][]byte{[]byte("one"), []byte("two")}, Timeout: 20 * time.Second,
	}
}

func (w *world) answer(m *made, name string) *Answer {
	return &Answer{
		Session: w.session(name), Key: w.keys[name], KeyPackage: m.keys[name], VerifyingKey: m.public.VerifyingKey(),
		Members: m.members, Timeout: 20 * time.Second,
		Approve: func(context.Context, protocol.Review) error { return nil },
	}
}

func (w *world) signAll(m *made, coordinate func(context.Context) error) {
	w.t.Helper()
	parts := map[string]func(context.Context) error{"coordinator": coordinate}
	for _, name := range w.names {
		parts[name] = func(ctx context.Context) error {
			_, err := w.answer(m, name).Run(ctx)
			return err
		}
	}
	for name, err := range w.run(parts) {
		if err != nil {
			w.t.Errorf("%s: %v (%v)", name, err, w.notices[name])
		}
	}
}

func mustBeSigned(t *testing.T, m *made, signed *native.Signed) {
	t.Helper()
	if signed == nil || len(signed.Signatures) != 2 {
		t.Fatalf("signed: %v", signed)
	}
	for i, message := range []string{"one", "two"} {
		if err := m.public.VerifyingKey().Verify([]byte(message), signed.Signatures[i]); err != nil {
			t.Error(err)
		}
	}
}

func TestCollect(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	m := w.makeGroup()
	var signed *native.Signed
	w.signAll(m, func(ctx context.Context) (err error) {
		signed, err = w.collect(m, 3).Run(ctx)
		return err
	})
	mustBeSigned(t, m, signed)
}

// killedCollect runs a coordinator that says nothing more, and does not close its session, once joined has
// ended.
func (w *world) killedCollect(ctx, joined context.Context, m *made, first *Collect) error {
	if err := first.login(ctx, first.Timeout); err != nil {
		return err
	}
	id, err := first.open(ctx)
	if err != nil {
		return err
	}
	_, _ = native.Coordinate(joined, unheard{protocol.NewRelayTransport(first.Client, id, true), joined}, native.CoordinateConfig{
		Session: id, Key: first.Key, PublicKeyPackage: m.public, Candidates: m.members, Need: 3,
		Messages: first.Messages, Save: first.Save, Progress: first.progress(id),
	})
	return nil
}

// A coordinator that is stopped and run again meets those who wait in its first session; one that is killed
// when it has the shares is signed for once more by those who have done their part.
func TestCollectAgain(t *testing.T) {
	for name, prepare := range map[string]func(first *Collect, kill func()){
		"at the first message": func(first *Collect, kill func()) {
			var once sync.Once
			notify := first.Notify
			first.Notify = func(n Notice) {
				notify(n)
				if n.Kind == Progress && n.Event.Kind == protocol.Received {
					once.Do(kill)
				}
			}
		},
		"after the shares": func(first *Collect, kill func()) {
			first.Save = func([]frost.Signature) error { kill(); return context.Canceled }
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "Alice", "Bob", "Eve")
			m := w.makeGroup()
			var signed *native.Signed
			w.signAll(m, func(ctx context.Context) error {
				first := w.collect(m, 3)
				joined, kill := context.WithCancel(ctx)
				prepare(first, kill)
				if err := w.killedCollect(ctx, joined, m, first); err != nil {
					return err
				}
				var err error
				signed, err = w.collect(m, 3).Run(ctx)
				return err
			})
			mustBeSigned(t, m, signed)
		})
	}
}

// unheard is the transport of a member that says nothing more once its context has ended.
type unheard struct {
	protocol.Transport
	alive context.Context
}

func (u unheard) Send(ctx context.Context, to commkey.PublicKey, payload []byte) error {
	if u.alive.Err() != nil {
		return u.alive.Err()
	}
	return u.Transport.Send(ctx, to, payload)
}
