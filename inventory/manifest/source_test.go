package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/inventory/manifest"
)

// write lays files out below a new directory and makes it the working directory, so that URIs are short.
func write(t *testing.T, files map[string]string) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, data := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// lines renders what was collected, one line each, problems first.
func lines(inv *inventory.Inventory, err error) []string {
	var out []string
	for _, p := range inv.Problems() {
		out = append(out, fmt.Sprintf("%s %s %s:%d", p.Level, p.Code, p.Origin.URI, p.Origin.Line))
	}
	for o := range inv.All() {
		out = append(out, fmt.Sprintf("%s %s/%s %s:%d:%d", o.Ref().Kind, o.Namespace(), o.Name(), o.Origin().URI, o.Origin().Line, o.Origin().Column))
	}
	if err != nil {
		for e := range strings.Lines(err.Error()) {
			out = append(out, "error "+strings.TrimSpace(e))
		}
	}
	return out
}

func check(t *testing.T, src inventory.Source, want ...string) *inventory.Inventory {
	t.Helper()
	inv, err := collect(t, src)
	if d := cmp.Diff(want, lines(inv, err)); d != "" {
		t.Errorf("(-want +got)\n%s", d)
		for _, p := range inv.Problems() {
			t.Log(p.Code, p)
		}
	}
	return inv
}

func TestPaths(t *testing.T) {
	write(t, map[string]string{
		"m/b.yaml": cm("b"), "m/a.yml": cm("a"), "m/c.json": `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c"}}`, "m/sub/d.yaml": cm("d"),
		"m/readme.md": cm("no"), "m/.git/x.yaml": cm("no"), "m/.hidden/x.yaml": cm("no"), "m/x/test.yaml": cm("no"), "named.txt": cm("named"), "m/values.yaml": "kind: DaemonSet\n",
	})
	cfg := bare
	cfg.Exclude = []string{"x", "sub/no*"}
	cfg.Stdin = strings.NewReader(cm("stdin"))
	check(t, manifest.Paths(cfg, "named.txt", "-", "./m/"),
		"notice Skipped m/.hidden:0", "notice NotKubernetes m/values.yaml:0", "notice Skipped m/x:0",
		"ConfigMap default/a m/a.yml:1:1", "ConfigMap default/b m/b.yaml:1:1", "ConfigMap default/c m/c.json:1:1",
		"ConfigMap default/d m/sub/d.yaml:1:1", "ConfigMap default/named named.txt:1:1", "ConfigMap default/stdin stdin:1:1")
}

func TestInputErrors(t *testing.T) {
	write(t, map[string]string{"ok.yaml": cm("a"), "bad.yaml": cm("b") + "---\na: b: c\n", "dir/bad.yaml": "a: b: c\n", "dir/ok.yaml": cm("c"), "empty/x.txt": ""})
	inv := check(t, manifest.Paths(bare, "missing.yaml", "ok.yaml", "bad.yaml", "dir", "-"),
		"error Syntax bad.yaml:6", "warning Syntax dir/bad.yaml:1", "error Unreadable missing.yaml:0", "error Unreadable stdin:0",
		"ConfigMap default/a ok.yaml:1:1", "ConfigMap default/b bad.yaml:1:1", "ConfigMap default/c dir/ok.yaml:1:1",
		"error missing.yaml: no such file or directory", "error stdin: no reader was given for standard input", "error bad.yaml:6: mapping values are not allowed in this context")
	if c := inv.Coverage(schema.GroupKind{Kind: "Pod"}, ""); c.State != inventory.Partial || !strings.Contains(c.Reason, "missing.yaml") {
		t.Errorf("coverage with a missing file: %v", c)
	}
	_, err := collect(t, manifest.Paths(bare, "dir"))
	if err != nil {
		t.Errorf("a broken file that nobody named is no error: %v", err)
	}
	_, err = collect(t, manifest.Paths(bare, "empty"))
	var ie *manifest.InputError
	if !errors.Is(err, manifest.ErrNoObjects) || !errors.As(err, &ie) || ie.Origin.URI != "empty" {
		t.Errorf("nothing to read: %v", err)
	}
}

func TestUnreadable(t *testing.T) {
	if os.Getuid() == 0 {
		fsys := fstest.MapFS{"a.yaml": {Data: []byte(cm("a"))}, "b.yaml": {Data: []byte(cm("b"))}}
		check(t, manifest.FS(bare, failing{fsys}, "."), "warning Unreadable b.yaml:0", "ConfigMap default/a a.yaml:1:1")
		return
	}
	write(t, map[string]string{"a.yaml": cm("a"), "b.yaml": cm("b")})
	if err := os.Chmod("b.yaml", 0); err != nil {
		t.Fatal(err)
	}
	check(t, manifest.Paths(bare, "."), "warning Unreadable b.yaml:0", "ConfigMap default/a a.yaml:1:1")
}

func TestSymlinks(t *testing.T) {
	write(t, map[string]string{
		"m/real.yaml": cm("real"), "outside.yaml": cm("outside"), "m/..data_1/mounted.yaml": cm("mounted"), "other/o.yaml": cm("other"),
	})
	for link, target := range map[string]string{
		"m/same.yaml": "real.yaml", "m/escape.yaml": "../outside.yaml", "m/dangling.yaml": "nowhere.yaml", "m/loop.yaml": "loop.yaml",
		"m/mounted.yaml": "..data_1/mounted.yaml", "m/dir.yaml": "..data_1", "m/up": "..", "root": "m", "rootfile": "m/real.yaml",
	} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	check(t, manifest.Paths(bare, "m"),
		"notice Skipped m/dangling.yaml:0", "notice Skipped m/dir.yaml:0", "notice Skipped m/escape.yaml:0", "notice Skipped m/loop.yaml:0",
		"ConfigMap default/mounted m/mounted.yaml:1:1", "ConfigMap default/real m/real.yaml:1:1")
	inv, err := collect(t, manifest.Paths(bare, "root", "rootfile"))
	if err != nil || inv.Len() != 2 {
		t.Errorf("named links: %d objects, %v", inv.Len(), err)
	}
	check(t, manifest.FS(bare, os.DirFS("."), "m"),
		"notice Skipped m/dangling.yaml:0", "notice Skipped m/dir.yaml:0", "notice Skipped m/escape.yaml:0", "notice Skipped m/loop.yaml:0",
		"notice Skipped m/mounted.yaml:0", "notice Skipped m/same.yaml:0", "ConfigMap default/real m/real.yaml:1:1")
}

func TestChart(t *testing.T) {
	files := map[string]string{
		"c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n", "c/values.yaml": "kind: x\n", "c/crds/crd.yaml": cm("crd"),
		"c/templates/a.yaml":     "{{- if .Values.x }}\napiVersion: apps/v1\nkind: Deployment\n{{- end }}\n",
		"c/templates/sub/b.yaml": "apiVersion: {{ include \"x\" . }}\nkind: {{ if .y }}DaemonSet{{ else }}StatefulSet{{ end }}\n",
		"c/templates/c.yaml":     cm("static"), "c/templates/d.yaml": "{{ define \"x\" }}{{ end }}\n",
	}
	write(t, files)
	inv := check(t, manifest.Paths(bare, "c"),
		"notice NotKubernetes c/Chart.yaml:0", "warning Template c/templates/a.yaml:1", "warning Template c/templates/c.yaml:1", "warning Template c/templates/sub/b.yaml:1",
		"ConfigMap default/crd c/crds/crd.yaml:1:1")
	for gk, want := range map[schema.GroupKind]inventory.State{
		{Group: "apps", Kind: "Deployment"}: inventory.Partial, {Group: "apps", Kind: "DaemonSet"}: inventory.Partial,
		{Group: "apps", Kind: "StatefulSet"}: inventory.Partial, {Kind: "ConfigMap"}: inventory.Partial, {Kind: "Pod"}: inventory.Complete,
	} {
		if c := inv.Coverage(gk, ""); c.State != want {
			t.Errorf("%s: %v", gk, c)
		}
	}
	for _, p := range []string{"c/templates", "c/templates/c.yaml", "c/templates/sub"} {
		if inv, _ := collect(t, manifest.Paths(bare, p)); inv.Len() != 0 {
			t.Errorf("%s: a template counted as evidence", p)
		}
	}
	fsys := fstest.MapFS{}
	for name, data := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(data)}
	}
	for _, root := range []string{".", "c", "c/templates"} {
		inv, _ := collect(t, manifest.FS(bare, fsys, root))
		for o := range inv.All() {
			if o.Name() != "crd" {
				t.Errorf("%s: %s is a template", root, o.Ref())
			}
		}
	}
}

func TestKustomize(t *testing.T) {
	write(t, map[string]string{
		"base/kustomization.yaml": "resources: [cm.yaml]\n", "base/cm.yaml": cm("a") + "data: {k: v}\n",
		"over/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: prod\nresources: [../base]\npatches:\n- path: p.yaml\n- patch: |-\n    x: z\n",
		"over/p.yaml":             cm("a"),
	})
	inv := check(t, manifest.Paths(bare, "."),
		"notice NotKubernetes base/kustomization.yaml:0", "warning Template over/kustomization.yaml:1", "notice Template over/p.yaml:1", "ConfigMap default/a base/cm.yaml:1:1")
	if c := inv.Coverage(schema.GroupKind{Kind: "ConfigMap"}, ""); c.State != inventory.Partial {
		t.Errorf("patched kind: %v", c)
	}
}

func TestOrderAndParallelism(t *testing.T) {
	files := map[string]string{}
	for i := range 40 {
		var b strings.Builder
		for j := range 100 {
			b.WriteString(cm(fmt.Sprintf("c-%d", (i*7+j)%500)) + "---\n")
		}
		b.WriteString("a: b: c\n---\n- x\n")
		files[fmt.Sprintf("f%d.yaml", i)] = b.String()
	}
	write(t, files)
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	cfg := bare
	cfg.Parallelism = 1
	want := lines(collect(t, manifest.Paths(cfg, names...)))
	slices.Reverse(names)
	for _, n := range []int{1, 2, 16} {
		cfg.Parallelism = n
		if d := cmp.Diff(want, lines(collect(t, manifest.Paths(cfg, names...)))); d != "" {
			t.Errorf("parallelism %d:\n%s", n, d)
		}
	}
}

func TestNoGoroutineIsLeft(t *testing.T) {
	write(t, map[string]string{"a.yaml": strings.Repeat(cm("a")+"---\n", 500)})
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(context.Background())
	for i := range 20 {
		if i == 10 {
			cancel()
		}
		_, err := inventory.Collect(ctx, nil, manifest.Paths(bare, "a.yaml"))
		if i > 10 && !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	}
	cancel()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestLimits(t *testing.T) {
	three := cm("a") + "---\n" + cm("b") + "---\n" + cm("c")
	for name, tt := range map[string]struct {
		cfg  manifest.Config
		want []string
	}{
		"file":      {manifest.Config{MaxFileSize: 20}, []string{"error TooLarge l.yaml:0", "error l.yaml: larger than the limit of 20 bytes"}},
		"documents": {manifest.Config{MaxDocuments: 1}, []string{"error TooLarge l.yaml:6", "ConfigMap default/a l.yaml:1:1", "error l.yaml:6: more than 1 documents; the rest was not read"}},
		"depth": {manifest.Config{MaxDepth: 1}, []string{"error TooLarge l.yaml:1", "error TooLarge l.yaml:6", "error TooLarge l.yaml:11",
			"error l.yaml:1: nested more than 1 levels deep", "error l.yaml:6: nested more than 1 levels deep", "error l.yaml:11: nested more than 1 levels deep"}},
		"document": {manifest.Config{MaxDocumentSize: 10}, []string{"error TooLarge l.yaml:1", "error TooLarge l.yaml:6", "error TooLarge l.yaml:11",
			"error l.yaml:1: a document of more than 10 bytes was not read", "error l.yaml:6: a document of more than 10 bytes was not read", "error l.yaml:11: a document of more than 10 bytes was not read"}},
	} {
		t.Run(name, func(t *testing.T) {
			tt.cfg.NoBootstrap = true
			inv := check(t, manifest.Bytes(tt.cfg, "l.yaml", []byte(three)), tt.want...)
			if c := inv.Coverage(schema.GroupKind{Kind: "Pod"}, ""); name != "depth" && c.State != inventory.Partial {
				t.Errorf("coverage: %v", c)
			}
		})
	}
}

func TestWorlds(t *testing.T) {
	data := []byte(cm("a") + "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-1}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  - broken: x: y\n")
	pods, nodes, leases, deployments := schema.GroupKind{Kind: "Pod"}, schema.GroupKind{Kind: "Node"}, schema.GroupKind{Group: "coordination.k8s.io", Kind: "Lease"}, schema.GroupKind{Group: "apps", Kind: "Deployment"}
	url := inventory.Need{URL: "/version"}
	for world, want := range map[manifest.World]map[schema.GroupKind]inventory.State{
		manifest.Closed: {pods: inventory.Complete, nodes: inventory.Complete, leases: inventory.NotCollected, deployments: inventory.Partial, {Kind: "ConfigMap"}: inventory.Complete, url.GroupKind(): inventory.NotCollected},
		manifest.Open:   {pods: inventory.NotCollected, nodes: inventory.Partial, leases: inventory.NotCollected, deployments: inventory.Partial, {Kind: "ConfigMap"}: inventory.Partial, url.GroupKind(): inventory.NotCollected},
	} {
		inv, _ := inventory.Collect(context.Background(), []inventory.Need{url}, manifest.Bytes(manifest.Config{World: world}, "w.yaml", data))
		for gk, state := range want {
			if c := inv.Coverage(gk, ""); c.State != state {
				t.Errorf("%s world, %s: %v, want %s", world, gk, c, state)
			}
		}
		role, ok := inv.Get(schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, "", "cluster-admin")
		if ok != (world == manifest.Closed) || ok && role.Strength() != inventory.Inferred {
			t.Errorf("%s world: cluster-admin assumed: %v", world, ok)
		}
	}
}

func TestBootstrapIsOverridden(t *testing.T) {
	inv, err := collect(t, manifest.Bytes(manifest.Config{}, "r.yaml", []byte("apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: view}\nrules: []\n")))
	role, _ := inv.Get(schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, "", "view")
	if err != nil || role.Origin().URI != "r.yaml" || len(inv.Problems()) != 0 {
		t.Errorf("%v %v %v", role.Origin(), inv.Problems(), err)
	}
}

func TestTemplateOrigins(t *testing.T) {
	in := "---\n# Source: chart/templates/a.yaml\n" + cm("a") + "---\n" + cm("b") + "  annotations:\n    config.kubernetes.io/origin: |\n      path: base/b.yaml\n"
	inv, err := collect(t, manifest.Bytes(bare, "o.yaml", []byte(in)))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for o := range inv.All() {
		at := o.Origin("metadata", "name")
		got = append(got, fmt.Sprintf("%s:%d:%d %d %s", at.URI, at.Line, at.Column, at.Doc, at.Template))
	}
	if d := cmp.Diff([]string{"o.yaml:6:3 0 chart/templates/a.yaml", "o.yaml:11:3 1 base/b.yaml"}, got); d != "" {
		t.Error(d)
	}
}

func TestOrigins(t *testing.T) {
	list := "apiVersion: v1\nkind: List\nitems:\n# one\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n  spec:\n    containers:\n    - name: x\n      image: y\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: b}\n  spec:\n    containers:\n    - name: x\n      image: y\nmetadata: {}\n"
	jsonList := "{\n\t\"apiVersion\": \"v1\", \"kind\": \"PodList\",\n\t\"items\": [\n\t\t{\"metadata\": {\"name\": \"a\"},\n\t\t \"spec\": {\"containers\": [{\"name\": \"x\",\n\t\t \"image\": \"y\"}]}},\n\t\t{\"metadata\": {\"name\": \"b\"},\n\"spec\": {\"containers\": [{\n\"image\": \"y\"}]}}]}\n"
	for name, tt := range map[string]struct {
		in   string
		want []string
	}{
		"list.yaml": {list, []string{"a 5:3 10:7 11:7 9:5", "b 12:3 17:7 18:7 16:5"}},
		"anchored.yaml": {strings.Replace(strings.Replace(list, "image: y", "image: &y y", 1), "image: y", "image: *y", 1),
			[]string{"a 5:3 10:7 11:7 9:5", "b 12:3 17:7 18:7 16:5"}},
		"list.json": {jsonList, []string{"a 4:3 5:28 6:4 5:13", "b 7:3 8:25 9:1 8:10"}},
	} {
		inv, err := collect(t, manifest.Bytes(bare, name, []byte(tt.in)))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for o := range inv.All() {
			line := o.Name()
			for _, path := range [][]any{nil, {"spec", "containers", 0}, {"spec", "containers", 0, "image"}, {"spec", "containers", 7, "image"}} {
				at := o.Origin(path...)
				line += fmt.Sprintf(" %d:%d", at.Line, at.Column)
			}
			got = append(got, line)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestObjects(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "a", Namespace: "n"}}
	src := manifest.Objects(pod, &corev1.SecretList{
		Items: []corev1.Secret{{ObjectMeta: metav1.ObjectMeta{Name: "s"}, StringData: map[string]string{"p": "hunter2"}}}})
	pod.Name = "changed"
	inv, err := collect(t, src)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := inv.Get(schema.GroupKind{Kind: "Pod"}, "n", "a"); !ok || len(inv.Problems()) != 0 {
		t.Errorf("problems %v", inv.Problems())
	}
	if s, ok := inv.Get(schema.GroupKind{Kind: "Secret"}, "default", "s"); !ok || strings.Contains(string(s.JSON()), "hunter2") {
		t.Errorf("secret %v", ok)
	}
	var ie *manifest.InputError
	for _, bad := range []k8sruntime.Object{nil, (*corev1.Pod)(nil), &corev1.Pod{}, &metav1.Status{}} {
		if _, err := collect(t, manifest.Objects(bad)); !errors.As(err, &ie) {
			t.Errorf("%T: %v", bad, err)
		}
	}
}

func TestReaderFails(t *testing.T) {
	inv, err := collect(t, manifest.Reader(bare, "r", io.MultiReader(strings.NewReader(cm("a")), iotestErr{})))
	if err == nil || inv.Len() != 0 || len(inv.Problems()) != 1 {
		t.Errorf("%d objects, %v, %v", inv.Len(), inv.Problems(), err)
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("broken pipe") }
