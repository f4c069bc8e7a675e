package placement

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190/inventory"
)

// poolKinds make nodes, and say in advance with which labels and taints.
var poolKinds = []struct {
	schema.GroupKind
	resource string
	read     func(inv *inventory.Inventory, o *inventory.Object) []*Node
}{
	{schema.GroupKind{Group: "karpenter.sh", Kind: "NodePool"}, "nodepools", karpenterPool},
	{schema.GroupKind{Group: clusterAPI, Kind: "MachineDeployment"}, "machinedeployments", machinePool},
	{schema.GroupKind{Group: clusterAPI, Kind: "MachinePool"}, "machinepools", machinePool},
	{schema.GroupKind{Group: bootstrapGroup, Kind: "KubeadmConfigTemplate"}, "kubeadmconfigtemplates", nil},
	{schema.GroupKind{Group: bootstrapGroup, Kind: "KubeadmConfig"}, "kubeadmconfigs", nil},
	{schema.GroupKind{Group: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane"}, "kubeadmcontrolplanes", controlPlanePool},
	{schema.GroupKind{Group: "eksctl.io", Kind: "ClusterConfig"}, "clusterconfigs", eksctlPools},
	{schema.GroupKind{Group: "kops.k8s.io", Kind: "InstanceGroup"}, "instancegroups", kopsPool},
}

const clusterAPI, bootstrapGroup = "cluster.x-k8s.io", "bootstrap.cluster.x-k8s.io"

// poolsOf lists the pools, in the order of their kinds and names.
func poolsOf(inv *inventory.Inventory) []*Node {
	var out []*Node
	for _, k := range poolKinds {
		for o := range inv.ByKind(k.GroupKind) {
			if k.read == nil {
				continue
			}
			for _, p := range k.read(inv, o) {
				p.Pool, p.Object = true, o
				p.all = p.Taints
				p.Taints = lasting(p.Taints)
				p.OwnKernels = ownKernels(p.Labels)
				out = append(out, p)
			}
		}
	}
	return out
}

// openKey: labels that clouds and controllers give nodes, whatever the pool says. node-restriction.kubernetes.io is for
// administrators, and theirs alone.
func openKey(key string) bool {
	domain, _, ok := strings.Cut(key, "/")
	if !ok || protectedPrefix(domain) {
		return false
	}
	return slices.ContainsFunc([]string{
		"kubernetes.io", "k8s.io", "k8s.aws", "amazonaws.com", "cloud.google.com", "gke.io", "azure.com", "karpenter.sh", "aws.com", "openshift.io",
	}, func(s string) bool { return domain == s || strings.HasSuffix(domain, "."+s) })
}

// protectedPrefix: keys that kubelets may not touch on their own nodes (plugin/pkg/admission/noderestriction).
func protectedPrefix(domain string) bool {
	return domain == corev1.LabelNamespaceNodeRestriction || strings.HasSuffix(domain, "."+corev1.LabelNamespaceNodeRestriction)
}

// tree reads nested maps of unstructured objects without caring for what is not there.
type tree map[string]any

func (t tree) sub(path ...string) tree {
	for _, p := range path {
		next, _ := t[p].(map[string]any)
		t = next
	}
	return t
}

func (t tree) text(key string) string {
	s, _ := t[key].(string)
	return s
}

func (t tree) list(key string) []any {
	l, _ := t[key].([]any)
	return l
}

func (t tree) strings(key string) map[string]string {
	m, _ := t[key].(map[string]any)
	out := make(map[string]string, len(m))
	for k, v := range m {
		out[k] = fmt.Sprint(v)
	}
	return out
}

// taints reads a list of {key, value, effect}.
func (t tree) taints(key string) []corev1.Taint {
	var out []corev1.Taint
	for _, x := range t.list(key) {
		m, _ := x.(map[string]any)
		taint := tree(m)
		out = append(out, corev1.Taint{Key: taint.text("key"), Value: taint.text("value"), Effect: corev1.TaintEffect(taint.text("effect"))})
	}
	return out
}

// karpenterPool: every node has the template's labels and one value of each requirement; startupTaints go away
// (https://karpenter.sh/docs/concepts/nodepools/).
func karpenterPool(_ *inventory.Inventory, o *inventory.Object) []*Node {
	t := tree(o.Unstructured().Object).sub("spec", "template")
	n := &Node{Name: "NodePool/" + o.Name(), path: []any{"spec", "template"}, Labels: t.sub("metadata").strings("labels"), domains: map[string]domain{}}
	n.Labels["karpenter.sh/nodepool"] = o.Name()
	spec := t.sub("spec")
	n.Taints = spec.taints("taints")
	for _, x := range spec.list("requirements") {
		m, _ := x.(map[string]any)
		r := tree(m)
		req := corev1.NodeSelectorRequirement{Key: r.text("key"), Operator: corev1.NodeSelectorOperator(r.text("operator"))}
		for _, v := range r.list("values") {
			req.Values = append(req.Values, fmt.Sprint(v))
		}
		d, ok := domainOf(&req)
		if !ok {
			continue // an operator of a newer Karpenter narrows: leaving it out leaves the label open
		}
		have, seen := n.domains[req.Key]
		if !seen {
			have = anything
		}
		n.domains[req.Key] = have.and(d)
	}
	return []*Node{n}
}

// machinePool: labels come from the template's metadata, as far as Cluster API gives them to nodes
// (https://cluster-api.sigs.k8s.io/reference/api/metadata-propagation), and from the arguments of the kubelet.
func machinePool(inv *inventory.Inventory, o *inventory.Object) []*Node {
	t := tree(o.Unstructured().Object).sub("spec", "template")
	n := &Node{Name: o.Ref().Kind + "/" + o.Name(), path: []any{"spec", "template"}, Labels: map[string]string{}}
	for k, v := range t.sub("metadata").strings("labels") {
		domain, _, _ := strings.Cut(k, "/")
		if domain == "node-role.kubernetes.io" || protectedPrefix(domain) || domain == "node.cluster.x-k8s.io" || strings.HasSuffix(domain, ".node.cluster.x-k8s.io") {
			n.Labels[k] = v
		}
	}
	n.Taints = t.sub("spec").taints("taints")
	ref := t.sub("spec", "bootstrap", "configRef")
	kind := schema.GroupKind{Group: bootstrapGroup, Kind: ref.text("kind")}
	if kind.Kind != "KubeadmConfigTemplate" && kind.Kind != "KubeadmConfig" {
		return []*Node{n.undetermined()}
	}
	config, ok := inv.Get(kind, o.Namespace(), ref.text("name"))
	if !ok {
		return []*Node{n.undetermined()}
	}
	spec := tree(config.Unstructured().Object).sub("spec")
	if kind.Kind == "KubeadmConfigTemplate" {
		spec = spec.sub("template", "spec")
	}
	n.registration(spec.sub("joinConfiguration", "nodeRegistration"))
	return []*Node{n}
}

// undetermined: what gives the nodes their labels was not seen, so that they may have any.
func (n *Node) undetermined() *Node {
	n.openLabels = true
	return n
}

// registration is kubeadm's NodeRegistrationOptions; extraArgs are a map, or from v1beta4 on a list.
func (n *Node) registration(r tree) {
	n.Taints = append(n.Taints, r.taints("taints")...)
	arg := func(name, value string) {
		switch name {
		case "node-labels":
			for _, kv := range strings.Split(value, ",") {
				if k, v, _ := strings.Cut(strings.TrimSpace(kv), "="); k != "" {
					n.Labels[k] = v
				}
			}
		case "register-with-taints":
			for _, s := range strings.Split(value, ",") {
				if t, ok := parseTaint(s); ok {
					n.Taints = append(n.Taints, t)
				}
			}
		}
	}
	for k, v := range r.strings("kubeletExtraArgs") {
		arg(k, v)
	}
	for _, x := range r.list("kubeletExtraArgs") {
		m, _ := x.(map[string]any)
		arg(tree(m).text("name"), tree(m).text("value"))
	}
}

// parseTaint reads key=value:effect or key:effect, as kubectl taint does.
func parseTaint(s string) (corev1.Taint, bool) {
	rest, effect, ok := strings.Cut(strings.TrimSpace(s), ":")
	key, value, _ := strings.Cut(rest, "=")
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}, ok && key != ""
}

// controlPlanePool: kubeadm labels nodes of the control plane, and taints them where taints are not written down.
func controlPlanePool(_ *inventory.Inventory, o *inventory.Object) []*Node {
	n := &Node{Name: "KubeadmControlPlane/" + o.Name(), path: []any{"spec"}, Labels: map[string]string{"node-role.kubernetes.io/control-plane": ""}}
	r := tree(o.Unstructured().Object).sub("spec", "kubeadmConfigSpec", "joinConfiguration", "nodeRegistration")
	if r["taints"] == nil {
		n.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}
	}
	n.registration(r)
	return []*Node{n}
}

// eksctlPools are the node groups of https://schema.eksctl.io; taints are a list, or a map of value and effect.
func eksctlPools(_ *inventory.Inventory, o *inventory.Object) []*Node {
	var out []*Node
	root := tree(o.Unstructured().Object)
	for _, field := range []string{"nodeGroups", "managedNodeGroups"} {
		for i, x := range root.list(field) {
			m, _ := x.(map[string]any)
			g := tree(m)
			n := &Node{Name: "NodeGroup/" + g.text("name"), path: []any{field, i}, Labels: g.strings("labels"), Taints: g.taints("taints")}
			n.Labels["alpha.eksctl.io/nodegroup-name"] = g.text("name")
			if field == "managedNodeGroups" {
				n.Labels["eks.amazonaws.com/nodegroup"] = g.text("name")
			}
			for key, v := range g.strings("taints") {
				value, effect, _ := strings.Cut(v, ":")
				n.Taints = append(n.Taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
			}
			out = append(out, n)
		}
	}
	return out
}

// kopsPool is an InstanceGroup (https://kops.sigs.k8s.io/instance_groups/); bastions are no nodes.
func kopsPool(_ *inventory.Inventory, o *inventory.Object) []*Node {
	spec := tree(o.Unstructured().Object).sub("spec")
	n := &Node{Name: "InstanceGroup/" + o.Name(), path: []any{"spec"}, Labels: spec.strings("nodeLabels")}
	n.Labels["kops.k8s.io/instancegroup"] = o.Name()
	for _, x := range spec.list("taints") {
		if t, ok := parseTaint(fmt.Sprint(x)); ok {
			n.Taints = append(n.Taints, t)
		}
	}
	switch role := spec.text("role"); role {
	case "Bastion":
		return nil
	case "ControlPlane", "Master":
		n.Labels["node-role.kubernetes.io/control-plane"] = ""
		n.Taints = append(n.Taints, corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule})
	case "Node":
		n.Labels["node-role.kubernetes.io/node"] = ""
	}
	return []*Node{n}
}
