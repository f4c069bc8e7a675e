package placement

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// Node is a node, or all the nodes that a pool can make.
type Node struct {
	Name   string // of a pool "Kind/name"
	Object *inventory.Object
	// Pool is set where the nodes do not exist yet: labels that the pool leaves open can have any value.
	Pool bool
	// Labels are those of the node; of a pool the ones that all of its nodes have.
	Labels map[string]string
	// Taints are those that keep pods off for good: NoSchedule and NoExecute, without those that come and go.
	Taints []corev1.Taint
	// OwnKernels is set where every pod has a virtual machine of its own, so that pods share no kernel.
	OwnKernels bool

	index   int
	all     []corev1.Taint // the transient ones too
	cordon  bool
	path    []any             // within Object, of a pool
	domains map[string]domain // of a pool: what labels may be
	// openLabels is set where what gives the nodes of a pool their labels was not seen.
	openLabels bool
	names      domain // of a pool: names that its nodes may have
}

// label is what a label of the node may be.
func (n *Node) label(key string) domain {
	if v, ok := n.Labels[key]; ok {
		return exactly(v)
	}
	if !n.Pool {
		return missing
	}
	if d, ok := n.domains[key]; ok {
		return d
	}
	if openKey(key) || n.openLabels {
		return anything
	}
	return missing
}

// fits tells whether the node, or one that the pool can make, has what a way wants.
func (n *Node) fits(w *way) bool {
	if !n.Pool {
		return w.fits(n.Labels, n.Name)
	}
	return n.join(w) != nil
}

// join is the way narrowed to the nodes that the pool can make; nil where there are none.
func (n *Node) join(w *way) *way {
	out := way{name: w.name.and(n.names), labels: slices.Clone(w.labels)}
	if out.name.empty() {
		return nil
	}
	for i := range out.labels {
		out.labels[i].domain = out.labels[i].and(n.label(out.labels[i].key))
		if out.labels[i].empty() {
			return nil
		}
	}
	return &out
}

func (n *Node) at(path ...any) inventory.At {
	return inventory.At{Object: n.Object, Path: slices.Concat(n.path, path)}
}

// ownKernels are labels of nodes that run every pod in a virtual machine of its own: AWS Fargate, virtual kubelets.
func ownKernels(labels map[string]string) bool {
	return labels["eks.amazonaws.com/compute-type"] == "fargate" || labels["type"] == "virtual-kubelet" || labels["kubernetes.azure.com/type"] == "virtual-kubelet"
}

func nodesOf(inv *inventory.Inventory) []*Node {
	var out []*Node
	var names []string
	for o, n := range inventory.Typed[corev1.Node](inv) {
		out = append(out, &Node{
			Name: o.Name(), Object: o, Labels: o.Labels(), Taints: lasting(n.Spec.Taints), OwnKernels: ownKernels(o.Labels()),
			all: n.Spec.Taints, cordon: n.Spec.Unschedulable,
		})
		names = append(names, o.Name())
	}
	slices.Sort(names)
	for _, p := range poolsOf(inv) {
		p.names = domain{present: true, values: names} // a new node has a new name
		out = append(out, p)
	}
	for i, n := range out {
		n.index = i
	}
	return out
}

// nodeSet is a set of nodes by their index.
type nodeSet []uint64

func newNodeSet(n int) nodeSet { return make(nodeSet, (n+63)/64) }

func (s nodeSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s nodeSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s nodeSet) union(o nodeSet) {
	for i := range o {
		s[i] |= o[i]
	}
}

func (s nodeSet) within(o nodeSet) {
	for i := range s {
		s[i] &= o[i]
	}
}

func (s nodeSet) empty() bool { return !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 }) }
