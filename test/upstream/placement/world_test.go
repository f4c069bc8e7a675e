package placement

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// world is a cluster of few words, so that pods and nodes often nearly fit.
type world struct {
	nodes   []*corev1.Node
	pods    []*corev1.Pod
	daemons []*appsv1.DaemonSet
	volumes []*corev1.PersistentVolume
	claims  []*corev1.PersistentVolumeClaim
	classes []*storagev1.StorageClass
	compare bool // the gate TaintTolerationComparisonOperators
}

const (
	nodesPerWorld = 20
	podsPerWorld  = 100
	namespace     = "ns"
)

var (
	keys     = []string{"a", "b", "example.com/c", corev1.LabelHostname, corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone}
	values   = []string{"", "x", "y", "5", "05", "7", "-3", "n0", "n1"}
	numbers  = []string{"5", "6", "-4", "0", "9223372036854775807", "x", "05"}
	effects  = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule, ""}
	taintKey = []string{"a", "b", corev1.TaintNodeUnschedulable, corev1.TaintNodeNotReady, "node.cilium.io/agent-not-ready"}
)

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func some[T any](r *rand.Rand, from []T, least, most int) []T {
	var out []T
	for range least + r.IntN(most-least+1) {
		out = append(out, pick(r, from))
	}
	return out
}

func nodeName(i int) string { return fmt.Sprintf("n%d", i) }

func newWorld(seed uint64) *world {
	r := rand.New(rand.NewPCG(seed, 434))
	w := &world{compare: r.IntN(2) == 0}
	for i := range nodesPerWorld {
		n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: nodeName(i), Labels: map[string]string{}}}
		for _, k := range some(r, keys, 0, 5) {
			n.Labels[k] = pick(r, values)
		}
		if r.IntN(3) > 0 {
			n.Labels[corev1.LabelHostname] = n.Name
		}
		for range r.IntN(3) {
			n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: pick(r, taintKey), Value: pick(r, values), Effect: pick(r, effects[:3])})
		}
		n.Spec.Unschedulable = r.IntN(5) == 0
		w.nodes = append(w.nodes, n)
	}
	for i := range 6 {
		w.volume(r, i)
	}
	for i := range podsPerWorld {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("p%d", i), Namespace: namespace, UID: types.UID(fmt.Sprint(i)), Labels: map[string]string{"app": "a"}}, Spec: w.spec(r)}
		w.pods = append(w.pods, p)
	}
	for i := range 10 {
		d := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("d%d", i), Namespace: namespace}}
		d.Spec.Template.Spec = w.spec(r)
		// The controller looks at neither of these; the scheduler does.
		d.Spec.Template.Spec.Volumes, d.Spec.Template.Spec.TopologySpreadConstraints = nil, nil
		if a := d.Spec.Template.Spec.Affinity; a != nil {
			a.PodAffinity = nil
		}
		w.daemons = append(w.daemons, d)
	}
	return w
}

func (w *world) spec(r *rand.Rand) corev1.PodSpec {
	s := corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}
	if r.IntN(8) == 0 {
		s.NodeName = nodeName(r.IntN(nodesPerWorld + 1))
	}
	if r.IntN(3) == 0 {
		s.NodeSelector = map[string]string{}
		for _, k := range some(r, keys, 0, 2) {
			s.NodeSelector[k] = pick(r, values)
		}
	}
	if r.IntN(2) == 0 {
		s.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms(r, true)}}}
	}
	own := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	if r.IntN(5) == 0 {
		for _, k := range some(r, keys, 1, 2) {
			s.TopologySpreadConstraints = append(s.TopologySpreadConstraints, corev1.TopologySpreadConstraint{
				MaxSkew: 1, TopologyKey: k, WhenUnsatisfiable: pick(r, []corev1.UnsatisfiableConstraintAction{corev1.DoNotSchedule, corev1.ScheduleAnyway}), LabelSelector: own,
			})
		}
	}
	if r.IntN(6) == 0 {
		if s.Affinity == nil {
			s.Affinity = &corev1.Affinity{}
		}
		s.Affinity.PodAffinity = &corev1.PodAffinity{}
		for _, k := range some(r, keys, 1, 2) {
			s.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution = append(s.Affinity.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution, corev1.PodAffinityTerm{LabelSelector: own, TopologyKey: k})
		}
	}
	for range r.IntN(4) {
		s.Tolerations = append(s.Tolerations, corev1.Toleration{
			Key: pick(r, append(taintKey, "", "")), Operator: pick(r, []corev1.TolerationOperator{"", "Equal", "Exists", "Exists", "Lt", "Gt", "Is"}),
			Value: pick(r, values), Effect: pick(r, effects),
		})
	}
	if r.IntN(3) == 0 {
		for i, c := range some(r, w.claims, 1, 2) {
			s.Volumes = append(s.Volumes, corev1.Volume{Name: fmt.Sprintf("v%d", i), VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: c.Name}}})
		}
	}
	return s
}

func requirement(r *rand.Rand) corev1.NodeSelectorRequirement {
	ops := []corev1.NodeSelectorOperator{"In", "In", "NotIn", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Is"}
	q := corev1.NodeSelectorRequirement{Key: pick(r, keys), Operator: pick(r, ops)}
	switch q.Operator {
	case "In", "NotIn":
		q.Values = some(r, values, 0, 3)
	case "Gt", "Lt":
		q.Values = some(r, numbers, 1, 1)
	}
	if r.IntN(20) == 0 {
		q.Values = some(r, values, 0, 2) // often a mistake
	}
	if r.IntN(30) == 0 {
		q.Key = "not a key"
	}
	return q
}

func terms(r *rand.Rand, fields bool) []corev1.NodeSelectorTerm {
	out := []corev1.NodeSelectorTerm{}
	for range r.IntN(4) {
		var t corev1.NodeSelectorTerm
		for range r.IntN(3) {
			t.MatchExpressions = append(t.MatchExpressions, requirement(r))
		}
		if fields && r.IntN(4) == 0 {
			t.MatchFields = append(t.MatchFields, corev1.NodeSelectorRequirement{
				Key: pick(r, []string{"metadata.name", "metadata.name", "metadata.namespace"}), Operator: pick(r, []corev1.NodeSelectorOperator{"In", "In", "NotIn", "Exists"}),
				Values: some(r, []string{"n0", "n1", "n2", "n3", ""}, 1, 2),
			})
		}
		out = append(out, t)
	}
	return out
}

// volume adds a volume that is bound to a claim, or a claim that waits for its first consumer.
func (w *world) volume(r *rand.Rand, i int) {
	name := fmt.Sprintf("c%d", i)
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "csi.example.com"}
	mode := storagev1.VolumeBindingWaitForFirstConsumer
	class.VolumeBindingMode = &mode
	claim := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Annotations: map[string]string{}}}
	claim.Spec.StorageClassName = &name
	w.classes, w.claims = append(w.classes, class), append(w.claims, claim)
	if r.IntN(3) == 0 {
		for range r.IntN(3) {
			var t corev1.TopologySelectorTerm
			for _, k := range some(r, keys, 0, 2) {
				t.MatchLabelExpressions = append(t.MatchLabelExpressions, corev1.TopologySelectorLabelRequirement{Key: k, Values: some(r, values, 1, 2)})
			}
			class.AllowedTopologies = append(class.AllowedTopologies, t)
		}
		return
	}
	pv := &corev1.PersistentVolume{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
	pv.Spec.ClaimRef = &corev1.ObjectReference{Namespace: namespace, Name: name}
	pv.Spec.StorageClassName = name
	pv.Spec.PersistentVolumeSource.CSI = &corev1.CSIPersistentVolumeSource{Driver: "csi.example.com", VolumeHandle: name}
	if r.IntN(3) > 0 {
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: terms(r, true)}}
	}
	if r.IntN(3) == 0 {
		pv.Labels[pick(r, []string{corev1.LabelTopologyZone, corev1.LabelFailureDomainBetaZone, corev1.LabelTopologyRegion})] = pick(r, []string{"x", "x__y", "x__", "5", ""})
	}
	claim.Spec.VolumeName = name
	claim.Annotations["pv.kubernetes.io/bind-completed"] = "yes"
	w.volumes = append(w.volumes, pv)
}

func (w *world) objects() []runtime.Object {
	var out []runtime.Object
	for _, o := range w.nodes {
		out = append(out, o)
	}
	for _, o := range w.pods {
		out = append(out, o)
	}
	for _, o := range w.daemons {
		out = append(out, o)
	}
	return append(out, w.storage()...)
}

func (w *world) storage() []runtime.Object {
	var out []runtime.Object
	for _, o := range w.volumes {
		out = append(out, o)
	}
	for _, o := range w.claims {
		out = append(out, o)
	}
	for _, o := range w.classes {
		out = append(out, o)
	}
	return out
}

// feasibility is the answer of the engine, for nodes as they are at this moment.
func (w *world) feasibility(ctx context.Context) (*placement.Feasibility, error) {
	profile := placement.Profile{Now: true, ComparisonOperators: placement.Off}
	if w.compare {
		profile.ComparisonOperators = placement.On
	}
	inv, err := inventory.Collect(ctx, nil, inventory.SourceFunc(func(_ context.Context, _ []inventory.Need, c *inventory.Collector) error {
		for _, o := range w.objects() {
			gvk, _ := inventory.KindOf(o)
			o.GetObjectKind().SetGroupVersionKind(gvk)
			text, err := json.Marshal(o)
			if err != nil {
				return err
			}
			object, err := inventory.NewObject(inventory.Item{JSON: text, Strength: inventory.Observed})
			if err != nil {
				return err
			}
			c.Add(object)
		}
		c.CoverRest(inventory.Complete, "")
		return nil
	}), placement.ControlPlane.Set(profile))
	if err != nil {
		return nil, err
	}
	return placement.FeasibilityOf(ctx, inv)
}
