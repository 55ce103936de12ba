package runner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"frostkit/ceremony"
	"frostkit/internal/shown"
	"frostkit/runner/protocol"
	"frostkit/runner/steps"
)

// eventsVersion is the version of the lines that --events writes; docs/report.md
// describes them. Fields and kinds of events are added within a version.
const eventsVersion = 1

// eventsFlag streams what happens.
type eventsFlag struct {
	Events string `placeholder:"FILE" help:"Write what happens to this file, as one JSON object a line; - stands for standard output."`
}

// eventLine is one line of the stream.
type eventLine struct {
	Version int       `json:"v"`
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // "begin", "step", "member", "end"
	*beginEvent
	*stepEvent
	*memberEvent
	*endEvent
}

// beginEvent says what is begun.
type beginEvent struct {
	Command   string            `json:"command"`
	Ceremony  string            `json:"ceremony,omitempty"` // with a ceremony file
	Digest    string            `json:"digest,omitempty"`   // likewise
	Protocol  ceremony.Protocol `json:"protocol"`
	Rehearsal bool              `json:"rehearsal"`
	Members   []string          `json:"members"`
	Here      []string          `json:"here"`
	Steps     int               `json:"steps"`
}

// stepEvent says how far a step is.
type stepEvent struct {
	Number  int           `json:"number"` // from 1
	Kind    ceremony.Kind `json:"kind"`
	Group   string        `json:"group,omitempty"`
	Signing int           `json:"signing,omitempty"`
	Title   string        `json:"title"`
	State   stepState     `json:"state"`
}

// memberEvent says what a member does.
type memberEvent struct {
	Member  string   `json:"member"`
	Role    string   `json:"role"`                 // "member" or "coordinator"
	Does    string   `json:"does"`                 // see doings, and the kinds of protocol.Event
	Phase   string   `json:"phase,omitempty"`      // of the protocol
	About   string   `json:"about,omitempty"`      // the other member
	Awaited []string `json:"awaited,omitempty"`    // who is waited for
	Reason  string   `json:"reason,omitempty"`     // of a drop, a new attempt or an exclusion; may quote a peer
	Count   int      `json:"count,omitempty"`      // of messages dropped
	Attempt int      `json:"attempt,omitempty"`    // from 1
	For     float64  `json:"seconds,omitempty"`    // of lingering
	Session string   `json:"session_id,omitempty"` // at the relay
	Tool    string   `json:"tool,omitempty"`       // that the other member says it runs
}

// endEvent says how it ended.
type endEvent struct {
	Outcome   string     `json:"outcome"` // "complete" or "failed"
	ExitCode  int        `json:"exit_code"`
	Error     string     `json:"error,omitempty"`
	Hint      string     `json:"hint,omitempty"`
	Phase     string     `json:"awaiting,omitempty"`  // the phase that could not be completed before the deadline
	Missing   []string   `json:"missing,omitempty"`   // members missing at the deadline
	Reminders []reminder `json:"reminders,omitempty"` // what each of them is to run
	Culprits  []string   `json:"culprits,omitempty"`  // members who broke the protocol
}

// eventLog writes the stream. One that was opened for no file writes nothing.
type eventLog struct {
	rehearsal bool

	mu  sync.Mutex
	out io.Writer
	err error // the first one in writing
}

// open starts the stream. With "-" results move to standard error, so that
// standard output has nothing but the stream.
func (f *eventsFlag) open(e *Env, asJSON, rehearsal bool) (*eventLog, func() error, error) {
	log := &eventLog{rehearsal: rehearsal, out: io.Discard}
	switch {
	case f.Events == "":
		return log, func() error { return nil }, nil
	case f.Events == "-" && asJSON:
		return nil, nil, failf(ExitUsage, "--events - and --json both write to standard output").hint("give --events a file")
	case f.Events == "-":
		log.out, e.Stdout = e.Stdout, e.Stderr
		return log, log.failure, nil
	}
	file, err := os.OpenFile(f.Events, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, fmt.Errorf("opening the file for events: %w", err)
	}
	log.out = file
	return log, func() error { return errors.Join(log.failure(), file.Close()) }, nil
}

// failure is what kept the stream from being written, if anything did.
func (l *eventLog) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return &Failure{Code: ExitStorage, Err: fmt.Errorf("writing the events: %w", l.err)}
	}
	return nil
}

func (l *eventLog) write(line eventLine) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line.Version, line.Time = eventsVersion, time.Now().UTC()
	data, err := json.Marshal(line)
	if err == nil {
		_, err = l.out.Write(append(shown.JSON(data), '\n'))
	}
	if l.err == nil {
		l.err = err
	}
}

func (l *eventLog) planned(plan *ceremony.Plan) {
	command := "run"
	if l.rehearsal {
		command = "rehearse"
	}
	l.write(eventLine{Event: "begin", beginEvent: &beginEvent{
		Command: command, Ceremony: plan.Ceremony, Digest: plan.Digest, Protocol: plan.Protocol, Rehearsal: l.rehearsal,
		Members: plan.Members, Here: plan.Here, Steps: len(plan.Steps),
	}})
}

func (l *eventLog) stepped(number int, step ceremony.Step, state stepState) {
	l.write(eventLine{Event: "step", stepEvent: &stepEvent{
		Number: number, Kind: step.Kind, Group: step.Group, Signing: step.Signing, Title: step.Title, State: state,
	}})
}

// doings are the words for the notices that are no events of the protocol.
var doings = map[steps.NoticeKind]string{
	steps.LoggingIn:       "logging in",
	steps.WaitingSession:  "waiting for the session",
	steps.CreatingSession: "opening the session",
	steps.JoiningSession:  "joining the session",
	steps.Superseded:      "moving to another session",
	steps.SessionGone:     "waiting for the next session",
	steps.SessionLost:     "opening another session, as the relay lost it",
	steps.Lingering:       "keeping the session open",
	steps.RelayAway:       "waiting for the relay",
	steps.RelayBack:       "reaching the relay again",
}

func (l *eventLog) noticed(member string, coordinator bool, n steps.Notice) {
	out := &memberEvent{Member: member, Role: "member", Does: doings[n.Kind], For: n.For.Seconds()}
	if coordinator {
		out.Role = "coordinator"
	}
	if n.Session != ([16]byte{}) {
		out.Session = n.Session.String()
	}
	if n.Kind == steps.Progress {
		e := n.Event
		out.Does, out.Phase, out.Reason, out.Count, out.Attempt = string(e.Kind), e.Phase, shown.Line(e.Reason, shown.MaxLine), e.Count, e.Attempt
		out.Tool = shown.Words(e.Tool)
		out.Awaited = namesIn(e.Awaited)
		if e.Member != (protocol.Member{}) {
			out.About = e.Member.String()
		}
	}
	if out.Does != "" {
		l.write(eventLine{Event: "member", memberEvent: out})
	}
}

// end writes the last line, and returns err.
func (l *eventLog) end(err error) error {
	out := &endEvent{Outcome: "complete"}
	if err != nil {
		failure := classify(err)
		*out = endEvent{
			Outcome: "failed", ExitCode: failure.Code, Error: errorText(err), Hint: shown.Indented(failure.Hint),
			Phase: failure.Phase, Missing: failure.Missing, Reminders: failure.Reminders,
		}
		var culprit *protocol.CulpritError
		if errors.As(err, &culprit) {
			out.Culprits = namesIn(culprit.Culprits)
		}
	}
	l.write(eventLine{Event: "end", endEvent: out})
	return err
}

func namesIn(members []protocol.Member) []string {
	names := make([]string, len(members))
	for i, m := range members {
		names[i] = m.String()
	}
	return names
}
