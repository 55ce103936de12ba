package steps

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"frostkit/frost"
	"frostkit/internal/files"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

func (w *world) generate(name string, dir string) *Generate {
	agreed := native.Agreement{Digest: [32]byte{1}, Step: "board", Tool: "test"}
	g := &Generate{
		Session: w.session(name), Agreement: agreed, Key: w.keys[name], Ciphersuite: frost.Ed25519(), Threshold: 2,
		Create: name == w.names[0], Timeout: 20 * time.Second, Random: rand.Reader,
		Records: KeyringRecords(context.Background(), keyring.At(files.At(filepath.Join(dir, name+".toml"))), agreed),
		Save: func(o *native.Outcome) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.results[name] = o.PublicKeyPackage.VerifyingKey().String()
			return nil
		},
	}
	for _, member := range w.names {
		g.Members = append(g.Members, Peer{Name: member, Key: w.keys[member].Public()})
	}
	return g
}

// running makes a part of a step that throws its outcome away.
func running(g *Generate) func(context.Context) error {
	return func(ctx context.Context) error {
		outcome, err := g.Run(ctx)
		if outcome != nil {
			outcome.KeyPackage.Destroy()
		}
		return err
	}
}

func TestGenerate(t *testing.T) {
	w := newWorld(t, "Alice", "Bob", "Eve")
	dir := t.TempDir()
	parts := map[string]func(context.Context) error{}
	for _, name := range w.names {
		parts[name] = running(w.generate(name, dir))
	}
	w.agreed(w.run(parts))
	for _, name := range w.names {
		if left, err := HasRecords(w.generate(name, dir).Records); left || err != nil {
			t.Errorf("%s has records left, %v", name, err)
		}
	}
}

// A member is killed when all have signed, before it knows: the others have the group. Run
// again, it completes the same one, although the creator is run again as well.
func TestGenerateCompletesAfterACrash(t *testing.T) {
	for _, victim := range []string{"Alice", "Bob"} {
		t.Run(victim, func(t *testing.T) {
			w := newWorld(t, "Alice", "Bob", "Eve")
			dir := t.TempDir()
			parts := map[string]func(context.Context) error{}
			for _, name := range w.names {
				parts[name] = running(w.generate(name, dir))
			}
			parts[victim] = func(ctx context.Context) error {
				first := w.generate(victim, dir)
				ctx, kill := context.WithCancel(ctx)
				stop := &silent{Records: first.Records, kill: kill}
				first.Records = stop
				_, _ = first.Run(ctx)
				return running(w.generate(victim, dir))(context.WithoutCancel(ctx))
			}
			w.agreed(w.run(parts))
		})
	}
}

// silent ends a member's run right after it has stored its share.
type silent struct {
	Records
	kill context.CancelFunc
}

func (s *silent) Store(r native.Record) error {
	err := s.Records.Store(r)
	s.kill()
	return err
}

// kept are records that stay, as where not all have confirmed.
type kept struct{ Records }

func (kept) Remove() error { return nil }

// A member whose group is made is there for others for a while, once. When that ends early it is there
// again in its next run.
func TestGenerateServes(t *testing.T) {
	cases := map[string]struct {
		serve     time.Duration
		interrupt func(at *relay.Client, session relay.SessionID, cancel context.CancelFunc)
		want      error // of the run
		left      bool  // are records
	}{
		"for as long as it is to": {time.Millisecond, func(*relay.Client, relay.SessionID, context.CancelFunc) {}, nil, false},
		"until it is interrupted": {time.Minute, func(_ *relay.Client, _ relay.SessionID, cancel context.CancelFunc) { cancel() }, context.Canceled, true},
		"until the session is gone": {time.Minute, func(at *relay.Client, id relay.SessionID, _ context.CancelFunc) {
			_ = at.CloseSession(t.Context(), id)
		}, nil, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "Alice", "Bob")
			dir := t.TempDir()
			alice := w.generate("Alice", dir)
			alice.Records = kept{alice.Records}
			w.agreed(w.run(map[string]func(context.Context) error{"Alice": running(alice), "Bob": running(w.generate("Bob", dir))}))

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			again := w.generate("Alice", dir)
			again.Serve = c.serve
			notify := again.Notify
			again.Notify = func(n Notice) {
				notify(n)
				if n.Kind == Progress && n.Event.Kind == protocol.Waiting {
					c.interrupt(again.Client, n.Session, cancel)
				}
			}
			if err := running(again)(ctx); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if left, err := HasRecords(again.Records); left != c.left || err != nil {
				t.Errorf("has records left: %t, %v", left, err)
			}
		})
	}
}

var _ protocol.Broadcaster = (*protocol.RelayTransport)(nil)
