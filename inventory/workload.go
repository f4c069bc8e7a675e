package inventory

import (
	"context"
	"iter"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Workload is one thing that runs pods, seen the same whatever its kind: a Deployment with the ReplicaSets and Pods that
// it owns is one Workload, and so is a Pod that nothing collected owns.
type Workload struct {
	// Object is the outermost owner that was collected.
	Object *Object
	// Template is what the owner runs; for a bare Pod it is the pod itself. TemplatePath leads to it in Object.
	Template     corev1.PodTemplateSpec
	TemplatePath []any
	// Replicas is the number of pods asked for; -1 where nodes or a schedule decide.
	Replicas int32
	// Pods are the collected pods that belong to it, with what admission and other controllers added to the template.
	// A bare Pod is its own and only pod.
	Pods []WorkloadPod
}

// WorkloadPod is a collected pod of a workload.
type WorkloadPod struct {
	Object *Object
	Pod    *corev1.Pod
}

// PodSpecs iterates over the template's spec and over those of the pods that still run, with the object each stands in
// and the path of the spec within it. A bare pod is given once.
func (w *Workload) PodSpecs() iter.Seq2[At, *corev1.PodSpec] {
	return func(yield func(At, *corev1.PodSpec) bool) {
		if !yield(At{w.Object, append(slices.Clone(w.TemplatePath), "spec")}, &w.Template.Spec) {
			return
		}
		for _, p := range w.Pods {
			if p.Object == w.Object || Terminal(p.Pod) {
				continue
			}
			if !yield(At{p.Object, []any{"spec"}}, &p.Pod.Spec) {
				return
			}
		}
	}
}

// At is a place within an object.
type At struct {
	Object *Object
	Path   []any
}

// Field is a place below a.
func (a At) Field(path ...any) At {
	return At{a.Object, append(slices.Clone(a.Path), path...)}
}

// Ref names the workload's object.
func (w *Workload) Ref() Ref { return w.Object.Ref() }

// Namespace is the workload's namespace.
func (w *Workload) Namespace() string { return w.Object.Namespace() }

// Terminal reports whether a pod has run to its end: it holds no network, no volumes and no place on its node.
func Terminal(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// WorkloadNeeds are the needs of [WorkloadsOf] with one bias for all.
func WorkloadNeeds(bias Bias) []Need {
	return []Need{
		NeedOf[corev1.Pod](bias), NeedOf[appsv1.Deployment](bias), NeedOf[appsv1.ReplicaSet](bias),
		NeedOf[appsv1.StatefulSet](bias), NeedOf[appsv1.DaemonSet](bias), NeedOf[batchv1.Job](bias),
		NeedOf[batchv1.CronJob](bias), NeedOf[corev1.ReplicationController](bias),
	}
}

// WorkloadKinds are the kinds that a Workload's Object can be of.
func WorkloadKinds() []schema.GroupKind {
	var out []schema.GroupKind
	for _, n := range WorkloadNeeds(Either) {
		out = append(out, n.GroupKind())
	}
	return out
}

var (
	podKind        = kindOf[corev1.Pod]().GroupKind()
	replicaSetKind = kindOf[appsv1.ReplicaSet]().GroupKind()
	jobKind        = kindOf[batchv1.Job]().GroupKind()
)

// WorkloadsOf lists the workloads by namespace, kind and name. The slice is shared and must not be modified. Pods that
// have ended and belong to nothing are left out.
func WorkloadsOf(ctx context.Context, inv *Inventory) ([]*Workload, error) {
	return workloads.Get(ctx, inv)
}

var workloads = NewFact("workloads", func(ctx context.Context, inv *Inventory) ([]*Workload, error) {
	byOwner := map[Ref]*Workload{}
	var out []*Workload
	add := func(o *Object, t corev1.PodTemplateSpec, replicas *int32, fallback int32, path ...any) {
		if _, owned := inv.workloadOwner(o); owned {
			return
		}
		w := &Workload{Object: o, Template: t, TemplatePath: path, Replicas: fallback}
		if replicas != nil {
			w.Replicas = *replicas
		}
		byOwner[o.ref.Identity()] = w
		out = append(out, w)
	}
	for o, d := range Typed[appsv1.Deployment](inv) {
		add(o, d.Spec.Template, d.Spec.Replicas, 1, "spec", "template")
	}
	for o, d := range Typed[appsv1.StatefulSet](inv) {
		add(o, d.Spec.Template, d.Spec.Replicas, 1, "spec", "template")
	}
	for o, d := range Typed[appsv1.DaemonSet](inv) {
		add(o, d.Spec.Template, nil, -1, "spec", "template")
	}
	for o, d := range Typed[batchv1.CronJob](inv) {
		add(o, d.Spec.JobTemplate.Spec.Template, nil, -1, "spec", "jobTemplate", "spec", "template")
	}
	for o, d := range Typed[batchv1.Job](inv) {
		add(o, d.Spec.Template, d.Spec.Parallelism, 1, "spec", "template")
	}
	for o, d := range Typed[appsv1.ReplicaSet](inv) {
		add(o, d.Spec.Template, d.Spec.Replicas, 1, "spec", "template")
	}
	for o, d := range Typed[corev1.ReplicationController](inv) {
		if d.Spec.Template != nil {
			add(o, *d.Spec.Template, d.Spec.Replicas, 1, "spec", "template")
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for o, p := range Typed[corev1.Pod](inv) {
		owner, owned := inv.workloadOwner(o)
		if owned {
			if w := byOwner[owner.ref.Identity()]; w != nil {
				w.Pods = append(w.Pods, WorkloadPod{o, p})
				continue
			}
		}
		if Terminal(p) {
			continue
		}
		w := &Workload{Object: o, Template: corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}, Replicas: 1}
		w.Pods = []WorkloadPod{{o, p}}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b *Workload) int { return a.Ref().Compare(b.Ref()) })
	return out, nil
})

// maxOwnerDepth bounds the walk over owners, which bad input can make a circle. The longest real chain is Pod, Job,
// CronJob and what manages that.
const maxOwnerDepth = 8

// workloadOwner is the outermost collected workload kind above o, if there is one.
func (inv *Inventory) workloadOwner(o *Object) (top *Object, ok bool) {
	start := o
	for range maxOwnerDepth {
		owner, found := inv.controllerOf(o)
		if !found || owner == start {
			break
		}
		top, ok, o = owner, true, owner
	}
	return top, ok
}

// controllerOf is the collected object of a workload kind that controls o.
func (inv *Inventory) controllerOf(o *Object) (*Object, bool) {
	ref, ok := o.Controller()
	if !ok {
		return nil, false
	}
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return nil, false
	}
	gk := CanonicalGroupKind(schema.GroupKind{Group: gv.Group, Kind: ref.Kind})
	if !slices.Contains(workloadKinds, gk) {
		return nil, false
	}
	owner, ok := inv.core.kinds[gk].get(o.Namespace(), ref.Name)
	if !ok || owner.UID() != "" && ref.UID != "" && owner.UID() != ref.UID {
		return nil, false
	}
	return owner, true
}

var workloadKinds = WorkloadKinds()

// OwnerChain lists the collected owners of o, nearest first.
func (inv *Inventory) OwnerChain(o *Object) []*Object {
	var chain []*Object
	for range maxOwnerDepth {
		owner, ok := inv.controllerOf(o)
		if !ok || slices.Contains(chain, owner) {
			break
		}
		inv.reads.kind(owner.GroupKind())
		chain = append(chain, owner)
		o = owner
	}
	return chain
}
