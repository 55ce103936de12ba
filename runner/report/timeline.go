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
	rowHeight    = 26
	barHeight    = 16
	axisHeight   = 30
	narrowest    = 1.5 // of a bar, so that it is seen
	ticks        = 5
)

// drawing is a timeline as the template draws it.
type drawing struct {
	Width, Height int
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
	d := drawing{Width: drawingWidth}
	end := int64(1)
	for _, s := range spans {
		end = max(end, s.To)
	}
	scale := float64(drawingWidth-labelWidth-10) / float64(end)
	rows := map[string]int{}
	for _, s := range spans {
		row, seen := rows[s.Member]
		if !seen {
			row = len(rows)
			rows[s.Member] = row
			d.Labels = append(d.Labels, label{Y: row*rowHeight + barHeight - 3, Text: s.Member})
		}
		d.Bars = append(d.Bars, bar{
			X: labelWidth + float64(s.From)*scale, Width: max(float64(s.To-s.From)*scale, narrowest),
			Y: row * rowHeight, Height: barHeight, Class: d.class(s.Phase),
			Title: fmt.Sprintf("%s: %s, %s", s.Member, s.Phase, duration(s.To-s.From)),
		})
	}
	d.Height = len(rows)*rowHeight + axisHeight
	d.axis(end, scale, len(rows)*rowHeight)
	return d
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
const colours = 10

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
