package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
	"github.com/nist190/nist190/sensitivity"
)

const levelKey = "sensitivity.node-restriction.kubernetes.io/level"

func namespace(name, level string) *corev1.Namespace {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if level != "" {
		ns.Labels = map[string]string{"nist190.dev/sensitivity": level}
	}
	return ns
}

func pod(name string, spec corev1.PodSpec) *corev1.Pod {
	spec.Containers = []corev1.Container{{Name: "c", Image: "registry.example.com/i"}}
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: spec}
}

func node(name, level string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{levelKey: level}}}
	if level != "public" {
		n.Spec.Taints = []corev1.Taint{{Key: levelKey, Value: level, Effect: corev1.TaintEffectNoSchedule}}
	}
	return n
}

// world is an inventory of objects that a server has, or would have.
func world(t *testing.T, objects ...any) *inventory.Inventory {
	t.Helper()
	inv, err := inventory.Collect(t.Context(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for _, x := range objects {
			switch x := x.(type) {
			case *corev1.Namespace:
				x.APIVersion, x.Kind = "v1", "Namespace"
			case *corev1.Pod:
				x.APIVersion, x.Kind = "v1", "Pod"
			case *corev1.Node:
				x.APIVersion, x.Kind = "v1", "Node"
			}
			text, err := json.Marshal(x)
			if err != nil {
				return err
			}
			o, err := inventory.NewObject(inventory.Item{JSON: text})
			if err != nil {
				return err
			}
			c.Add(o)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

// enforce creates the policies that Suggest writes for two levels, and waits until the server asks them.
func enforce(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	pay, web := namespace("pay", "restricted"), namespace("web", "public")
	a, b := pod("a", corev1.PodSpec{}), pod("b", corev1.PodSpec{})
	a.Namespace, b.Namespace = "pay", "web"
	s, err := placement.Suggest(t.Context(), world(t, pay, web, a, b))
	if err != nil {
		t.Fatal(err)
	}
	for _, ns := range []*corev1.Namespace{pay, web, namespace("other", "")} {
		if _, err := client.CoreV1().Namespaces().Create(t.Context(), ns, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := apply(t, client, s.Policies); n != 4 {
		t.Fatalf("got %d policies and bindings, want 2 and 2", n)
	}
	for _, ns := range []string{"pay", "web"} {
		deadline := time.Now().Add(30 * time.Second)
		for !refused(create(t, client, ns, pod("probe", corev1.PodSpec{}), metav1.DryRunAll)) {
			if time.Now().After(deadline) {
				t.Fatalf("the policy of namespace %q is not asked after 30 s", ns)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
}

// apply creates policies and their bindings.
func apply(t *testing.T, client kubernetes.Interface, policies []map[string]any, dryRun ...string) int {
	t.Helper()
	strict := metav1.CreateOptions{FieldValidation: metav1.FieldValidationStrict, DryRun: dryRun}
	for _, p := range policies {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		switch p["kind"] {
		case "ValidatingAdmissionPolicy":
			var policy admissionregistrationv1.ValidatingAdmissionPolicy
			if err = json.Unmarshal(text, &policy); err == nil {
				_, err = client.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(t.Context(), &policy, strict)
			}
		case "ValidatingAdmissionPolicyBinding":
			var binding admissionregistrationv1.ValidatingAdmissionPolicyBinding
			if err = json.Unmarshal(text, &binding); err == nil {
				_, err = client.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(t.Context(), &binding, strict)
			}
		default:
			err = fmt.Errorf("a %s", p["kind"])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return len(policies)
}

func create(t *testing.T, client kubernetes.Interface, ns string, p *corev1.Pod, dryRun ...string) error {
	t.Helper()
	_, err := client.CoreV1().Pods(ns).Create(t.Context(), p.DeepCopy(), metav1.CreateOptions{DryRun: dryRun})
	return err
}

// refused tells a policy's refusal from any other error.
func refused(err error) bool {
	return (apierrors.IsInvalid(err) || apierrors.IsForbidden(err)) && strings.Contains(err.Error(), "ValidatingAdmissionPolicy 'nodes-of-level-")
}

// The server refuses pods that could land beside another level, and admits those of the right one.
func TestSuggestedPolicies(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(Start(t))
	anyNames(t, client)
	enforce(t, client)
	level := func(l string) map[string]string { return map[string]string{levelKey: l} }
	affinity := &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
		NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: levelKey, Operator: corev1.NodeSelectorOpIn, Values: []string{"restricted"}}}}},
	}}}
	anything := []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	for _, c := range []struct {
		name, namespace string
		spec            corev1.PodSpec
		admitted        bool
	}{
		{"own", "pay", corev1.PodSpec{NodeSelector: level("restricted")}, true},
		{"own-tolerating", "pay", corev1.PodSpec{NodeSelector: level("restricted"), Tolerations: anything}, true},
		{"own-narrower", "pay", corev1.PodSpec{NodeSelector: map[string]string{levelKey: "restricted", "disk": "ssd"}}, true},
		{"own-named", "pay", corev1.PodSpec{NodeSelector: level("restricted"), NodeName: "n"}, true},
		{"none", "pay", corev1.PodSpec{}, false},
		{"other", "pay", corev1.PodSpec{NodeSelector: level("public")}, false},
		{"otherkey", "pay", corev1.PodSpec{NodeSelector: map[string]string{"level": "restricted"}}, false},
		{"affinity", "pay", corev1.PodSpec{Affinity: affinity}, false}, // in other words: refused, and safe
		{"named", "pay", corev1.PodSpec{NodeName: "n"}, false},
		{"low", "web", corev1.PodSpec{NodeSelector: level("public")}, true},
		{"climber", "web", corev1.PodSpec{NodeSelector: level("restricted"), Tolerations: anything}, false},
		{"tolerating", "web", corev1.PodSpec{Tolerations: anything}, false},
		{"free", "other", corev1.PodSpec{NodeSelector: level("restricted")}, true}, // has no level: no policy of one
	} {
		err := create(t, client, c.namespace, pod(c.name, c.spec))
		if c.admitted && err != nil || !c.admitted && !refused(err) {
			t.Errorf("%s in %s: admitted should be %v, got %v", c.name, c.namespace, c.admitted, err)
		}
	}
}

// anyNames tries policies of levels and labels as a scheme may call them.
func anyNames(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	ns := namespace("pay", "")
	ns.Labels = map[string]string{"Data.Class_1": "Top_Secret.2"}
	p := pod("a", corev1.PodSpec{})
	p.Namespace = "pay"
	inv := world(t, ns, p).Configure(sensitivity.Setting.Set(sensitivity.Scheme{
		Levels: []string{"Low", "Top_Secret.2"}, Keys: []string{"Data.Class_1"}, NodeKeys: []string{"example.com/Node_Class"},
	}))
	s, err := placement.Suggest(t.Context(), inv)
	if err != nil {
		t.Fatal(err)
	}
	if n := apply(t, client, s.Policies, metav1.DryRunAll); n != 2 {
		t.Fatalf("got %d policies and bindings, want 1 and 1", n)
	}
}

// Of random pods the engine proves those that the server admitted to be apart; those that it refused are not.
func TestAdmittedPodsAreApart(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(Start(t))
	enforce(t, client)
	r := rand.New(rand.NewPCG(4, 3))
	levels := []string{"public", "restricted"}
	objects := []any{namespace("pay", "restricted"), namespace("web", "public"), node("p", "public"), node("r", "restricted")}
	all := append([]any{}, objects...)
	admitted := map[string]int{}
	for i := range 300 {
		var spec corev1.PodSpec
		if r.IntN(4) > 0 {
			spec.NodeSelector = map[string]string{levelKey: levels[r.IntN(2)]}
		}
		if r.IntN(3) == 0 {
			spec.Tolerations = []corev1.Toleration{{Key: levelKey, Operator: corev1.TolerationOpExists}}
		}
		if r.IntN(5) == 0 {
			spec.NodeName = []string{"p", "r"}[r.IntN(2)]
		}
		p := pod(fmt.Sprintf("p%d", i), spec)
		ns := []string{"pay", "web"}[r.IntN(2)]
		err := create(t, client, ns, p)
		if err != nil && !refused(err) {
			t.Fatal(err)
		}
		p.Namespace = ns
		all = append(all, p)
		if err == nil {
			objects = append(objects, p)
			admitted[ns]++
		}
	}
	if admitted["pay"] == 0 || admitted["web"] == 0 || len(objects) == len(all) {
		t.Fatalf("admitted %v of %d: nothing is tried", admitted, len(all))
	}
	for _, c := range []struct {
		what    string
		objects []any
		want    bool
	}{{"admitted pods", objects, true}, {"all pods", all, false}} {
		s, err := placement.SeparationOf(t.Context(), world(t, c.objects...))
		if err != nil {
			t.Fatal(err)
		}
		high, _ := s.Levels.Parse("restricted")
		low, _ := s.Levels.Parse("public")
		if _, _, apart := s.Apart(high, low); apart != c.want {
			t.Errorf("%s: apart is %v", c.what, apart)
		}
		if _, meet := s.Meet(high, low); (meet == placement.Cannot) != c.want {
			t.Errorf("%s: they meet: %v", c.what, meet)
		}
	}
}
