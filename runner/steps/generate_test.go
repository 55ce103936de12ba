package steps

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"testing"
	"time"

	"frostkit/frost"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

func (w *world) generate(name string, dir string) *Generate {
	agreed := native.Agreement{Digest: [32]byte{1}, Step: "board", Tool: "test"}
	g := &Generate{
		Session: w.session(name), Agreement: agreed, Key: w.keys[name], Ciphersuite: frost.Ed25519(), Threshold: 2,
		Create: name == w.names[0], Timeout: 20 * time.Second, Random: rand.Reader,
		Records: KeyringRecords(filepath.Join(dir, name+".toml"), agreed),
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
		if err == nil {
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

var _ protocol.Broadcaster = (*protocol.RelayTransport)(nil)
