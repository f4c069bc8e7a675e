package nodetrust

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// Nodes is the inventory of nodes: who they are, what runs on them, whether the control plane hears from them, and what
// else speaks of them: leases, CSINodes, machines of Cluster API, NodeClaims of Karpenter. It is immutable and safe for
// concurrent use. Cost: linear in what is read.
type Nodes struct {
	// At is the moment that ages are counted to; zero where no node gives a sign of life.
	At time.Time
	// Orphans are the objects that speak of nodes which are not there, by kind and name.
	Orphans []Orphan
	// Machines tells how many objects that make nodes were seen, by kind; where there are none, nodes need none.
	Machines map[string]int

	all    []*NodeRecord
	byName map[string]*NodeRecord
}

// NodeRecord is what is known of one node.
type NodeRecord struct {
	Name         string
	Object       *inventory.Object
	Node         *corev1.Node
	ControlPlane bool
	Pool, Zone   string
	// Ready is the condition; Unknown where the control plane has not heard of the kubelet, empty where the object has no
	// status.
	Ready       corev1.ConditionStatus
	ReadyReason string
	Since       time.Time     // of the condition
	Heartbeat   time.Time     // the newest sign of life: lease, else the condition's
	LeaseEvery  time.Duration // how long the lease holds
	Lease       bool
	CSINode     bool
	Drivers     []string // of the CSINode
	Machine     string   // Machine or NodeClaim that it is; kind and name
}

// Orphan is an object that speaks of a node which is not there.
type Orphan struct {
	Object *inventory.Object
	Node   string // empty where it names none
}

// machineKinds are what makes nodes one by one: where they say which node they are, and its ID.
var machineKinds = []struct {
	schema.GroupKind
	resource       string
	node, provider []string
}{
	{schema.GroupKind{Group: "cluster.x-k8s.io", Kind: "Machine"}, "machines", []string{"status", "nodeRef", "name"}, []string{"spec", "providerID"}},
	{schema.GroupKind{Group: "karpenter.sh", Kind: "NodeClaim"}, "nodeclaims", []string{"status", "nodeName"}, []string{"status", "providerID"}},
}

// NodesNeeds are the needs of [NodesOf]: each can show a node that another does not.
func NodesNeeds() []inventory.Need {
	out := []inventory.Need{inventory.NeedOf[corev1.Node](inventory.Either), inventory.NeedOf[coordinationv1.Lease](inventory.Either), inventory.NeedOf[storagev1.CSINode](inventory.Either)}
	for _, k := range machineKinds {
		out = append(out, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource})
	}
	return out
}

// NodesOf is built once per inventory; see [NodesNeeds].
func NodesOf(ctx context.Context, inv *inventory.Inventory) (*Nodes, error) {
	return nodes.Get(ctx, inv)
}

var nodes = inventory.NewFact("nodetrust nodes", func(ctx context.Context, inv *inventory.Inventory) (*Nodes, error) {
	n := &Nodes{byName: map[string]*NodeRecord{}, Machines: map[string]int{}}
	for o, x := range inventory.Typed[corev1.Node](inv) {
		r := newRecord(o, x)
		n.all, n.byName[r.Name] = append(n.all, r), r
	}
	slices.SortFunc(n.all, func(a, b *NodeRecord) int { return strings.Compare(a.Name, b.Name) })
	for o, l := range inventory.TypedIn[coordinationv1.Lease](inv, corev1.NamespaceNodeLease) {
		r := n.byName[o.Name()]
		if r == nil {
			n.Orphans = append(n.Orphans, Orphan{o, o.Name()})
			continue
		}
		r.Lease = true
		if l.Spec.RenewTime != nil && l.Spec.RenewTime.After(r.Heartbeat) {
			r.Heartbeat = l.Spec.RenewTime.Time
		}
		if l.Spec.LeaseDurationSeconds != nil {
			r.LeaseEvery = time.Duration(*l.Spec.LeaseDurationSeconds) * time.Second
		}
	}
	for o, c := range inventory.Typed[storagev1.CSINode](inv) {
		r := n.byName[o.Name()]
		if r == nil {
			n.Orphans = append(n.Orphans, Orphan{o, o.Name()})
			continue
		}
		r.CSINode = true
		for _, d := range c.Spec.Drivers {
			r.Drivers = append(r.Drivers, d.Name)
		}
	}
	n.machines(inv)
	// A snapshot says today what it said when it was taken.
	if n.At = inventory.Clock.Get(inv).Time; n.At.IsZero() {
		for _, r := range n.all {
			if r.Heartbeat.After(n.At) {
				n.At = r.Heartbeat
			}
		}
	}
	return n, ctx.Err()
})

func newRecord(o *inventory.Object, x *corev1.Node) *NodeRecord {
	r := &NodeRecord{Name: o.Name(), Object: o, Node: x, ControlPlane: controlPlaneNode(o), Pool: poolOf(o.Labels())}
	r.Zone = cmp.Or(o.Labels()[corev1.LabelTopologyZone], o.Labels()[corev1.LabelFailureDomainBetaZone])
	for _, c := range x.Status.Conditions {
		if c.Type == corev1.NodeReady {
			r.Ready, r.ReadyReason, r.Since, r.Heartbeat = c.Status, c.Reason, c.LastTransitionTime.Time, c.LastHeartbeatTime.Time
		}
	}
	return r
}

// poolLabels name the pool of a node: by the clouds, by what makes nodes, and by habit.
var poolLabels = []string{
	"eks.amazonaws.com/nodegroup", "alpha.eksctl.io/nodegroup-name", "karpenter.sh/nodepool", "cloud.google.com/gke-nodepool", "kubernetes.azure.com/agentpool",
	"agentpool", "doks.digitalocean.com/node-pool", "kops.k8s.io/instancegroup", "cluster.x-k8s.io/deployment-name", "node.cluster.x-k8s.io/pool",
	"worker.gardener.cloud/pool", "nodepool", "node-pool", "pool",
}

func poolOf(labels map[string]string) string {
	for _, key := range poolLabels {
		if v := labels[key]; v != "" {
			return v
		}
	}
	return ""
}

func (n *Nodes) machines(inv *inventory.Inventory) {
	byProvider := map[string]*NodeRecord{}
	for _, r := range n.all {
		if id := r.Node.Spec.ProviderID; id != "" {
			byProvider[id] = r
		}
	}
	for _, k := range machineKinds {
		for o := range inv.ByKind(k.GroupKind) {
			n.Machines[k.Kind]++
			tree := o.Unstructured().Object
			name, id := text(tree, k.node...), text(tree, k.provider...)
			r := n.byName[name]
			if r == nil {
				r = byProvider[id]
			}
			if r == nil {
				n.Orphans = append(n.Orphans, Orphan{o, name})
			} else if r.Machine == "" {
				r.Machine = k.Kind + "/" + o.Name()
			}
		}
	}
}

// text is a string within unstructured content; empty where there is none.
func text(tree map[string]any, path ...string) string {
	for i, key := range path {
		if i == len(path)-1 {
			s, _ := tree[key].(string)
			return s
		}
		tree, _ = tree[key].(map[string]any)
	}
	return ""
}

// All iterates over the nodes by name.
func (n *Nodes) All() iter.Seq[*NodeRecord] { return slices.Values(n.all) }

// Len is how many there are.
func (n *Nodes) Len() int { return len(n.all) }

// Of is the record of a node; nil where there is none.
func (n *Nodes) Of(name string) *NodeRecord { return n.byName[name] }

// Age is how long ago something was; zero where it is not known.
func (n *Nodes) Age(t time.Time) time.Duration {
	if t.IsZero() || n.At.Before(t) {
		return 0
	}
	return n.At.Sub(t).Round(time.Second)
}

// nodeGrace is how long the control plane waits beyond a lease before it calls a node unknown: nodeMonitorGracePeriod of the
// node lifecycle controller since 1.32.
const nodeGrace = 50 * time.Second

// Silent reports whether the newest sign of life is older than the control plane waits for.
func (n *Nodes) Silent(r *NodeRecord) bool {
	return !r.Heartbeat.IsZero() && r.Lease && n.Age(r.Heartbeat) > cmp.Or(r.LeaseEvery, 40*time.Second)+nodeGrace
}

// Duplicate is something that must be one node's own and is several nodes'.
type Duplicate struct {
	What  string // "machineID"
	Path  []any  // in the Node
	Value string
	Nodes []*NodeRecord
}

// identities are what tells one node from another, as its kubelet and its cloud report it.
var identities = []struct {
	what string
	path []any
	of   func(*corev1.Node) []string
}{
	{"systemUUID", []any{"status", "nodeInfo", "systemUUID"}, func(n *corev1.Node) []string { return []string{strings.ToLower(n.Status.NodeInfo.SystemUUID)} }},
	{"machineID", []any{"status", "nodeInfo", "machineID"}, func(n *corev1.Node) []string { return []string{strings.ToLower(n.Status.NodeInfo.MachineID)} }},
	{"providerID", []any{"spec", "providerID"}, func(n *corev1.Node) []string { return []string{n.Spec.ProviderID} }},
	{"address", []any{"status", "addresses"}, func(n *corev1.Node) []string {
		var out []string
		for _, a := range n.Status.Addresses {
			if a.Type == corev1.NodeInternalIP && !slices.Contains(out, a.Address) {
				out = append(out, a.Address)
			}
		}
		return out
	}},
}

// Duplicates lists what several nodes have and must not, by what it is and value. Values that say nothing, such as zeros, are
// left out.
func (n *Nodes) Duplicates() []Duplicate {
	var out []Duplicate
	for _, id := range identities {
		by := map[string][]*NodeRecord{}
		for _, r := range n.all {
			for _, v := range id.of(r.Node) {
				if strings.Trim(v, "0-fF. ") != "" {
					by[v] = append(by[v], r)
				}
			}
		}
		for _, v := range sortedKeys(by) {
			if len(by[v]) > 1 {
				out = append(out, Duplicate{id.what, id.path, v, by[v]})
			}
		}
	}
	return out
}

// inContainers reports whether a node is a container of kind, k3d or minikube, which share the machine's IDs.
func (r *NodeRecord) inContainers() bool {
	id := r.Node.Spec.ProviderID
	return strings.HasPrefix(id, "kind://") || strings.HasPrefix(id, "k3s://") && strings.HasPrefix(r.Name, "k3d-") || r.Object.Labels()["minikube.k8s.io/name"] != ""
}

// cloudOf is the cloud of a provider ID: its scheme.
func cloudOf(id string) string {
	scheme, _, ok := strings.Cut(id, "://")
	if !ok {
		return ""
	}
	return scheme
}
