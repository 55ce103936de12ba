package runner

import (
	"cmp"
	"slices"
	"sync"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/runner/protocol"
	"frostkit/runner/protocol/native"
	"frostkit/runner/report"
	"frostkit/runner/steps"
)

// history keeps for the report what events tell of attempts, and of the programs
// that members run.
type history struct {
	mu    sync.Mutex
	step  stepOf
	steps map[stepOf]*attempts
	tools map[string]string // by the member's name
}

// stepOf is what a step is about: the making of a group, or a signing.
type stepOf struct {
	group   string // its name, of a signing ""
	signing int    // its number, of a group 0
}

// attempts are those of one step.
type attempts struct {
	latest   int // from 1; 0 where the protocol has none
	restarts []report.Restart
}

func newHistory() *history {
	return &history{steps: map[stepOf]*attempts{}, tools: map[string]string{}}
}

func (h *history) planned(*ceremony.Plan) {}

func (h *history) stepped(_ int, step ceremony.Step, _ stepState) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.step = stepOf{group: step.Group, signing: step.Signing}
	if step.Kind == ceremony.Sign {
		h.step.group = ""
	}
}

func (h *history) noticed(_ string, _ bool, n steps.Notice) {
	if n.Kind != steps.Progress {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	e := n.Event
	if e.Tool != "" {
		h.tools[e.Member.Name] = shown.Words(e.Tool)
	}
	a := h.steps[h.step]
	if a == nil {
		a = &attempts{}
		h.steps[h.step] = a
	}
	a.latest = max(a.latest, e.Attempt)
	if e.Kind == protocol.Restarted {
		a.add(report.Restart{Attempt: e.Attempt, Member: e.Member.String(), Why: shown.Line(e.Reason, shown.MaxLine)})
	}
}

// add notes why an attempt began, once, and what somebody heard of it from
// others only as long as nothing else is known.
func (a *attempts) add(r report.Restart) {
	known := func(old report.Restart) bool {
		return old.Attempt == r.Attempt && (old == r || r.Why == native.Ahead && old.Why != native.Ahead)
	}
	if slices.ContainsFunc(a.restarts, known) {
		return
	}
	a.restarts = slices.DeleteFunc(a.restarts, func(old report.Restart) bool {
		return old.Attempt == r.Attempt && old.Why == native.Ahead && r.Why != native.Ahead
	})
	a.restarts = append(a.restarts, r)
	slices.SortStableFunc(a.restarts, func(x, y report.Restart) int { return cmp.Compare(x.Attempt, y.Attempt) })
}

// of returns the attempts of a step.
func (h *history) of(step stepOf) attempts {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a := h.steps[step]; a != nil {
		return *a
	}
	return attempts{}
}

// tool is what a member said that it runs, or "".
func (h *history) tool(member string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tools[member]
}
