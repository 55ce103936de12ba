package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// row is one figure of one server.
type row struct {
	Figure      string  `json:"figure"`
	Server      string  `json:"server"`
	Connections int     `json:"connections,omitempty"`
	Value       float64 `json:"value"`
	Unit        string  `json:"unit"`
	Goal        string  `json:"goal,omitempty"`
	Verdict     string  `json:"verdict,omitempty"` // met or MISSED; empty without a goal
}

// goal is a limit of a figure.
type goal struct {
	sign  string // <= or >=; empty: no goal
	limit float64
}

func atMost(limit float64) goal  { return goal{"<=", limit} }
func atLeast(limit float64) goal { return goal{">=", limit} }

// measured makes a row with its verdict.
func measured(figure, server string, connections int, value float64, unit string, g goal) row {
	r := row{Figure: figure, Server: server, Connections: connections, Value: value, Unit: unit}
	if g.sign == "" {
		return r
	}
	r.Goal, r.Verdict = fmt.Sprintf("%s %.4g", g.sign, g.limit), "MISSED"
	if g.sign == "<=" && value <= g.limit || g.sign == ">=" && value >= g.limit {
		r.Verdict = "met"
	}
	return r
}

// report prints rows as they come and keeps them.
type report struct{ rows []row }

func newReport() *report {
	fmt.Printf("%-48s %-8s %6s %12s %-9s %-9s %s\n", "figure", "server", "conns", "value", "unit", "goal", "verdict")
	return &report{}
}

func (r *report) add(rows ...row) {
	for _, row := range rows {
		connections := ""
		if row.Connections > 0 {
			connections = fmt.Sprint(row.Connections)
		}
		fmt.Printf("%-48s %-8s %6s %12.5g %-9s %-9s %s\n",
			row.Figure, row.Server, connections, row.Value, row.Unit, row.Goal, row.Verdict)
	}
	r.rows = append(r.rows, rows...)
}

// missed counts the goals that were missed.
func (r *report) missed() (count int) {
	for _, row := range r.rows {
		if row.Verdict == "MISSED" {
			count++
		}
	}
	return count
}

// save writes the rows as JSON.
func (r *report) save(name string) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(r.rows, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(text, '\n'), 0o644)
}
