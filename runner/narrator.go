package runner

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// words are what a single command says of a step, in frost-client's words.
type words struct {
	creating, joining, info string
	sent                    map[string]string // by phase, of the one message that is sent for it
	waiting                 map[string]string // by phase, before a dot for each message
	complete                map[string]string // by phase, once it is
}

var dkgWords = words{
	creating: "Creating DKG session...",
	joining:  "Joining DKG session...",
	info:     "Getting session info...",
	waiting: map[string]string{
		protocol.PhaseRound1: "Waiting for other participants to send their Round 1 Packages...",
		protocol.PhaseEcho:   "Waiting for other participants to send their broadcasted Round 1 Packages...",
		protocol.PhaseRound2: "Waiting for other participants to send their Round 2 Packages...",
	},
}

var coordinatorWords = words{
	creating: "Creating signing session...",
	waiting: map[string]string{
		protocol.PhaseCommitments: "Waiting for participants to send their commitments...",
		protocol.PhaseShares:      "Waiting for participants to send their SignatureShares...",
	},
	complete: map[string]string{
		protocol.PhaseCommitments: "Sending SigningPackage to participants...",
	},
}

var participantWords = words{
	joining: "Joining signing session...",
	sent: map[string]string{
		protocol.PhaseCommitments: "Sending commitments to coordinator...",
		protocol.PhaseShares:      "Sending signature share to coordinator...",
	},
	waiting: map[string]string{
		protocol.PhasePackage: "Waiting for coordinator to send signing package...",
	},
	complete: map[string]string{
		protocol.PhasePackage: "Signing package received",
	},
}

// quiet is how long nothing comes before a narrator says for whom it waits.
const quiet = 10 * time.Second

// narrator tells what happens in a single command, a line for each wait with a
// dot for each message that comes, and who is missing when none does.
type narrator struct {
	mu      sync.Mutex
	out     io.Writer
	words   words
	timeout time.Duration // of all waits together, from the first one
	open    bool          // a line is still without its end
	until   time.Time     // when the wait ends
	awaited []protocol.Member
	away    bool        // the relay is not reached
	reminds *time.Timer // nil before the first wait
}

// both tells two.
func both(a, b func(steps.Notice)) func(steps.Notice) {
	return func(n steps.Notice) {
		a(n)
		b(n)
	}
}

func newNarrator(out io.Writer, w words, timeout time.Duration) *narrator {
	return &narrator{out: out, words: w, timeout: timeout}
}

func (n *narrator) notice(notice steps.Notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch notice.Kind {
	case steps.LoggingIn:
		n.line("Logging in...")
	case steps.WaitingSession:
		n.line("Waiting for the session to be opened...")
	case steps.CreatingSession:
		n.line(n.words.creating)
	case steps.JoiningSession:
		n.line(n.words.joining)
	case steps.GettingInfo:
		n.line(n.words.info)
	case steps.Superseded:
		n.line("Another member opened a session at the same moment; going on in that one...")
	case steps.SessionGone:
		n.line("The session was closed, or the relay has lost it: what was asked in it is void. Waiting for the next one...")
	case steps.RelayAway:
		n.line("The relay is not reachable; trying again...")
		n.reach(false)
	case steps.RelayBack:
		n.line("The relay is reached again.")
		n.reach(true)
	case steps.SessionLost:
		n.line("The relay has lost the session, as one does that is restarted and keeps none; opening another...")
	case steps.Lingering:
		n.line(fmt.Sprintf("Keeping the session open for %s, for members who are still fetching...", notice.For.Round(time.Second)))
	case steps.Progress:
		n.event(notice.Event)
	}
}

func (n *narrator) event(event protocol.Event) {
	switch event.Kind {
	case protocol.Sent:
		n.line(n.words.sent[event.Phase])
	case protocol.Waiting:
		n.start(n.words.waiting[event.Phase])
		n.await(event.Awaited)
	case protocol.Received:
		n.await(event.Awaited)
		if n.open {
			fmt.Fprint(n.out, ".")
		}
	case protocol.Complete:
		n.await(nil)
		n.end()
		n.line(n.words.complete[event.Phase])
	case protocol.Dropped:
		n.line(fmt.Sprintf("Dropped a message from %s: %s", keyring.EscapeName(event.Member.String()), shown.Line(event.Reason, shown.MaxLine)))
	}
}

// start begins a line that dots may follow.
func (n *narrator) start(text string) {
	n.end()
	if text != "" {
		fmt.Fprint(n.out, text)
		n.open = true
	}
}

func (n *narrator) line(text string) {
	if text == "" {
		return
	}
	n.end()
	fmt.Fprintln(n.out, text)
}

func (n *narrator) end() {
	if n.open {
		fmt.Fprintln(n.out)
	}
	n.open = false
}

// await notes who is waited for, to be named when nothing comes.
func (n *narrator) await(members []protocol.Member) {
	if n.reminds == nil {
		n.until = time.Now().Add(n.timeout)
		n.reminds = time.AfterFunc(quiet, n.remind)
	}
	n.awaited = members
	n.reminds.Reset(quiet)
}

// reach notes whether the relay is reached: while it is not, nobody else is waited for.
func (n *narrator) reach(reached bool) {
	n.away = !reached
	if n.reminds != nil {
		n.reminds.Reset(quiet)
	}
}

func (n *narrator) remind() {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.away:
		n.line("The relay is still not reachable; trying until " + n.until.Format(time.TimeOnly))
	case len(n.awaited) > 0:
		n.line(fmt.Sprintf("Still waiting for %s, until %s", memberNames(n.awaited), n.until.Format(time.TimeOnly)))
	}
}

// finish ends the line that is open, before something else is printed, and the wait. Where
// that was interrupted it says for whom it was.
func (n *narrator) finish(ctx context.Context) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.end()
	if len(n.awaited) > 0 && ctx.Err() != nil {
		n.line("Was waiting for " + memberNames(n.awaited))
	}
	n.awaited = nil
	if n.reminds != nil {
		n.reminds.Stop()
	}
}
