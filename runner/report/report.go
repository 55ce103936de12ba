// Package report keeps what a ceremony did, so that it can be shown and proved
// afterwards: report.json for programs, report.html for people, and
// certificate.json, with which anybody can verify that the group was made.
//
// Nothing in a report is secret. docs/report.md describes the files.
package report

import (
	"encoding/json"
	"fmt"
	"time"

	"frostkit/internal/shown"
)

// Version is the version of report.json and of certificate.json.
const Version = 1

// The names of the files in a report's folder.
const (
	JSONFile = "report.json"
	HTMLFile = "report.html"
)

// The outcomes of a ceremony.
const (
	Complete = "complete" // everything is done that was to be done here, see Report.Unknown
	Failed   = "failed"   // Failure says why
)

// Report is what one run of a ceremony did. Keys, digests and signatures are in
// lower-case hexadecimal, times in RFC 3339.
type Report struct {
	Version   int       `json:"version"`
	Tool      string    `json:"tool"` // program and version that wrote the report
	Rehearsal bool      `json:"rehearsal"`
	Ceremony  string    `json:"ceremony"`
	File      string    `json:"file"`   // name of the ceremony file, without its folder
	Digest    string    `json:"digest"` // of the ceremony file
	Protocol  string    `json:"protocol"`
	Outcome   string    `json:"outcome"`
	Failure   string    `json:"failure,omitempty"`
	Started   time.Time `json:"started"`
	Ended     time.Time `json:"ended"`
	Faults    []string  `json:"faults"` // of a rehearsal, as --fault writes them
	Notes     []string  `json:"notes"`  // what readers should know or do
	Groups    []Group   `json:"groups"`
	Signings  []Signing `json:"signings"`
	Timeline  []Span    `json:"timeline"`
	Checks    []Check   `json:"checks"`
	Findings  []Finding `json:"findings"`
}

// Group is a group as the run left it.
type Group struct {
	Description  string   `json:"description"`
	Ciphersuite  string   `json:"ciphersuite"`
	Threshold    int      `json:"threshold"`
	VerifyingKey string   `json:"verifying_key,omitempty"` // empty when it was not made
	Fingerprint  string   `json:"fingerprint,omitempty"`   // see Fingerprint
	Members      []Member `json:"members"`
	Certificate  string   `json:"certificate,omitempty"` // file beside the report
	Confirmed    bool     `json:"confirmed"`             // all members signed the transcript
	Unconfirmed  []string `json:"unconfirmed"`           // members who have not said that they saved the group

	Attempts int       `json:"attempts,omitempty"` // to make it in this run, where the protocol counts them
	Restarts []Restart `json:"restarts"`
}

// Restart says why an attempt after the first one began.
type Restart struct {
	Attempt int    `json:"attempt"` // that began, from 2
	Member  string `json:"member"`  // who caused it
	Why     string `json:"why"`     // to be read after the name
}

// Member is a member of a group.
type Member struct {
	Name        string `json:"name"`
	PublicKey   string `json:"pubkey"` // communication key
	Fingerprint string `json:"fingerprint"`
	Here        bool   `json:"here"`              // run by the program that wrote the report
	Version     string `json:"version,omitempty"` // of the program that ran the member, where it said
}

// Signing is one message that was signed or was to be.
type Signing struct {
	Message     string   `json:"message"` // file name
	Size        int      `json:"size"`    // bytes
	SHA256      string   `json:"sha256"`
	Text        string   `json:"text,omitempty"` // of a message that is text
	Coordinator string   `json:"coordinator"`
	Candidates  []string `json:"candidates"` // who could sign
	Need        int      `json:"need"`       // how many of them were to

	Signers   []string  `json:"signers"` // who signed, as far as this run knows
	Signature string    `json:"signature,omitempty"`
	Output    string    `json:"output"` // name of the coordinator's file
	Valid     bool      `json:"valid"`
	Attempts  int       `json:"attempts,omitempty"` // in this run, where the protocol counts them
	Restarts  []Restart `json:"restarts"`
	Absent    []Absence `json:"absent"`
}

// Absence says that a member did not sign, and why.
type Absence struct {
	Member string `json:"member"`
	Why    string `json:"why"`              // "declined", "silent", "broke the protocol", "not needed"
	Reason string `json:"reason,omitempty"` // the member's own of who declined, else what was found
}

// Span is a time in which a member was in a phase. Times count in microseconds
// from the start of the run.
type Span struct {
	Member string `json:"member"`
	Phase  string `json:"phase"`
	From   int64  `json:"from_us"`
	To     int64  `json:"to_us"`
}

// Check is something that was verified.
type Check struct {
	What   string `json:"what"`
	Passed bool   `json:"passed"`
	Detail string `json:"detail,omitempty"`
}

// Finding is how a step ended for one member, where it did not end well.
type Finding struct {
	Step   string `json:"step"`
	Member string `json:"member"`
	What   string `json:"what"`
}

// Unknown returns the messages of which the run does not know that they are signed: others sign them, or
// have the signature.
func (r *Report) Unknown() []string {
	var unknown []string
	for _, s := range r.Signings {
		if !s.Valid {
			unknown = append(unknown, s.Message)
		}
	}
	return unknown
}

// Encode returns report.json.
func (r *Report) Encode() ([]byte, error) {
	data, err := encode(r.filled())
	return shown.JSON(data), err
}

// filled returns the report with lists that are empty rather than null.
func (r *Report) filled() *Report {
	out := *r
	out.Faults = append([]string{}, r.Faults...)
	out.Notes = append([]string{}, r.Notes...)
	out.Findings = append([]Finding{}, r.Findings...)
	out.Groups = append([]Group{}, r.Groups...)
	out.Signings = append([]Signing{}, r.Signings...)
	out.Timeline = append([]Span{}, r.Timeline...)
	out.Checks = append([]Check{}, r.Checks...)
	for i := range out.Groups {
		out.Groups[i].Members = append([]Member{}, out.Groups[i].Members...)
		out.Groups[i].Unconfirmed = append([]string{}, out.Groups[i].Unconfirmed...)
		out.Groups[i].Restarts = append([]Restart{}, out.Groups[i].Restarts...)
	}
	for i := range out.Signings {
		out.Signings[i].Signers = append([]string{}, out.Signings[i].Signers...)
		out.Signings[i].Candidates = append([]string{}, out.Signings[i].Candidates...)
		out.Signings[i].Restarts = append([]Restart{}, out.Signings[i].Restarts...)
		out.Signings[i].Absent = append([]Absence{}, out.Signings[i].Absent...)
	}
	return &out
}

func encode(v any) ([]byte, error) {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding a report: %w", err)
	}
	return append(data, '\n'), nil
}
