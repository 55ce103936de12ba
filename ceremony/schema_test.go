package ceremony

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

var resolvedSchema = sync.OnceValues(func() (*jsonschema.Resolved, error) {
	var schema jsonschema.Schema
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		return nil, err
	}
	return schema.Resolve(&jsonschema.ResolveOptions{ValidateDefaults: true})
})

// schemaSays validates a YAML document under the schema, as editors do.
func schemaSays(t *testing.T, data []byte) error {
	t.Helper()
	schema, err := resolvedSchema()
	if err != nil {
		t.Fatal(err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(data, &node); err != nil {
		t.Fatal(err)
	}
	return schema.Validate(instance(t, node.Content[0]))
}

// instance returns a node as the JSON value that editors take it for.
func instance(t *testing.T, node *yaml.Node) any {
	t.Helper()
	switch node.Kind {
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i < len(node.Content); i += 2 {
			object[node.Content[i].Value] = instance(t, node.Content[i+1])
		}
		return object
	case yaml.SequenceNode:
		list := []any{}
		for _, element := range node.Content {
			list = append(list, instance(t, element))
		}
		return list
	}
	var value any
	if err := node.Decode(&value); err != nil {
		t.Fatal(err)
	}
	if _, isText := value.(string); !isText && node.Tag == "!!timestamp" {
		return node.Value
	}
	return value
}

// checkSchema checks that a file that the reader takes is valid.
func checkSchema(t *testing.T, data []byte) {
	t.Helper()
	if err := schemaSays(t, data); err != nil {
		t.Errorf("the reader takes it, the schema says: %v", err)
	}
}

func TestSchemaTakesExamples(t *testing.T) {
	for _, path := range examples(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		checkSchema(t, data)
	}
	checkSchema(t, []byte(agreed))
	checkSchema(t, []byte(several))
	checkSchema(t, []byte(spread))
}

// beyond are the cases whose problems no schema can see: they lie in YAML
// itself, in what two places say, or in what a name is for.
var beyond = map[string]string{
	"comment-only": "YAML", "null-document": "YAML", "duplicate-keys": "YAML", "two-documents": "YAML", "broken-second-document": "YAML",
	"bomb": "YAML", "merge": "YAML", "tags": "YAML", "unclosed": "YAML", "indentation": "YAML", "later-unclosed": "YAML", "unknown-alias": "YAML",
	"threshold-above": "two places", "colliding-members": "two places", "colliding-configs": "two places", "collisions": "two places", "own-files": "two places",
	"group-after-its-signing": "two places", "group-of-the-short-form": "two places", "candidates-without-the-protocol": "two places",
	"server-without-url": "two places", "environment": "the environment",
}

// What the reader refuses the schema refuses too, as far as it can know.
func TestSchemaRefuses(t *testing.T) {
	archive, err := txtar.ParseFile(filepath.Join("testdata", "problems.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for i := 0; i+1 < len(archive.Files); i += 2 {
		in := archive.Files[i]
		if beyond[in.Name] != "" {
			seen++
			continue
		}
		if schemaSays(t, in.Data) == nil {
			t.Errorf("%s: the reader refuses it, the schema takes it:\n%s", in.Name, in.Data)
		}
	}
	if seen != len(beyond) {
		t.Errorf("%d cases are beyond the schema, %d of them exist", len(beyond), seen)
	}
}

// Each key is described and, where it has a default, that is a valid value
// (Resolve checks it); each key of the table is one that the reader takes.
func TestSchemaDescribesEverything(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range objects(fileObject) {
		if o.about == "" || o.title == "" || seen[o.name] {
			t.Errorf("object %q is not described, or twice in the table", o.name)
		}
		seen[o.name] = true
		for _, k := range o.keys {
			if !strings.HasSuffix(k.about, ".") {
				t.Errorf("%s of %s is not described in sentences: %q", k.name, o.name, k.about)
			}
		}
	}
}
