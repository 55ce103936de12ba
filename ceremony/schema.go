package ceremony

import (
	"bytes"
	"encoding/json"
	"slices"

	"github.com/google/jsonschema-go/jsonschema"
)

// SchemaID identifies the schema of the ceremony file's version 1, and
// LocalSchemaID that of one's own values.
const (
	SchemaID      = "urn:frostkit:ceremony:1"
	LocalSchemaID = "urn:frostkit:local:1"
)

// variables is what a value matches that holds an environment variable: what
// that stands for is seen by the reader alone.
const variables = `\$\{[A-Za-z_][A-Za-z0-9_]*\}`

// Schema returns the JSON Schema (draft 2020-12) of the ceremony file, as
// indented JSON. Every file that [Parse] takes is valid under it; it says
// nothing of what only a look at several places tells, such as signers who are
// no members.
func Schema() []byte { return schemaOf(fileObject, SchemaID, "frostkit ceremony file") }

// LocalSchema returns the JSON Schema of the file of one's own values ([Local]).
func LocalSchema() []byte { return schemaOf(localObject, LocalSchemaID, "frostkit local values") }

func schemaOf(top *object, id, title string) []byte {
	root := top.schema()
	root.Schema, root.ID, root.Title = "https://json-schema.org/draft/2020-12/schema", id, title
	root.Defs = map[string]*jsonschema.Schema{}
	for _, o := range objects(top)[1:] {
		root.Defs[o.name] = o.schema()
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(root); err != nil {
		panic("ceremony: the schema does not encode: " + err.Error())
	}
	return b.Bytes()
}

// objects returns all objects that a file can have, the file first, each
// after the one that has it.
func objects(top *object) []*object {
	var all []*object
	top.visit(func(o *object) {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	})
	return all
}

func (o *object) visit(see func(*object)) {
	see(o)
	for _, k := range o.keys {
		k.value.visit(see)
	}
}

func (s *shape) visit(see func(*object)) {
	if s.object != nil {
		s.object.visit(see)
	}
	if s.of != nil {
		s.of.visit(see)
	}
	for _, e := range s.either {
		e.visit(see)
	}
}

func (o *object) schema() *jsonschema.Schema {
	required, _ := o.names()
	s := &jsonschema.Schema{
		Type: "object", Title: o.title, Description: o.about, Required: required,
		Properties: map[string]*jsonschema.Schema{}, AdditionalProperties: never(),
	}
	for _, k := range o.keys {
		value := k.value.schema()
		value.Description = k.about
		value.Default = json.RawMessage(k.standard)
		s.Properties[k.name] = value
		s.PropertyOrder = append(s.PropertyOrder, k.name)
	}
	if len(o.never) > 0 {
		s.Not = &jsonschema.Schema{Required: o.never}
	}
	return s
}

// never is the schema that nothing matches.
func never() *jsonschema.Schema { return &jsonschema.Schema{Not: &jsonschema.Schema{}} }

func (s *shape) schema() *jsonschema.Schema {
	switch s.kind {
	case isObject:
		return &jsonschema.Schema{Ref: "#/$defs/" + s.object.name}
	case isEither:
		schema := &jsonschema.Schema{}
		for _, e := range s.either {
			schema.AnyOf = append(schema.AnyOf, e.schema())
		}
		return schema
	case isMapping:
		return &jsonschema.Schema{
			Type: "object", MinProperties: &s.min, MaxProperties: &s.max,
			PropertyNames: &jsonschema.Schema{Pattern: s.form.String()}, AdditionalProperties: s.of.schema(),
		}
	case isList:
		return &jsonschema.Schema{Type: "array", Items: s.of.schema(), UniqueItems: s.distinct, MinItems: limit(s.min), MaxItems: limit(s.max)}
	case isNumber:
		least, most := float64(s.min), float64(s.max)
		return &jsonschema.Schema{Type: "integer", Minimum: &least, Maximum: &most}
	}
	return s.textSchema()
}

func (s *shape) textSchema() *jsonschema.Schema {
	text := &jsonschema.Schema{Type: "string", MinLength: limit(s.min), MaxLength: limit(s.max)}
	for _, word := range s.words {
		text.Enum = append(text.Enum, word)
	}
	if s.form != nil {
		text.Pattern = s.form.String()
	}
	if text.MinLength == nil && text.MaxLength == nil && text.Enum == nil && text.Pattern == "" {
		return text
	}
	if !s.own {
		return text
	}
	return orVariable(text)
}

// orVariable takes text with an environment variable in the place of a value.
func orVariable(s *jsonschema.Schema) *jsonschema.Schema {
	return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Type: "string", Pattern: variables}}}
}

// limit returns the limit as the schema has it: none where it is 0.
func limit(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
