package nodetrust

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

// Kind is a kind of object that the node authorizer gives to nodes one by one.
type Kind uint8

const (
	Secret Kind = iota
	ConfigMap
	ServiceAccount
	Claim  // PersistentVolumeClaim
	Volume // PersistentVolume
	Attachment
	ResourceClaim
)

var kinds = [...]struct {
	schema.GroupKind
	resource string
}{
	Secret:         {schema.GroupKind{Kind: "Secret"}, "secrets"},
	ConfigMap:      {schema.GroupKind{Kind: "ConfigMap"}, "configmaps"},
	ServiceAccount: {schema.GroupKind{Kind: "ServiceAccount"}, "serviceaccounts"},
	Claim:          {schema.GroupKind{Kind: "PersistentVolumeClaim"}, "persistentvolumeclaims"},
	Volume:         {schema.GroupKind{Kind: "PersistentVolume"}, "persistentvolumes"},
	Attachment:     {schema.GroupKind{Group: "storage.k8s.io", Kind: "VolumeAttachment"}, "volumeattachments"},
	ResourceClaim:  {schema.GroupKind{Group: "resource.k8s.io", Kind: "ResourceClaim"}, "resourceclaims"},
}

func (k Kind) String() string { return kinds[min(k, ResourceClaim)].Kind }

// Resource is the resource of the kind, with its group.
func (k Kind) Resource() schema.GroupResource {
	return schema.GroupResource{Group: kinds[min(k, ResourceClaim)].Group, Resource: kinds[min(k, ResourceClaim)].resource}
}

// Thing is an object by name, whether or not it was collected.
type Thing struct {
	Kind            Kind
	Namespace, Name string // Namespace of namespaced kinds only
}

func (t Thing) String() string {
	if t.Namespace == "" {
		return fmt.Sprintf("%s %q", t.Kind, t.Name)
	}
	return fmt.Sprintf("%s %q", t.Kind, t.Namespace+"/"+t.Name)
}

// ID is "namespace/name", or the name alone.
func (t Thing) ID() string {
	if t.Namespace == "" {
		return t.Name
	}
	return t.Namespace + "/" + t.Name
}

// Compare orders things by kind, namespace and name.
func (t Thing) Compare(u Thing) int {
	return cmp.Or(cmp.Compare(t.Kind, u.Kind), strings.Compare(t.Namespace, u.Namespace), strings.Compare(t.Name, u.Name))
}

// Graph is what the node authorizer lets each node read, which is what is lost with the node: the objects that the pods
// bound to it refer to, in any phase, and what is behind their claims. It follows plugin/pkg/auth/authorizer/node: a pod
// leads to its node, whatever a pod names leads to the pod, a volume to the claim that it is bound to, and a Secret that
// kubelets use to mount the volume to the volume. Mirror pods lead nowhere. A token of a service account can be had
// whether or not the pod mounts one.
//
// What a node publishes of itself (its Node, Lease, CSINode, ResourceSlices and certificate requests) is left out, since it
// holds nothing of anybody else.
//
// Cost: linear in pods, what they name, and volumes. It is immutable and safe for concurrent use.
type Graph struct {
	nodes  map[string]*nodeReads
	names  []string
	things []Thing // by number
	number map[Thing]int32
	// volumes are those of each claim, by number.
	volumes map[int32][]int32
	pvs     map[int32]*volume
}

// nodeReads is what one node reads.
type nodeReads struct {
	pods   []*boundPod
	things []int32 // in the order of Thing.Compare
}

// boundPod is a pod that has a node, or the template of pods that can be on one.
type boundPod struct {
	object          *inventory.Object
	root            []any // in object, above the spec
	namespace, name string
	spec            *corev1.PodSpec
	status          *corev1.PodStatus // nil of a template
	mirror          bool
	workload        *inventory.Workload // of a template
}

// String names it as messages do.
func (b *boundPod) String() string {
	return fmt.Sprintf("%s %q", b.object.Ref().Kind, b.namespace+"/"+b.object.Name())
}

type volume struct {
	object  *inventory.Object
	pv      *corev1.PersistentVolume
	secrets []int32
}

// GraphNeeds are the needs of [GraphOf]: what is not seen can only give a node more.
func GraphNeeds() []inventory.Need {
	return []inventory.Need{inventory.NeedOf[corev1.Pod](inventory.Incriminating), inventory.NeedOf[corev1.PersistentVolume](inventory.Incriminating)}
}

var graph = inventory.NewFact("nodetrust authorizer graph", func(ctx context.Context, inv *inventory.Inventory) (*Graph, error) {
	g := newGraph(inv)
	for o, p := range inventory.Typed[corev1.Pod](inv) {
		if p.Spec.NodeName != "" {
			g.addPod(o, p)
		}
	}
	return g, g.finish(ctx)
})

// GraphOf is the graph of the pods that are bound to nodes, built once per inventory; see [GraphNeeds].
func GraphOf(ctx context.Context, inv *inventory.Inventory) (*Graph, error) {
	return graph.Get(ctx, inv)
}

func newGraph(inv *inventory.Inventory) *Graph {
	g := &Graph{nodes: map[string]*nodeReads{}, number: map[Thing]int32{}, volumes: map[int32][]int32{}, pvs: map[int32]*volume{}}
	for o, pv := range inventory.Typed[corev1.PersistentVolume](inv) {
		g.addVolume(o, pv)
	}
	return g
}

func (g *Graph) intern(t Thing) int32 {
	n, ok := g.number[t]
	if !ok {
		n = int32(len(g.things))
		g.number[t] = n
		g.things = append(g.things, t)
	}
	return n
}

func (g *Graph) addVolume(o *inventory.Object, pv *corev1.PersistentVolume) {
	r := pv.Spec.ClaimRef
	if r == nil {
		return
	}
	n := g.intern(Thing{Volume, "", o.Name()})
	v := &volume{object: o, pv: pv}
	visitVolumeSecrets(pv, func(namespace, name string, _ ...any) {
		v.secrets = append(v.secrets, g.intern(Thing{Secret, namespace, name}))
	})
	g.pvs[n] = v
	claim := g.intern(Thing{Claim, r.Namespace, r.Name})
	g.volumes[claim] = append(g.volumes[claim], n)
}

func (g *Graph) addPod(o *inventory.Object, p *corev1.Pod) {
	_, mirror := o.Annotations()[corev1.MirrorPodAnnotationKey]
	b := &boundPod{object: o, namespace: o.Namespace(), name: o.Name(), spec: &p.Spec, status: &p.Status, mirror: mirror}
	n := g.node(p.Spec.NodeName)
	n.pods = append(n.pods, b)
	n.things = append(n.things, g.of(b)...)
}

// node is where what a node reads is kept.
func (g *Graph) node(name string) *nodeReads {
	n := g.nodes[name]
	if n == nil {
		n = &nodeReads{}
		g.nodes[name] = n
		g.names = append(g.names, name)
	}
	return n
}

// of lists what a pod leads to directly.
func (g *Graph) of(b *boundPod) []int32 {
	var out []int32
	b.visit(func(r reference) bool {
		out = append(out, g.intern(r.thing))
		return true
	})
	return out
}

func (b *boundPod) visit(visit func(reference) bool) {
	if b.mirror {
		return
	}
	more := true
	visitPodThings(b.namespace, b.name, b.spec, b.status, func(r reference) bool {
		if b.workload != nil {
			r.path = slices.Concat(b.root, r.path)
		}
		more = visit(r)
		return more
	})
	if b.workload != nil && more {
		visitTemplateClaims(b.workload, visit)
	}
}

// finish adds what is behind claims, and orders. The rank of things makes ordering a comparison of numbers.
func (g *Graph) finish(ctx context.Context) error {
	order := make([]int32, len(g.things))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return g.things[a].Compare(g.things[b]) })
	rank := make([]int32, len(order))
	for i, n := range order {
		rank[n] = int32(i)
	}
	slices.Sort(g.names)
	done := map[*nodeReads]bool{} // templates make one for many nodes
	for _, name := range g.names {
		if err := ctx.Err(); err != nil {
			return err
		}
		n := g.nodes[name]
		if done[n] {
			continue
		}
		done[n] = true
		for _, t := range n.things {
			n.things = append(n.things, g.behind(t)...)
		}
		slices.SortFunc(n.things, func(a, b int32) int { return cmp.Compare(rank[a], rank[b]) })
		n.things = slices.Clip(slices.Compact(n.things))
	}
	return nil
}

// behind lists the volumes of a claim and their Secrets.
func (g *Graph) behind(claim int32) []int32 {
	var out []int32
	if g.things[claim].Kind != Claim {
		return nil
	}
	for _, v := range g.volumes[claim] {
		out = append(append(out, v), g.pvs[v].secrets...)
	}
	return out
}

// Nodes lists, in order, the nodes that pods are bound to.
func (g *Graph) Nodes() []string { return g.names }

// Things iterates over what a node may read, in order. Attachments are not among it; see [AttachmentsOf].
func (g *Graph) Things(node string) iter.Seq[Thing] {
	return func(yield func(Thing) bool) {
		n := g.nodes[node]
		if n == nil {
			return
		}
		for _, t := range n.things {
			if !yield(g.things[t]) {
				return
			}
		}
	}
}

// List is what a node may read of one kind, in order.
func (g *Graph) List(node string, kind Kind) []Thing {
	var out []Thing
	for t := range g.Things(node) {
		if t.Kind == kind {
			out = append(out, t)
		}
	}
	return out
}

// Reads reports whether a node may read a thing. Cost: the length of what it reads.
func (g *Graph) Reads(node string, t Thing) bool {
	number, ok := g.number[t]
	return ok && g.nodes[node] != nil && slices.Contains(g.nodes[node].things, number)
}

// Pods lists the pods that are bound to a node, in any phase, mirror pods included.
func (g *Graph) Pods(node string) []*inventory.Object {
	var out []*inventory.Object
	if n := g.nodes[node]; n != nil {
		for _, p := range n.pods {
			out = append(out, p.object)
		}
	}
	return out
}

// Step is one step of the way on which a node comes to read something, with the field that makes it.
type Step struct {
	Text     string
	Evidence nist190.Evidence
}

// Explain is the way from a node to a thing that it may read, for the first pod that leads there: the node, the pod, the
// claim and volume between them, the thing. It is empty where there is no way. Cost: what the pods of the node name.
func (g *Graph) Explain(node string, t Thing) []Step {
	number, ok := g.number[t]
	if !ok || g.nodes[node] == nil {
		return nil
	}
	var out []Step
	for _, p := range g.nodes[node].pods {
		p.visit(func(r reference) bool {
			steps := g.onward(p, r, number)
			if steps == nil {
				return true
			}
			pod := Step{p.String(), p.bound(node)}
			out = append([]Step{{Text: fmt.Sprintf("Node %q", node)}, pod}, steps...)
			return false
		})
		if out != nil {
			return out
		}
	}
	return nil
}

// bound is the place that puts the pod on its node.
func (b *boundPod) bound(node string) nist190.Evidence {
	if b.status == nil {
		return nist190.At(b.object, b.root...)
	}
	return nist190.At(b.object, "spec", "nodeName").Showing(node)
}

func (g *Graph) onward(p *boundPod, r reference, to int32) []Step {
	at := g.number[r.thing]
	first := Step{r.thing.String() + " by " + inventory.PathString(r.path...), nist190.At(p.object, r.path...)}
	if at == to {
		return []Step{first}
	}
	for _, v := range g.volumes[at] {
		pv := g.pvs[v]
		steps := []Step{first, {g.things[v].String() + " by spec.claimRef", nist190.At(pv.object, "spec", "claimRef")}}
		if v == to {
			return steps
		}
		if !slices.Contains(pv.secrets, to) {
			continue
		}
		visitVolumeSecrets(pv.pv, func(namespace, name string, path ...any) {
			if t := (Thing{Secret, namespace, name}); g.number[t] == to && len(steps) == 2 {
				steps = append(steps, Step{t.String() + " by " + inventory.PathString(path...), nist190.At(pv.object, path...)})
			}
		})
		return steps
	}
	return nil
}

// AttachmentsOf lists, by node, the VolumeAttachments that it may read. They hold nothing secret; only a cluster has them.
func AttachmentsOf(inv *inventory.Inventory) map[string][]Thing {
	out := map[string][]Thing{}
	for o, a := range inventory.Typed[storagev1.VolumeAttachment](inv) {
		if a.Spec.NodeName != "" {
			out[a.Spec.NodeName] = append(out[a.Spec.NodeName], Thing{Attachment, "", o.Name()})
		}
	}
	return out
}
