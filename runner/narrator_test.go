package runner

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// Who waits longer than a moment is told for whom, and until when.
func TestNarratorNamesWhoIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		n := newNarrator(&out, dkgWords, time.Hour)
		bob, eve := protocol.Member{Name: "Bob"}, protocol.Member{Name: "Eve"}
		tell := func(kind protocol.Kind, awaited ...protocol.Member) {
			event := protocol.Event{Kind: kind, Phase: protocol.PhaseRound1, Awaited: awaited}
			n.notice(steps.Notice{Kind: steps.Progress, Event: event})
		}
		until := time.Now().Add(time.Hour).Format(time.TimeOnly)
		tell(protocol.Waiting, bob, eve)
		time.Sleep(quiet - 1)
		tell(protocol.Received, eve)
		time.Sleep(quiet)
		synctest.Wait()
		tell(protocol.Complete)
		time.Sleep(quiet)
		tell(protocol.Waiting, bob, eve)
		n.finish(t.Context())
		time.Sleep(quiet)
		synctest.Wait()
		waiting := dkgWords.waiting[protocol.PhaseRound1]
		want := waiting + ".\nStill waiting for Eve, until " + until + "\n" + waiting + "\n"
		if out.String() != want {
			t.Errorf("said\n%s\nwant\n%s", out.String(), want)
		}
	})
}
