package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"time"

	"frostkit/internal/shown"
)

//go:embed report.tmpl
var pageSource string

var pageTemplate = template.Must(template.New(HTMLFile).Funcs(template.FuncMap{
	"draw":     draw,
	"duration": func(a, b time.Time) string { return duration(b.Sub(a).Microseconds()) },
	"when":     func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04:05 UTC") },
}).Parse(pageSource))

// HTML returns report.html: one page that loads nothing from anywhere.
func (r *Report) HTML() ([]byte, error) {
	var out bytes.Buffer
	if err := pageTemplate.Execute(&out, r.filled()); err != nil {
		return nil, fmt.Errorf("writing the report's page: %w", err)
	}
	return []byte(shown.Text(out.String())), nil
}

// Palette has an element for each colour of phases that the style sheet has.
func (r *Report) Palette() []struct{} { return make([]struct{}, colours) }
