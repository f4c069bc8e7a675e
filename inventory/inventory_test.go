package inventory_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/internal/testobj"
	"github.com/nist190/nist190/inventory"
)

var pods = schema.GroupKind{Kind: "Pod"}

func pod(ns, name string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {namespace: %s, name: %s}\nspec: {containers: [{name: c, image: i}]}\n", ns, name)
}

func names(inv *inventory.Inventory) []string {
	var out []string
	for o := range inv.All() {
		out = append(out, o.Ref().String())
	}
	return out
}

func TestOrderDoesNotDependOnTheSource(t *testing.T) {
	var objects []string
	for i := range 20 {
		objects = append(objects, pod(fmt.Sprintf("ns%d", i%3), fmt.Sprintf("p%02d", i)))
	}
	want := names(testobj.Inventory(t, objects))
	if !slices.IsSorted(want) || len(want) != 20 {
		t.Fatalf("order %v", want)
	}
	for seed := range uint64(10) {
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(objects), func(i, j int) { objects[i], objects[j] = objects[j], objects[i] })
		if got := names(testobj.Inventory(t, objects)); !slices.Equal(got, want) {
			t.Fatalf("seed %d: %v", seed, got)
		}
	}
}

func TestLookups(t *testing.T) {
	inv := testobj.Inventory(t, []string{pod("a", "x"), pod("b", "x"), pod("b", "w"), pod("c", "z")})
	if o, ok := inv.Get(pods, "b", "w"); !ok || o.Name() != "w" {
		t.Error("b/w is not found")
	}
	for _, missing := range [][2]string{{"b", "z"}, {"", "x"}, {"d", "x"}} {
		if _, ok := inv.Get(pods, missing[0], missing[1]); ok {
			t.Errorf("%v is found", missing)
		}
	}
	n := 0
	for range inv.InNamespace(pods, "b") {
		n++
	}
	if n != 2 {
		t.Errorf("%d pods in b", n)
	}
}

func TestNewObject(t *testing.T) {
	for _, tt := range []struct{ json, err string }{
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}}`, ""},
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"generateName":"p-"}}`, ""},
		{`{"kind":"Pod","metadata":{"name":"p"}}`, "apiVersion and kind"},
		{`{"apiVersion":"v1","Kind":"Pod","metadata":{"name":"p"}}`, "apiVersion and kind"},
		{`{"apiVersion":"a/b/c","kind":"Pod","metadata":{"name":"p"}}`, "more than one slash"},
		{`{"apiVersion":"v1","kind":"Pod"}`, "metadata.name is required"},
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"name":7}}`, "metadata: json: cannot unmarshal number into Go struct field .name"},
		{`{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"a":1}}}`, "labels"},
		{`[]`, "not an API object"},
		{`{`, "not an API object"},
	} {
		_, err := inventory.NewObject(inventory.Item{JSON: []byte(tt.json)})
		if tt.err == "" && err != nil || tt.err != "" && (!errors.Is(err, inventory.ErrNotAnObject) || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: %v, want %q", tt.json, err, tt.err)
		}
	}
}

func TestNamespacesAreThoseOfTheServer(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r, namespace: x}\n",
		"apiVersion: example.com/v1\nkind: Thing\nmetadata: {name: t}\n",
	})
	want := []string{"ClusterRole.rbac.authorization.k8s.io r", "Pod default/p", "Thing.example.com t"}
	if got := names(inv); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestSecretPayloadsAreNotKept(t *testing.T) {
	inv := testobj.Inventory(t, []string{`
apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations: {kubectl.kubernetes.io/last-applied-configuration: hunter2, other: kept}
type: Opaque
data: {password: aHVudGVyMg==}
stringData: {password: hunter2}
`})
	for o := range inv.All() {
		for _, bad := range []string{"hunter2", "aHVudGVyMg"} {
			if strings.Contains(string(o.JSON())+fmt.Sprint(o.Annotations())+fmt.Sprint(o.Unstructured()), bad) {
				t.Errorf("%s is kept", bad)
			}
		}
		if o.Annotations()["other"] != "kept" {
			t.Error("other annotations are lost")
		}
	}
	with := testobj.Inventory(t, nil).With(inventory.Change{Set: slices.Collect(inv.All())})
	for o := range with.All() {
		if strings.Contains(string(o.JSON()), "hunter2") {
			t.Error("With keeps the payload")
		}
	}
}

func TestDuplicatesAndGeneratedNames(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {v: first}}\n",
		"apiVersion: extensions/v1beta1\nkind: Deployment\nmetadata: {name: d, namespace: default, labels: {v: second}}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {generateName: g-}\n", "apiVersion: v1\nkind: Pod\nmetadata: {generateName: g-}\n",
	})
	if got := names(inv); !slices.Equal(got, []string{"Deployment.apps default/d", "Pod default/g-#1", "Pod default/g-#2"}) {
		t.Errorf("%v", got)
	}
	o, _ := inv.Get(schema.GroupKind{Group: "extensions", Kind: "Deployment"}, "default", "d")
	if o == nil || o.Labels()["v"] != "second" {
		t.Error("the last description does not count")
	}
	ps := inv.Problems()
	if len(ps) != 1 || ps[0].Code != inventory.ProblemDuplicateObject || ps[0].Origin.Doc != 0 || !strings.Contains(ps[0].Message, "test.yaml:11") {
		t.Errorf("problems %+v", ps)
	}
}

func TestUndecodableObjectsCostTheirNamespace(t *testing.T) {
	inv := testobj.Inventory(t, []string{pod("a", "good"), "apiVersion: v1\nkind: Pod\nmetadata: {namespace: b, name: bad}\nspec: {hostNetwork: 'yes'}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {namespace: c, name: odd}\nspec: {hostnetwork: true}\n"})
	n := 0
	for range inventory.Typed[corev1.Pod](inv) {
		n++
	}
	if n != 2 {
		t.Errorf("%d pods", n)
	}
	for ns, want := range map[string]inventory.State{"a": inventory.Complete, "b": inventory.Partial, "": inventory.Partial} {
		if got := inv.Coverage(pods, ns); got.State != want {
			t.Errorf("coverage of namespace %q: %+v", ns, got)
		}
	}
	codes := map[inventory.ProblemCode]int{}
	for _, p := range inv.Problems() {
		codes[p.Code]++
	}
	if codes[inventory.ProblemUndecodable] != 1 || codes[inventory.ProblemUnknownField] != 1 {
		t.Errorf("problems %v", inv.Problems())
	}
	_, err := inventory.As[corev1.Pod](mustGet(t, inv, pods, "b", "bad"))
	var de *inventory.DecodeError
	if !errors.As(err, &de) || de.Ref.Name != "bad" {
		t.Errorf("error %v", err)
	}
}

func mustGet(t *testing.T, inv *inventory.Inventory, gk schema.GroupKind, ns, name string) *inventory.Object {
	t.Helper()
	o, ok := inv.Get(gk, ns, name)
	if !ok {
		t.Fatalf("no %s %s/%s", gk, ns, name)
	}
	return o
}

func TestOldVersionsAndDefaults(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: old}\nspec: {selector: {}}\n",
		"apiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: new}\nspec: {selector: {}}\n",
		"apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata: {name: i}\nspec: {backend: {serviceName: s, servicePort: http}}\n",
		"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np}\nspec: {podSelector: {}, egress: [{}]}\n",
		"apiVersion: rbac.authorization.k8s.io/v1alpha1\nkind: ClusterRoleBinding\nmetadata: {name: b}\nroleRef: {kind: ClusterRole, name: r}\nsubjects: [{kind: User, name: '*'}]\n",
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: ns}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {serviceAccount: legacy, volumes: [{name: v}], containers: [{name: c, ports: [{containerPort: 1}]}]}\n",
	})
	_, old, _ := inventory.TypedGet[policyv1.PodDisruptionBudget](inv, "default", "old")
	_, now, _ := inventory.TypedGet[policyv1.PodDisruptionBudget](inv, "default", "new")
	if old.Spec.Selector != nil || now.Spec.Selector == nil {
		t.Error("an empty selector of a budget selects nothing in v1beta1 and everything in v1")
	}
	if _, i, ok := inventory.TypedGet[networkingv1.Ingress](inv, "default", "i"); !ok || i.Spec.DefaultBackend.Service.Port.Name != "http" {
		t.Errorf("ingress %+v", i)
	}
	if _, n, _ := inventory.TypedGet[networkingv1.NetworkPolicy](inv, "default", "np"); len(n.Spec.PolicyTypes) != 2 {
		t.Errorf("policy types %v", n.Spec.PolicyTypes)
	}
	if _, b, _ := inventory.TypedGet[rbacv1.ClusterRoleBinding](inv, "", "b"); b.Subjects[0].Kind != "Group" || b.Subjects[0].Name != "system:authenticated" || b.RoleRef.APIGroup == "" {
		t.Errorf("binding %+v", b)
	}
	if _, n, _ := inventory.TypedGet[corev1.Namespace](inv, "", "ns"); n.Labels[corev1.LabelMetadataName] != "ns" {
		t.Errorf("labels %v", n.Labels)
	}
	if _, p, _ := inventory.TypedGet[corev1.Pod](inv, "default", "p"); p.Spec.ServiceAccountName != "legacy" || p.Spec.Volumes[0].EmptyDir == nil || p.Spec.Containers[0].Ports[0].Protocol != corev1.ProtocolTCP {
		t.Errorf("pod %+v", p.Spec)
	}
	if err := inv.CheckMutation(); err != nil {
		t.Error(err)
	}
}

func TestCoverageTable(t *testing.T) {
	entry := func(ns string, s inventory.State) inventory.CoverageEntry {
		return inventory.CoverageEntry{Kind: "Pod", Namespace: ns, Coverage: inventory.Coverage{State: s}}
	}
	for _, tt := range []struct {
		name    string
		entries []inventory.CoverageEntry
		rest    inventory.State
		ns      string
		want    inventory.State
	}{
		{"nothing was stated", nil, inventory.NotCollected, "", inventory.NotCollected},
		{"the rest counts", nil, inventory.Complete, "a", inventory.Complete},
		{"a hole in one namespace", []inventory.CoverageEntry{entry("a", inventory.Forbidden)}, inventory.Complete, "", inventory.Forbidden},
		{"is no hole in another", []inventory.CoverageEntry{entry("a", inventory.Forbidden)}, inventory.Complete, "b", inventory.Complete},
		{"one namespace of a forbidden kind", []inventory.CoverageEntry{entry("", inventory.Forbidden), entry("a", inventory.Complete)}, inventory.Complete, "a", inventory.Complete},
		{"does not complete the whole", []inventory.CoverageEntry{entry("", inventory.Forbidden), entry("a", inventory.Complete)}, inventory.Complete, "", inventory.Forbidden},
		{"nobody looked in one namespace", []inventory.CoverageEntry{entry("a", inventory.NotCollected)}, inventory.Complete, "", inventory.NotCollected},
		{"the worse statement counts", []inventory.CoverageEntry{entry("", inventory.Complete), entry("", inventory.Partial)}, inventory.Complete, "", inventory.Partial},
		{"a source that did not look does not count", []inventory.CoverageEntry{entry("", inventory.Complete), entry("", inventory.NotCollected)}, inventory.NotCollected, "", inventory.Complete},
		{"not served is complete", []inventory.CoverageEntry{entry("", inventory.NotServed)}, inventory.Complete, "", inventory.NotServed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c inventory.Collector
			c.CoverRest(tt.rest, "")
			for _, e := range tt.entries {
				c.Cover(e)
			}
			if got := c.Inventory().Coverage(pods, tt.ns).State; got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestURLsAndFormatsAreNotAmongTheRest(t *testing.T) {
	inv := testobj.Inventory(t, nil)
	for _, n := range []inventory.Need{{URL: "/version"}, {Format: "aws-eks-describe-cluster"}} {
		if got := inv.Coverage(n.GroupKind(), "").State; got != inventory.NotCollected {
			t.Errorf("%s is %s", n, got)
		}
	}
}

func TestDefaultsYieldSilently(t *testing.T) {
	role := "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: admin, labels: {from: '%s'}}\n"
	var c inventory.Collector
	for range 2 {
		c.AddDefaults(func(v inventory.Version) []*inventory.Object {
			return []*inventory.Object{testobj.Object(t, fmt.Sprintf(role, v), inventory.Origin{})}
		})
	}
	c.Assume(inventory.KubernetesVersion.Set(inventory.Version{Major: 1, Minor: 35}))
	for o := range c.Inventory().All() {
		if o.Labels()["from"] != "1.35" {
			t.Errorf("assumed for %v", o.Labels())
		}
	}
	if n := c.Inventory().Len(); n != 1 {
		t.Errorf("what two sources assume is kept %d times", n)
	}
	c.Add(testobj.Object(t, fmt.Sprintf(role, "manifest"), inventory.Origin{}))
	inv := c.Inventory()
	o, _ := inv.Get(schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}, "", "admin")
	if o.Labels()["from"] != "manifest" || len(inv.Problems()) != 0 {
		t.Errorf("%v, problems %v", o.Labels(), inv.Problems())
	}
}

func TestOverlay(t *testing.T) {
	owned := "apiVersion: v1\nkind: Pod\nmetadata: {name: p, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, controller: true}]}\n"
	inv := testobj.Inventory(t, []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, controller: true}]}\n",
		owned, pod("default", "other"),
	})
	d := testobj.Object(t, "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {new: '1'}}\n", inventory.Origin{})
	after := inv.With(inventory.Change{Set: []*inventory.Object{d}, Delete: []inventory.Ref{{Kind: "Pod", Namespace: "default", Name: "other"}}})
	if got := names(after); !slices.Equal(got, []string{"Deployment.apps default/d"}) {
		t.Errorf("after the change: %v", got)
	}
	if got := len(names(inv)); got != 4 {
		t.Errorf("the base has %d objects", got)
	}
}

func TestWorkloads(t *testing.T) {
	inv := testobj.Inventory(t, []string{
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n",
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: rs, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: d, controller: true}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: p, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, controller: true}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: ended, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: rs, controller: true}]}\nstatus: {phase: Succeeded}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: orphan, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: unseen, controller: true}]}\n",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: bare-ended}\nstatus: {phase: Failed}\n",
		"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {spec: {hostPID: true}}}}}\n",
		"apiVersion: v1\nkind: ReplicationController\nmetadata: {name: rc}\n",
		"apiVersion: apps/v1\nkind: ReplicaSet\nmetadata: {name: loop, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: loop, controller: true}]}\n",
	})
	ws, err := inventory.WorkloadsOf(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range ws {
		n := 0
		for range w.PodSpecs() {
			n++
		}
		got = append(got, fmt.Sprintf("%s/%s:%d", w.Ref().Kind, w.Ref().Name, n))
	}
	want := []string{"CronJob/c:1", "Deployment/d:2", "Pod/orphan:1", "ReplicaSet/loop:1"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if !ws[0].Template.Spec.HostPID || inventory.PathString(ws[0].TemplatePath...) != "spec.jobTemplate.spec.template" {
		t.Errorf("the template of a CronJob: %v", ws[0].TemplatePath)
	}
	chain := inv.OwnerChain(mustGet(t, inv, pods, "default", "p"))
	if len(chain) != 2 || chain[1].Ref().Kind != "Deployment" {
		t.Errorf("owner chain %v", chain)
	}
}

func TestPathString(t *testing.T) {
	if got := inventory.PathString("spec", "containers", 0, "metadata", "a.b/c"); got != `spec.containers[0].metadata["a.b/c"]` {
		t.Error(got)
	}
}

func TestParseVersion(t *testing.T) {
	for in, want := range map[string]string{"1.37": "1.37", "v1.33.5-eks-3abbec1": "1.33", "1.29+": "1.29", "": "", "1": "", "2.0": "", "1.x": ""} {
		v, err := inventory.ParseVersion(in)
		if want == "" && err == nil || want != "" && v.String() != want {
			t.Errorf("%q: %s, %v", in, v, err)
		}
	}
}
