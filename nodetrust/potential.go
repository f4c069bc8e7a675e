package nodetrust

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
	"github.com/nist190/nist190/placement"
)

// AnyNode stands for a node of Linux without taints and without labels that anybody gave it, where neither nodes nor pools were given.
const AnyNode = "(any node)"

// PotentialGraphOf is the graph for pods that nobody has bound yet: each node, and each node that a pool can make, with
// every workload that can land on it at once, which is the worst that its loss can give away. Nodes on which the same can
// land share one answer. Without nodes and pools it is [AnyNode] with all workloads that ask for no node in particular.
//
// Claims that a pod makes for itself are left out, since their names are not known before the pod is. It reads what
// [placement.FeasibilityOf] does and PersistentVolumes. Cost: linear in what the templates name, plus a bit for each
// workload and node.
func PotentialGraphOf(ctx context.Context, inv *inventory.Inventory) (*Graph, error) {
	return potential.Get(ctx, inv)
}

var potential = inventory.NewFact("nodetrust potential graph", func(ctx context.Context, inv *inventory.Inventory) (*Graph, error) {
	f, err := placement.FeasibilityOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	g := newGraph(inv)
	placements := f.Placements()
	pods := make([]*boundPod, len(placements))
	things := make([][]int32, len(placements))
	for i, p := range placements {
		w := p.Workload
		pods[i] = &boundPod{object: w.Object, root: slices.Clip(w.TemplatePath), namespace: w.Namespace(), spec: &w.Template.Spec, workload: w}
		things[i] = g.of(pods[i])
	}
	if len(f.Nodes()) == 0 {
		n := g.node(AnyNode)
		for i, p := range placements {
			if unpinned(&p.Workload.Template.Spec) {
				n.pods, n.things = append(n.pods, pods[i]), append(n.things, things[i]...)
			}
		}
		return g, g.finish(ctx)
	}
	classes := map[uint64][]*class{}
	seed := maphash.MakeSeed()
	for _, n := range f.Nodes() {
		set := make([]byte, (len(placements)+7)/8)
		for i, p := range placements {
			if p.On(n) == placement.Can {
				set[i/8] |= 1 << (i % 8)
			}
		}
		key := maphash.Bytes(seed, set)
		at := slices.IndexFunc(classes[key], func(c *class) bool { return slices.Equal(c.set, set) })
		if at < 0 {
			at = len(classes[key])
			c := &class{set: set, reads: &nodeReads{}}
			for i := range placements {
				if set[i/8]&(1<<(i%8)) != 0 {
					c.reads.pods, c.reads.things = append(c.reads.pods, pods[i]), append(c.reads.things, things[i]...)
				}
			}
			classes[key] = append(classes[key], c)
		}
		g.nodes[n.Name] = classes[key][at].reads
		g.names = append(g.names, n.Name)
	}
	return g, g.finish(ctx)
})

// class are nodes on which the same can land.
type class struct {
	set   []byte
	reads *nodeReads
}

// unpinned: Linux and an architecture are what any node has.
func unpinned(spec *corev1.PodSpec) bool {
	for key, v := range spec.NodeSelector {
		if common := strings.HasSuffix(key, "kubernetes.io/os") && v == "linux" || strings.HasSuffix(key, "kubernetes.io/arch"); !common {
			return false
		}
	}
	a := spec.Affinity
	return spec.NodeName == "" &&
		(a == nil || a.NodeAffinity == nil || a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil)
}

// visitTemplateClaims gives the claims that a StatefulSet makes for its pods: TEMPLATE-SET-ORDINAL.
func visitTemplateClaims(w *inventory.Workload, visit func(r reference) bool) {
	if w.Ref().Kind != "StatefulSet" {
		return
	}
	set, err := inventory.As[appsv1.StatefulSet](w.Object)
	if err != nil {
		return
	}
	for i, template := range set.Spec.VolumeClaimTemplates {
		for ordinal := range min(int(w.Replicas), mostClaims) {
			name := fmt.Sprintf("%s-%s-%d", template.Name, w.Object.Name(), ordinal)
			if !visit(reference{Thing{Claim, w.Namespace(), name}, []any{"spec", "volumeClaimTemplates", i}}) {
				return
			}
		}
	}
}
