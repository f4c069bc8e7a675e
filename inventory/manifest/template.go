package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// chartTemplate notes a file of a chart's templates directory: one Problem, whatever it holds.
func (in *input) chartTemplate(r *result, text []byte) {
	kinds, looks := scanKinds(text)
	if !looks {
		return // definitions for other templates
	}
	in.broken(r, inventory.ProblemTemplate, inventory.Origin{URI: in.uri, Line: 1, Column: 1},
		fmt.Errorf("a template of the Helm chart %q, which is no evidence; render it first: helm template", in.chart))
	d := document{in: in, result: *r}
	d.lose(kinds, looks)
	*r = d.result
}

// kindScan is what the lines of a text that cannot be parsed tell of the kinds in it.
type kindScan struct{ found []schema.GroupKind }

// scanKinds looks for lines "kind: X" and "apiVersion: Y" that stand at the margin, and at any indentation once a list has
// been seen or in JSON. looks is true where the text seems to describe objects at all.
func scanKinds(text []byte) (s kindScan, looks bool) {
	group, literal := "", false
	inList := bytes.HasPrefix(bytes.TrimSpace(text), []byte("{"))
	add := func(gk schema.GroupKind) {
		if !slices.Contains(s.found, gk) {
			s.found = append(s.found, gk)
		}
	}
	var pending []string
	flush := func() {
		for _, kind := range pending {
			if literal {
				add(inventory.CanonicalGroupKind(schema.GroupKind{Group: group, Kind: kind}))
			} else {
				for _, gk := range guess(kind) {
					add(gk)
				}
			}
		}
		pending, literal = nil, false
	}
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if bytes.HasPrefix(line, []byte("---")) {
			flush()
			continue
		}
		key, value, ok := field(line, inList)
		if !ok {
			continue
		}
		looks = true
		switch {
		case strings.EqualFold(key, "apiVersion"):
			if literal {
				flush()
			}
			if gv, err := schema.ParseGroupVersion(value); err == nil && isWord(value) {
				group, literal = gv.Group, true
			}
		case value == "List":
			inList = true
		case isWord(value):
			kind := strings.TrimSuffix(value, "List")
			pending = append(pending, kind)
			inList = inList || kind != value
			if inList {
				flush()
			}
		default: // an expression that decides between kinds
			for _, w := range strings.FieldsFunc(value, func(c rune) bool { return !(c|0x20 >= 'a' && c|0x20 <= 'z') }) {
				for _, gk := range guess(w) {
					add(gk)
				}
			}
		}
	}
	flush()
	return s, looks
}

// field reads a line "kind: X" or "apiVersion: X", in YAML or JSON and in any case.
func field(line []byte, indented bool) (key, value string, ok bool) {
	t := line
	if indented {
		t = bytes.TrimLeft(t, " \t-{,\"")
	}
	k, v, found := bytes.Cut(t, []byte(":"))
	key = strings.Trim(string(k), " \t\"'\uFEFF")
	if !found || !strings.EqualFold(key, "kind") && !strings.EqualFold(key, "apiVersion") {
		return "", "", false
	}
	value, _, _ = strings.Cut(string(v), " #")
	return key, strings.Trim(value, " \t\r\"',}"), true
}

func isWord(s string) bool {
	for _, c := range s {
		if !(c == '.' || c == '/' || c == '-' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return s != ""
}

// guess finds the built-in kinds of a name whose group the text does not tell.
func guess(kind string) []schema.GroupKind {
	var out []schema.GroupKind
	for _, group := range [...]string{"", "apps", "batch", "rbac.authorization.k8s.io", "networking.k8s.io", "policy",
		"admissionregistration.k8s.io", "apiextensions.k8s.io", "apiregistration.k8s.io", "scheduling.k8s.io", "storage.k8s.io", "node.k8s.io"} {
		gk := schema.GroupKind{Group: group, Kind: kind}
		if _, known := inventory.Namespaced(gk); known {
			out = append(out, gk)
		}
	}
	return out
}

// helmSource is the template that helm names in a comment above what it rendered from it.
func helmSource(text []byte) string {
	for len(text) > 0 {
		line, rest, _ := bytes.Cut(text, []byte("\n"))
		line = bytes.TrimSpace(line)
		if src, ok := bytes.CutPrefix(line, []byte("# Source: ")); ok {
			return string(bytes.TrimSpace(src))
		}
		if len(line) > 0 && line[0] != '#' && !bytes.HasPrefix(line, []byte("---")) {
			return ""
		}
		text = rest
	}
	return ""
}

// kustomizeOrigin is the file that kustomize or kpt names in an annotation as where the object came from.
func kustomizeOrigin(raw []byte) string {
	if !bytes.Contains(raw, []byte("config.kubernetes.io/")) {
		return ""
	}
	var o struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if json.Unmarshal(raw, &o) != nil {
		return ""
	}
	a := o.Metadata.Annotations
	for line := range strings.Lines(a["config.kubernetes.io/origin"]) {
		if p, ok := strings.CutPrefix(line, "path:"); ok {
			return strings.TrimSpace(p)
		}
	}
	if p := a["internal.config.kubernetes.io/path"]; p != "" {
		return p
	}
	return a["config.kubernetes.io/path"]
}
