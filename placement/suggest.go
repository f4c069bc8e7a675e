package placement

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/sensitivity"
)

// Patch changes one object; it is a strategic merge patch, as kubectl patch and Kustomize take it.
type Patch struct {
	Ref   inventory.Ref
	Merge map[string]any // with apiVersion, kind and metadata
	Why   string
}

// Suggestion is what would keep the levels on nodes of their own, with the proof. Nothing is applied.
type Suggestion struct {
	// Patches give nodes of a level its label and taint, workloads the selector and toleration, and namespaces the
	// annotation of PodNodeSelector. They are ordered by namespace, kind and name.
	Patches []Patch
	// Policies demand the node selector of the pods of each level's namespaces, where PodNodeSelector cannot be had.
	Policies []map[string]any
	// Change is all of it as an overlay of the inventory.
	Change inventory.Change

	// Apart are pairs of levels, "high low", that no node can hold together once it is applied; Together are those that
	// some can.
	Apart, Together []string
	// Stranded are workloads that then no node takes: their level has no nodes yet.
	Stranded []*inventory.Workload
	// Resolved and New are the findings of the package's checks that go away and that come, by fingerprint.
	Resolved, New []*nist190.Finding
	// Skipped says what only people can decide.
	Skipped []string
}

// Suggest writes the patches and proves them: the inventory is evaluated anew with them in it.
func Suggest(ctx context.Context, inv *inventory.Inventory) (*Suggestion, error) {
	s, err := SeparationOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	p := &patcher{s: s, inv: inv, out: &Suggestion{}}
	for _, n := range s.Feasibility.nodes {
		p.node(n)
	}
	for _, set := range s.levels() {
		for _, w := range set.placements {
			p.workload(w.Workload, set.level)
		}
	}
	for o := range inv.ByKind(inventory.NamespaceRef("").GroupKind()) {
		if class := s.Levels.Namespace(o.Name()); class.Known() {
			p.namespace(o, class.Level)
		}
	}
	if p.err != nil {
		return nil, p.err
	}
	slices.SortFunc(p.out.Patches, func(a, b Patch) int { return a.Ref.Compare(b.Ref) })
	for _, l := range s.levels() {
		p.out.Policies = append(p.out.Policies, levelPolicy(s.Levels, l.level, namespaceLabels(inv, s.Levels, l.level))...)
	}
	for _, policy := range p.out.Policies {
		p.set(policy, nil)
	}
	if len(s.unclassified) > 0 {
		p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("%d workloads have no sensitivity level", len(s.unclassified)))
	}
	if p.err != nil {
		return nil, p.err
	}
	return p.out, p.out.prove(ctx, inv)
}

type patcher struct {
	s   *Separation
	inv *inventory.Inventory
	out *Suggestion
	err error
}

// patch records a change of an object: what is merged into it, and what it then is.
func (p *patcher) patch(o *inventory.Object, why string, merge map[string]any, apply func(u map[string]any) error) {
	u := o.Unstructured().DeepCopy().Object
	if err := apply(u); err != nil {
		p.err = fmt.Errorf("%s: %w", o.Ref(), err)
		return
	}
	meta := map[string]any{"name": o.Name()}
	if o.Namespace() != "" {
		meta["namespace"] = o.Namespace()
	}
	if own, ok := merge["metadata"].(map[string]any); ok {
		maps.Copy(meta, own)
	}
	merge["apiVersion"], merge["kind"], merge["metadata"] = o.APIVersion(), o.Ref().Kind, meta
	p.out.Patches = append(p.out.Patches, Patch{o.Ref(), merge, why})
	p.set(u, o)
}

func (p *patcher) set(u map[string]any, was *inventory.Object) {
	text, err := json.Marshal(u)
	item := inventory.Item{JSON: text}
	if was != nil {
		item.Origin, item.Strength, item.DefaultNamespace = was.Origin(), was.Strength(), was.Namespace()
	}
	o, err2 := inventory.NewObject(item)
	if err == nil {
		err = err2
	}
	if err != nil {
		p.err = err
		return
	}
	p.out.Change.Set = append(p.out.Change.Set, o)
}

// node gives a node with a level the label that kubelets cannot set, and the taint. Pools are their owners' to change.
func (p *patcher) node(n *Node) {
	l := nodeLevel(p.inv, p.s.Levels, n)
	key := p.s.Levels.NodeKey()
	switch {
	case l == sensitivity.Infra:
		return
	case l == sensitivity.Unclassified:
		p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("%s: decide on a level, and label it %s=LEVEL", n, key))
		return
	}
	name := p.s.Levels.Name(l)
	tainted := slices.ContainsFunc(n.Taints, func(t corev1.Taint) bool {
		return t.Key == key && t.Value == name && t.Effect == corev1.TaintEffectNoSchedule
	})
	if _, labelled := n.Labels[key]; labelled && tainted {
		return
	}
	if n.Pool {
		p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("%s: have them register with the label %s=%s and the taint %s=%s:NoSchedule", n, key, name, key, name))
		return
	}
	taint := map[string]any{"key": key, "value": name, "effect": string(corev1.TaintEffectNoSchedule)}
	merge := map[string]any{"metadata": map[string]any{"labels": map[string]any{key: name}}}
	if !tainted {
		merge["spec"] = map[string]any{"taints": []any{taint}}
	}
	p.patch(n.Object, "it is for "+name+" workloads", merge, func(u map[string]any) error {
		if err := unstructured.SetNestedField(u, name, "metadata", "labels", key); err != nil {
			return err
		}
		if tainted {
			return nil
		}
		taints, _, err := unstructured.NestedSlice(u, "spec", "taints")
		if err != nil {
			return err
		}
		return unstructured.SetNestedSlice(u, append(taints, taint), "spec", "taints")
	})
}

// workload gives a template the selector and the toleration of its level, and takes tolerations away that open the nodes
// of higher ones.
func (p *patcher) workload(w *inventory.Workload, level sensitivity.Level) {
	key, name := p.s.Levels.NodeKey(), p.s.Levels.Name(level)
	spec := &w.Template.Spec
	if spec.NodeName != "" {
		p.out.Skipped = append(p.out.Skipped, fmt.Sprintf("%s of namespace %q names its node: replace nodeName by the node selector", named(w), w.Namespace()))
		return
	}
	nodes := p.s.taintedNodes(p.inv)
	var keep []corev1.Toleration
	for i := range spec.Tolerations {
		t := &spec.Tolerations[i]
		if higher, _ := p.s.tolerated(nodes, t, level); higher > level || t.Key == "" && t.Operator == corev1.TolerationOpExists {
			continue
		}
		keep = append(keep, *t)
	}
	own := corev1.Toleration{Key: key, Operator: corev1.TolerationOpEqual, Value: name, Effect: corev1.TaintEffectNoSchedule}
	tolerant := slices.ContainsFunc(keep, func(t corev1.Toleration) bool {
		return tolerates(&t, &corev1.Taint{Key: key, Value: name, Effect: corev1.TaintEffectNoSchedule}, false)
	})
	if spec.NodeSelector[key] == name && tolerant && len(keep) == len(spec.Tolerations) {
		return
	}
	if !tolerant {
		keep = append(keep, own)
	}
	text, err := json.Marshal(keep)
	if err != nil {
		p.err = err
		return
	}
	var tolerations []any
	if err := json.Unmarshal(text, &tolerations); err != nil {
		p.err = err
		return
	}
	path := []string{"spec"}
	if len(w.TemplatePath) > 0 {
		path = nil
		for _, e := range w.TemplatePath {
			path = append(path, fmt.Sprint(e))
		}
		path = append(path, "spec")
	}
	merge := map[string]any{}
	if err := unstructured.SetNestedMap(merge, map[string]any{"nodeSelector": map[string]any{key: name}, "tolerations": tolerations}, path...); err != nil {
		p.err = err
		return
	}
	p.patch(w.Object, "it is "+name+" ("+p.s.Levels.Workload(w.Ref()).Because()+")", merge, func(u map[string]any) error {
		if err := unstructured.SetNestedField(u, name, append(slices.Clone(path), "nodeSelector", key)...); err != nil {
			return err
		}
		return unstructured.SetNestedSlice(u, tolerations, append(slices.Clone(path), "tolerations")...)
	})
}

func (p *patcher) namespace(o *inventory.Object, level sensitivity.Level) {
	want := p.s.Levels.NodeKey() + "=" + p.s.Levels.Name(level)
	if o.Annotations()[nodeSelectorAnnotation] == want {
		return
	}
	merge := map[string]any{"metadata": map[string]any{"annotations": map[string]any{nodeSelectorAnnotation: want}}}
	p.patch(o, "what PodNodeSelector adds to its pods", merge, func(u map[string]any) error {
		return unstructured.SetNestedField(u, want, "metadata", "annotations", nodeSelectorAnnotation)
	})
}

// prove evaluates the inventory with the change, and compares what the checks say.
func (out *Suggestion) prove(ctx context.Context, inv *inventory.Inventory) error {
	after := inv.With(out.Change)
	s, err := SeparationOf(ctx, after)
	if err != nil {
		return err
	}
	s.pairs(func(high, low sensitivity.Level) {
		if _, _, apart := s.Apart(high, low); apart {
			out.Apart = append(out.Apart, s.pairKey(high, low))
		} else {
			out.Together = append(out.Together, s.pairKey(high, low))
		}
	})
	if NodesUnseen(inv) == "" {
		for _, set := range s.levels() {
			for _, p := range set.placements {
				if len(p.classes) > 0 && p.possible.empty() {
					out.Stranded = append(out.Stranded, p.Workload)
				}
			}
		}
	}
	before, err := nist190.Run(ctx, inv, Checks()...)
	if err != nil {
		return err
	}
	now, err := nist190.Run(ctx, after, Checks()...)
	if err != nil {
		return err
	}
	failed := func(r *nist190.Report) map[string]*nist190.Finding {
		m := map[string]*nist190.Finding{}
		for f := range r.Findings() {
			if f.Status == nist190.Fail {
				m[f.Fingerprint] = f
			}
		}
		return m
	}
	was, is := failed(before), failed(now)
	for _, id := range sortedKeys(was) {
		if is[id] == nil {
			out.Resolved = append(out.Resolved, was[id])
		}
	}
	for _, id := range sortedKeys(is) {
		if was[id] == nil {
			out.New = append(out.New, is[id])
		}
	}
	return nil
}
