package runner

import (
	"frostkit/ceremony"
	"frostkit/runner/protocol"
	"frostkit/runner/report"
	"frostkit/runner/steps"
)

// stepState says how far a step is.
type stepState string

const (
	stepSkipped stepState = "skipped" // it was done before
	stepStarted stepState = "started"
	stepDone    stepState = "done"
	stepFailed  stepState = "failed"
)

// watcher is told what a run does, beside the screen. It must not block.
type watcher interface {
	planned(plan *ceremony.Plan)
	stepped(number int, step ceremony.Step, state stepState)
	noticed(member string, coordinator bool, n steps.Notice)
}

// watchers tells several.
type watchers []watcher

func (all watchers) planned(plan *ceremony.Plan) {
	for _, w := range all {
		w.planned(plan)
	}
}

func (all watchers) stepped(number int, step ceremony.Step, state stepState) {
	for _, w := range all {
		w.stepped(number, step, state)
	}
}

func (all watchers) noticed(member string, coordinator bool, n steps.Notice) {
	for _, w := range all {
		w.noticed(member, coordinator, n)
	}
}

// timeline records the members' phases for the report.
type timeline struct {
	*report.Recorder
	members []string // who has begun anything in the step that is on
}

func (t *timeline) planned(*ceremony.Plan) {}

// stepped ends the phases of the step that is over.
func (t *timeline) stepped(_ int, _ ceremony.Step, state stepState) {
	if state == stepDone || state == stepFailed {
		for _, member := range t.members {
			t.Enter(member, "")
		}
		t.members = nil
	}
}

func (t *timeline) noticed(member string, coordinator bool, n steps.Notice) {
	if coordinator {
		member += coordinatorSuffix
	}
	phase, begins := phaseOf(n)
	if begins {
		t.members = append(t.members, member)
		t.Enter(member, phase)
	}
}

// coordinatorSuffix tells a member's part as coordinator from its part as signer.
const coordinatorSuffix = " (coordinator)"

// phaseOf tells which phase begins with a notice, if one does.
func phaseOf(n steps.Notice) (phase string, begins bool) {
	switch n.Kind {
	case steps.LoggingIn:
		return "logging in", true
	case steps.WaitingSession, steps.SessionGone:
		return "waiting for the session", true
	case steps.CreatingSession, steps.JoiningSession, steps.SessionLost:
		return "joining the session", true
	case steps.Lingering:
		return "keeping the session open", true
	case steps.Progress:
		return n.Event.Phase, n.Event.Kind == protocol.Waiting
	}
	return "", false
}
