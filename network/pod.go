package network

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/nist190/nist190/inventory"
)

// Pod is one end of connections: a running pod or, of a workload without any, the pods that its template makes.
// Pods that have ended are no ends: their addresses are given to others.
type Pod struct {
	Workload *inventory.Workload
	// Object is the pod, or the workload's where only the template is known.
	Object *inventory.Object
	// Template is set where the labels and addresses that controllers and the network give are not known.
	Template bool
	// Namespace is the pod's.
	Namespace string
	Labels    labels.Set
	Spec      *corev1.PodSpec
	Addrs     []netip.Addr
	// Node is where it runs; empty where that is not known.
	Node string

	class int
	// newcomer is a pod without labels that nobody has made yet; Object is nil.
	newcomer bool
}

// Ref names the pod, or the workload of a template.
func (p *Pod) Ref() inventory.Ref { return p.Object.Ref() }

// Host reports whether the pod has the network of its node.
func (p *Pod) Host() bool { return p.Spec.HostNetwork }

// podsOf lists the ends that the workloads have.
func podsOf(workloads []*inventory.Workload) []*Pod {
	var out []*Pod
	for _, w := range workloads {
		before := len(out)
		for _, p := range w.Pods {
			if !inventory.Terminal(p.Pod) {
				out = append(out, &Pod{Workload: w, Object: p.Object, Namespace: w.Namespace(), Labels: p.Pod.Labels, Spec: &p.Pod.Spec, Addrs: addrsOf(&p.Pod.Status), Node: p.Pod.Spec.NodeName})
			}
		}
		if len(out) == before && !isPod(w.Object) {
			out = append(out, &Pod{Workload: w, Object: w.Object, Template: true, Namespace: w.Namespace(), Labels: w.Template.Labels, Spec: &w.Template.Spec, Node: w.Template.Spec.NodeName})
		}
	}
	return out
}

func isPod(o *inventory.Object) bool { return o.GroupKind().Kind == "Pod" && o.GroupKind().Group == "" }

func addrsOf(s *corev1.PodStatus) []netip.Addr {
	var out []netip.Addr
	add := func(text string) {
		if a, ok := parseAddr(text); ok && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	add(s.PodIP)
	for _, ip := range s.PodIPs {
		add(ip.IP)
	}
	return out
}

// namedPorts are the ports that the pod's containers name. Sidecars are init containers that restart always; a name is
// unique within a container only, so that it can stand for several ports.
func (p *Pod) namedPorts() []corev1.ContainerPort {
	var out []corev1.ContainerPort
	add := func(c *corev1.Container) {
		for _, port := range c.Ports {
			if port.Name != "" {
				out = append(out, port)
			}
		}
	}
	for i := range p.Spec.InitContainers {
		if c := &p.Spec.InitContainers[i]; c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			add(c)
		}
	}
	for i := range p.Spec.Containers {
		add(&p.Spec.Containers[i])
	}
	return out
}

// class is pods that no policy tells apart, seen through the first of them.
type class struct {
	*Pod
	pods []*Pod
	in   *namespaceInfo
	// blocks are the address blocks that hold the pods' addresses: all of them, or some.
	blocks, someBlocks []int
	index              int
	unnamed            bool // policies do not know its ports by name
}

// namespaceInfo is a namespace as selectors see it.
type namespaceInfo struct {
	name   string
	labels labels.Set
	known  bool // otherwise it has labels that were not seen
	object *inventory.Object
}

// label is the value of a label of the pods, and whether they have it.
func (c *class) label(key string) (string, truth) {
	if v, ok := c.Labels[key]; ok {
		return v, yes
	}
	if c.Template && slices.Contains(assignedLabels, key) {
		return "", maybe
	}
	return "", no
}

func (n *namespaceInfo) label(key string) (string, truth) {
	if v, ok := n.labels[key]; ok {
		return v, yes
	}
	if n.known {
		return "", no
	}
	return "", maybe
}

// vocabulary is what policies look at: pods that agree in it are of one class.
type vocabulary struct {
	labels   map[string]bool
	ports    map[string]bool // names
	accounts bool
	hosts    bool // policies speak of pods on the host's network
}

func (v *vocabulary) key(p *Pod, blocks, some []int) string {
	var b strings.Builder
	put := func(parts ...string) {
		for _, s := range parts {
			b.WriteString(s)
			b.WriteByte(0)
		}
	}
	put(p.Namespace)
	var used []string
	for k, value := range p.Labels {
		if v.labels[k] {
			used = append(used, k+"="+value)
		}
	}
	slices.Sort(used)
	put(used...)
	put(strconv.FormatBool(p.Template), strconv.FormatBool(p.Host()), strconv.FormatBool(p.newcomer))
	if p.Host() {
		put(p.Node)
	}
	if v.accounts {
		put(p.Spec.ServiceAccountName)
	}
	if len(v.ports) > 0 {
		var named []string
		for _, port := range p.namedPorts() {
			if v.ports[port.Name] {
				named = append(named, string(port.Protocol)+port.Name+strconv.Itoa(int(port.ContainerPort)))
			}
		}
		slices.Sort(named)
		put(slices.Compact(named)...)
	}
	for _, list := range [][]int{blocks, some} {
		put("|")
		for _, i := range list {
			put(strconv.Itoa(i))
		}
	}
	// Whether addresses are known at all decides how blocks are judged.
	put(strconv.FormatBool(len(p.Addrs) > 0))
	return b.String()
}

// classesOf arranges the pods in classes, those of a namespace beside each other.
func classesOf(pods []*Pod, v *vocabulary, blocks *blockIndex, namespaces map[string]*namespaceInfo) []*class {
	byKey := map[string]*class{}
	var out []*class
	for _, p := range pods {
		all, some := blocks.of(p.Addrs)
		key := v.key(p, all, some)
		c := byKey[key]
		if c == nil {
			c = &class{Pod: p, in: namespaces[p.Namespace], blocks: all, someBlocks: some, unnamed: p.Host() && !v.hosts}
			byKey[key] = c
			out = append(out, c)
		}
		c.pods = append(c.pods, p)
	}
	slices.SortStableFunc(out, func(a, b *class) int { return cmp.Compare(a.Namespace, b.Namespace) })
	for i, c := range out {
		c.index = i
		for _, p := range c.pods {
			p.class = i
		}
	}
	return out
}

// resolve finds the ports that named ones stand for in the pods of a class; a name that no container has is none. Plugins
// that take pods on the host's network for the node know none of their ports by name: Calico has no endpoint for them
// (libcalico-go/lib/backend/k8s/conversion, IsValidCalicoWorkloadEndpoint), and Cilium no entry with their names.
func (c *class) resolve(named []namedPort) Ports {
	var out Ports
	if len(named) == 0 || c.unnamed {
		return out
	}
	for _, port := range c.namedPorts() {
		protocol, ok := protocolOf(&port.Protocol)
		if port.Protocol == "" {
			protocol, ok = TCP, true
		}
		if !ok || port.ContainerPort < 1 || port.ContainerPort > lastPort {
			continue
		}
		for _, n := range named {
			if n.name == port.Name && (n.any || n.protocol == protocol) {
				out = out.Union(PortRange(protocol, uint16(port.ContainerPort), uint16(port.ContainerPort)))
			}
		}
	}
	return out
}
