package runner

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"frostkit/ceremony"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
)

// What is reported is why the first one failed, not what came of it for the
// others here, whoever ends first.
func TestTogetherTellsTheCause(t *testing.T) {
	r := &run{scene: &scene{here: []ceremony.Member{{Name: "Alice"}, {Name: "Bob"}}}}
	missing := func(name string) error {
		return &protocol.MissingError{Phase: "round 1", Missing: []protocol.Member{{Name: name}}}
	}
	cause := missing("Eve")
	for name, follows := range map[string]error{
		"missing here":   missing("Bob"),
		"ended here":     &native.EndedError{Member: protocol.Member{Name: "Alice"}, Reason: "no"},
		"session closed": relay.ErrSessionNotFound,
	} {
		fails := func(context.Context) error { return follows }
		fromThen := make(chan struct{})
		first := func(ctx context.Context) error { defer close(fromThen); return fails(ctx) }
		second := func(context.Context) error { <-fromThen; return cause }
		if err := r.together(t.Context(), []func(context.Context) error{first, second}); err != cause {
			t.Errorf("%s: %v, want %v", name, err, cause)
		}
		if err := r.together(t.Context(), []func(context.Context) error{fails}); !errors.Is(err, follows) {
			t.Errorf("%s alone: %v", name, err)
		}
	}
	stopped := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	failed := func(context.Context) error { return cause }
	if err := r.together(t.Context(), []func(context.Context) error{stopped, failed}); err != cause {
		t.Errorf("%v, want %v", err, cause)
	}
	if err := r.together(t.Context(), []func(context.Context) error{func(context.Context) error { return nil }}); err != nil {
		t.Error(err)
	}
}

// The next run may begin only when the built-in relay of this one is gone.
func TestCloseReleasesLast(t *testing.T) {
	env := &Env{Stderr: io.Discard}
	r := &run{scene: &scene{env: env, dir: t.TempDir()}, options: &runCommand{}, display: newDisplay(env), finished: true}
	if err := r.startBuiltIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	released := false
	r.reserved = []func(){func() {
		_, err := os.Stat(r.relayFolder())
		released = errors.Is(err, fs.ErrNotExist)
	}}
	r.close()
	if !released {
		t.Error("the members were released before the relay's folder was removed")
	}
}
