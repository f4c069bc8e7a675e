package catalog

import (
	"encoding"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/network"
	"github.com/nist190/nist190/sensitivity"
)

type node = map[string]any

func loadSchema(t testing.TB) node {
	t.Helper()
	var root node
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	return root
}

// resolve follows a reference within the schema; what stands beside it is kept.
func resolve(root, n node) node {
	ref, ok := n["$ref"].(string)
	if !ok {
		return n
	}
	name, _ := strings.CutPrefix(ref, "#/$defs/")
	target, ok := root["$defs"].(node)[name].(node)
	if !ok {
		panic("no definition for " + ref)
	}
	merged := maps.Clone(resolve(root, target))
	maps.Copy(merged, n)
	delete(merged, "$ref")
	return merged
}

// TestSchemaAgreesWithGo compares the schema with the Go types field by field.
func TestSchemaAgreesWithGo(t *testing.T) {
	root := loadSchema(t)
	compare(t, root, root, reflect.TypeFor[Config](), "config")
}

func compare(t *testing.T, root, n node, typ reflect.Type, path string) {
	t.Helper()
	n = resolve(root, n)
	for typ.Kind() == reflect.Pointer {
		typ = typ.Elem()
	}
	want := jsonType(t, typ, path)
	if want == "any" {
		return // a type that reads more than one
	}
	if n["type"] != want {
		t.Errorf("%s: type is %v, want %s", path, n["type"], want)
		return
	}
	switch {
	case want == "array":
		items, ok := n["items"].(node)
		if !ok {
			t.Errorf("%s: no items", path)
			return
		}
		compare(t, root, items, typ.Elem(), path+"[]")
	case want == "object" && typ.Kind() == reflect.Map:
		values, ok := n["additionalProperties"].(node)
		if !ok {
			t.Errorf("%s: no additionalProperties", path)
			return
		}
		compare(t, root, values, typ.Elem(), path+".*")
	case want == "object":
		compareFields(t, root, n, typ, path)
	}
}

func compareFields(t *testing.T, root, n node, typ reflect.Type, path string) {
	t.Helper()
	if n["additionalProperties"] != false {
		t.Errorf("%s: additionalProperties must be false", path)
	}
	properties, _ := n["properties"].(node)
	var known []string
	for _, f := range fieldsOf(typ) {
		known = append(known, f.name)
		p, ok := properties[f.name].(node)
		if !ok {
			t.Errorf("%s.%s: not in the schema", path, f.name)
			continue
		}
		if d, _ := p["description"].(string); d == "" {
			t.Errorf("%s.%s: no description", path, f.name)
		}
		compare(t, root, p, f.typ, path+"."+f.name)
	}
	for name := range properties {
		if !slices.Contains(known, name) {
			t.Errorf("%s.%s: not in %s", path, name, typ)
		}
	}
	required, _ := n["required"].([]any)
	for _, r := range required {
		if !slices.Contains(known, r.(string)) {
			t.Errorf("%s: requires %q, which is no field", path, r)
		}
	}
}

func jsonType(t *testing.T, typ reflect.Type, path string) string {
	t.Helper()
	switch p := reflect.PointerTo(typ); {
	case p.Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return "string"
	case p.Implements(reflect.TypeFor[json.Unmarshaler]()):
		return "any"
	}
	switch typ.Kind() {
	case reflect.Struct, reflect.Map:
		return "object"
	case reflect.Slice:
		return "array"
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "integer"
	}
	t.Errorf("%s: %s cannot be configured", path, typ)
	return "any"
}

// TestSchemaKnowsTheWords compares the enumerations and defaults of the schema with those of the code.
func TestSchemaKnowsTheWords(t *testing.T) {
	root := loadSchema(t)
	at := func(path ...string) any {
		n := root
		for i, p := range path {
			n = resolve(root, n)
			if i == len(path)-1 {
				return n[p]
			}
			n = n[p].(node)
		}
		return nil
	}
	var risks, sentences, severities, strengths []string
	for _, r := range nist190.Risks() {
		risks = append(risks, string(r))
	}
	for _, s := range nist190.Sentences() {
		sentences = append(sentences, s.Key)
	}
	for s := nist190.SeverityInfo; s <= nist190.SeverityCritical; s++ {
		severities = append(severities, s.String())
	}
	for s := inventory.VendorAsserted; s <= inventory.Observed; s++ {
		strengths = append(strengths, s.String())
	}
	scheme := sensitivity.Default()
	for _, c := range []struct{ got, want any }{
		{at("properties", "apiVersion", "const"), APIVersion},
		{at("properties", "kind", "const"), Kind},
		{at("properties", "world", "enum"), []World{Closed, Open}},
		{at("properties", "checks", "properties", "risks", "items", "enum"), risks},
		{at("properties", "attestations", "items", "properties", "sentence", "enum"), sentences},
		{at("properties", "thresholds", "properties", "failOn", "enum"), severities},
		{at("properties", "thresholds", "properties", "minStrength", "enum"), strengths},
		{at("properties", "network", "properties", "hostNetwork", "enum"), []network.HostNetworkMode{network.Ignored, network.Enforced, network.Undetermined}},
		{at("properties", "network", "properties", "plugin", "examples"), network.Plugins()},
		{at("properties", "interfaceBudget", "default"), network.DefaultInterfaceBudget},
		{at("properties", "sensitivity", "properties", "levels", "default"), scheme.Levels},
		{at("properties", "sensitivity", "properties", "keys", "default"), scheme.Keys},
		{at("properties", "sensitivity", "properties", "nodeKeys", "default"), scheme.NodeKeys},
		{at("properties", "sensitivity", "properties", "infra", "default"), scheme.Infra},
	} {
		if got, want := fmt.Sprint(c.got), fmt.Sprint(c.want); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestSamplesMatchSchema holds the sample files to the schema, and the full one to using every field.
func TestSamplesMatchSchema(t *testing.T) {
	root := loadSchema(t)
	for _, name := range []string{"testdata/full.yaml", "testdata/minimal.yaml", "testdata/example/nist190.yaml"} {
		for _, msg := range violations(root, root, content(t, name), name) {
			t.Error(msg)
		}
	}
	used := map[string]bool{}
	uses(content(t, "testdata/full.yaml"), "", used)
	for _, path := range every(reflect.TypeFor[Config](), "") {
		if !used[path] {
			t.Errorf("testdata/full.yaml does not use %s", path)
		}
	}
}

func content(t *testing.T, name string) any {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, name, text)
}

func decoded(t *testing.T, name string, text []byte) any {
	t.Helper()
	doc, err := onlyDocument(name, text)
	if err != nil {
		t.Fatal(err)
	}
	value, err := doc.Decode(limits)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(value.JSON, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// violations evaluates the keywords that the schema uses.
func violations(root, n node, v any, path string) (out []string) {
	n = resolve(root, n)
	bad := func(format string, args ...any) { out = append(out, path+": "+fmt.Sprintf(format, args...)) }
	for keyword, arg := range n {
		switch keyword {
		case "$schema", "$id", "$defs", "title", "description", "default", "examples", "additionalProperties":
		case "type":
			types, ok := arg.([]any)
			if !ok {
				types = []any{arg}
			}
			if !slices.ContainsFunc(types, func(t any) bool { return hasType(v, t.(string)) }) {
				bad("is no %v", arg)
			}
		case "const":
			if v != arg {
				bad("is not %v", arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				bad("%v is none of %v", v, arg)
			}
		case "pattern":
			if s, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(s) {
				bad("%q does not match %s", s, arg)
			}
		case "minLength":
			if s, ok := v.(string); ok && len(s) < int(arg.(float64)) {
				bad("is too short")
			}
		case "minimum", "maximum":
			if f, ok := v.(float64); ok && (keyword == "minimum" && f < arg.(float64) || keyword == "maximum" && f > arg.(float64)) {
				bad("%v is beyond the %s of %v", f, keyword, arg)
			}
		case "minItems":
			if l, ok := v.([]any); ok && len(l) < int(arg.(float64)) {
				bad("has too few items")
			}
		case "items":
			if l, ok := v.([]any); ok {
				for i, item := range l {
					out = append(out, violations(root, arg.(node), item, fmt.Sprintf("%s[%d]", path, i))...)
				}
			}
		case "required":
			for _, r := range arg.([]any) {
				if _, ok := v.(node)[r.(string)]; !ok {
					bad("lacks %s", r)
				}
			}
		case "anyOf", "oneOf":
			n := 0
			for _, s := range arg.([]any) {
				if len(violations(root, s.(node), v, path)) == 0 {
					n++
				}
			}
			if n == 0 || keyword == "oneOf" && n > 1 {
				bad("meets %d of %s", n, keyword)
			}
		case "properties":
			for name, value := range v.(node) {
				if p, ok := arg.(node)[name].(node); ok {
					out = append(out, violations(root, p, value, path+"."+name)...)
				} else {
					bad("unknown field %s", name)
				}
			}
		default:
			bad("this test does not know the keyword %s", keyword)
		}
	}
	return out
}

func hasType(v any, t string) bool {
	switch v := v.(type) {
	case string:
		return t == "string"
	case bool:
		return t == "boolean"
	case float64:
		return t == "number" || t == "integer" && v == float64(int(v))
	case []any:
		return t == "array"
	case node:
		return t == "object"
	}
	return false
}

// uses collects the paths of the fields of a document, without indices.
func uses(v any, path string, out map[string]bool) {
	switch v := v.(type) {
	case node:
		for name, value := range v {
			out[path+"."+name] = true
			uses(value, path+"."+name, out)
		}
	case []any:
		for _, item := range v {
			uses(item, path, out)
		}
	}
}

// every is the paths of the fields of a type. Selectors have one type: it is enough that they are used in full once.
func every(typ reflect.Type, path string) (out []string) {
	for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
		typ = typ.Elem()
	}
	if typ.Kind() != reflect.Struct || reflect.PointerTo(typ).Implements(textUnmarshaler) || reflect.PointerTo(typ).Implements(jsonUnmarshaler) {
		return nil
	}
	if typ == reflect.TypeFor[inventory.Selector]() && path != ".suppressions.selector" {
		return nil
	}
	if typ.PkgPath() == "k8s.io/apimachinery/pkg/apis/meta/v1" { // of a label selector one field is used
		return nil
	}
	for _, f := range fieldsOf(typ) {
		out = append(out, path+"."+f.name)
		out = append(out, every(f.typ, path+"."+f.name)...)
	}
	return out
}
