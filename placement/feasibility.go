package placement

import (
	"context"
	"fmt"
	"slices"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	storagev1 "k8s.io/api/storage/v1"

	"github.com/nist190/nist190/inventory"
)

// Feasibility answers on which nodes workloads can land, by every rule of the scheduler and the kubelet that does not
// depend on other pods, free resources and ports: node name, selector and required affinity, taints, volumes, topology
// keys, after what admission is known to do. Those other rules, and preferences, can only refuse more, so that "cannot"
// is a proof. Taints and cordons that come and go do not count.
//
// Pods that ask the same are one class, nodes that no pod tells apart another; only pairs of classes are evaluated, and
// sets of nodes are bits. Cost: linear in pods and nodes, plus the product of the classes. It is immutable and safe for
// concurrent use.
type Feasibility struct {
	nodes      []*Node
	placements []*Placement
	byRef      map[inventory.Ref]*Placement
	byName     map[string]*Node
	b          *builder
	classes    int // of nodes
}

// Answer is whether a workload can land on a node.
type Answer uint8

const (
	// Undetermined: something that was not seen may change the pods.
	Undetermined Answer = iota
	// Cannot is a proof: no pod of the workload can be on the node.
	Cannot
	// Can: a rule that depends on other pods or resources may still refuse.
	Can
)

var answers = [...]string{"unknown", "cannot", "can"}

func (a Answer) String() string { return answers[min(a, Can)] }

// MarshalText writes "can", "cannot" or "unknown".
func (a Answer) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// Placement is where the pods of one workload can land.
type Placement struct {
	Workload *inventory.Workload
	// Doubts tell what was not seen that may change or narrow the answer.
	Doubts []string

	classes   []*podClass // of the template, and of pods that run with something else
	pods      []podOf     // the pods of the workload, with what each asks
	certain   nodeSet
	possible  nodeSet
	ownKernel bool // every pod has a virtual machine of its own
}

type podOf struct {
	object *inventory.Object
	class  *podClass
}

// podClass are the pods that ask the same.
type podClass struct {
	*demand
	certain, possible nodeSet
	product           []way // its alternatives multiplied out
	shape             int   // of two classes with one product it is the same
}

// Needs are the needs of [FeasibilityOf]. Each of what is read can move the answer either way but for nodes and pools,
// of which unseen ones only add to what workloads can share.
func Needs() []inventory.Need {
	needs := slices.Concat(nodeNeeds(inventory.Incriminating), inventory.WorkloadNeeds(inventory.Either), []inventory.Need{
		inventory.NeedOf[corev1.Namespace](inventory.Either), inventory.NeedOf[nodev1.RuntimeClass](inventory.Either),
		inventory.NeedOf[corev1.PersistentVolumeClaim](inventory.Either), inventory.NeedOf[corev1.PersistentVolume](inventory.Either),
		inventory.NeedOf[storagev1.StorageClass](inventory.Either),
		inventory.NeedOf[admissionregistrationv1.MutatingWebhookConfiguration](inventory.Either),
		{Group: mutatingPolicyKind.Group, Kind: mutatingPolicyKind.Kind, Resource: "mutatingadmissionpolicies"},
	})
	return inventory.JoinNeeds(needs, ControlPlaneNeeds())
}

// nodeNeeds are nodes and what makes them.
func nodeNeeds(bias inventory.Bias) []inventory.Need {
	out := []inventory.Need{inventory.NeedOf[corev1.Node](bias)}
	for _, k := range poolKinds {
		out = append(out, inventory.Need{Group: k.Group, Kind: k.Kind, Resource: k.resource, Bias: bias})
	}
	return out
}

// FeasibilityOf computes the answers once per inventory; see [Needs] for what it reads.
func FeasibilityOf(ctx context.Context, inv *inventory.Inventory) (*Feasibility, error) {
	return feasibility.Get(ctx, inv)
}

var feasibility = inventory.NewFact("placement feasibility", func(ctx context.Context, inv *inventory.Inventory) (*Feasibility, error) {
	workloads, err := inventory.WorkloadsOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	profile, err := ProfileOf(ctx, inv)
	if err != nil {
		return nil, err
	}
	b := newBuilder(inv, profile)
	f := &Feasibility{nodes: nodesOf(inv), byRef: make(map[inventory.Ref]*Placement, len(workloads)), byName: map[string]*Node{}, b: b}
	for _, n := range f.nodes {
		f.byName[n.Name] = n
	}
	for _, w := range workloads {
		p := b.place(w)
		f.placements = append(f.placements, p)
		f.byRef[w.Ref().Identity()] = p
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f.evaluate(ctx)
	b.inv = nil // reads after the fact has returned would not be recorded
	return f, ctx.Err()
})

type builder struct {
	inv     *inventory.Inventory
	profile Profile
	admitter
	volumes *volumes
	byKey   map[string]*podClass
	all     []*podClass
	buf     []byte
	// sandboxes are the RuntimeClasses whose pods have a virtual machine of their own, by their handler's name.
	sandboxes map[string]bool
}

func newBuilder(inv *inventory.Inventory, p Profile) *builder {
	b := &builder{inv: inv, profile: p, volumes: newVolumes(inv), byKey: map[string]*podClass{}, sandboxes: map[string]bool{}}
	b.admitter = admitter{inv: inv, profile: p, webhooks: webhooksOf(inv, &p)}
	// Kinds of which an object is looked up by name count as read although no pod may name one.
	inv.ByKind(inventory.NamespaceRef("").GroupKind())
	for range inventory.Typed[corev1.PersistentVolumeClaim](inv) {
		break
	}
	for range inventory.Typed[storagev1.StorageClass](inv) {
		break
	}
	for o, rc := range inventory.Typed[nodev1.RuntimeClass](inv) {
		if kernelOf(rc.Handler) == ownMachine {
			b.sandboxes[o.Name()] = true
		}
	}
	return b
}

// place collects what the pods of a workload ask: the template as admission would leave it, and pods that exist as it
// has left them. Pods of a DaemonSet have their affinity replaced by the node that each is for, so that the template
// alone tells.
func (b *builder) place(w *inventory.Workload) *Placement {
	p := &Placement{Workload: w}
	var live []inventory.WorkloadPod
	bare := false
	for _, x := range w.Pods {
		bare = bare || x.Object == w.Object
		if !inventory.Terminal(x.Pod) {
			live = append(live, x)
		}
	}
	if finished(w) {
		return p
	}
	daemon := w.Object.GroupKind() == daemonSetKind
	if !bare || len(live) == 0 {
		in := input{
			admitted: b.admit(w.Namespace(), &w.Template, live), namespace: w.Namespace(), spec: &w.Template.Spec,
			name: w.Template.Spec.NodeName, daemon: daemon, static: isMirror(w.Object.Annotations()), templates: b.volumes.claimTemplates(w),
		}
		b.classOf(p, &in)
	}
	if !daemon {
		for _, x := range live {
			in := observed(x.Object, x.Pod, w.Template.Spec.NodeName)
			if bare && !wasAdmitted(x.Object, x.Pod) {
				// A manifest of a Pod has its admission before it.
				in.admitted = b.admit(w.Namespace(), &w.Template, nil)
			}
			if bare {
				in.name = x.Pod.Spec.NodeName
				if _, owned := x.Object.Controller(); owned && !in.static {
					in.name = ""
				}
			}
			p.pods = append(p.pods, podOf{x.Object, b.classOf(p, &in)})
		}
	}
	if rc := w.Template.Spec.RuntimeClassName; rc != nil {
		p.ownKernel = b.sandboxes[*rc]
	}
	return p
}

// finished: a Job that has ended makes no more pods.
func finished(w *inventory.Workload) bool {
	if w.Object.GroupKind() != jobKind {
		return false
	}
	job, err := inventory.As[batchv1.Job](w.Object)
	return err == nil && slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed)
	})
}

var jobKind = inventory.NeedOf[batchv1.Job](inventory.Either).GroupKind()

var daemonSetKind = inventory.NeedOf[appsv1.DaemonSet](inventory.Either).GroupKind()

// wasAdmitted: the pod was read from a cluster, or at least went through one.
func wasAdmitted(o *inventory.Object, p *corev1.Pod) bool {
	return o.UID() != "" || o.Strength() == inventory.Observed || p.Status.Phase != ""
}

func (b *builder) classOf(p *Placement, in *input) *podClass {
	b.buf = in.key(b.buf[:0])
	c, ok := b.byKey[string(b.buf)]
	if !ok {
		c = &podClass{demand: b.demandOf(in)}
		b.byKey[string(b.buf)] = c
		b.all = append(b.all, c)
	}
	if slices.Contains(p.classes, c) {
		return c
	}
	p.classes = append(p.classes, c)
	for _, d := range c.doubtful() {
		if !slices.Contains(p.Doubts, d) {
			p.Doubts = append(p.Doubts, d)
		}
	}
	return c
}

// evaluate asks each class of pods of each class of nodes.
func (f *Feasibility) evaluate(ctx context.Context) {
	classes := f.nodeClasses()
	f.classes = len(classes)
	byName := map[string][]int{}
	for _, n := range f.nodes {
		byName[n.Name] = append(byName[n.Name], n.index)
		if h, ok := n.Labels[corev1.LabelHostname]; ok && h != n.Name {
			byName[h] = append(byName[h], n.index)
		}
	}
	shapes := map[string]int{}
	for i, c := range f.b.all {
		if i%256 == 0 && ctx.Err() != nil {
			return
		}
		c.certain, c.possible, c.product = newNodeSet(len(f.nodes)), newNodeSet(len(f.nodes)), c.multiply()
		text := fmt.Sprint(c.product)
		if _, ok := shapes[text]; !ok {
			shapes[text] = len(shapes)
		}
		c.shape = shapes[text]
		if names, pinned := c.pins(); pinned {
			f.evaluatePinned(c, names, byName)
			continue
		}
		for _, k := range classes {
			if c.refuse(k.representative, true) == nil {
				c.possible.union(k.members)
				if c.refuse(k.representative, false) == nil {
					c.certain.union(k.members)
				}
			}
		}
	}
	for _, p := range f.placements {
		p.certain, p.possible = newNodeSet(len(f.nodes)), newNodeSet(len(f.nodes))
		for _, c := range p.classes {
			p.certain.union(c.certain)
			p.possible.union(c.possible)
		}
	}
}

func (f *Feasibility) evaluatePinned(c *podClass, names []string, byName map[string][]int) {
	try := func(i int) {
		if c.refuse(f.nodes[i], true) == nil {
			c.possible.add(i)
			if c.refuse(f.nodes[i], false) == nil {
				c.certain.add(i)
			}
		}
	}
	if names == nil {
		for i := range f.nodes {
			try(i)
		}
		return
	}
	for _, name := range names {
		for _, i := range byName[name] {
			try(i)
		}
	}
	for i, n := range f.nodes {
		if n.Pool {
			try(i)
		}
	}
}

// doubtful lists what was not seen of what the pod asks.
func (d *demand) doubtful() []string {
	out := slices.Concat(d.unseen, d.doubts)
	if d.anyTaint != "" {
		out = append(out, d.anyTaint)
	}
	return out
}

// pins tells whether the demand tells nodes apart that differ in name only, and where it lists them, which.
func (d *demand) pins() (names []string, pinned bool) {
	if d.name != "" {
		return []string{d.name}, true
	}
	if len(d.unseen) > 0 {
		return nil, false // nothing refuses
	}
	for i := range d.groups {
		var listed []string
		all := true // every way of the group lists its nodes
		for j := range d.groups[i].ways {
			w := &d.groups[i].ways[j]
			host := w.label(corev1.LabelHostname)
			switch {
			case w.name.listed:
				pinned = true
				listed = append(listed, w.name.values...)
			case host.listed && !host.absent:
				pinned = true
				listed = append(listed, host.values...)
			default:
				pinned = pinned || len(w.name.values) > 0 || len(host.values) > 0 || host.ranged
				all = false
			}
		}
		if all && len(listed) > 0 {
			slices.Sort(listed)
			names = slices.Compact(listed) // one group that lists them is enough
		}
	}
	if names != nil {
		return names, true
	}
	if d.mayHold != nil && !pinned {
		host := d.mayHold.ways[0].label(corev1.LabelHostname)
		pinned = host.listed
	}
	return nil, pinned
}

type nodeClass struct {
	representative *Node
	members        nodeSet
}

// nodeClasses groups nodes that no demand tells apart: by the labels that demands speak of, and by their taints. The name
// of the host is left out; demands that speak of it are asked node by node.
func (f *Feasibility) nodeClasses() []*nodeClass {
	referenced := map[string]bool{}
	hostname := false
	for _, c := range f.b.all {
		groups := c.groups
		if c.mayHold != nil {
			groups = append(slices.Clone(groups), *c.mayHold)
		}
		for _, g := range groups {
			for i := range g.ways {
				for _, k := range g.ways[i].labels {
					if k.key == corev1.LabelHostname {
						hostname = true
					} else {
						referenced[k.key] = true
					}
				}
			}
		}
		if len(c.zones) > 0 {
			for _, l := range zoneLabels {
				referenced[l.key] = true
			}
		}
	}
	keys := make([]string, 0, len(referenced))
	for k := range referenced {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	bySignature := map[string]*nodeClass{}
	var out []*nodeClass
	var buf []byte
	for _, n := range f.nodes {
		buf = buf[:0]
		if n.Pool {
			buf = append(append(buf, "pool"...), n.Name...)
		}
		for _, k := range keys {
			if v, ok := n.Labels[k]; ok {
				buf = append(append(append(buf, '='), v...), 0)
			} else {
				buf = append(buf, '-', 0)
			}
		}
		if _, ok := n.Labels[corev1.LabelHostname]; ok && hostname {
			buf = append(buf, 'h')
		}
		taints := n.Taints
		if f.b.profile.Now {
			taints = n.all
			if n.cordon {
				buf = append(buf, 'c')
			}
		}
		for i := range taints {
			t := &taints[i]
			buf = append(append(append(append(append(append(buf, 1), t.Key...), 0), t.Value...), 0), t.Effect...)
		}
		c, ok := bySignature[string(buf)]
		if !ok {
			c = &nodeClass{n, newNodeSet(len(f.nodes))}
			bySignature[string(buf)] = c
			out = append(out, c)
		}
		c.members.add(n.index)
	}
	return out
}

// Refusal is the first rule that keeps a pod off a node.
type Refusal struct {
	Plugin string // of the scheduler; "kubelet" where the scheduler is not asked, "admission" where no such pod comes to be
	Reason string // in the words of the one that refuses
	Detail string // what of the node, where one thing decides
}

// refuse asks the rules in the order of the scheduler's plugins (pkg/scheduler/apis/config/v1/default_plugins.go). most
// asks for the most that admission may leave open, otherwise for the least.
func (d *demand) refuse(n *Node, most bool) *Refusal {
	if d.refused != "" {
		return &Refusal{"admission", d.refused, ""}
	}
	plugin := func(name string) string {
		if d.kubelet {
			return "kubelet"
		}
		return name
	}
	if d.name != "" && d.name != n.Name && !n.Pool || d.name != "" && n.Pool && !n.names.holds(d.name, true) {
		return &Refusal{plugin("NodeName"), reasonName, ""}
	}
	if len(d.unseen) > 0 {
		if most {
			return nil
		}
		return &Refusal{"admission", d.unseen[0], ""}
	}
	if d.mayRefuse != "" && !most {
		return &Refusal{"admission", d.mayRefuse, ""}
	}
	if n.openLabels && !most {
		return &Refusal{"pool", reasonPool, ""}
	}
	taints := n.Taints
	if d.now && !n.Pool {
		taints = n.all
		if n.cordon && !d.kubelet && !slices.Contains(d.skip, "NodeUnschedulable") &&
			untolerated(cordoned, d.allowed(most), d.compares(most), corev1.TaintEffectNoSchedule) != nil {
			return &Refusal{"NodeUnschedulable", reasonUnschedulable, ""}
		}
	}
	taint := func() *Refusal {
		if most && d.anyTaint != "" {
			return nil
		}
		t := untolerated(taints, d.allowed(most), d.compares(most), d.effects...)
		switch {
		case t == nil:
			return nil
		case d.kubelet:
			return &Refusal{"kubelet", reasonKubeletTaint, t.ToString()}
		}
		return &Refusal{"TaintToleration", reasonTaint, t.ToString()}
	}
	if !d.kubelet {
		if r := taint(); r != nil {
			return r
		}
	}
	if d.anyTaint != "" && !most {
		return &Refusal{"admission", d.anyTaint, ""}
	}
	zones := d.zones
	inZones := func() *Refusal {
		for i := range zones {
			if !zones[i].fits(n) {
				return &Refusal{"VolumeZone", reasonVolumeZone, zones[i].key}
			}
		}
		zones = nil
		return nil
	}
	for i := range d.groups {
		g := &d.groups[i]
		if g.plugin == "PodTopologySpread" || g.plugin == "InterPodAffinity" {
			if r := inZones(); r != nil {
				return r
			}
		}
		if !slices.ContainsFunc(g.ways, func(w way) bool { return n.fits(&w) }) {
			return &Refusal{plugin(g.plugin), g.reason, ""}
		}
		if g.plugin == "NodeAffinity" && !most && d.mayHold != nil && !n.fits(&d.mayHold.ways[0]) {
			return &Refusal{"NodeAffinity", d.mayHold.reason, "with the node selector that admission may add"}
		}
	}
	if d.kubelet {
		return taint()
	}
	return inZones()
}

// cordoned is the taint that a pod must tolerate to be scheduled to a node that is not schedulable.
var cordoned = []corev1.Taint{{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}}

func (d *demand) allowed(most bool) []corev1.Toleration {
	if most && len(d.mayOpen) > 0 {
		return slices.Concat(d.tolerations, d.mayOpen)
	}
	return d.tolerations
}

// compares: an operator that the API server would refuse where the gate is off shows that it is on, but is no proof.
func (d *demand) compares(most bool) bool { return d.compare == On || most && d.compare == Unsaid }
