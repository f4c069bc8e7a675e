package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compile compiles a JSON Schema, or one of its definitions, with formats asserted.
func compile(t *testing.T, schema any, fragment string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const url = "mem:///schema.json"
	if err := c.AddResource(url, schema); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(url + fragment)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// parse reads JSON with the numbers that the validator expects.
func parse(t *testing.T, b []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return v
}

// checkSchema holds a schema against that of JSON Schema 2020-12 and asks every property for a description.
func checkSchema(t *testing.T, raw []byte) {
	t.Helper()
	schema := parse(t, raw)
	root, ok := schema.(map[string]any)
	if !ok || root["$schema"] != "https://json-schema.org/draft/2020-12/schema" {
		t.Fatalf("$schema is %v", root["$schema"])
	}
	meta, err := jsonschema.NewCompiler().Compile("https://json-schema.org/draft/2020-12/schema")
	if err != nil {
		t.Fatal(err)
	}
	if err := meta.Validate(schema); err != nil {
		t.Errorf("not a schema: %v", err)
	}
	definitions, _ := root["$defs"].(map[string]any)
	described := func(s map[string]any) bool {
		if s["description"] != nil {
			return true
		}
		ref, _ := s["$ref"].(string)
		for name, d := range definitions {
			if ref == "#/$defs/"+name {
				return d.(map[string]any)["description"] != nil
			}
		}
		return false
	}
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, e := range v {
				walk(fmt.Sprint(at, "/", i), e)
			}
		case map[string]any:
			if properties, ok := v["properties"].(map[string]any); ok && !isCondition(at) {
				for name, p := range properties {
					if !described(p.(map[string]any)) {
						t.Errorf("%s/properties/%s has no description", at, name)
					}
				}
			}
			for k, e := range v {
				walk(at+"/"+k, e)
			}
		}
	}
	walk("#", schema)
}

// strict refuses properties that the schema does not name, to find what is written and not documented. Definitions are
// closed where they are referred to, since allOf adds to some.
func strict(v any, at string) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = strict(e, fmt.Sprint(at, "/", i))
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v)+1)
		for k, e := range v {
			out[k] = strict(e, at+"/"+k)
		}
		_, isObject := v["properties"].(map[string]any)
		_, isRef := v["$ref"].(string)
		if (isObject || isRef) && v["type"] != "string" && !isCondition(at) && !isDefinition(at) {
			out["unevaluatedProperties"] = false
		}
		return out
	}
	return v
}

func isCondition(at string) bool {
	return strings.Contains(at, "/allOf/") || strings.HasSuffix(at, "/properties")
}

func isDefinition(at string) bool {
	return strings.HasPrefix(at, "#/$defs/") && strings.Count(at, "/") == 2
}
