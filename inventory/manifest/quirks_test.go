package manifest_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// bare leaves out what every closed world adds.
var bare = manifest.Config{NoBootstrap: true}

// summary is what a test compares: objects as "Kind name@line", problems as "Code@line".
type summary struct {
	Objects, Problems []string
}

func summarize(inv *inventory.Inventory) (s summary) {
	for o := range inv.All() {
		s.Objects = append(s.Objects, fmt.Sprintf("%s %s@%d", o.Ref().Kind, o.Name(), o.Origin().Line))
	}
	for _, p := range inv.Problems() {
		s.Problems = append(s.Problems, fmt.Sprintf("%s@%d", p.Code, p.Origin.Line))
	}
	return s
}

func collect(t *testing.T, src inventory.Source) (*inventory.Inventory, error) {
	t.Helper()
	return inventory.Collect(context.Background(), nil, src)
}

func cm(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " + name + "\n"
}

func utf16le(s string) string {
	b := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return string(b)
}

// TestQuirks has a row for every row of the quirks table of the design, and some more.
func TestQuirks(t *testing.T) {
	pod := func(spec string) string {
		return "apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec:\n" + spec
	}
	tests := []struct {
		name, in          string
		objects, problems []string
	}{
		{"yes is a boolean to kubectl", pod("  hostNetwork: yes\n"), []string{"Pod p@1"}, []string{"Divergent@6"}},
		{"on", pod("  hostNetwork: on\n"), []string{"Pod p@1"}, []string{"Divergent@6"}},
		{"y", pod("  hostPID: y\n"), []string{"Pod p@1"}, []string{"Divergent@6"}},
		{"yes with an anchor", pod("  hostNetwork: &x yes\n"), []string{"Pod p@1"}, []string{"Divergent@6"}},
		{"yes in a flow mapping", pod("  securityContext: {runAsNonRoot:  no}\n"), []string{"Pod p@1"}, []string{"Divergent@6"}},
		{"yes in a block scalar is text", cm("a") + "data:\n  x: |\n    - yes\n    on: no\n", []string{"ConfigMap a@1"}, nil},
		{"quoted yes is text", cm("a") + "data:\n  x: \"yes\"\n", []string{"ConfigMap a@1"}, nil},
		{"key y", cm("a") + "data:\n  y: b\n", []string{"ConfigMap a@1"}, []string{"Divergent@6"}},
		{"duplicate key", pod("  hostNetwork: false\n  hostNetwork: true\n"), []string{"Pod p@1"}, []string{"DuplicateKey@7"}},
		{"keys that are one in JSON", cm("a") + "data:\n  1: a\n  \"1\": b\n", nil, []string{"Syntax@7"}},
		{"merge, then override", cm("a") + "x: &x {b: c}\ndata:\n  <<: *x\n  b: d\n", []string{"ConfigMap a@1"}, []string{"UnknownField@1"}},
		{"override, then merge", cm("a") + "data:\n  b: d\n  <<: {b: c}\n", []string{"ConfigMap a@1"}, []string{"Divergent@7"}},
		{"bad second of three", cm("a") + "---\na: b: c\n---\n" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@8"}, []string{"Syntax@6"}},
		{"separator with comment", cm("a") + "--- # x\n" + cm("b") + "---   \n" + cm("c"), []string{"ConfigMap a@1", "ConfigMap b@6", "ConfigMap c@11"}, nil},
		{"content on the separator line", cm("a") + "--- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n", []string{"ConfigMap a@1", "ConfigMap b@5"}, []string{"Divergent@5"}},
		{"separator without a space", "a: b\n---kind: B\n", nil, nil},
		{"document end without separator", cm("a") + "...\n" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@6"}, []string{"Divergent@6"}},
		{"document end with separator", cm("a") + "...\n---\n" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@7"}, nil},
		{"carriage returns only", strings.ReplaceAll(cm("a")+"---\n"+cm("b"), "\n", "\r"), []string{"ConfigMap a@1", "ConfigMap b@6"}, []string{"Divergent@5"}},
		{"carriage returns and line feeds", strings.ReplaceAll(cm("a")+"---\n"+cm("b"), "\n", "\r\n"), []string{"ConfigMap a@1", "ConfigMap b@6"}, nil},
		{"next line characters", strings.ReplaceAll(cm("a")+"---\n"+cm("b"), "\n", "\u0085"), []string{"ConfigMap a@1", "ConfigMap b@1"}, []string{"Divergent@1"}},
		{"concatenated JSON", `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"}}{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"b"}}`, []string{"ConfigMap a@1", "ConfigMap b@1"}, nil},
		{"one JSON value per line", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}\n", []string{"ConfigMap a@1", "ConfigMap b@2"}, nil},
		{"two JSON values behind a separator", cm("a") + "---\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"b\"}}{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"c\"}}\n", []string{"ConfigMap a@1", "ConfigMap b@6", "ConfigMap c@6"}, []string{"Divergent@6"}},
		{"JSON, then garbage", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\"metadata\":{\"name\":\"a\"}}\n}\n", []string{"ConfigMap a@1"}, []string{"Syntax@2"}},
		{"JSON with a duplicate key", "{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\",\n\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"y\"}},\n\"metadata\":{\"name\":\"b\"}}\n", []string{"ConfigMap b@1"}, []string{"DuplicateKey@3"}},
		{"directive", "%YAML 1.2\n---\n" + cm("a"), []string{"ConfigMap a@3"}, []string{"Divergent@2"}},
		{"certificate at the margin of a quoted scalar", cm("a") + "data:\n  c: \"\n-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\"\n", []string{"ConfigMap a@1"}, []string{"Divergent@7", "Divergent@8"}},
		{"byte order marks", "\uFEFF" + cm("a") + "---\n\uFEFF" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@6"}, nil},
		{"byte order mark before a separator", cm("a") + "\uFEFF---\n" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@6"}, []string{"Divergent@5"}},
		{"UTF-16", utf16le(cm("a")), []string{"ConfigMap a@1"}, nil},
		{"anchors across documents", "x: &x 1\n" + cm("a") + "---\n" + cm("b") + "data: *x\n", []string{"ConfigMap a@1"}, []string{"UnknownField@1", "Syntax@7"}},
		{"date is a string", cm("a") + "data:\n  t: 2024-01-01\n", []string{"ConfigMap a@1"}, nil},
		{"infinity", cm("a") + "data:\n  t: .inf\n", nil, []string{"Syntax@1"}},
		{"null key", cm("a") + "data:\n  null: x\n", nil, []string{"Syntax@1"}},
		{"complex key", cm("a") + "data:\n  ? {a: b}\n  : x\n", nil, []string{"Syntax@1"}},
		{"alias bomb", cm("a") + bomb(), nil, []string{"TooLarge@1"}},
		{"long aliases", cm("a") + "x: &x " + strings.Repeat("y", 1<<16) + "\ndata: [" + strings.Repeat("*x,", 2000) + "]\n", nil, []string{"TooLarge@1"}},
		{"alias to itself", cm("a") + "x: &x [*x]\n", nil, []string{"TooLarge@1"}},
		{"20,000 brackets", cm("a") + "data: " + strings.Repeat("[", 20000) + "\n", nil, []string{"TooLarge@5"}},
		{"2,000 levels", cm("a") + "data: " + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + "\n", nil, []string{"TooLarge@1"}},
		{"tab indentation", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: a\n", nil, []string{"Syntax@4"}},
		{"binary", "apiVersion: v1\x00", nil, []string{"Encoding@0"}},
		{"invalid UTF-8 costs one document", cm("a") + "---\n" + cm("\xff") + "---\n" + cm("b"), []string{"ConfigMap a@1", "ConfigMap b@11"}, []string{"Syntax@6"}},
		{"wrong case of kind", "apiVersion: v1\nKind: Pod\nmetadata: {name: a}\n", nil, []string{"Invalid@1", "Divergent@2"}},
		{"wrong case beside the right one", cm("a") + "Kind: Pod\n", []string{"ConfigMap a@1"}, []string{"UnknownField@1", "Divergent@5"}},
		{"no apiVersion", "kind: Pod\nmetadata: {name: a}\n", nil, []string{"Invalid@1"}},
		{"no name", "apiVersion: v1\nkind: Pod\nmetadata: {}\n", nil, []string{"Invalid@1"}},
		{"name is a number", "apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\n", nil, []string{"Invalid@1"}},
		{"list", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: a\n- apiVersion: v1\n  kind: ConfigMap\n  metadata:\n    name: b\n", []string{"ConfigMap a@4", "ConfigMap b@8"}, nil},
		{"typed list without kinds", "apiVersion: v1\nkind: ConfigMapList\nitems:\n  - metadata:\n      name: a\n  - {}\n", []string{"ConfigMap a@4"}, []string{"Invalid@6"}},
		{"list with null items", "apiVersion: v1\nkind: List\nitems:\n", nil, nil},
		{"list with a null item", "apiVersion: v1\nkind: List\nitems:\n- null\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n", []string{"ConfigMap a@5"}, []string{"Invalid@4"}},
		{"items is no list", "apiVersion: v1\nkind: List\nitems: {}\n", nil, []string{"Invalid@1"}},
		{"list in a list", "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[\n{\"apiVersion\":\"v1\",\"kind\":\"ConfigMapList\",\"items\":[\n{\"metadata\":{\"name\":\"a\"}}]}]}", []string{"ConfigMap a@3"}, nil},
		{"lists without end", strings.Repeat(`{"apiVersion":"v1","kind":"List","items":[`, 20) + strings.Repeat("]}", 20), nil, []string{"Invalid@1"}},
		{"flow list", "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ConfigMap,\n metadata: {name: a}}]}", []string{"ConfigMap a@1"}, nil},
		{"template", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.x }}\n{{- if .y }}\n{{- end }}\n", nil, []string{"Template@1"}},
		{"template that parses", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \"{{ x }}\"\n", nil, []string{"Template@1"}},
		{"braces in values are no template", cm("a") + "data:\n  x: \"{{ $labels.pod }}\"\n", []string{"ConfigMap a@1"}, nil},
		{"same object twice", cm("a") + "---\n" + cm("a") + "data: {x: z}\n", []string{"ConfigMap a@6"}, []string{"DuplicateObject@1"}},
		{"comments and nulls", "# a\n---\n---\nnull\n---\n# b\n---\n\n" + cm("a"), []string{"ConfigMap a@9"}, []string{"NotKubernetes@0"}},
		{"patch", "- op: add\n  path: /a\n  value: b\n", nil, []string{"NotKubernetes@0"}},
		{"configuration without a name", "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n", []string{"KubeletConfiguration q.yaml@1"}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inv, _ := collect(t, manifest.Bytes(bare, "q.yaml", []byte(tt.in)))
			got := summarize(inv)
			want := summary{tt.objects, tt.problems}
			if tt.name == "separator without a space" {
				want.Problems = []string{"NotKubernetes@0"}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("(-want +got)\n%s", d)
				for _, p := range inv.Problems() {
					t.Log(p.Code, p)
				}
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := range 9 {
		fmt.Fprintf(&b, "a%d: &a%d [%s*a%d]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 8), i)
	}
	return b.String()
}
