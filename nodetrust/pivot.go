package nodetrust

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/nist190/nist190"
	"github.com/nist190/nist190/inventory"
)

var namespaceKind = schema.GroupKind{Kind: "Namespace"}

// pivot is a way in which whoever has a container has its node.
type pivot struct {
	container string
	what      string // privileged, a capability, a path
	how       string // in words
	severity  nist190.Severity
	evidence  nist190.Evidence
	agent     bool // as network plugins, storage drivers and the like do on every node
}

// nodeCapabilities give root on the node by themselves; with the processes of the node in sight, so does tracing them.
var nodeCapabilities = []string{"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO"}

// executedPaths are places of a node from which it runs what it finds, or believes it, beside what nodePaths has.
var executedPaths = []string{
	"/etc/passwd", "/etc/sudoers.d", "/etc/crontab", "/etc/cron.d", "/etc/systemd", "/etc/init.d", "/etc/ld.so.preload", "/etc/cni/net.d", "/root/.ssh",
	"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/lib/systemd", "/bin", "/sbin", "/boot", "/opt/cni/bin", "/opt/bin", "/proc/sys/kernel", "/var/spool/cron",
}

// pivotsOf lists the ways of a workload other than the sockets and credentials that [RuntimeSocket] reports. A container in a user namespace of its own is root there alone (KEP-127).
func pivotsOf(w *inventory.Workload) []pivot {
	if _, is := controlPlane(w); is {
		return nil
	}
	var out []pivot
	for at, spec := range w.PodSpecs() {
		if spec.HostUsers != nil && !*spec.HostUsers {
			continue
		}
		agent := agentOfNode(w, spec)
		add := func(p pivot) {
			p.agent = agent
			if !slices.ContainsFunc(out, func(o pivot) bool { return o.container == p.container && o.how == p.how }) {
				out = append(out, p)
			}
		}
		containers(spec, func(list string, i int, name string, c *corev1.SecurityContext, _ []corev1.VolumeMount) {
			if c == nil {
				return
			}
			if c.Privileged != nil && *c.Privileged {
				add(pivot{
					container: name, what: "privileged", how: "which is privileged", severity: nist190.SeverityHigh,
					evidence: nist190.Place(at, list, i, "securityContext", "privileged"),
				})
				return
			}
			if c.Capabilities == nil {
				return
			}
			for j, added := range c.Capabilities.Add {
				capability := strings.TrimPrefix(strings.ToUpper(string(added)), "CAP_")
				if slices.Contains(nodeCapabilities, capability) || capability == "SYS_PTRACE" && spec.HostPID {
					add(pivot{
						container: name, what: capability, how: "which has the capability " + capability, severity: nist190.SeverityHigh,
						evidence: nist190.Place(at, list, i, "securityContext", "capabilities", "add", j),
					})
				}
			}
		})
		for _, m := range hostMounts(w, at, spec, nil) {
			if m.readOnly || m.user.confined() || len(exposes(m.path)) > 0 {
				continue
			}
			if slices.ContainsFunc(executedPaths, func(p string) bool { return within(m.path, p) || within(p, m.path) }) {
				add(pivot{
					container: m.container, what: m.path, how: fmt.Sprintf("which writes %s of the node", m.path), severity: nist190.SeverityHigh,
					evidence: m.where,
				})
			}
		}
	}
	return out
}

// containers visits the containers of every kind.
func containers(spec *corev1.PodSpec, visit func(list string, i int, name string, c *corev1.SecurityContext, mounts []corev1.VolumeMount)) {
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		visit("initContainers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
	for i := range spec.Containers {
		c := &spec.Containers[i]
		visit("containers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
	for i := range spec.EphemeralContainers {
		c := &spec.EphemeralContainers[i]
		visit("ephemeralContainers", i, c.Name, c.SecurityContext, c.VolumeMounts)
	}
}

// asNode is how a workload can act as its node, in the first of all ways; empty where it cannot.
func asNode(w *inventory.Workload) string {
	if ps := pivotsOf(w); len(ps) > 0 {
		return ps[0].how
	}
	_, isControlPlane := controlPlane(w)
	for _, o := range mountsOf(w, nil, isControlPlane) {
		if o.Status == nist190.Fail && o.Severity >= nist190.SeverityHigh {
			return "whose " + o.Message
		}
	}
	return ""
}

// agentPaths are what the software of a node itself mounts: network plugins, kube-proxy, storage drivers, device plugins.
var agentPaths = append([]string{
	"/opt/cni", "/etc/cni", "/run/xtables.lock", "/lib/modules", "/sys/fs/bpf", "/run/cilium", "/run/calico", "/run/flannel", "/dev",
}, pluginPaths...)

// agentOfNode recognises by content what makes a node one: a DaemonSet that mounts what only network plugins, kube-proxy,
// storage drivers and device plugins have a use for.
func agentOfNode(w *inventory.Workload, spec *corev1.PodSpec) bool {
	if w.Ref().Kind != "DaemonSet" {
		return false
	}
	return slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool {
		if v.HostPath == nil {
			return false
		}
		p := hostPath(v.HostPath.Path, "")
		return slices.ContainsFunc(agentPaths, func(dir string) bool { return within(p, dir) })
	})
}

// podSecurity reports whether Pod Security keeps the pods of a namespace from being root on a node: by the profiles
// baseline and restricted, which allow neither privileged containers nor volumes of the node.
func podSecurity(inv *inventory.Inventory, namespace string) bool {
	o, ok := inv.Get(namespaceKind, "", namespace)
	if !ok {
		return false
	}
	profile := o.Labels()["pod-security.kubernetes.io/enforce"]
	return profile == "baseline" || profile == "restricted"
}

func parseSelector(text string) map[string]string {
	set, err := labels.ConvertSelectorToLabelsMap(text)
	if err != nil {
		return nil
	}
	return set
}

func matches(selector, have map[string]string) bool {
	for k, v := range selector {
		if got, ok := have[k]; !ok || got != v {
			return false
		}
	}
	return true
}

// ended: its containers do not run any more.
func ended(p *boundPod) bool {
	return p.status != nil && (p.status.Phase == corev1.PodSucceeded || p.status.Phase == corev1.PodFailed)
}

func sortedKeys[T any](m map[string]T) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
