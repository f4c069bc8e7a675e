package placement

import (
	"encoding/json"
	"slices"
	"sort"

	corev1 "k8s.io/api/core/v1"

	"github.com/nist190/nist190/inventory"
)

// The words of the scheduler (ErrReason... in pkg/scheduler/framework/plugins/*) and of the kubelet, which checks again
// (pkg/kubelet/lifecycle/predicate.go).
const (
	reasonName          = "node(s) didn't match the requested node name"
	reasonUnschedulable = "node(s) were unschedulable"
	reasonTaint         = "node(s) had untolerated taint(s)"
	reasonKubeletTaint  = "node(s) had taints that the pod didn't tolerate"
	reasonAffinity      = "node(s) didn't match Pod's node affinity/selector"
	reasonAdded         = "node(s) didn't match scheduler-enforced node affinity"
	reasonSpread        = "node(s) didn't match pod topology spread constraints (missing required label)"
	reasonPodAffinity   = "node(s) didn't match pod affinity rules"
	reasonSystem        = "Failed to admit pod as the OS field doesn't match node OS"

	reasonPool = "what gives the nodes of the pool their labels was not seen"
)

// group is one question of a filter plugin: a node must satisfy one of its ways.
type group struct {
	plugin, reason string
	ways           []way
}

// demand is what a pod asks of a node by the rules that do not depend on other pods, ports and resources: those can only
// refuse more. What admission may add lies between two bounds.
type demand struct {
	groups      []group // in the order of the scheduler's plugins
	mayHold     *group  // a selector that may be added
	zones       []zone
	tolerations []corev1.Toleration
	mayOpen     []corev1.Toleration // may be added
	effects     []corev1.TaintEffect
	skip        []string // plugins that do not run
	name        string   // spec.nodeName
	kubelet     bool     // the scheduler is not asked, or nothing is known of it
	refused     string
	mayRefuse   string
	unseen      []string // what may change the pod in any way
	anyTaint    string   // what may add any toleration, and a selector
	doubts      []string // what was not seen and only asks more
	compare     Known
	now         bool
}

// input is a pod as admission leaves it.
type input struct {
	admitted
	namespace string
	spec      *corev1.PodSpec
	name      string // spec.nodeName, where it is not the scheduler's doing
	daemon    bool
	static    bool
	templates []corev1.PersistentVolumeClaim // of a StatefulSet, none of which has been made
}

// demandOf compiles what a pod asks.
func (b *builder) demandOf(in *input) *demand {
	p := &b.profile
	d := &demand{
		tolerations: in.tolerations, mayOpen: in.mayOpen, name: in.name, refused: in.refused, mayRefuse: in.mayRefuse,
		unseen: in.unseen, anyTaint: in.anyTaint, compare: p.ComparisonOperators, now: p.Now,
		effects: []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute},
	}
	if in.daemon {
		d.tolerations = slices.Concat(d.tolerations, daemonTolerations(in.spec))
	}
	scheduler, known := p.scheduler(in.spec.SchedulerName)
	d.kubelet = in.name != "" || !known
	terms, required := requiredTerms(in.spec)
	own := group{plugin: "NodeAffinity", reason: reasonAffinity, ways: waysOf(in.selector, terms, required)}
	if len(in.mayHold) > 0 {
		d.mayHold = &group{plugin: "NodeAffinity", reason: reasonAffinity, ways: waysOf(in.mayHold, nil, false)}
	}
	if d.kubelet {
		d.groups = append([]group{own}, systemOf(in.spec)...)
		d.effects = []corev1.TaintEffect{corev1.TaintEffectNoExecute}
		if in.static {
			d.effects = nil
		}
		return d
	}
	d.skip = scheduler.Disabled
	if scheduler.AddedAffinity != nil {
		d.groups = append(d.groups, group{plugin: "NodeAffinity", reason: reasonAdded, ways: waysOf(nil, scheduler.AddedAffinity.NodeSelectorTerms, true)})
	}
	d.groups = append(d.groups, own)
	b.volumes.ask(d, in.namespace, in.spec)
	for i := range in.templates {
		b.volumes.unbound(d, &in.templates[i])
	}
	for _, c := range in.spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable == corev1.DoNotSchedule {
			d.groups = append(d.groups, group{"PodTopologySpread", reasonSpread, []way{way{name: anyName}.on(c.TopologyKey, existing)}})
		}
	}
	if a := in.spec.Affinity; a != nil && a.PodAffinity != nil {
		for _, t := range a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			d.groups = append(d.groups, group{"InterPodAffinity", reasonPodAffinity, []way{way{name: anyName}.on(t.TopologyKey, existing)}})
		}
	}
	d.groups = append(d.groups, systemOf(in.spec)...)
	if len(d.skip) > 0 {
		d.groups = slices.DeleteFunc(d.groups, func(g group) bool { return slices.Contains(d.skip, g.plugin) })
		if slices.Contains(d.skip, "NodeAffinity") {
			// The kubelet checks the pod's own again.
			d.groups = append(d.groups, own)
		}
		if slices.Contains(d.skip, "TaintToleration") {
			d.effects = []corev1.TaintEffect{corev1.TaintEffectNoExecute}
		}
		if slices.Contains(d.skip, "VolumeZone") {
			d.zones = nil
		}
	}
	return d
}

// systemOf: the kubelet refuses a pod for another operating system than its own, which it writes into the node's label.
func systemOf(spec *corev1.PodSpec) []group {
	if spec.OS == nil || spec.OS.Name == "" {
		return nil
	}
	system := exactly(string(spec.OS.Name))
	system.absent = true // before the kubelet has labelled it
	return []group{{"kubelet", reasonSystem, []way{way{name: anyName}.on(corev1.LabelOSStable, system)}}}
}

// key tells pods apart by what their demands are made of; pods with one key have one demand.
func (in *input) key(buf []byte) []byte {
	str := func(s string) { buf = append(append(buf, s...), 0) }
	pairs := func(m map[string]string) {
		keys := make([]string, 0, len(m))
		for k := range m {
			keys = append(keys, k)
		}
		sort.Strings(keys)
		for _, k := range keys {
			str(k)
			str(m[k])
		}
		buf = append(buf, 1)
	}
	tolerations := func(ts []corev1.Toleration) {
		for i := range ts {
			str(ts[i].Key)
			str(string(ts[i].Operator))
			str(ts[i].Value)
			str(string(ts[i].Effect))
		}
		buf = append(buf, 1)
	}
	pairs(in.selector)
	pairs(in.mayHold)
	tolerations(in.tolerations)
	tolerations(in.mayOpen)
	str(in.name)
	str(in.refused)
	str(in.mayRefuse)
	str(in.anyTaint)
	str(in.spec.SchedulerName)
	if in.spec.OS != nil {
		str(string(in.spec.OS.Name))
	}
	flags := byte(2)
	if in.daemon {
		flags |= 4
	}
	if in.static {
		flags |= 8
	}
	if in.spec.HostNetwork && in.daemon {
		flags |= 16
	}
	buf = append(buf, flags)
	for _, u := range in.unseen {
		str(u)
	}
	if names := claims(in.spec); len(names) > 0 {
		str(in.namespace)
		for _, n := range names {
			str(n)
		}
	}
	buf = append(buf, 3)
	for i := range in.templates {
		str(className(&in.templates[i]))
	}
	buf = append(buf, 3)
	for _, c := range in.spec.TopologySpreadConstraints {
		if c.WhenUnsatisfiable == corev1.DoNotSchedule {
			str(c.TopologyKey)
		}
	}
	buf = append(buf, 1)
	if a := in.spec.Affinity; a != nil && a.PodAffinity != nil {
		for _, t := range a.PodAffinity.RequiredDuringSchedulingIgnoredDuringExecution {
			str(t.TopologyKey)
		}
	}
	if terms, ok := requiredTerms(in.spec); ok {
		text, _ := json.Marshal(terms) // the type holds strings only
		buf = append(append(buf, 5), text...)
	}
	return buf
}

// isMirror: the pod stands for a static pod of its node, which asks neither the scheduler nor admission.
func isMirror(annotations map[string]string) bool {
	_, ok := annotations[corev1.MirrorPodAnnotationKey]
	return ok
}

// observed is the input of a pod that exists: admission has been through with it. A node name is the scheduler's doing
// where a controller owns the pod and would make another; a pod that nobody owns never leaves its node.
func observed(o *inventory.Object, p *corev1.Pod, templated string) input {
	in := input{namespace: o.Namespace(), spec: &p.Spec, name: p.Spec.NodeName}
	in.admitted = admitted{selector: p.Spec.NodeSelector, tolerations: p.Spec.Tolerations}
	in.static = isMirror(o.Annotations())
	if _, owned := o.Controller(); owned && !in.static {
		in.name = templated
	}
	return in
}
