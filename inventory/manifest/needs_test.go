package manifest_test

import (
	"context"
	"os"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/google/go-cmp/cmp"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

var deployments = []inventory.Need{inventory.NeedOf[appsv1.Deployment](inventory.Either)}

// found lists the Deployments of a source.
func found(t testing.TB, source inventory.Source, needs []inventory.Need) []string {
	inv, err := inventory.Collect(context.Background(), needs, source)
	var out []string
	for o := range inv.ByKind(deployments[0].GroupKind()) {
		out = append(out, o.Ref().String()+" "+string(o.JSON()))
	}
	if err != nil && len(out) > 0 {
		t.Logf("%v", err)
	}
	slices.Sort(out)
	return out
}

// disguised are documents that could be taken for another kind by whoever reads their lines.
var disguised = []string{
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nx: \"\nkind: Role\n\"\n",
	"  apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: a}\n  x: \"\nkind: Role\napiVersion: v1\n\"\n",
	"\"apiVersion\": apps/v1\n\"kind\": Deployment\nmetadata: {name: a}\nx: \"\nkind: Role\napiVersion: v1\n\"\n",
	"kind : Deployment\napiVersion : apps/v1\nmetadata: {name: a}\nx: 'a\nkind: Role\napiVersion: v1\n'\n",
	"? kind\n: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\nkinds: 'a\nkind: Role'\n",
	"apiVersion: apps/v1\nkind: Role\nkind: Deployment\nmetadata: {name: a}\n",
	"kind: Role\nx: y\rkind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"kind: Role\nx: y\u2028kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"x: &x {kind: Deployment}\n<<: *x\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"{kind: Deployment, apiVersion: apps/v1, metadata: {name: a}, x: \"\nkind: Role\napiVersion: v1\n\"}\n",
	"--- {kind: Deployment, apiVersion: apps/v1, metadata: {name: a}, x: \"\nkind: Role\napiVersion: v1\n\"}\n",
	"kind: List\napiVersion: v1\nitems:\n- kind: Deployment\n  apiVersion: apps/v1\n  metadata: {name: a}\n",
	"kind: DeploymentList\napiVersion: apps/v1\nitems:\n- metadata: {name: a}\n",
	"kind: RoleList\napiVersion: v1\nitems:\n- kind: Deployment\n  apiVersion: apps/v1\n  metadata: {name: a}\n",
	"kind: Deployment\napiVersion: extensions/v1beta1\nmetadata: {name: a}\n",
	"kind: 'Deployment'\napiVersion: \"apps/v1\"\nmetadata: {name: a}\n",
	"kind: \"Deploy\\x6dent\"\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"kind: !!str Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"kind: Deployment # a comment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"kind: >-\n  Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"kind: Deployment\r\napiVersion: apps/v1\r\nmetadata: {name: a}\r\n",
	"\ufeffkind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
	"%YAML 1.1\n---\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n...\n",
	"a:\n- b\n- c\nkind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n",
}

// What is asked for is found, whatever else its lines look like.
func TestOnlyNeeds(t *testing.T) {
	for _, text := range disguised {
		source := func(only bool) inventory.Source {
			return manifest.Bytes(manifest.Config{NoBootstrap: true, OnlyNeeds: only}, "f.yaml", []byte(text))
		}
		want := found(t, source(false), nil)
		if len(want) == 0 {
			t.Logf("no Deployment: %q", text)
		}
		if d := cmp.Diff(want, found(t, source(true), deployments)); d != "" {
			t.Errorf("%q: %s", text, d)
		}
	}
}

// What nobody asked for is not there, and not said to be complete.
func TestOnlyNeedsCoverage(t *testing.T) {
	const text = "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: a}\n---\nkind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: a}\n---\n" +
		"kind: Node\napiVersion: v1\nmetadata: {name: a}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n---\n{kind: ConfigMap, apiVersion: v1, metadata: {name: b}}\n"
	inv, err := inventory.Collect(context.Background(), deployments, manifest.Bytes(manifest.Config{NoBootstrap: true, OnlyNeeds: true}, "f.yaml", []byte(text)))
	if err != nil {
		t.Fatal(err)
	}
	if inv.Len() != 2 {
		t.Errorf("%d objects", inv.Len())
	}
	for gk, want := range map[schema.GroupKind]inventory.State{
		{Group: "apps", Kind: "Deployment"}:                inventory.Complete,
		{Group: "apps", Kind: "DaemonSet"}:                 inventory.Complete,
		{Group: "rbac.authorization.k8s.io", Kind: "Role"}: inventory.NotCollected,
		{Kind: "Node"}:      inventory.NotCollected,
		{Kind: "ConfigMap"}: inventory.Partial,
	} {
		if got := inv.Coverage(gk, "").State; got != want {
			t.Errorf("%v is %v, want %v", gk, got, want)
		}
	}
}

// The corpus gives the same Deployments either way.
func TestOnlyNeedsCorpus(t *testing.T) {
	const dir = "../../../shared/corpus"
	if _, err := os.Stat(dir); err != nil {
		t.Skip("no corpus")
	}
	want := found(t, manifest.Paths(manifest.Config{}, dir), nil)
	if len(want) == 0 {
		t.Fatal("no Deployment in the corpus")
	}
	if d := cmp.Diff(want, found(t, manifest.Paths(manifest.Config{OnlyNeeds: true}, dir), deployments)); d != "" {
		t.Error(d)
	}
}

// FuzzOnlyNeeds: leaving documents out never loses one that was asked for.
func FuzzOnlyNeeds(f *testing.F) {
	for _, s := range disguised {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg := manifest.Config{NoBootstrap: true, MaxDocuments: 100, MaxExpansion: 1 << 16}
		want := found(t, manifest.Bytes(cfg, "f.yaml", data), nil)
		cfg.OnlyNeeds = true
		if d := cmp.Diff(want, found(t, manifest.Bytes(cfg, "f.yaml", data), deployments)); d != "" {
			t.Error(d)
		}
	})
}
