package manifest_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// FuzzCollect: nothing panics, nothing hangs, and the result depends on the input alone.
func FuzzCollect(f *testing.F) {
	for _, s := range []string{
		cm("a") + "---\n" + cm("b"), "apiVersion: v1\nkind: List\nitems:\n- kind: Pod\n- null\n", "{\"kind\":\"PodList\",\"apiVersion\":\"v1\",\"items\":[{\"metadata\":{\"name\":\"a\"}}]}",
		"kind: Pod\napiVersion: v1\nmetadata:\n  name: {{ x }}\n", "%YAML 1.2\n---\na: &a [*a]\n", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {x: y}\n...\nb", "\xff\xfea\x00", "--- {apiVersion: v1, kind: List, items: {}}\r---\r",
		"apiVersion: kustomize.config.k8s.io/v1\nkind: Kustomization\n", "apiVersion: v1\nkind: List\nitems:\n  - a: \"x\n  - y\"\n", "# Source: a\nkind: List\napiVersion: v1\nitems:\n- &x {kind: Pod, apiVersion: v1, metadata: {generateName: a}}\n- *x\n",
	} {
		f.Add([]byte(s))
	}
	for _, file := range formatFiles {
		f.Add([]byte(file.text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var first []string
		for _, n := range []int{1, 4} {
			cfg := manifest.Config{NoBootstrap: true, Parallelism: n, MaxDocuments: 100, MaxExpansion: 1 << 16}
			inv, err := inventory.Collect(context.Background(), nil, manifest.Bytes(cfg, "f.yaml", data))
			for o := range inv.All() {
				at := o.Origin("metadata", "labels", "x")
				if at.Line < 1 || at.URI != "f.yaml" {
					t.Errorf("%s: field at %+v, object at %+v", o.Ref(), at, o.Origin())
				}
			}
			got := lines(inv, err)
			if first == nil {
				first = got
			} else if d := cmp.Diff(first, got); d != "" {
				t.Error(d)
			}
		}
	})
}
