package manifest

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/rawjson"
	"github.com/nist190/nist190/inventory"
)

// header is what the top level of a document tells, read in one pass over its JSON.
type header struct {
	isMap               bool
	kind, apiVersion    string
	hasKind, hasVersion bool // the field is there, whatever its value
	hasName             bool // metadata.name is there
	name                string
	items               []byte   // raw; nil where there is no such field
	odd                 []string // fields that are kind, apiVersion, metadata or spec but for their case
	chart               bool     // name and version at the top level, as in Chart.yaml
	hasMetadata         bool
}

func readHeader(raw []byte) header {
	h := header{isMap: len(raw) > 0 && raw[0] == '{'}
	names := 0
	for key, value := range rawjson.Members(raw) {
		switch key {
		case "kind":
			h.hasKind = true
			h.kind = rawjson.String(value)
		case "apiVersion":
			h.hasVersion = true
			h.apiVersion = rawjson.String(value)
		case "items":
			h.items = value
		case "name", "version":
			names++
		case "metadata":
			h.hasMetadata = true
			for k, v := range rawjson.Members(value) {
				if k == "name" {
					h.hasName = true
					h.name = rawjson.String(v)
				}
			}
		default:
			for _, known := range [...]string{"kind", "apiVersion", "metadata", "spec"} {
				if len(key) == len(known) && key != known && strings.EqualFold(key, known) {
					h.odd = append(h.odd, key)
				}
			}
		}
	}
	h.chart = names == 2
	return h
}

func (h header) group() string {
	gv, _ := schema.ParseGroupVersion(h.apiVersion)
	return gv.Group
}

// isObject reports whether the document says what it is.
func (h header) isObject() bool { return h.kind != "" && h.apiVersion != "" }

// looksLikeObject reports whether the document tries to.
func (h header) looksLikeObject() bool {
	if h.hasKind || h.hasVersion {
		return true
	}
	for _, k := range h.odd {
		if strings.EqualFold(k, "kind") || strings.EqualFold(k, "apiVersion") {
			return true
		}
	}
	return false
}

func (h header) lacks() string {
	what := func(name string, has bool) string {
		if has {
			return name + " is not a string or is empty"
		}
		return "there is no " + name
	}
	if h.kind == "" {
		return what("kind", h.hasKind)
	}
	return what("apiVersion", h.hasVersion)
}

// templated reports a placeholder where an object needs a name: no API server accepts it.
func (h header) templated() bool {
	return strings.Contains(h.name, "{{") || strings.Contains(h.name, "${") || strings.Contains(h.kind, "{{")
}

// caseProblems speaks of fields that some decoders take for others: encoding/json compares names without case, the API
// server does not.
func (d *document) caseProblems(h header) {
	for _, k := range h.odd {
		known := "kind"
		for _, name := range [...]string{"apiVersion", "metadata", "spec"} {
			if strings.EqualFold(k, name) {
				known = name
			}
		}
		if !h.isObject() && known != "kind" && known != "apiVersion" {
			continue
		}
		at := d.begin()
		if pos, err := d.doc.Positions(); err == nil {
			at.Line, at.Column, _ = pos.At(k)
		}
		d.problems = append(d.problems, inventory.Problem{Code: inventory.ProblemDivergent, Origin: at,
			Message: fmt.Sprintf("the field %q is not %s to the API server, which compares names by case; other readers may take it for that", k, known)})
	}
}
