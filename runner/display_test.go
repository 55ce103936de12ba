package runner

import (
	"bytes"
	"strings"
	"testing"

	"frostkit/ceremony"
	"frostkit/runner/steps"
)

// A step that fails is erased also where ^C was typed after it, and who was
// waited for stays on the screen.
func TestFailedStepKeepsWhomItWaitedFor(t *testing.T) {
	var out bytes.Buffer
	d := &display{out: &out, live: true, columns: 80, warn: func([]string) {}, watch: watchers{}}
	d.start(ceremony.Step{Title: "Sign"})
	d.member("Bob")(steps.Notice{Kind: steps.WaitingSession})
	out.Reset()
	d.fail()
	d.close()
	text, erased := strings.CutPrefix(out.String(), "\r\x1b[2A\x1b[J")
	if !erased || !strings.HasPrefix(text, "✗ 1/0 Sign (") || !strings.HasSuffix(text, ")\n    Bob          waiting for the session to be opened\n") {
		t.Errorf("the screen ends with %q", out.String())
	}
}
