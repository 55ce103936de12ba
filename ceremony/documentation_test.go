package ceremony

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"
)

//go:generate go test -run ^TestDocumentation$ -update .

// What is written about the ceremony file is made of the tables that the reader
// works by, and of examples that are run.
func TestDocumentation(t *testing.T) {
	for name, want := range map[string][]byte{"ceremony-file.md": documentation(t), "ceremony.schema.json": Schema()} {
		path := filepath.Join("..", "docs", name)
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not current (%v): run go generate ./ceremony", path, err)
		}
	}
}

// Each YAML block of the documentation is a whole file that reads.
func TestDocumentationReads(t *testing.T) {
	blocks := strings.Split(string(documentation(t)), "```yaml\n")[1:]
	for i, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		if _, err := Parse(fmt.Sprintf("block %d", i+1), []byte(text), Environment(exampleVariables)); err != nil {
			t.Error(err)
		}
		checkSchema(t, []byte(text))
	}
	if len(blocks) < 5 {
		t.Errorf("%d blocks, want the examples", len(blocks))
	}
}

func documentation(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "ceremony-file.md.tmpl"))
	if err != nil {
		t.Fatal(err)
	}
	functions := template.FuncMap{
		"objects": func() []documentedObject { return documentedObjects(fileObject) },
		"localObjects": func() []documentedObject {
			return slices.DeleteFunc(documentedObjects(localObject), func(d documentedObject) bool {
				return d.Title != localObject.title && d.Title != localSigningObject.title
			})
		},
		"example": func(name string) (string, error) {
			data, err := os.ReadFile(filepath.Join("..", "examples", name))
			return fmt.Sprintf("```yaml\n%s```\n", data), err
		},
		"agreed": func(name string) string {
			var lines strings.Builder
			for _, field := range load(t, name).Agreed() {
				fmt.Fprintf(&lines, "%-24s %s\n", field.Label, field.Value)
			}
			return lines.String()
		},
		"inherited": func() string { return "`" + strings.Join(Inherited(), "`, `") + "`" },
	}
	var b bytes.Buffer
	if err := template.Must(template.New("").Funcs(functions).Parse(string(text))).Execute(&b, nil); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// documentedKey is a row of a table.
type documentedKey struct{ Name, Value, About string }

// documentedObject is a section with its table.
type documentedObject struct {
	Title, About string
	Keys         []documentedKey
}

func documentedObjects(top *object) []documentedObject {
	var all []documentedObject
	for _, o := range objects(top) {
		d := documentedObject{Title: o.title, About: o.about}
		for _, k := range o.keys {
			d.Keys = append(d.Keys, documentedKey{k.name, k.value.text(), k.text()})
		}
		all = append(all, d)
	}
	return all
}

// text says of a key whether it is needed, what holds without it, and what it is.
func (k key) text() string {
	switch {
	case k.required:
		return "**Required.** " + k.about
	case k.standard != "" && k.standard != "{}" && k.standard != "[]":
		return fmt.Sprintf("%s Default: `%s`.", k.about, strings.Trim(k.standard, `"`))
	}
	return k.about
}

// text says what a value looks like.
func (s *shape) text() string {
	switch {
	case s.kind == isObject:
		return fmt.Sprintf("[%s](#%s)", s.object.title, anchor(s.object.title))
	case s.kind == isEither:
		return s.either[0].text() + " or " + s.either[1].text()
	case (s.kind == isList || s.kind == isMapping) && s.of.kind == isObject:
		return fmt.Sprintf("%s: %s", s.called, s.of.text())
	case s.kind == isNumber && s.min == s.max:
		return fmt.Sprintf("%d", s.min)
	case s.kind == isNumber:
		return fmt.Sprintf("number, %d to %d", s.min, s.max)
	case len(s.words) > 0:
		return "`" + strings.Join(s.words, "`, `") + "`"
	}
	return s.called
}

// anchor is what GitHub makes of a heading.
func anchor(title string) string {
	keep := func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case strings.ContainsRune(",.:", r):
			return -1
		}
		return r
	}
	return strings.Map(keep, strings.ToLower(title))
}
