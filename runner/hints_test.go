package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"frostkit/ceremony"
	"frostkit/keyring"
	"frostkit/relay"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// hintsFollowed lists errors that have a hint, and the script in which a user meets and follows it.
var hintsFollowed = []struct {
	err    error
	hint   string // a part of it, which the script expects
	script string
}{
	{ceremony.Problems{{}}, "check it with frostkit validate", "hints"},
	{&messageError{}, "put the message there, readable", "usage"},
	{&keyring.LockedError{}, "wait until the other program has ended", "storage"},
	{keyring.ErrNotFound, "frostkit contacts and frostkit groups list what there is", "hints"},
	{keyring.ErrNoRoom, "make room on the disk", "room"},
	{&keyring.UnsavedError{Credentials: "Bob.toml"}, "saves the group", "room"},
	{&protocol.MissingError{}, "ask who is missing to run their part", "timeouts"},
	{&steps.NoSessionError{}, "or wait longer with --wait", "hints"},
	{&relay.UnreachableError{}, "that the relay is running \\(frostkit relay\\)", "hints"},
	{&relay.CertificateError{Cause: relay.UnknownAuthority}, "trust its authority with --ca FILE", "hints"},
}

func TestHintsAreFollowed(t *testing.T) {
	for _, row := range hintsFollowed {
		if hint := classify(row.err).Hint; !strings.Contains(hint, strings.ReplaceAll(row.hint, `\`, "")) {
			t.Errorf("%T: the hint is %q, want %q in it", row.err, hint, row.hint)
		}
		script, err := os.ReadFile(filepath.Join("..", "testscripts", row.script+".txtar"))
		if err != nil || !strings.Contains(string(script), row.hint) {
			t.Errorf("%T: %s.txtar does not follow %q (%v)", row.err, row.script, row.hint, err)
		}
	}
}
