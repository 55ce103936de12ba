package runner

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/keyring"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// display tells on standard error how a run goes on: a line per step, and on a
// terminal below it a live line for each member at work.
type display struct {
	mu      sync.Mutex
	out     io.Writer
	warn    func([]string)
	live    bool // out is a terminal
	alone   bool // all members are run here, so that nobody is waited for
	colour  bool
	columns int

	number, total int // of the step that is on
	title         string
	step          ceremony.Step
	watch         watchers
	started       time.Time
	rows          []*row // of the members at work, in the order they began
	drawn         int    // lines on the screen that the next drawing replaces
	paused        bool
}

// row is what is shown of one member.
type row struct {
	name, text string
	before     string // what was shown before the relay was away
}

func newDisplay(e *Env) *display {
	d := &display{out: e.Stderr, warn: e.warn}
	d.columns, d.live = terminal(e.Stderr)
	d.colour = d.live && e.Getenv("NO_COLOR") == "" && e.Getenv("TERM") != "dumb"
	d.live = d.live && e.Getenv("TERM") != "dumb"
	return d
}

func (d *display) begin(plan *ceremony.Plan) {
	d.total = len(plan.Steps)
	d.alone = len(plan.Here) == len(plan.Members)
	d.watch.planned(plan)
	for _, g := range plan.Groups {
		d.print(fmt.Sprintf("%s: any %d of %s can sign", plan.Ceremony+prefixed(", ", g.Name), g.Threshold, strings.Join(g.Members, ", ")))
	}
	d.warn(plan.Warnings)
}

func (d *display) skip(step ceremony.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.number++
	d.watch.stepped(d.number, step, stepSkipped)
	d.printStep("=", step.Title, "done before: "+step.Why)
}

func (d *display) start(step ceremony.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.number++
	d.title, d.step, d.started, d.rows = step.Title, step, time.Now(), nil
	d.watch.stepped(d.number, step, stepStarted)
	d.draw()
}

func (d *display) done() { d.end("✓", "\x1b[32m", stepDone) }

func (d *display) fail() { d.end("✗", "\x1b[31m", stepFailed) }

func (d *display) end(mark, colour string, state stepState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.watch.stepped(d.number, d.step, state)
	d.erase()
	if d.colour {
		mark = colour + mark + "\x1b[0m"
	}
	d.printStep(mark, d.title, time.Since(d.started).Round(time.Millisecond).String())
	if state == stepFailed && d.live { // who was waited for
		d.drawRows()
		d.drawn = 0
	}
	d.title, d.rows = "", nil
}

func (d *display) printStep(mark, title, remark string) {
	fmt.Fprint(d.out, mark) // with its colour
	d.print(fmt.Sprintf(" %d/%d %s (%s)", d.number, d.total, title, remark))
}

// print ends a line with a text, none of which acts on the terminal.
func (d *display) print(text string) { fmt.Fprintln(d.out, shown.Line(text, shown.MaxLine)) }

// close erases what was live.
func (d *display) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
}

// pause leaves the screen to a question; resume takes it back.
func (d *display) pause() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.erase()
	d.paused = true
}

func (d *display) resume() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.paused = false
	d.draw()
}

// member returns where a member's notices go.
func (d *display) member(name string) func(steps.Notice) {
	return d.notices(&row{name: keyring.EscapeName(name)}, name, false)
}

func (d *display) coordinator(name string) func(steps.Notice) {
	return d.notices(&row{name: keyring.EscapeName(name) + coordinatorSuffix}, name, true)
}

func (d *display) notices(r *row, name string, coordinator bool) func(steps.Notice) {
	return func(n steps.Notice) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.watch.noticed(name, coordinator, n)
		switch n.Kind {
		case steps.RelayAway:
			r.before = r.text
		case steps.RelayBack:
			d.update(r, r.before)
			return
		}
		d.update(r, noticeText(n.Awaiting(name)))
	}
}

func (d *display) update(r *row, text string) {
	if text == "" || d.title == "" {
		return
	}
	if r.text == "" || !d.has(r) {
		d.rows = append(d.rows, r)
	}
	changed := r.text != text
	r.text = text
	if d.live {
		d.erase()
		d.draw()
	} else if changed && !d.alone && isWorthALine(text) {
		d.print(fmt.Sprintf("    %s: %s", r.name, text))
	}
}

// isWorthALine reports whether a text is shown where nothing can be shown again: what may last, or ends
// something.
func isWorthALine(text string) bool {
	return strings.Contains(text, "waiting for ") || strings.HasPrefix(text, "declined")
}

// declined shows that a member here has refused.
func (d *display) declined(member, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := keyring.EscapeName(member)
	for _, r := range d.rows {
		if r.name == name {
			d.update(r, "declined: "+reason)
			return
		}
	}
	d.update(&row{name: name}, "declined: "+reason)
}

func (d *display) has(r *row) bool {
	for _, other := range d.rows {
		if other == r {
			return true
		}
	}
	return false
}

// draw prints the step and its members, to be erased by the next drawing.
func (d *display) draw() {
	if !d.live || d.paused || d.title == "" {
		return
	}
	d.drawn = 0
	d.drawLine(fmt.Sprintf("… %d/%d %s", d.number, d.total, d.title))
	d.drawRows()
}

func (d *display) drawRows() {
	for _, r := range d.rows {
		d.drawLine(fmt.Sprintf("    %-12s %s", r.name, r.text))
	}
}

func (d *display) drawLine(text string) {
	text = shown.Line(text, shown.MaxLine)
	if runes := []rune(text); len(runes) > d.columns-1 {
		text = string(runes[:d.columns-2]) + "…"
	}
	fmt.Fprintln(d.out, text)
	d.drawn++
}

// erase removes what draw has printed: back to the line's beginning, where what
// is typed (a ^C) has moved the cursor, cursor up, and clear to the end of the
// screen (ECMA-48 CR, CUU and ED).
func (d *display) erase() {
	if d.drawn > 0 {
		fmt.Fprintf(d.out, "\r\x1b[%dA\x1b[J", d.drawn)
	}
	d.drawn = 0
}

// noticeText says in a few words what a member does.
func noticeText(n steps.Notice) string {
	switch n.Kind {
	case steps.LoggingIn:
		return "logging in"
	case steps.WaitingSession:
		return "waiting for the session to be opened"
	case steps.CreatingSession:
		return "opening the session"
	case steps.JoiningSession:
		return "joining the session"
	case steps.Superseded:
		return "moving to the session that was opened first"
	case steps.SessionGone:
		return "the session was closed before this was done, or the relay has lost it; waiting for another one"
	case steps.RelayAway:
		return "waiting for the relay, which is not reachable"
	case steps.SessionLost:
		return "the relay has lost the session: opening another"
	case steps.Lingering:
		return fmt.Sprintf("keeping the session open for %s", n.For)
	case steps.Progress:
		return eventText(n.Event)
	}
	return ""
}

func eventText(event protocol.Event) string {
	switch event.Kind {
	case protocol.Waiting, protocol.Received:
		if len(event.Awaited) == 0 {
			return ""
		}
		return fmt.Sprintf("waiting for %s of %s", event.Phase, memberNames(event.Awaited))
	case protocol.Complete:
		return event.Phase + " complete"
	case protocol.Dropped:
		return fmt.Sprintf("dropped a message from %s: %s", keyring.EscapeName(event.Member.String()), event.Reason)
	}
	return ""
}
