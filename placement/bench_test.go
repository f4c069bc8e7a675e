package placement_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// fleet is a cluster of pools for three levels: workloads with fifty pods each, a tenth of them DaemonSets' neighbours
// that tolerate, every pod bound to a node of its level.
func fleet(b *testing.B, nodes, pods int) *inventory.Inventory {
	b.Helper()
	const pools, each = 40, 50
	levels := []string{"public", "internal", "restricted"}
	const key = "sensitivity.node-restriction.kubernetes.io/level"
	truth := true
	inv, err := inventory.Collect(context.Background(), nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, into *inventory.Collector) error {
		add := func(o any) error {
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: inventory.Observed})
			if err == nil {
				into.Add(object)
			}
			return err
		}
		for _, l := range levels {
			if err := add(&corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: l, UID: types.UID(l), Labels: map[string]string{"sensitivity": l}}}); err != nil {
				return err
			}
		}
		for i := range nodes {
			l, pool := levels[i%3], fmt.Sprintf("pool-%d", i%pools)
			n := &corev1.Node{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}, ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("node-%d", i), Labels: map[string]string{
				key: l, "pool": pool, corev1.LabelHostname: fmt.Sprintf("node-%d", i), corev1.LabelTopologyZone: fmt.Sprintf("z%d", i%3),
			}}}
			n.Spec.Taints = []corev1.Taint{{Key: key, Value: l, Effect: corev1.TaintEffectNoSchedule}}
			if err := add(n); err != nil {
				return err
			}
		}
		for i := range pods / each {
			l, name := levels[i%3], fmt.Sprintf("w%d", i)
			spec := corev1.PodSpec{
				Containers:   []corev1.Container{{Name: "c", Image: "i"}},
				NodeSelector: map[string]string{key: l},
				Tolerations:  []corev1.Toleration{{Key: key, Value: l, Effect: corev1.TaintEffectNoSchedule}},
			}
			if i%2 == 0 {
				spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
					MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "pool", Operator: corev1.NodeSelectorOpIn, Values: []string{fmt.Sprintf("pool-%d", i%pools), fmt.Sprintf("pool-%d", i/7%pools)}}},
				}}}}}
			}
			rs := &appsv1.ReplicaSet{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "ReplicaSet"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: l, UID: types.UID(name)}}
			rs.Spec.Template.Spec = spec
			if err := add(rs); err != nil {
				return err
			}
			for j := range each {
				p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", name, j), Namespace: l, UID: types.UID(fmt.Sprintf("%s-%d", name, j)),
					OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: name, UID: types.UID(name), Controller: &truth}}}, Spec: spec}
				p.Spec.NodeName = fmt.Sprintf("node-%d", (i%3+3*(i*each+j))%nodes/3*3+i%3)
				if err := add(p); err != nil {
					return err
				}
			}
		}
		into.CoverRest(inventory.Complete, "")
		return nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	return inv
}

// The whole of placement, from a decoded inventory: every check, and the engine below them.
func BenchmarkChecks(b *testing.B) {
	for _, size := range []struct{ nodes, pods int }{{50, 1500}, {500, 15000}, {5000, 150000}} {
		inv := fleet(b, size.nodes, size.pods)
		if _, err := inventory.WorkloadsOf(context.Background(), inv); err != nil { // decodes
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("%dx%d", size.nodes, size.pods), func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				// Another setting makes every fact of placement anew.
				fresh := inv.Configure(placement.ControlPlane.Set(placement.Profile{HarmlessWebhooks: []string{fmt.Sprint(b.N)}}))
				if _, err := nist190.Run(context.Background(), fresh, placement.Checks()...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
