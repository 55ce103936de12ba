package report

import (
	"fmt"
	"slices"
	"time"
)

// The drawing's geometry, in units of its view box.
const (
	drawingWidth = 960
	labelWidth   = 150
	labelRunes   = 20
	axisHeight   = 30
	rowHeight    = 26   // of few members
	leastRow     = 12   // of many
	pageHeight   = 1200 // of all rows where these heights allow it: so they fit on a sheet of A4
	narrowest    = 1.5  // of a bar, so that it is seen
	ticks        = 5
)

// drawing is a timeline as the template draws it.
type drawing struct {
	Width, Height int
	FontSize      int // of the labels
	Labels        []label
	Bars          []bar
	Ticks         []tick
	Phases        []phase
}

type label struct {
	Y    int
	Text string
}

type bar struct {
	X, Width     float64
	Y, Height    int
	Class, Title string
}

type tick struct {
	X        float64
	Top, Y   int
	Text     string
	TextSide string // text-anchor
}

// phase is an entry of the legend.
type phase struct{ Class, Name string }

// draw lays a timeline out: a row for each member, a bar for each span, and an
// axis in time. Phases have classes by the order in which they first appear.
func draw(spans []Span) drawing {
	end, members := extent(spans)
	row := min(rowHeight, max(leastRow, pageHeight/max(members, 1)))
	bars := row * 2 / 3
	d := drawing{Width: drawingWidth, FontSize: min(13, row-2)}
	scale := float64(drawingWidth-labelWidth-10) / float64(end)
	rows := map[string]int{}
	for _, s := range spans {
		number, seen := rows[s.Member]
		if !seen {
			number = len(rows)
			rows[s.Member] = number
			d.Labels = append(d.Labels, label{Y: number*row + bars/2 + d.FontSize/3 + 1, Text: shortened(s.Member)})
		}
		d.Bars = append(d.Bars, bar{
			X: labelWidth + float64(s.From)*scale, Width: max(float64(s.To-s.From)*scale, narrowest),
			Y: number * row, Height: bars, Class: d.class(s.Phase),
			Title: fmt.Sprintf("%s: %s, %s", s.Member, s.Phase, duration(s.To-s.From)),
		})
	}
	d.Height = members*row + axisHeight
	d.axis(end, scale, members*row)
	return d
}

// extent returns when the last span ends, and how many members there are.
func extent(spans []Span) (end int64, members int) {
	seen := map[string]bool{}
	end = 1
	for _, s := range spans {
		end = max(end, s.To)
		seen[s.Member] = true
	}
	return end, len(seen)
}

// shortened cuts a name that would run into the bars, whose titles have it whole.
func shortened(name string) string {
	if runes := []rune(name); len(runes) > labelRunes {
		return string(runes[:labelRunes-1]) + "…"
	}
	return name
}

// class returns the phase's class, and enters it into the legend.
func (d *drawing) class(name string) string {
	i := slices.IndexFunc(d.Phases, func(p phase) bool { return p.Name == name })
	if i < 0 {
		i = len(d.Phases)
		d.Phases = append(d.Phases, phase{Class: fmt.Sprintf("p%d", i%colours), Name: name})
	}
	return d.Phases[i].Class
}

// colours is how many the style sheet has for phases.
const colours = 12

func (d *drawing) axis(end int64, scale float64, y int) {
	for i := range ticks + 1 {
		at := end * int64(i) / ticks
		t := tick{X: labelWidth + float64(at)*scale, Y: y + 16, Top: y, Text: duration(at), TextSide: "middle"}
		switch i {
		case 0:
			t.TextSide = "start"
		case ticks:
			t.TextSide = "end"
		}
		d.Ticks = append(d.Ticks, t)
	}
}

// duration writes microseconds for people.
func duration(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}
